"""What a reader's update rule may compute in place of ours: known mistakes, other conventions.

Each update is written as a function of h, the rule that has the hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from companion import optimizers as ours
from companion.check._trial import Variant, convention, mistake

RULES: tuple[type, ...] = (
    ours.GradientDescent, ours.Momentum, ours.Nesterov, ours.AdaGrad, ours.RMSProp, ours.Adam,
    ours.AdaMax, ours.Nadam, ours.AdamW,
)  # fmt: skip


@dataclass(frozen=True)
class Altered:
    """A rule with the hyperparameters of another, and an update or a start of its own."""

    h: Any
    altered: Callable[..., Any]
    start: Callable[..., Any] | None = None

    def init(self, weights: Any) -> Any:
        """Return the state before the first step."""
        return self.start(weights) if self.start else self.h.init(weights)

    def update(self, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        """Return the step and the next state."""
        return self.altered(self.h, g, state, w, t, lr)


def variants(like: Any) -> Iterator[Variant]:
    """Yield all variants of a rule, conventions first."""
    for h, note in _settings(like):
        for variant in _TABLES[type(like)]:
            if variant.convention:
                text = "; ".join(filter(None, (variant.text, note)))
                yield Variant(text, _bound(h, variant.function), True)
        if note:
            yield Variant(note, h, True)
    for variant in [*_TABLES[type(like)], *_GENERAL]:
        if not variant.convention:
            yield Variant(variant.text, _bound(like, variant.function))
    yield from _other_rules(like)
    yield from _swapped(like)


def _bound(h: Any, function: Any) -> Altered:
    update, start = function if isinstance(function, tuple) else (function, None)
    return Altered(h, update, partial(start, h) if start else None)


def _settings(like: Any) -> Iterator[tuple[Any, str]]:
    """Yield the rule with other frameworks' epsilons and starts, and what they are called."""
    yield like, ""
    names = {field.name for field in fields(like)}
    starts = {"initial_accumulator_value": 0.0} if "initial_accumulator_value" in names else {}
    if starts and like.initial_accumulator_value:
        note = "the sum starts at 0, as in the textbook and PyTorch"
        like_zero = replace(like, **starts)
        yield like_zero, note
        for h, other in _epsilons(like_zero):
            yield h, f"{note}; {other}"
    yield from _epsilons(like)


def _epsilons(like: Any) -> Iterator[tuple[Any, str]]:
    for epsilon in (1e-7, 1e-8, 1e-10, 1e-6):
        if getattr(like, "epsilon", epsilon) != epsilon:
            yield (
                replace(like, epsilon=epsilon),
                f"epsilon is {epsilon:g} (like has {like.epsilon:g})",
            )


def _swapped(like: Any) -> Iterator[Variant]:
    """Yield the rule with its hyperparameters confused."""
    if hasattr(like, "beta_1"):
        swapped = replace(like, beta_1=like.beta_2, beta_2=like.beta_1)
        yield Variant("beta_1 and beta_2 are swapped", swapped)
    for name in ("beta", "beta_1", "beta_2", "rho"):
        value = getattr(like, name, 0.0)
        if value:
            text = f"1 - {name} takes the place of {name}"
            yield Variant(text, replace(like, **{name: 1 - value}))
        for usual in (0.9, 0.99, 0.999, 0.0):
            if hasattr(like, name) and value != usual:
                text = f"{name} is {usual:g} (like has {value:g})"
                yield Variant(text, replace(like, **{name: usual}))


def _other_rules(like: Any) -> Iterator[Variant]:
    """Yield our other rules, with the same hyperparameters as far as they have them."""
    mine = {field.name: getattr(like, field.name) for field in fields(like)}
    for kind in RULES:
        if kind is not type(like):
            shared = {f.name: mine[f.name] for f in fields(kind) if f.name in mine}
            for rule in (kind(**shared), kind()):
                yield Variant(f"these are the steps of another rule, {rule}", rule)


def _step(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Return the update whose step is made from ours: formula(step, g, w, t, lr)."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        step, state = h.update(g, state, w, t, lr)
        return formula(step, g, w, t, lr), state

    return update


_GENERAL = [
    *mistake(
        "the step has the wrong sign: it is subtracted from the weights",
        _step(lambda step, g, w, t, lr: -step),
    ),
    *mistake("it returns the new weights, not the step", _step(lambda step, g, w, t, lr: w - step)),
    *mistake("the learning rate is missing", _step(lambda step, g, w, t, lr: step / lr)),
    *mistake("the learning rate is applied twice", _step(lambda step, g, w, t, lr: step * lr)),
    *mistake(
        "t starts at 0: the first t is 1", lambda h, g, s, w, t, lr: h.update(g, s, w, t - 1, lr)
    ),
    *mistake(
        "t is one too high: the first t is 1",
        lambda h, g, s, w, t, lr: h.update(g, s, w, t + 1, lr),
    ),
    *mistake("t does not count: it stays 1", lambda h, g, s, w, t, lr: h.update(g, s, w, 1, lr)),
    *mistake(
        "the state is not kept: each step starts anew",
        lambda h, g, s, w, t, lr: h.update(g, h.init(w), w, t, lr),
    ),
    *mistake(
        "the state is used before it is updated with this gradient",
        lambda h, g, s, w, t, lr: _late(h, g, s, w, t, lr),
    ),
    *mistake(
        "the state starts at one, not at zero",
        (lambda h, *args: h.update(*args), lambda h, w: tuple(np.ones_like(x) for x in h.init(w))),
    ),
]


def _late(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
    """Return the step that the old state gives, and the updated state."""
    old = _finish(h, g, state, w, t, lr)
    return old, h.update(g, state, w, t, lr)[1]


def _finish(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
    match h:
        case ours.AdaGrad() | ours.RMSProp():
            return lr * g / np.sqrt(state[0] + h.epsilon)
        case ours.Momentum():
            return -state[0]
        case _:
            raise TypeError("no such form")


# --- Momentum and Nesterov


def _velocity(velocity: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the update with v = velocity(h, v, g, lr), and step(h, v, g, lr) from the new v."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        v = velocity(h, state[0], g, lr)
        return step(h, v, g, lr), (v,)

    return update


_PYTORCH_MOMENTUM = (
    "PyTorch's momentum: the learning rate multiplies the velocity, not the gradient"
)

_MOMENTUM = [
    *convention(
        _PYTORCH_MOMENTUM, _velocity(lambda h, v, g, lr: h.beta * v + g, lambda h, v, g, lr: lr * v)
    ),
    *mistake(
        "the gradient is weighted by 1 - beta, which shortens the steps as much (dampening)",
        _velocity(lambda h, v, g, lr: h.beta * v + (1 - h.beta) * lr * g, lambda h, v, g, lr: v),
        _velocity(lambda h, v, g, lr: h.beta * v + (1 - h.beta) * g, lambda h, v, g, lr: lr * v),
    ),
    *mistake(
        "the velocity pulls backward: its sign is wrong",
        _velocity(lambda h, v, g, lr: -h.beta * v + lr * g, lambda h, v, g, lr: v),
    ),
    *mistake(
        "beta is missing: the velocity has no friction",
        _velocity(lambda h, v, g, lr: v + lr * g, lambda h, v, g, lr: v),
        _velocity(lambda h, v, g, lr: v + g, lambda h, v, g, lr: lr * v),
    ),
    *mistake(
        "beta multiplies the new gradient, too",
        _velocity(lambda h, v, g, lr: h.beta * (v + lr * g), lambda h, v, g, lr: v),
        _velocity(lambda h, v, g, lr: h.beta * (v + g), lambda h, v, g, lr: lr * v),
    ),
    *mistake(
        "the learning rate multiplies the gradient and the velocity",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: lr * v),
    ),
    *mistake(
        "the gradient is added to the step again",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: v + lr * g),
    ),
]

_NESTEROV = [
    *convention(
        _PYTORCH_MOMENTUM,
        _velocity(lambda h, v, g, lr: h.beta * v + g, lambda h, v, g, lr: lr * (g + h.beta * v)),
    ),
    *mistake(
        "the look-ahead is missing: it is plain momentum",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: v),
        _velocity(lambda h, v, g, lr: h.beta * v + g, lambda h, v, g, lr: lr * v),
    ),
    *mistake(
        "the look-ahead lacks beta",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: lr * g + v),
    ),
    *mistake(
        "the look-ahead has the wrong sign",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: lr * g - h.beta * v),
    ),
    *mistake(
        "the look-ahead takes the velocity before this gradient",
        lambda h, g, state, w, t, lr: (lr * g + h.beta * state[0], (h.beta * state[0] + lr * g,)),
    ),
    *mistake(
        "the gradient is missing from the step: only beta times the velocity is left",
        _velocity(lambda h, v, g, lr: h.beta * v + lr * g, lambda h, v, g, lr: h.beta * v),
    ),
    *mistake(
        "the gradient is weighted by 1 - beta (dampening)",
        _velocity(
            lambda h, v, g, lr: h.beta * v + (1 - h.beta) * lr * g,
            lambda h, v, g, lr: lr * g + h.beta * v,
        ),
        _velocity(
            lambda h, v, g, lr: h.beta * v + (1 - h.beta) * lr * g,
            lambda h, v, g, lr: (1 - h.beta) * lr * g + h.beta * v,
        ),
    ),
]


# --- AdaGrad and RMSProp

_PARAMETER = "epsilon was added to the parameter, not to the denominator"
_NO_ROOT = "the denominator lacks its square root"
_NOT_SQUARED = "the accumulator sums gradients, not their squares"


def _scaled(average: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the update with s = average(h, s, g), and step(h, s, g, lr) from the new s."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        s = average(h, state[0], g)
        return step(h, s, g, lr), (s,)

    return update


def _root_steps(average: Callable[..., Any], pytorch: str) -> list[Variant]:
    """Return the variants of how AdaGrad and RMSProp divide by their root."""
    return [
        *convention(
            pytorch, _scaled(average, lambda h, s, g, lr: lr * g / (np.sqrt(s) + h.epsilon))
        ),
        *mistake(
            _PARAMETER,
            _scaled(average, lambda h, s, g, lr: lr * g / np.sqrt(s) - h.epsilon),
            _scaled(average, lambda h, s, g, lr: lr * g / np.sqrt(s) + h.epsilon),
            _scaled(average, lambda h, s, g, lr: lr * (g / np.sqrt(s) + h.epsilon)),
        ),
        *mistake("epsilon is missing", _scaled(average, lambda h, s, g, lr: lr * g / np.sqrt(s))),
        *mistake(_NO_ROOT, _scaled(average, lambda h, s, g, lr: lr * g / (s + h.epsilon))),
        *mistake(
            "it multiplies by the root instead of dividing",
            _scaled(average, lambda h, s, g, lr: lr * g * np.sqrt(s + h.epsilon)),
        ),
        *mistake(
            "the step is divided, but the gradient is missing from it",
            _scaled(average, lambda h, s, g, lr: lr / np.sqrt(s + h.epsilon)),
        ),
    ]


def _our_root(h: Any, s: Any, g: Any, lr: float) -> Any:
    return lr * g / np.sqrt(s + h.epsilon)


def _their_root(h: Any, s: Any, g: Any, lr: float) -> Any:
    return lr * g / (np.sqrt(s) + h.epsilon)


def _averages(text: str, average: Callable[..., Any]) -> list[Variant]:
    """Return a mistake in the accumulator, with epsilon in either place."""
    return mistake(text, _scaled(average, _our_root), _scaled(average, _their_root))


_ADAGRAD = [
    *_root_steps(
        lambda h, s, g: s + g**2, "PyTorch's and the textbook's epsilon, added to the root"
    ),
    *_averages(
        "the sum forgets: it is a moving average, as in RMSProp",
        lambda h, s, g: 0.9 * s + 0.1 * g**2,
    ),
    *_averages(_NOT_SQUARED, lambda h, s, g: s + g),
    *_averages(
        "the sum is not kept: only this gradient's square counts",
        lambda h, s, g: h.initial_accumulator_value + g**2,
    ),
    *_averages(
        "one sum for all weights: the square is elementwise", lambda h, s, g: s + np.sum(g**2)
    ),
    *_averages(
        "one sum for all weights: the square is elementwise", lambda h, s, g: s + np.mean(g**2)
    ),
]

_RMSPROP = [
    *_root_steps(
        lambda h, s, g: h.rho * s + (1 - h.rho) * g**2, "PyTorch's epsilon, added to the root"
    ),
    *_averages("rho and 1 - rho are swapped", lambda h, s, g: (1 - h.rho) * s + h.rho * g**2),
    *_averages("the square is not weighted by 1 - rho", lambda h, s, g: h.rho * s + g**2),
    *_averages("the sum does not forget: it is AdaGrad", lambda h, s, g: s + g**2),
    *_averages(_NOT_SQUARED, lambda h, s, g: h.rho * s + (1 - h.rho) * g),
    *_averages("1 - rho is squared, too", lambda h, s, g: h.rho * s + ((1 - h.rho) * g) ** 2),
    *_averages(
        "one average for all weights: the square is elementwise",
        lambda h, s, g: h.rho * s + (1 - h.rho) * np.mean(g**2),
    ),
]


# --- Adam and its relatives


def _first(h: Any, m: Any, g: Any) -> Any:
    return h.beta_1 * m + (1 - h.beta_1) * g


def _second(h: Any, s: Any, g: Any) -> Any:
    return h.beta_2 * s + (1 - h.beta_2) * g**2


def _corrected(average: Any, beta: float, t: int) -> Any:
    return average / (1 - beta**t)


def _hat_step(h: Any, m: Any, s: Any, t: int, lr: float) -> Any:
    return lr * (1 - h.beta_2**t) ** 0.5 / (1 - h.beta_1**t) * m / (np.sqrt(s) + h.epsilon)


def _paper_step(h: Any, m: Any, s: Any, t: int, lr: float) -> Any:
    root = np.sqrt(_corrected(s, h.beta_2, t))
    return lr * _corrected(m, h.beta_1, t) / (root + h.epsilon)


def _decay(h: Any, w: Any, lr: float) -> Any:
    return lr * h.weight_decay * w if hasattr(h, "weight_decay") else 0.0


def _adam(
    step: Callable[..., Any] = _hat_step,
    first: Callable[..., Any] = _first,
    second: Callable[..., Any] = _second,
) -> Callable[..., Any]:
    """Return the update with another step(h, m, s, t, lr) or other averages."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        m, s = first(h, state[0], g), second(h, state[1], g)
        return step(h, m, s, t, lr) + _decay(h, w, lr), (m, s)

    return update


def _both_steps(text: str, **altered: Any) -> list[Variant]:
    """Return a mistake in the averages, with epsilon in either place."""
    return mistake(text, _adam(_hat_step, **altered), _adam(_paper_step, **altered))


def _stored(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
    """Return Adam's update where the corrected averages overwrite the state."""
    m = _corrected(_first(h, state[0], g), h.beta_1, t)
    s = _corrected(_second(h, state[1], g), h.beta_2, t)
    return lr * m / (np.sqrt(s) + h.epsilon) + _decay(h, w, lr), (m, s)


def _amsgrad(step: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        m, s = _first(h, state[0], g), _second(h, state[1], g)
        largest = np.maximum(state[2], s)
        return step(h, m, largest, t, lr) + _decay(h, w, lr), (m, s, largest)

    return update, lambda h, w: (np.zeros_like(w),) * 3


_ADAM = [
    *convention(
        "the paper's epsilon (also the textbook's and PyTorch's), added to the corrected root",
        _adam(_paper_step),
    ),
    *mistake(
        _PARAMETER,
        *(
            _adam(
                lambda h, m, s, t, lr, place=place: place(
                    lr, _corrected(m, h.beta_1, t) / np.sqrt(_corrected(s, h.beta_2, t)), h.epsilon
                )
            )
            for place in (
                lambda lr, ratio, epsilon: lr * ratio - epsilon,
                lambda lr, ratio, epsilon: lr * ratio + epsilon,
                lambda lr, ratio, epsilon: lr * (ratio + epsilon),
            )
        ),
    ),
    *mistake(
        "epsilon is missing",
        _adam(
            lambda h, m, s, t, lr: (
                lr * _corrected(m, h.beta_1, t) / np.sqrt(_corrected(s, h.beta_2, t))
            )
        ),
    ),
    *mistake(
        "the second moment lacks its bias correction",
        _adam(lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / (np.sqrt(s) + h.epsilon)),
    ),
    *mistake(
        "the first moment lacks its bias correction",
        _adam(lambda h, m, s, t, lr: lr * m / (np.sqrt(_corrected(s, h.beta_2, t)) + h.epsilon)),
        _adam(lambda h, m, s, t, lr: lr * (1 - h.beta_2**t) ** 0.5 * m / (np.sqrt(s) + h.epsilon)),
    ),
    *mistake(
        "both moments lack their bias correction",
        _adam(lambda h, m, s, t, lr: lr * m / (np.sqrt(s) + h.epsilon)),
    ),
    *mistake("the bias correction overwrites the moments that are kept", _stored),
    *mistake(
        "the bias correction takes beta^t, not 1 - beta^t",
        _adam(lambda h, m, s, t, lr: lr * m / h.beta_1**t / (np.sqrt(s / h.beta_2**t) + h.epsilon)),
    ),
    *mistake(
        "the bias correction takes beta, not beta^t",
        _adam(
            lambda h, m, s, t, lr: (
                lr * m / (1 - h.beta_1) / (np.sqrt(s / (1 - h.beta_2)) + h.epsilon)
            )
        ),
    ),
    *mistake(
        "the bias correction takes beta * t, not beta^t",
        _adam(
            lambda h, m, s, t, lr: (
                lr * m / (1 - h.beta_1 * t) / (np.sqrt(s / (1 - h.beta_2 * t)) + h.epsilon)
            )
        ),
    ),
    *mistake(
        "the bias correction of the second moment lacks its square root",
        _adam(
            lambda h, m, s, t, lr: (
                lr * (1 - h.beta_2**t) / (1 - h.beta_1**t) * m / (np.sqrt(s) + h.epsilon)
            )
        ),
    ),
    *mistake(
        "the betas of the two bias corrections are swapped",
        _adam(
            lambda h, m, s, t, lr: (
                lr * _corrected(m, h.beta_2, t) / (np.sqrt(_corrected(s, h.beta_1, t)) + h.epsilon)
            )
        ),
    ),
    *mistake(
        "epsilon is inside the root",
        _adam(
            lambda h, m, s, t, lr: (
                lr * _corrected(m, h.beta_1, t) / np.sqrt(_corrected(s, h.beta_2, t) + h.epsilon)
            )
        ),
        _adam(
            lambda h, m, s, t, lr: (
                lr * (1 - h.beta_2**t) ** 0.5 / (1 - h.beta_1**t) * m / np.sqrt(s + h.epsilon)
            )
        ),
    ),
    *mistake(
        _NO_ROOT,
        _adam(
            lambda h, m, s, t, lr: (
                lr * _corrected(m, h.beta_1, t) / (_corrected(s, h.beta_2, t) + h.epsilon)
            )
        ),
        _adam(
            lambda h, m, s, t, lr: (
                lr * (1 - h.beta_2**t) ** 0.5 / (1 - h.beta_1**t) * m / (s + h.epsilon)
            )
        ),
    ),
    *_both_steps(
        "the gradient is not weighted by 1 - beta_1", first=lambda h, m, g: h.beta_1 * m + g
    ),
    *_both_steps(
        "the squared gradient is not weighted by 1 - beta_2",
        second=lambda h, s, g: h.beta_2 * s + g**2,
    ),
    *_both_steps(
        "the second moment averages gradients, not their squares",
        second=lambda h, s, g: h.beta_2 * s + (1 - h.beta_2) * g,
    ),
    *_both_steps(
        "1 - beta_2 is squared, too",
        second=lambda h, s, g: h.beta_2 * s + ((1 - h.beta_2) * g) ** 2,
    ),
    *_both_steps(
        "the second moment is one for all weights: the square is elementwise",
        second=lambda h, s, g: h.beta_2 * s + (1 - h.beta_2) * np.mean(g**2),
    ),
    *_both_steps(
        "the second moment is one for all weights: the square is elementwise",
        second=lambda h, s, g: h.beta_2 * s + (1 - h.beta_2) * np.sum(g**2),
    ),
    *_both_steps(
        "the first moment forgets with beta_2",
        first=lambda h, m, g: h.beta_2 * m + (1 - h.beta_2) * g,
    ),
    *_both_steps(
        "beta_1 and 1 - beta_1 are swapped", first=lambda h, m, g: (1 - h.beta_1) * m + h.beta_1 * g
    ),
    *_both_steps(
        "beta_2 and 1 - beta_2 are swapped",
        second=lambda h, s, g: (1 - h.beta_2) * s + h.beta_2 * g**2,
    ),
    *mistake(
        "it is AMSGrad, which divides by the largest second moment so far",
        _amsgrad(_hat_step),
        _amsgrad(_paper_step),
    ),
    *mistake(
        "t starts at 0: the first t is 1",
        _adam(lambda h, m, s, t, lr: _paper_step(h, m, s, t - 1, lr)),
    ),
    *mistake(
        "t is one too high: the first t is 1",
        _adam(lambda h, m, s, t, lr: _paper_step(h, m, s, t + 1, lr)),
    ),
    *mistake(
        "t does not count: it stays 1", _adam(lambda h, m, s, t, lr: _paper_step(h, m, s, 1, lr))
    ),
    *mistake(
        "the step has the wrong sign: it is subtracted from the weights",
        _adam(lambda h, m, s, t, lr: -_paper_step(h, m, s, t, lr)),
    ),
]


def _decayed(step: Callable[..., Any], decay: Callable[..., Any]) -> Callable[..., Any]:
    """Return AdamW's update with step(h, m, s, t, lr) and decay(h, w, step, lr)."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        m, s = _first(h, state[0], g), _second(h, state[1], g)
        taken = step(h, m, s, t, lr)
        return taken + decay(h, w, taken, lr), (m, s)

    return update


def _penalized(step: Callable[..., Any], factor: float) -> Callable[..., Any]:
    """Return Adam's update with an l2 penalty in the gradient."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        g = g + factor * h.weight_decay * w
        m, s = _first(h, state[0], g), _second(h, state[1], g)
        return step(h, m, s, t, lr), (m, s)

    return update


def _decays(decay: Callable[..., Any]) -> list[Callable[..., Any]]:
    return [_decayed(_hat_step, decay), _decayed(_paper_step, decay)]


_PAPERS_DECAY = "the paper's weight decay, which is not multiplied by the learning rate"

_ADAMW = [
    *convention(_PAPERS_DECAY, *_decays(lambda h, w, step, lr: h.weight_decay * w)),
    *mistake(
        "the weight decay is added to the gradient (an l2 penalty), not to the step",
        *(_penalized(step, k) for step in (_hat_step, _paper_step) for k in (1, 2)),
    ),
    *mistake(
        "the weight decay has the wrong sign: the weights grow",
        *_decays(lambda h, w, step, lr: -lr * h.weight_decay * w),
    ),
    *mistake("the weight decay is missing: it is Adam", *_decays(lambda h, w, step, lr: 0 * w)),
    *mistake(
        "the weights decay after the step, not before it",
        *_decays(lambda h, w, step, lr: lr * h.weight_decay * (w - step)),
    ),
    *mistake(
        "the weight decay is multiplied by the learning rate twice",
        *_decays(lambda h, w, step, lr: lr**2 * h.weight_decay * w),
    ),
    *mistake(
        "the weight decay is constant: it lacks the weights",
        *_decays(lambda h, w, step, lr: lr * h.weight_decay),
    ),
    *_ADAM,
]


def _adamax(step: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        m, s = _first(h, state[0], g), second(h, state[1], g)
        return step(h, m, s, t, lr), (m, s)

    return update


def _largest(h: Any, s: Any, g: Any) -> Any:
    return np.maximum(h.beta_2 * s, np.abs(g))


def _adamax_step(h: Any, m: Any, s: Any, t: int, lr: float) -> Any:
    return lr * _corrected(m, h.beta_1, t) / (s + h.epsilon)


_ADAMAX = [
    *convention(
        "PyTorch's epsilon, within the maximum",
        _adamax(
            lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / s,
            lambda h, s, g: np.maximum(h.beta_2 * s, np.abs(g) + h.epsilon),
        ),
    ),
    *convention(
        "the paper's and the textbook's AdaMax, which has no epsilon",
        _adamax(lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / s, _largest),
    ),
    *mistake(
        "the first moment lacks its bias correction",
        _adamax(lambda h, m, s, t, lr: lr * m / (s + h.epsilon), _largest),
    ),
    *mistake(
        "the maximum needs no bias correction",
        _adamax(
            lambda h, m, s, t, lr: (
                lr * _corrected(m, h.beta_1, t) / (_corrected(s, h.beta_2, t) + h.epsilon)
            ),
            _largest,
        ),
    ),
    *mistake(
        "the maximum is of the gradient, not of its absolute value",
        _adamax(_adamax_step, lambda h, s, g: np.maximum(h.beta_2 * s, g)),
    ),
    *mistake(
        "the maximum does not decay: beta_2 is missing",
        _adamax(_adamax_step, lambda h, s, g: np.maximum(s, np.abs(g))),
    ),
    *mistake(
        "the gradient is squared, as in Adam",
        _adamax(_adamax_step, lambda h, s, g: np.maximum(h.beta_2 * s, g**2)),
    ),
    *mistake(
        "the root of the maximum is taken, as in Adam",
        _adamax(
            lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / (np.sqrt(s) + h.epsilon),
            _largest,
        ),
    ),
    *mistake(
        "the maximum runs over all weights: it is elementwise",
        _adamax(_adamax_step, lambda h, s, g: np.maximum(h.beta_2 * s, np.abs(g).max())),
    ),
    *mistake(
        _PARAMETER,
        _adamax(lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / s - h.epsilon, _largest),
        _adamax(lambda h, m, s, t, lr: lr * _corrected(m, h.beta_1, t) / s + h.epsilon, _largest),
    ),
]


def _nadam(
    warm_up: Callable[[Any, int], float],
    step: Callable[..., Any] | None = None,
    corrected: bool = True,
) -> Callable[..., Any]:
    """Return Nadam's update with another momentum warm_up(h, t), or another mean of m and g."""

    def update(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
        m, s = _first(h, state[0], g), _second(h, state[1], g)
        mu, ahead, product = warm_up(h, t), warm_up(h, t + 1), state[2] * warm_up(h, t)
        combine = step or _look_ahead
        root = np.sqrt(_corrected(s, h.beta_2, t) if corrected else s)
        return lr * combine(m, g, mu, ahead, product) / (root + h.epsilon), (m, s, product)

    return update


def _look_ahead(m: Any, g: Any, mu: float, ahead: float, product: float) -> Any:
    return ahead * m / (1 - product * ahead) + (1 - mu) * g / (1 - product)


def _kerases(h: Any, t: int) -> float:
    return float(h.beta_1 * (1 - 0.5 * 0.96**t))


def _textbook(h: Any, g: Any, state: Any, w: Any, t: int, lr: float) -> Any:
    """Return Nadam's update as it is often written, with m corrected by 1 - beta_1^t."""
    m, s = _first(h, state[0], g), _second(h, state[1], g)
    m_hat = h.beta_1 * _corrected(m, h.beta_1, t) + (1 - h.beta_1) * _corrected(g, h.beta_1, t)
    root = np.sqrt(_corrected(s, h.beta_2, t))
    return lr * m_hat / (root + h.epsilon), (m, s, 1.0)


_NADAM = [
    *convention(
        "the textbook's Nadam, whose momentum has no warm-up", _nadam(lambda h, t: h.beta_1)
    ),
    *convention(
        "Nadam without warm-up and with the correction 1 - beta_1^t for the look-ahead, too",
        _textbook,
    ),
    *convention(
        "PyTorch's Nadam, whose momentum warms up 250 times slower",
        _nadam(lambda h, t: h.beta_1 * (1 - 0.5 * 0.96 ** (0.004 * t))),
    ),
    *mistake(
        "the look-ahead is missing: it is Adam",
        _nadam(_kerases, lambda m, g, mu, ahead, product: m / (1 - product)),
        lambda h, g, state, w, t, lr: (
            _paper_step(h, _first(h, state[0], g), _second(h, state[1], g), t, lr),
            (_first(h, state[0], g), _second(h, state[1], g), 1.0),
        ),
    ),
    *mistake("the second moment lacks its bias correction", _nadam(_kerases, corrected=False)),
    *mistake(
        "the first moment lacks its bias correction",
        _nadam(_kerases, lambda m, g, mu, ahead, product: ahead * m + (1 - mu) * g),
    ),
    *mistake(
        "the product of the momenta takes only this step's: it is over all steps so far",
        lambda h, g, state, w, t, lr: _nadam(_kerases)(h, g, (*state[:2], 1.0), w, t, lr),
    ),
    *mistake(
        "both terms are divided by the same product: the first one's reaches to t + 1",
        _nadam(
            _kerases, lambda m, g, mu, ahead, product: (ahead * m + (1 - mu) * g) / (1 - product)
        ),
    ),
    *mistake(
        "the momentum of this step takes the next one's place",
        _nadam(
            _kerases,
            lambda m, g, mu, ahead, product: mu * m / (1 - product) + (1 - mu) * g / (1 - product),
        ),
    ),
    *mistake(
        "1 - mu is missing at the gradient",
        _nadam(
            _kerases,
            lambda m, g, mu, ahead, product: ahead * m / (1 - product * ahead) + g / (1 - product),
        ),
    ),
]

_DESCENT = [
    *mistake(
        "it was given momentum, so that it is no plain gradient descent",
        *(
            (
                lambda h, g, state, w, t, lr, form=form, beta=beta: form(
                    ours.Momentum(beta), g, state, w, t, lr
                ),
                lambda h, w: (np.zeros_like(w),),
            )
            for beta in (0.9, 0.5, 0.99, 0.95, 0.8)
            for form in (ours.Momentum.update, ours.Nesterov.update, _MOMENTUM[0].function)
        ),
    ),
    *mistake(
        "the gradient is normalized to length 1",
        lambda h, g, state, w, t, lr: (lr * g / np.linalg.norm(g), ()),
    ),
    *mistake(
        "only the gradient's sign counts", lambda h, g, state, w, t, lr: (lr * np.sign(g), ())
    ),
]

_TABLES: dict[type, list[Variant]] = {
    ours.GradientDescent: _DESCENT,
    ours.Momentum: _MOMENTUM,
    ours.Nesterov: _NESTEROV,
    ours.AdaGrad: _ADAGRAD,
    ours.RMSProp: _RMSPROP,
    ours.Adam: _ADAM,
    ours.AdamW: _ADAMW,
    ours.AdaMax: _ADAMAX,
    ours.Nadam: _NADAM,
}
