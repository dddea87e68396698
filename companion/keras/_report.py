"""What a diagnosis hands back: findings, and what flows through each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isnan, nan
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# So many rows of the table are printed; of a deeper network these at the bottom and at the top.
ROWS, ENDS = 24, 10

# Column: heading in text, title and scale of its panel. The first six are the book's dials.
COLUMNS = {
    "a_std": ("a std", "activations: std", "log"),
    "saturated": ("saturated", "saturated activations", "linear"),
    "dead": ("dead", "dead units", "linear"),
    "signal": ("signal", "signal: RMS of dL/dz", "log"),
    "gradient_to_weight": ("grad/weight", "gradient / weight", "log"),
    "update_to_weight": ("update/weight", "update / weight", "log"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a network, or worth knowing.

    Attributes
    ----------
    ailment : str
        Its name.
    symptom : str
        What was measured, with numbers.
    cause, cure : str
        The likely cause, and what to do about it.
    chapter : str
        The chapter of the book that explains it.
    fault : bool
        False for a hint: the network trains with it.

    Examples
    --------
    >>> print(Finding("dead units", "9 of 10 are 0.", "A high rate.", "Lower it.", "3 Activations"))
    dead units
        symptom: 9 of 10 are 0.
        likely:  A high rate.
        cure:    Lower it.
        chapter: 3 Activations
    """

    ailment: str
    symptom: str
    cause: str
    cure: str
    chapter: str
    fault: bool = True

    def __str__(self) -> str:
        """Return the finding as a few lines."""
        parts = (
            ("symptom", self.symptom),
            ("likely", self.cause),
            ("cure", self.cure),
            ("chapter", self.chapter),
        )
        lines = [
            fill(text, 96, initial_indent=f"    {name + ':':9}", subsequent_indent=" " * 13)
            for name, text in parts
        ]
        return "\n".join([self.ailment + ("" if self.fault else " (a hint)"), *lines])


@dataclass(frozen=True)
class Layer:
    """What flowed through one call of one layer, for the examples looked at.

    Attributes
    ----------
    name : str
        With the names of the models around it; a shared layer's later calls are numbered.
    activation : str
        Name of its activation function; empty if it has none.
    a_mean, a_std : float
        Mean and standard deviation of its output, over units and examples.
    saturated : float
        Share of outputs on the flat parts of a sigmoid or tanh; NaN for other functions.
    dead : float
        Share of units that are 0 for all examples; NaN without an activation function.
    signal : float
        RMS of the gradient of the loss with respect to the weighted sums (the output, where the
        layer has no activation function), times the number of examples.
    gradient, weight : float
        RMS of the gradient with respect to the kernels, and of the kernels.
    gradient_to_weight, update_to_weight : float
        Size of the gradient, and of the optimizer's next step, over that of the kernels.
    moving_mean, moving_std : float
        Batch normalization: how far the moving mean is from the batch's, in standard deviations
        of the batch, and the ratio of the moving standard deviation to the batch's.
    """

    name: str
    activation: str = ""
    a_mean: float = nan
    a_std: float = nan
    saturated: float = nan
    dead: float = nan
    signal: float = nan
    gradient: float = nan
    weight: float = nan
    gradient_to_weight: float = nan
    update_to_weight: float = nan
    moving_mean: float = nan
    moving_std: float = nan


@dataclass(frozen=True)
class Report:
    """What a diagnosis found; true when nothing is wrong.

    Attributes
    ----------
    title : str
        What was looked at.
    findings : tuple of Finding
        Causes before what follows from them; hints last.
    layers : tuple of Layer
        What flows through the network, in the order of its calls.

    Examples
    --------
    >>> report = Report("model, 5 examples", (), (Layer("dense", "relu", a_mean=0.4, a_std=0.6),))
    >>> bool(report), report.ailments
    (True, ())
    >>> print(report)
    model, 5 examples: nothing is wrong
    <BLANKLINE>
    layer  activation  a mean  a std  saturated  dead  signal  grad/weight  update/weight
    dense  relu          0.40   0.60          -     -       -            -              -
    """

    title: str
    findings: tuple[Finding, ...]
    layers: tuple[Layer, ...]

    def __bool__(self) -> bool:
        """Return whether nothing is wrong; hints do not count."""
        return not self.ailments

    @property
    def ailments(self) -> tuple[str, ...]:
        """The names of what is wrong."""
        return tuple(finding.ailment for finding in self.findings if finding.fault)

    def __str__(self) -> str:
        """Return the report as text."""
        parts = [f"{self.title}: {self._verdict()}", *map(str, self.findings)]
        if self.layers:
            parts += ["", _aligned(_rows(self.layers))]
        return "\n".join(parts)

    __repr__ = __str__  # so that a notebook shows the text

    def _repr_html_(self) -> str:
        """Return the report as paragraphs and a table, for notebooks."""
        findings = "".join(
            f"<p><b>{escape(f.ailment)}</b>{'' if f.fault else ' (a hint)'}<br>"
            f"symptom: {escape(f.symptom)}<br>likely: {escape(f.cause)}<br>"
            f"cure: {escape(f.cure)}<br>chapter: {escape(f.chapter)}</p>"
            for f in self.findings
        )
        head, *rows = _rows(self.layers)
        table = "".join(
            "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
            for tag, row in [("th", head), *(("td", row) for row in rows)]
        )
        title = f"<p><b>{escape(self.title)}</b>: {escape(self._verdict())}</p>"
        return f"{title}{findings}<table>{table}</table>"

    def figure(self) -> Figure:
        """Draw what flows through the layers: the book's six dials.

        Returns
        -------
        Figure
            Six panels over the layers: activations with their standard deviation, saturated ones,
            dead units, the signal, the gradient-to-weight and the update-to-weight ratio.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> figure = Report("a model", (), (Layer("dense", "relu", a_std=0.6),)).figure()
        >>> figure.axes[0].get_title(loc="left")
        'activations: std'
        >>> plt.close(figure)
        """
        import matplotlib.pyplot as plt

        figure, grid = plt.subplots(2, 3, figsize=(8, 4.8), sharex=True, layout="constrained")
        for axes, (column, (_, title, scale)) in zip(grid.flat, COLUMNS.items(), strict=True):
            values = [getattr(layer, column) for layer in self.layers]
            places = [i for i, value in enumerate(values, 1) if not isnan(value)]
            # A logarithmic axis has no place for 0
            drawn = [values[i - 1] or nan if scale == "log" else values[i - 1] for i in places]
            axes.plot(places, drawn, "o-", color="#0072B2", markersize=4)
            axes.set_title(title, loc="left", fontsize="medium")
            if any(value > 0 for value in drawn):
                axes.set_yscale(scale)
            if scale == "linear":
                axes.set_ylim(-0.03, 1.03)
                axes.yaxis.set_major_formatter("{x:.0%}")
            elif axes.get_yscale() == "log":
                _two_decades(axes)
            if not places:
                axes.set_yticks([])
                axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color="#767676")
        for axes in grid[1]:
            axes.set_xlabel("layer, as in the table")
            axes.xaxis.get_major_locator().set_params(integer=True)
        figure.suptitle(f"{self.title}\n{', '.join(self.ailments) or 'nothing is wrong'}")
        return figure

    def _verdict(self) -> str:
        number = len(self.ailments)
        if not number:
            return "nothing is wrong"
        return "1 finding" if number == 1 else f"{number} findings; start with the first"


def _two_decades(axes: Axes) -> None:
    """Let no small difference look large."""
    low, high = axes.get_ylim()
    if high < 100 * low:
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 10, middle * 10)


def _rows(layers: Sequence[Layer]) -> list[list[str]]:
    """Return the table's cells, its middle left out where it is long."""
    moving = any(not isnan(layer.moving_mean) for layer in layers)
    heads = ["layer", "activation", "a mean", *(head for head, _, _ in COLUMNS.values())]
    rows = []
    for layer in layers:
        row = [layer.name, layer.activation, _number(layer.a_mean)]
        for column in COLUMNS:
            share = column in ("saturated", "dead")
            row.append(_number(getattr(layer, column), share))
        if moving:
            pair = f"{_number(layer.moving_mean)}, {_number(layer.moving_std)}"
            row.append("-" if isnan(layer.moving_mean) else pair)
        rows.append(row)
    if len(rows) > ROWS:
        gap = [f"({len(rows) - 2 * ENDS} more)"] + [""] * (len(rows[0]) - 1)
        rows = [*rows[:ENDS], gap, *rows[-ENDS:]]
    return [heads + ["moving/batch: mean off, std"] * moving, *rows]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _number(value: float, share: bool = False) -> str:
    if isnan(value):
        return "-"
    return f"{value:.0%}" if share else f"{value:#.2g}"
