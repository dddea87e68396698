"""The diagnosis leaves no trace in a model, takes all kinds of them, and measures what it says."""

import random
from dataclasses import astuple

import numpy as np
import pytest
from patients import (
    AILING,
    CLASSES,
    HEALTHY,
    SPARSE,
    adam,
    l2,
    mlp,
    ready,
    sgd,
    stack,
    table,
    train,
)

from companion.keras.diagnosis import Finding, Layer, Report, diagnose


@pytest.fixture(autouse=True)
def seeded():
    """All draws are the same, and the global seeds are as they were afterwards."""
    import keras

    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(3)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002


# No trace


def state(model):
    """Everything that training changes, and what the next call draws its masks from."""
    import keras

    optimizer = model.optimizer
    variables = [*model.variables, *model.metrics_variables, *(optimizer or model).variables]
    everywhere = keras.src.backend.common.global_state
    seeds = everywhere.get_global_attribute("global_seed_generator")
    return (
        [(v.path, v.value.numpy().tobytes()) for v in variables],
        [(layer.name, layer.trainable, layer.built) for layer in model._flatten_layers()],
        [sorted(vars(layer)) for layer in model._flatten_layers()],
        [id(getattr(layer, "activation", None)) for layer in model._flatten_layers()],
        len(model.losses),
        (model.compiled, id(optimizer), id(model.loss), optimizer and optimizer.built),
        model._compile_loss.built if model.compiled else None,
        None if seeds is None else seeds.state.value.numpy().tobytes(),
        random.getstate(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        dict(everywhere.get_global_attribute("object_name_uids", {})),
    )


def eventful():
    """A network with all that could change: masks, moving statistics, moments, an activity loss."""
    import keras

    L = keras.layers
    frozen = L.Dense(20, name="frozen")
    frozen.trainable = False
    model = stack(
        L.Dense(20, "relu", activity_regularizer=l2(1e-3)), L.BatchNormalization(), L.Dropout(0.3),
        L.GaussianNoise(0.1), frozen, L.LeakyReLU(), L.Dense(CLASSES, L.Softmax()), shape=(20,),
    )  # fmt: skip
    model.compile("nadam", SPARSE, metrics=["accuracy"])
    return model, *table()


@pytest.mark.parametrize("steps", [0, 3])
def test_the_model_is_left_as_it_was(steps):
    model, x, y = eventful()
    if steps:
        train(model, x, y, steps)
    before = state(model)
    first = diagnose(model, x, y)
    assert state(model) == before
    assert str(diagnose(model, x, y)) == str(first)


def test_training_goes_on_as_if_nothing_had_been():
    import keras

    weights = []
    for look in (False, True):
        keras.utils.set_random_seed(1)
        model, x, y = eventful()
        train(model, x, y, 2)
        if look:
            diagnose(model, x, y)
        train(model, x, y, 2)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("where", ["loss", "gradient", "layer"])
def test_the_model_is_left_as_it_was_by_an_error(where, monkeypatch):
    import keras
    import tensorflow as tf

    def fail(*arguments, **options):
        raise RuntimeError("on purpose")

    model, x, y = eventful()
    if where == "loss":
        model.compile("adam", fail)
    elif where == "gradient":
        monkeypatch.setattr(tf.GradientTape, "gradient", fail)
    else:
        monkeypatch.setattr(keras.layers.LeakyReLU, "call", fail)
    before = state(model)
    with pytest.raises(RuntimeError, match="on purpose"):
        diagnose(model, x, y)
    assert state(model) == before


# Ways of use


def test_without_compile_the_loss_is_inferred():
    x, y = table()
    for head, units, labels in (
        ("softmax", CLASSES, y), ("softmax", CLASSES, np.eye(CLASSES)[y]), (None, CLASSES, y),
        ("sigmoid", 1, y > 1), (None, 1, x[:, 0]),
    ):  # fmt: skip
        report = diagnose(mlp(2, 30, "relu", "he_normal", head=head, units=units), x, labels)
        assert report, str(report)
        assert all(np.isnan(layer.update_to_weight) for layer in report.layers)


def test_without_a_loss_that_can_be_inferred():
    with pytest.raises(ValueError, match="compile it with a loss first"):
        diagnose(mlp(2, 30, "relu", "he_normal", head="relu"), *table())


@pytest.mark.parametrize(
    ("model", "x", "y", "error", "message"),
    [
        (None, [[1.0]], [1], TypeError, "expected a keras.Model; received NoneType"),
        (mlp, None, np.ones(3), TypeError, "x must be an array"),
        (mlp, np.ones((3, 20)), None, TypeError, "y must be an array"),
        (mlp, np.ones((3, 20)), 1.0, TypeError, "y must be an array"),
        (mlp, np.ones((3, 20)), np.ones(4), ValueError, "same number of examples"),
        (mlp, np.ones((0, 20)), np.ones(0), ValueError, "at least one"),
        (mlp, np.ones((3, 20)), [np.ones(3), np.ones(3)], ValueError, "labels for 1 outputs"),
    ],
)
def test_errors(model, x, y, error, message):
    made = ready(model(1, 5, "relu")) if model else None
    with pytest.raises(error, match=message):
        diagnose(made, x, y)


def test_a_model_of_its_own_class_and_not_built_yet():
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.lower = mlp(1, 30, "relu", "he_normal", units=20, head=None)
            self.top = keras.layers.Dense(CLASSES, "softmax")

        def call(self, x):
            return self.top(self.lower(self.lower(x)))

    x, y = table()
    report = diagnose(ready(Own()), x, y)
    names = [layer.name for layer in report.layers]
    assert len(names) == 5
    assert names[2].endswith("(call 2)")
    assert report, str(report)
    sequential = keras.Sequential([keras.layers.Dense(9, "tanh"), keras.layers.Dense(CLASSES)])
    assert not diagnose(ready(sequential), x.tolist(), y.tolist())
    assert sequential.built


def test_half_precision_and_accumulated_gradients():
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = ready(mlp(3, 30, "relu", "he_normal"), sgd(0.01, gradient_accumulation_steps=4))
    finally:
        keras.config.set_dtype_policy("float32")
    report = diagnose(model, *table())
    assert report, str(report)
    assert all(layer.update_to_weight > 0 for layer in report.layers)


def test_with_a_rule_of_ours():
    from companion.keras import KerasRule
    from companion.optimizers import Adam

    for optimizer in (KerasRule(Adam(), 0.01), adam(0.01)):
        model, x, y = eventful()
        model.compile(optimizer, SPARSE)
        train(model, x, y, 3)
        before = state(model)
        report = diagnose(model, x, y)
        assert report.layers[0].update_to_weight > 1e-4, str(report)
        assert state(model) == before


# What is measured


def test_measures_are_those_of_the_equations():
    """A network of two linear layers by hand: a = x W, dL/da = 2 (p - y) / n, dL/dW = x' dL/da."""
    import keras

    x = np.array([[1.0, 2.0], [3.0, -1.0]], "float32")
    y = np.array([[1.0], [0.0]], "float32")
    layers = [keras.layers.Dense(2, use_bias=False), keras.layers.Dense(1, use_bias=False)]
    model = ready(stack(*layers, shape=(2,)), sgd(0.1), "mse")
    w, v = np.array([[1.0, 0.5], [-0.5, 1.0]]), np.array([[1.0], [-2.0]])
    model.set_weights([w, v])
    p = x @ w @ v
    dp = 2 * (p - y) / 2
    dw = x.T @ (dp @ v.T)
    lower = diagnose(model, x, y).layers[0]

    def rms(values):
        return np.sqrt(np.mean(values**2))

    assert lower.a_std == pytest.approx((x @ w).std(), rel=1e-5)
    assert lower.signal == pytest.approx(2 * rms(dp @ v.T), rel=1e-5)
    assert lower.gradient == pytest.approx(rms(dw), rel=1e-5)
    assert lower.gradient_to_weight == pytest.approx(rms(dw) / rms(w), rel=1e-5)
    assert lower.update_to_weight == pytest.approx(0.1 * rms(dw) / rms(w), rel=1e-4)


def test_the_step_is_the_optimizers_own_next_one():
    x, y = table()
    model = ready(mlp(1, 20, "tanh"), adam(0.01))
    train(model, x, y, 5)
    measured = diagnose(model, x, y).layers[0].update_to_weight
    before = model.layers[0].kernel.numpy()
    train(model, x, y, 1)
    step = model.layers[0].kernel.numpy() - before
    assert measured == pytest.approx(np.sqrt((step**2).mean() / (before**2).mean()), rel=1e-3)


def test_moving_statistics_are_compared_with_the_batchs():
    import keras

    x, y = table()
    norm = keras.layers.BatchNormalization()
    model = ready(stack(norm, keras.layers.Dense(CLASSES, "softmax"), shape=(20,)))
    norm.moving_mean.assign(2 + x.mean(0))
    norm.moving_variance.assign(9 * x.var(0))
    (row, _) = diagnose(model, x, y).layers
    assert row.moving_mean == pytest.approx(2, rel=0.1)
    assert row.moving_std == pytest.approx(3, rel=0.01)


def test_hints_are_no_faults():
    import keras

    L = keras.layers
    model = stack(L.Dense(20), L.BatchNormalization(), L.ReLU(), L.Dense(CLASSES, "softmax"),
                  shape=(20,))  # fmt: skip
    report = diagnose(ready(model), *table())
    assert report
    assert [finding.ailment for finding in report.findings] == ["bias before batch normalization"]
    selu = mlp(3, 30, "selu", "lecun_normal").layers
    model = stack(*selu[:-1], L.Dropout(0.1), selu[-1], shape=(20,))
    report = diagnose(ready(model), *table())
    assert [finding.ailment for finding in report.findings] == ["plain dropout with SELU"]


# The report


def test_report_as_text():
    layers = tuple(Layer(f"dense_{i}", "tanh", 0.5, 0.25, 0.1, 0.0, 1e-9) for i in range(40))
    finding = Finding("vanishing gradients", "1e-9", "Depth.", "Skip.", "1 Vanishing")
    report = Report("model", (finding, Finding("a", "b", "c", "d", "e", fault=False)), layers)
    text = str(report)
    assert text.startswith("model: 1 finding\nvanishing gradients\n    symptom: 1e-9\n")
    assert "a (a hint)" in text
    assert "(20 more)" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 110
    assert not report
    assert "<b>vanishing gradients</b>" in report._repr_html_()
    assert repr(report) == text


def test_report_of_a_sick_network_is_short():
    lines = str(diagnose(*AILING["deep_sigmoid"][0]())).splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 110


def test_figure():
    import matplotlib.pyplot as plt

    report = diagnose(*AILING["deep_sigmoid"][0]())
    figure = report.figure()
    signal = figure.axes[3].lines[0].get_ydata()
    np.testing.assert_allclose(signal, [layer.signal for layer in report.layers])
    assert signal[0] < 1e-3 * signal[-1]
    assert "vanishing gradients" in figure.get_suptitle()
    plt.close(figure)
    plt.close(Report("empty", (), ()).figure())


def test_values_are_plain_floats():
    for layer in diagnose(*HEALTHY["batch_norm_cnn"]()).layers:
        assert {type(value) for value in astuple(layer)} <= {str, float}
