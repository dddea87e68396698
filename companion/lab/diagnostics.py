"""What flows through a network, layer by layer: measured, and as the theory predicts it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from companion import activations
from companion._checks import check_function, check_instance, integer, number, numbers
from companion.lab import plots
from companion.network import Callback, Sequential
from companion.network.layers import Activation, Dense

Array = NDArray[np.floating]

#: A unit counts as saturated where its activation's slope is below this share of the steepest.
FLAT = 0.04
_BOUNDED = {activations.sigmoid: 0.25, activations.tanh: 1.0}


def rms(values: ArrayLike) -> float:
    """Return the root mean square of an array's elements.

    Examples
    --------
    >>> rms([3.0, 4.0, 0.0, 0.0])
    2.5
    """
    values = numbers("values", values)
    if values.size == 0:
        raise ValueError("values must be one number or more; received none")
    return float(np.sqrt(np.mean(np.square(values))))


def signals(model: Sequential, x: ArrayLike, y: ArrayLike | None = None) -> pd.DataFrame:
    """Return what flows through each layer for one batch: the diagnostic quartet and more.

    Parameters
    ----------
    model : Sequential
        Is left as it was, but for what its layers saw last and, with ``y``, its gradient.
    x : array of shape ``(n, *input_shape)``
    y : array of shape (n,), optional
        With it the batch is seen as in training, dropout with the same masks each time; without
        it there is no backward pass, and no column about gradients.

    Returns
    -------
    DataFrame
        One row for each layer with an activation, numbered from 1 at the bottom:

        ``z_mean, z_std``
            of the weighted sums, over units and examples.
        ``a_mean, a_std``
            of the activations.
        ``saturated``
            share of activations where the slope is below 4 % of the steepest (sigmoid: outside
            0.01 to 0.99; tanh: beyond 0.98); NaN for other activations.
        ``dead``
            share of units whose slope is 0 for every example: no gradient reaches them.
        ``signal``
            RMS of the loss's gradient with respect to the weighted sums, times n, so that it is
            an example's own.
        ``gradient``
            RMS of the gradient with respect to the kernel.
        ``weight``
            RMS of the kernel.
        ``gradient_to_weight``
            the ratio of the last two.

    Examples
    --------
    >>> from companion.lab.networks import mlp
    >>> model = mlp(np.random.default_rng(0), [100] * 8, "sigmoid", "glorot_uniform")
    >>> look = signals(model, np.ones((5, 28, 28)), np.zeros(5, int))
    >>> bool(look.loc[1, "signal"] < 1e-3 * look.loc[8, "signal"])  # it fades on the way down
    True
    """
    check_instance("model", model, Sequential)
    x = numbers("x", x, model.dtype)
    with model.keep_statistics():
        if y is None:
            model.forward(x)
        else:
            model.differentiate(x, y, np.random.default_rng(0))
    rows: list[dict[str, float]] = []
    for layer in model.layers:
        if isinstance(layer, Activation):
            rows.append({"layer": len(rows) + 1, **_look_at(layer, len(x), y is not None)})
    return pd.DataFrame(rows).set_index("layer")


def _look_at(layer: Activation, examples: int, backward: bool) -> dict[str, float]:
    z, a = layer.z, layer.a
    row = {"z_mean": z.mean(), "z_std": z.std(), "a_mean": a.mean(), "a_std": a.std()}
    row |= {"saturated": np.nan, "dead": np.nan}
    slope = None if layer.activation_gradient is None else layer.activation_gradient(z)
    steepest = _BOUNDED.get(layer.activation)  # type: ignore[arg-type]
    if slope is not None:
        if steepest is not None:
            row["saturated"] = (slope < FLAT * steepest).mean()
        row["dead"] = (slope == 0).all(axis=0).mean()
    if backward:
        row["signal"] = rms(layer.dz) * examples
        if isinstance(layer, Dense):
            row["weight"] = rms(layer.weights["kernel"])
            if layer.gradients:
                row["gradient"] = rms(layer.gradients["kernel"])
                row["gradient_to_weight"] = row["gradient"] / row["weight"]
    return {name: float(value) for name, value in row.items()}


class Recorder(Callback):
    """Record :func:`signals` while a network trains, with the size of its updates.

    Parameters
    ----------
    x, y : arrays
        The batch to look at, the same each time.
    every : int
        How many steps lie between two looks; the state before the first step is one too.

    Attributes
    ----------
    frame : DataFrame
        The rows of :func:`signals`, with columns ``step`` (steps taken) and
        ``update_to_weight``: the RMS of the last step's change of a kernel over that of the
        kernel.

    Examples
    --------
    >>> from companion.lab.networks import mlp
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> model = mlp(np.random.default_rng(0), [10], "relu", "he_normal")
    >>> x, y = np.ones((64, 28, 28)), np.zeros(64, int)
    >>> recorder, optimizer = Recorder(x, y, every=2), Optimizer(GradientDescent(), 0.1)
    >>> history = model.fit(x, y, optimizer=optimizer, epochs=2, callbacks=[recorder])
    >>> recorder.frame["step"].unique().tolist()
    [0, 2, 4]
    """

    def __init__(self, x: ArrayLike, y: ArrayLike, every: int = 100) -> None:
        if integer("every", every) < 1:
            raise ValueError(f"every must be at least 1; received every={every}")
        self.x, self.y, self.every = x, y, every
        self._looks: list[pd.DataFrame] = []

    def on_train_begin(self) -> None:
        """Look at the network before the first step."""
        self._looks = []
        self._before = self._kernels()
        self._look(0)

    def on_batch_end(self, step: int, loss: float) -> None:
        """Look at it after every so many steps, and remember the weights one step before."""
        if (step + 1) % self.every == 0:
            self._look(step + 1)
        if (step + 2) % self.every == 0:
            self._before = self._kernels()

    def _kernels(self) -> list[Array]:
        return [
            layer.weights["kernel"].copy()
            for layer in self.model.layers
            if isinstance(layer, Dense)
        ]

    def _look(self, step: int) -> None:
        gradient = self.model.gradient.copy()
        frame = signals(self.model, self.x, self.y).reset_index()
        self.model.gradient[:] = gradient
        frame.insert(0, "step", step)
        frame["update_to_weight"] = np.nan
        if step > 0:
            dense = [
                number
                for number, layer in enumerate(
                    (layer for layer in self.model.layers if isinstance(layer, Activation)), 1
                )
                if isinstance(layer, Dense)
            ]
            for number, before, after in zip(dense, self._before, self._kernels(), strict=True):
                ratio = rms(after - before) / rms(before) if rms(before) else np.nan
                frame.loc[frame["layer"] == number, "update_to_weight"] = ratio
        self._looks.append(frame)

    @property
    def frame(self) -> pd.DataFrame:
        """All looks so far."""
        return pd.concat(self._looks, ignore_index=True)


# Figures

# Column of signals: title and scale. The same six, in the same places, in every chapter.
_PANELS = {
    "a_std": ("activations: std", "log"),
    "saturated": ("saturated activations", "linear"),
    "dead": ("dead units", "linear"),
    "signal": ("signal: RMS of dL/dz", "log"),
    "gradient_to_weight": ("gradient / weight", "log"),
    "update_to_weight": ("update / weight", "log"),
}


def layer_figure(
    looks: Mapping[str, pd.DataFrame], styles: Mapping[str, Mapping[str, Any]] | None = None
) -> Figure:
    """Draw what flows through several networks at one moment, layer by layer.

    Parameters
    ----------
    looks : mapping of str to DataFrame
        Each network's name with its :func:`signals`, or with one step of :class:`Recorder`'s.
    styles : mapping of str to keywords for ``plot``, optional
        Without it the names are methods that :func:`companion.lab.plots.style` knows.

    Returns
    -------
    Figure
        Six panels: activations, saturated ones, dead units, the signal, the gradient-to-weight
        and the update-to-weight ratio. The networks' names stand in the first free one.

    Examples
    --------
    >>> from companion.lab.networks import mlp
    >>> model = mlp(np.random.default_rng(0), [10, 10], "relu", "he_normal")
    >>> look = signals(model, np.ones((5, 28, 28)), np.zeros(5, int))
    >>> figure = layer_figure({"relu": look})
    >>> figure.axes[3].get_title(loc="left")
    'signal: RMS of dL/dz'
    >>> plt.close(figure)
    """
    if not isinstance(looks, Mapping) or not looks:
        raise TypeError(f"looks must map names to tables of signals; received {looks!r}")
    if not (styles is None or (isinstance(styles, Mapping) and styles.keys() >= looks.keys())):
        raise TypeError(f"styles must map the names in looks to keywords; received {styles!r}")
    for look in looks.values():
        _check_look(look)
    figure, panels = _six_panels("layer")
    for name, look in looks.items():
        style = plots.style(name) if styles is None else styles[name]
        layers = look.get("layer", look.index)
        for axes, column in zip(panels, _PANELS, strict=True):
            if column in look and look[column].notna().any():
                axes.plot(layers, look[column], **{"label": name, "markersize": 4, **style})
    handles = panels[0].get_legend_handles_labels()
    _finish(panels)
    free = next((axes for axes in panels if not axes.lines), panels[0])
    free.legend(*handles, fontsize="small", loc="center" if not free.lines else "best")
    depth = max(len(look) for look in looks.values())
    panels[0].set_xticks(sorted({1, (depth + 1) // 2, depth}))
    return figure


def training_figure(frame: pd.DataFrame) -> Figure:
    """Draw what flows through the layers of one network while it trains.

    Parameters
    ----------
    frame : DataFrame
        :attr:`Recorder.frame`, or some of its layers.

    Returns
    -------
    Figure
        The panels of :func:`layer_figure`, over steps; one line a layer, the bottom one darkest.

    Examples
    --------
    >>> from companion.lab.networks import mlp
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> model = mlp(np.random.default_rng(0), [10, 10], "relu", "he_normal")
    >>> x, y = np.ones((64, 28, 28)), np.zeros(64, int)
    >>> recorder = Recorder(x, y, every=1)
    >>> _ = model.fit(
    ...     x, y, optimizer=Optimizer(GradientDescent(), 0.1), epochs=2, callbacks=[recorder]
    ... )
    >>> figure = training_figure(recorder.frame)
    >>> len(figure.axes[0].lines)
    3
    >>> plt.close(figure)
    """
    _check_look(frame, "step", "layer", *_PANELS)
    figure, panels = _six_panels("training step")
    layers = sorted(frame["layer"].unique())
    # Yellow, the end of the map, is too pale for a line
    colors = plt.get_cmap("cividis")(np.linspace(0, 0.85, len(layers)))
    for axes, column in zip(panels, _PANELS, strict=True):
        for layer, color in zip(layers, colors, strict=True):
            line = frame[(frame["layer"] == layer) & frame[column].notna()]
            if len(line):
                axes.plot(line["step"], line[column], color=color, linewidth=1.4)
    _finish(panels)
    edges = BoundaryNorm(np.arange(len(layers) + 1) + 0.5, len(layers))
    bar = ScalarMappable(edges, ListedColormap(colors))
    figure.colorbar(bar, ax=list(panels), label="layer", ticks=[1, len(layers)], aspect=40)
    return figure


def _check_look(look: pd.DataFrame, *columns: str) -> None:
    if not isinstance(look, pd.DataFrame) or len(look) == 0 or set(columns) - set(look):
        raise TypeError(f"expected a table of signals; received {look!r}")


def _six_panels(x: str) -> tuple[Figure, list[Axes]]:
    figure, grid = plt.subplots(
        2, 3, figsize=(7.2, 4.6), sharex=True, gridspec_kw={"hspace": 0.14, "wspace": 0.1}
    )
    panels = list(grid.flat)
    for axes, (title, scale) in zip(panels, _PANELS.values(), strict=True):
        axes.set_title(title, loc="left")
        axes.set(yscale=scale)
        if scale == "linear":
            axes.set(ylim=(-0.03, 1.03))
            axes.yaxis.set_major_formatter("{x:.0%}")
    for axes in grid[1]:
        axes.set(xlabel=x)
    return figure, panels


def _finish(panels: Sequence[Axes]) -> None:
    """Give log scales two decades at least, and take the axes from panels without a line."""
    for axes in panels:
        if not axes.lines:
            axes.grid(False)
            axes.set_yticks([])
            axes.set_yticks([], minor=True)
            axes.text(0.5, 0.9, "none", transform=axes.transAxes, ha="center", color=plots.GREY)
        elif axes.get_yscale() == "log":
            low, high = axes.get_ylim()
            if high < 100 * low:
                middle = (low * high) ** 0.5
                axes.set_ylim(middle / 10, middle * 10)


# Theory


def gaussian_mean(g: Callable[[Array], Array], std: float = 1.0) -> float:
    r"""Return :math:`\mathrm E[g(\sigma u)]` for a standard normal :math:`u`, by quadrature.

    Gauss-Legendre on both sides of 0 apart, so that a kink there costs no accuracy.

    Parameters
    ----------
    g : callable
        From an array to an array; smooth except at 0.
    std : float
        :math:`\sigma`.

    Examples
    --------
    >>> from companion.activations import relu
    >>> round(gaussian_mean(lambda z: relu(z) ** 2), 12)
    0.5
    """
    check_function("g", g)
    std = number("std", std)
    u, density = _half_normal()
    values = numbers("g(z)", g(std * u)) + numbers("g(z)", g(-std * u))
    return float((density * values).sum())


@cache
def _half_normal() -> tuple[Array, Array]:
    """Nodes in (0, 12) and the normal density times their weights; beyond lies 1e-33 of it."""
    half, weights = np.polynomial.legendre.leggauss(400)
    u = 6 * (half + 1)
    return u, 6 * weights * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


class Theory(NamedTuple):
    """Variances through depth, as infinitely wide layers would have them."""

    #: mean square of the weighted sums z of each layer, shape (L,)
    forward: Array
    #: mean square of the loss's gradient with respect to z, as a share of the top layer's, (L,)
    backward: Array


def signal_theory(
    activation: Callable[[Array], Array] | None,
    activation_gradient: Callable[[Array], Array] | None,
    weight_variances: Sequence[float],
    widths: Sequence[int],
    mean_square_input: float = 1.0,
) -> Theory:
    r"""Return the variances that random weights give on the way up and on the way down.

    With weights of mean 0 and variance :math:`\sigma_l^2`, no biases, and fan-in
    :math:`n_{l-1}`, a sum of many independent terms is normal, of mean square

    .. math:: q_l = n_{l-1}\, \sigma_l^2\, \mathrm E\big[f(\sqrt{q_{l-1}}\, u)^2\big],
              \qquad q_1 = n_0\, \sigma_1^2\, \overline{x^2}

    and the gradient's mean square is multiplied on its way down, from layer l + 1 to l, by

    .. math:: n_{l+1}\, \sigma_{l+1}^2\, \mathrm E\big[f'(\sqrt{q_l}\, u)^2\big].

    Parameters
    ----------
    activation, activation_gradient : callable or None
        :math:`f` and :math:`f'`, both None for the identity.
    weight_variances : sequence of L floats
        :math:`\sigma_1^2, ..., \sigma_L^2`.
    widths : sequence of L + 1 ints
        :math:`n_0, ..., n_L`: the inputs, then the units of each layer.
    mean_square_input : float
        :math:`\overline{x^2}`.

    Returns
    -------
    Theory

    Raises
    ------
    ValueError
        If there is not one width more than there are variances.

    Notes
    -----
    It assumes that gradients and weights are independent (they are not quite: the same weights
    carry both ways) and that layers are wide; real layers of width n scatter around it by about
    sqrt(L / n).

    References
    ----------
    Poole et al. (2016), arXiv:1606.05340; Schoenholz et al. (2017), arXiv:1611.01232.

    Examples
    --------
    >>> from companion.activations import relu, relu_grad
    >>> theory = signal_theory(relu, relu_grad, [2 / 100] * 3, [100] * 4)
    >>> theory.forward.round(6).tolist(), theory.backward.round(6).tolist()
    ([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    """
    for f in (activation, activation_gradient):
        if f is not None:
            check_function("activation", f)
    if activation is not None and activation_gradient is None:
        raise TypeError("activation_gradient must be a function, as activation is; received None")
    weight_variances = numbers("weight_variances", weight_variances).tolist()
    widths = numbers("widths", widths).tolist()
    for name, values in (("weight_variances", weight_variances), ("widths", widths)):
        if not isinstance(values, list) or not all(number(name, value) >= 0 for value in values):
            raise ValueError(f"{name} must be a row of non-negative numbers; received {values}")
    passed = number("mean_square_input", mean_square_input)
    if not passed >= 0:
        raise ValueError(f"mean_square_input must be non-negative; received {mean_square_input}")
    if len(widths) != len(weight_variances) + 1:
        raise ValueError(
            f"expected one width more than weight variances, {len(weight_variances) + 1}; "
            f"received {len(widths)}"
        )
    forward = np.empty(len(weight_variances))
    for layer, (variance, fan_in) in enumerate(zip(weight_variances, widths[:-1], strict=True)):
        forward[layer] = fan_in * variance * passed
        passed = _mean_square(activation, forward[layer])
    backward = np.ones(len(weight_variances))
    for layer in reversed(range(len(weight_variances) - 1)):
        slope = 1.0 if activation is None else _mean_square(activation_gradient, forward[layer])
        gain = widths[layer + 2] * weight_variances[layer + 1] * slope
        backward[layer] = backward[layer + 1] * gain
    return Theory(forward, backward)


def _mean_square(f: Callable[[Array], Array] | None, mean_square: float) -> float:
    if f is None:
        return mean_square
    return gaussian_mean(lambda z: np.square(f(z)), mean_square**0.5)
