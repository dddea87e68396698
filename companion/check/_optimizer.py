"""The check of an optimizer's update rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from companion.check import _trial as trial
from companion.check._optimizer_variants import RULES, variants
from companion.check._report import Property, Report
from companion.check._trial import Case, Outcome


def optimizer(rule: Any, like: Any) -> Report:
    r"""Check an update rule: its steps, and how it treats what it is given.

    Both rules walk along the same gradients, from 1e-6 to 1, with a learning rate that changes:
    only so do epsilon's place and the velocity's form show.

    Parameters
    ----------
    rule : object
        Has the two methods of :class:`companion.optimizers.Rule`, called as ``init(weights)`` and
        ``update(gradient, state, weights, t, learning_rate)``, which returns the step, to be
        subtracted from the weights, and the next state; ``t`` = 1, 2, ...
    like : object
        An instance of a rule in :mod:`companion.optimizers` with the same hyperparameters.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is not an instance of one of our rules.

    Notes
    -----
    Recognized as conventions: the paper's epsilon in Adam and AdamW, PyTorch's in AdaGrad, RMSProp
    and AdaMax, PyTorch's momentum, the textbook's AdaGrad and Nadam, other frameworks' default
    epsilons, and decay that is not multiplied by the learning rate.

    Examples
    --------
    >>> from companion.optimizers import Momentum
    >>> class Mine:
    ...     def init(self, weights):
    ...         return np.zeros_like(weights)
    ...     def update(self, gradient, state, weights, t, learning_rate):
    ...         state = 0.875 * state + gradient
    ...         return learning_rate * state, state
    >>> report = optimizer(Mine(), like=Momentum(beta=0.875))
    >>> bool(report), report.conventions
    (True, ("PyTorch's momentum: the learning rate multiplies the velocity, not the gradient",))
    """
    if type(like) not in RULES:
        names = ", ".join(kind.__name__ for kind in RULES)
        raise ValueError(f"like must be an instance of one of {names}; received like={like!r}")
    equal, reference, other = trial.values(
        "steps", walk(rule), like, [_walk()], variants(like), as_function=walk,
        call="update(gradient, state, weights, t, learning_rate)", atol=1e-13,
    )  # fmt: skip
    f, target = walk(rule), walk(reference) if reference else None
    kinds = [_walk(dtype) for dtype in (np.float32, np.float64)]
    ends = [
        _walk(dtype, size=size) for dtype in (np.float32, np.float64) for size in (0.0, 1e-42, 1e4)
    ]
    shapes = [_walk(shape=shape) for shape in ((3, 4), (2, 3, 2), (1,))]
    return Report(
        f"optimizer like {like}",
        (
            equal,
            _weights_apart(f, equal.hint),
            trial.unchanged(f, kinds),
            _state_unchanged(rule),
            _pure(rule),
            trial.dtype_kept(f, walk(like), kinds),
            trial.shape_kept(f, target, shapes),
            trial.extremes(f, target, ends),
        ),
        (other,) if other else (),
    )


def walk(rule: Any) -> Callable[..., Any]:
    """Return the function that walks with a rule and returns all steps."""

    def steps(weights: Any, gradients: Any, rates: list[float]) -> Any:
        state, taken = rule.init(weights), []
        for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
            step, state = rule.update(gradient, state, weights, t, rate)
            taken.append(step)
            weights = weights - step
        return np.stack(taken)

    return steps


def _walk(
    dtype: Any = np.float64, *, shape: tuple[int, ...] = (12,), size: float | None = None
) -> Case:
    """Return weights, gradients and rates to walk with; gradients of one size, or of all."""
    rng = np.random.default_rng(0)
    steps, count = 12, int(np.prod(shape))
    sizes = np.logspace(-6, 0, count) if size is None else np.full(count, size)
    gradients = sizes * (0.5 + rng.random((steps, count))) * rng.choice([-1, 1], (steps, count))
    gradients[8:] /= 100  # so that decaying and greatest averages differ
    weights = rng.standard_normal(count)
    rates = [0.125 if t < 6 else 0.03125 for t in range(steps)]
    at = [
        f"t = {t + 1}, gradient {g:.3g}, learning rate {rates[t]}"
        for t in range(steps)
        for g in gradients[t]
    ]
    name = np.dtype(dtype).name
    label = f"{name}, shape {shape}" if size is None else f"{name}, gradients around {size:g}"
    return Case(
        label,
        (
            weights.reshape(shape).astype(dtype),
            gradients.reshape(steps, *shape).astype(dtype),
            rates,
        ),
        at=at,
    )


def _weights_apart(f: Any, hint: str) -> Property:
    """Return whether each weight's steps are the same whatever the other weights are."""
    whole = _walk()
    weights, gradients, rates = whole.args
    outcome = trial.observe(f, whole)

    def half(weights: Any, gradients: Any, rates: Any) -> Any:
        return np.asarray(outcome.value)[:, 6:]

    case = Case("the last 6 of 12 weights alone", (weights[6:], gradients[:, 6:], rates))
    return trial.tried(
        "each weight for itself",
        f,
        half,
        [case],
        lambda o, want, case: trial.difference(o, want, case, 1e-9, 1e-13),
        hint or "a norm, a mean or a maximum over all weights: the square is elementwise",
    )


def _second_update(rule: Any) -> tuple[Callable[..., Any], Case] | Outcome:
    """Return the update and arguments for a second step; the outcome if the first one failed."""
    weights, gradients, rates = _walk().args

    def first(weights: Any, gradient: Any) -> Any:
        return rule.update(gradient, rule.init(weights), weights, 1, rates[0])

    outcome = trial.observe(first, Case("", (weights, gradients[0])))
    if outcome.error or not isinstance(outcome.value, tuple | list) or len(outcome.value) != 2:
        return outcome
    return rule.update, Case("step 2", (gradients[1], outcome.value[1], weights, 2, rates[1]))


def _state_unchanged(rule: Any) -> Property:
    title = "the state that is passed in is not changed"
    second = _second_update(rule)
    if isinstance(second, Outcome):
        return _failed(title, second)
    update, case = second
    return replace(trial.unchanged(update, [case]), name=title)


def _pure(rule: Any) -> Property:
    title = "all memory is in the state"
    second = _second_update(rule)
    if isinstance(second, Outcome):
        return _failed(title, second)
    update, case = second
    hint = "the rule keeps an average or a counter of its own: use the state and t that are passed"
    return replace(trial.repeatable(update, [case]), name=title, hint=hint)


def _failed(title: str, outcome: Outcome) -> Property:
    measured = f"raises {outcome.error}" if outcome.error else "update returns no pair"
    return Property(title, False, measured, "a pair: the step and the next state")
