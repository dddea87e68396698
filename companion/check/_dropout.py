"""The check of dropout, its mask, and alpha dropout with its backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion import dropout as ours
from companion.activations import SELU_ALPHA, SELU_LAMBDA
from companion.check import _trial as trial
from companion.check._report import Report
from companion.check._trial import Case, Outcome, Variant, convention, mistake

NAMES = ("dropout", "alpha_dropout", "alpha_dropout_grad", "dropout_mask")


def dropout(f: Callable[..., Any], like: str) -> Report:
    r"""Check a function of dropout.

    Parameters
    ----------
    f : callable
        Called as ``f(x, mask, rate)``, where the mask is True for what is kept; for
        ``like="dropout_mask"`` as ``f(rng, shape, rate)``. A backward pass of dropout is called
        in the same way with the upstream gradient and checked with ``like="dropout"``, for
        dropout is its own backward pass; that of alpha dropout has its own name.
    like : {"dropout", "alpha_dropout", "alpha_dropout_grad", "dropout_mask"}
        The name in :mod:`companion.dropout` that it should match.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is none of these.

    Notes
    -----
    Recognized as conventions: the papers' dropout, which does not scale in training; masks of
    numbers rather than booleans, and masks that hold the factor 1 / (1 - rate).

    Examples
    --------
    >>> dropout(lambda x, mask, rate: x * mask / rate, like="dropout").hints[0]
    'scaled by 1 / rate instead of 1 / (1 - rate)'
    >>> report = dropout(lambda x, mask, rate: x * mask, like="dropout")
    >>> bool(report), report.conventions
    (True, ("the papers' dropout: the weights are multiplied by 1 - rate after training",))
    """
    name = trial.choose(like, NAMES)
    if name == "dropout_mask":
        return _mask(f)
    function = getattr(ours, name)
    cases = [_case(rate) for rate in (0.3, 0.5, 0.8)]
    equal, reference, other = trial.values(
        "values", f, function, cases, VARIANTS[name], call="f(x, mask, rate)"
    )
    kinds = [_case(0.25, dtype) for dtype in (np.float32, np.float64)]
    shapes = [_case(0.25, shape=shape) for shape in ((7,), (2, 3, 4), (1, 1))]
    ends = [
        _case(rate, dtype, scale=scale)
        for dtype in (np.float32, np.float64)
        for rate in (0.0, 0.9)
        for scale in (0.0, 1e-42, 1e4)
    ]
    return Report(
        f"function of dropout like {name}",
        (
            equal,
            trial.unchanged(f, kinds),
            trial.repeatable(f, kinds),
            trial.dtype_kept(f, function, kinds),
            trial.shape_kept(f, reference, shapes),
            trial.extremes(f, reference, ends),
        ),
        (other,) if other else (),
    )


def _case(
    rate: float, dtype: Any = np.float64, shape: tuple[int, ...] = (6, 5), scale: float = 1.0
) -> Case:
    rng = np.random.default_rng(0)
    x = (scale * rng.standard_normal(shape)).astype(dtype)
    label = f"rate {rate}, {x.dtype.name} of shape {shape}" + (
        "" if scale == 1 else f" times {scale:g}"
    )
    return Case(label, (x, rng.random(shape) >= rate, rate))


_ALPHA = -SELU_LAMBDA * SELU_ALPHA


def _scale(rate: float) -> float:
    return ((1 - rate) * (1 + rate * _ALPHA**2)) ** -0.5


def _alpha(x: Any, mask: Any, rate: float, floor: float = _ALPHA, q: float | None = None) -> Any:
    """Return alpha dropout that drops to another floor, or has another rate in a and b."""
    q = rate if q is None else q
    a = ((1 - q) * (1 + q * floor**2)) ** -0.5
    return a * np.where(mask, x, floor) - a * q * floor


_NO_MASK = "the mask is missing: dropped units come through (in a backward pass they get gradients)"
_INVERTED = "the mask is the wrong way round: what should be kept is dropped"

VARIANTS: dict[str, list[Variant]] = {
    "dropout": [
        *convention(
            "the papers' dropout: the weights are multiplied by 1 - rate after training",
            lambda x, m, p: x * m,
        ),
        *mistake("scaled by 1 / rate instead of 1 / (1 - rate)", lambda x, m, p: x * m / p),
        *mistake(
            "scaled by 1 - rate in training instead of 1 / (1 - rate)",
            lambda x, m, p: x * m * (1 - p),
        ),
        *mistake("scaled by rate instead of 1 / (1 - rate)", lambda x, m, p: x * m * p),
        *mistake(
            _NO_MASK, lambda x, m, p: x / (1 - p), lambda x, m, p: x, lambda x, m, p: x * (1 - p)
        ),
        *mistake(
            _INVERTED,
            lambda x, m, p: x * ~m / (1 - p),
            lambda x, m, p: x * ~m / p,
            lambda x, m, p: x * ~m,
        ),
        *mistake(
            "scaled by the share of this mask, not by its expectation 1 - rate",
            lambda x, m, p: x * m / m.mean(),
        ),
        *mistake(
            "scaled by the root of 1 - rate, which keeps the variance, not the mean",
            lambda x, m, p: x * m / (1 - p) ** 0.5,
        ),
        *mistake("scaled twice", lambda x, m, p: x * m / (1 - p) ** 2),
        *mistake(
            "it returns the scaled mask, not the inputs times it", lambda x, m, p: m / (1 - p)
        ),
    ],
    "alpha_dropout": [
        *mistake(
            "it is plain dropout: units drop to 0, not to SELU's saturation",
            ours.dropout,
            lambda x, m, p: x * m,
            lambda x, m, p: _scale(p) * x * m - _scale(p) * p * _ALPHA,
        ),
        *mistake(
            "a and b are missing: mean 0 and variance 1 are not restored",
            lambda x, m, p: np.where(m, x, _ALPHA),
        ),
        *mistake("the offset b is missing", lambda x, m, p: _scale(p) * np.where(m, x, _ALPHA)),
        *mistake(
            "the scale a is missing",
            lambda x, m, p: np.where(m, x, _ALPHA) - p * _ALPHA,
            lambda x, m, p: np.where(m, x, _ALPHA) - _scale(p) * p * _ALPHA,
        ),
        *mistake(
            "the offset b lacks the scale a",
            lambda x, m, p: _scale(p) * np.where(m, x, _ALPHA) - p * _ALPHA,
        ),
        *mistake(
            "the offset b has the wrong sign",
            lambda x, m, p: _scale(p) * (np.where(m, x, _ALPHA) + p * _ALPHA),
        ),
        *mistake(
            "the saturation has the wrong sign: it is negative",
            lambda x, m, p: _alpha(x, m, p, -_ALPHA),
        ),
        *mistake(
            "the saturation lacks the factor lambda: it is -lambda alpha",
            lambda x, m, p: _alpha(x, m, p, -1.6732632423543772),
        ),
        *mistake(
            "rate and 1 - rate are swapped in a and b", lambda x, m, p: _alpha(x, m, p, q=1 - p)
        ),
        *mistake(_INVERTED, lambda x, m, p: _alpha(x, ~m, p)),
        *mistake(
            "the root of a is missing",
            lambda x, m, p: _scale(p) ** 2 * (np.where(m, x, _ALPHA) - p * _ALPHA),
        ),
    ],
    "alpha_dropout_grad": [
        *mistake(_NO_MASK, lambda d, m, p: _scale(p) * d, lambda d, m, p: d),
        *mistake(_INVERTED, lambda d, m, p: _scale(p) * d * ~m),
        *mistake("the scale a is missing", lambda d, m, p: d * m),
        *mistake(
            "it is plain dropout's backward pass: the scale is a, not 1 / (1 - rate)", ours.dropout
        ),
        *mistake(
            "it runs the forward pass: a gradient has neither floor nor offset", ours.alpha_dropout
        ),
        *mistake("the scale is squared", lambda d, m, p: _scale(p) ** 2 * d * m),
        *mistake("the scale is divided by, not multiplied by", lambda d, m, p: d * m / _scale(p)),
    ],
}


def _mask(f: Any) -> Report:
    """Return the report on a function that draws masks."""
    cases = [
        Case(f"rate {rate}, seed {seed}", (np.random.default_rng(seed), (400, 250), rate))
        for seed, rate in ((1, 0.2), (2, 0.5), (3, 0.7))
    ]
    small = [Case(f"shape {s}", (np.random.default_rng(0), s, 0.5)) for s in ((5,), (2, 3, 4))]
    none = [Case("rate 0", (np.random.default_rng(0), (50,), 0.0))]

    def other_seed(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        other = trial.observe(f, Case("", (np.random.default_rng(99), *case.args[1:])))
        same = np.array_equal(outcome.value, other.value)
        return trial.Fault("the same mask", "another one") if same else None

    kind = _kind(trial.observe(f, none[0]).value, trial.observe(f, cases[1]).value)
    rows = "whole rows or columns drop together: draw one number for each element"
    seed = "rng is not used: a fixed seed, or no randomness"
    return Report(
        "function of dropout like dropout_mask",
        (
            trial.tried("the share that is kept", f, None, cases, _share, _why),
            trial.tried("units are dropped independently", f, None, cases, _independent, rows),
            trial.tried("rate 0 keeps all", f, None, none, _all_kept, _why),
            trial.tried("the shape", f, ours.dropout_mask, small, _shape),
            trial.repeatable(f, small),
            trial.tried("another seed gives another mask", f, None, cases[:1], other_seed, seed),
        ),
        (kind,) if kind else (),
    )


def _kept(outcome: Outcome) -> Any:
    return np.asarray(outcome.value, float) != 0


def _share(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
    """Return whether as many are kept as should be, up to 5 standard errors.

    Of whole rows or columns there are too few to tell, so a single one counts as an element.
    """
    kept, keep = _kept(outcome), 1 - case.args[2]
    count = kept.size if _independent(outcome, _, case) is None else min(kept.shape)
    error = 5 * (keep * (1 - keep) / count) ** 0.5
    if abs(kept.mean() - keep) <= error:
        return None
    return trial.Fault(f"{case.label}: {kept.mean():.4f}", f"{keep:.4f} +- {error:.4f}")


def _why(outcome: Outcome) -> str:
    if _kept(outcome).all():
        return "nothing is dropped"
    return "kept with probability rate instead of 1 - rate: it is rng.random(shape) >= rate"


def _independent(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
    """Return whether the means of rows and of columns vary as those of independent units."""
    kept = _kept(outcome)
    found = [kept.mean(axis).var() * kept.shape[axis] for axis in (0, 1)]
    if all(variance <= 2 * kept.var() for variance in found):
        return None
    return trial.Fault(f"{case.label}: whole rows or columns are alike", "each element for itself")


def _all_kept(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
    share = float(_kept(outcome).mean())
    return None if share == 1 else trial.Fault(f"{share:g} kept", "1")


def _shape(outcome: Outcome, expected: Any, case: Case) -> trial.Fault | None:
    came = np.shape(outcome.value)
    same = came == expected.shape
    return None if same else trial.Fault(f"{case.label}: {came}", str(expected.shape))


def _kind(at_rate_zero: Any, at_one_half: Any) -> str:
    """Return the convention that a mask's numbers follow, if they are no booleans."""
    if not trial.numeric(np.asarray(at_one_half)) or np.asarray(at_one_half).dtype == bool:
        return ""
    top = float(np.max(at_one_half, initial=0))
    scaled = top == 2 and float(np.max(at_rate_zero, initial=0)) == 1
    return "a mask that holds the scale 1 / (1 - rate)" if scaled else "a mask of numbers 0 and 1"
