"""Initializers: against their exact distributions, each other and Keras."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from companion.initializers import (
    TRUNCATED_STDDEV,
    fans,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    orthogonal,
    variance_scaling,
)

# The textbook's table: the function, its variance times a fan, which fan, its distribution
NAMED = {
    "glorot_normal": (glorot_normal, 1.0, "fan_avg", "truncated_normal"),
    "glorot_uniform": (glorot_uniform, 1.0, "fan_avg", "uniform"),
    "he_normal": (he_normal, 2.0, "fan_in", "truncated_normal"),
    "he_uniform": (he_uniform, 2.0, "fan_in", "uniform"),
    "lecun_normal": (lecun_normal, 1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": (lecun_uniform, 1.0, "fan_in", "uniform"),
}
each_named = pytest.mark.parametrize(
    ("initializer", "scale", "mode", "distribution"), NAMED.values(), ids=NAMED
)
each_distribution = pytest.mark.parametrize(
    "distribution", ["truncated_normal", "untruncated_normal", "uniform"]
)
SHAPE = (400, 200)  # 80,000 weights: their variance is known to about 0.5 %
MEAN_OF_FANS = 300


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def rng(seed=0):
    return np.random.default_rng(seed)


def exact_distribution(variance, distribution):
    """Return SciPy's distribution of the weights."""
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return stats.uniform(-limit, 2 * limit)
    if distribution == "untruncated_normal":
        return stats.norm(0, math.sqrt(variance))
    return stats.truncnorm(-2, 2, scale=math.sqrt(variance) / stats.truncnorm(-2, 2).std())


def allclose_in_standard_errors(sample, mean, variance, kurtosis, errors=5):
    """Check the mean and the variance of a sample of independent numbers."""
    n = sample.size
    assert abs(sample.mean() - mean) < errors * math.sqrt(variance / n)
    assert abs(sample.var() - variance) < errors * variance * math.sqrt((kurtosis + 2) / n)


# Fans


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), (1, 1)),
        ((7,), (7, 7)),
        ((784, 300), (784, 300)),
        ((5, 16, 32), (5 * 16, 5 * 32)),
        ((3, 3, 16, 32), (9 * 16, 9 * 32)),
        ((2, 3, 4, 5, 6), (24 * 5, 24 * 6)),
        ([784, 300], (784, 300)),
        ((np.int64(3), np.int32(4)), (3, 4)),
        ((0, 3), (0, 3)),
    ],
)
def test_fans(shape, expected):
    assert fans(shape) == expected
    assert all(type(n) is int for n in fans(shape))


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=6))
def test_fans_equal_keras(keras, shape):
    assert fans(shape) == keras.src.initializers.random_initializers.compute_fans(shape)


# Distributions


def test_truncated_standard_deviation():
    assert pytest.approx(0.87962566103423978, rel=1e-15) == TRUNCATED_STDDEV  # Keras's constant
    assert pytest.approx(stats.truncnorm(-2, 2).std(), rel=1e-12) == TRUNCATED_STDDEV


@each_named
def test_named_initializer_has_its_distribution(initializer, scale, mode, distribution):
    variance = scale / {"fan_in": 400, "fan_avg": MEAN_OF_FANS}[mode]
    exact = exact_distribution(variance, distribution)
    assert exact.var() == pytest.approx(variance)
    W = initializer(rng(), SHAPE, dtype=np.float64).ravel()
    allclose_in_standard_errors(W, 0, variance, float(exact.stats("k")))
    assert stats.kstest(W, exact.cdf).pvalue > 1e-3
    # No weight lies outside of the bounds, and some come close
    low, high = exact.support()
    assert low <= W.min() < 0.995 * low
    assert 0.995 * high < W.max() <= high


@each_named
def test_named_initializer_is_variance_scaling(initializer, scale, mode, distribution):
    for shape in [(30, 20), (3, 3, 4, 5), (8,), ()]:
        for dtype in [np.float32, np.float64]:
            W = variance_scaling(
                rng(), shape, scale=scale, mode=mode, distribution=distribution, dtype=dtype
            )
            np.testing.assert_array_equal(initializer(rng(), shape, dtype=dtype), W)


@each_distribution
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 400), ("fan_out", 200), ("fan_avg", 300)])
def test_variance_scaling_has_its_distribution(distribution, mode, fan):
    W = variance_scaling(rng(3), SHAPE, scale=0.7, mode=mode, distribution=distribution)
    exact = exact_distribution(0.7 / fan, distribution)
    allclose_in_standard_errors(W.astype(np.float64), 0, 0.7 / fan, float(exact.stats("k")))
    assert stats.kstest(W.ravel(), exact.cdf).pvalue > 1e-3


def test_variance_of_a_convolution_kernel():
    W = he_normal(rng(), (5, 5, 32, 64), dtype=np.float64)  # each output sums 5 * 5 * 32 products
    assert W.var() * 800 == pytest.approx(2, rel=0.02)


@each_named
def test_statistics_equal_those_of_keras(keras, initializer, scale, mode, distribution):
    """The generators differ, so that only the distributions can be equal."""
    theirs = getattr(keras.initializers, initializer.__name__)(seed=1)
    theirs = np.asarray(theirs(SHAPE, dtype="float64"))
    ours = initializer(rng(), SHAPE, dtype=np.float64)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-3
    assert ours.var() == pytest.approx(theirs.var(), rel=0.03)
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.005)


@each_named
def test_weights_are_independent(initializer, scale, mode, distribution):
    """Resampling must not repeat numbers, nor tie neighbours together."""
    W = initializer(rng(), SHAPE, dtype=np.float64)
    assert np.unique(W).size == W.size
    for a, b in [(W[1:], W[:-1]), (W[:, 1:], W[:, :-1])]:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / math.sqrt(a.size)


# Orthogonal


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 3, 2, 5), (2, 3, 30), (1, 1)])
@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_orthogonal(shape, gain):
    W = orthogonal(rng(), shape, gain=gain, dtype=np.float64).reshape(-1, shape[-1])
    product = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-14)


def test_orthogonal_keeps_lengths():
    x = rng(1).standard_normal((5, 50))
    W = orthogonal(rng(), (50, 50), dtype=np.float64)
    np.testing.assert_allclose(np.linalg.norm(x @ W, axis=1), np.linalg.norm(x, axis=1))


@pytest.mark.parametrize("shape", [(7, 4), (5, 5)])
def test_orthogonal_is_the_q_of_the_decomposition_with_a_positive_diagonal(shape):
    W = orthogonal(rng(), shape, dtype=np.float64)
    A = rng().standard_normal(shape)
    R = W.T @ A
    np.testing.assert_allclose(W @ R, A, atol=1e-14)
    np.testing.assert_allclose(np.tril(R, -1), 0, atol=1e-14)
    assert (np.diag(R) > 0).all()


def test_orthogonal_is_uniform():
    """Of a uniform orthogonal 3 x 3 matrix, each entry is uniform on [-1, 1] (Archimedes)."""
    g = rng()
    W = np.array([orthogonal(g, (3, 3), dtype=np.float64) for _ in range(2000)])
    for i, j in np.ndindex(3, 3):
        assert stats.kstest(W[:, i, j], stats.uniform(-1, 2).cdf).pvalue > 1e-4
    assert np.linalg.det(W).mean() == pytest.approx(0, abs=0.12)  # reflections and rotations


def test_orthogonal_statistics_equal_those_of_keras(keras):
    theirs = np.asarray(keras.initializers.Orthogonal(gain=2.0, seed=1)((60, 40)))
    ours = orthogonal(rng(), (60, 40), gain=2.0)
    np.testing.assert_allclose(theirs.T @ theirs, ours.T @ ours, atol=1e-5)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-3


# What all of them keep

ALL = {name: case[0] for name, case in NAMED.items()}
ALL |= {"variance_scaling": variance_scaling, "orthogonal": orthogonal}
each_initializer = pytest.mark.parametrize("initializer", ALL.values(), ids=ALL)


@each_initializer
@settings(deadline=None)
@given(
    shape=st.lists(st.integers(0, 5), min_size=2, max_size=5).map(tuple),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_shape_and_dtype(initializer, shape, dtype):
    W = initializer(rng(), shape, dtype=dtype)
    assert isinstance(W, np.ndarray)
    assert (W.shape, W.dtype) == (shape, dtype)
    assert W.flags.c_contiguous
    assert np.isfinite(W).all()


@each_initializer
def test_default_dtype_is_float32(initializer):
    assert initializer(rng(), (3, 2)).dtype == np.float32


@each_initializer
def test_same_seed_same_weights_in_every_precision(initializer):
    W = initializer(rng(5), (20, 30), dtype=np.float64)
    np.testing.assert_array_equal(initializer(rng(5), (20, 30), dtype=np.float64), W)
    np.testing.assert_array_equal(initializer(rng(5), (20, 30)), W.astype(np.float32))
    assert not np.array_equal(initializer(rng(6), (20, 30), dtype=np.float64), W)


@each_initializer
def test_one_generator_gives_new_weights_each_time(initializer):
    g = rng()
    assert not np.array_equal(initializer(g, (4, 4)), initializer(g, (4, 4)))


@each_initializer
def test_global_random_state_is_left_alone(initializer):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    initializer(rng(), (4, 4))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("shape", [(), (5,)])
@each_named
def test_vectors_and_scalars(initializer, scale, mode, distribution, shape):
    W = initializer(rng(), shape)
    assert isinstance(W, np.ndarray)
    assert W.shape == shape


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    scale=st.floats(1e-3, 1e3),
    mode=st.sampled_from(["fan_in", "fan_out", "fan_avg"]),
)
def test_weights_stay_within_their_bounds(shape, scale, mode):
    fan_in, fan_out = fans(shape)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    stddev = math.sqrt(scale / n)
    for distribution, bound in [
        ("uniform", math.sqrt(3) * stddev),
        ("truncated_normal", 2 * stddev / TRUNCATED_STDDEV),
    ]:
        W = variance_scaling(rng(), shape, scale=scale, mode=mode, distribution=distribution)
        assert np.abs(W).max() <= np.float32(bound) * (1 + 1e-6)


@settings(deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_weights_are_proportional_to_the_root_of_the_scale(scale):
    unit = variance_scaling(rng(), (4, 5), dtype=np.float64)
    W = variance_scaling(rng(), (4, 5), scale=scale, dtype=np.float64)
    np.testing.assert_allclose(W, math.sqrt(scale) * unit, rtol=1e-14)


def test_an_error_draws_nothing():
    g = rng()
    for wrong in [{"dtype": int}, {"scale": -1}, {"mode": "x"}, {"distribution": "x"}]:
        with pytest.raises((TypeError, ValueError)):
            variance_scaling(g, (3, 2), **wrong)
    assert g.random() == rng().random()
