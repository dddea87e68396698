"""companion.keras: the same formulas inside Keras's compiled training, in float32."""

import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest

from companion import activations, initializers, schedules
from companion import keras as ck
from companion.dropout import mc_predict
from companion.network import (
    Activation,
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    PReLU,
    Sequential,
    Swish,
)
from companion.optimizers import Adam, Momentum, Optimizer

pytestmark = pytest.mark.usefixtures("single_precision")

RNG = np.random.default_rng(42)
X, Y = RNG.normal(size=(400, 6)).astype(np.float32), RNG.integers(0, 3, 400)
CYCLE = schedules.OneCycle(initial=0.02, peak=0.2, steps=100)


def classifier(*, extra=(), seed=0):
    initial = partial(ck.KerasInitializer, initializers.glorot_uniform)
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, "tanh", kernel_initializer=initial(seed)),
            *extra,
            keras.layers.Dense(3, "softmax", kernel_initializer=initial(seed + 1)),
        ]
    )


def compiled(optimizer, **options):
    model = classifier()
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model


def fit(model, *, epochs=1, batch_size=4, **options):
    """Train: an epoch is 100 steps."""
    options = {"shuffle": False, "verbose": 0} | options
    return model.fit(X, Y, epochs=epochs, batch_size=batch_size, **options)


def difference(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def saved_and_loaded(model, folder, **options):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", **options)


# Initializers, schedules


def test_an_initializer_gives_the_functions_values():
    rng = partial(np.random.default_rng, 7)
    for function in (
        initializers.he_normal,
        partial(initializers.variance_scaling, scale=3.0, mode="fan_out"),
        partial(initializers.orthogonal, gain=2.0),
    ):
        initializer = ck.KerasInitializer(function, 7)
        again = ck.KerasInitializer.from_config(initializer.get_config())
        for dtype in ("float32", "float64"):
            expected = function(rng(), (30, 20), dtype=dtype)
            for one in (initializer, again):
                values = keras.ops.convert_to_numpy(one((30, 20), dtype=dtype))
                assert values.dtype == dtype
                np.testing.assert_array_equal(values, expected)


SCHEDULES = [
    schedules.PowerDecay(0.1, steps=20),
    schedules.ExponentialDecay(0.1, steps=20),
    schedules.PiecewiseConstant([10, 30], [0.1, 0.01, 0.001]),
    CYCLE,
    schedules.CosineDecay(0.1, steps=50),
    schedules.LinearWarmup(schedules.CosineDecay(0.1, steps=50), steps=10),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_a_schedule_gives_the_functions_values(schedule):
    ours = ck.KerasSchedule(schedule, steps=60)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ours))
    assert again.schedule == schedule
    for step in (0, 1, 9, 10, 11, 30, 59):
        for one in (ours, again):
            assert float(one(step)) == pytest.approx(schedule(step), rel=1e-6)
    assert float(ours(10_000)) == pytest.approx(schedule(59), rel=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "jit_compile"),
    [
        (partial(keras.optimizers.SGD, momentum=0.9), False),
        (partial(ck.KerasRule, Momentum()), True),
    ],
    ids=["SGD", "KerasRule, jit"],
)
def test_a_schedule_in_compiled_training(optimizer, jit_compile, tmp_path):
    """Against Keras's own schedule, and through a file."""
    theirs = keras.optimizers.schedules.ExponentialDecay(0.1, 20, 0.1)
    ours = ck.KerasSchedule(schedules.ExponentialDecay(0.1, steps=20), steps=100)
    expected = compiled(keras.optimizers.SGD(theirs, momentum=0.9))
    model = compiled(optimizer(learning_rate=ours), jit_compile=jit_compile)
    for one in (expected, model):
        fit(one, batch_size=8)  # 50 steps
    assert difference(expected, model) < 1e-6
    again = saved_and_loaded(model, tmp_path)
    for one in (model, again):
        fit(one, batch_size=8)
    assert difference(model, again) < 1e-6
    assert float(again.optimizer.learning_rate) == pytest.approx(0.1 * 0.1 ** (99 / 20), rel=1e-5)


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        optimizer = self.model.optimizer
        momentum = getattr(optimizer, "momentum", np.nan)
        self.seen.append((float(optimizer.learning_rate), float(momentum)))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["default", "jit"])
def test_one_cycle_moves_rate_and_momentum_in_the_compiled_step(jit_compile, tmp_path):
    """Against the NumPy optimizer on the same problem: one weight, the gradient 1 at every step."""
    rule = Momentum()
    weights, optimizer = (
        np.zeros(1, np.float32),
        Optimizer(rule, CYCLE, schedules={"beta": CYCLE.momentum()}),
    )
    for _ in range(100):
        optimizer.step(weights, np.ones(1, np.float32))

    def ones(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(ck.KerasRule(rule), ones, jit_compile=jit_compile)
    recorder = Recorder()
    x = np.ones((50, 1), np.float32)
    callbacks = [ck.OneCycle(CYCLE, momentum=CYCLE.momentum()), recorder]
    model.fit(x, x, batch_size=1, callbacks=callbacks, verbose=0)
    model = saved_and_loaded(model, tmp_path, custom_objects={"ones": ones})
    assert model.optimizer.momentum == recorder.seen[-1][1]
    model.fit(x, x, batch_size=1, callbacks=callbacks, verbose=0)
    expected = [(CYCLE(step), CYCLE.momentum()(step)) for step in range(100)]
    np.testing.assert_allclose(recorder.seen, expected, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), weights, rtol=1e-5)


def test_one_cycle_of_the_rate_works_with_every_optimizer():
    model = compiled(keras.optimizers.Adam())
    recorder = Recorder()
    fit(model, callbacks=[ck.OneCycle(CYCLE), recorder])
    np.testing.assert_allclose(
        [rate for rate, _ in recorder.seen], [CYCLE(step) for step in range(100)], rtol=1e-5
    )


# Monte Carlo dropout


@pytest.mark.parametrize("layer", [ck.MCDropout, ck.MCAlphaDropout])
def test_monte_carlo_dropout_is_active_in_predictions(layer, tmp_path):
    model = classifier(extra=[layer(0.5, seed=3)])
    model.compile(ck.KerasRule(Adam()), "sparse_categorical_crossentropy")
    fit(model)
    again = saved_and_loaded(model, tmp_path)
    assert isinstance(again.layers[1], layer)
    assert again.layers[1].rate == 0.5
    for one in (model, again):
        predictions = mc_predict(partial(one.predict, verbose=0), X[:20], samples=5)
        assert predictions.shape == (5, 20, 3)
        assert (predictions.std(axis=0) > 0).all()
        assert np.ptp(keras.ops.convert_to_numpy(one(X[:20], training=False)) - predictions[0]) > 0
    for one in (model, again):  # the stream of masks goes on, too
        one.layers[1].seed_generator.state.assign([1, 2])
    fit(model)
    fit(again)
    assert difference(model, again) < 1e-6


def test_monte_carlo_dropout_drops_what_dropout_drops():
    x = np.ones((400, 500), np.float32)
    y = keras.ops.convert_to_numpy(ck.MCDropout(0.2, seed=1)(x))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1.25)}
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.005)
    x = RNG.normal(size=(400, 500)).astype(np.float32)
    y = keras.ops.convert_to_numpy(ck.MCAlphaDropout(0.2, seed=1)(x))
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.std() == pytest.approx(1, abs=0.02)


# From a companion network to Keras and back


ACTIVATIONS = [
    *("sigmoid", "tanh", "relu", "softplus", "selu", "mish", "gelu", "swish", "softmax"),
    *("elu", "leaky_relu", None),
    partial(activations.leaky_relu, alpha=0.3),
    partial(activations.elu, alpha=0.7),
]


def with_random_weights(model):
    """Also of its moving statistics; kernels have both signs, variances are positive."""
    rng = np.random.default_rng(6)
    shapes = [values.shape for values in model.get_weights()]
    model.set_weights([rng.uniform(-1 if len(s) > 1 else 0.5, 1, s) for s in shapes])
    return model


def network(layers, dtype=np.float32):
    return with_random_weights(Sequential(layers, (3, 2), np.random.default_rng(5), dtype))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda f: f if isinstance(f, str) else None)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keras_predicts_what_the_network_predicts(activation, dtype):
    below = [Flatten(), Dense(4, activation), BatchNormalization(epsilon=0.01)]
    if activation == "softmax":  # only at the output
        below = [Flatten()]
    ours = network([*below, Dense(3, use_bias=False), Activation(activation)], dtype)
    theirs = ck.to_keras(ours)
    x = RNG.normal(size=(50, 3, 2)).astype(dtype)
    predictions = keras.ops.convert_to_numpy(theirs(x))
    assert predictions.dtype == dtype
    assert np.ptp(predictions, axis=0).min() > 0.1  # they depend on x
    rounded = any(name in str(activation) for name in ("gelu", "leaky_relu"))  # by Keras
    tolerance = 1e-6 if dtype == np.float32 else 1e-7 if rounded else 1e-12
    np.testing.assert_allclose(predictions, ours.predict(x), rtol=tolerance, atol=tolerance)


def test_weights_go_to_keras_and_back(tmp_path):
    def layers():
        dropped = [Dropout(0.2), Dense(4, "selu"), AlphaDropout(0.1)]
        return [Flatten(), Dense(5), PReLU(), BatchNormalization(), *dropped, Swish(), Dense(3)]

    source = network(layers())
    source.layers[1].trainable = False
    model = ck.to_keras(source)
    assert [layer.trainable for layer in model.layers] == [True, False] + 7 * [True]
    x = RNG.normal(size=(64, 3, 2)).astype(np.float32)
    start = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(start, source.predict(x), atol=1e-5)
    model.compile(ck.KerasRule(Adam(), 0.01), "mse")
    model.fit(x, Y[:64, None] * np.ones(3), epochs=2, verbose=0)  # also moves the statistics
    model = saved_and_loaded(model, tmp_path)
    target = network(layers())
    ck.copy_weights(model, target)
    predictions = keras.ops.convert_to_numpy(model(x))
    assert np.abs(predictions - start).max() > 0.1
    np.testing.assert_allclose(target.predict(x), predictions, atol=1e-5)
    ck.copy_weights(source, model)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), start, atol=1e-6)


def test_both_train_alike():
    """Layers, their gradients, moving statistics and the rule: 20 steps on one batch."""
    layers = [Dense(8, "tanh"), BatchNormalization(0.9), Dense(8), PReLU(), Dense(8), Swish()]
    ours = Sequential([*layers, Dense(3, "softmax")], (6,), np.random.default_rng(5), np.float64)
    theirs = ck.to_keras(ours)
    start = theirs.get_weights()
    theirs.compile(ck.KerasRule(Momentum(), 0.1), "sparse_categorical_crossentropy")
    theirs.fit(X, Y, batch_size=len(X), epochs=20, verbose=0)
    ours.fit(X, Y, batch_size=len(X), epochs=20, optimizer=Optimizer(Momentum(), 0.1))
    for a, b, before in zip(ours.get_weights(), theirs.get_weights(), start, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
        assert np.abs(a - before).max() > 1e-3


# Folding


@pytest.mark.parametrize(
    ("dense", "norm"),
    [
        ({}, {}),
        ({"use_bias": False}, {}),
        ({}, {"scale": False}),
        ({}, {"center": False}),
        ({}, {"epsilon": 0.1, "axis": 1}),
    ],
    ids=str,
)
def test_folding_keeps_the_predictions_and_drops_the_layer(dense, norm, tmp_path):
    model = with_random_weights(
        keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(8, **dense),
                keras.layers.BatchNormalization(**norm),
                keras.layers.Activation("relu"),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(8, "tanh"),
                keras.layers.BatchNormalization(),  # behind an activation: it has to stay
                keras.layers.Dense(3),
                keras.layers.BatchNormalization(),
                keras.layers.Activation("softmax"),
            ]
        )
    )
    before = model.get_weights()
    folded = ck.fold_batch_norm(model)
    kinds = [type(layer).__name__ for layer in folded.layers]
    rest = ["Dense", "BatchNormalization", "Dense", "Activation"]
    assert kinds == ["Dense", "Activation", "Dropout", *rest]
    predictions = keras.ops.convert_to_numpy(model(X))
    assert np.ptp(predictions, axis=0).min() > 0.2
    for one in (folded, saved_and_loaded(folded, tmp_path)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(one(X)), predictions, atol=1e-6)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_other_axes_than_the_units_are_not_folded():
    model = keras.Sequential(
        [
            keras.Input((3, 6)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(axis=1),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(axis=2),
        ]
    )
    folded = ck.fold_batch_norm(with_random_weights(model))
    assert len(folded.layers) == 3
    x = RNG.normal(size=(20, 3, 6)).astype(np.float32)
    ours, theirs = (keras.ops.convert_to_numpy(m(x)) for m in (folded, model))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


# Errors, and what an import costs


def test_errors_say_what_was_expected():
    def unfit(optimizer, **options):
        callback = ck.OneCycle(CYCLE, **options)
        return lambda: fit(compiled(optimizer), callbacks=[callback])

    def symbolic(update):
        rule = type("Own", (), {"init": lambda self, w: (), "update": update})()
        return lambda: fit(compiled(ck.KerasRule(rule)))

    wrong = network([Flatten(), Dense(4)])
    table = [
        (TypeError, "rule must have init and update, .* received", lambda: ck.KerasRule(Adam)),
        (TypeError, "rule must have init", lambda: ck.KerasRule("adam")),
        (ValueError, "received learning_rate=-1", lambda: ck.KerasRule(Adam(), -1.0)),
        (ValueError, "received learning_rate=nan", lambda: ck.KerasRule(Adam(), np.nan)),
        (TypeError, "KerasSchedule.schedule, steps.; rec", lambda: ck.KerasRule(Adam(), CYCLE)),
        (TypeError, "values", symbolic(lambda self, g, s, w, t, r: (r * g if t > 1 else g, s))),
        (TypeError, "values", symbolic(lambda self, g, s, w, t, r: (g * float(r), s))),
        (TypeError, "keras.ops; received spacing", symbolic(lambda s, g, *_: (np.spacing(g), ()))),
        (TypeError, "function must be callable", lambda: ck.KerasInitializer("he_normal", 1)),
        (ValueError, "seed=-1", lambda: ck.KerasInitializer(initializers.he_normal, -1)),
        (ValueError, "seed=None", lambda: ck.KerasInitializer(initializers.he_normal, None)),
        (TypeError, "schedule must be callable", lambda: ck.KerasSchedule(0.1, 10)),
        (
            TypeError,
            "schedule must be callable",
            lambda: ck.KerasSchedule(schedules.ReduceOnPlateau(0.1), 10),
        ),
        (ValueError, "steps=0", lambda: ck.KerasSchedule(CYCLE, 0)),
        (ValueError, "received -1.0 at step 2", lambda: ck.KerasSchedule(lambda step: 1 - step, 9)),
        (TypeError, "a dataclass or a function", ck.KerasSchedule(np.poly1d([1]), 2).get_config),
        (TypeError, "schedule must be a function of the step", lambda: ck.OneCycle(0.1)),
        (TypeError, "momentum must be a function", lambda: ck.OneCycle(CYCLE, momentum=0.9)),
        (
            ValueError,
            r"KerasRule\(Momentum\(\)\).*received sgd",
            unfit(keras.optimizers.SGD(momentum=0.9), momentum=CYCLE.momentum()),
        ),
        (
            ValueError,
            r"KerasRule\(Momentum\(\)\).*received Adam\(",
            unfit(ck.KerasRule(Adam()), momentum=CYCLE.momentum()),
        ),
        (TypeError, "not settable", unfit(ck.KerasRule(Adam(), ck.KerasSchedule(CYCLE, 9)))),
        (
            ValueError,
            "beta must be in",
            unfit(ck.KerasRule(Momentum()), momentum=lambda step: 1.5),
        ),
        (ValueError, "rate must be in .* received rate=1", lambda: ck.MCDropout(1.0)),
        (ValueError, "rate must be in .* received rate=-0.1", lambda: ck.MCAlphaDropout(-0.1)),
        (ValueError, "beta=inf", lambda: ck.Swish(np.inf)),
        (
            ValueError,
            "activation that Keras has",
            lambda: ck.to_keras(
                network([Flatten(), Activation(partial(activations.swish, beta=2))])
            ),
        ),
        (
            ValueError,
            r"expected weights of shapes \[\(6, 8\).*received \[\(6, 4\)",
            lambda: ck.copy_weights(wrong, classifier()),
        ),
        (
            TypeError,
            "keras.Sequential; received Dense",
            lambda: ck.fold_batch_norm(wrong.layers[1]),
        ),
    ]
    for kind, message, call in table:
        with pytest.raises(kind, match=message):
            call()


def test_importing_companion_imports_no_keras():
    code = "import companion, sys; print({'keras', 'tensorflow'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
