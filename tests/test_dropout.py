import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from companion.dropout import (
    alpha_dropout,
    alpha_dropout_grad,
    dropout,
    dropout_mask,
    mc_predict,
)

RATES = [0.1, 0.2, 0.5, 0.9]


@pytest.mark.parametrize("rate", RATES)
def test_dropout_equals_keras(keras, rate):
    """With the mask that Keras drew, told by its zeros."""
    x = np.random.default_rng(1).standard_normal((50, 40))
    theirs = keras.layers.Dropout(rate, seed=1)(x, training=True).numpy()
    rtol = 1e-12 if rate == 0.5 else 1e-7  # Keras rounds 1 / (1 - rate) to float32
    assert_allclose(dropout(x, theirs != 0, rate), theirs, rtol=rtol)


@pytest.mark.parametrize("rate", RATES)
def test_alpha_dropout_equals_keras(keras, rate):
    """With the mask that Keras drew, told by the value of all dropped units."""
    x = np.random.default_rng(2).standard_normal((50, 40))
    theirs = keras.layers.AlphaDropout(rate, seed=1)(x, training=True).numpy()
    values, counts = np.unique(theirs, return_counts=True)
    mask = theirs != values[counts.argmax()]
    assert 0.5 * rate < 1 - mask.mean() < min(1, 1.5 * rate)
    rtol = 1e-12 if rate == 0.5 else 1e-6
    assert_allclose(alpha_dropout(x, mask, rate), theirs, rtol=rtol, atol=0.1 * rtol)


@pytest.mark.parametrize("rate", [0.0, *RATES])
def test_mask_drops_the_rates_share(rate):
    n = 200_000
    mask = dropout_mask(np.random.default_rng(3), (n // 100, 100), rate)
    assert mask.dtype == np.bool_
    assert mask.shape == (n // 100, 100)
    assert 1 - mask.mean() == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / n))
    # each unit for itself: neighbours agree as often as independent ones
    agree = rate**2 + (1 - rate) ** 2
    assert (mask[:, 1:] == mask[:, :-1]).mean() == pytest.approx(agree, abs=0.01)


def test_masks_come_from_the_generator():
    first, second = np.random.default_rng(4), np.random.default_rng(4)
    assert_array_equal(dropout_mask(first, (5, 6), 0.5), dropout_mask(second, (5, 6), 0.5))
    assert (dropout_mask(first, (5, 6), 0.5) != dropout_mask(first, (5, 6), 0.5)).any()


def test_hand_worked():
    x, mask = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[True, False], [False, True]])
    assert dropout(x, mask, 0.75).tolist() == [[4, 0], [0, 16]]
    # alpha' = -1.0507 1.6733 = -1.7581, squared 3.0909;
    # a = (0.5 (1 + 0.5 3.0909))^(-1/2) = 1.27271^(-1/2) = 0.88641; b = 0.88641 0.5 1.7581 = 0.7792
    # kept 1: 0.88641 + 0.7792; dropped: -0.88641 1.7581 + 0.7792
    y = alpha_dropout(x, mask, 0.5)
    assert y[0, 0] == pytest.approx(1.66561, abs=2e-5)
    assert y[0, 1] == y[1, 0] == pytest.approx(-0.77920, abs=2e-5)
    assert y[1, 1] == pytest.approx(4 * 0.88641 + 0.7792, abs=5e-5)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_moments(rate):
    """Dropout keeps the mean; alpha dropout also the variance, of standardized inputs."""
    n, rng = 200_000, np.random.default_rng(5)
    x, mask = rng.standard_normal(n), dropout_mask(rng, n, rate)
    y = alpha_dropout(x, mask, rate)
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert y.std() == pytest.approx(1, abs=0.01)
    y = dropout(x + 1, mask, rate)
    assert y.mean() == pytest.approx(1, abs=5 * y.std() / math.sqrt(n))
    assert dropout(x, mask, rate).std() == pytest.approx(1 / math.sqrt(1 - rate), abs=0.01)


def test_alpha_dropouts_moments_are_exact_in_expectation():
    """Over the two values of a mask, for an input of mean 0 and variance 1: -1 or 1."""
    for rate in RATES:
        x = np.array([-1.0, 1.0])
        kept = alpha_dropout(x, np.ones(2, bool), rate)
        dropped = alpha_dropout(x, np.zeros(2, bool), rate)
        mean = (1 - rate) * kept.mean() + rate * dropped.mean()
        square = (1 - rate) * (kept**2).mean() + rate * (dropped**2).mean()
        assert mean == pytest.approx(0, abs=1e-14)
        assert square == pytest.approx(1, rel=1e-14)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.floats(0, 0.95))
def test_gradients_are_the_derivatives(seed, rate):
    rng = np.random.default_rng(seed)
    x, direction, dy = rng.standard_normal((3, 4, 5))
    mask = dropout_mask(rng, x.shape, rate)
    for function, gradient in ((dropout, dropout), (alpha_dropout, alpha_dropout_grad)):
        difference = function(x + direction, mask, rate) - function(x, mask, rate)  # affine
        expected = np.sum(dy * difference)
        assert_allclose(np.sum(gradient(dy, mask, rate) * direction), expected, atol=1e-11)


@pytest.mark.parametrize("function", [dropout, alpha_dropout, alpha_dropout_grad])
def test_rate_zero_is_the_identity(function):
    x = np.random.default_rng(6).standard_normal((3, 4))
    mask = dropout_mask(np.random.default_rng(6), x.shape, 0)
    assert mask.all()
    assert_array_equal(function(x, mask, 0), x)


@pytest.mark.parametrize("function", [dropout, alpha_dropout, alpha_dropout_grad])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_mutated(function, dtype):
    x, mask = np.array([1e4, -1e4, 0.0], dtype), np.array([True, False, True])
    y = function(x, mask, np.float64(0.25))
    assert y.dtype == dtype
    assert np.isfinite(y).all()
    assert x.tolist() == [1e4, -1e4, 0]
    assert mask.tolist() == [True, False, True]


def test_mc_predict_calls_the_model_each_time():
    calls = []

    def predict(x):
        calls.append(x)
        return np.float32(len(calls)) * x

    x = np.ones((2, 3), np.float32)
    predictions = mc_predict(predict, x, samples=4)
    assert predictions.shape == (4, 2, 3)
    assert predictions.dtype == np.float32
    assert predictions[:, 0, 0].tolist() == [1, 2, 3, 4]
    assert all(call is x for call in calls)


def test_mc_standard_error():
    """The error of the mean of 100 samples is a tenth of a sample's."""
    rng, w = np.random.default_rng(7), np.ones((20, 1))

    def predict(x):
        return dropout(x, dropout_mask(rng, x.shape, 0.5), 0.5) @ w

    predictions = mc_predict(predict, np.ones((500, 20)), samples=100)
    # a sum of 20 numbers that are 0 or 2: variance 20
    assert predictions.std() == pytest.approx(math.sqrt(20), rel=0.02)
    assert predictions.mean(0).std() == pytest.approx(math.sqrt(20) / 10, rel=0.15)
