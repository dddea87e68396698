"""The check of an initializer, by the statistics of what it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from companion import initializers as ours
from companion.check import _trial as trial
from companion.check._report import Property, Report
from companion.check._trial import Case, Outcome, Variant

_NAMES = ("glorot", 1.0, "fan_avg"), ("he", 2.0, "fan_in"), ("lecun", 1.0, "fan_in")

#: What the names of ours stand for: the scale, the fan, the distribution.
SCALINGS = {
    f"{name}_{kind}": (scale, fan, distribution)
    for name, scale, fan in _NAMES
    for kind, distribution in (("normal", "truncated_normal"), ("uniform", "uniform"))
}

SHAPES = ((400, 100), (100, 400), (3, 5, 40, 100))


def initializer(f: Callable[..., Any], like: str) -> Report:
    r"""Check an initializer: mean, variance, distribution, and its use of the generator.

    What it draws for a wide and a tall dense kernel and a convolution kernel is described by the
    standard deviation and by two quantiles of :math:`|w|`, the median and the 99th percentile,
    which tell uniform, normal and truncated normal apart. With 40,000 weights or more the
    tolerance of 3 % is 5 standard errors or more.

    Parameters
    ----------
    f : callable
        Called as ``f(rng, shape)``.
    like : str
        The name in :mod:`companion.initializers` that it should match, such as "he_normal" or
        "orthogonal".

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is not the name of an initializer.

    Notes
    -----
    Recognized as a convention: normal distributions that are not truncated, as PyTorch's.

    Examples
    --------
    >>> def he(rng, shape):
    ...     return rng.normal(0, (2 / np.prod(shape[:-2]) / shape[-1]) ** 0.5, shape)
    >>> initializer(he, like="he_normal").hints[0]
    'variance 2 / fan_out instead of 2 / fan_in'
    """
    name = trial.choose(like, [*SCALINGS, "orthogonal"])
    if name == "orthogonal":
        return _orthogonal(f)
    cases = [_case(shape) for shape in SHAPES]
    equal, _, other = trial.values(
        "standard deviation and distribution", _summarized(f), _summarized(getattr(ours, name)),
        cases, variants(name), rtol=0.03, call="f(rng, shape)",
    )  # fmt: skip
    return Report(
        f"initializer like {name}",
        (
            equal,
            trial.tried("the mean is 0", f, None, cases, _centred, equal.hint),
            *_manners(f, [*SHAPES, (7, 3)]),
        ),
        (other,) if other else (),
    )


def _case(shape: tuple[int, ...]) -> Case:
    at = ["standard deviation", "median of |w|", "99th percentile of |w|"]
    return Case(f"shape {shape}", (np.random.default_rng(1), shape), at=at)


def _summarized(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that draws weights and returns their statistics."""

    def summary(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        w = np.asarray(f(rng, shape), float)
        return np.array([w.std(), *np.quantile(np.abs(w - w.mean()), (0.5, 0.99))])

    return summary


def _centred(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
    w = np.asarray(outcome.value, float)
    error = 5 * float(w.std()) / w.size**0.5
    if abs(w.mean()) <= error:
        return None
    return trial.Fault(f"{case.label}: mean {w.mean():.3g}", f"0 +- {error:.2g}")


def _manners(f: Any, shapes: Sequence[tuple[int, ...]]) -> list[Property]:
    """Return how an initializer treats its generator and its shape."""
    cases = [Case(f"shape {shape}", (np.random.default_rng(2), shape)) for shape in shapes]

    def shape(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        came = np.shape(outcome.value)
        kind = getattr(outcome.value, "dtype", np.dtype(object)).kind
        if came == case.args[1] and kind == "f":
            return None
        described = trial.described(trial.arrays(outcome.value))
        return trial.Fault(described, f"an array of floats of shape {case.args[1]}")

    def other_seed(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        other = trial.observe(f, Case("", (np.random.default_rng(3), case.args[1])))
        same = np.array_equal(np.asarray(outcome.value), np.asarray(other.value))
        return trial.Fault(f"{case.label}: the same weights", "other weights") if same else None

    def quiet(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        return trial.Fault(outcome.warnings[0], "no warning") if outcome.warnings else None

    fixed = "rng is not used: a fixed seed, or no randomness"
    return [
        trial.tried("the shape that was asked for", f, None, cases, shape),
        trial.repeatable(f, cases[-1:]),
        trial.tried("another seed gives other weights", f, None, cases[-1:], other_seed, fixed),
        trial.tried("no warnings", f, None, cases, quiet),
    ]


# ----------------------------------------------------------------------------------------------
# Variants


Draw = Callable[..., Any]
Variance = Callable[[float, float, Any], float]  # of fan_in, fan_out and the shape


def variants(name: str) -> list[Variant]:
    """Return all variants of an initializer, conventions first."""
    scale, fan, distribution = SCALINGS[name]
    size = "the mean of both fans" if fan == "fan_avg" else "fan_in"

    def right(i: float, o: float, s: Any) -> float:
        return scale / FANS[size](i, o, s)

    kind, draws = (
        (_uniform, [uniform]) if distribution == "uniform" else (_normal, [normal, truncated])
    )
    table = kind(right)
    for draw in draws:
        table += [(text, draw, variance) for text, variance in _any(right)]
        table += [
            (
                f"variance {other:g} / {label} instead of {scale:g} / {size}",
                draw,
                _over(other, label),
            )
            for other in (1.0, 2.0)
            for label in FANS
            if (other, label) != (scale, size)
        ]
    return [Variant(text, _drawn(*row), "not truncated" in text) for text, *row in table]


def _drawn(draw: Draw, variance: Variance) -> Callable[..., Any]:
    """Return the function that gives the statistics of a draw with a variance."""

    def summary(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return variance(*ours.fans(shape), shape) ** 0.5 * _unit_summary(draw, shape)

    return summary


def _over(scale: float, label: str) -> Variance:
    return lambda i, o, s: scale / FANS[label](i, o, s)


def _uniform(right: Variance) -> list[tuple[str, Draw, Variance]]:
    """Return the variants of the uniform distributions."""
    pytorch = (
        "it draws from U(-sqrt(1 / fan_in), sqrt(1 / fan_in)), the default of PyTorch's layers"
    )
    short = "the limit is sqrt(variance), not sqrt(3 variance): a third of the variance"
    no_root = "the limit lacks its square root"
    return [
        (short, uniform, lambda *a: right(*a) / 3),
        (no_root, uniform, lambda *a: 3 * right(*a) ** 2),
        (no_root, uniform, lambda *a: right(*a) ** 2 / 3),
        ("the distribution is from 0 up, not around 0", half_uniform, right),
        ("the distribution is normal, not uniform", normal, right),
        ("the distribution is normal, not uniform", truncated, right),
        (pytorch, uniform, lambda i, o, s: 1 / (3 * i)),
    ]


def _normal(right: Variance) -> list[tuple[str, Draw, Variance]]:
    """Return the variants of the normal distributions."""
    narrow = "truncated, but not widened by 1 / 0.8796: a quarter of the variance is missing"
    limit = "the distribution is uniform with the standard deviation as its limit"
    return [
        ("a normal distribution that is not truncated, as PyTorch's", normal, right),
        (narrow, cut, right),
        ("the distribution is uniform, not normal", uniform, right),
        (limit, uniform, lambda *a: right(*a) / 3),
    ]


def _any(right: Variance) -> list[tuple[str, Variance]]:
    """Return what can be wrong with the variance of any distribution."""
    no_root = "the variance is used as the standard deviation: its square root is missing"
    fixed = "a fixed standard deviation, whatever the fans"
    return [
        (no_root, lambda *a: right(*a) ** 2),
        ("the square root is taken twice", lambda *a: right(*a) ** 0.5),
        ("the weights are not scaled: standard deviation 1", lambda *a: 1.0),
        (fixed, lambda *a: 0.05**2),
        (fixed, lambda *a: 0.01**2),
        ("variance 1 / (fan_in + fan_out): the 2 of the mean of both is missing", _sum(1.0)),
        ("variance 6 / (fan_in + fan_out), the square of a uniform limit", _sum(6.0)),
    ]


def _sum(scale: float) -> Variance:
    return lambda i, o, s: scale / (i + o)


@cache
def _unit_summary(draw: Callable[..., Any], shape: tuple[int, ...]) -> Any:
    """Return the statistics of a draw of variance 1, to be scaled."""
    return _summarized(draw)(np.random.default_rng(1), shape)


#: Sizes that are taken for the fan, from fan_in, fan_out and the shape.
FANS: dict[str, Callable[[float, float, Any], float]] = {
    "fan_in": lambda i, o, s: i,
    "fan_out": lambda i, o, s: o,
    "the mean of both fans": lambda i, o, s: (i + o) / 2,
    "the channels alone (a kernel's height and width count, too)": lambda i, o, s: s[-2],
    "the channels out alone": lambda i, o, s: s[-1],
    "the mean of the channels alone (height and width count, too)": lambda i, o, s: (
        (s[-2] + s[-1]) / 2
    ),
    "shape[0] (for a convolution kernel, its height)": lambda i, o, s: s[0],
    "the mean of the first two axes": lambda i, o, s: (s[0] + s[1]) / 2,
    "shape[1]": lambda i, o, s: s[1],
    "the fan of PyTorch's layout (out, in, height, width)": lambda i, o, s: (
        s[1] * int(np.prod(s[2:]))
    ),
    "the number of weights": lambda i, o, s: int(np.prod(s)),
    "the product of all axes but the first": lambda i, o, s: int(np.prod(s[1:])),
}


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw from the standard normal distribution."""
    return rng.standard_normal(shape)


def cut(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw from the normal distribution cut at 2 standard deviations, without widening it."""
    return ours.TRUNCATED_STDDEV * truncated(rng, shape)


def truncated(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw from the truncated normal distribution of variance 1."""
    return ours.variance_scaling(rng, shape, scale=ours.fans(shape)[0], dtype=np.float64)


def uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw from the uniform distribution of variance 1."""
    return rng.uniform(-(3**0.5), 3**0.5, shape)


def half_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Draw from the positive half of that uniform distribution."""
    return rng.uniform(0, 3**0.5, shape)


def _orthogonal(f: Any) -> Report:
    """Return the report on an orthogonal initializer."""
    shapes = ((30, 12), (12, 30), (20, 20), (3, 3, 4, 8))
    cases = [Case(f"shape {shape}", (np.random.default_rng(1), shape)) for shape in shapes]

    def gram(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        w = np.asarray(outcome.value, float)
        if w.shape != case.args[1]:
            return trial.Fault(f"{case.label}: {w.shape}", f"{case.args[1]}")
        w = w.reshape(-1, w.shape[-1])
        product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
        error = np.abs(product - np.eye(len(product))).max()
        if error < 1e-5:
            return None
        return trial.Fault(
            f"{case.label}: the product differs by {error:.3g}", "the identity matrix"
        )

    def uniform(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        w = np.asarray(outcome.value)
        error = 5 * float(w.std()) / len(w) ** 0.5
        worst = float(w.mean(0).ravel()[np.abs(w.mean(0)).argmax()])
        if abs(worst) <= error:
            return None
        return trial.Fault(f"{case.label}: an element's mean is {worst:.3f}", f"0 +- {error:.3f}")

    def many(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return np.stack([f(rng, shape) for _ in range(400)])

    draws = [Case("400 draws of shape (3, 3)", (np.random.default_rng(1), (3, 3)))]
    return Report(
        "initializer like orthogonal",
        (
            trial.tried(
                "rows or columns are orthonormal", f, None, cases, gram, _why_not_orthogonal
            ),
            trial.tried(
                "uniform among the orthogonal matrices", many, None, draws, uniform, _SIGNS
            ),
            *_manners(f, shapes),
        ),
    )


_SIGNS = (
    "the signs of R's diagonal are not multiplied into Q, so that the first element, say, always "
    "has the same sign"
)


def _why_not_orthogonal(outcome: Outcome) -> str:
    """Return the likely reason why a matrix is not orthogonal."""
    w = np.asarray(outcome.value, float)
    if w.ndim < 2:
        return ""
    w = w.reshape(-1, w.shape[-1])
    short = w if w.shape[0] <= w.shape[1] else w.T
    product = short @ short.T
    diagonal = np.diag(product)
    if np.allclose(product, diagonal[0] * np.eye(len(product)), atol=1e-6 * abs(diagonal[0])):
        return f"orthogonal, but scaled: the gain is {diagonal[0] ** 0.5:.4g}, not 1"
    if np.allclose(diagonal, 1, atol=1e-5):
        return "the columns have length 1, but are not orthogonal to each other"
    return "it is not the Q of a QR decomposition: of a wide matrix, decompose the transpose"
