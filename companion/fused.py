r"""A rule as one compiled loop, traced from its literal ``update``; used where Numba is installed.

A literal rule allocates: each operation reads whole arrays and writes a new one, eleven times a
step for :class:`~companion.optimizers.Adam`. Where a training is long enough to pay for it,
:class:`~companion.optimizers.Optimizer` calls :func:`step`, which runs the same ``update`` on
symbols in place of arrays and writes down what it does to them. Numba compiles that:

>>> from companion.optimizers import Momentum
>>> print(source(*trace(Momentum(), (np.zeros(2),), t=1, learning_rate=0.01)))
def loop(numbers, weights, gradient, s0):
    c0 = cast(numbers[0])
    c1 = cast(numbers[1])
    for i in range(weights.size):
        v0 = c0 * s0[i]
        v1 = c1 * gradient[i]
        v2 = v0 - v1
        v3 = -v2
        weights[i], s0[i] = weights[i] - v3, v2

Each weight is read once and written once. The numbers are arguments: learning rates, schedules
and factors with :math:`t` in them change from step to step, and the loop stays the same.

The result is the same to the last bit: every operation is one that IEEE 754 rounds correctly,
numbers are cast to the weights' dtype as NumPy casts them, and LLVM may not reorder or contract.
A rule that is more than arithmetic (a condition on the gradient, an exponential) is left to NumPy.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from companion.optimizers import Array, Rule, State

#: Weights stepped by a rule in this process before its loop is compiled. Importing Numba and the
#: first compilation take 0.5 to 1 s, in which NumPy steps about as many.
WORTHWHILE = 500_000_000

# Weights stepped so far in this process, for each rule and dtype.
_stepped: defaultdict[tuple[type, np.dtype], float] = defaultdict(float)


def step(
    rule: Rule, weights: Array, gradient: Array, state: State, t: int, learning_rate: float
) -> State | None:
    """Take a step in place, in one compiled loop, if that is possible and pays.

    Parameters
    ----------
    rule, t, learning_rate
        As for the rule's ``update``.
    weights, gradient : arrays of shape (n,)
        The weights are changed in place.
    state : tuple of arrays of shape (n,) and floats
        The arrays are changed in place.

    Returns
    -------
    tuple or None
        The next state; None, and nothing has changed, if the trainings of this process are too
        short to pay for compiling, Numba is missing, or the rule is more than arithmetic.

    Notes
    -----
    The loop gives none of NumPy's warnings about overflow and invalid values.

    Examples
    --------
    >>> from companion.optimizers import Momentum
    >>> weights, velocity = np.zeros(2), np.zeros(2)
    >>> state = step(Momentum(), weights, np.ones(2), (velocity,), t=1, learning_rate=0.5)
    >>> state is None or weights.tolist() == [-0.5, -0.5]  # nothing has happened, or all
    True
    """
    key = type(rule), weights.dtype
    _stepped[key] += weights.size
    if _stepped[key] < WORTHWHILE:
        return None
    try:
        operations, numbers, outputs = trace(rule, state, t, learning_rate)
        results = tuple(value if isinstance(value, str) else None for value in outputs)
        loop = _compile(tuple(operations), len(numbers), results, weights.dtype)
        arrays = [value for value in state if isinstance(value, np.ndarray)]
        loop(tuple(numbers), weights, gradient, *arrays)
    except Exception:  # NumPy can do without what is missing, and says best what is wrong
        _stepped[key] = -math.inf
        return None
    return tuple(
        old if isinstance(old, np.ndarray) else new
        for old, new in zip(state, outputs[1:], strict=True)
    )


def trace(
    rule: Rule, state: State, t: int, learning_rate: float
) -> tuple[list[tuple[str, ...]], list[float], list[Any]]:
    """Run a rule's ``update`` on symbols.

    Returns
    -------
    operations : list of tuples
        What it does to the arrays: each time NumPy's name of the function, and the names of its
        arguments. The results are named v0, v1, ...
    numbers : list of float
        The values of c0, c1, ... in it.
    outputs : list
        The step and the next state: for an array its name, for a number its value.

    Raises
    ------
    TypeError
        If the rule does anything else with an array.

    Examples
    --------
    >>> from companion.optimizers import GradientDescent
    >>> trace(GradientDescent(), (), t=1, learning_rate=0.5)
    ([('multiply', 'c0', 'gradient[i]')], [0.5], ['v0'])
    """
    tape = _Tape()
    symbols = [
        _Symbol(f"s{k}[i]", tape) if isinstance(value, np.ndarray) else value
        for k, value in enumerate(state)
    ]
    gradient, weights = _Symbol("gradient[i]", tape), _Symbol("weights[i]", tape)
    step, new = rule.update(gradient, tuple(symbols), weights, t, learning_rate)  # type: ignore[arg-type]
    outputs = []
    for before, after in zip([gradient, *symbols], [step, *new], strict=True):
        if not isinstance(after, type(before) if isinstance(before, _Symbol) else float | int):
            raise TypeError(f"expected an array or a number, as before; received {after!r}")
        outputs.append(after.name if isinstance(after, _Symbol) else after)
    return tape.operations, tape.numbers, outputs


class _Tape:
    """What was done to the symbols."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, ...]] = []
        self.numbers: list[float] = []

    def record(self, operation: str, *inputs: Any) -> _Symbol:
        """Write an operation down, and return the symbol of its result."""
        entry = [operation]
        for value in inputs:
            if type(value) is _Symbol:
                entry.append(value.name)
            elif type(value) is float or type(value) is int:  # NumPy's numbers have a dtype
                entry.append(f"c{len(self.numbers)}")
                self.numbers.append(float(value))
            else:
                raise TypeError(f"expected an array or a number; received {value!r}")
        self.operations.append(tuple(entry))
        return _Symbol(f"v{len(self.operations) - 1}", self)


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return an operator's methods for a symbol on its left and on its right."""
    return (
        lambda self, other: self.tape.record(name, self, other),
        lambda self, other: self.tape.record(name, other, self),
    )


class _Symbol:
    """An array, of which only its name in the loop is known."""

    __slots__ = ("name", "tape")

    def __init__(self, name: str, tape: _Tape) -> None:
        self.name, self.tape = name, tape

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")

    def __neg__(self) -> _Symbol:
        return self.tape.record("negative", self)

    def __abs__(self) -> _Symbol:
        return self.tape.record("absolute", self)

    def __pow__(self, exponent: Any) -> _Symbol:
        if exponent != 2:
            raise TypeError(f"expected a square; received the exponent {exponent!r}")
        return self.tape.record("square", self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in _FORMS:
            return NotImplemented  # NumPy raises a TypeError
        return self.tape.record(ufunc.__name__, *inputs)

    def _refuse(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("expected arithmetic; received a request for the array's values")

    __array__ = __bool__ = _refuse


# What a loop may do, by NumPy's names.
_FORMS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "absolute": "abs({})",
    "square": "{0} * {0}",
    "sqrt": "sqrt({})",
    "maximum": "maximum({}, {})",
}


def source(
    operations: Sequence[tuple[str, ...]], numbers: Sequence[float], outputs: Sequence[Any]
) -> str:
    """Return the Python code of the loop, from what :func:`trace` returns.

    Examples
    --------
    >>> operations = [("multiply", "c0", "gradient[i]"), ("add", "v0", "s0[i]")]
    >>> print(source(operations, numbers=[0.5], outputs=["v1", "v0"]))
    def loop(numbers, weights, gradient, s0):
        c0 = cast(numbers[0])
        for i in range(weights.size):
            v0 = c0 * gradient[i]
            v1 = v0 + s0[i]
            weights[i], s0[i] = weights[i] - v1, v0
    """
    step, *new = outputs
    state = {f"s{k}": value for k, value in enumerate(new) if isinstance(value, str)}
    lines = [f"def loop(numbers, weights, gradient, {', '.join(state)}):"]
    lines += [f"    c{k} = cast(numbers[{k}])" for k in range(len(numbers))]
    lines += ["    for i in range(weights.size):"]
    for k, (operation, *inputs) in enumerate(operations):
        lines.append(f"        v{k} = {_FORMS[operation].format(*inputs)}")
    # in one line: all old values are read before a new one is written
    targets = ", ".join(f"{name}[i]" for name in ("weights", *state))
    lines.append(f"        {targets} = {', '.join([f'weights[i] - {step}', *state.values()])}")
    return "\n".join(lines)


@cache
def _compile(
    operations: tuple[tuple[str, ...], ...], n: int, outputs: tuple[Any, ...], dtype: np.dtype
) -> Callable[..., None]:
    """Return the compiled loop for float32 or float64 arrays."""
    import numba

    if dtype not in (np.float32, np.float64):
        raise TypeError(f"expected float32 or float64; received {dtype}")
    # What is executed is made of _FORMS and of names that the tape gave; it defines a function,
    # and a definition needs none of Python's own.
    scope: dict[str, Any] = {
        "__builtins__": {},
        "cast": dtype.type,
        "sqrt": math.sqrt,
        "maximum": numba.njit(_maximum),
    }
    exec(source(operations, [0.0] * n, outputs), scope)
    # NumPy's error model: 1 / 0 is infinite, not an exception
    return numba.njit(scope["loop"], error_model="numpy")


def _maximum(a: float, b: float) -> float:
    """NumPy's maximum, NaN if either is, in a form that compiles to vector instructions."""
    return a if a >= b or a != a else b
