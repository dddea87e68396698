"""The still pictures of the interactive figures, drawn from the package, with their description.

Each shows what its script shows at the start.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from companion import activations
from companion.batch_norm import batch_norm, batch_norm_inference, update_moving
from companion.dropout import dropout, mc_predict
from companion.lab import plots
from companion.lab.diagnostics import gaussian_mean, signal_theory
from companion.lab.plots import number
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer
from companion.schedules import CosineDecay, ExponentialDecay, OneCycle, PowerDecay

DATA = Path(__file__).parents[1] / "static" / "interactive"
PICTURES: dict[str, Callable[[], tuple[Figure, str]]] = {}


def picture(draw: Callable[[], tuple[Figure, str]]) -> Callable[[], tuple[Figure, str]]:
    """Give a function's picture the function's name, with hyphens."""
    PICTURES[draw.__name__.replace("_", "-")] = draw
    return draw


def draw(name: str) -> tuple[bytes, str]:
    """Return a picture as a PNG file, and its alternative text."""
    with mpl.rc_context(plots.STYLE):
        figure, alt = PICTURES[name]()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        plt.close(figure)
    return buffer.getvalue(), alt


def data(name: str) -> Any:
    """Return what lies beside a figure's script."""
    return json.loads((DATA / f"{name}.data.js").read_text("utf-8").split("=", 1)[1].rstrip(";\n"))


def uniforms(seed: int, n: int) -> np.ndarray:
    """Return the random numbers of ``Formulas.uniforms``: a counter, mixed by mulberry32."""
    t = np.uint32(seed) + np.arange(1, n + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    t = (t ^ t >> 15) * (t | 1)
    t ^= t + (t ^ t >> 7) * (t | 61)
    return (t ^ t >> 14) / 2.0**32


def normals(seed: int, n: int) -> np.ndarray:
    """Return the random numbers of ``Formulas.normals``, by Box and Muller."""
    radius, angle = uniforms(seed, 2 * n).reshape(2, n)
    return np.sqrt(-2 * np.log(1 - radius)) * np.cos(2 * np.pi * angle)


@picture
def signal_through_depth() -> tuple[Figure, str]:
    """Thirty layers of tanh, for three sizes of the weights."""
    figure, (up, down) = plt.subplots(1, 2)
    f, slope = activations.tanh, activations.tanh_grad
    layers = np.arange(1, 31)
    ends = []
    for factor, color in ((0.8, plots.BLUE), (1.0, plots.GREEN), (2.0, plots.VERMILION)):
        theory = signal_theory(f, slope, [factor**2 / 64] * 30, [64] * 31)
        outputs = [gaussian_mean(lambda z: f(z) ** 2, q**0.5) ** 0.5 for q in theory.forward]
        gradients = theory.backward**0.5
        up.plot(layers, outputs, color=color)
        down.plot(layers, gradients, color=color, label=f"std × √width = {factor}")
        ends.append(
            f"{factor}: activations of layer 30 {number(outputs[-1], 2)}, "
            f"gradient of layer 1 {number(gradients[0], 2)} of the top layer's"
        )
    up.set(title="On the way up", ylabel="RMS of the activations")
    down.set(title="On the way down", ylabel="RMS of dL/dz, top layer = 1")
    for axes in (up, down):
        axes.set(yscale="log", xlabel="layer", xticks=[1, 10, 20, 30])
    down.legend(fontsize="small")
    return figure, (
        "Thirty layers of tanh, by standard deviation of the weights times root of the width. "
        + "; ".join(ends)
        + "."
    )


@picture
def schedule_designer() -> tuple[Figure, str]:
    """Four schedules of 1,000 steps."""
    figure, axes = plt.subplots()
    steps = np.arange(1000)
    drawn = {
        "power": (PowerDecay(0.1, steps=200), plots.BLUE, "-"),
        "exponential": (ExponentialDecay(0.1, steps=500), plots.VERMILION, "--"),
        "1cycle": (OneCycle(0.01, peak=0.1, steps=1000), plots.PURPLE, "-"),
        "cosine": (CosineDecay(0.1, steps=1000), plots.ORANGE, "-."),
    }
    parts = []
    for name, (schedule, color, line) in drawn.items():
        rates = [schedule(step) for step in steps]
        axes.plot(steps, rates, color=color, linestyle=line, label=name)
        parts.append(f"{name} {', '.join(number(rates[step], 2) for step in (0, 500, 999))}")
    axes.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    axes.legend()
    return figure, "Learning rate at steps 0, 500 and 999: " + "; ".join(parts) + "."


@picture
def activation_functions() -> tuple[Figure, str]:
    """Four activation functions and their slopes."""
    figure, (left, right) = plt.subplots(1, 2)
    z = np.linspace(-5, 5, 401)
    parts = []
    for name in ("sigmoid", "tanh", "relu", "gelu"):
        f, slope = getattr(activations, name), getattr(activations, f"{name}_grad")
        style = plots.style(name) | {"marker": ""}
        left.plot(z, f(z), **style, label=name)
        right.plot(z, slope(z), **style)
        one = np.array(1.0)
        parts.append(f"{name} {number(float(f(one)), 3)}, slope {number(float(slope(one)), 3)}")
    left.set(title="Activation f(z)", xlabel="z", ylim=(-2, 5))
    right.set(title="Slope f′(z)", xlabel="z", ylim=(-0.25, 1.5))
    left.legend()
    return figure, "At z = 1: " + "; ".join(parts) + "."


@picture
def optimizer_playground() -> tuple[Figure, str]:
    """Sixty steps of three rules in one bowl."""
    figure, (surface, costs) = plt.subplots(1, 2)
    angle = np.radians(20)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    hessian = axes.T @ np.diag([1 / 30, 1]) @ axes

    def cost(points: np.ndarray) -> np.ndarray:
        return 0.5 * np.einsum("...i,ij,...j", points, hessian, points)

    grid = np.linspace(-2, 2, 81)
    heights = cost(np.stack(np.meshgrid(grid, grid), axis=-1))
    levels = 10.0 ** np.arange(-3, 1, 0.5)
    surface.contour(grid, grid, heights, levels=levels, colors="#BBBBBB", linewidths=0.7)
    parts = []
    for name, rule, rate in (
        ("gradient descent", GradientDescent(), 1.5),
        ("momentum", Momentum(0.8), 0.2),
        ("adam", Adam(), 0.1),
    ):
        weights = np.array([-1.7, 1.1])
        optimizer, path = Optimizer(rule, rate), [weights.copy()]
        for _ in range(60):
            optimizer.step(weights, hessian @ weights)
            path.append(weights.copy())
        points, look = np.array(path), plots.style(name) | {"marker": ""}
        surface.plot(*points.T, **look)
        costs.plot(cost(points), **look, label=f"{name}, {rate:g}")
        parts.append(f"{name} at rate {rate:g} {number(float(cost(points)[-1]), 2)}")
    surface.set(title="Surface and paths", xlabel="first weight", ylabel="second weight")
    costs.set(title="Cost above the lowest", xlabel="step", yscale="log")
    costs.legend(fontsize="small")
    return figure, (
        "Cost after 60 steps in a bowl of condition number 30, from "
        f"{number(float(cost(np.array([-1.7, 1.1]))), 2)}: " + "; ".join(parts) + "."
    )


@picture
def batch_normalization() -> tuple[Figure, str]:
    """Show inputs that jump after a hundred batches, and a batch soon after, in and out."""
    batches, at = np.arange(1, 401), 110
    mean = np.where(batches <= 100, 2.0, -1.0)
    std = np.where(batches <= 100, 1.0, 2.0)
    x = mean[:, None] + std[:, None] * normals(1, 400 * 256).reshape(400, 256)[:, :32]
    moving, followed = np.array([0.0, 1.0]), []
    for batch in x:
        moving = update_moving(moving, np.array([batch.mean(), batch.var()]), 0.98)
        followed.append(moving)
    track = np.array(followed)
    one, zero = np.ones(1), np.zeros(1)
    looked = x[at - 1, :, None]
    training = batch_norm(looked, one, zero)[0]
    prediction = batch_norm_inference(looked, one, zero, track[at - 1, :1], track[at - 1, 1:])
    figure, panels = plt.subplots(1, 3, width_ratios=(3, 3, 4), figsize=(7.2, 3.0))
    for axes, real, measured, average, title in (
        (panels[0], mean, x.mean(axis=1), track[:, 0], "Mean of the inputs"),
        (panels[1], std, x.std(axis=1), track[:, 1] ** 0.5, "Standard deviation"),
    ):
        axes.plot(batches, measured, color=plots.SKY, linewidth=0.8)
        axes.plot(batches, real, color=plots.BLACK, linestyle=":")
        axes.plot(batches, average, color=plots.VERMILION)
        axes.set(title=title, xlabel="batch")
    rows = {
        "input": (looked, plots.BLACK),
        "training": (training, plots.SKY),
        "prediction": (prediction, plots.VERMILION),
    }
    for height, (values, color) in zip((3, 2, 1), rows.values(), strict=True):
        panels[2].plot(values, np.full(32, height), ".", color=color)
    panels[2].set(title=f"Batch {at}", xlabel="value", ylim=(0.5, 3.5))
    panels[2].set_yticks((3, 2, 1), list(rows))
    return figure, (
        "Inputs of mean 2 and standard deviation 1, from batch 101 on of mean -1 and 2. "
        f"Batch {at}, mean and standard deviation: "
        + "; ".join(
            f"{name} {number(float(values.mean()), 2, noise=1e-9)} and "
            f"{number(float(values.std()), 2)}"
            for name, (values, _) in rows.items()
        )
        + "."
    )


@picture
def monte_carlo_dropout() -> tuple[Figure, str]:
    """Show a hundred predictions for one image."""
    network, image, samples = data("monte-carlo-dropout"), 3, 100
    first, second = (np.array(layer["bias"]).size for layer in network["layers"])
    hidden, rate = np.array(network["hidden"][image]), network["rate"]
    draws = iter(uniforms(1, samples * (hidden.size + first)).reshape(samples, -1))
    weights = [np.array(layer["weights"]) for layer in network["layers"]]
    biases = [np.array(layer["bias"]) for layer in network["layers"]]

    def predict(x: np.ndarray, rate: float = rate) -> np.ndarray:
        masks = next(draws) >= rate if rate else np.ones(hidden.size + first, bool)
        x = dropout(x, masks[: hidden.size], rate)
        x = activations.relu(x @ weights[0].reshape(hidden.size, first) + biases[0])
        x = dropout(x, masks[hidden.size :], rate)
        return activations.softmax(x @ weights[1].reshape(first, second) + biases[1])

    predictions = mc_predict(predict, hidden, samples=samples)
    plain, means = predict(hidden, 0.0), predictions.mean(axis=0)
    figure, axes = plt.subplots()
    rows = np.arange(second, 0, -1)
    for low, high, width in ((5, 95, 1.5), (25, 75, 6)):
        ends = np.percentile(predictions, (low, high), axis=0)
        axes.hlines(rows, *ends, color=plots.SKY, linewidth=width)
    axes.plot(plain, rows, "|", color=plots.BLACK, markersize=12, label="dropout off")
    axes.plot(means, rows, "o", color=plots.VERMILION, label=f"mean of {samples} masks")
    axes.set(xlabel="probability", xlim=(0, 1))
    axes.set_yticks(rows, network["classes"])
    axes.legend()
    order = np.argsort(means)[::-1][:3]
    return figure, (
        f"{network['names'][image]}: mean probability over {samples} masks at rate {rate}, "
        "standard deviation, and probability with dropout off: "
        + "; ".join(
            f"{network['classes'][c]} {number(float(means[c]), 2)}, "
            f"{number(float(predictions[:, c].std()), 2)}, {number(float(plain[c]), 2)}"
            for c in order
        )
        + "."
    )
