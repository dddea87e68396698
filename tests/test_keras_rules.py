"""companion.keras.KerasRule: the rules inside Keras's compiled training, in float32."""

from dataclasses import dataclass
from functools import cache, partial

import keras
import numpy as np
import pytest

from companion import initializers
from companion import keras as ck
from companion.optimizers import (
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    RMSProp,
)

pytestmark = pytest.mark.usefixtures("single_precision")

RULES = {
    "GradientDescent": (GradientDescent(), keras.optimizers.SGD),
    "Momentum": (Momentum(), partial(keras.optimizers.SGD, momentum=0.9)),
    "Nesterov": (Nesterov(), partial(keras.optimizers.SGD, momentum=0.9, nesterov=True)),
    "AdaGrad": (AdaGrad(), keras.optimizers.Adagrad),
    "RMSProp": (RMSProp(), keras.optimizers.RMSprop),
    "Adam": (Adam(), keras.optimizers.Adam),
    "AdaMax": (AdaMax(), keras.optimizers.Adamax),
    "Nadam": (Nadam(), keras.optimizers.Nadam),
    "AdamW": (AdamW(), keras.optimizers.AdamW),
}
RNG = np.random.default_rng(42)
X, Y = RNG.normal(size=(400, 6)).astype(np.float32), RNG.integers(0, 3, 400)


def compiled(optimizer, **options):
    initializer = ck.KerasInitializer(initializers.glorot_uniform, 0)
    output = keras.layers.Dense(3, "softmax", kernel_initializer=initializer)
    model = keras.Sequential([keras.Input((6,)), output])
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model


def fit(model, *, epochs=1, batch_size=4, **options):
    """Train: an epoch is 100 steps."""
    options = {"shuffle": False, "verbose": 0} | options
    model.fit(X, Y, epochs=epochs, batch_size=batch_size, **options)
    return model


def difference(one, other):
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def saved_and_loaded(model, folder, **options):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", **options)


# Rules


@cache
def trained_by_keras(name):
    return fit(compiled(RULES[name][1](learning_rate=0.01)))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["default", "jit"])
@pytest.mark.parametrize("name", RULES)
def test_100_compiled_steps_follow_the_optimizer_of_keras(name, jit_compile):
    model = compiled(ck.KerasRule(RULES[name][0], 0.01), jit_compile=jit_compile)
    start = model.get_weights()
    fit(model)
    assert int(model.optimizer.iterations) == 100
    assert difference(model.get_weights(), trained_by_keras(name).get_weights()) < 1e-5
    assert difference(model.get_weights(), start) > 0.01


@pytest.mark.parametrize("name", RULES)
def test_steps_are_those_of_the_numpy_optimizer(name, keras):  # in float64
    rule, _ = RULES[name]
    weights = np.linspace(-1, 1, 12).reshape(3, 4)
    variable = keras.Variable(weights)
    ours, theirs = Optimizer(rule, 0.01), ck.KerasRule(rule, 0.01)
    for step in range(20):
        gradient = RNG.normal(size=(3, 4))
        theirs.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        ours.step(weights, gradient)
        if hasattr(theirs, "momentum") and step == 9:
            theirs.momentum, ours.rule = 0.7, type(rule)(0.7)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), weights, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_saved_rule_goes_on_as_if_never_interrupted(name, tmp_path):
    rule, _ = RULES[name]
    model = fit(compiled(ck.KerasRule(rule, 0.01, clipnorm=1.0)), batch_size=20)
    again = saved_and_loaded(model, tmp_path)
    assert again.optimizer.rule == rule
    assert again.optimizer.clipnorm == 1.0
    assert int(again.optimizer.iterations) == 20
    assert difference(again.optimizer.variables, model.optimizer.variables) == 0
    for one in (model, again):
        fit(one, batch_size=20)
    assert difference(again.get_weights(), model.get_weights()) < 1e-6


def test_the_saved_state_matters(tmp_path):
    """A new optimizer on the same weights goes elsewhere."""
    model = fit(compiled(ck.KerasRule(Nadam(), 0.01)), batch_size=20)
    again = saved_and_loaded(model, tmp_path, compile=False)
    again.compile(ck.KerasRule(Nadam(), 0.01), "sparse_categorical_crossentropy")
    for one in (model, again):
        fit(one, batch_size=20)
    assert difference(again.get_weights(), model.get_weights()) > 1e-3


@dataclass(frozen=True)
class Signs:
    """A reader's own rule, of NumPy's functions beyond those of ours."""

    threshold: float = 0.001

    def init(self, weights):
        return np.zeros_like(weights), np.ones_like(weights), 1.0

    def update(self, gradient, state, weights, t, learning_rate):
        one, other, count = state
        large = np.abs(gradient) > self.threshold
        # the arrays change places: each must be read before one is written
        return np.where(large, learning_rate * np.sign(gradient), 0.0), (other, one, count + 1)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["default", "jit"])
def test_a_rule_of_ones_own_runs_and_is_saved(tmp_path, jit_compile):
    model = compiled(ck.KerasRule(Signs(), 0.25), jit_compile=jit_compile)
    start = model.get_weights()
    model.fit(X[:12], Y[:12], batch_size=4, verbose=0)  # 3 steps
    for before, after in zip(start, model.get_weights(), strict=True):
        steps = (after - before) / 0.25
        np.testing.assert_allclose(steps, steps.round(), atol=1e-6)
    one, other, count = (keras.ops.convert_to_numpy(v) for v in model.optimizer._states[0])
    assert (one == 1).all()
    assert (other == 0).all()
    assert count == 4
    again = saved_and_loaded(model, tmp_path, custom_objects={"Signs": Signs})
    assert again.optimizer.rule == Signs()
    with pytest.raises(ValueError, match=r"custom_objects={'Signs': ...}"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_keras_options_work_with_a_rule():
    ours, theirs = (
        compiled(optimizer(learning_rate=0.01, global_clipnorm=0.1, gradient_accumulation_steps=4))
        for optimizer in (partial(ck.KerasRule, Adam()), keras.optimizers.Adam)
    )
    fit(ours)
    fit(theirs)
    assert difference(ours.get_weights(), theirs.get_weights()) < 1e-5


def test_sparse_gradients_of_embeddings():
    models = []
    for optimizer in (ck.KerasRule(Momentum(), 0.1), keras.optimizers.SGD(0.1, momentum=0.9)):
        model = keras.Sequential(
            [
                keras.Input((3,), dtype="int32"),
                keras.layers.Embedding(5, 2, embeddings_initializer="ones"),
                keras.layers.Flatten(),
                keras.layers.Dense(1, kernel_initializer="ones"),
            ]
        )
        model.compile(optimizer, "mse")
        x, y = np.arange(12).reshape(4, 3) % 5, np.arange(4.0)
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
        models.append(model.get_weights())
    assert difference(*models) < 1e-6
