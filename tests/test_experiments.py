"""Experiments: order, pairing and threads of the runs; the statistics against hand and SciPy."""

import math
import os
import sys
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import parallel_config
from scipy import stats

from companion.lab.experiments import (
    Interval,
    best_rates,
    compare,
    curves,
    holm,
    mean_interval,
    paired_difference,
    run,
    run_calls,
    seeds_needed,
    tune,
    verdict_from_intervals,
)
from companion.lab.threads import ONE_THREAD

# Experiments are defined inside the tests: workers get such a function by value.


def table(**metric_by_variant):
    """A table as run returns it, with the seeds 0, 1, ..."""
    rows = [
        {"variant": variant, "seed": seed, "accuracy": value}
        for variant, values in metric_by_variant.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


# Running


def test_rows_are_in_the_order_of_variants_then_seeds_whichever_finished_first():
    def experiment(seed, rank):
        import time

        time.sleep(0.02 * (6 - rank - seed))  # what was asked first finishes last
        return {"rank": rank}

    variants = {"second": {"rank": 1}, "first": {"rank": 0}}
    for n_jobs in (1, 2):
        frame = run(experiment, variants, [5, 3, 4], n_jobs=n_jobs)
        assert list(frame.columns) == ["variant", "seed", "rank", "seconds"]
        assert frame["variant"].tolist() == ["second"] * 3 + ["first"] * 3
        assert frame["seed"].tolist() == [5, 3, 4, 5, 3, 4]
        assert frame["rank"].tolist() == [1, 1, 1, 0, 0, 0]
        assert (frame["seconds"] >= 0).all()


def test_runs_of_one_seed_follow_one_another():
    order = []

    def experiment(seed, name):
        order.append((seed, name))
        return {"x": 0}

    run(experiment, {"a": {"name": "a"}, "b": {"name": "b"}}, [7, 8], n_jobs=1)
    assert order == [(7, "a"), (7, "b"), (8, "a"), (8, "b")]


def test_rows_arrive_as_they_finish(tmp_path):
    def experiment(waits):
        import time

        deadline = time.monotonic() + 30
        while waits and not (tmp_path / "mark").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return {"x": 0}

    calls = [({"name": "slow"}, {"waits": True}), ({"name": "fast"}, {"waits": False})]
    names = []
    for row in run_calls(experiment, calls, n_jobs=2):
        names.append(row["name"])
        (tmp_path / "mark").touch()  # the slow one waits for the fast one's row
    assert names == ["fast", "slow"]


def test_every_worker_has_one_thread(monkeypatch, tmp_path):
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "2")

    def experiment(seed):
        import ctypes
        import time
        from pathlib import Path

        import numpy

        (tmp_path / str(os.getpid())).touch()
        deadline = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # until both workers take part
        metrics = {name: int(os.environ[name]) for name in ONE_THREAD} | {"process": os.getpid()}
        libraries = Path(numpy.__file__).parents[1] / "numpy.libs"
        for library in libraries.glob("libscipy_openblas64_*"):  # what NumPy's wheels for Linux use
            blas = ctypes.CDLL(str(library))
            metrics["blas"] = blas.scipy_openblas_get_num_threads64_()
        return metrics

    frame = run(experiment, {"only": {}}, range(6), n_jobs=2)
    assert frame["process"].nunique() == 2
    threads = frame[[name for name in (*ONE_THREAD, "blas") if name in frame]]
    assert (threads == 1).all(axis=None)
    if sys.platform == "linux":
        assert "blas" in frame
    assert os.environ["OMP_NUM_THREADS"] == "2"  # this process is as it was


def test_the_callers_backend_is_used():
    def experiment(seed):
        return {"process": os.getpid()}

    with parallel_config(backend="threading"):
        assert set(run(experiment, {"only": {}}, range(4), n_jobs=2)["process"]) == {os.getpid()}
    assert os.getpid() not in set(run(experiment, {"only": {}}, range(4), n_jobs=2)["process"])


def test_a_cluster_gives_the_same_table():
    from distributed import Client, LocalCluster

    def experiment(seed, scale):
        import numpy

        return {"x": scale * numpy.random.default_rng(seed).normal(), "curve": [seed, scale]}

    variants = {"small": {"scale": 1}, "large": {"scale": 100}}
    here = run(experiment, variants, range(4), n_jobs=2)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with LocalCluster(**options, dashboard_address=None) as cluster, Client(cluster):  # noqa: SIM117
        with parallel_config(backend="dask"):
            there = run(experiment, variants, range(4))
    pd.testing.assert_frame_equal(
        here.drop(columns="seconds"), there.drop(columns="seconds"), check_exact=True
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failing_run_is_named(n_jobs):
    def experiment(seed, depth):
        return {"x": 1 / (seed - depth)}

    with pytest.raises(RuntimeError, match=r"variant 'deep', seed 3 failed: ZeroDivisionError"):
        run(experiment, {"flat": {"depth": 9}, "deep": {"depth": 3}}, range(5), n_jobs=n_jobs)


def test_diverged_runs_are_data():
    frame = run(
        lambda seed: {"loss": [1.0, math.nan, math.inf][seed]}, {"a": {}}, range(3), n_jobs=1
    )
    np.testing.assert_array_equal(frame["loss"], [1.0, math.nan, math.inf])


@pytest.mark.parametrize("value", ["0.9", None, 1j, [[1.0]], {"a": 1}])
def test_a_metric_is_numbers(value):
    with pytest.raises(TypeError, match="metric 'odd' must be numbers"):
        run(lambda seed: {"odd": value}, {"a": {}}, [0], n_jobs=1)


@pytest.mark.parametrize("name", ["seed", "variant", "seconds"])
def test_a_metric_needs_a_name_of_its_own(name):
    with pytest.raises(ValueError, match=f"name of its own; received '{name}'"):
        run(lambda seed: {name: 1.0}, {"a": {}}, [0], n_jobs=1)


def test_a_seed_is_given_once():
    with pytest.raises(ValueError, match=r"once; received seeds=\[1, 2, 1\]"):
        run(lambda seed: {"x": 0}, {"a": {}}, [1, 2, 1], n_jobs=1)


def test_curves_become_rows():
    frame = run(
        lambda seed, n: {"loss": np.arange(n) / 2, "loss_end": 9.0},
        {"long": {"n": 11}, "short": {"n": 1}},
        [4],
        n_jobs=1,
    )
    long = curves(frame, "loss")
    assert list(long.columns) == ["variant", "seed", "epoch", "loss"]
    one = long[long["variant"] == "long"]
    assert one["epoch"].tolist() == list(range(1, 12))  # 10 after 9, not after 1
    assert one["loss"].tolist() == [epoch / 2 for epoch in range(11)]
    assert long[long["variant"] == "short"]["loss"].isna().sum() == 10
    with pytest.raises(ValueError, match="received 'accuracy'"):
        curves(frame, "accuracy")


@pytest.mark.parametrize(
    ("terminal", "progress", "shown"),
    [(True, True, True), (False, True, False), (True, False, False)],
)
def test_progress_shows_on_a_terminal(monkeypatch, terminal, progress, shown):
    stream = StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    run(lambda seed: {"x": 0}, {"a": {}}, range(3), n_jobs=1, progress=progress)
    assert ("3/3" in stream.getvalue()) == shown
    assert bool(stream.getvalue()) == shown


# Intervals


def test_mean_interval_by_hand():
    # mean 2.5; squared deviations 2.25 + 0.25 + 0.25 + 2.25 = 5, s = sqrt(5/3) = 1.2910;
    # standard error s/2 = 0.6455; t(3, 0.975) = 3.1824; half 2.0543
    interval = mean_interval([1, 2, 3, 4])
    assert (interval.mean, interval.n) == (2.5, 4)
    assert interval.low == pytest.approx(0.4457, abs=5e-5)
    assert interval.high == pytest.approx(4.5543, abs=5e-5)
    assert str(interval) == "2.5000 [0.4457, 4.5543]"
    assert f"{interval:+.1f}" == "+2.5 [+0.4, +4.6]"


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=30),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_mean_interval_is_that_of_scipy(values, level):
    interval = mean_interval(values, level)
    if np.std(values) > 1e-6:  # SciPy warns where there is no spread
        expected = stats.ttest_1samp(values, 0).confidence_interval(level)
        np.testing.assert_allclose([interval.low, interval.high], expected, rtol=1e-9, atol=1e-9)
    assert interval.low <= interval.mean <= interval.high


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_mean_of_a_diverged_run_is_unknown(bad):
    interval = mean_interval([1.0, bad, bad])
    assert all(map(math.isnan, (interval.mean, interval.low, interval.high)))
    assert interval.n == 3
    frame = table(a=[1.0, bad, 2.0], b=[1.0, bad, 2.0])
    assert math.isnan(paired_difference(frame, "accuracy", "a", "b").mean)


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([1.0], 0.95, "two or more"),
        ([], 0.95, "two or more"),
        ([[1.0, 2.0]], 0.95, "two or more"),
        ([1.0, 2.0], 95, "level=95"),
        ([1.0, 2.0], 0.0, r"level=0\.0"),
    ],
)
def test_mean_interval_says_what_is_wrong(values, level, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(values, level)


def test_pairs_are_those_of_one_seed():
    frame = table(a=[0.85, 0.80, 0.90], b=[0.83, 0.79, 0.87])
    shuffled = frame.iloc[[4, 2, 0, 5, 1, 3]]
    # differences 0.02, 0.01, 0.03: mean 0.02, s = 0.01, t(2, 0.975) = 4.3027, half 0.024841
    for rows in (frame, shuffled):
        interval = paired_difference(rows, "accuracy", "a", "b")
        np.testing.assert_allclose(interval.mean, 0.02)
        np.testing.assert_allclose([interval.low, interval.high], [-0.004841, 0.044841], atol=1e-6)
        opposite = paired_difference(rows, "accuracy", "b", "a")
        np.testing.assert_allclose([opposite.low, opposite.high], [-interval.high, -interval.low])


def test_pairing_errors():
    frame = table(a=[1.0, 2.0, 3.0], b=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"only one of 'a' and 'b' has \[2\]"):
        paired_difference(frame, "accuracy", "a", "b")
    with pytest.raises(ValueError, match=r"variant must be one of \['a', 'b'\]; received 'c'"):
        paired_difference(frame, "accuracy", "a", "c")
    with pytest.raises(ValueError, match=r"metric must be one of .*; received 'loss'"):
        paired_difference(frame, "loss", "a", "b")
    with pytest.raises(ValueError, match=r"'a' must have one run a seed; more with \[0, 1, 2\]"):
        paired_difference(pd.concat([frame, frame]), "accuracy", "a", "b")


# Many comparisons


def test_holm_by_hand():
    # sorted 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04; running maximum:
    # 0.02 0.03 0.06 0.06
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.4, 0.9]), [0.8, 0.9])
    np.testing.assert_allclose(holm([0.6, 0.9]), [1.0, 1.0])
    np.testing.assert_allclose(holm([0.02]), [0.02])
    # a p-value that cannot be computed counts: 3 * 0.01 and 2 * 0.02
    np.testing.assert_allclose(holm([0.01, math.nan, 0.02]), [0.03, math.nan, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_lies_between_none_and_bonferroni_and_keeps_the_order(p_values):
    p, adjusted = np.array(p_values), holm(p_values)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p)).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_compare_against_scipy():
    rng = np.random.default_rng(3)
    base = rng.normal(size=12)
    noise = rng.normal(0, 0.3, size=(3, 12))
    frame = table(a=base + noise[0], b=base + noise[1] + 0.1, c=base + noise[2] + 1.0)
    found = compare(frame, "accuracy", level=0.9)
    assert list(zip(found["a"], found["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    values = {name: runs["accuracy"].to_numpy() for name, runs in frame.groupby("variant")}
    for row in found.itertuples():
        test = stats.ttest_rel(values[row.a], values[row.b])
        np.testing.assert_allclose(row.p, test.pvalue, rtol=1e-10)
        np.testing.assert_allclose((row.low, row.high), test.confidence_interval(0.9))
        np.testing.assert_allclose(
            (row.all_low, row.all_high), test.confidence_interval(1 - 0.1 / 3)
        )
        assert row.n == 12
    np.testing.assert_allclose(found["p_holm"], holm(found["p"]))
    assert found["apart"].tolist() == (found["p_holm"] < 0.1).tolist()
    assert set(found["apart"]) == {True, False}  # the case holds both answers


def test_compare_where_there_is_no_spread_or_no_number():
    frame = table(a=[1.0, 2.0], b=[1.0, 2.0], c=[2.0, 3.0], d=[math.nan, 1.0])
    found = compare(frame, "accuracy", [("a", "b"), ("a", "c"), ("a", "d")])
    np.testing.assert_array_equal(found["p"], [1.0, 0.0, math.nan])
    assert found["apart"].tolist() == [False, True, False]
    with pytest.raises(ValueError, match="pair of variants"):
        compare(table(a=[1.0, 2.0]), "accuracy")


# How many seeds


@pytest.mark.parametrize(
    ("effect", "power", "n"),
    # sample sizes of the two-sided paired t test at 5 %, as power tables and G*Power give them
    [(0.5, 0.8, 34), (0.5, 0.9, 44), (0.8, 0.8, 15), (0.2, 0.9, 265), (1.0, 0.9, 13)],
)
def test_seeds_needed_by_table(effect, power, n):
    pilot = np.array([1.0, -1.0]) / 2**0.5 / effect  # standard deviation 1 / effect
    assert seeds_needed(pilot, smallest=1.0, power=power) == n


def test_seeds_needed_by_simulation():
    rng = np.random.default_rng(0)
    pilot = [-1.0, 0.0, 1.0]  # standard deviation 1
    n = seeds_needed(pilot, smallest=1.2, power=0.9)

    def found(n):
        return np.mean(stats.ttest_1samp(rng.normal(1.2, 1, (40_000, n)), 0, axis=1).pvalue < 0.05)

    # one seed changes the power by 0.03; the simulation's standard error is 0.0015
    assert found(n) > 0.9 - 0.005
    assert found(n - 1) < 0.9 + 0.005


def test_seeds_needed_at_its_ends():
    assert seeds_needed([0.1, 0.1], smallest=0.5) == 2  # no spread: the least that has an interval
    assert seeds_needed([0.0, 1e-6], smallest=1.0) == 2
    assert seeds_needed([1, -1], smallest=1, level=0.99) > seeds_needed([1, -1], smallest=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 0.0), "smallest must be positive; received smallest=0.0"),
        (([1.0, 2.0], math.nan), "smallest must be positive"),
        (([1.0, 2.0], 1.0, 1.0), r"in \(0, 1\); received 1.0 and 0.95"),
        (([1.0], 1.0), "two or more finite"),
        (([1.0, math.nan], 1.0), "two or more finite"),
    ],
)
def test_seeds_needed_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        seeds_needed(*arguments)


# Verdicts: (low, high) of one interval a setting, its mean in the middle; what matters is 0.5

SUPPORTS, OTHER_SIDE, TOO_SMALL, OPEN = (0.4, 1.2), (-1.2, -0.4), (-0.3, 0.3), (-0.2, 1.0)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([SUPPORTS], "confirmed"),
        ([SUPPORTS, SUPPORTS], "confirmed"),
        ([SUPPORTS, OTHER_SIDE], "conditional"),
        ([SUPPORTS, TOO_SMALL], "conditional"),
        ([OPEN, SUPPORTS], "conditional"),
        ([OTHER_SIDE], "refuted"),
        ([TOO_SMALL], "refuted"),
        ([TOO_SMALL, OTHER_SIDE], "refuted"),
        ([OPEN], "unresolved"),
        ([OPEN, OTHER_SIDE], "unresolved"),
        # a sure but small effect: surely too small, or not surely so
        ([(0.1, 0.3)], "refuted"),
        ([(0.1, 0.7)], "unresolved"),
        # a difference on the wrong side is refuted whatever its size
        ([(-0.2, -0.1)], "refuted"),
        # borders: the mean may equal what matters, an end may not equal 0 or what matters
        ([(0.25, 0.75)], "confirmed"),
        ([(0.0, 2.0)], "unresolved"),
        ([(-2.0, 0.0)], "unresolved"),
        ([(-0.25, 0.5)], "unresolved"),
        ([(-0.5, 0.25)], "unresolved"),
        ([(-0.5, -0.25)], "refuted"),
        # a diverged run decides nothing
        ([(math.nan, math.nan)], "unresolved"),
        ([SUPPORTS, (math.nan, math.nan)], "conditional"),
        ([TOO_SMALL, (math.nan, math.nan)], "unresolved"),
    ],
)
def test_verdicts(ends, verdict):
    intervals = {
        f"setting {i}": Interval((low + high) / 2, low, high, 20)
        for i, (low, high) in enumerate(ends)
    }
    assert verdict_from_intervals(intervals, smallest=0.5) == verdict


def test_a_direction_alone_can_matter():
    assert verdict_from_intervals({"a": Interval(0.1, 0.05, 0.15, 20)}, smallest=0) == "confirmed"
    assert verdict_from_intervals({"a": Interval(0.0, -0.1, 0.1, 20)}, smallest=0) == "unresolved"


def test_a_verdict_needs_an_interval_and_a_scale():
    with pytest.raises(ValueError, match="received none"):
        verdict_from_intervals({}, smallest=0.5)
    with pytest.raises(ValueError, match="smallest=-1"):
        verdict_from_intervals({"a": Interval(0.1, 0.05, 0.15, 20)}, smallest=-1)


# Tuning


def test_every_variant_gets_the_same_search():
    def experiment(seed, best, learning_rate):
        distance = abs(math.log10(learning_rate / best))
        return {"validation_accuracy": 0.9 - 0.1 * distance + 0.001 * seed}

    variants = {"inside": {"best": 0.01}, "above": {"best": 10.0}, "below": {"best": 1e-5}}
    grid = [0.1, 0.01, 0.001]
    tuning = tune(experiment, variants, grid, [1, 2], "validation_accuracy", n_jobs=1)
    assert tuning.best == {"inside": 0.01, "above": 0.1, "below": 0.001}
    assert tuning.at_edge == ["above", "below"]
    counts = tuning.frame.groupby(["variant", "learning_rate"]).size()
    assert len(counts) == 9
    assert (counts == 2).all()
    worst = tune(experiment, variants, grid, [1], "validation_accuracy", mode="min", n_jobs=1)
    assert worst.best["above"] == 0.001


def test_a_rate_that_diverged_once_is_not_chosen():
    frame = pd.DataFrame(
        {
            "variant": "sgd",
            "learning_rate": [0.1, 0.1, 1.0, 1.0, 10.0, 10.0],
            "loss": [0.5, 0.7, 0.1, math.nan, -math.inf, 0.0],
        }
    )
    assert best_rates(frame, "loss", "min") == {"sgd": 0.1}
    with pytest.raises(ValueError, match="variant 'sgd' diverged with every rate"):
        best_rates(frame[frame["learning_rate"] > 0.5], "loss", "min")


def test_the_mean_decides_not_the_best_seed():
    frame = pd.DataFrame(
        {"variant": "sgd", "learning_rate": [0.1, 0.1, 1.0, 1.0], "accuracy": [0.8, 0.8, 0.9, 0.6]}
    )
    assert best_rates(frame, "accuracy") == {"sgd": 0.1}


@pytest.mark.parametrize(
    ("metric", "mode", "message"),
    [("loss", "max", "received 'loss'"), ("accuracy", "best", "mode='best'")],
)
def test_best_rates_says_what_is_wrong(metric, mode, message):
    with pytest.raises(ValueError, match=message):
        best_rates(table(a=[1.0]).assign(learning_rate=0.1), metric, mode)
