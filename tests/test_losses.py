"""The losses and their gradients: against Keras, finite differences and their own mathematics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from companion.activations import sigmoid, softmax
from companion.network.losses import binary_crossentropy, mse, sparse_categorical_crossentropy

LABELS = np.array([2, 0, 1, 2, 2, 0])
BITS = np.random.default_rng(1).integers(0, 2, (6, 3))
TARGETS = np.random.default_rng(2).normal(size=(6, 3))

# name: the loss, targets for six rows of three outputs, and Keras's loss
CASES = {
    "softmax": (
        sparse_categorical_crossentropy,
        LABELS,
        lambda keras: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "sigmoid": (
        binary_crossentropy,
        BITS,
        lambda keras: keras.losses.BinaryCrossentropy(from_logits=True),
    ),
    "grey targets": (
        binary_crossentropy,
        BITS / 2 + 0.25,
        lambda keras: keras.losses.BinaryCrossentropy(from_logits=True),
    ),
    "linear": (mse, TARGETS, lambda keras: keras.losses.MeanSquaredError()),
}
each_case = pytest.mark.parametrize(("loss", "y", "in_keras"), CASES.values(), ids=CASES)


@each_case
@pytest.mark.parametrize("scale", [1, 30])
def test_equals_keras(keras, loss, y, in_keras, scale):
    import tensorflow as tf

    z = scale * np.random.default_rng(3).normal(size=(6, 3))
    logits = tf.Variable(z)
    with tf.GradientTape() as tape:
        expected = in_keras(keras)(y, logits)
    value, gradient = loss(z, y)
    assert value == pytest.approx(expected.numpy(), rel=1e-10)
    assert_allclose(gradient, tape.gradient(expected, logits), rtol=1e-10, atol=1e-16)


@each_case
def test_gradient_is_the_derivative(loss, y, in_keras):
    rng = np.random.default_rng(4)
    z, direction = rng.normal(size=(2, 6, 3))
    h = 1e-6
    slope = (loss(z + h * direction, y)[0] - loss(z - h * direction, y)[0]) / (2 * h)
    assert np.sum(loss(z, y)[1] * direction) == pytest.approx(slope, rel=1e-7)


def test_hand_worked():
    # p = (1, 2, 1) / 4, and the label is the second: -ln(1/2)
    z = np.log([[1.0, 2.0, 1.0]])
    value, gradient = sparse_categorical_crossentropy(z, np.array([1]))
    assert value == pytest.approx(math.log(2), rel=1e-15)
    assert_allclose(gradient, [[0.25, -0.5, 0.25]], rtol=1e-15)
    # sigma = 3/4 for a zero and a one: (-ln(1/4) - ln(3/4)) / 2
    value, gradient = binary_crossentropy(np.log([[3.0, 3.0]]), np.array([[0, 1]]))
    assert value == pytest.approx((math.log(4) + math.log(4 / 3)) / 2, rel=1e-15)
    assert_allclose(gradient, [[0.375, -0.125]], rtol=1e-15)
    value, gradient = mse(np.array([[3.0], [-1.0]]), np.array([1.0, 0.0]))
    assert value == 2.5
    assert gradient.tolist() == [[2.0], [-1.0]]


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 5), k=st.integers(1, 4))
def test_prediction_minus_target(seed, m, k):
    """All three gradients, up to the factor of a mean; and no loss is below its minimum."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 5, (m, k))
    y = rng.integers(0, k, m)
    value, gradient = sparse_categorical_crossentropy(z, y)
    assert_allclose(gradient, (softmax(z) - np.eye(k)[y]) / m, atol=1e-15)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)
    assert value >= 0
    y = rng.random((m, k))
    value, gradient = binary_crossentropy(z, y)
    assert_allclose(gradient, (sigmoid(z) - y) / (m * k), atol=1e-15)
    entropy = -(y * np.log(y) + (1 - y) * np.log1p(-y)).mean()
    assert value >= entropy - 1e-12
    value, gradient = mse(z, y)
    assert_allclose(gradient, 2 * (z - y) / (m * k), atol=1e-15)
    assert mse(z, z)[0] == 0


def test_two_classes_are_one_sigmoid():
    z = np.random.default_rng(5).normal(0, 3, (20, 2))
    y = np.arange(20) % 2
    assert sparse_categorical_crossentropy(z, y)[0] == pytest.approx(
        binary_crossentropy((z[:, 1] - z[:, 0])[:, None], y)[0], rel=1e-13
    )


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-42, 1e4])
def test_extremes(loss, y, in_keras, dtype, size):
    """Finite and without a warning; a label that gets no chance costs what the logits say."""
    z = (size * np.array([[1, -1, 0.5]] * 6)).astype(dtype)
    before = z.copy(), y.copy()
    value, gradient = loss(z, y)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(y, before[1])
    wide = np.asfortranarray(np.repeat(z, 2, axis=0))[::2]
    assert loss(wide, y)[0] == pytest.approx(value, rel=1e-6)
    np.testing.assert_array_equal(loss(wide, y)[1], gradient)


def test_a_hopeless_label_costs_its_logits_difference():
    value, _ = sparse_categorical_crossentropy(np.array([[1e4, -1e4]]), np.array([1]))
    assert value == 2e4
    value, _ = binary_crossentropy(np.array([[-1e4]]), np.array([1]))
    assert value == 1e4
