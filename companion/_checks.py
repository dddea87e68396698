"""Checks of arguments that several modules share.

Each refuses what makes no sense with a ValueError, or a TypeError where the kind is wrong, that
says what was expected and what came.
"""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_FLOATS = (np.ndarray, np.floating)
# Arrays that take operators and functions for something else
_OTHER = (np.ma.MaskedArray, np.matrix)
# More elements than any memory holds
_LARGEST = 2**40


def number(name: str, value: Any) -> float:
    """Return a real number of any type as a Python float; an integer too large is infinite."""
    if type(value) is float:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    real: Any = value
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; received {name}={value!r}")
    try:
        return float(value)
    except OverflowError:
        return math.inf if real > 0 else -math.inf


def integer(name: str, value: Any) -> int:
    """Return an integer of any type as a Python int."""
    try:
        return int(operator.index(value))  # of True, too, which NumPy takes for no axis
    except TypeError:
        raise TypeError(f"{name} must be an integer; received {name}={value!r}") from None


def kind(value: Any) -> str:
    """Return what an array's elements are, or what else came in its place."""
    plain = isinstance(value, np.ndarray | np.generic) and not isinstance(value, _OTHER)
    return str(value.dtype) if plain else type(value).__name__


def check_floats(name: str, array: Any) -> None:
    """Refuse what is no NumPy array of floats: lists, integers, objects, masked arrays."""
    if type(array) is np.ndarray and array.dtype.kind == "f":
        return
    if not isinstance(array, _FLOATS) or isinstance(array, _OTHER) or array.dtype.kind != "f":
        raise TypeError(f"{name} must be an array of floats; received {kind(array)}")


def check_one_of(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse what is none of some words."""
    if not isinstance(value, str) or value not in (choices := list(choices)):
        raise ValueError(f"{name} must be one of {', '.join(choices)}; received {name}={value!r}")


def floats(name: str, array: Any) -> Any:
    """Return an array of floats as it is, and a Python float as NumPy's; refuse all else."""
    if type(array) is float:
        return np.float64(array)
    check_floats(name, array)
    return array


def check_function(name: str, function: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise TypeError(f"{name} must be a function; received {name}={function!r}")


def numbers(name: str, values: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return an array of real numbers, of a dtype if one is given, that can hold them."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be an array of numbers; received {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of numbers; received {kind(array)}")
    try:
        with np.errstate(over="raise"):
            return array if dtype is None else array.astype(dtype, copy=False)
    except FloatingPointError:
        raise ValueError(
            f"{name} must fit into {np.dtype(dtype)}; received numbers up to {np.abs(array).max()}"
        ) from None


def check_axis(axis: int, ndim: int) -> int:
    """Refuse an axis that an array does not have, and return it as a Python int."""
    value = integer("axis", axis)
    if not -ndim <= value < ndim:
        raise ValueError(f"axis must be in [{-ndim}, {ndim}); received axis={axis}")
    return value


def check_sizes(name: str, sizes: Sequence[int]) -> None:
    """Refuse what is no sequence of sizes."""
    if (
        not isinstance(sizes, Sequence)
        or isinstance(sizes, str | bytes | memoryview)
        or not all(isinstance(n, Integral) and n >= 0 for n in sizes)
    ):
        raise ValueError(
            f"{name} must be a sequence of non-negative integers; received {name}={sizes!r}"
        )


def check_shape(shape: Sequence[int], name: str = "shape") -> None:
    """Refuse what is no shape, and the shape of an array that no memory holds."""
    check_sizes(name, shape)
    if len(shape) > 32 or math.prod(map(int, shape)) > _LARGEST:
        raise ValueError(
            f"{name} must have at most 32 axes and 2**40 elements; received {name}={shape!r}"
        )


def check_floating(dtype: DTypeLike) -> None:
    """Refuse what is no floating type."""
    try:
        floating = np.issubdtype(dtype, np.floating)
    except (TypeError, ValueError):  # no type at all
        floating = False
    if not floating:
        raise TypeError(f"dtype must be a floating type; received dtype={dtype!r}")


def check_instance(name: str, value: Any, expected: type) -> None:
    """Refuse what is no object of a class."""
    if not isinstance(value, expected):
        article = "an" if expected.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name} must be {article} {expected.__name__}; received {value!r}")


def check_rng(rng: np.random.Generator) -> None:
    """Refuse a seed, ``np.random`` and other things that are no generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; received rng={rng!r}")


def check_units(units: int) -> None:
    """Refuse what is no number of neurons."""
    if not isinstance(units, int | np.integer) or units < 1:
        raise ValueError(f"units must be a positive integer; received units={units!r}")


def check_dropout_rate(rate: float) -> None:
    """Refuse what is no share of units to drop; all of them is none either."""
    if not 0 <= number("rate", rate) < 1:
        raise ValueError(f"rate must be in [0, 1); received rate={rate}")


def check_learning_rate(rate: float) -> float:
    """Refuse what is no learning rate, and return it as a Python float."""
    value = number("learning_rate", rate)
    if not 0 <= value < math.inf:
        raise ValueError(
            f"learning_rate must be non-negative and finite; received learning_rate={rate}"
        )
    return value


def check_epochs(epochs: int, batch_size: int) -> None:
    """Refuse a training of fewer than no epochs, or with empty batches."""
    if integer("epochs", epochs) < 0:
        raise ValueError(f"epochs must be at least 0; received epochs={epochs}")
    if integer("batch_size", batch_size) < 1:
        raise ValueError(f"batch_size must be at least 1; received batch_size={batch_size}")


def check_variants(variants: Mapping[Any, Mapping[str, Any]]) -> None:
    """Refuse what does not map each variant's name to its arguments."""
    if not isinstance(variants, Mapping) or not all(
        isinstance(arguments, Mapping) for arguments in variants.values()
    ):
        raise TypeError(f"variants must map names to arguments; received {variants!r}")
