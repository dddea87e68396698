"""The engine against finite differences, against Keras, and against its own promises."""

from functools import partial

import numpy as np
import pytest
from slopes import assert_gradient_is_the_slope_of_the_loss

from companion.activations import leaky_relu
from companion.clipping import clip_by_global_norm
from companion.constraints import max_norm
from companion.network import (
    Activation,
    BatchNormalization,
    Callback,
    Dense,
    EarlyStopping,
    Flatten,
    Sequential,
    TerminateOnNaN,
    load,
)
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer
from companion.regularizers import l1, l2
from companion.schedules import ExponentialDecay

X = np.random.default_rng(1).normal(size=(64, 6))
LABELS = np.random.default_rng(2).integers(0, 3, 64)


def small(seed=0, layers=None, dtype=np.float64):
    layers = layers or [Dense(8, "tanh"), Dense(3, "softmax")]
    return Sequential(layers, (6,), np.random.default_rng(seed), dtype)


def sgd(rate=0.1):
    return Optimizer(GradientDescent(), rate)


NETWORKS = {
    "softmax": ([Dense(8, "tanh"), Dense(3, "softmax")], LABELS),
    "sigmoid": ([Dense(8, "elu"), Dense(1, "sigmoid")], LABELS % 2),
    "linear": ([Dense(8, "gelu"), Dense(2)], X[:, :2]),
    "activation layers": ([Dense(8), Activation("selu"), Dense(3), Activation("softmax")], LABELS),
    "keywords": ([Dense(8, partial(leaky_relu, alpha=0.2)), Dense(3, "softmax")], LABELS),
    "no bias": ([Dense(8, "swish", use_bias=False), Dense(3, "softmax")], LABELS),
    "penalties": (
        [
            Dense(8, "tanh", regularizer=partial(l2, strength=0.1)),
            Dense(3, "softmax", regularizer=partial(l1, strength=0.1)),
        ],
        LABELS,
    ),
    "batch norm": (
        [Dense(8), BatchNormalization(), Activation("tanh"), Dense(3, "softmax")],
        LABELS,
    ),
    "deep": ([Dense(8, "mish") for _ in range(6)] + [Dense(3, "softmax")], LABELS),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_is_the_slope_of_the_loss(name):
    layers, y = NETWORKS[name]
    assert_gradient_is_the_slope_of_the_loss(small(layers=_again(layers)), X, y)


def _again(layers):
    return [type(layer)(**layer.configuration()) for layer in layers]


def test_a_gradient_step_worked_by_hand():
    # One weight, one example: z = 3 * 2, loss (6 - 5)^2 = 1, gradient 2 * (6 - 5) * 2 = 4
    model = Sequential([Dense(1, use_bias=False)], (1,), np.random.default_rng(0), np.float64)
    model.weights[:] = 3.0
    assert model.differentiate(np.array([[2.0]]), np.array([5.0])) == 1.0
    assert model.gradient.tolist() == [4.0]
    model.fit([[2.0]], [5.0], optimizer=sgd(0.25), epochs=1)
    assert model.weights.tolist() == [2.0]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "selu", "mish"])
def test_training_follows_keras(keras, activation):
    model = small(layers=[Dense(8, activation), Dense(5, activation), Dense(3, "softmax")])
    twin = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation),
            keras.layers.Dense(5, activation),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    twin.set_weights(model.get_weights())
    twin.compile(keras.optimizers.SGD(0.125), "sparse_categorical_crossentropy")
    for start in range(0, 64, 16):
        batch = slice(start, start + 16)
        twin.train_on_batch(X[batch], LABELS[batch])
        model.differentiate(X[batch], LABELS[batch])
        model.weights[:] -= 0.125 * model.gradient
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_layers_hold_views_into_one_vector():
    model = small()
    assert model.weights.size == 6 * 8 + 8 + 8 * 3 + 3
    model.weights[:] = 7
    assert all((values == 7).all() for values in model.get_weights())
    model.differentiate(X, LABELS)
    for layer in model.layers:
        for gradient in layer.gradients.values():
            assert np.shares_memory(gradient, model.gradient)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_everywhere(dtype):
    layers = [Dense(8), BatchNormalization(), Activation("relu"), Dense(3, "softmax")]
    model = small(layers=layers, dtype=dtype)
    model.fit(X, LABELS, optimizer=Optimizer(Adam(), np.float64(0.01)), epochs=2)
    arrays = [model.predict(X), model.weights, model.gradient, *model.get_weights()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_training_learns_and_is_recorded():
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    model = small()
    history = model.fit(
        X, y, optimizer=sgd(0.3), epochs=40, batch_size=8, validation_data=(X, y)
    ).history
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 40
    )
    assert history["loss"][-1] < history["loss"][0] / 2
    assert model.evaluate(X, y) == (history["val_loss"][-1], history["val_accuracy"][-1])


def test_same_seed_same_run_and_two_epochs_twice_are_four():
    runs = []
    for epochs in ((4,), (2, 2), (1, 3)):
        model, optimizer = small(), Optimizer(Momentum(0.9), 0.05)
        for e in epochs:
            model.fit(X, LABELS, optimizer=optimizer, epochs=e)
        runs.append(model.weights)
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])


def test_streams_are_apart():
    deep = small(layers=[Dense(6, "relu"), Dense(6, "relu"), Dense(3, "softmax")])
    shallow = small(layers=[Dense(6, "tanh"), Dense(3, "softmax")])
    np.testing.assert_array_equal(
        deep.layers[0].weights["kernel"], shallow.layers[0].weights["kernel"]
    )
    assert deep.shuffle_rng.random() == shallow.shuffle_rng.random()
    given = [small(), small()]
    for model in given:
        model.fit(X, LABELS, optimizer=sgd(), epochs=2, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(given[0].weights, given[1].weights)


def test_a_frozen_layer_is_neither_differentiated_nor_stepped():
    model = small(layers=[Dense(8, "tanh"), Dense(5, "tanh"), Dense(3, "softmax")])
    before = model.get_weights()
    size = model.weights.size
    model.layers[0].trainable = False
    assert model.weights.size == size - 6 * 8 - 8
    model.fit(X, LABELS, optimizer=sgd(), epochs=2)
    after = model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before[:2], after[:2], strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(before[2:], after[2:], strict=True))
    model.layers[0].trainable = True
    assert model.weights.size == size
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), after, strict=True))


def test_a_frozen_layer_in_the_middle_lets_the_gradient_pass():
    model = small(layers=[Dense(8, "tanh"), Dense(5, "tanh"), Dense(3, "softmax")])
    model.differentiate(X, LABELS)
    whole = model.layers[0].gradients["kernel"].copy()
    model.layers[1].trainable = False
    model.differentiate(X, LABELS)
    np.testing.assert_array_equal(model.layers[0].gradients["kernel"], whole)


def test_a_frozen_batch_normalization_uses_and_keeps_its_moving_statistics():
    model = small(layers=[BatchNormalization(), Dense(3, "softmax")])
    model.fit(X + 5, LABELS, optimizer=sgd(), epochs=3)
    kept = {k: v.copy() for k, v in model.layers[0].statistics.items()}
    model.layers[0].trainable = False
    np.testing.assert_array_equal(model.predict(X, training=True), model.predict(X))
    model.fit(X, LABELS, optimizer=sgd(), epochs=1)
    for name, values in kept.items():
        np.testing.assert_array_equal(model.layers[0].statistics[name], values)


def test_clip_and_constraint_act_in_training():
    model = small()
    norms = []

    class Norm(Callback):
        def on_batch_end(self, step, loss):
            norms.append(np.linalg.norm(self.model.gradient))

    model.fit(
        X, LABELS, optimizer=sgd(), epochs=1, callbacks=[Norm()],
        clip=partial(clip_by_global_norm, limit=0.01),
    )  # fmt: skip
    assert norms == pytest.approx([0.01, 0.01])
    tight = small(
        layers=[Dense(8, "tanh", constraint=partial(max_norm, limit=0.1)), Dense(3, "softmax")]
    )
    tight.fit(X, LABELS, optimizer=sgd(), epochs=1)
    assert np.linalg.norm(tight.layers[0].weights["kernel"], axis=0).max() <= 0.1 + 1e-12


def test_callbacks_stop_the_training():
    diverging, nan = small(layers=[Dense(3, "softmax")]), TerminateOnNaN()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        diverging.fit(X * 1e200, LABELS, optimizer=sgd(1e300), epochs=9, callbacks=[nan])
    assert nan.step is not None
    stopping = EarlyStopping(patience=2, restore_best_weights=True)
    model = small()
    history = model.fit(
        X, LABELS, optimizer=sgd(3.0), epochs=500, validation_data=(X, 2 - LABELS),
        callbacks=[stopping],
    ).history  # fmt: skip
    assert len(history["loss"]) < 500
    assert len(history["loss"]) == stopping.best_epoch + 1 + 3
    assert model.evaluate(X, 2 - LABELS)[0] == min(history["val_loss"])


@pytest.mark.parametrize(
    "optimizer",
    [lambda: Optimizer(Adam(), ExponentialDecay(0.01, 10)), lambda: Optimizer(Momentum(), 0.01)],
)
def test_a_saved_run_goes_on_as_if_never_interrupted(tmp_path, optimizer):
    def network():
        return small(
            layers=[
                Dense(8, partial(leaky_relu, alpha=0.2), "he_normal"),
                BatchNormalization(),
                Dense(3, "softmax", regularizer=partial(l2, strength=0.01)),
            ]
        )

    whole, whole_optimizer = network(), optimizer()
    whole.fit(X, LABELS, optimizer=whole_optimizer, epochs=4)
    half, half_optimizer = network(), optimizer()
    half.fit(X, LABELS, optimizer=half_optimizer, epochs=2)
    half.save(tmp_path / "half.npz", half_optimizer)
    again, again_optimizer = load(tmp_path / "half.npz")
    again.fit(X, LABELS, optimizer=again_optimizer, epochs=2)
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["half.npz"]


def test_saving_what_has_no_name_fails_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "model.npz"
    small().save(path)
    before = path.read_bytes()
    odd = small(layers=[Dense(3, "softmax", lambda rng, shape, *, dtype: np.zeros(shape, dtype))])
    with pytest.raises(ValueError, match="expected a function, rule or schedule of the package"):
        odd.save(path)
    assert path.read_bytes() == before
    path.write_bytes(before[:100])
    with pytest.raises(ValueError, match="expected a model saved by companion"):
        load(path)


def test_flatten_gives_the_gradient_its_shape_back():
    model = Sequential([Flatten(), Dense(3, "softmax")], (2, 3), np.random.default_rng(0))
    images = X.reshape(-1, 2, 3)
    assert model.predict(images).shape == (64, 3)
    assert model.layers[0].backward(np.ones((4, 6))).shape == (4, 2, 3)
