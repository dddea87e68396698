"""What the diagnostics measure, and that theory and measurement meet."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest

from companion import activations
from companion.initializers import variance_scaling
from companion.lab import plots
from companion.lab.diagnostics import (
    Recorder,
    gaussian_mean,
    layer_figure,
    signal_theory,
    signals,
    training_figure,
)
from companion.network import Activation, BatchNormalization, Dense, Sequential
from companion.optimizers import GradientDescent, Optimizer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 20)), RNG.integers(0, 3, 50)


def network(*layers, seed=0):
    return Sequential(
        [*layers, Dense(3, "softmax")], (20,), np.random.default_rng(seed), np.float64
    )


def test_signals_worked_by_hand():
    model = Sequential(
        [Dense(2, "relu"), Dense(1)], (1,), np.random.default_rng(0), np.float64
    )  # fmt: skip
    model.set_weights([[[1.0, -1.0]], [0, 0], [[2.0], [5.0]], [0]])
    # x = 1, 3: z = (1, -1), (3, -3); a = (1, 0), (3, 0); outputs 2 and 6, targets 0:
    # dL/dz_2 = 2 (2, 6) / 2 = (2, 6), so per example (4, 12); dL/dW_1 = 1*2*2 + 3*6*2 = 40, 0
    look = signals(model, [[1.0], [3.0]], [0.0, 0.0])
    first, second = look.loc[1], look.loc[2]
    assert (first["z_mean"], first["a_mean"]) == (0, 1)
    assert first["z_std"] == pytest.approx(5**0.5)
    assert first["dead"] == 0.5
    assert np.isnan(first.get("saturated", np.nan))
    assert first["gradient"] == pytest.approx(40 / 2**0.5)
    assert first["weight"] == 1
    assert first["gradient_to_weight"] == pytest.approx(40 / 2**0.5)
    assert second["signal"] == pytest.approx(((4**2 + 12**2) / 2) ** 0.5)


def test_saturation_is_counted_where_the_curve_is_flat():
    # sigmoid(z) > 0.99 for z > 4.6; tanh(z) > 0.98 for z > 2.3
    z = np.array([[0.0], [2.0], [4.0], [5.0]])
    for name, share in (("sigmoid", 0.25), ("tanh", 0.5)):
        model = Sequential([Activation(name), Dense(1)], (1,), np.random.default_rng(0), np.float64)
        assert signals(model, z)["saturated"].iloc[0] == share


def test_looking_changes_nothing():
    model = network(Dense(8), BatchNormalization(), Activation("relu"))
    before = model.get_weights()
    signals(model, X, Y)
    signals(model, X)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_recording_does_not_change_the_training():
    def train(*callbacks):
        model = network(Dense(8, "tanh"), BatchNormalization())
        optimizer = Optimizer(GradientDescent(), 0.1)
        model.fit(X, Y, optimizer=optimizer, epochs=3, batch_size=10, callbacks=callbacks)
        return model.get_weights()

    recorder = Recorder(X, Y, every=5)
    for one, other in zip(train(), train(recorder), strict=True):
        np.testing.assert_array_equal(one, other)
    frame = recorder.frame
    assert frame["step"].unique().tolist() == [0, 5, 10, 15]
    assert frame.groupby("step").size().tolist() == [2] * 4
    first = frame.query("step == 0")["update_to_weight"]
    later = frame.query("step > 0")["update_to_weight"]
    assert first.isna().all()
    assert ((later > 0) & (later < 1)).all()


def test_the_update_ratio_is_the_last_steps():
    model, recorder = network(Dense(8, "tanh")), Recorder(X, Y, every=1)
    model.fit(
        X, Y, optimizer=Optimizer(GradientDescent(), 0.1), epochs=1, batch_size=50,
        callbacks=[recorder],
    )  # fmt: skip
    frame = recorder.frame.set_index(["step", "layer"])
    # One full batch: the update was 0.1 times the gradient that was seen before the step
    expected = 0.1 * frame.loc[0, "gradient_to_weight"]
    np.testing.assert_allclose(frame.loc[1, "update_to_weight"], expected, rtol=1e-10)


def test_quadrature_is_exact_at_a_kink():
    assert gaussian_mean(np.ones_like) == pytest.approx(1, abs=1e-12)
    assert gaussian_mean(np.square, 3.0) == pytest.approx(9, rel=1e-12)
    assert gaussian_mean(lambda z: activations.relu(z) ** 2) == pytest.approx(0.5, rel=1e-12)
    assert gaussian_mean(activations.sigmoid, 7.0) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "selu"])
def test_theory_meets_wide_networks(name):
    f, f_grad = getattr(activations, name), getattr(activations, f"{name}_grad")
    width, depth, scale = 1000, 4, 1.7
    x = np.random.default_rng(1).normal(size=(20, width))
    measured = []
    for seed in range(3):
        layers = [Dense(width, f, partial(variance_scaling, scale=scale)) for _ in range(depth)]
        model = Sequential(
            [*layers, Dense(3, "softmax")], (width,), np.random.default_rng(seed), np.float64
        )
        look = signals(model, x, np.zeros(20, int)).iloc[:depth]
        measured.append(
            [
                look["z_std"] ** 2 + look["z_mean"] ** 2,
                (look["signal"] / look["signal"].iloc[-1]) ** 2,
            ]
        )
    theory = signal_theory(f, f_grad, [scale / width] * depth, [width] * (depth + 1), np.mean(x**2))
    forward, backward = np.mean(measured, axis=0)
    np.testing.assert_allclose(forward, theory.forward, rtol=0.1)
    np.testing.assert_allclose(backward, theory.backward, rtol=0.25)


def test_errors():
    with pytest.raises(ValueError, match="every must be at least 1"):
        Recorder(X, Y, every=0)
    with pytest.raises(ValueError, match="one width more than weight variances, 3; received 2"):
        signal_theory(None, None, [1.0, 1.0], [5, 5])


def recorded(activation, epochs=2):
    model, recorder = network(Dense(8, activation), Dense(8, activation)), Recorder(X, Y, every=1)
    optimizer = Optimizer(GradientDescent(), 0.1)
    model.fit(X, Y, optimizer=optimizer, epochs=epochs, batch_size=50, callbacks=[recorder])
    frame = recorder.frame
    return frame[frame["layer"] < 3]


def drawn(figure):
    """Each panel's lines, by its title; the figure is closed."""
    plt.close(figure)
    return {axes.get_title(loc="left"): list(axes.lines) for axes in figure.axes[:6]}


def test_networks_are_drawn_by_layer():
    tanh, relu = (recorded(name).query("step == 1") for name in ("tanh", "relu"))
    panels = drawn(layer_figure({"tanh": tanh, "relu": relu}))
    np.testing.assert_array_equal(panels["activations: std"][1].get_ydata(), relu["a_std"])
    np.testing.assert_array_equal(panels["update / weight"][0].get_xdata(), [1, 2])
    assert len(panels["saturated activations"]) == 1  # tanh; ReLU has no flat ends
    assert len(panels["dead units"]) == 2
    colors = [line.get_color() for line in panels["activations: std"]]
    assert colors == [plots.style(name)["color"] for name in ("tanh", "relu")]


def test_an_empty_panel_holds_the_names():
    figure = layer_figure({"tanh": recorded("tanh").query("step == 0")})
    assert drawn(figure)["update / weight"] == []
    names = figure.axes[5].get_legend().get_texts()
    assert [text.get_text() for text in names] == ["tanh"]


def test_training_is_drawn_by_step():
    frame = recorded("relu", epochs=3)
    panels = drawn(training_figure(frame))
    first = frame.query("layer == 1")
    np.testing.assert_array_equal(panels["signal: RMS of dL/dz"][0].get_ydata(), first["signal"])
    # There is no update before the first step, and ReLU does not saturate
    np.testing.assert_array_equal(panels["update / weight"][0].get_xdata(), [1, 2, 3])
    assert len(panels["update / weight"]) == 2
    assert panels["saturated activations"] == []


def test_a_log_scale_shows_two_decades():
    axes = training_figure(recorded("tanh")).axes[0]
    plt.close()
    low, high = axes.get_ylim()
    assert high / low >= 99
