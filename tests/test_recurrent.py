"""The recurrent layer against finite differences, arithmetic by hand and Keras."""

from functools import partial

import numpy as np
import pytest
from slopes import assert_gradient_is_the_slope_of_the_loss

from companion.activations import leaky_relu
from companion.clipping import clip_by_global_norm
from companion.initializers import orthogonal
from companion.network import Dense, Sequential, SimpleRNN, load
from companion.optimizers import GradientDescent, Optimizer

X = np.random.default_rng(1).normal(size=(6, 5, 3))  # six sequences of five steps
LABELS = np.random.default_rng(2).integers(0, 3, 6)

LAYERS = {
    "tanh": {},
    "relu": {"activation": "relu"},
    "linear": {"activation": None},
    "keywords": {"activation": partial(leaky_relu, alpha=0.2)},
    "no bias": {"use_bias": False},
    "large": {"recurrent_initializer": partial(orthogonal, gain=2.0)},
}


def recurrent(seed=0, dtype=np.float64, **keywords):
    layers = [SimpleRNN(4, **keywords), Dense(3, "softmax")]
    return Sequential(layers, X.shape[1:], np.random.default_rng(seed), dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_is_the_slope_of_the_loss(name):
    assert_gradient_is_the_slope_of_the_loss(recurrent(**LAYERS[name]), X, LABELS)


def test_input_gradient_is_the_slope_along_the_input():
    model = recurrent()
    rng = np.random.default_rng(4)
    layer, direction = model.layers[0], rng.normal(size=X.shape)
    dy = rng.normal(size=(6, 4))
    layer.forward(X, True, rng)
    dx = layer.backward(dy)
    ends = [layer.forward(X + step * direction, True, rng) for step in (1e-6, -1e-6)]
    assert np.vdot(dy, ends[0] - ends[1]) / 2e-6 == pytest.approx(np.vdot(direction, dx), rel=1e-7)


def test_two_steps_worked_by_hand():
    # Linear, W = 2, U = 3, b = 1; x = 1, 2:  h1 = 2 + 1 = 3,  h2 = 4 + 9 + 1 = 14
    layer = SimpleRNN(1, activation=None)
    model = Sequential([layer], (2, 1), np.random.default_rng(0), np.float64)
    model.weights[:] = [2.0, 3.0, 1.0]
    rng = np.random.default_rng(0)
    assert layer.forward(np.array([[[1.0], [2.0]]]), True, rng).tolist() == [[14.0]]
    assert layer.states.ravel().tolist() == [0.0, 3.0, 14.0]
    # delta2 = 1, delta1 = 3:  dW = 2 * 1 + 1 * 3,  dU = 3 * 1 + 0 * 3,  db = 1 + 3
    dx = layer.backward(np.array([[1.0]]))
    assert layer.dz.ravel().tolist() == [3.0, 1.0]
    assert model.gradient.tolist() == [5.0, 3.0, 4.0]
    assert dx.tolist() == [[[6.0], [2.0]]]


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_outputs_gradients_and_steps_equal_keras(keras, activation):
    import tensorflow as tf

    model = recurrent(activation=activation)
    twin = keras.Sequential(
        [
            keras.Input(X.shape[1:]),
            keras.layers.SimpleRNN(4, activation),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(X), twin(X), rtol=1e-10)
    model.differentiate(X, LABELS)
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(LABELS, twin(X))
    for ours, theirs in zip(
        model.gradients, tape.gradient(loss, twin.trainable_variables), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    twin.compile(
        keras.optimizers.SGD(0.125, global_clipnorm=0.25), "sparse_categorical_crossentropy"
    )
    for start in (0, 2, 4):
        batch = slice(start, start + 2)
        twin.train_on_batch(X[batch], LABELS[batch])
        model.differentiate(X[batch], LABELS[batch])
        for gradient, clipped in zip(
            model.gradients, clip_by_global_norm(model.gradients, 0.25), strict=True
        ):
            gradient[...] = clipped
        model.weights[:] -= 0.125 * model.gradient
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_moves_to_keras(keras, name):
    from companion.keras import to_keras

    model = recurrent(**LAYERS[name])
    twin = to_keras(model)
    # Keras rounds the slope of leaky_relu to float32
    np.testing.assert_allclose(model.predict(X), twin(X), rtol=1e-7)


def test_starts_as_keras_does():
    kernel, recurrent_kernel, bias = recurrent().get_weights()[:3]
    assert np.abs(kernel).max() <= (6 / (3 + 4)) ** 0.5
    np.testing.assert_allclose(recurrent_kernel @ recurrent_kernel.T, np.eye(4), atol=1e-12)
    assert not bias.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_everywhere(dtype):
    model = recurrent(dtype=dtype)
    model.fit(X, LABELS, optimizer=Optimizer(GradientDescent(), 0.1), epochs=2, batch_size=4)
    layer = model.layers[0]
    arrays = [model.predict(X), model.gradient, layer.z, layer.dz, layer.states]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_a_frozen_layer_keeps_its_weights_and_passes_the_gradient():
    layers = [SimpleRNN(4), Dense(3, "softmax")]
    layers[0].trainable = False
    model = Sequential(layers, X.shape[1:], np.random.default_rng(0), np.float64)
    before = layers[0].weights["recurrent_kernel"].copy()
    model.fit(X, LABELS, optimizer=Optimizer(GradientDescent(), 0.1), epochs=1)
    assert model.weights.size == 4 * 3 + 3
    assert np.array_equal(layers[0].weights["recurrent_kernel"], before)
    assert layers[0].backward(np.ones((6, 4))).shape == X.shape


def test_a_saved_network_is_the_same(tmp_path):
    model = recurrent(recurrent_initializer=partial(orthogonal, gain=1.5), activation="relu")
    model.save(tmp_path / "model.npz")
    again, _ = load(tmp_path / "model.npz")
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.layers[0].configuration() == model.layers[0].configuration() | {
        "recurrent_initializer": again.layers[0].recurrent_initializer
    }
    assert again.layers[0].recurrent_initializer.keywords == {"gain": 1.5}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SimpleRNN(0), "units must be a positive integer; received units=0"),
        (lambda: SimpleRNN(4, "softmax"), "received softmax"),
        (lambda: SimpleRNN(4, "tan"), "received 'tan'"),
        (
            lambda: Sequential([SimpleRNN(4)], (28,), np.random.default_rng(0)),
            r"\(steps, features\); received input_shape=\(28,\)",
        ),
    ],
)
def test_bad_input_gets_a_clear_error(build, message):
    with pytest.raises(ValueError, match=message):
        build()
