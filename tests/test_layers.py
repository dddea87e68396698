"""Each layer against finite differences, against Keras, and in training, saving and diagnostics."""

from functools import partial

import numpy as np
import pytest

from companion.constraints import max_norm
from companion.dropout import mc_predict
from companion.lab.diagnostics import Recorder, signals
from companion.lab.networks import mlp
from companion.network import (
    Activation,
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    PReLU,
    Sequential,
    Swish,
    load,
)
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer
from companion.regularizers import l1, l2

X = np.random.default_rng(1).normal(size=(64, 6))
LABELS = np.random.default_rng(2).integers(0, 3, 64)

LAYERS = {
    "Dense": lambda: Dense(5, "tanh"),
    "Dense, l2": lambda: Dense(5, "tanh", regularizer=partial(l2, strength=0.1)),
    "Activation": lambda: Activation("mish"),
    "BatchNormalization": BatchNormalization,
    "Dropout": lambda: Dropout(0.3),
    "AlphaDropout": lambda: AlphaDropout(0.3),
    "PReLU": lambda: PReLU(0.25),
    "PReLU at 0": PReLU,
    "Swish": Swish,
    "Swish at 0": lambda: Swish(0.0),
}


def network(*layers, seed=0, dtype=np.float64):
    return Sequential([*layers, Dense(3, "softmax")], (6,), np.random.default_rng(seed), dtype)


def sgd(rate=0.1):
    return Optimizer(GradientDescent(), rate)


def slope(f, at, direction, step=1e-6):
    return (f(at + step * direction) - f(at - step * direction)) / (2 * step)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_slopes(name):
    """Of every parameter one by one, and of the input, for a random upstream gradient."""
    layer = LAYERS[name]()
    model = Sequential([layer], (6,), np.random.default_rng(0), np.float64)
    rng = np.random.default_rng(3)
    model.weights[:] += 0.1 * rng.normal(size=model.weights.size)
    upstream = rng.normal(size=(7, *model.output_shape))

    def loss(x):
        y = layer.forward(x, True, np.random.default_rng(4))
        return (upstream * y).sum() + layer.penalty()

    x = rng.normal(size=(7, 6))
    loss(x)
    dx = layer.backward(upstream)
    direction = rng.normal(size=x.shape)
    assert slope(loss, x, direction) == pytest.approx((direction * dx).sum(), rel=1e-6)

    def loss_of_weights(weights):
        model.weights[:] = weights
        return loss(x)

    start = model.weights.copy()
    for one, gradient in zip(np.eye(start.size), model.gradient.copy(), strict=True):
        assert slope(loss_of_weights, start, one) == pytest.approx(gradient, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("layer", [PReLU, Swish])
def test_a_parameter_for_each_feature_of_an_image(layer):
    model = Sequential(
        [layer(0.5), Flatten(), Dense(3, "softmax")], (2, 3), np.random.default_rng(0), np.float64
    )
    (values,) = model.layers[0].weights.values()
    assert values.tolist() == [[0.5] * 3] * 2
    model.differentiate(X.reshape(-1, 2, 3), LABELS)
    (gradient,) = model.layers[0].gradients.values()
    assert (gradient != 0).all()


@pytest.mark.parametrize("name", LAYERS)
def test_dtype_is_kept(name):
    model = network(LAYERS[name](), dtype=np.float32)
    model.fit(X, LABELS, optimizer=Optimizer(Adam(), 0.01), epochs=1)
    for array in (model.predict(X), model.predict(X, training=True), *model.get_weights()):
        assert array.dtype == np.float32


# Against Keras


def follow(keras, model, twin, steps=3):
    """Take the same steps in both, and compare the loss at each and the weights afterwards."""
    twin.set_weights(model.get_weights())
    twin.compile(keras.optimizers.SGD(0.125), "sparse_categorical_crossentropy")
    optimizer = sgd(0.125)
    for start in range(0, 16 * steps, 16):
        batch = slice(start, start + 16)
        theirs = twin.train_on_batch(X[batch], LABELS[batch])
        ours = model.differentiate(X[batch], LABELS[batch])
        assert ours == pytest.approx(float(theirs), rel=1e-10)
        optimizer.step(model.weights, model.gradient)
        for layer in model.layers:
            layer.constrain()
    for mine, its in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-12)


def test_regularizers_and_max_norm_follow_keras(keras):
    model = Sequential(
        [
            Dense(8, "tanh", regularizer=partial(l2, strength=0.0625)),
            Dense(8, "tanh", constraint=partial(max_norm, limit=0.75)),
            Dense(3, "softmax", regularizer=partial(l1, strength=0.03125)),
        ],
        (6,), np.random.default_rng(0), np.float64,
    )  # fmt: skip
    dense = keras.layers.Dense
    twin = keras.Sequential(
        [
            keras.Input((6,)),
            dense(8, "tanh", kernel_regularizer=keras.regularizers.L2(0.0625)),
            dense(8, "tanh", kernel_constraint=keras.constraints.MaxNorm(0.75)),
            dense(3, "softmax", kernel_regularizer=keras.regularizers.L1(0.03125)),
        ]
    )
    follow(keras, model, twin)
    norms = np.linalg.norm(model.layers[1].weights["kernel"], axis=0)
    assert norms.max() == pytest.approx(0.75, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.25])
def test_prelu_follows_keras(keras, alpha):
    start = keras.initializers.Constant(alpha)
    twin = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8),
            keras.layers.PReLU(start),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model = network(Dense(8), PReLU(alpha))
    follow(keras, model, twin)
    assert (model.layers[1].weights["alpha"] != alpha).all()


def test_prelu_starts_as_in_keras(keras):
    theirs = keras.layers.PReLU()
    theirs.build((None, 4))
    model = Sequential([PReLU()], (4,), np.random.default_rng(0), np.float64)
    np.testing.assert_array_equal(model.layers[0].weights["alpha"], theirs.get_weights()[0])


@pytest.mark.parametrize("rate", [0.25, 0.5])
@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout"])
def test_dropped_and_kept_values_are_those_of_keras(keras, name, rate):
    """With the mask that Keras drew, read off its output."""
    ours = {"Dropout": Dropout, "AlphaDropout": AlphaDropout}[name](rate)
    theirs = getattr(keras.layers, name)(rate, seed=0)
    x = X + 10
    expected = np.asarray(theirs(x, training=True))
    mask = expected > 3

    class Drawn(np.random.Generator):
        def random(self, shape):
            return np.where(mask, 0.99, 0.0)

    rng = Drawn(np.random.PCG64())
    np.testing.assert_allclose(ours.forward(x, True, rng), expected, rtol=1e-10, atol=1e-12)
    assert mask.mean() == pytest.approx(1 - rate, abs=0.1)
    np.testing.assert_array_equal(np.asarray(theirs(x)), ours.forward(x, False, rng))


# Dropout's masks


def test_dropout_acts_in_training_only_and_goes_back_with_the_same_mask():
    layer = Dropout(0.5)
    x = np.ones((100, 6))
    y = layer.forward(x, True, np.random.default_rng(0))
    assert set(y.ravel()) == {0.0, 2.0}
    np.testing.assert_array_equal(layer.backward(x), y)
    assert layer.forward(x, False, np.random.default_rng(0)) is x
    model = network(layer)
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert model.evaluate(X, LABELS) == model.evaluate(X, LABELS)
    assert model.differentiate(X, LABELS) != model.differentiate(X, LABELS)


def test_masks_are_paired_across_runs():
    """Same seed, same numbers: whatever the rule, the initializer, the kind or the rate."""

    def masks(drop, initializer="he_normal", rate=0.1):
        model = network(Dense(8, "relu", initializer), drop)
        model.fit(X, LABELS, optimizer=Optimizer(Momentum(), rate), epochs=2)
        return drop.mask

    reference = masks(Dropout(0.5))
    np.testing.assert_array_equal(masks(Dropout(0.5), "orthogonal", 0.01), reference)
    np.testing.assert_array_equal(masks(AlphaDropout(0.5)), reference)
    assert not (masks(Dropout(0.75)) & ~reference).any()
    assert masks(Dropout(0.0)).all()


def test_dropout_leaves_initial_weights_and_batch_order_to_their_own_streams():
    plain, dropped = network(Dense(8, "relu")), network(Dense(8, "relu"), Dropout(0.5))
    np.testing.assert_array_equal(
        plain.layers[0].weights["kernel"], dropped.layers[0].weights["kernel"]
    )
    for model in (plain, dropped):
        model.fit(X, LABELS, optimizer=sgd(), epochs=2)
    assert plain.shuffle_rng.random() == dropped.shuffle_rng.random()


def test_monte_carlo_passes_differ_and_repeat_with_their_seed():
    model = network(Dense(8, "relu"), Dropout(0.5))
    runs = [
        mc_predict(
            partial(model.predict, training=True, rng=np.random.default_rng(7)), X, samples=5
        )
        for _ in range(2)
    ]
    assert runs[0].shape == (5, 64, 3)
    np.testing.assert_array_equal(*runs)
    # ReLUs that are all off for an example leave nothing to drop
    assert (runs[0].std(axis=0) > 0).mean() > 0.9
    before = model.mask_rng.bit_generator.state
    mc_predict(partial(model.predict, training=True), X, samples=2)
    assert model.mask_rng.bit_generator.state != before


def test_predicting_in_training_mode_keeps_the_moving_statistics():
    model = network(Dense(8), BatchNormalization(momentum=0.5), Activation("relu"), Dropout(0.5))
    model.fit(X, LABELS, optimizer=sgd(), epochs=1)
    before = model.get_weights()
    first = model.predict(X + 5, training=True, rng=np.random.default_rng(0))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # The batch's own statistics were used: a shift of all examples does not show
    np.testing.assert_allclose(
        first, model.predict(X, training=True, rng=np.random.default_rng(0)), rtol=1e-8
    )
    # Frozen, a prediction does not depend on the others
    model.layers[1].trainable = False
    alone = [
        model.predict(rows, training=True, rng=np.random.default_rng(0)) for rows in (X, X[:1])
    ]
    np.testing.assert_allclose(alone[0][:1], alone[1], rtol=1e-12)


# In the model


@pytest.mark.parametrize("name", ["PReLU", "Swish"])
def test_a_frozen_layer_keeps_its_parameter_and_lets_the_gradient_pass(name):
    model = network(Dense(8), LAYERS[name]())
    model.differentiate(X, LABELS)
    whole = model.layers[0].gradients["kernel"].copy()
    (before,) = (values.copy() for values in model.layers[1].weights.values())
    size = model.weights.size
    model.layers[1].trainable = False
    assert model.weights.size == size - 8
    model.differentiate(X, LABELS)
    np.testing.assert_array_equal(model.layers[0].gradients["kernel"], whole)
    model.fit(X, LABELS, optimizer=sgd(), epochs=1)
    (after,) = model.layers[1].weights.values()
    np.testing.assert_array_equal(before, after)
    model.layers[1].trainable = True
    model.fit(X, LABELS, optimizer=sgd(), epochs=1)
    (after,) = model.layers[1].weights.values()
    assert (before != after).all()


def test_a_frozen_dropout_still_drops():
    """As in Keras: there is nothing in it to freeze."""
    model = network(Dropout(0.5))
    model.layers[0].trainable = False
    assert not np.array_equal(model.predict(X, training=True), model.predict(X))


def all_kinds():
    return [
        Dense(8),
        BatchNormalization(),
        PReLU(0.25),
        Dropout(0.25),
        Dense(8, regularizer=partial(l2, strength=0.01), constraint=partial(max_norm, limit=1.0)),
        Swish(0.5),
        Dense(8, "selu", "lecun_normal"),
        AlphaDropout(0.125),
    ]


def test_a_saved_run_goes_on_as_if_never_interrupted(tmp_path):
    whole, whole_optimizer = network(*all_kinds()), Optimizer(Adam(), 0.01)
    whole.fit(X, LABELS, optimizer=whole_optimizer, epochs=4)
    half, half_optimizer = network(*all_kinds()), Optimizer(Adam(), 0.01)
    half.fit(X, LABELS, optimizer=half_optimizer, epochs=2)
    half.save(tmp_path / "half.npz", half_optimizer)
    again, again_optimizer = load(tmp_path / "half.npz")
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in whole.layers]
    again.fit(X, LABELS, optimizer=again_optimizer, epochs=2)
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_of_the_readers_own_cannot_be_saved(tmp_path):
    class Dropout(Layer):
        """Has a name of the package, but is not the package's."""

        def forward(self, x, training, rng):
            return x

    with pytest.raises(ValueError, match="expected layers of the package"):
        network(Dropout()).save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_diagnostics_see_all_kinds():
    model = network(*all_kinds())
    look = signals(model, X, LABELS)
    assert len(look) == 6  # three Dense, PReLU, Swish and the output
    prelu = look.loc[2]
    z = model.layers[2].z
    assert prelu["a_mean"] == pytest.approx(np.where(z > 0, z, 0.25 * z).mean())
    assert prelu["dead"] == 0
    assert look["signal"].notna().all()
    # Looked at twice, it is the same: dropout has the same masks
    np.testing.assert_array_equal(look, signals(model, X, LABELS))


def test_recording_does_not_change_a_training_with_masks():
    def weights(*callbacks):
        model = network(*all_kinds())
        model.fit(X, LABELS, optimizer=sgd(), epochs=2, callbacks=callbacks)
        return model.get_weights()

    for one, other in zip(weights(), weights(Recorder(X, LABELS, every=2)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_mlp_of_activations_that_learn():
    def kinds(activation):
        model = mlp(np.random.default_rng(0), [8, 5], activation, "he_normal")
        return model, [type(layer).__name__ for layer in model.layers]

    _, plain = kinds("relu")
    assert plain == ["Flatten", "Dense", "Dense", "Dense"]
    model, learned = kinds(partial(PReLU, alpha=0.25))
    assert learned == ["Flatten", "Dense", "PReLU", "Dense", "PReLU", "Dense"]
    assert model.layers[2].weights["alpha"].tolist() == [0.25] * 8
    assert model.layers[2] is not model.layers[4]
    assert kinds(Swish)[1][2] == "Swish"
