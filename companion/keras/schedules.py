"""Schedules of :mod:`companion.schedules` as a Keras schedule and as a callback."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from companion._checks import number
from companion.keras._saving import decode, encode
from companion.keras.rules import KerasRule
from companion.optimizers import Momentum, Nesterov


class KerasSchedule(keras.optimizers.schedules.LearningRateSchedule):
    r"""A schedule of :mod:`companion.schedules` as a Keras schedule.

    .. math:: \eta_t = \text{schedule}(\min(t, \text{steps} - 1)), \qquad t = 0, 1, \dots

    The first ``steps`` values are computed beforehand, because a schedule is a Python function
    and the compiled step has no Python in it. Afterwards the last of them stays.

    Parameters
    ----------
    schedule : callable
        ``schedule(step)``, called with 0, 1, ..., ``steps`` - 1; a step is a batch, not an epoch.
    steps : int
        The steps of the whole training: epochs times batches; at least 1.

    Raises
    ------
    TypeError
        When ``schedule`` is not callable. Performance scheduling is not, because it depends on
        the training: use ``keras.callbacks.ReduceLROnPlateau``.
    ValueError
        When ``steps`` is not a positive integer, or a value is negative or not finite.

    Examples
    --------
    >>> from companion.schedules import ExponentialDecay
    >>> schedule = KerasSchedule(ExponentialDecay(initial=0.01, steps=10), steps=21)
    >>> [round(float(schedule(step)), 5) for step in (0, 10, 20, 30)]
    [0.01, 0.001, 0.0001, 0.0001]
    """

    def __init__(self, schedule: Callable[[int], float], steps: int) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule must be callable, as OneCycle(...) is; received {schedule}")
        if not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"steps must be a positive integer; received steps={steps!r}")
        self.schedule = schedule
        self.steps = int(steps)
        self._values = np.array(
            [number("schedule(step)", schedule(step)) for step in range(self.steps)], float
        )
        for step in np.flatnonzero(~((self._values >= 0) & (self._values < math.inf))):
            raise ValueError(
                "schedule must give non-negative and finite values; "
                f"received {self._values[step]} at step {step}"
            )

    def __call__(self, step: Any) -> Any:
        """Return the rate after ``step`` steps, as a tensor."""
        values = keras.ops.convert_to_tensor(self._values, keras.config.floatx())
        return keras.ops.take(values, keras.ops.minimum(step, self.steps - 1))

    def get_config(self) -> dict[str, Any]:
        """Return what a ``.keras`` file stores."""
        return {"schedule": encode(self.schedule), "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KerasSchedule:
        """Return the schedule that a ``.keras`` file describes."""
        return cls(decode(config["schedule"]), config["steps"])


keras.saving.register_keras_serializable("companion")(KerasSchedule)


class OneCycle(keras.callbacks.Callback):
    """The 1cycle schedule: sets the rate, and if wanted the momentum, before every batch.

    Parameters
    ----------
    schedule : callable
        The rate's schedule, such as ``companion.schedules.OneCycle(...)`` with ``steps`` = epochs
        times batches.
    momentum : callable, optional
        The momentum's, such as ``schedule.momentum()``. Needs ``KerasRule(Momentum())`` or
        ``KerasRule(Nesterov())``: in a compiled step the momentum of Keras's ``SGD`` is a
        constant, and setting it has no effect.

    Raises
    ------
    TypeError
        When ``schedule`` or ``momentum`` is not callable; when the training begins, if the
        optimizer has a schedule of its own.
    ValueError
        When the training begins, if the optimizer has no momentum that can be set.

    Notes
    -----
    The step is the optimizer's own count, so that a second ``fit``, also after loading the model
    from a file, goes on where the first ended. After the training both keep their last values.
    With ``steps_per_execution`` above 1 Keras calls callbacks that much more seldom.

    References
    ----------
    L. N. Smith (2018), A disciplined approach to neural network hyper-parameters: part 1,
    arXiv:1803.09820.

    Examples
    --------
    >>> from companion import schedules
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(KerasRule(Momentum()), loss="mse")
    >>> cycle = schedules.OneCycle(initial=0.01, peak=0.1, steps=40)
    >>> _ = model.fit(
    ...     np.ones((64, 2)), np.ones(64), epochs=20, verbose=0,
    ...     callbacks=[OneCycle(cycle, momentum=cycle.momentum())],
    ... )
    >>> round(float(model.optimizer.learning_rate), 6), round(float(model.optimizer.momentum), 3)
    (1e-05, 0.95)
    """

    def __init__(
        self,
        schedule: Callable[[int], float],
        momentum: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("schedule", schedule), ("momentum", momentum)):
            if not (callable(value) or (value is None and name == "momentum")):
                raise TypeError(f"{name} must be a function of the step; received {value!r}")
        self.schedule = schedule
        self.momentum = momentum

    def on_train_begin(self, logs: Any = None) -> None:
        """Look whether the optimizer can follow."""
        optimizer = self.model.optimizer
        rule = optimizer.rule if isinstance(optimizer, KerasRule) else None
        if self.momentum is not None and not isinstance(rule, Momentum | Nesterov):
            raise ValueError(
                "momentum needs an optimizer KerasRule(Momentum()) or KerasRule(Nesterov()), "
                f"whose momentum can be set; received {rule or optimizer.name}"
            )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate and the momentum."""
        optimizer = self.model.optimizer
        step = int(optimizer.iterations)
        optimizer.learning_rate = number("schedule(step)", self.schedule(step))
        if self.momentum is not None:
            optimizer.momentum = self.momentum(step)
