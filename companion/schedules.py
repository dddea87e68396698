r"""Learning-rate schedules: functions of the number of steps taken.

A schedule is called with ``step`` = 0 before the first step and returns the learning rate
:math:`\eta`, which need not be a rate: any hyperparameter can follow one. All are frozen
dataclasses without memory, so that drawing one changes nothing. Performance scheduling, which
must remember, keeps its memory in a state passed in and out (:class:`ReduceOnPlateau`).

``step`` may also count epochs, when the other arguments do.

Examples
--------
>>> for schedule in PowerDecay(0.01, steps=20), ExponentialDecay(0.01, steps=20):
...     print([round(schedule(step), 5) for step in (0, 20, 40)])
[0.01, 0.005, 0.00333]
[0.01, 0.001, 0.0001]
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from companion._checks import check_function, number, numbers

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "LinearWarmup",
    "OneCycle",
    "PiecewiseConstant",
    "PlateauState",
    "PowerDecay",
    "ReduceOnPlateau",
]


@dataclass(frozen=True)
class PowerDecay:
    r"""Power decay: drops quickly at first, then ever more slowly.

    .. math:: \eta(t) = \frac{\eta_0}{(1 + t/s)^c}

    Parameters
    ----------
    initial : float
        :math:`\eta_0 > 0`.
    steps : float
        :math:`s > 0`: with the default power the rate is :math:`\eta_0/2` after :math:`s` steps,
        :math:`\eta_0/3` after :math:`2s`.
    power : float, default 1.0
        :math:`c \ge 0`.

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    For power 1 this is Keras's ``InverseTimeDecay(initial, decay_steps=steps, decay_rate=1)`` and
    the ``decay=1/steps`` of its former optimizers. Keras's ``PolynomialDecay`` is another thing:
    a power of the *remaining* steps, which ends.

    References
    ----------
    H. Robbins, S. Monro (1951), A stochastic approximation method,
    doi:10.1214/aoms/1177729586.

    Examples
    --------
    >>> schedule = PowerDecay(initial=0.01, steps=10_000)
    >>> [round(schedule(step), 5) for step in (0, 10_000, 20_000, 30_000)]
    [0.01, 0.005, 0.00333, 0.0025]
    """

    initial: float
    steps: float
    power: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(initial=self.initial, steps=self.steps)
        _check_non_negative(power=self.power)

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps."""
        step = _step(step)
        if step <= -self.steps:
            raise ValueError(f"step must be above {-self.steps}; received step={step}")
        try:
            return self.initial / (1 + step / self.steps) ** self.power
        except OverflowError:  # of a rate that is as good as 0
            return 0.0
        except ZeroDivisionError:  # long before the first step
            return math.inf


@dataclass(frozen=True)
class ExponentialDecay:
    r"""Exponential decay: the same factor in every ``steps`` steps.

    .. math:: \eta(t) = \eta_0\, r^{t/s}

    Parameters
    ----------
    initial : float
        :math:`\eta_0 > 0`.
    steps : float
        :math:`s > 0`.
    rate : float, default 0.1
        The factor :math:`r > 0`; above 1 the rate grows, as in a search for the highest rate.

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    The same as Keras's ``ExponentialDecay(initial, decay_steps=steps, decay_rate=rate)``.

    Examples
    --------
    >>> schedule = ExponentialDecay(initial=0.01, steps=20)
    >>> [round(schedule(step), 6) for step in (0, 10, 20)]
    [0.01, 0.003162, 0.001]
    """

    initial: float
    steps: float
    rate: float = 0.1

    def __post_init__(self) -> None:
        _check_positive(initial=self.initial, steps=self.steps, rate=self.rate)

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps."""
        try:
            return self.initial * self.rate ** (_step(step) / self.steps)
        except OverflowError:  # the optimizer will say so
            return math.inf


@dataclass(frozen=True)
class PiecewiseConstant:
    r"""Piecewise constant: a sequence of rates, each for some steps.

    .. math:: \eta(t) = \text{values}_i \quad\text{for}\quad
              \text{boundaries}_{i-1} < t \le \text{boundaries}_i

    Parameters
    ----------
    boundaries : sequence of float
        The last steps of all but the last value, increasing.
    values : sequence of float
        The rates, one more than boundaries, each at least 0.

    Raises
    ------
    ValueError
        When the lengths do not fit, the boundaries do not increase or a value is negative.

    Notes
    -----
    As in Keras's ``PiecewiseConstantDecay`` the step at a boundary still has the old value: "0.01
    for 5 epochs" counted from 0 ends at boundary 4. PyTorch's ``MultiStepLR`` changes at the
    milestone itself, one step earlier.

    Examples
    --------
    >>> schedule = PiecewiseConstant(boundaries=[4, 14], values=[0.01, 0.005, 0.001])
    >>> [schedule(step) for step in (0, 4, 5, 14, 15)]
    [0.01, 0.01, 0.005, 0.005, 0.001]
    """

    boundaries: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        for name in ("boundaries", "values"):
            rates = numbers(name, getattr(self, name))
            if rates.ndim != 1:
                raise ValueError(f"{name} must be a sequence; received {name}={rates}")
            object.__setattr__(self, name, tuple(rates.tolist()))
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                "values must be one more than boundaries; received "
                f"{len(self.values)} values and {len(self.boundaries)} boundaries"
            )
        if not all(a < b for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"boundaries must increase; received boundaries={self.boundaries}")
        for value in self.values:
            _check_non_negative(values=value)

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps."""
        return self.values[bisect_left(self.boundaries, _step(step))]


@dataclass(frozen=True)
class OneCycle:
    r"""1cycle: linearly up to a peak, linearly back, and finally down by orders of magnitude.

    Piecewise linear through four points, with :math:`T` = ``steps`` - 1 the last step and
    :math:`C = (1 - \text{last})\, T` the end of the cycle:

    .. math:: \eta(0) = \eta_0, \quad \eta(C/2) = \eta_\text{peak}, \quad \eta(C) = \eta_0,
              \quad \eta(T) = \eta_\text{final}

    Parameters
    ----------
    initial : float
        :math:`\eta_0 > 0`; a tenth of the peak is usual.
    peak : float
        :math:`\eta_\text{peak} \ge 0`, the rate in the middle of the cycle.
    steps : int
        The number of steps of the whole training, at least 2.
    final : float, optional
        :math:`\eta_\text{final} \ge 0`; a thousandth of ``initial`` when not given.
    last : float, default 0.1
        The share of the steps after the cycle, in (0, 1).

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    PyTorch's ``OneCycleLR`` goes up for 30 % of the steps and then down by cosines to the final
    rate in one part; ``three_phase=True, anneal_strategy="linear"`` has this shape. Keras has
    none.

    References
    ----------
    L. N. Smith (2018), A disciplined approach to neural network hyper-parameters: part 1,
    arXiv:1803.09820.

    Examples
    --------
    >>> schedule = OneCycle(initial=0.01, peak=0.1, steps=101)
    >>> [round(schedule(step), 5) for step in (0, 45, 90, 100)]
    [0.01, 0.1, 0.01, 1e-05]
    """

    initial: float
    peak: float
    steps: int
    final: float | None = None
    last: float = 0.1

    def __post_init__(self) -> None:
        _check_positive(initial=self.initial)
        _check_non_negative(peak=self.peak)
        if self.final is not None:
            _check_non_negative(final=self.final)
        if not 2 <= number("steps", self.steps) < math.inf:
            raise ValueError(f"steps must be at least 2; received steps={self.steps}")
        if not 0 < number("last", self.last) < 1:
            raise ValueError(f"last must be in (0, 1); received last={self.last}")

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps; the final one after the last."""
        end = self.steps - 1
        cycle = (1 - self.last) * end
        final = self.initial / 1000 if self.final is None else self.final
        points = [0.0, cycle / 2, cycle, end]
        return float(np.interp(_step(step), points, [self.initial, self.peak, self.initial, final]))

    def momentum(self, high: float = 0.95, low: float = 0.85) -> OneCycle:
        """Return the momentum's schedule: down while the rate goes up, back, and there to the end.

        Parameters
        ----------
        high, low : float, default 0.95 and 0.85
            The momentum at the ends and in the middle of the cycle.

        Returns
        -------
        OneCycle

        Examples
        --------
        >>> rate = OneCycle(initial=0.01, peak=0.1, steps=101)
        >>> [round(rate.momentum()(step), 3) for step in (0, 45, 90, 100)]
        [0.95, 0.85, 0.95, 0.95]
        """
        return OneCycle(initial=high, peak=low, steps=self.steps, final=high, last=self.last)


@dataclass(frozen=True)
class CosineDecay:
    r"""Cosine decay: half a cosine from the initial rate to a fraction of it.

    .. math:: \eta(t) = \eta_0 \left( \alpha + (1 - \alpha)\,
              \tfrac12 \left( 1 + \cos \pi \min(t/s, 1) \right) \right)

    Parameters
    ----------
    initial : float
        :math:`\eta_0 > 0`.
    steps : float
        :math:`s > 0`, when the decay ends.
    alpha : float, default 0.0
        The fraction :math:`\alpha` of the initial rate to end with, in [0, 1].

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    The same as Keras's ``CosineDecay``. PyTorch's ``CosineAnnealingLR`` takes the final rate
    itself, ``eta_min``, and goes up again after :math:`s`.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts,
    arXiv:1608.03983.

    Examples
    --------
    >>> schedule = CosineDecay(initial=0.1, steps=100)
    >>> [round(schedule(step), 4) for step in (0, 50, 100, 200)]
    [0.1, 0.05, 0.0, 0.0]
    """

    initial: float
    steps: float
    alpha: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(initial=self.initial, steps=self.steps)
        if not 0 <= number("alpha", self.alpha) <= 1:
            raise ValueError(f"alpha must be in [0, 1]; received alpha={self.alpha}")

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps."""
        cosine = (1 + math.cos(math.pi * min(_step(step) / self.steps, 1))) / 2
        return self.initial * (self.alpha + (1 - self.alpha) * cosine)


@dataclass(frozen=True)
class LinearWarmup:
    r"""Linear warm-up: a ramp, then another schedule from its start.

    .. math::

        \eta(t) = \begin{cases}
            \eta_0 + (\eta_\text{next}(0) - \eta_0)\, t/s & t < s \\
            \eta_\text{next}(t - s) & t \ge s
        \end{cases}

    Parameters
    ----------
    schedule : callable
        :math:`\eta_\text{next}`, the schedule after the ramp.
    steps : float
        :math:`s > 0`, the length of the ramp.
    initial : float, default 0.0
        :math:`\eta_0 \ge 0`, where the ramp begins.

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    ``LinearWarmup(CosineDecay(0.1, 900), 100)`` is Keras's
    ``CosineDecay(0.0, 900, warmup_target=0.1, warmup_steps=100)``. With ``initial`` 0 the first
    step does nothing.

    References
    ----------
    P. Goyal et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1 hour,
    arXiv:1706.02677.

    Examples
    --------
    >>> schedule = LinearWarmup(PowerDecay(0.1, steps=100), steps=10)
    >>> [round(schedule(step), 4) for step in (0, 5, 10, 110)]
    [0.0, 0.05, 0.1, 0.05]
    """

    schedule: Callable[[float], float]
    steps: float
    initial: float = 0.0

    def __post_init__(self) -> None:
        check_function("schedule", self.schedule)
        _check_positive(steps=self.steps)
        _check_non_negative(initial=self.initial)

    def __call__(self, step: float) -> float:
        """Return the rate after ``step`` steps."""
        if _step(step) >= self.steps:
            return self.schedule(step - self.steps)
        return self.initial + (self.schedule(0) - self.initial) * step / self.steps


class PlateauState(NamedTuple):
    """The memory of :class:`ReduceOnPlateau`."""

    rate: float  #: the learning rate now
    best: float  #: the lowest metric so far
    wait: int  #: measurements since then, or since the last cut
    cooldown: int  #: measurements still to be ignored


@dataclass(frozen=True)
class ReduceOnPlateau:
    r"""Performance scheduling: cut the rate when a metric has stopped falling.

    After ``patience`` measurements in a row, none of them below the best one by more than
    ``min_delta``,

    .. math:: \eta \leftarrow \max(f\, \eta,\ \eta_\text{min})

    Parameters
    ----------
    initial : float
        The rate before the first cut, above 0.
    factor : float, default 0.1
        :math:`f`, in (0, 1).
    patience : int, default 10
        The measurements without improvement that make a cut, at least 1.
    min_delta : float, default 1e-4
        The improvement that counts, at least 0.
    cooldown : int, default 0
        After a cut, the measurements that do not count as waiting, at least 0.
    minimum : float, default 0.0
        :math:`\eta_\text{min} \ge 0`.

    Raises
    ------
    ValueError
        When an argument is outside its range.

    Notes
    -----
    The same, defaults included, as Keras's ``ReduceLROnPlateau`` with ``mode="min"``; for a metric
    that should rise, such as accuracy, pass its negative. PyTorch's is one measurement more
    patient (a cut when the wait *exceeds* ``patience``), and its threshold is relative.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(initial=0.1, factor=0.5, patience=2)
    >>> state = schedule.init()
    >>> for loss in (1.0, 0.8, 0.9, 0.8, 0.7):
    ...     rate, state = schedule.update(state, loss)
    ...     print(rate)
    0.1
    0.1
    0.1
    0.05
    0.05
    """

    initial: float
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(initial=self.initial)
        if not 0 < number("factor", self.factor) < 1:
            raise ValueError(f"factor must be in (0, 1); received factor={self.factor}")
        if not number("patience", self.patience) >= 1:
            raise ValueError(f"patience must be at least 1; received patience={self.patience}")
        _check_non_negative(min_delta=self.min_delta, cooldown=self.cooldown, minimum=self.minimum)

    def init(self) -> PlateauState:
        """Return the state before the first measurement."""
        return PlateauState(rate=self.initial, best=math.inf, wait=0, cooldown=0)

    def update(self, state: PlateauState, metric: float) -> tuple[float, PlateauState]:
        """Return the rate after one more measurement of the metric, and the next state."""
        metric = number("metric", metric)
        rate, best, wait, cooldown = state
        cooldown = max(cooldown - 1, 0)
        if metric < best - self.min_delta:
            return rate, PlateauState(rate, metric, 0, cooldown)
        wait = wait + 1 if cooldown == 0 else 0
        if wait >= self.patience:
            # a rate that began below the minimum stays, as in Keras
            rate = min(rate, max(rate * self.factor, self.minimum))
            wait, cooldown = 0, self.cooldown
        return rate, PlateauState(rate, best, wait, cooldown)


def _step(step: float) -> float:
    value = number("step", step)
    if not value > -math.inf:
        raise ValueError(f"step must be a number of steps; received step={step}")
    return value


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < number(name, value) < math.inf:
            raise ValueError(f"{name} must be positive and finite; received {name}={value}")


def _check_non_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= number(name, value) < math.inf:
            raise ValueError(f"{name} must be non-negative and finite; received {name}={value}")
