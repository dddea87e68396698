"""The check of a clipping function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion import clipping as ours
from companion.check import _trial as trial
from companion.check._report import Property, Report
from companion.check._trial import Case, Outcome, Variant, convention, mistake

NAMES = ("clip_by_value", "clip_by_norm", "clip_by_global_norm")


def clipping(f: Callable[..., Any], like: str) -> Report:
    r"""Check a function that clips gradients.

    Parameters
    ----------
    f : callable
        Called as ``f(gradient, limit)``; for ``like="clip_by_global_norm"`` with a list of
        gradients, of which it returns a list or a tuple.
    like : {"clip_by_value", "clip_by_norm", "clip_by_global_norm"}
        The name in :mod:`companion.clipping` that it should match.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is none of these.

    Notes
    -----
    PyTorch's 1e-6, which it adds to the norm, is recognized as a convention.

    Examples
    --------
    >>> bool(clipping(lambda g, c: g * min(1, c / np.linalg.norm(g)), like="clip_by_value"))
    False
    >>> def scaled_always(g, c):
    ...     return g * c / np.linalg.norm(g)
    >>> clipping(scaled_always, like="clip_by_norm").hints[0]
    'a gradient that is shorter than the limit is made longer: scale only what exceeds it'
    """
    name = trial.choose(like, NAMES)
    many = name == "clip_by_global_norm"
    function = getattr(ours, name)
    cases = [
        Case(f"{size} gradient, limit {limit:g}", (_gradient(scale, many), limit))
        for size, scale, limit in (("long", 3.0, 2.5), ("short", 0.01, 2.5), ("long", 40.0, 0.5))
    ]
    call = "f(gradients, limit)" if many else "f(gradient, limit)"
    equal, reference, other = trial.values("values", f, function, cases, VARIANTS[name], call=call)
    kinds = [
        Case(t.__name__, (_gradient(3.0, many, t), limit))
        for t in (np.float32, np.float64)
        for limit in (1.0, 1e3)
    ]
    ends = [
        Case(f"components of {size:g} in {t.__name__}", (_all(size, many, t), 1.0))
        for t in (np.float32, np.float64)
        for size in (0.0, 1e-42, 1e4)
    ]
    shapes = [Case(f"shape {g.shape}", ([g] if many else g, 1.0)) for g in _shapes()]
    return Report(
        f"clipping function like {name}",
        (
            equal,
            _inside(f, name, many, equal.hint),
            trial.unchanged(f, kinds),
            trial.repeatable(f, kinds),
            trial.dtype_kept(f, function, kinds),
            trial.shape_kept(f, reference, shapes),
            trial.extremes(f, reference, ends),
        ),
        (other,) if other else (),
    )


def _gradient(scale: float, many: bool, dtype: Any = np.float64) -> Any:
    """Return a gradient, or several of unequal size, with components of both signs."""
    rng = np.random.default_rng(0)
    several = [
        (scale * factor * rng.standard_normal(shape)).astype(dtype)
        for shape, factor in (((4, 3), 1.0), ((5,), 0.1), ((2, 2), 2.0))
    ]
    return several if many else several[0]


def _all(size: float, many: bool, dtype: Any) -> Any:
    gradient = np.array([[size, -size], [size, size]], dtype)
    return [gradient, gradient[0]] if many else gradient


def _shapes() -> list[Any]:
    g = np.linspace(-2, 3, 24)
    return [g, g.reshape(2, 3, 4), g.reshape(4, 6).T, g.reshape(4, 6)[::2, ::2], g[:1]]


def _inside(f: Any, name: str, many: bool, hint: str) -> Property:
    """Return whether nothing that comes back exceeds the limit."""
    norm = np.max if name == "clip_by_value" else np.linalg.norm
    cases = [Case(f"limit {c:g}", (_gradient(5.0, many), c)) for c in (0.1, 1.0, 100.0)]

    def fault(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        parts = [np.abs(g.astype(float)).ravel() for g in trial.arrays(outcome.value)]
        length, limit = float(norm(np.concatenate(parts))), case.args[1]
        if length <= limit * (1 + 1e-6):
            return None
        return trial.Fault(f"{case.label}: {length:.6g}", f"at most {limit:g}")

    title = f"no {'component' if name == 'clip_by_value' else 'norm'} exceeds the limit"
    return trial.tried(title, f, getattr(ours, name), cases, fault, hint)


def _norm(g: Any) -> Any:
    return np.sqrt(np.sum(g**2))


def _together(gradients: Any) -> Any:
    return np.sqrt(sum(np.sum(g**2) for g in gradients))


def _each(gradients: Any, scale: Any) -> list[Any]:
    return [scale * g for g in gradients]


_ALWAYS = "a gradient that is shorter than the limit is made longer: scale only what exceeds it"
_SQUARED = "the norm lacks its square root"
_PYTORCH = "PyTorch's clip_grad_norm_, which adds 1e-6 to the norm"

VARIANTS: dict[str, list[Variant]] = {
    "clip_by_value": [
        *mistake(
            "it clips from above only: very negative components pass", lambda g, c: np.minimum(g, c)
        ),
        *mistake(
            "it clips from below only: very positive components pass",
            lambda g, c: np.maximum(g, -c),
        ),
        *mistake(
            "it clips to [0, limit]: the negative components are lost",
            lambda g, c: np.clip(g, 0, c),
        ),
        *mistake(
            "the sign is lost: it clips the absolute value", lambda g, c: np.minimum(np.abs(g), c)
        ),
        *mistake("it clips by norm, not by value", ours.clip_by_norm),
        *mistake(
            "what exceeds the limit is set to zero, not to the limit",
            lambda g, c: np.where(np.abs(g) > c, 0, g),
        ),
        *mistake(
            "what exceeds the limit loses its sign", lambda g, c: np.where(np.abs(g) > c, c, g)
        ),
        *mistake(
            "the whole is scaled by the largest component",
            lambda g, c: g * min(1, c / np.abs(g).max()),
        ),
    ],
    "clip_by_norm": [
        *convention(_PYTORCH, lambda g, c: g * min(1, c / (_norm(g) + 1e-6))),
        *mistake(_ALWAYS, lambda g, c: g * c / _norm(g)),
        *mistake(
            _SQUARED,
            lambda g, c: g * min(1, c / np.sum(g**2)),
            lambda g, c: g * (c / np.sum(g**2) if _norm(g) > c else 1),
        ),
        *mistake("it clips by value, which turns the direction", ours.clip_by_value),
        *mistake(
            "it scales to norm 1, whatever the limit",
            lambda g, c: g / _norm(g),
            lambda g, c: g / _norm(g) if _norm(g) > c else g,
        ),
        *mistake(
            "it multiplies by the limit without dividing by the norm",
            lambda g, c: g * c,
            lambda g, c: g * c if _norm(g) > c else g,
        ),
        *mistake(
            "it divides by the norm and by the limit",
            lambda g, c: g / (c * _norm(g)) if _norm(g) > c else g,
        ),
        *mistake(
            "the fraction is upside down: norm / limit",
            lambda g, c: g * max(1, _norm(g) / c),
            lambda g, c: g * _norm(g) / c if _norm(g) > c else g,
        ),
        *mistake(
            "the norm is of each row or column, not of the whole",
            *(
                lambda g, c, a=a: g * np.minimum(1, c / np.sqrt((g**2).sum(a, keepdims=True)))
                for a in (0, -1)
            ),
        ),
        *mistake(
            "the norm is the sum of absolute values", lambda g, c: g * min(1, c / np.abs(g).sum())
        ),
        *mistake(
            "the norm is the largest absolute value", lambda g, c: g * min(1, c / np.abs(g).max())
        ),
        *mistake(
            "the norm is NumPy's spectral norm of a matrix, ord=2: flatten first",
            lambda g, c: g * min(1, c / np.linalg.norm(g, 2)),
        ),
        *mistake(
            "the mean of the squares takes their sum's place",
            lambda g, c: g * min(1, c / np.sqrt(np.mean(g**2))),
        ),
    ],
    "clip_by_global_norm": [
        *convention(_PYTORCH, lambda gs, c: _each(gs, min(1, c / (_together(gs) + 1e-6)))),
        *mistake(
            "each gradient is clipped by its own norm",
            lambda gs, c: [ours.clip_by_norm(g, c) for g in gs],
        ),
        *mistake(_ALWAYS, lambda gs, c: _each(gs, c / _together(gs))),
        *mistake(_SQUARED, lambda gs, c: _each(gs, min(1, c / _together(gs) ** 2))),
        *mistake(
            "the norms are added, not their squares",
            lambda gs, c: _each(gs, min(1, c / sum(map(_norm, gs)))),
        ),
        *mistake(
            "the largest of the norms takes the global one's place",
            lambda gs, c: _each(gs, min(1, c / max(map(_norm, gs)))),
        ),
        *mistake(
            "the mean of the norms takes the global one's place",
            lambda gs, c: _each(gs, min(1, c / (sum(map(_norm, gs)) / len(gs)))),
        ),
        *mistake(
            "the mean of the squares takes their sum's place",
            lambda gs, c: _each(gs, min(1, c / (_together(gs) / len(gs) ** 0.5))),
        ),
        *mistake(
            "it clips by value, which turns the direction",
            lambda gs, c: [ours.clip_by_value(g, c) for g in gs],
        ),
        *mistake(
            "it scales to norm 1, whatever the limit",
            lambda gs, c: _each(gs, 1 / _together(gs) if _together(gs) > c else 1),
        ),
        *mistake(
            "only the first gradient is clipped",
            lambda gs, c: [gs[0] * min(1, c / _together(gs)), *gs[1:]],
        ),
    ],
}
