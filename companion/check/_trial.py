"""How a reader's function is tried: observed on cases, compared with ours, explained by variants.

A *case* is a list of arguments. A *variant* is an implementation with a known mistake, or of
another convention, and a text that names it. Where a reader's results differ from ours, the
variant that gives the same results as the reader's function says why.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from companion._checks import check_one_of
from companion.check._report import Property

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """Arguments to try a function with."""

    label: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    at: Any = None  #: for each number that comes back, what it belongs to: "z = 2.0"


@dataclass(frozen=True)
class Variant:
    """An implementation that is known to be wrong, or right by another convention."""

    text: str
    function: Any
    convention: bool = False


class Outcome(NamedTuple):
    """What happened in a call."""

    value: Any = None
    error: str = ""
    warnings: tuple[str, ...] = ()
    changed: bool = False  #: whether an argument was


class Fault(NamedTuple):
    """What is wrong with an outcome."""

    measured: str
    expected: str


def mistake(text: str, *functions: Any) -> list[Variant]:
    """Return the forms in which one mistake is made."""
    return [Variant(text, function) for function in functions]


def convention(text: str, *functions: Any) -> list[Variant]:
    """Return the forms of one convention."""
    return [Variant(text, function, convention=True) for function in functions]


def choose(like: object, names: Iterable[str]) -> str:
    """Return the name that a reader's function should match, if there is one like it."""
    names = list(names)
    check_one_of("like", like, names)
    return str(like)


def observe(f: Function, case: Case) -> Outcome:
    """Call a function with copies of the arguments, and note all that happens."""
    args, kwargs = copied(case)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        try:
            value = f(*args, **kwargs)
        except Exception as error:  # the report says so
            return Outcome(error=f"{type(error).__name__}: {error}")
    messages = tuple(dict.fromkeys(str(warning.message) for warning in caught))
    return Outcome(value, "", messages, not identical(args, case.args))


def copied(case: Case) -> tuple[Any, dict[str, Any]]:
    """Return copies of a case's arguments; a reader's cache or state may not be copyable."""
    try:
        return copy.deepcopy((case.args, dict(case.kwargs)))
    except Exception:
        return case.args, dict(case.kwargs)


def arrays(value: Any) -> list[Any]:
    """Return the arrays in a result; a number counts as one, and so does what is no array."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for part in value for array in arrays(part)]
    try:
        return [np.asarray(value)]
    except Exception:  # an object that refuses to be one is one all the same
        return [np.array(None)]


def numeric(array: Any) -> bool:
    """Return whether an array holds numbers."""
    return array.dtype.kind in "biuf"


def identical(a: Any, b: Any) -> bool:
    """Return whether two values hold the same arrays, to the last bit."""
    pairs = zip(arrays(a), arrays(b), strict=True)
    return all(not numeric(x) or np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def agree(a: Any, b: Any, rtol: float, atol: float = 0.0) -> bool:
    """Return whether two results have the same shapes and, nearly, the same numbers."""
    mine, others = arrays(a), arrays(b)
    return len(mine) == len(others) and all(
        numeric(x)
        and x.shape == y.shape
        and np.allclose(x, y, rtol=rtol, atol=atol, equal_nan=True)
        for x, y in zip(mine, others, strict=True)
    )


def difference(
    outcome: Outcome, expected: Any, case: Case, rtol: float, atol: float
) -> Fault | None:
    """Return where a result differs most from what was expected."""
    if agree(outcome.value, expected, rtol, atol):
        return None
    mine, others = arrays(outcome.value), arrays(expected)
    if [x.shape for x in mine] != [y.shape for y in others] or not all(map(numeric, mine)):
        return Fault(f"{case.label}: {described(mine)}", described(others))
    a, b = (np.concatenate([x.ravel() for x in side]).astype(float) for side in (mine, others))
    with np.errstate(all="ignore"):
        excess = np.abs(a - b) / (atol + rtol * np.abs(b))
    worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
    place = case.label if case.at is None else f"{case.label}, {np.ravel(case.at)[worst]}"
    return Fault(f"{place}: {a[worst]:.6g}", f"{b[worst]:.6g}")


def described(values: Sequence[Any]) -> str:
    """Return the kinds of some arrays in words."""
    parts = [
        f"a {type(x.item()).__name__}"
        if not numeric(x) and x.ndim == 0
        else f"{x.dtype.name} of shape {x.shape}"
        for x in values
    ]
    return " and ".join(parts) or "nothing"


# ----------------------------------------------------------------------------------------------
# Properties


def values(
    name: str,
    f: Function,
    ours: Any,
    cases: Sequence[Case],
    variants: Iterable[Variant] = (),
    *,
    as_function: Callable[[Any], Function] = lambda function: function,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    call: str = "",
) -> tuple[Property, Any, str]:
    """Compare a function's results with ours, and look for the variant that explains them.

    Returns
    -------
    Property
    reference
        What the function should be compared with from here on: ours, or the variant that it
        equals, so that one mistake is reported once; None if it equals nothing known.
    str
        The convention's name, if it is one.
    """
    outcomes = [observe(f, case) for case in cases]
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome.error:
            hint = f"it is called as {call}" if call and "argument" in outcome.error else ""
            measured = f"{case.label}: raises {outcome.error}"
            return Property(name, False, measured, "a result", hint), ours, ""
    results = [outcome.value for outcome in outcomes]
    expected = [evaluate(as_function(ours), case) for case in cases]
    faults = [
        difference(outcome, want, case, rtol, atol)
        for outcome, want, case in zip(outcomes, expected, cases, strict=True)
    ]
    fault = next(filter(None, faults), None)
    if fault is None:
        count = sum(x.size for x in arrays(expected))
        return Property(name, True, f"{count} numbers equal ours within {rtol:.0e}"), ours, ""
    known = list(variants)
    wrong = faults.index(fault)
    pairs = list(zip(results, cases, strict=True))
    for variant in known:
        function = as_function(variant.function)
        if all(agree(result, evaluate(function, case), rtol, atol) for result, case in pairs):
            if variant.convention:
                held = Property(name, True, "equal to that convention")
                return held, variant.function, variant.text
            return Property(name, False, *fault, variant.text), variant.function, ""
    result, case = pairs[wrong]
    for variant in known:  # perhaps there is more than one mistake
        if agree(result, evaluate(as_function(variant.function), case), rtol, atol):
            hint = f"{variant.text}; but that explains {case.label} only"
            return Property(name, False, *fault, hint), None, ""
    return Property(name, False, *fault, factor(results, expected)), None, ""


def evaluate(function: Function, case: Case) -> Any:
    """Return what one of our own functions gives; None where a variant does not apply."""
    args, kwargs = copied(case)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError, ArithmeticError, IndexError):
            return None


def factor(results: Any, expected: Any) -> str:
    """Return by which factor all results are wrong, if they are by one."""
    mine, others = arrays(results), arrays(expected)
    if [x.shape for x in mine] != [y.shape for y in others] or not all(map(numeric, mine)):
        return ""
    a, b = (np.concatenate([x.ravel() for x in side]).astype(float) for side in (mine, others))
    if not (np.isfinite(a).all() and np.isfinite(b).all() and np.abs(b).max(initial=0) > 0):
        return ""
    ratio = float(a @ b / (b @ b))
    if ratio == 0:
        return "the result is zero" if not a.any() else ""
    same = np.allclose(a, ratio * b, rtol=1e-6, atol=1e-9 * np.abs(a).max())
    return f"every number is {ratio:.6g} times what it should be" if same else ""


def tried(
    name: str,
    f: Function,
    reference: Function | None,
    cases: Sequence[Case],
    fault: Callable[[Outcome, Any, Case], Fault | None],
    hint: str | Callable[[Outcome], str] = "",
) -> Property:
    """Return whether nothing is wrong with a function's outcomes on all cases."""
    for case in cases:
        outcome = observe(f, case)
        if outcome.error:
            return Property(name, False, f"{case.label}: raises {outcome.error}", "a result")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                wrong = fault(outcome, evaluate(reference, case) if reference else None, case)
                likely = hint(outcome) if callable(hint) and wrong else str(hint)
            except Exception:  # a result of a kind that the property cannot be tried on
                kind = described(arrays(outcome.value))
                return Property(name, False, f"{case.label}: {kind}", "another kind of result")
        if wrong:
            return Property(name, False, *wrong, likely)
    return Property(name, True, f"in {len(cases)} cases")


def unchanged(f: Function, cases: Sequence[Case]) -> Property:
    """Return whether the arguments are left as they were."""
    return tried(
        "arguments are not changed",
        f,
        None,
        cases,
        lambda o, _, case: (
            Fault(f"{case.label}: changed by the call", "as before") if o.changed else None
        ),
        "an operator in place (+=, *=, out=, an assignment to a slice) works on an argument",
    )


def repeatable(f: Function, cases: Sequence[Case]) -> Property:
    """Return whether a second call with the same arguments gives the same."""

    def fault(outcome: Outcome, _: Any, case: Case) -> Fault | None:
        again = observe(f, case)
        if not again.error and agree(again.value, outcome.value, 1e-12):
            return None
        place = [str(shorten(value)) for value in (again.error or again.value, outcome.value)]
        return Fault(f"{case.label}, second call: {place[0]}", place[1])

    return tried(
        "the same arguments give the same again",
        f,
        None,
        cases,
        fault,
        "it remembers the call before (an attribute, a global, a counter of its own) or draws "
        "random numbers that are not in its arguments",
    )


def shorten(value: Any) -> str:
    """Return the first numbers of a result."""
    if isinstance(value, str):
        return value
    flat = [x for array in arrays(value) for x in array.ravel().tolist()]
    shown = ", ".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in flat[:3])
    return shown + (", ..." if len(flat) > 3 else "")


def dtype_kept(f: Function, ours: Function, cases: Sequence[Case]) -> Property:
    """Return whether float32 stays float32 and float64 float64."""

    def fault(outcome: Outcome, expected: Any, case: Case) -> Fault | None:
        mine, want = ([x.dtype.name for x in arrays(v)] for v in (outcome.value, expected))
        return None if mine == want else Fault(f"{case.label}: {one(mine)}", one(want))

    return tried(
        "the dtype is kept",
        f,
        ours,
        cases,
        fault,
        "an array made without dtype (np.zeros(shape)), or a NumPy scalar such as np.sqrt(2.0), "
        "which is float64, turns float32 into float64: a number's root is 2.0 ** 0.5",
    )


def one(names: list[str]) -> str:
    """Return the names that occur."""
    return ", ".join(dict.fromkeys(names))


def shape_kept(f: Function, reference: Function | None, cases: Sequence[Case]) -> Property:
    """Return whether any shape and any order in memory give what they should."""

    def fault(outcome: Outcome, expected: Any, case: Case) -> Fault | None:
        return difference(outcome, expected, case, 1e-6, 1e-9) if reference else None

    hint = "it takes one shape or one memory order for granted"
    return tried("any shape will do", f, reference, cases, fault, hint)


def extremes(
    f: Function,
    reference: Function | None,
    cases: Sequence[Case],
    *,
    rtol: float = 1e-5,
    atol: float = 1e-7,
) -> Property:
    """Return whether large, zero and denormal numbers give what they should, without a warning."""

    def fault(outcome: Outcome, expected: Any, case: Case) -> Fault | None:
        finite = all(np.isfinite(x).all() for x in arrays(outcome.value) if x.dtype.kind == "f")
        if not finite:
            return Fault(f"{case.label}: {shorten(outcome.value)}", "finite numbers")
        wrong = difference(outcome, expected, case, rtol, atol) if reference else None
        if wrong is None and outcome.warnings:
            return Fault(f"{case.label}: a warning, {outcome.warnings[0]}", "no warning")
        return wrong

    return tried("extremes: large, zero and denormal", f, reference, cases, fault, alarm)


def alarm(outcome: Outcome) -> str:
    """Return what NumPy's warnings, or not-a-numbers, tell about the likely mistake."""
    messages = " ".join(outcome.warnings)
    if "overflow" in messages:
        return (
            "an exponential, a square or a power overflows: rewrite it so that it sees only "
            "numbers that it can hold, such as exp(-|z|); np.where does not help, for it "
            "evaluates both branches"
        )
    if "divide by zero" in messages or "invalid value" in messages:
        return "0/0 or a root of a negative number: an epsilon is missing or in the wrong place"
    if not all(np.isfinite(x).all() for x in arrays(outcome.value)):
        return "0/0 or an overflow, whose warning is silenced"
    return "digits are lost: large numbers cancel, or small ones vanish beside large ones"


def derivative(f: Function, z: Any, *args: Any) -> Any:
    r"""Return a central difference of an elementwise function, exact to about 1e-10.

    .. math:: f'(z) \approx \frac{8 (f(z+h) - f(z-h)) - (f(z+2h) - f(z-2h))}{12 h}
    """
    h = 1e-3
    near = f(z + h, *args) - f(z - h, *args)
    return (8 * near - (f(z + 2 * h, *args) - f(z - 2 * h, *args))) / (12 * h)


def slope(f: Callable[[float], float]) -> float:
    """Return the derivative at 0 of a function of one number, by the same difference."""
    h = 1e-4
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
