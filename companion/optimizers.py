r"""Optimizers: nine update rules, and the driver that applies them to weights.

A *rule* is an equation. It is a frozen dataclass whose fields are its hyperparameters, with two
pure methods: ``init(weights)`` gives the state before the first step, and
``update(gradient, state, weights, t, learning_rate)`` gives the step and the next state. The
weights then move by

.. math:: \theta \leftarrow \theta - \text{step}.

The symbols are the same in all rules: :math:`\theta` ``weights``, :math:`g` ``gradient``,
:math:`\eta` ``learning_rate``, :math:`t` the step's number (``t`` = 1, 2, ...), :math:`m` the
moving average of the gradients, :math:`s` that of their squares. All operations are elementwise.

Where frameworks disagree, the rules follow Keras 3, and their docstrings say what the others do.

Examples
--------
>>> weights = np.array([1.0, -2.0])
>>> optimizer = Optimizer(Momentum(beta=0.5), learning_rate=0.1)
>>> for _ in range(2):
...     optimizer.step(weights, gradient=weights.copy())  # the loss |weights|^2 / 2
>>> weights.round(6).tolist()
[0.76, -1.52]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion import fused
from companion._checks import check_function, check_learning_rate, kind, number

__all__ = [
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "GradientDescent",
    "Momentum",
    "Nadam",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "Rule",
]

Array: TypeAlias = NDArray[np.floating[Any]]
State: TypeAlias = tuple[Any, ...]  # of arrays shaped like the weights and of Python floats
Schedule: TypeAlias = Callable[[int], float]


class Rule(Protocol):
    """What :class:`Optimizer` asks of an update rule; any object with these two methods will do.

    Examples
    --------
    >>> class SignDescent:
    ...     def init(self, weights):
    ...         return ()
    ...     def update(self, gradient, state, weights, t, learning_rate):
    ...         return learning_rate * np.sign(gradient), ()
    >>> weights = np.array([1.0, -1.0])
    >>> Optimizer(SignDescent(), 0.25).step(weights, np.array([5.0, -7.0]))
    >>> weights.tolist()
    [0.75, -0.75]
    """

    def init(self, weights: Array) -> State:
        """Return the state before the first step, from the weights' shape and dtype alone."""

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return step number ``t``, to be subtracted from the weights, and the next state."""


class _Hyperparameters:
    """Check a rule's fields, and make them Python floats.

    A NumPy float64 scalar would turn float32 weights into float64 ones.
    """

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            name, value = field.name, number(field.name, getattr(self, field.name))
            if name == "epsilon":
                valid, expected = 0 < value < math.inf, "positive and finite"
            elif name in ("weight_decay", "initial_accumulator_value"):
                valid, expected = 0 <= value < math.inf, "non-negative and finite"
            elif name == "beta":
                valid, expected = 0 <= value <= 1, "in [0, 1]"
            else:
                valid, expected = 0 <= value < 1, "in [0, 1)"
            if not valid:
                raise ValueError(f"{name} must be {expected}; received {name}={value}")
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class GradientDescent(_Hyperparameters):
    r"""Gradient descent: a step down the slope.

    .. math:: \text{step} = \eta\, g

    The same in every framework (Keras's and PyTorch's ``SGD``).

    References
    ----------
    A. Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées,
    Comptes rendus de l'Académie des Sciences 25, 536-538.

    Examples
    --------
    >>> step, state = GradientDescent().update(np.array([2.0, -4.0]), (), np.zeros(2), 1, 0.5)
    >>> step.tolist(), state
    ([1.0, -2.0], ())
    """

    def init(self, weights: Array) -> State:
        """Return the empty state."""
        return ()

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        return learning_rate * gradient, ()


@dataclass(frozen=True)
class Momentum(_Hyperparameters):
    r"""Momentum: the gradient accelerates a velocity, friction slows it down.

    .. math::

        v &\leftarrow \beta v - \eta\, g \\
        \text{step} &= -v

    On a constant gradient the steps grow to :math:`1/(1-\beta)` times those of gradient descent.

    Parameters
    ----------
    beta : float, default 0.9
        The momentum :math:`\beta`, from 0 (gradient descent) to 1 (no friction: never settles);
        Keras's ``SGD(momentum=...)``, there 0 by default.

    Raises
    ------
    ValueError
        When ``beta`` is outside [0, 1].

    Notes
    -----
    Here, in Keras and in the textbook the velocity contains the learning rate. PyTorch multiplies
    by it afterwards, :math:`v \leftarrow \beta v + g`, :math:`\text{step} = \eta v`. The two are
    equal while :math:`\eta` is constant. When it drops to a tenth, PyTorch's next step is a tenth
    at once, ours is still about :math:`\beta` times the step before.

    References
    ----------
    B. T. Polyak (1964), Some methods of speeding up the convergence of iteration methods,
    doi:10.1016/0041-5553(64)90137-5.

    Examples
    --------
    >>> rule, g = Momentum(beta=0.5), np.array([1.0])
    >>> first, state = rule.update(g, rule.init(g), g, 1, 0.25)
    >>> second, state = rule.update(g, state, g, 2, 0.25)
    >>> first.item(), second.item()
    (0.25, 0.375)
    """

    beta: float = 0.9

    def init(self, weights: Array) -> State:
        """Return the velocity 0."""
        return (np.zeros_like(weights),)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        (velocity,) = state
        velocity = self.beta * velocity - learning_rate * gradient
        return -velocity, (velocity,)


@dataclass(frozen=True)
class Nesterov(_Hyperparameters):
    r"""Nesterov's accelerated gradient: momentum whose gradient is taken one velocity ahead.

    .. math::

        v &\leftarrow \beta v - \eta\, g \\
        \text{step} &= \eta\, g - \beta v

    Parameters
    ----------
    beta : float, default 0.9
        The momentum :math:`\beta`, in [0, 1]; Keras's ``SGD(momentum=..., nesterov=True)``.

    Raises
    ------
    ValueError
        When ``beta`` is outside [0, 1].

    Notes
    -----
    The textbook keeps the point :math:`\theta` and takes the gradient at the look-ahead point
    :math:`\theta + \beta v`. Frameworks cannot take a gradient elsewhere than at the weights, so
    in Keras, in PyTorch and here **the weights are the look-ahead point**. While :math:`\beta` is
    constant the trajectories are the same, seen from points one :math:`\beta v` apart.

    References
    ----------
    Y. Nesterov (1983), A method for solving the convex programming problem with convergence rate
    O(1/k²), Doklady Akademii Nauk SSSR 269, 543-547. I. Sutskever et al. (2013), On the importance
    of initialization and momentum in deep learning, ICML, PMLR 28(3), 1139-1147.

    Examples
    --------
    >>> rule, g = Nesterov(beta=0.5), np.array([1.0])
    >>> step, state = rule.update(g, rule.init(g), g, 1, 0.25)
    >>> step.item()
    0.375
    """

    beta: float = 0.9

    def init(self, weights: Array) -> State:
        """Return the velocity 0."""
        return (np.zeros_like(weights),)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        (velocity,) = state
        velocity = self.beta * velocity - learning_rate * gradient
        return learning_rate * gradient - self.beta * velocity, (velocity,)


@dataclass(frozen=True)
class AdaGrad(_Hyperparameters):
    r"""AdaGrad: each weight's rate decays with the sum of its squared gradients.

    .. math::

        s &\leftarrow s + g^2 \\
        \text{step} &= \eta\, g / \sqrt{s + \epsilon}

    Parameters
    ----------
    initial_accumulator_value : float, default 0.1
        The sum :math:`s` before the first step, at least 0.
    epsilon : float, default 1e-7
        :math:`\epsilon > 0`, against division by zero.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Notes
    -----
    The textbook and PyTorch start from :math:`s = 0`, and PyTorch adds its epsilon (1e-10) to the
    root. Both make the first step of every weight :math:`\eta` long; Keras's 0.1 makes it
    0.0032 :math:`\eta` for :math:`g` = 0.001.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer (2011), Adaptive subgradient methods for online learning and
    stochastic optimization, JMLR 12, 2121-2159.

    Examples
    --------
    >>> rule, g = AdaGrad(), np.array([0.001])
    >>> step, state = rule.update(g, rule.init(g), g, 1, 1.0)
    >>> round(step.item(), 4)
    0.0032
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    def init(self, weights: Array) -> State:
        """Return the sum ``initial_accumulator_value``."""
        return (np.full_like(weights, self.initial_accumulator_value),)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        (s,) = state
        s = s + gradient**2
        return learning_rate * gradient / np.sqrt(s + self.epsilon), (s,)


@dataclass(frozen=True)
class RMSProp(_Hyperparameters):
    r"""RMSProp: AdaGrad that forgets, dividing by a moving root mean square of the gradients.

    .. math::

        s &\leftarrow \rho s + (1-\rho)\, g^2 \\
        \text{step} &= \eta\, g / \sqrt{s + \epsilon}

    Parameters
    ----------
    rho : float, default 0.9
        The decay rate :math:`\rho`, in [0, 1).
    epsilon : float, default 1e-7
        :math:`\epsilon > 0`, against division by zero.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Notes
    -----
    PyTorch adds epsilon (1e-8) to the root rather than under it and calls :math:`\rho` ``alpha``,
    0.99 by default. Under the root epsilon damps all gradients below
    :math:`\sqrt\epsilon \approx` 3e-4: with Keras's defaults the first step for :math:`g` = 1e-4
    is 0.31 :math:`\eta`, with epsilon = 1e-7 added to the root 3.15 :math:`\eta`.

    References
    ----------
    T. Tieleman, G. Hinton (2012), Lecture 6.5: rmsprop, Coursera: Neural Networks for Machine
    Learning.

    Examples
    --------
    >>> rule, g = RMSProp(), np.array([1e-4])
    >>> step, state = rule.update(g, rule.init(g), g, 1, 1.0)
    >>> round(step.item(), 2)
    0.31
    """

    rho: float = 0.9
    epsilon: float = 1e-7

    def init(self, weights: Array) -> State:
        """Return the mean square 0."""
        return (np.zeros_like(weights),)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        (s,) = state
        s = self.rho * s + (1 - self.rho) * gradient**2
        return learning_rate * gradient / np.sqrt(s + self.epsilon), (s,)


@dataclass(frozen=True)
class Adam(_Hyperparameters):
    r"""Adam: momentum and RMSProp together, corrected for their start from zero.

    .. math::

        m &\leftarrow \beta_1 m + (1-\beta_1)\, g \\
        s &\leftarrow \beta_2 s + (1-\beta_2)\, g^2 \\
        \text{step} &= \eta\, \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\, \frac{m}{\sqrt s + \epsilon}

    Parameters
    ----------
    beta_1, beta_2 : float, default 0.9 and 0.999
        The decay rates :math:`\beta_1` and :math:`\beta_2`, in [0, 1).
    epsilon : float, default 1e-7
        :math:`\epsilon > 0`, against division by zero.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Warnings
    --------
    Epsilon's place differs. The paper's algorithm, the textbook and PyTorch (1e-8) add it to the
    *corrected* root, :math:`\eta\, \hat m / (\sqrt{\hat s} + \epsilon)`; Keras, TensorFlow and this
    class use the paper's "epsilon hat", added to the uncorrected root. It acts there like
    :math:`\epsilon / \sqrt{1-\beta_2^t}`: 32 times as large in the first step with the defaults,
    which for :math:`g` = 1e-6 is then 0.24 :math:`\eta` instead of 0.91 :math:`\eta`.

    References
    ----------
    D. P. Kingma, J. Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980.

    Examples
    --------
    >>> rule, g = Adam(), np.array([1e-6])
    >>> step, state = rule.update(g, rule.init(g), g, 1, 1.0)
    >>> round(step.item(), 2)
    0.24
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def init(self, weights: Array) -> State:
        """Return the moving averages 0 and 0."""
        return np.zeros_like(weights), np.zeros_like(weights)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        m, s = state
        m = self.beta_1 * m + (1 - self.beta_1) * gradient
        s = self.beta_2 * s + (1 - self.beta_2) * gradient**2
        rate = learning_rate * (1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t)
        return rate * m / (np.sqrt(s) + self.epsilon), (m, s)


@dataclass(frozen=True)
class AdaMax(_Hyperparameters):
    r"""AdaMax: Adam with a decaying maximum in place of the root mean square.

    .. math::

        m &\leftarrow \beta_1 m + (1-\beta_1)\, g \\
        s &\leftarrow \max(\beta_2 s, |g|) \\
        \text{step} &= \frac{\eta}{1-\beta_1^t}\, \frac{m}{s + \epsilon}

    Parameters
    ----------
    beta_1, beta_2 : float, default 0.9 and 0.999
        The decay rates :math:`\beta_1` and :math:`\beta_2`, in [0, 1).
    epsilon : float, default 1e-7
        :math:`\epsilon > 0`, against division by zero.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Notes
    -----
    The paper and the textbook have no epsilon, so that a weight whose gradient is still zero gives
    0/0. PyTorch adds it within the maximum, :math:`\max(\beta_2 s, |g| + \epsilon)`, Keras and
    this class to the result; the steps differ by less than :math:`\epsilon / s`.

    References
    ----------
    D. P. Kingma, J. Ba (2015), Adam: a method for stochastic optimization, section 7.1,
    arXiv:1412.6980.

    Examples
    --------
    >>> rule, g = AdaMax(), np.array([4.0, -0.25])
    >>> step, state = rule.update(g, rule.init(g), g, 1, 0.5)
    >>> step.round(5).tolist()
    [0.5, -0.5]
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def init(self, weights: Array) -> State:
        """Return the moving average 0 and the maximum 0."""
        return np.zeros_like(weights), np.zeros_like(weights)

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        m, s = state
        m = self.beta_1 * m + (1 - self.beta_1) * gradient
        s = np.maximum(self.beta_2 * s, np.abs(gradient))
        return learning_rate / (1 - self.beta_1**t) * m / (s + self.epsilon), (m, s)


@dataclass(frozen=True)
class Nadam(_Hyperparameters):
    r"""Nadam: Adam with Nesterov's look-ahead and a momentum that warms up.

    .. math::

        \mu_t &= \beta_1 \left(1 - \tfrac12 \, 0.96^{\,t}\right), \qquad
            \Pi_t = \textstyle\prod_{i \le t} \mu_i \\
        m &\leftarrow \beta_1 m + (1-\beta_1)\, g \\
        s &\leftarrow \beta_2 s + (1-\beta_2)\, g^2 \\
        \hat m &= \frac{\mu_{t+1}\, m}{1 - \Pi_{t+1}} + \frac{(1-\mu_t)\, g}{1 - \Pi_t} \\
        \text{step} &= \eta\, \frac{\hat m}{\sqrt{s / (1-\beta_2^t)} + \epsilon}

    Parameters
    ----------
    beta_1, beta_2 : float, default 0.9 and 0.999
        The decay rates :math:`\beta_1` and :math:`\beta_2`, in [0, 1).
    epsilon : float, default 1e-7
        :math:`\epsilon > 0`, against division by zero; here added to the *corrected* root, unlike
        in :class:`Adam`, because Keras does so too.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Notes
    -----
    The textbook leaves the warm-up out, :math:`\mu_t = \beta_1`. PyTorch's is 250 times slower,
    :math:`0.96^{0.004 t}`: at :math:`t` = 100 Keras's momentum is 0.892, PyTorch's 0.457.
    The product :math:`\Pi_t` is a Python float in the state, the same for all weights.

    References
    ----------
    T. Dozat (2016), Incorporating Nesterov momentum into Adam, ICLR workshop,
    https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    Examples
    --------
    >>> rule, g = Nadam(), np.array([1.0])
    >>> step, (m, s, product) = rule.update(g, rule.init(g), g, 1, 1.0)
    >>> round(step.item(), 4), round(product, 3)
    (1.0628, 0.468)
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def init(self, weights: Array) -> State:
        """Return the moving averages 0 and 0, and the empty product 1."""
        return np.zeros_like(weights), np.zeros_like(weights), 1.0

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        m, s, product = state
        mu = self.beta_1 * (1 - 0.5 * 0.96**t)
        next_mu = self.beta_1 * (1 - 0.5 * 0.96 ** (t + 1))
        product = product * mu
        m = self.beta_1 * m + (1 - self.beta_1) * gradient
        s = self.beta_2 * s + (1 - self.beta_2) * gradient**2
        m_hat = next_mu / (1 - product * next_mu) * m + (1 - mu) / (1 - product) * gradient
        s_hat = s / (1 - self.beta_2**t)
        return learning_rate * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s, product)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""AdamW: Adam, and apart from it every weight decays toward zero.

    .. math:: \text{step} = \text{step}_\text{Adam} + \eta \lambda \theta

    An :math:`\ell_2` penalty instead adds :math:`\lambda\theta` to the gradient, which Adam then
    divides by :math:`\sqrt s`: weights with large gradients would decay less.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As in :class:`Adam`.
    weight_decay : float, default 0.004
        :math:`\lambda`, at least 0.

    Raises
    ------
    ValueError
        When a hyperparameter is outside its range.

    Notes
    -----
    Keras and PyTorch (default 0.01) multiply the decay by the learning rate, as here; the paper
    multiplies it by the schedule's factor only, so that its :math:`\lambda` is our
    :math:`\eta\lambda`.

    References
    ----------
    I. Loshchilov, F. Hutter (2019), Decoupled weight decay regularization, arXiv:1711.05101.

    Examples
    --------
    >>> rule, weights = AdamW(weight_decay=0.5), np.array([8.0])
    >>> step, state = rule.update(np.zeros(1), rule.init(weights), weights, 1, 0.25)
    >>> step.item()
    1.0
    """

    weight_decay: float = 0.004

    def update(
        self, gradient: Array, state: State, weights: Array, t: int, learning_rate: float
    ) -> tuple[Array, State]:
        """Return the step and the next state."""
        step, state = super().update(gradient, state, weights, t, learning_rate)
        return step + learning_rate * self.weight_decay * weights, state


_BLOCK = 32_768  # weights at a time, so that a rule's temporaries stay in cache


class Optimizer:
    r"""Applies a rule to weights, step by step.

    .. math:: \theta \leftarrow \theta - \text{step}(g, \text{state}, \theta, t, \eta_t)

    Parameters
    ----------
    rule : Rule
        The update rule, such as ``Adam()``.
    learning_rate : float or schedule
        The learning rate :math:`\eta`, at least 0, or a function of the number of steps taken
        before: step ``t`` uses ``learning_rate(t - 1)``.
    schedules : mapping of str to schedule, optional
        Schedules for hyperparameters of the rule by name, such as ``{"beta": ...}`` for the
        momentum of 1cycle.

    Attributes
    ----------
    rule, learning_rate, schedules
        As given; ``learning_rate`` may be changed between steps.
    t : int
        The number of steps taken.
    state : tuple or None
        The rule's state, a flat tuple of arrays shaped like the weights and of Python floats; None
        before the first step. Saving ``t`` and ``state`` and setting them in another optimizer
        continues the training exactly.

    Raises
    ------
    ValueError
        When ``learning_rate`` is negative or not finite, or when ``schedules`` has a name that is
        no hyperparameter of the rule.

    Examples
    --------
    >>> weights = np.array([4.0], dtype=np.float32)
    >>> optimizer = Optimizer(GradientDescent(), learning_rate=lambda step: 1 / (1 + step))
    >>> optimizer.step(weights, np.array([1.0], dtype=np.float32))  # rate 1
    >>> optimizer.step(weights, np.array([1.0], dtype=np.float32))  # rate 1/2
    >>> weights.item(), optimizer.t
    (2.5, 2)
    """

    def __init__(
        self,
        rule: Rule,
        learning_rate: float | Schedule,
        *,
        schedules: Mapping[str, Schedule] | None = None,
    ) -> None:
        if not isinstance(schedules, Mapping | None):
            raise TypeError(f"schedules must map names to functions; received {schedules!r}")
        self.rule = rule
        self.learning_rate = learning_rate
        self.schedules = dict(schedules or {})
        self.t = 0
        self.state: State | None = None
        if isinstance(rule, type) or not (hasattr(rule, "init") and hasattr(rule, "update")):
            raise TypeError(f"rule must have init and update, as Adam() has; received {rule!r}")
        if not callable(learning_rate):
            check_learning_rate(learning_rate)
        for name, schedule in self.schedules.items():
            check_function(f"schedules[{name!r}]", schedule)
        if self.schedules:
            names = [field.name for field in fields(rule)]  # type: ignore[arg-type]
            for name in self.schedules.keys() - set(names):
                raise ValueError(
                    f"schedules must name hyperparameters of {type(rule).__name__}, {names}; "
                    f"received {name!r}"
                )

    def step(self, weights: Array, gradient: Array) -> None:
        """Take one step: change ``weights`` in place.

        The weights are taken block by block; since rules are elementwise, the result is the same
        to the last bit.

        Parameters
        ----------
        weights : array
            The weights, of any shape, C-contiguous, float32 or float64; changed in place.
        gradient : array
            The loss's gradient at the weights, of their shape and dtype.

        Raises
        ------
        TypeError
            When the weights are not an array of floats.
        ValueError
            When the weights are not contiguous, when the gradient's or the state's arrays have
            another shape or dtype than the weights, or when a schedule gives a value that is not
            allowed.
        """
        t = int(self.t) + 1
        rate = check_learning_rate(
            self.learning_rate(t - 1) if callable(self.learning_rate) else self.learning_rate
        )
        rule = self.rule
        if self.schedules:
            values = {name: schedule(t - 1) for name, schedule in self.schedules.items()}
            rule = replace(rule, **values)  # type: ignore[type-var]

        _check_weights(weights)
        _check_like(weights, gradient, "gradient")
        old = rule.init(weights) if self.state is None else self.state
        for value in old:
            if isinstance(value, np.ndarray):
                _check_like(weights, value, "state")

        flat = weights.reshape(-1), gradient.reshape(-1)
        state = tuple(v.reshape(-1) if isinstance(v, np.ndarray) else float(v) for v in old)
        new = fused.step(rule, *flat, state, t, rate)
        if new is None:
            new = _step_in_blocks(rule, *flat, state, t, rate)
        # the arrays hold their new values already
        self.state = tuple(
            v if isinstance(v, np.ndarray) else float(n) for v, n in zip(old, new, strict=True)
        )
        self.t = t


def _step_in_blocks(
    rule: Rule, weights: Array, gradient: Array, state: State, t: int, learning_rate: float
) -> State:
    new = state
    for start in range(0, weights.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        old = tuple(v[block] if isinstance(v, np.ndarray) else v for v in state)
        step, new = rule.update(gradient[block], old, weights[block], t, learning_rate)
        moved = weights[block] - step  # kept apart: a rule may return what it was given
        for before, after in zip(old, new, strict=True):
            if isinstance(before, np.ndarray):
                before[...] = after
        weights[block] = moved
    return new  # its floats are the same in every block


def _check_weights(weights: Array) -> None:
    if not isinstance(weights, np.ndarray) or weights.dtype.kind != "f":
        raise TypeError(f"weights must be an array of floats; received {kind(weights)}")
    if not weights.flags.c_contiguous:
        raise ValueError("weights must be C-contiguous; received a strided view")
    if not weights.flags.writeable:
        raise ValueError("weights must be writable; received a read-only array")


def _check_like(weights: Array, array: Array, name: str) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array like the weights; received {kind(array)}")
    if array.shape != weights.shape or array.dtype != weights.dtype:
        raise ValueError(
            f"{name} must have the weights' shape and dtype, {weights.shape} {weights.dtype}; "
            f"received {array.shape} {array.dtype}"
        )
