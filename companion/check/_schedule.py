"""The check of a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from companion import schedules as ours
from companion.check import _trial as trial
from companion.check._report import Property, Report
from companion.check._trial import Case, Outcome, Variant

SCHEDULES: tuple[type, ...] = (
    ours.PowerDecay, ours.ExponentialDecay, ours.PiecewiseConstant, ours.OneCycle,
    ours.CosineDecay, ours.LinearWarmup, ours.ReduceOnPlateau,
)  # fmt: skip


def schedule(f: Any, like: Any) -> Report:
    r"""Check a schedule: its values, and that asking for them changes nothing.

    Parameters
    ----------
    f : callable or object
        Called as ``f(step)``, with ``step`` = 0, 1, ...; for a ``like`` of
        :class:`companion.schedules.ReduceOnPlateau` an object with its two methods, called as
        ``init()`` and ``update(state, metric)``.
    like : object
        An instance of a schedule in :mod:`companion.schedules` with the same numbers.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is not an instance of one of our schedules.

    Notes
    -----
    Recognized as conventions: PyTorch's ``MultiStepLR`` (a boundary one step earlier),
    ``OneCycleLR``, ``CosineAnnealingLR`` and ``ReduceLROnPlateau``, a warm-up that counts from 1.

    Examples
    --------
    >>> from companion.schedules import ExponentialDecay
    >>> like = ExponentialDecay(initial=0.01, steps=20)
    >>> bool(schedule(lambda step: 0.01 * 10 ** (-step / 20), like))
    True
    >>> schedule(lambda step: 0.01 * 0.1 ** (step // 20), like).hints[0]
    "it goes down in stairs, step // steps (Keras's staircase=True)"
    """
    if type(like) not in SCHEDULES:
        names = ", ".join(kind.__name__ for kind in SCHEDULES)
        raise ValueError(f"like must be an instance of one of {names}; received like={like!r}")
    if isinstance(like, ours.ReduceOnPlateau):
        return _plateau(f, like)
    steps = _steps(like)
    cases = [Case(f"step {step}", (step,)) for step in steps]
    equal, _, other = trial.values(
        "values", f, like, cases, variants(like), call="f(step)", atol=1e-13
    )
    return Report(
        f"schedule like {like}",
        (
            equal,
            _numbers(f, cases),
            _without_memory(f, steps),
            trial.repeatable(f, cases[: len(cases) // 2]),
        ),
        (other,) if other else (),
    )


def _horizon(like: Any) -> float:
    """Return the step after which nothing new happens, or enough has."""
    match like:
        case ours.PiecewiseConstant():
            return max(like.boundaries, default=1) + 2
        case ours.LinearWarmup():
            after = _horizon(like.schedule) if type(like.schedule) in SCHEDULES else like.steps
            return float(like.steps + after)
        case _:
            return float(like.steps)


def _corners(like: Any) -> list[float]:
    match like:
        case ours.PiecewiseConstant():
            return list(like.boundaries)
        case ours.LinearWarmup():
            inner = _corners(like.schedule) if type(like.schedule) in SCHEDULES else []
            return [like.steps, *(like.steps + corner for corner in inner)]
        case ours.OneCycle():
            cycle = (1 - like.last) * (like.steps - 1)
            return [cycle / 2, cycle, like.steps - 1]
        case _:
            return [like.steps]


def _steps(like: Any) -> list[int]:
    """Return steps over the whole course and beyond it, and those around its corners."""
    even = np.linspace(0, 2.5 * _horizon(like), 41).astype(int).tolist()
    around = [int(corner) + k for corner in _corners(like) for k in (-1, 0, 1)]
    return sorted({step for step in [0, 1, 2, 3, *even, *around] if step >= 0})


def _numbers(f: Any, cases: list[Case]) -> Property:
    def fault(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        try:
            number = float(outcome.value)
        except (TypeError, ValueError):
            return trial.Fault(
                f"{case.label}: {trial.described(trial.arrays(outcome.value))}", "a number"
            )
        if outcome.warnings:
            return trial.Fault(f"{case.label}: a warning, {outcome.warnings[0]}", "no warning")
        fine = math.isfinite(number) and number >= 0
        return None if fine else trial.Fault(f"{case.label}: {number:g}", "finite, not negative")

    title = "numbers that are finite and not negative"
    return trial.tried(title, f, None, cases, fault, "it runs on past its end: limit the step")


def _without_memory(f: Any, steps: list[int]) -> Property:
    """Return whether the order in which the steps are asked for makes no difference."""

    def forward(steps: list[int]) -> list[Any]:
        return [f(step) for step in steps]

    def backward(steps: list[int]) -> list[Any]:
        return [f(step) for step in reversed(steps)][::-1]

    first = trial.observe(forward, Case("", (steps,)))
    at = [f"step {step}" for step in steps]
    return trial.tried(
        "drawing it changes nothing: steps in reverse order give the same",
        backward,
        lambda steps: first.value,
        [Case("backward", (steps,), at=at)],
        lambda o, want, case: trial.difference(o, want, case, 1e-12, 0.0),
        "the schedule changes itself when it is called: compute the rate from the step alone",
    )


# ----------------------------------------------------------------------------------------------
# Variants


def variants(like: Any) -> Iterator[Variant]:
    """Yield all variants of a schedule, conventions first."""
    own = list(_own(like))
    yield from (v for v in own if v.convention)
    yield from (v for v in own if not v.convention)
    yield Variant("step is counted from 1, but the first step is 0", lambda t: like(max(t - 1, 0)))
    yield Variant("step is counted from 1, but the first step is 0", lambda t: like(t - 1))
    yield Variant("it runs one step ahead: the first step is 0", lambda t: like(t + 1))
    yield Variant("it never changes: step is not used", lambda t: like(0))
    if getattr(like, "initial", 0):
        text = "the initial rate is missing: it returns the factor only"
        yield Variant(text, lambda t: like(t) / like.initial)
    for kind in (ours.PowerDecay, ours.ExponentialDecay, ours.CosineDecay):
        if type(like) is not kind and isinstance(
            like, ours.PowerDecay | ours.ExponentialDecay | ours.CosineDecay
        ):
            other: Any = kind(like.initial, like.steps)
            yield Variant(f"these are the values of another schedule, {other}", other)


def _own(like: Any) -> Iterator[Variant]:
    """Yield the variants of one kind of schedule."""
    kinds: dict[type, Callable[[Any], Iterator[Variant]]] = {
        ours.PowerDecay: _power,
        ours.ExponentialDecay: _exponential,
        ours.PiecewiseConstant: _piecewise,
        ours.OneCycle: _one_cycle,
        ours.CosineDecay: _cosine_decay,
        ours.LinearWarmup: _warm_up,
    }
    yield from kinds[type(like)](like)


def _power(like: ours.PowerDecay) -> Iterator[Variant]:
    """Yield the variants of power decay."""
    a, s, c = like.initial, like.steps, like.power
    yield Variant(
        "the power covers only t / s: it is (1 + t / s) ** power",
        lambda t: a / (1 + (t / s) ** c),
    )
    yield Variant("the 1 is missing: (1 + t / s)", lambda t: a / max(t / s, 1) ** c)
    yield Variant("t is multiplied by steps, not divided", lambda t: a / (1 + t * s) ** c)
    yield Variant(
        "it goes down in stairs, step // steps (Keras's staircase=True)",
        lambda t: a / (1 + t // s) ** c,
    )
    yield Variant(
        "it is a power of the remaining steps (Keras's PolynomialDecay)",
        lambda t: a * (1 - min(t / s, 1)) ** c,
    )
    yield Variant("the power is missing: it is 1 / (1 + t / s)", lambda t: a / (1 + t / s))
    yield Variant("the sign of the power is wrong: the rate grows", lambda t: a * (1 + t / s) ** c)


def _exponential(like: ours.ExponentialDecay) -> Iterator[Variant]:
    """Yield the variants of exponential decay."""
    a, s, r = like.initial, like.steps, like.rate
    yield Variant(
        "it goes down in stairs, step // steps (Keras's staircase=True)",
        lambda t: a * r ** (t // s),
    )
    yield Variant("steps is missing: the factor applies in every step", lambda t: a * r**t)
    yield Variant("rate is missing: the base is e", lambda t: a * math.exp(-t / s))
    yield Variant(
        "rate multiplies the exponent: exp(-rate t / s)", lambda t: a * math.exp(-r * t / s)
    )
    yield Variant(
        "rate multiplies the exponent: exp(-rate t), without steps",
        lambda t: a * math.exp(-r * t),
    )
    yield Variant("rate is multiplied by t / s, not raised to it", lambda t: a * r * t / s)
    yield Variant("the fraction is upside down: t / steps", lambda t: a * r ** (s / t if t else 0))


def _piecewise(like: ours.PiecewiseConstant) -> Iterator[Variant]:
    """Yield the variants of a piecewise constant schedule."""
    b, v = like.boundaries, like.values
    yield Variant(
        "PyTorch's MultiStepLR, which changes at the boundary itself, one step earlier",
        lambda t: v[int(np.searchsorted(b, t, side="right"))],
        convention=True,
    )
    yield Variant(
        "the boundaries count from the one before, not from 0",
        lambda t: v[int(np.searchsorted(np.cumsum(b), t))],
    )
    yield Variant(
        "it returns the value before: the values are one ahead of the boundaries",
        lambda t: v[max(int(np.searchsorted(b, t)) - 1, 0)],
    )
    yield Variant(
        "the last value is never reached",
        lambda t: v[min(int(np.searchsorted(b, t)), len(v) - 2)],
    )
    yield Variant(
        "between the boundaries it interpolates; the values should be constant",
        lambda t: float(np.interp(t, [0, *b], v)),
    )


def _cosine_decay(like: ours.CosineDecay) -> Iterator[Variant]:
    """Yield the variants of cosine decay."""
    a, s, alpha = like.initial, like.steps, like.alpha
    yield Variant(
        "PyTorch's CosineAnnealingLR, which goes up again after its end",
        lambda t: a * (alpha + (1 - alpha) * _cosine(t / s)),
        convention=True,
    )
    if alpha:
        text = "alpha is the final rate itself, as PyTorch's eta_min, not a fraction"
        yield Variant(text, lambda t: alpha + (a - alpha) * _cosine(min(t / s, 1)), convention=True)
        yield Variant(
            f"{text}; and it goes up again after its end",
            lambda t: alpha + (a - alpha) * _cosine(t / s),
            convention=True,
        )
        yield Variant("alpha is missing: it goes down to 0", lambda t: a * _cosine(min(t / s, 1)))
        yield Variant(
            "1 - alpha is missing: alpha is added on top",
            lambda t: a * (alpha + _cosine(min(t / s, 1))),
        )
        yield Variant(
            "alpha is a floor: the rate is cut there",
            lambda t: a * max(alpha, _cosine(min(t / s, 1))),
        )
    yield Variant(
        "it goes through a whole period: the cosine's angle is pi t / s",
        lambda t: a * (alpha + (1 - alpha) * _cosine(min(2 * t / s, 2))),
    )
    yield Variant(
        "it is a quarter of a cosine: (1 + cos) / 2 over half a period",
        lambda t: a * (alpha + (1 - alpha) * math.cos(math.pi / 2 * min(t / s, 1))),
    )
    yield Variant(
        "the half is missing: (1 + cos) / 2",
        lambda t: a * (alpha + (1 - alpha) * 2 * _cosine(min(t / s, 1))),
    )
    yield Variant(
        "pi is missing in the cosine",
        lambda t: a * (alpha + (1 - alpha) * (1 + math.cos(min(t / s, 1))) / 2),
    )
    yield Variant(
        "the cosine runs backward: the rate grows",
        lambda t: a * (alpha + (1 - alpha) * (1 - _cosine(min(t / s, 1)))),
    )
    yield Variant(
        "it is linear, not a cosine",
        lambda t: a * (alpha + (1 - alpha) * (1 - min(t / s, 1))),
    )


def _warm_up(like: ours.LinearWarmup) -> Iterator[Variant]:
    """Yield the variants of a linear warm-up."""
    following, s, low = like.schedule, like.steps, like.initial
    top = following(0)
    yield Variant(
        "a warm-up that counts from 1: the first step is not at the bottom",
        lambda t: (
            low + (top - low) * (t + 1) / s if t + 1 < s else following(t - s if t >= s else 0)
        ),
        convention=True,
    )
    yield Variant(
        "the schedule after the ramp starts at its step 0: subtract the ramp's steps",
        lambda t: following(t) if t >= s else like(t),
    )
    yield Variant(
        "the ramp multiplies the schedule, which already goes down in it",
        lambda t: following(t) * min(t / s, 1),
    )
    yield Variant(
        "the ramp multiplies the schedule, which already goes down in it",
        lambda t: following(t) * min((t + 1) / s, 1),
    )
    yield Variant("there is no ramp", following)
    yield Variant(
        "there is no ramp: it starts with the schedule's first rate",
        lambda t: following(max(t - s, 0)),
    )
    yield Variant(
        "initial is missing: the ramp starts at 0",
        lambda t: top * t / s if t < s else following(t - s),
    )
    yield Variant(
        "initial is added to the whole ramp, which ends too high",
        lambda t: low + top * t / s if t < s else following(t - s),
    )


def _cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


def _lines(*points: tuple[float, float]) -> Callable[[float], float]:
    """Return the piecewise linear function through some points."""
    steps, rates = zip(*points, strict=True)
    return lambda t: float(np.interp(t, steps, rates))


def _cosines(*points: tuple[float, float]) -> Callable[[float], float]:
    """Return the function through some points that goes from one to the next by half a cosine."""

    def rate(t: float) -> float:
        t = min(t, points[-1][0])
        for (start, high), (end, low) in pairwise(points):
            if t <= end:
                return low + (high - low) * _cosine((t - start) / (end - start))
        return points[-1][1]

    return rate


def _one_cycle(like: ours.OneCycle) -> Iterator[Variant]:
    """Yield the variants of 1cycle, among them PyTorch's."""
    a, peak, end = like.initial, like.peak, like.steps - 1
    final = a / 1000 if like.final is None else like.final
    cycle = (1 - like.last) * end
    up = 0.3 * like.steps - 1
    finals = {final, a / 1e4}
    for low in finals:
        yield Variant(
            "PyTorch's OneCycleLR: 30 % of the steps up, then down by a cosine",
            _cosines((0, a), (up, peak), (end, low)),
            True,
        )
        yield Variant(
            "PyTorch's OneCycleLR with linear parts", _lines((0, a), (up, peak), (end, low)), True
        )
    yield Variant(
        "the parts are cosines, not lines",
        _cosines((0, a), (cycle / 2, peak), (cycle, a), (end, final)),
    )
    yield Variant(
        "it ends with the cycle: the last part, down to final, is missing",
        _lines((0, a), (end / 2, peak), (end, a)),
    )
    yield Variant(
        "it ends with the cycle: the last part, down to final, is missing",
        _lines((0, a), (cycle / 2, peak), (cycle, a)),
    )
    yield Variant(
        "the last step is steps - 1, not steps", replace(like, steps=like.steps + 1, final=final)
    )
    yield Variant(
        "the peak is in the middle of all steps, not of the cycle",
        _lines((0, a), (end / 2, peak), (cycle, a), (end, final)),
    )
    yield Variant("it goes up and stays at the peak", _lines((0, a), (cycle / 2, peak)))
    yield Variant(
        "it goes down from the peak to final in one part",
        _lines((0, a), (cycle / 2, peak), (end, final)),
    )
    yield Variant(
        "the cycle is upside down: it starts at the peak",
        _lines((0, peak), (cycle / 2, a), (cycle, peak), (end, final)),
    )
    yield Variant(
        "the last part goes down to 0, not to final",
        _lines((0, a), (cycle / 2, peak), (cycle, a), (end, 0)),
    )
    yield Variant(
        "at the end it jumps to final: the last part is linear, too",
        lambda t: like(t) if t <= cycle else final,
    )


# --- Performance scheduling


@dataclass(frozen=True)
class Plateau:
    """Performance scheduling that can be wrong."""

    like: ours.ReduceOnPlateau
    patience: int = 0  #: added to that of ``like``
    relative: bool = False
    rising: bool = False
    last: bool = False  #: compared with the last metric, not with the best one
    keeps_wait: bool = False
    floor: bool = True
    delta: bool = True
    cooldown: bool = True

    def init(self) -> Any:
        """Return the state before the first measurement."""
        best = -math.inf if self.rising else math.inf
        return self.like.initial, best, 0, 0

    def update(self, state: Any, metric: float) -> Any:
        """Return the rate after one more measurement, and the next state."""
        rate, best, wait, cooldown = state
        delta = self.like.min_delta if self.delta else 0.0
        bound = best * (1 - delta) if self.relative else best - delta
        better = metric > best + delta if self.rising else metric < bound
        cooldown = max(cooldown - 1, 0)
        wait = 0 if better or cooldown else wait + 1
        best = metric if better or self.last else best
        if not better and wait >= self.like.patience + self.patience:
            rate = max(rate * self.like.factor, self.like.minimum if self.floor else 0.0)
            wait = wait if self.keeps_wait else 0
            cooldown = self.like.cooldown if self.cooldown else 0
        return rate, (rate, best, wait, cooldown)


def _plateau(f: Any, like: ours.ReduceOnPlateau) -> Report:
    """Return the report on performance scheduling."""

    def rates(of: Any) -> Callable[..., Any]:
        def run(metrics: list[float]) -> list[float]:
            state, found = of.init(), []
            for metric in metrics:
                rate, state = of.update(state, metric)
                found.append(float(rate))
            return found

        return run

    late = (PLATEAU_PYTORCH, PLATEAU_PYTORCH + "; its threshold is relative")
    mistakes = {
        "patience is one too short: a cut after as many measurements as patience says": {
            "patience": -1
        },
        "the metric should fall, not rise": {"rising": True},
        "it compares with the measurement before, not with the best one": {"last": True},
        "the wait does not start anew after a cut": {"keeps_wait": True},
        "the minimum is missing": {"floor": False},
        "min_delta is missing: any improvement counts": {"delta": False},
        "the cooldown is missing": {"cooldown": False},
    }
    variants = [
        Variant(late[0], Plateau(like, patience=1), True),
        Variant(late[1], Plateau(like, patience=1, relative=True), True),
        Variant(
            "a threshold that is relative to the best metric", Plateau(like, relative=True), True
        ),
        *(Variant(text, Plateau(like, **flags)) for text, flags in mistakes.items()),  # type: ignore[arg-type]
    ]
    metrics = _metrics(like)
    case = Case("losses", (metrics,), at=[f"measurement {i + 1}" for i in range(len(metrics))])
    equal, _, other = trial.values(
        "rates", rates(f), like, [case], variants, as_function=rates,
        call="init() and update(state, metric)", atol=0.0,
    )  # fmt: skip
    again = trial.repeatable(rates(f), [case])
    hint = "memory in the object: what it must remember belongs in the state"
    return Report(
        f"schedule like {like}", (equal, replace(again, hint="" if again.holds else hint)),
        (other,) if other else (),
    )  # fmt: skip


PLATEAU_PYTORCH = "PyTorch's ReduceLROnPlateau, one measurement more patient"


def _metrics(like: ours.ReduceOnPlateau) -> list[float]:
    """Return losses that fall, stall, fall too little, rise, and stall for good."""
    p, delta = like.patience, max(like.min_delta, 1e-9)
    # 8 is far from 0, so that a threshold relative to it is another one
    creeping = [8 - 0.9 * delta * (i / (p + 2)) for i in range(p + 2)]
    small = [8 - 3 * delta * (i + 1) for i in range(p + 1)]
    up_and_down = [9.0 - (i % 2) for i in range(2 * p + 2)]
    falls = [6.0, 4.0, 2.0]
    cuts = 3 + math.ceil(math.log(max(like.minimum / like.initial, 1e-3)) / math.log(like.factor))
    return [
        10.0,
        9.0,
        *creeping,
        *small,
        *up_and_down,
        *falls,
        *[2.0] * (p + like.cooldown + 1) * max(cuts, 3),
    ]
