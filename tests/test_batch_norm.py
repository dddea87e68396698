import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from companion.batch_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    fold_batch_norm,
    update_moving,
)

# Shapes with the axis of their features.
BATCHES = [((32, 7), -1), ((32, 7), 1), ((5, 6, 4, 3), -1), ((5, 3, 6, 4), 1), ((8, 4, 5), 0)]
each_batch = pytest.mark.parametrize(("shape", "axis"), BATCHES)


def draw(rng, shape, axis, dtype=np.float64):
    """Draw a batch whose features differ in mean and scale, with gamma and beta."""
    features = [1] * len(shape)
    features[axis] = shape[axis]
    scale = rng.uniform(0.01, 5, features)
    x = rng.normal(rng.uniform(-3, 3, features), scale, shape)
    gamma, beta = rng.uniform(0.5, 2, shape[axis]), rng.normal(size=shape[axis])
    return x.astype(dtype), gamma.astype(dtype), beta.astype(dtype)


# ---- live comparison with Keras -------------------------------------------------------------


@each_batch
def test_equals_keras(keras, shape, axis):
    import tensorflow as tf

    rng = np.random.default_rng(1)
    epsilon, momentum = 2.0**-10, 0.875
    x, gamma, beta = draw(rng, shape, axis)
    layer = keras.layers.BatchNormalization(axis=axis, epsilon=epsilon, momentum=momentum)
    layer.build(shape)
    mean, variance = np.zeros(shape[axis]), np.ones(shape[axis])
    layer.set_weights([gamma, beta, mean, variance])

    for _ in range(3):  # three batches, so that the moving statistics move on
        x = draw(rng, shape, axis)[0]
        dy = rng.standard_normal(shape)
        inputs = tf.Variable(x)
        with tf.GradientTape() as tape:
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(outputs * dy)
        expected = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])

        y, cache = batch_norm(x, gamma, beta, epsilon=epsilon, axis=axis)
        assert_allclose(y, outputs.numpy(), rtol=1e-10, atol=1e-12)
        for ours, theirs in zip(batch_norm_backward(dy, cache), expected, strict=True):
            assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-11)

        mean = update_moving(mean, cache.mean, momentum)
        variance = update_moving(variance, cache.variance, momentum)
        assert_allclose(mean, layer.moving_mean.numpy(), rtol=1e-10)
        assert_allclose(variance, layer.moving_variance.numpy(), rtol=1e-10)

    ours = batch_norm_inference(x, gamma, beta, mean, variance, epsilon=epsilon, axis=axis)
    assert_allclose(ours, layer(x, training=False).numpy(), rtol=1e-10, atol=1e-12)


def test_defaults_are_keras_defaults(keras):
    config = keras.layers.BatchNormalization().get_config()
    assert (config["epsilon"], config["momentum"], config["axis"]) == (1e-3, 0.99, -1)
    x, gamma, beta = draw(np.random.default_rng(2), (8, 3), -1)
    explicit, _ = batch_norm(x, gamma, beta, epsilon=1e-3, axis=-1)
    assert_array_equal(batch_norm(x, gamma, beta)[0], explicit)
    assert_array_equal(update_moving(x, gamma + x), update_moving(x, gamma + x, 0.99))


# ---- derivatives ----------------------------------------------------------------------------


@each_batch
@pytest.mark.parametrize("epsilon", [1e-3, 0.5])
def test_backward_is_the_derivative(shape, axis, epsilon):
    """Central differences along a random direction, with a random cotangent."""
    rng = np.random.default_rng(3)
    arguments = draw(rng, shape, axis)
    directions = [rng.standard_normal(a.shape) for a in arguments]
    y, cache = batch_norm(*arguments, epsilon=epsilon, axis=axis)
    dy = rng.standard_normal(y.shape)
    gradients = batch_norm_backward(dy, cache)

    h = 1e-6
    for i, direction in enumerate(directions):
        shifted = [
            batch_norm(
                *(a + sign * h * direction if j == i else a for j, a in enumerate(arguments)),
                epsilon=epsilon,
                axis=axis,
            )[0]
            for sign in (1, -1)
        ]
        expected = np.sum(dy * (shifted[0] - shifted[1])) / (2 * h)
        assert np.sum(gradients[i] * direction) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 9), features=st.integers(1, 5))
def test_the_gradient_has_lost_what_mean_and_variance_absorb(seed, n, features):
    rng = np.random.default_rng(seed)
    x, gamma, beta = draw(rng, (n, features), -1)
    _, cache = batch_norm(x, gamma, beta, epsilon=0.0)
    dx, _, _ = batch_norm_backward(rng.standard_normal(x.shape), cache)
    size = np.abs(dx).max() + 1 / cache.std.min()
    assert_allclose(dx.sum(0), 0, atol=1e-12 * size)
    assert_allclose((dx * cache.x_hat).sum(0), 0, atol=1e-9 * size)


# ---- hand-worked arithmetic and identities --------------------------------------------------


def test_hand_worked():
    # mean 3, deviations -2, 0, 2, variance 8/3, + 4/3 = 4, std 2: x_hat = -1, 0, 1
    x = np.array([[1.0], [3.0], [5.0]])
    y, cache = batch_norm(x, np.array([10.0]), np.array([1.0]), epsilon=4 / 3)
    assert_allclose(y, [[-9], [1], [11]], rtol=1e-15)
    assert cache.mean.tolist() == [3]
    assert cache.variance.tolist() == [8 / 3]
    # dbeta = 1, dgamma = 1; dx = 10 / 2 (dy - 1/3 - x_hat / 3) = 5 (0, -1/3, 1 - 2/3)
    dx, dgamma, dbeta = batch_norm_backward(np.array([[0.0], [0.0], [1.0]]), cache)
    assert_allclose(dx, [[0], [-5 / 3], [5 / 3]], atol=1e-15)
    assert dgamma == pytest.approx(1)
    assert dbeta == pytest.approx(1)


def test_numbers_of_the_docstrings():
    # standard deviation 0.01 under epsilon 1e-3 and 1e-5
    assert 0.01 / math.sqrt(0.01**2 + 1e-3) == pytest.approx(0.30, abs=5e-3)
    assert 0.01 / math.sqrt(0.01**2 + 1e-5) == pytest.approx(0.95, abs=5e-3)
    # the unbiased variance of 32 instances
    sample = np.random.default_rng(4).standard_normal(32)
    assert np.var(sample, ddof=1) / np.var(sample) == pytest.approx(1.032, abs=5e-4)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 20),
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(0.1, 1e3),
)
def test_standardizes_whatever_the_units(seed, n, shift, scale):
    rng = np.random.default_rng(seed)
    x, gamma, beta = draw(rng, (n, 4), -1)
    y, cache = batch_norm(x, gamma, beta, epsilon=0.0)
    assert_allclose(y.mean(0), beta, atol=1e-11)
    assert_allclose(y.std(0), gamma, rtol=1e-11)
    other, _ = batch_norm(scale * x + shift, gamma, beta, epsilon=0.0)
    assert_allclose(other, y, atol=1e-6)
    assert_allclose(cache.mean, x.mean(0), rtol=1e-12)
    assert_allclose(cache.variance, x.var(0), rtol=1e-12)


@each_batch
def test_every_axis_is_the_flat_batch(shape, axis):
    rng = np.random.default_rng(5)
    x, gamma, beta = draw(rng, shape, axis)
    dy = rng.standard_normal(shape)

    def flat(a):
        return np.moveaxis(a, axis, -1).reshape(-1, shape[axis])

    y, cache = batch_norm(x, gamma, beta, axis=axis)
    flat_y, flat_cache = batch_norm(flat(x), gamma, beta)
    assert_allclose(flat(y), flat_y, rtol=1e-12, atol=1e-12)
    dx, dgamma, dbeta = batch_norm_backward(dy, cache)
    flat_dx, flat_dgamma, flat_dbeta = batch_norm_backward(flat(dy), flat_cache)
    assert_allclose(flat(dx), flat_dx, rtol=1e-9, atol=1e-12)
    assert_allclose(dgamma, flat_dgamma, rtol=1e-12, atol=1e-12)
    assert_allclose(dbeta, flat_dbeta, rtol=1e-12, atol=1e-12)


def test_gamma_and_beta_can_undo_the_normalization():
    x = draw(np.random.default_rng(6), (16, 3), -1)[0]
    gamma, beta = np.sqrt(x.var(0) + 1e-3), x.mean(0)
    assert_allclose(batch_norm(x, gamma, beta)[0], x, rtol=1e-12)


def test_one_instance_gives_beta_whatever_it_is():
    gamma, beta = np.full(3, 2.0), np.array([1.0, 2.0, 3.0])
    y, cache = batch_norm(np.array([[7.0, -8.0, 1e4]]), gamma, beta)
    assert_array_equal(y, [beta])
    dx, _, _ = batch_norm_backward(np.ones((1, 3)), cache)
    assert_array_equal(dx, np.zeros((1, 3)))


def test_inference_with_a_batchs_own_statistics_is_training():
    x, gamma, beta = draw(np.random.default_rng(7), (16, 3), -1)
    y, cache = batch_norm(x, gamma, beta)
    ours = batch_norm_inference(x, gamma, beta, cache.mean, cache.variance)
    assert_allclose(ours, y, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 0.0])
def test_fold(epsilon):
    rng = np.random.default_rng(8)
    W, b, x = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal((9, 5))
    gamma, beta, mean = rng.standard_normal((3, 3))
    variance = rng.uniform(0.1, 4, 3)
    folded_W, folded_b = fold_batch_norm(W, b, gamma, beta, mean, variance, epsilon=epsilon)
    expected = batch_norm_inference(x @ W + b, gamma, beta, mean, variance, epsilon=epsilon)
    assert_allclose(x @ folded_W + folded_b, expected, rtol=1e-12, atol=1e-13)


def test_update_moving_forgets_geometrically():
    moving = np.array([1.0])
    for _ in range(10):
        moving = update_moving(moving, np.zeros(1), momentum=0.75)
    assert moving.item() == pytest.approx(0.75**10, rel=1e-14)
    assert update_moving(np.ones(1), np.zeros(1), momentum=1).item() == 1
    assert update_moving(np.ones(1), np.zeros(1), momentum=0).item() == 0


# ---- dtype, mutation, extremes, errors ------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_mutated(dtype):
    x, gamma, beta = draw(np.random.default_rng(9), (6, 3), -1, dtype)
    arrays = [x, gamma, beta, x[0].copy(), x[1] ** 2]
    copies = [a.copy() for a in arrays]
    epsilon = np.float64(1e-3)  # a NumPy scalar must not turn float32 into float64
    y, cache = batch_norm(x, gamma, beta, epsilon=epsilon)
    results = [
        y,
        *batch_norm_backward(y, cache),
        cache.mean,
        cache.variance,
        batch_norm_inference(*arrays, epsilon=epsilon),
        update_moving(arrays[3], cache.mean, np.float64(0.9)),
        *fold_batch_norm(x, beta, *arrays[1:], epsilon=epsilon),
    ]
    assert {r.dtype for r in results} == {np.dtype(dtype)}
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1e-42, 1e4, -1e4])
def test_constant_features_give_beta(dtype, value):
    x = np.full((64, 2), value, dtype)
    y, cache = batch_norm(x, np.ones(2, dtype), np.full(2, 0.5, dtype))
    assert_allclose(y, 0.5, rtol=1e-6)
    dy = np.random.default_rng(10).standard_normal(x.shape).astype(dtype)
    dx, _, _ = batch_norm_backward(dy, cache)
    assert np.abs(dx).max() <= 4 / math.sqrt(1e-3) * np.abs(dy).max()


def test_a_large_mean_does_not_spoil_the_variance():
    rng = np.random.default_rng(11)
    x = rng.standard_normal((1000, 1)).astype(np.float32)
    y, cache = batch_norm(x + np.float32(1e4), np.ones(1, np.float32), np.zeros(1, np.float32))
    assert cache.variance.item() == pytest.approx(x.var().item(), rel=2e-3)
    assert y.std() == pytest.approx(1, abs=2e-3)
