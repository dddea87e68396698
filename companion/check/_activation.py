"""The check of an activation and its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion import activations as ours
from companion.check import _trial as trial
from companion.check._report import Property, Report
from companion.check._trial import Case, Variant, mistake

NAMES = (
    "sigmoid", "tanh", "relu", "softplus", "leaky_relu", "prelu", "elu", "selu", "gelu", "swish",
    "mish", "softmax",
)  # fmt: skip


def activation(f: Callable[..., Any], f_grad: Callable[..., Any] | None, like: str) -> Report:
    r"""Check an activation function, and its derivative against the mathematics and ours.

    The derivative is compared with finite differences of the reader's own ``f``:

    .. math:: f'(z) \approx \frac{f(z + h) - f(z - h)}{2 h}

    Parameters
    ----------
    f : callable
        Called as ``f(z)``; for ``like="prelu"`` as ``f(z, alpha)``.
    f_grad : callable or None
        Its derivative, called as ``f`` is. None if there is none to check; always for softmax.
    like : str
        The name in :mod:`companion.activations` that ``f`` should match, such as "gelu".

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If ``like`` is not the name of an activation, or a derivative of softmax is given.

    Notes
    -----
    Conventions that are told apart: GELU's approximations, SELU's rounded constants, the slope of
    the leaky ReLU, the derivative at a kink.

    Examples
    --------
    >>> sigmoid = lambda z: 0.5 * (1 + np.tanh(0.5 * z))
    >>> bool(activation(sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z)), like="sigmoid"))
    True
    >>> report = activation(sigmoid, lambda z: z * (1 - z), like="sigmoid")
    >>> report.hints[0]
    'it expects the output f(z) where it is given z'
    """
    name = trial.choose(like, NAMES)
    if name == "softmax":
        if f_grad is not None:
            raise ValueError("f_grad must be None for softmax, whose derivative is a matrix")
        return _softmax(f)
    function = getattr(ours, name)
    case, call = _case(name), "f(z, alpha)" if name == "prelu" else "f(z)"
    others = _conventions(name)
    variants = [Variant(text, pair[0], convention=True) for text, pair in others.items()]
    equal, reference, other = trial.values(
        "values", f, function, [case], variants + MISTAKES.get(name, []), call=call
    )
    properties = [equal, *_manners(name, f, function, reference)]
    conventions = [other] if other else []
    if f_grad is not None:
        pairs = {"": (function, getattr(ours, f"{name}_grad")), **others}
        derivative, at_kink = _derivative(name, f, f_grad, pairs, other)
        properties += derivative
        conventions += at_kink
    return Report(f"activation like {name}", tuple(properties), tuple(conventions))


def _case(name: str) -> Case:
    """Return numbers on both sides of zero, for PReLU with one slope a column."""
    z = np.linspace(-6, 6, 24).reshape(6, 4)
    at = [f"z = {number:.4g}" for number in z.ravel()]
    return Case("float64", (z, *_alpha(name, z)), at=at)


def _alpha(name: str, z: Any) -> tuple[Any, ...]:
    slopes = np.linspace(0.1, 0.4, z.shape[-1]).astype(z.dtype)
    return (slopes,) if name == "prelu" else ()


def _manners(name: str, f: Any, our: Any, reference: Any, kink: bool = True) -> list[Property]:
    """Return how a function or a derivative treats arguments, dtypes, shapes and extremes."""
    like = [np.linspace(-3, 3, 24), np.linspace(-3, 3, 24).reshape(2, 3, 4)]
    shapes = [*like, like[1].transpose(2, 0, 1), np.linspace(-3, 3, 30).reshape(5, 6)[::2, ::2]]
    ends = [1e-310, 1e-42, 1e-3, 20.0, 90.0, 1e4]
    sides = [*(-x for x in ends), *([0.0, -0.0] if kink else []), *ends]
    zs = [
        np.array([[x]], dtype)
        for dtype in (np.float64, np.float32)
        for x in sides
        if kink or dtype(x) != 0  # 1e-310 is 0 in float32
    ]

    def cases(arrays: list[Any], label: Callable[[Any], str]) -> list[Case]:
        return [Case(label(z), (z, *_alpha(name, z))) for z in arrays]

    kinds = cases(
        [z.astype(t) for z in like for t in (np.float32, np.float64)], lambda z: z.dtype.name
    )
    return [
        trial.unchanged(f, kinds),
        trial.repeatable(f, kinds[1::2]),
        trial.dtype_kept(f, our, kinds),
        trial.shape_kept(f, reference, cases(shapes, lambda z: f"shape {z.shape}")),
        trial.extremes(f, reference, cases(zs, lambda z: f"z = {z.item():g} in {z.dtype.name}")),
    ]


def _derivative(
    name: str, f: Any, f_grad: Any, pairs: dict[str, Any], other: str
) -> tuple[list[Property], list[str]]:
    """Return the properties of a derivative, and the convention that it has at a kink."""
    f_ours, right = pairs[other]
    case = _case(name)
    of_others = [
        Variant(
            f"the derivative is that of {text or 'the exact function'}, which f is not", pair[1]
        )
        for text, pair in pairs.items()
        if text != other
    ]
    variants = (
        of_others
        + GRAD_MISTAKES.get(name, [])
        + [
            *mistake("it returns f itself, not its derivative", f_ours),
            *mistake("the sign is wrong", lambda *args: -right(*args)),
        ]
    )
    equal, reference, _ = trial.values(
        "derivative", f_grad, right, [case], variants, call="f_grad(z)"
    )
    slopes = trial.observe(lambda *args: trial.derivative(f, *args), case).value
    differences = trial.tried(
        "derivative by finite differences of f",
        f_grad,
        lambda *args: slopes,
        [case],
        lambda outcome, want, case: trial.difference(outcome, want, case, 1e-6, 1e-7),
        equal.hint,
    )
    kinked = name in KINKS
    found = [equal, differences, *_manners(name, f_grad, right, reference, kink=not kinked)]
    found = [p if p in (equal, differences) else _renamed(p) for p in found]
    if not kinked or not equal.holds:
        return found, []
    at_kink, convention = _kink(name, f_grad, right)
    return [*found, at_kink], [convention] if convention else []


def _renamed(p: Property) -> Property:
    return Property(f"derivative: {p.name}", p.holds, p.measured, p.expected, p.hint)


def _kink(name: str, f_grad: Any, reference: Any) -> tuple[Property, str]:
    """Return whether the derivative at 0 lies between those on both sides."""
    at, left, right = (np.array([[z]]) for z in (0.0, -1e-9, 1e-9))
    alpha = _alpha(name, at)
    outcome = trial.observe(f_grad, Case("", (at, *alpha)))
    low, high = sorted(float(reference(z, *alpha).item()) for z in (left, right))
    our = float(reference(at, *alpha).item())
    lowest = min(low, our)  # PReLU's is 0 in Keras, below both
    title = "derivative: at the kink, z = 0, between the slopes of both sides"
    slack = 1e-8 * high
    try:
        value = float(np.asarray(outcome.value).item())
    except (TypeError, ValueError):
        return Property(title, False, outcome.error or "no number", f"{our:g}"), ""
    if not lowest - slack <= value <= high + slack:
        return Property(title, False, f"{value:g}", f"{low:g} to {high:g}"), ""
    same = abs(value - our) <= slack
    whose = f"{value:.4g} at the kink, {KINKS[name]} (here and in Keras {our:.4g})"
    return Property(title, True, f"{value:.4g}"), "" if same else whose


def _softmax(f: Any) -> Report:
    """Return the report on a softmax."""
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 2, shape) for shape in ((4, 3), (3, 3), (2, 5, 3))]
    cases = [Case(f"shape {z.shape}", (z,)) for z in logits]
    equal, reference, _ = trial.values(
        "values", f, ours.softmax, cases, MISTAKES["softmax"], call="f(z)"
    )
    kinds = [Case(t.__name__, (logits[0].astype(t),)) for t in (np.float32, np.float64)]
    rows = [np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e-310, 0.0, -0.0]])]
    ends = [
        Case(f"z to ±1e4 in {t.__name__}", (z.astype(t),))
        for z in rows
        for t in (np.float32, np.float64)
    ]

    def total(outcome: Any, _: Any, case: Case) -> Any:
        sums = np.sum(np.asarray(outcome.value, float), axis=-1)
        whole = np.allclose(sums, 1, rtol=1e-6)
        return (
            None if whole else trial.Fault(f"{case.label}: {trial.shorten(sums)}", "1 in each row")
        )

    return Report(
        "activation like softmax",
        (
            equal,
            trial.tried("each row sums to 1", f, reference, cases, total, equal.hint),
            trial.unchanged(f, kinds),
            trial.repeatable(f, kinds),
            trial.dtype_kept(f, ours.softmax, kinds),
            trial.extremes(f, reference, ends),
        ),
    )


#: The functions with a kink, and whose derivative at 0 is another than ours.
KINKS = {
    "relu": "another subgradient",
    "leaky_relu": "JAX's if it is 1",
    "prelu": "PyTorch's if it is alpha",
    "elu": "another subgradient",
    "selu": "PyTorch's and JAX's if it is lambda alpha",
}


def _conventions(name: str) -> dict[str, tuple[Any, Any]]:
    """Return the functions of other conventions, with their derivatives, by name."""
    if name == "gelu":
        return {
            f'GELU\'s "{kind}" approximation': (
                lambda z, kind=kind: ours.gelu(z, kind),
                lambda z, kind=kind: ours.gelu_grad(z, kind),
            )
            for kind in ("tanh", "sigmoid")
        }
    if name == "leaky_relu":
        whose = {
            0.2: "of TensorFlow and keras.activations",
            0.3: "of Keras's layer",
            0.1: "of Darknet",
        }
        return {
            f"the slope {alpha}, the default {where} (here 0.01)": (
                lambda z, alpha=alpha: ours.leaky_relu(z, alpha),
                lambda z, alpha=alpha: ours.leaky_relu_grad(z, alpha),
            )
            for alpha, where in whose.items()
        }
    if name == "selu":
        rounded = [(1.0507, 1.6733), (1.0507, 1.67326), (1.05070098, 1.67326324), (1.051, 1.673)]
        return {
            f"SELU's constants rounded to {scale} and {alpha}": (
                lambda z, scale=scale, alpha=alpha: scale * ours.elu(z, alpha),
                lambda z, scale=scale, alpha=alpha: (
                    scale * np.where(z < 0, ours.elu_grad(z, alpha), 1)
                ),
            )
            for scale, alpha in rounded
        }
    return {}


def _normal(z: Any) -> Any:
    return np.exp(-(z**2) / 2) / (2 * np.pi) ** 0.5


def _cdf(z: Any) -> Any:
    return ours.gelu_grad(z) - z * _normal(z)


_S, _A = ours.SELU_LAMBDA, ours.SELU_ALPHA

MISTAKES: dict[str, list[Variant]] = {
    "sigmoid": [
        *mistake(
            "the sign in the exponent: exp(z) where exp(-z) belongs", lambda z: ours.sigmoid(-z)
        ),
        *mistake("it is tanh, which is 2 sigmoid(2z) - 1", np.tanh),
    ],
    "tanh": [
        *mistake(
            "the argument is not doubled: tanh(z) is 2 sigmoid(2z) - 1", lambda z: np.tanh(z / 2)
        ),
        *mistake(
            "it is the sigmoid, which is not centred", ours.sigmoid, lambda z: ours.sigmoid(2 * z)
        ),
        *mistake("it is the tangent, not the hyperbolic one", np.tan),
    ],
    "relu": [
        *mistake(
            "the negative side is kept in place of the positive one", lambda z: np.minimum(z, 0)
        ),
        *mistake("it returns the absolute value", np.abs),
        *mistake("it returns 1 where z > 0, which is the derivative", ours.relu_grad),
        *mistake("ReLU6 is cut at 6, or at another limit", lambda z: np.clip(z, 0, 1)),
    ],
    "softplus": [
        *mistake(
            "the sign in the exponent: exp(-z) where exp(z) belongs", lambda z: ours.softplus(-z)
        ),
        *mistake(
            "the logarithm has another base than e",
            lambda z: ours.softplus(z) / np.log(2),
            lambda z: ours.softplus(z) / np.log(10),
        ),
        *mistake(
            "the logarithm is not of 1 + exp(z)", lambda z: z, lambda z: np.log(np.exp(z) - 1)
        ),
    ],
    "leaky_relu": [
        *mistake("the slope belongs to the negative side", lambda z: np.where(z > 0, 0.01 * z, z)),
        *mistake("the negative side is zero: it is plain ReLU", ours.relu),
        *mistake("alpha is added, not multiplied by z", lambda z: np.where(z > 0, z, 0.01)),
        *mistake("alpha is subtracted, not multiplied by z", lambda z: np.where(z > 0, z, -0.01)),
        *mistake("the slope's sign is wrong", lambda z: np.where(z > 0, z, -0.01 * z)),
    ],
    "prelu": [
        *mistake("the slope belongs to the negative side", lambda z, a: np.where(z > 0, a * z, z)),
        *mistake(
            "the negative side is alpha, not alpha times z",
            lambda z, a: np.where(z > 0, z, a + 0 * z),
        ),
        *mistake(
            "alpha is not used: it is a leaky ReLU of fixed slope",
            *(lambda z, a, fixed=fixed: ours.leaky_relu(z, fixed) for fixed in (0.0, 0.01, 0.25)),
        ),
        *mistake(
            "one slope is used for all units",
            lambda z, a: ours.prelu(z, a.ravel()[0]),
            lambda z, a: ours.prelu(z, a.mean()),
        ),
    ],
    "elu": [
        *mistake(
            "the 1 is not subtracted: exp(z) - 1",
            lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0))),
        ),
        *mistake(
            "the sign in the exponent: exp(-z) where exp(z) belongs",
            lambda z: np.where(z > 0, z, np.expm1(-z)),
        ),
        *mistake(
            "the exponential belongs to the negative side",
            lambda z: np.where(z > 0, np.expm1(z), z),
        ),
        *mistake("it is SELU, which multiplies by lambda and has alpha = 1.67", ours.selu),
    ],
    "selu": [
        *mistake("lambda and alpha are swapped", lambda z: _A * ours.elu(z, _S)),
        *mistake(
            "lambda multiplies only the positive side",
            lambda z: np.where(z > 0, _S * z, ours.elu(z, _A)),
        ),
        *mistake(
            "lambda multiplies only the negative side",
            lambda z: np.where(z > 0, z, _S * ours.elu(z, _A)),
        ),
        *mistake("lambda is missing", lambda z: ours.elu(z, _A)),
        *mistake("alpha is missing", lambda z: _S * ours.elu(z)),
    ],
    "gelu": [
        *mistake("the error function takes z / sqrt(2)", lambda z: z * _cdf(2**0.5 * z)),
        *mistake("z is not multiplied: it is the distribution function alone", _cdf),
        *mistake("the density takes the distribution function's place", lambda z: z * _normal(z)),
        *mistake(
            "the cubic term is 0.044715, not 0.44715",
            lambda z: z * ours.sigmoid(2 * (2 / np.pi) ** 0.5 * (z + 0.44715 * z**3)),
        ),
        *mistake(
            "the root covers both: sqrt(2 / pi)",
            lambda z: z * ours.sigmoid(2 * 2**0.5 / np.pi * (z + 0.044715 * z**3)),
            lambda z: z * ours.sigmoid(2 * 2 / np.pi * (z + 0.044715 * z**3)),
        ),
        *mistake(
            "the tanh approximation lacks its cubic term",
            lambda z: z * ours.sigmoid((8 / np.pi) ** 0.5 * z),
        ),
        *mistake(
            "the half is missing: z (1 + erf) / 2",
            lambda z: 2 * ours.gelu(z),
            lambda z: 2 * ours.gelu(z, "tanh"),
        ),
        *mistake("it is swish, with slope 1 where GELU has about 1.702", ours.swish),
    ],
    "swish": [
        *mistake("z is not multiplied: it is the sigmoid alone", ours.sigmoid),
        *mistake("it is tanh that gates, not the sigmoid", lambda z: z * np.tanh(z)),
        *mistake(
            "the sign in the exponent: exp(z) where exp(-z) belongs", lambda z: z * ours.sigmoid(-z)
        ),
        *mistake("beta is 1.702, which approximates GELU", lambda z: ours.swish(z, 1.702)),
    ],
    "mish": [
        *mistake("z is not multiplied", lambda z: np.tanh(ours.softplus(z))),
        *mistake("the softplus is missing: it is z tanh(z)", lambda z: z * np.tanh(z)),
        *mistake("the exponential takes softplus's place", lambda z: z * np.tanh(np.exp(z))),
        *mistake("the sigmoid takes softplus's place", lambda z: z * np.tanh(ours.sigmoid(z))),
        *mistake("the tanh is missing: it is z softplus(z)", lambda z: z * ours.softplus(z)),
    ],
    "softmax": [
        *mistake(
            "the sum runs over the wrong axis: the classes are the last",
            lambda z: ours.softmax(z, 0),
        ),
        *mistake(
            "the sum runs over the wrong axis: the classes are the last",
            lambda z: ours.softmax(z, 1),
        ),
        *mistake("the sum runs over the whole batch", lambda z: np.exp(z) / np.exp(z).sum()),
        *mistake(
            "the exponentials are not divided by their sum",
            np.exp,
            lambda z: np.exp(z - z.max(-1, keepdims=True)),
        ),
        *mistake("the exponential is missing", lambda z: z / z.sum(-1, keepdims=True)),
        *mistake("it is the logarithm of softmax", lambda z: np.log(ours.softmax(z))),
        *mistake("it is the sigmoid of each number alone", ours.sigmoid),
        *mistake(
            "the sign in the exponent: exp(-z) where exp(z) belongs", lambda z: ours.softmax(-z)
        ),
    ],
}

_OUTPUT = "it expects the output f(z) where it is given z"

GRAD_MISTAKES: dict[str, list[Variant]] = {
    "sigmoid": [
        *mistake(_OUTPUT, lambda z: z * (1 - z)),
        *mistake("the factor 1 - sigmoid(z) is missing", ours.sigmoid),
        *mistake(
            "the factor is 1 - sigmoid(z), not 1 + sigmoid(z)",
            lambda z: ours.sigmoid(z) * (1 + ours.sigmoid(z)),
        ),
        *mistake("it is 1 - sigmoid(z)^2, tanh's formula", lambda z: 1 - ours.sigmoid(z) ** 2),
    ],
    "tanh": [
        *mistake(_OUTPUT, lambda z: 1 - z**2),
        *mistake("the tangent is not squared", lambda z: 1 - np.tanh(z)),
        *mistake("it is the sigmoid's formula, y (1 - y)", lambda z: np.tanh(z) * (1 - np.tanh(z))),
    ],
    "relu": [
        *mistake("it returns z where z > 0, not 1", ours.relu),
        *mistake("it returns the sign, which is -1 on the negative side", np.sign),
        *mistake("it is 1 on the wrong side", lambda z: ours.relu_grad(-z)),
        *mistake("it is 1 on both sides", np.ones_like),
    ],
    "softplus": [
        *mistake(
            "the sign in the exponent: exp(z) where exp(-z) belongs", lambda z: ours.sigmoid(-z)
        ),
        *mistake("the derivative is the sigmoid, not the sigmoid's", ours.sigmoid_grad),
    ],
    "leaky_relu": [
        *mistake("the negative side's slope is alpha, not 0", ours.relu_grad),
        *mistake(
            "the negative side's slope is alpha, not alpha z",
            lambda z: np.where(z > 0, 1, 0.01 * z),
        ),
        *mistake("the slope belongs to the negative side", lambda z: np.where(z > 0, 0.01, 1)),
    ],
    "prelu": [
        *mistake("it is the derivative for alpha, not for z", lambda z, a: np.minimum(z, 0)),
        *mistake("the negative side's slope is alpha, not 0", lambda z, a: ours.relu_grad(z)),
        *mistake(
            "the negative side's slope is alpha, not alpha z",
            lambda z, a: np.where(z > 0, 1, a * z),
        ),
        *mistake("the slope belongs to the negative side", lambda z, a: np.where(z > 0, a, 1)),
    ],
    "elu": [
        *mistake(_OUTPUT, lambda z: np.where(z > 0, 1, z + 1)),
        *mistake(
            "alpha is not added: the slope is f(z) + alpha",
            lambda z: np.where(z > 0, 1, np.expm1(z)),
        ),
        *mistake("the positive side's slope is 1", lambda z: np.exp(z), lambda z: ours.elu(z) + 1),
    ],
    "selu": [
        *mistake(_OUTPUT, lambda z: np.where(z > 0, _S, z + _S * _A)),
        *mistake("lambda is missing", lambda z: ours.selu_grad(z) / _S),
        *mistake("alpha is missing", lambda z: _S * np.where(z > 0, 1, np.exp(z))),
        *mistake(
            "lambda multiplies both sides",
            lambda z: np.where(z > 0, 1, _S * _A * np.exp(z)),
            lambda z: np.where(z > 0, _S, _A * np.exp(z)),
        ),
    ],
    "gelu": [
        *mistake(
            "the term z times the density is missing (product rule)",
            _cdf,
            lambda z: ours.gelu(z, "tanh") / z,
            lambda z: ours.sigmoid(1.702 * z),
        ),
        *mistake("the distribution function is missing (product rule)", lambda z: z * _normal(z)),
        *mistake("the density is not multiplied by z", lambda z: _cdf(z) + _normal(z)),
        *mistake(
            "the density lacks its factor 1 / sqrt(2 pi)",
            lambda z: _cdf(z) + z * np.exp(-(z**2) / 2),
        ),
        *mistake(
            "the density's exponent is -z^2 / 2",
            lambda z: _cdf(z) + z * np.exp(-(z**2)) / (2 * np.pi) ** 0.5,
        ),
    ],
    "swish": [
        *mistake(
            "the term z times the sigmoid's derivative is missing (product rule)", ours.sigmoid
        ),
        *mistake(
            "the sigmoid's derivative is not multiplied by z",
            lambda z: ours.sigmoid(z) + ours.sigmoid_grad(z),
        ),
        *mistake("the sigmoid is missing (product rule)", lambda z: z * ours.sigmoid_grad(z)),
        *mistake(_OUTPUT, lambda z: z + ours.sigmoid(z) * (1 - z)),
    ],
    "mish": [
        *mistake("the second term is missing (product rule)", lambda z: np.tanh(ours.softplus(z))),
        *mistake(
            "the sigmoid, softplus's derivative, is missing (chain rule)",
            lambda z: np.tanh(ours.softplus(z)) + z * (1 - np.tanh(ours.softplus(z)) ** 2),
        ),
        *mistake(
            "the factor 1 - tanh^2 is missing (chain rule)",
            lambda z: np.tanh(ours.softplus(z)) + z * ours.sigmoid(z),
        ),
    ],
}
