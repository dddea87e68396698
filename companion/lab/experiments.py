r"""Repeated, paired experiments, and how sure their outcome is.

:func:`run` repeats an experiment for several variants with the same seeds, over all cores;
the statistics below turn its table into intervals of paired differences and a verdict.

>>> def experiment(seed, gain):
...     rng = np.random.default_rng(seed)
...     return {"accuracy": 0.80 + gain * rng.uniform(0.5, 1.5)}
>>> frame = run(experiment, {"old": {"gain": 0.0}, "new": {"gain": 0.02}}, range(5), n_jobs=1)
>>> difference = paired_difference(frame, "accuracy", "new", "old")
>>> print(difference, verdict_from_intervals({"digits": difference}, smallest=0.005))
0.0198 [0.0115, 0.0280] confirmed
"""

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from tqdm import tqdm

from companion._checks import (
    check_function,
    check_one_of,
    check_variants,
    integer,
    number,
    numbers,
)
from companion.lab.threads import ONE_THREAD

# An experiment is called with ``seed`` and a variant's arguments and returns its metrics
# by name, each a number or, for a curve, one number an epoch.
Experiment = Callable[..., Mapping[str, Any]]


# Running


def run(
    function: Experiment,
    variants: Mapping[Any, Mapping[str, Any]],
    seeds: Iterable[int],
    *,
    n_jobs: int = -1,
    progress: bool = True,
) -> pd.DataFrame:
    """Run every variant with every seed, over the cores.

    The runs of one seed follow one another, so that a change in the machine's load meets all
    variants alike. Under ``joblib.parallel_config(backend="dask")`` the workers are a cluster's.

    Parameters
    ----------
    function
        Called as ``function(seed=seed, **variants[name])``; returns its metrics, a mapping from
        names to numbers or, for curves, sequences of numbers. NaN and infinity are outcomes
        (the run diverged), not errors.
    variants
        The arguments of each variant by its name.
    seeds
        The seeds, the same for all variants.
    n_jobs
        Worker processes of one thread each; -1: one a core; 1: runs in this process, with the
        threads that this process has.
    progress
        Show a bar when standard error is a terminal.

    Returns
    -------
    pandas.DataFrame
        One row a run, in the order of variants, then seeds, whichever finished first. Columns:
        ``variant``, ``seed``, the metrics (a curve's are ``name[1]``, ``name[2]``, ...; see
        :func:`curves`), ``seconds``.

    Raises
    ------
    RuntimeError
        When a run fails; the message names its variant and seed.
    ValueError
        When a seed is given twice, or a metric has the name of another column.
    TypeError
        When a metric is neither a number nor a sequence of numbers.

    Examples
    --------
    >>> frame = run(lambda seed, factor: {"product": factor * seed},
    ...             {"double": {"factor": 2}, "triple": {"factor": 3}}, range(2), n_jobs=1)
    >>> frame[["variant", "seed", "product"]]
      variant  seed  product
    0  double     0      0.0
    1  double     1      2.0
    2  triple     0      0.0
    3  triple     1      3.0
    """
    check_function("function", function)
    check_variants(variants)
    if not isinstance(seeds, Iterable) or (isinstance(seeds, np.ndarray) and seeds.ndim == 0):
        raise TypeError(f"seeds must be a sequence of integers; received seeds={seeds!r}")
    seeds, names = [integer("each seed", seed) for seed in seeds], list(variants)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"each seed must be given once; received seeds={seeds}")
    calls = [
        ({"variant": name, "seed": seed}, {**variants[name], "seed": seed})
        for seed in seeds
        for name in names
    ]
    results = run_calls(function, calls, n_jobs=n_jobs)
    # disable=None: no bar where nobody watches it, as in a stored notebook
    rows = list(tqdm(results, total=len(calls), disable=None if progress else True))
    rows.sort(key=lambda row: (names.index(row["variant"]), seeds.index(row["seed"])))
    return pd.DataFrame(rows)


def run_calls(
    function: Experiment,
    calls: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
    *,
    n_jobs: int = -1,
) -> Iterator[dict[str, Any]]:
    """Call a function with many sets of arguments over the cores; yield rows as they finish.

    Parameters
    ----------
    function, n_jobs
        As in :func:`run`, whose errors are raised here.
    calls
        Pairs (labels, arguments); the labels begin the call's row and name it in an error.

    Raises
    ------
    RuntimeError
        When a call fails; the message names its labels.

    Yields
    ------
    dict
        Labels, metrics and ``seconds`` of one call.

    Examples
    --------
    >>> rows = run_calls(lambda x: {"root": x**0.5}, [({"name": "four"}, {"x": 4})], n_jobs=1)
    >>> [(row["name"], row["root"]) for row in rows]
    [('four', 2.0)]
    """
    check_function("function", function)
    if not isinstance(calls, Iterable) or isinstance(calls, str | bytes | np.ndarray):
        raise TypeError(f"calls must be pairs of labels and arguments; received {calls!r}")
    calls = list(calls)
    for call in calls:
        if not (
            isinstance(call, tuple | list)
            and [isinstance(part, Mapping) for part in call] == [True, True]
        ):
            raise TypeError(f"calls must be pairs of labels and arguments; received {call!r}")
    # Workers read the environment when they start. No backend is named here, so that the
    # caller's joblib.parallel_config decides. One call a batch: none waits for another.
    with mock.patch.dict(os.environ, ONE_THREAD):
        parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
        yield from parallel(delayed(_row)(function, *call) for call in calls)


def _row(
    function: Experiment, labels: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Labels, metrics and seconds of one call."""
    start = time.perf_counter()
    try:
        measured = function(**arguments)
    except Exception as error:
        named = ", ".join(f"{name} {value!r}" for name, value in labels.items())
        raise RuntimeError(f"{named} failed: {type(error).__name__}: {error}") from error
    seconds = round(time.perf_counter() - start, 4)
    metrics: dict[str, float] = {}
    if not isinstance(measured, Mapping):
        raise TypeError(f"metrics must be a mapping of names to numbers; received {measured!r}")
    for name, value in measured.items():
        array = np.asarray(value, object if isinstance(value, str | bytes) else None)
        if name in labels or name == "seconds":
            raise ValueError(f"a metric needs a name of its own; received {name!r}")
        if array.ndim > 1 or array.dtype.kind not in "biuf":
            raise TypeError(f"metric {name!r} must be numbers; received {value!r}")
        if array.ndim == 0:
            metrics[name] = float(array)
        else:
            metrics |= {f"{name}[{epoch}]": float(x) for epoch, x in enumerate(array, start=1)}
    return {**labels, **metrics, "seconds": seconds}


def curves(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Turn a curve's columns ``metric[1]``, ``metric[2]``, ... into one row an epoch.

    Parameters
    ----------
    frame
        A table of :func:`run`, :func:`tune` or a study.
    metric
        The curve's name.

    Returns
    -------
    pandas.DataFrame
        The columns that say which run it is, ``epoch`` (from 1) and ``metric``, which is NaN
        after the end of a shorter curve.

    Raises
    ------
    ValueError
        When the table has no such curve.

    Examples
    --------
    >>> frame = run(lambda seed: {"loss": [1.0, 0.5]}, {"only": {}}, [7], n_jobs=1)
    >>> curves(frame, "loss")
      variant  seed  epoch  loss
    0    only     7      1   1.0
    1    only     7      2   0.5
    """
    _check_frame(frame)
    columns = [name for name in frame if str(name).startswith(f"{metric}[")]
    if not columns:
        raise ValueError(f"metric must be a curve of {list(frame)}; received {metric!r}")
    labels = ["stage", "setting", "variant", "learning_rate", "seed"]
    long = frame.melt([name for name in labels if name in frame], columns, "epoch", metric)
    return long.assign(epoch=long["epoch"].str.extract(r"(\d+)\]$", expand=False).astype(int))


# How sure


@dataclass(frozen=True)
class Interval:
    """A mean, the ends of its confidence interval, and the number of values.

    ``f"{interval:.3f}"`` writes the mean and the ends with three decimals.

    Examples
    --------
    >>> f"{Interval(mean=0.021, low=0.013, high=0.029, n=20):.3f}"
    '0.021 [0.013, 0.029]'
    """

    mean: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        mean, low, high = (format(x, spec or ".4f") for x in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"

    def __str__(self) -> str:
        return format(self)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    r"""Return the mean of independent values with its Student t interval.

    .. math:: \bar x \pm t_{n-1,\,(1+c)/2} \, s / \sqrt n

    Parameters
    ----------
    values
        :math:`x_1, \dots, x_n`, two or more, with standard deviation :math:`s`. When one is
        not finite (a diverged run), mean and ends are NaN.
    level
        The confidence :math:`c`.

    Returns
    -------
    Interval
        The mean, the ends, and n.

    Raises
    ------
    ValueError
        With fewer than two values, or a level outside (0, 1).

    References
    ----------
    Student (1908), The probable error of a mean, doi:10.2307/2331554.

    Examples
    --------
    >>> print(mean_interval([1.0, 2.0, 3.0, 4.0]))
    2.5000 [0.4457, 4.5543]
    """
    values = numbers("values", values, float)
    if not 0 < number("level", level) < 1:
        raise ValueError(f"level must be in (0, 1); received level={level}")
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"an interval needs two or more values; received {values}")
    if not np.isfinite(values).all():
        return Interval(np.nan, np.nan, np.nan, values.size)
    mean = float(values.mean())
    half = float(stats.t.ppf((1 + level) / 2, values.size - 1)) * _standard_error(values)
    return Interval(mean, mean - half, mean + half, values.size)


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / values.size**0.5


def paired_difference(
    frame: pd.DataFrame, metric: str, a: str, b: str, level: float = 0.95
) -> Interval:
    """Return the mean of ``a`` minus ``b``, paired by seed, with its interval.

    Parameters
    ----------
    frame
        A table of :func:`run`, with columns ``variant``, ``seed`` and the metric.
    metric
        The column that is compared.
    a, b
        Two variants; the difference is positive where ``a`` has the larger metric.
    level
        The confidence.

    Returns
    -------
    Interval
        :func:`mean_interval` of the differences.

    Raises
    ------
    ValueError
        When a variant or the metric is unknown, a seed occurs twice, or seeds do not match.

    Examples
    --------
    >>> frame = pd.DataFrame({"variant": ["a", "a", "b", "b"], "seed": [0, 1, 1, 0],
    ...                       "accuracy": [0.85, 0.80, 0.79, 0.83]})
    >>> print(paired_difference(frame, "accuracy", "a", "b"))
    0.0150 [-0.0485, 0.0785]
    """
    return mean_interval(_differences(frame, metric, a, b), level)


def _differences(frame: pd.DataFrame, metric: str, a: str, b: str) -> NDArray[np.float64]:
    """Differences of two variants, in the order of the seeds."""
    _check_frame(frame, metric, "variant", "seed")
    by_variant = []
    for name in (a, b):
        known = list(frame["variant"].unique())
        if not isinstance(name, Hashable) or name not in set(known):
            raise ValueError(f"variant must be one of {known}; received {name!r}")
        values = frame[frame["variant"] == name].set_index("seed")[metric].sort_index()
        twice = sorted(set(values.index[values.index.duplicated()]))
        if twice:
            raise ValueError(f"variant {name!r} must have one run a seed; more with {twice}")
        by_variant.append(values)
    first, second = by_variant
    alone = sorted(set(first.index) ^ set(second.index))
    if alone:
        raise ValueError(f"pairs need the same seeds; only one of {a!r} and {b!r} has {alone}")
    with np.errstate(invalid="ignore"):  # infinity minus infinity: both diverged
        return numbers(metric, first, float) - numbers(metric, second, float)


def _check_frame(frame: pd.DataFrame, metric: str | None = None, *columns: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a DataFrame; received {type(frame).__name__}")
    for name in columns:
        if name not in frame:
            raise ValueError(f"frame must have the column {name}; received {list(frame)}")
    if columns and (not isinstance(metric, str) or metric not in frame):
        raise ValueError(f"metric must be one of {list(frame)}; received {metric!r}")


def compare(
    frame: pd.DataFrame,
    metric: str,
    pairs: Iterable[tuple[str, str]] | None = None,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare many variants, corrected for the number of comparisons.

    Parameters
    ----------
    frame, metric
        As in :func:`paired_difference`, whose errors are raised here.
    pairs
        The pairs to compare; None: all.
    level
        The confidence.

    Returns
    -------
    pandas.DataFrame
        One row a pair: ``a``, ``b``, ``n``; the mean ``difference`` a - b with its own interval
        ``low``, ``high``; the Bonferroni interval ``all_low``, ``all_high`` (those of all pairs
        hold at once); ``p`` of the paired t test and, adjusted by :func:`holm`, ``p_holm``;
        ``apart``: whether that is below 1 - level.

    Examples
    --------
    >>> frame = run(lambda seed, gain: {"accuracy": gain * (1 + 0.01 * seed)},
    ...             {"a": {"gain": 0.8}, "b": {"gain": 0.7}, "c": {"gain": 0.7}},
    ...             range(4), n_jobs=1)
    >>> compare(frame, "accuracy")[["a", "b", "difference", "apart"]].round(4)
       a  b  difference  apart
    0  a  b      0.1015   True
    1  a  c      0.1015   True
    2  b  c      0.0000  False
    """
    _check_frame(frame, metric, "variant", "seed")
    pairs = list(combinations(frame["variant"].unique(), 2)) if pairs is None else pairs
    if not isinstance(pairs, list | tuple) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    ):
        raise TypeError(f"pairs must be a list of pairs of variants; received {pairs!r}")
    if not pairs:
        raise ValueError("there must be a pair of variants to compare; received none")
    rows = []
    for a, b in pairs:
        values = _differences(frame, metric, a, b)
        own = mean_interval(values, level)
        every = mean_interval(values, 1 - (1 - level) / len(pairs))
        rows.append(
            {"a": a, "b": b, "n": own.n, "difference": own.mean, "low": own.low, "high": own.high}
            | {"all_low": every.low, "all_high": every.high, "p": _p_value(values)}
        )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"])
    table["apart"] = table["p_holm"] < 1 - level
    return table


def _p_value(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value of the paired t test; equal differences leave no doubt."""
    if not np.isfinite(differences).all():
        return np.nan
    mean, error = abs(float(differences.mean())), _standard_error(differences)
    if error == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(mean / error, differences.size - 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    r"""Adjust p-values for their number by Holm's step-down method.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\{1, (m - j + 1)\, p_{(j)}\},
        \qquad p_{(1)} \le \dots \le p_{(m)}

    Parameters
    ----------
    p_values
        The m p-values, in any order; NaN (not computable) stays NaN and counts in m.

    Returns
    -------
    ndarray
        The adjusted p-values, in the order of the argument.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure,
    https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = numbers("p_values", p_values, float)
    if p_values.ndim != 1 or (p_values < 0).any() or (p_values > 1).any():
        raise ValueError(f"p_values must be one row of numbers in [0, 1]; received {p_values}")
    order = np.argsort(p_values)
    factors = np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(np.minimum(1, factors * p_values[order]))
    return adjusted


def seeds_needed(
    pilot_differences: ArrayLike, smallest: float, power: float = 0.9, level: float = 0.95
) -> int:
    r"""Return the number of seeds with which a paired comparison finds what matters.

    It is the smallest n for which the two-sided paired t test finds a true mean difference
    :math:`\delta` with the wanted power,

    .. math:: P(|T| > t_{n-1,\,(1+c)/2}), \qquad
        T \sim \text{noncentral } t_{n-1} \text{ with noncentrality } \sqrt n\, \delta / s

    Parameters
    ----------
    pilot_differences
        Paired differences of a pilot, for their standard deviation :math:`s`. Five seeds tell it
        roughly: one time in ten the variance comes out below 0.18 or above 2.4 times the true one.
    smallest
        The smallest difference that matters, :math:`\delta > 0`.
    power
        The wanted probability of finding it.
    level
        The confidence :math:`c`.

    Returns
    -------
    int
        The number of seeds, at least 2.

    Raises
    ------
    ValueError
        When ``smallest`` is not positive, ``power`` or ``level`` is outside (0, 1), or the pilot
        lacks two finite values.

    References
    ----------
    Cohen (1988), Statistical power analysis for the behavioral sciences, 2nd ed.,
    doi:10.4324/9780203771587.

    Examples
    --------
    >>> seeds_needed([0.004, -0.006, 0.010, 0.002, 0.001], smallest=0.005)
    16
    """
    pilot = numbers("pilot_differences", pilot_differences, float)
    smallest = number("smallest", smallest)
    if not smallest > 0:
        raise ValueError(f"smallest must be positive; received smallest={smallest}")
    if not (0 < number("power", power) < 1 and 0 < number("level", level) < 1):
        raise ValueError(f"power and level must be in (0, 1); received {power} and {level}")
    if pilot.size < 2 or not np.isfinite(pilot).all():
        raise ValueError(f"a pilot needs two or more finite differences; received {pilot}")
    deviation = float(pilot.std(ddof=1))
    if deviation == 0:
        return 2
    effect = smallest / deviation

    def found(n: int) -> float:
        critical, shift = stats.t.ppf((1 + level) / 2, n - 1), n**0.5 * effect
        return float(stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift))

    enough = 2
    while found(enough) < power:
        enough *= 2
        if enough > 2**20:
            raise ValueError(f"smallest must be worth a million seeds; received {smallest}")
    return bisect_left(range(enough + 1), power, lo=2, key=found)


def verdict_from_intervals(intervals: Mapping[str, Interval], smallest: float) -> str:
    """Decide a claim from the intervals of all settings in which it was tried.

    A setting *supports* the claim when its whole interval is above 0 and its mean is at least
    ``smallest``. It *contradicts* the claim when its whole interval is below 0, or inside
    (-smallest, smallest): if there is a difference, it is too small to matter.

    Parameters
    ----------
    intervals
        By setting, the interval of the difference that the claim says is positive.
    smallest
        The smallest difference that matters, not negative, fixed before the run.

    Returns
    -------
    str
        ``"confirmed"``: all settings support the claim; ``"conditional"``: some do;
        ``"refuted"``: all contradict it; ``"unresolved"``: none of these (a NaN does neither).

    Raises
    ------
    ValueError
        Without intervals, or when ``smallest`` is negative.

    Examples
    --------
    >>> deep = Interval(mean=0.021, low=0.013, high=0.029, n=20)
    >>> shallow = Interval(mean=0.001, low=-0.001, high=0.003, n=20)
    >>> verdict_from_intervals({"20 layers": deep, "2 layers": shallow}, smallest=0.005)
    'conditional'
    """
    if not isinstance(intervals, Mapping) or not all(
        isinstance(interval, Interval) for interval in intervals.values()
    ):
        raise TypeError(f"intervals must map settings to intervals; received {intervals!r}")
    if not intervals:
        raise ValueError("a verdict needs the interval of a setting; received none")
    if not number("smallest", smallest) >= 0:
        raise ValueError(f"smallest must not be negative; received smallest={smallest}")
    supports = [i.low > 0 and i.mean >= smallest for i in intervals.values()]
    contradicts = [i.high < 0 or -smallest < i.low <= i.high < smallest for i in intervals.values()]
    if all(supports):
        return "confirmed"
    if any(supports):
        return "conditional"
    return "refuted" if all(contradicts) else "unresolved"


# Tuning


@dataclass(frozen=True)
class Tuning:
    """The outcome of :func:`tune`.

    Parameters
    ----------
    best
        The chosen learning rate by variant.
    at_edge
        The variants whose choice is the smallest or largest rate of the grid: a better one may
        lie outside, so widen the grid.
    frame
        All runs: ``variant``, ``learning_rate``, ``seed``, the metrics, ``seconds``.

    Examples
    --------
    >>> Tuning(best={"adam": 1e-3}, at_edge=[], frame=pd.DataFrame()).best["adam"]
    0.001
    """

    best: dict[str, float]
    at_edge: list[str]
    frame: pd.DataFrame


def tune(
    function: Experiment,
    variants: Mapping[str, Mapping[str, Any]],
    rates: Sequence[float],
    seeds: Iterable[int],
    metric: str,
    *,
    mode: str = "max",
    n_jobs: int = -1,
    progress: bool = True,
) -> Tuning:
    """Choose the learning rate of every variant by the same search.

    Parameters
    ----------
    function, variants, seeds, n_jobs, progress
        As in :func:`run`, whose errors are raised here; ``function`` also takes
        ``learning_rate``.
    rates
        The grid of learning rates.
    metric, mode
        As in :func:`best_rates`, whose errors are raised here; a metric on validation data.

    Raises
    ------
    RuntimeError
        When a run fails.

    Returns
    -------
    Tuning
        The rates chosen, which of them lie at an edge of the grid, and all runs.

    Examples
    --------
    >>> def experiment(seed, best, learning_rate):
    ...     return {"validation_loss": (learning_rate - best) ** 2}
    >>> tuning = tune(experiment, {"slow": {"best": 0.1}, "fast": {"best": 9.0}},
    ...               [0.01, 0.1, 1.0], range(3), "validation_loss", mode="min", n_jobs=1)
    >>> tuning.best, tuning.at_edge
    ({'slow': 0.1, 'fast': 1.0}, ['fast'])
    """
    check_one_of("mode", mode, ("max", "min"))
    check_variants(variants)
    grid = numbers("rates", rates)
    if grid.ndim != 1 or not len(rates) or not variants:
        raise ValueError(f"there must be variants and rates; received {variants} and {rates}")
    if not np.isfinite(grid).all():
        raise ValueError(f"rates must be finite; received {rates}")
    searched = {
        (name, rate): {**arguments, "learning_rate": rate}
        for name, arguments in variants.items()
        for rate in rates
    }
    frame = run(function, searched, seeds, n_jobs=n_jobs, progress=progress)
    if frame.empty:
        raise ValueError("there must be seeds; received none")
    names, used = zip(*frame.pop("variant"), strict=True)
    frame.insert(0, "variant", names)
    frame.insert(1, "learning_rate", used)
    best = best_rates(frame, metric, mode)
    return Tuning(best, [v for v in best if best[v] in (min(rates), max(rates))], frame)


def best_rates(frame: pd.DataFrame, metric: str, mode: str = "max") -> dict[str, float]:
    """Return the learning rate of every variant with the best mean metric.

    Parameters
    ----------
    frame
        Columns ``variant``, ``learning_rate`` and the metric. A rate with which a run diverged
        (its metric is not finite) is never chosen.
    metric
        The column whose mean over the seeds decides.
    mode
        ``"max"`` or ``"min"``: whether large or small is good.

    Returns
    -------
    dict
        The learning rate by variant; of equally good ones the smallest.

    Raises
    ------
    ValueError
        When metric or mode is unknown, or every rate of a variant diverged.

    Examples
    --------
    >>> frame = pd.DataFrame({"variant": ["sgd", "sgd", "sgd"], "learning_rate": [0.1, 1.0, 10.0],
    ...                       "accuracy": [0.80, 0.85, float("nan")]})
    >>> best_rates(frame, "accuracy")
    {'sgd': 1.0}
    """
    check_one_of("mode", mode, ("max", "min"))
    _check_frame(frame, metric, "variant", "learning_rate")
    frame = frame.assign(**{metric: numbers(metric, frame[metric], float)})
    finite = frame.assign(**{metric: frame[metric].where(np.isfinite(frame[metric]))})
    best = {}
    for name in frame["variant"].unique():
        runs = finite[finite["variant"] == name]
        means = runs.groupby("learning_rate")[metric].mean(skipna=False)
        if means.isna().all():
            raise ValueError(f"variant {name!r} diverged with every rate of the grid")
        best[name] = float(means.idxmax() if mode == "max" else means.idxmin())
    return best
