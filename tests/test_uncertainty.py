"""Scores of probabilities: by hand, by identities that must hold, and at their extremes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from companion.activations import softmax
from companion.lab import uncertainty as u

seeds = st.integers(0, 10_000)


def draw(seed, samples=5, batch=40, classes=4, spread=2.0):
    """Predictions of several passes, and labels."""
    rng = np.random.default_rng(seed)
    passes = softmax(spread * rng.standard_normal((samples, batch, classes)))
    return passes, rng.integers(0, classes, batch)


# By hand


def test_scores_by_hand():
    p, y = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]), np.array([0, 2])
    # -(ln 0.5 + ln 0.1) / 2 = (0.693147 + 2.302585) / 2
    assert u.negative_log_likelihood(p, y) == pytest.approx(1.497866, abs=1e-6)
    # (0.25 + 0.0625 + 0.0625 + 0.01 + 0.64 + 0.81) / 2
    assert u.brier(p, y) == pytest.approx(0.9175)


def test_reliability_by_hand():
    p = np.array([[0.55, 0.45], [0.58, 0.42], [0.95, 0.05], [0.91, 0.09], [0.99, 0.01]])
    table = u.reliability(p, [0, 1, 0, 0, 1])
    assert table["low"].tolist() == [0.5, 0.9]
    assert table["high"].tolist() == [0.6, 1.0]
    assert table["count"].tolist() == [2, 3]
    assert_allclose(table["confidence"], [0.565, 0.95])
    assert_allclose(table["accuracy"], [1 / 2, 2 / 3])
    # 2/5 * 0.065 + 3/5 * (0.95 - 0.6667)
    expected = 0.4 * 0.065 + 0.6 * (0.95 - 2 / 3)
    assert u.expected_calibration_error(p, [0, 1, 0, 0, 1]) == pytest.approx(expected)


@pytest.mark.parametrize("confidence", [0.6, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_confidence_at_the_end_of_a_bin_belongs_to_it(confidence, dtype):
    table = u.reliability(np.array([[confidence, 1 - confidence]], dtype), [0])
    assert table["high"].tolist() == [pytest.approx(confidence)]


def test_accuracy_of_surest_by_hand():
    right, doubt = np.array([True, True, False, True]), np.array([0.3, 0.1, 0.4, 0.2])
    shares = [0.25, 0.5, 0.75, 1.0]
    assert u.accuracy_of_surest(right, doubt, shares).tolist() == [1, 1, 1, 0.75]
    assert u.accuracy_of_surest(right, -doubt, shares).tolist() == [0, 0.5, 2 / 3, 0.75]


# Identities


@given(seeds)
def test_the_average_is_never_less_likely_than_the_average_pass(seed):
    passes, y = draw(seed)
    alone = [u.negative_log_likelihood(p, y) for p in passes]
    assert u.negative_log_likelihood(passes.mean(0), y) <= np.mean(alone) + 1e-12


@given(seeds)
def test_briers_score_of_the_average_is_that_of_a_pass_less_the_variance(seed):
    passes, y = draw(seed)
    alone = np.mean([u.brier(p, y) for p in passes])
    variance = passes.var(0).sum(1).mean()
    assert u.brier(passes.mean(0), y) == pytest.approx(alone - variance)


@given(seeds)
def test_mutual_information_is_the_mean_divergence_from_the_average(seed):
    passes, _ = draw(seed)
    split = u.uncertainty(passes)
    divergence = (passes * np.log(passes / passes.mean(0))).sum(2).mean(0)
    assert_allclose(split.mutual_information, divergence, atol=1e-12)
    assert_allclose(split.total, split.expected + split.mutual_information, atol=1e-12)


@given(seeds)
def test_auroc_is_the_share_of_pairs_in_order(seed):
    rng = np.random.default_rng(seed)
    inside, outside = rng.integers(0, 5, 13), rng.integers(1, 6, 7)  # with ties
    pairs = outside[:, None] - inside
    expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    assert u.auroc(inside, outside) == pytest.approx(expected)
    assert u.auroc(outside, inside) == pytest.approx(1 - expected)


@given(seeds, st.floats(0.2, 5))
def test_temperature_undoes_what_at_temperature_did(seed, factor):
    rng = np.random.default_rng(seed)
    p = softmax(2 * rng.standard_normal((2_000, 4)))
    y = np.array([rng.choice(4, p=row) for row in p[:500]])
    cooled = u.at_temperature(p[:500], factor)
    best = u.at_temperature(cooled, u.temperature(cooled, y))
    assert_allclose(best, u.at_temperature(p[:500], u.temperature(p[:500], y)), atol=0.01)
    assert (cooled.argmax(1) == p[:500].argmax(1)).all()


def test_a_calibrated_classifier_has_a_small_error_and_temperature_1():
    rng = np.random.default_rng(0)
    p = softmax(2 * rng.standard_normal((20_000, 5)))
    y = (p.cumsum(1) < rng.random((20_000, 1))).sum(1).clip(max=4)
    assert u.expected_calibration_error(p, y) < 0.012
    assert u.temperature(p, y) == pytest.approx(1, abs=0.03)
    assert u.expected_calibration_error(u.at_temperature(p, 0.5), y) > 0.05


# Extremes and refusals


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certainty_does_not_overflow(dtype):
    p = np.array([[1, 0], [0, 1]], dtype)
    assert u.entropy(p).tolist() == [0, 0]
    assert u.entropy(p).dtype == dtype
    assert np.isfinite(u.negative_log_likelihood(p, [1, 0]))
    assert u.at_temperature(p, 2.0).dtype == dtype
    assert u.brier(p, [1, 0]) == 2
    assert u.uncertainty(np.stack([p, p])).mutual_information.tolist() == [0, 0]


def test_nothing_is_changed():
    passes, y = draw(0)
    before = passes.copy()
    u.uncertainty(passes)
    for score in (u.negative_log_likelihood, u.brier, u.reliability, u.temperature):
        score(passes[0], y)
    assert_allclose(passes, before, rtol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.brier([0.5, 0.5], [0]), "expected probabilities of shape"),
        (lambda: u.brier([[0.5, 0.5]], [0, 1]), r"received \(1, 2\) and \(2,\)"),
        (lambda: u.reliability([[0.5, 0.5]], [0], bins=0), "at least 1 .*; received bins=0"),
        (lambda: u.uncertainty([[0.5, 0.5]]), r"\(samples, batch, classes\); received \(1, 2\)"),
        (lambda: u.at_temperature([[0.5, 0.5]], 0), "positive; received temperature=0"),
        (lambda: u.accuracy_of_surest([True], [0.1], [0.0]), r"shares must be in \(0, 1\]"),
        (lambda: u.accuracy_of_surest([True], [0.1, 0.2], [1.0]), "one shape"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
