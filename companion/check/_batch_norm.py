"""The check of batch normalization, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from companion import batch_norm as ours
from companion.check import _trial as trial
from companion.check._report import Property, Report
from companion.check._trial import Case, Outcome, Variant, convention, mistake


def batch_norm(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    inference: Callable[..., Any] | None = None,
    update_moving: Callable[..., Any] | None = None,
) -> Report:
    r"""Check batch normalization in training and, if given, after it.

    The backward pass is compared with finite differences of the reader's own forward pass, for a
    random upstream gradient: for one of ones the true gradient of the batch is zero, which hides
    nearly every mistake.

    Parameters
    ----------
    forward : callable
        Called as ``forward(x, gamma, beta, epsilon=epsilon)``, for batches of shape
        (instances, features) and (instances, height, width, channels). Returns the normalized
        batch and a cache, of which nothing is asked.
    backward : callable
        Called as ``backward(dy, cache)``. Returns the gradients for ``x``, ``gamma``, ``beta``.
    inference : callable, optional
        Called as ``inference(x, gamma, beta, moving_mean, moving_variance, epsilon=epsilon)``.
    update_moving : callable, optional
        Called as ``update_moving(moving, batch, momentum)``.

    Returns
    -------
    Report

    Notes
    -----
    Recognized as conventions: PyTorch's order of axes, with the channels second; the unbiased
    variance; PyTorch's momentum, which is the share of the new.

    Examples
    --------
    >>> from companion.batch_norm import batch_norm as forward, batch_norm_backward as backward
    >>> bool(batch_norm(forward, backward))
    True
    >>> def constant_statistics(dy, cache):
    ...     dx, dgamma, dbeta = backward(dy, cache)
    ...     return dy * cache.gamma / cache.std, dgamma, dbeta
    >>> batch_norm(forward, constant_statistics).hints[0]
    'the mean and the variance are taken for constants, but both depend on x'
    """
    found, conventions = _forward(forward)
    found += _backward(forward, backward)
    if inference is not None:
        found += _inference(inference)
    if update_moving is not None:
        moving, other = _moving(update_moving)
        found.append(moving)
        conventions += [other] if other else []
    return Report("batch normalization", tuple(found), tuple(dict.fromkeys(conventions)))


def _case(
    shape: tuple[int, ...], dtype: Any = np.float64, epsilon: float = 1e-3, scale: float = 1.0
) -> Case:
    """Return a batch whose features have unlike means and spreads."""
    rng = np.random.default_rng(0)
    features = shape[-1]
    spread = np.logspace(-2, 0.5, features)
    x = scale * (rng.standard_normal(shape) * spread + np.linspace(-2, 3, features))
    gamma, beta = rng.uniform(0.5, 2, features), rng.standard_normal(features)
    args = tuple(a.astype(dtype) for a in (x, gamma, beta))
    return Case(f"shape {shape} in {np.dtype(dtype).name}", args, {"epsilon": epsilon})


# both sizes 3, so that PyTorch's order of axes is possible and visible
IMAGES = (4, 3, 2, 3)


def _forward(forward: Any) -> tuple[list[Property], list[str]]:
    """Return the forward pass's properties and its conventions."""

    def first(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs)[0]

    call = "forward(x, gamma, beta, epsilon=epsilon), which returns a pair, (y, cache)"
    dense = [_case((8, 5)), _case((6, 4), epsilon=1e-1)]
    equal, reference, other = trial.values(
        "values", first, _ours, dense, FORWARD, call=call, atol=1e-9
    )
    target = reference or _ours
    images, _, order = trial.values(
        "values for images", first, target if equal.holds else _ours, [_case(IMAGES)],
        [*_orders(target), *FORWARD, *_orders_wrong(target)], call=call, atol=1e-9,
    )  # fmt: skip
    kinds = [_case((8, 5), dtype) for dtype in (np.float32, np.float64)]
    constant = [
        Case(
            f"a constant feature in {k.label}",
            (np.full_like(k.args[0], 2.0), *k.args[1:]),
            k.kwargs,
        )
        for k in kinds
    ]
    ends = [
        *constant,
        *(
            _case((8, 5), dtype, scale=s)
            for dtype in (np.float32, np.float64)
            for s in (1e-42, 1e4)
        ),
        _far(np.float64),
        _far(np.float32),
    ]
    found = [
        equal,
        images,
        trial.unchanged(first, kinds),
        trial.repeatable(first, kinds),
        trial.dtype_kept(first, _ours, kinds),
        trial.extremes(first, reference, ends, rtol=2e-3, atol=2e-3),
    ]
    return found, [c for c in (other, order) if c]


def _far(dtype: Any) -> Case:
    """Return a batch far from zero, whose variance must not be a difference of squares."""
    case = _case((8, 5), dtype)
    x, gamma, beta = case.args
    x = (np.linspace(-1, 1, 8)[:, None] + 0 * x + 1e4).astype(dtype)
    return Case(f"a mean of 1e4 in {np.dtype(dtype).name}", (x, gamma, beta), case.kwargs)


def _ours(x: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    return ours.batch_norm(x, gamma, beta, epsilon=epsilon)[0]


def _normalized(
    axes: Callable[[int], tuple[int, ...]] = lambda n: tuple(range(n - 1)),
    scale: Callable[..., Any] = lambda variance, epsilon: np.sqrt(variance + epsilon),
    ddof: int = 0,
    output: Callable[..., Any] = lambda x_hat, gamma, beta: gamma * x_hat + beta,
) -> Callable[..., Any]:
    """Return a forward pass with other axes, another divisor, or another output."""

    def forward(x: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
        over = axes(x.ndim)
        centred = x - x.mean(over, keepdims=True)
        variance = x.var(over, keepdims=True, ddof=ddof)
        return output(centred / scale(variance, epsilon), gamma, beta)

    return forward


_AXES = "statistics over the wrong axes"

FORWARD: list[Variant] = [
    *convention(
        "the unbiased variance, n - 1 in place of n (frameworks keep it for the moving variance)",
        _normalized(ddof=1),
    ),
    *mistake(
        f"{_AXES}: over each instance (layer normalization), not over the batch",
        _normalized(lambda n: (n - 1,)),
        _normalized(lambda n: tuple(range(1, n))),
    ),
    *mistake(f"{_AXES}: over all of them, features too", _normalized(lambda n: tuple(range(n)))),
    *mistake(
        f"{_AXES}: over the instances only, so that each pixel has its own",
        _normalized(lambda n: (0,)),
    ),
    *mistake(
        f"{_AXES}: over each image alone (instance normalization)",
        _normalized(lambda n: tuple(range(1, n - 1))),
    ),
    *mistake(
        "epsilon is added to the standard deviation, not to the variance",
        _normalized(scale=lambda v, e: np.sqrt(v) + e),
    ),
    *mistake(
        "epsilon is missing, or fixed at a value of its own",
        _normalized(scale=lambda v, e: np.sqrt(v)),
        *(
            _normalized(scale=lambda v, e, own=own: np.sqrt(v + own))
            for own in (1e-3, 1e-5, 1e-7, 1e-8)
        ),
    ),
    *mistake("epsilon is squared", _normalized(scale=lambda v, e: np.sqrt(v + e**2))),
    *mistake(
        "divided by the variance: its square root is missing", _normalized(scale=lambda v, e: v + e)
    ),
    *mistake("not divided by the standard deviation", _normalized(scale=lambda v, e: 1.0)),
    *mistake("gamma and beta are swapped", _normalized(output=lambda x, g, b: b * x + g)),
    *mistake("gamma and beta are missing", _normalized(output=lambda x, g, b: x)),
    *mistake("gamma is missing", _normalized(output=lambda x, g, b: x + b)),
    *mistake("beta is missing", _normalized(output=lambda x, g, b: g * x)),
    *mistake("gamma multiplies beta, too", _normalized(output=lambda x, g, b: g * (x + b))),
    *mistake("beta is subtracted", _normalized(output=lambda x, g, b: g * x - b)),
    *mistake(
        "the mean is not subtracted",
        lambda x, g, b, *, epsilon: g * x / np.sqrt(x.var(0) + epsilon) + b,
    ),
]


def _swap(forward: Any) -> Any:
    """Return a forward pass with the channels second."""

    def second(x: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
        return np.moveaxis(forward(np.moveaxis(x, 1, -1), gamma, beta, epsilon=epsilon), -1, 1)

    return second


def _orders(forward: Any) -> list[Variant]:
    text = "PyTorch's order of axes: the channels are second, (instances, channels, height, width)"
    return convention(text, _swap(forward))


def _orders_wrong(forward: Any) -> list[Variant]:
    """Return what a two-dimensional implementation does to images."""

    def pixels(x: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
        flat = x.reshape(len(x), -1)
        size = flat.shape[1] // gamma.size
        y = forward(flat, np.tile(gamma, size), np.tile(beta, size), epsilon=epsilon)
        return y.reshape(x.shape)

    return mistake(f"{_AXES}: over the instances only, so that each pixel has its own", pixels)


# ----------------------------------------------------------------------------------------------
# Backward


def _backward(forward: Any, backward: Any) -> list[Property]:
    """Return the backward pass's properties: each gradient against finite differences."""
    gradients = _gradients(forward, backward)
    over = "the sums run over the instances only: height and width belong to the batch, too"
    hint = over if all(p.holds for p in gradients) else ""
    return [*gradients, *_backward_manners(forward, backward, hint)]


def _gradients(forward: Any, backward: Any) -> list[Property]:
    """Return whether the three gradients are those of the forward pass."""
    found = []
    case = _case((8, 5), epsilon=1e-2)
    rng = np.random.default_rng(3)
    dy = rng.standard_normal(case.args[0].shape)
    came = trial.observe(lambda *args, **kw: backward(dy.copy(), forward(*args, **kw)[1]), case)
    parts = trial.arrays(came.value)
    names = ("x", "gamma", "beta")
    if came.error or len(parts) != 3:
        measured = f"raises {came.error}" if came.error else trial.described(parts)
        return [Property("gradients", False, measured, "three arrays: dx, dgamma, dbeta", "")]
    _, cache = ours.batch_norm(*case.args, **case.kwargs)
    for index, name in enumerate(names):
        true = trial.evaluate(_numerical, Case("", (forward, case, dy, index)))
        outcome = Outcome(parts[index])
        fault = trial.difference(
            outcome, true, replace(case, label=f"gradient for {name}"), 1e-5, 1e-6
        )
        title = f"gradient for {name} by finite differences of the forward pass"
        if fault is None:
            found.append(Property(title, True, "for a random upstream gradient"))
            continue
        hint = next(
            (
                text
                for text, wrong in BACKWARD[name].items()
                if trial.agree(
                    parts[index], trial.evaluate(wrong, Case("", (dy, cache))), 1e-5, 1e-6
                )
            ),
            "",
        )
        if hint and name == "x" and _hidden_by_ones(forward, backward, case):
            hint += "; a test whose upstream gradient is ones hides it, for there dx is zero"
        found.append(Property(title, False, *fault, hint))
    return found


def _numerical(forward: Any, case: Case, dy: Any, index: int) -> Any:
    """Return the gradient of sum(dy * y) for one argument, element by element."""
    gradient = np.zeros_like(case.args[index])
    for i in np.ndindex(gradient.shape):

        def loss(h: float, i: tuple[int, ...] = i) -> float:
            args = [a.copy() for a in case.args]
            args[index][i] += h
            return float(np.sum(dy * np.asarray(forward(*args, **case.kwargs)[0])))

        gradient[i] = trial.slope(loss)
    return gradient


def _hidden_by_ones(forward: Any, backward: Any, case: Case) -> bool:
    """Return whether an upstream gradient of ones gives the right dx, which is zero."""
    outcome = trial.observe(
        lambda *args, **kw: backward(np.ones_like(args[0]), forward(*args, **kw)[1])[0], case
    )
    return not outcome.error and bool(np.abs(np.asarray(outcome.value)).max() < 1e-8)


BACKWARD: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    "x": {
        "the mean and the variance are taken for constants, but both depend on x": lambda d, c: (
            d * c.gamma / c.std
        ),
        "the mean and the variance are taken for constants, and gamma is missing": lambda d, c: (
            d / c.std
        ),
        "the variance is taken for a constant: the term with x_hat is missing": lambda d, c: (
            c.gamma / c.std * (d - d.mean(0))
        ),
        "the mean is taken for a constant: the mean of dy is not subtracted": lambda d, c: (
            c.gamma / c.std * (d - c.x_hat * (d * c.x_hat).mean(0))
        ),
        "gamma is missing": lambda d, c: (d - d.mean(0) - c.x_hat * (d * c.x_hat).mean(0)) / c.std,
        "not divided by the standard deviation": lambda d, c: (
            c.gamma * (d - d.mean(0) - c.x_hat * (d * c.x_hat).mean(0))
        ),
        "divided by the variance, not by the standard deviation": lambda d, c: (
            c.gamma / c.std**2 * (d - d.mean(0) - c.x_hat * (d * c.x_hat).mean(0))
        ),
        "1 / n is missing: sums where means belong": lambda d, c: (
            c.gamma / c.std * (d - d.sum(0) - c.x_hat * (d * c.x_hat).sum(0))
        ),
        "the whole lacks its factor n, or is divided by n once too often": lambda d, c: (
            c.gamma / c.std * (d - d.mean(0) - c.x_hat * (d * c.x_hat).mean(0)) / len(d)
        ),
        "a sign is wrong: the term with x_hat is subtracted": lambda d, c: (
            c.gamma / c.std * (d - d.mean(0) + c.x_hat * (d * c.x_hat).mean(0))
        ),
        "a sign is wrong: the mean of dy is subtracted": lambda d, c: (
            c.gamma / c.std * (d + d.mean(0) - c.x_hat * (d * c.x_hat).mean(0))
        ),
        "the term with x_hat has the output or the inputs where x_hat belongs": lambda d, c: (
            c.gamma / c.std * (d - d.mean(0) - (c.x_hat * c.std) * (d * c.x_hat * c.std).mean(0))
        ),
        "it returns the upstream gradient": lambda d, c: d,
        "the means are over the features, not over the batch": lambda d, c: (
            c.gamma
            / c.std
            * (d - d.mean(1, keepdims=True) - c.x_hat * (d * c.x_hat).mean(1, keepdims=True))
        ),
        "the means are over the features and the batch": lambda d, c: (
            c.gamma / c.std * (d - d.mean() - c.x_hat * (d * c.x_hat).mean())
        ),
    },
    "gamma": {
        "the inputs are taken, not the normalized ones, x_hat": lambda d, c: (
            d * (c.x_hat * c.std + c.mean)
        ).sum(0),
        "the centred inputs are taken, not divided by the standard deviation": lambda d, c: (
            d * c.x_hat * c.std
        ).sum(0),
        "it is the mean over the batch, not the sum": lambda d, c: (d * c.x_hat).mean(0),
        "it is beta's: x_hat is missing": lambda d, c: d.sum(0),
        "gamma multiplies it": lambda d, c: (d * c.x_hat).sum(0) * c.gamma.ravel(),
        "it is not summed over the batch": lambda d, c: d * c.x_hat,
        "it is summed over the features, not over the batch": lambda d, c: (d * c.x_hat).sum(1),
    },
    "beta": {
        "it is the mean over the batch, not the sum": lambda d, c: d.mean(0),
        "it is gamma's: x_hat does not belong there": lambda d, c: (d * c.x_hat).sum(0),
        "gamma multiplies it": lambda d, c: d.sum(0) * c.gamma.ravel(),
        "it is not summed over the batch": lambda d, c: d,
        "it is summed over the features, not over the batch": lambda d, c: d.sum(1),
        "the sign is wrong": lambda d, c: -d.sum(0),
    },
}


def _backward_manners(forward: Any, backward: Any, hint: str) -> list[Property]:
    """Return how the backward pass treats its arguments, dtypes and images."""
    kinds = []
    for case in [_case((8, 5), dtype) for dtype in (np.float32, np.float64)] + [_case(IMAGES)]:
        outcome = trial.observe(forward, case)
        if outcome.error or not isinstance(outcome.value, tuple) or len(outcome.value) != 2:
            return []  # the forward pass's properties say so
        dy = np.random.default_rng(3).standard_normal(case.args[0].shape)
        kinds.append(Case(case.label, (dy.astype(case.args[0].dtype), outcome.value[1])))
    flat = kinds[:2]

    def image(outcome: Outcome, want: Any, case: Case) -> trial.Fault | None:
        return trial.difference(outcome, want, case, 1e-5, 1e-5)

    case = _case(IMAGES)
    calls = [Case("", (forward, case, kinds[2].args[0], index)) for index in range(3)]
    true = [trial.evaluate(_numerical, call) for call in calls]

    def dtypes(outcome: Outcome, _: Any, case: Case) -> trial.Fault | None:
        names = [a.dtype.name for a in trial.arrays(outcome.value)]
        want = case.args[0].dtype.name
        return (
            None if set(names) == {want} else trial.Fault(f"{case.label}: {trial.one(names)}", want)
        )

    return [
        trial.tried("gradients for images", backward, lambda *_: true, kinds[2:], image, hint),
        replace(trial.unchanged(backward, flat), name="backward: dy and the cache are not changed"),
        replace(trial.repeatable(backward, flat), name="backward: the same again"),
        trial.tried("backward: the dtype is kept", backward, None, flat, dtypes),
    ]


# ----------------------------------------------------------------------------------------------
# After training


def _inference(f: Any) -> list[Property]:
    """Return the properties of the pass after training."""
    case = _case((8, 5), epsilon=1e-2)
    rng = np.random.default_rng(4)
    moving = rng.standard_normal(5), rng.uniform(0.2, 3, 5)
    cases = [replace(case, args=(*case.args, *moving))]
    call = "inference(x, gamma, beta, moving_mean, moving_variance, epsilon=epsilon)"
    equal, reference, _ = trial.values(
        "inference: values", f, ours.batch_norm_inference, cases, INFERENCE, call=call
    )
    alone = [replace(cases[0], args=(case.args[0][:1], *cases[0].args[1:]), label="one instance")]
    return [
        equal,
        replace(trial.shape_kept(f, reference, alone), name="inference: one instance alone"),
        replace(trial.unchanged(f, cases), name="inference: arguments are not changed"),
    ]


def _infer(scale: Callable[[Any, float], Any]) -> Callable[..., Any]:
    def inference(x: Any, g: Any, b: Any, mean: Any, variance: Any, *, epsilon: float) -> Any:
        return g * (x - mean) / scale(variance, epsilon) + b

    return inference


INFERENCE: list[Variant] = [
    *mistake(
        "the batch's statistics are used, not the moving ones",
        lambda x, g, b, m, v, *, epsilon: _ours(x, g, b, epsilon=epsilon),
    ),
    *mistake(
        "the moving variance is taken for a standard deviation: its square root is missing",
        _infer(lambda v, e: v + e),
        _infer(lambda v, e: v),
        _infer(lambda v, e: np.sqrt(v**2 + e)),
    ),
    *mistake("epsilon is missing", _infer(lambda v, e: np.sqrt(v))),
    *mistake(
        "epsilon is added to the standard deviation, not to the variance",
        _infer(lambda v, e: np.sqrt(v) + e),
    ),
    *mistake(
        "the moving mean is not subtracted",
        lambda x, g, b, m, v, *, epsilon: g * x / np.sqrt(v + epsilon) + b,
    ),
    *mistake(
        "the batch's mean is used, not the moving one",
        lambda x, g, b, m, v, *, epsilon: g * (x - x.mean(0)) / np.sqrt(v + epsilon) + b,
    ),
    *mistake(
        "the batch's variance is used, not the moving one",
        lambda x, g, b, m, v, *, epsilon: g * (x - m) / np.sqrt(x.var(0) + epsilon) + b,
    ),
    *mistake(
        "gamma and beta are missing",
        lambda x, g, b, m, v, *, epsilon: (x - m) / np.sqrt(v + epsilon),
    ),
]


def _moving(f: Any) -> tuple[Property, str]:
    """Return whether the moving average is one."""
    args = np.array([0.0, 1.0, -2.0]), np.array([8.0, 3.0, 0.5])
    cases = [Case(f"momentum {m}", (*args, m)) for m in (0.75, 0.9)]
    call = "update_moving(moving, batch, momentum)"
    equal, _, other = trial.values(
        "moving average", f, ours.update_moving, cases, MOVING, call=call
    )
    return equal, other


MOVING: list[Variant] = [
    *convention(
        "PyTorch's momentum, which is the share of the new: 0.1 is 0.9 here",
        lambda m, b, p: (1 - p) * m + p * b,
    ),
    *mistake("the new share is not weighted by 1 - momentum", lambda m, b, p: p * m + b),
    *mistake("the old share is not weighted by momentum", lambda m, b, p: m + (1 - p) * b),
    *mistake("both shares are momentum", lambda m, b, p: p * m + p * b),
    *mistake("the average does not move", lambda m, b, p: m),
    *mistake("the average forgets at once", lambda m, b, p: b),
]
