"""The still pictures of the interactive figures, drawn from the package, with their description.

Each shows what its script shows at the start.
"""

import io
from collections.abc import Callable

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from companion import activations
from companion.lab import plots
from companion.lab.diagnostics import gaussian_mean, signal_theory
from companion.lab.plots import number
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer
from companion.schedules import CosineDecay, ExponentialDecay, OneCycle, PowerDecay

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
