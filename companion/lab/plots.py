"""Figures and tables in one style: the same method looks the same through the whole book.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; a marker and a line
style of its own let each method be recognized in grey too.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from PIL import Image
from scipy.optimize import isotonic_regression
from tabulate import tabulate

from companion._checks import integer
from companion._checks import number as as_number

#: Okabe and Ito's colours.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
#: Okabe and Ito's colours.
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#222222", "#767676"

# Each method's colour, marker and line style, for all chapters.
_STYLES: dict[str, tuple[str, str, str]] = {
    # initializations
    "lecun": (GREEN, "o", "-"),
    "glorot": (BLUE, "s", "--"),
    "he": (VERMILION, "^", "-."),
    "exact": (BLACK, "D", "-"),
    "orthogonal": (PURPLE, "v", ":"),
    "normal(0, 1)": (ORANGE, "P", "-"),
    "normal(0, 0.01)": (SKY, "X", "--"),
    "uniform 1/sqrt(n)": (GREY, "d", ":"),
    # activations
    "linear": (GREY, "x", ":"),
    "sigmoid": (ORANGE, "s", "--"),
    "tanh": (GREEN, "v", "-."),
    "relu": (BLUE, "o", "-"),
    "leaky_relu": (SKY, "D", "--"),
    "elu": (PURPLE, "P", ":"),
    "selu": (BLACK, "d", "-"),
    "gelu": (VERMILION, "^", "-"),
    "swish": ("#A6761D", "<", "--"),
    "mish": ("#7570B3", ">", "-."),
    # optimizers
    "gradient descent": (GREY, "o", ":"),
    "momentum": (BLUE, "s", "-"),
    "nesterov": (SKY, "D", "--"),
    "adagrad": (ORANGE, "v", "-."),
    "rmsprop": (GREEN, "^", "--"),
    "adam": (VERMILION, "P", "-"),
    "adamax": (PURPLE, "d", ":"),
    "nadam": ("#A6761D", "<", "--"),
    "adamw": (BLACK, "X", "-."),
    # clipping
    "no clipping": (BLACK, "x", ":"),
    "by value": (ORANGE, "s", "--"),
    "by norm": (SKY, "D", "-."),
    "by global norm": (BLUE, "o", "-"),
    # reusing layers
    "transfer": (BLUE, "s", "-"),
    "frozen": (SKY, "D", "-."),
    # learning-rate schedules
    "constant": (GREY, "o", "-"),
    "power": (ORANGE, "s", "--"),
    "exponential": (BLUE, "^", "-"),
    "exponential, by epoch": (SKY, "v", ":"),
    "piecewise": (GREEN, "P", "-."),
    "plateau": (PURPLE, "D", "--"),
    "cosine": (VERMILION, "X", "-"),
    "warm-up, cosine": ("#A6761D", "<", "-."),
    "1cycle": (BLACK, "d", "-"),
    # weight penalties
    "no penalty": (BLACK, "x", ":"),
    "l2": (SKY, "D", "--"),
    "l1": (VERMILION, "^", "-"),
    "soft threshold": (BLUE, "o", "-."),
    "max-norm": (GREEN, "s", "-"),
    # predictions of a dropout network
    "dropout off": (BLACK, "s", "--"),
    "mc dropout": (VERMILION, "o", "-"),
    "rescaled": (BLUE, "D", "-."),
    "temperature": (ORANGE, "v", ":"),
    "ensemble": (GREEN, "^", "-"),
    "disagreement": (PURPLE, "P", "-."),
    # pretraining
    "scratch": (BLACK, "o", "-"),
    "RBM stack": (VERMILION, "s", "--"),
    "greedy autoencoders": (ORANGE, "^", "-"),
    "one autoencoder": (BLUE, "D", "-."),
    "masked squares": (SKY, "v", "--"),
    "rotations": (GREEN, "P", "-"),
    "GAN's discriminator": (GREY, "X", ":"),
    "same or different": (PURPLE, "d", "-."),
}

#: Matplotlib's settings for all figures of the book.
STYLE: Any = {
    "figure.figsize": (7.2, 3.4),
    "figure.dpi": 100,
    "savefig.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=[BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK]),
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "image.cmap": "cividis",
}


def use_style() -> None:
    """Draw all figures that follow in the book's style.

    Examples
    --------
    >>> with plt.rc_context():
    ...     use_style()
    ...     plt.rcParams["savefig.dpi"]
    144.0
    """
    plt.rcParams.update(STYLE)


def style(method: str) -> dict[str, Any]:
    """Return a method's colour, marker and line style, as keywords for ``plot``.

    Raises
    ------
    ValueError
        If the method has none; give it one here, so that it keeps it in every chapter.

    Examples
    --------
    >>> style("relu")["marker"]
    'o'
    """
    if not isinstance(method, str) or method not in _STYLES:
        raise ValueError(f"expected one of {', '.join(_STYLES)}; received {method!r}")
    color, marker, line = _STYLES[method]
    return {"color": color, "marker": marker, "linestyle": line}


def label_lines(
    axes: Axes, labels: Mapping[str, tuple[float, float, str]], gap: float = 0.065
) -> None:
    """Write labels beside the ends of lines, moved apart where they would overlap.

    Parameters
    ----------
    axes : Axes
        Its scales and limits must be final.
    labels : mapping of str to (x, y, color)
        Each text with the point, in data coordinates, that it stands beside.
    gap : float
        Smallest distance of two labels, as a share of the axes' height.

    Examples
    --------
    >>> figure, axes = plt.subplots()
    >>> _ = axes.plot([0, 1], [0, 1], color=BLUE)
    >>> label_lines(axes, {"identity": (1, 1, BLUE)})
    >>> axes.texts[0].get_text()
    'identity'
    >>> plt.close(figure)
    """
    if not isinstance(labels, Mapping) or not all(
        isinstance(value, tuple) and len(value) == 3 for value in labels.values()
    ):
        raise TypeError(f"labels must map texts to (x, y, color); received {labels!r}")
    if not labels:
        return
    gap = as_number("gap", gap)
    place = axes.transData + axes.transAxes.inverted()
    points = {text: place.transform((x, y)) for text, (x, y, _) in labels.items()}
    texts = sorted(points, key=lambda text: float(points[text][1]))
    # The nearest heights that are apart by the gap: without the gaps they may not decrease
    gaps = gap * np.arange(len(texts))
    wanted = np.clip([points[text][1] for text in texts], 0, 1)
    heights = np.clip(isotonic_regression(wanted - gaps).x, 0, 1 - gaps[-1]) + gaps
    for text, height in zip(texts, heights, strict=True):
        axes.text(
            points[text][0] + 0.025, height, text, color=dark(labels[text][2]),
            transform=axes.transAxes, va="center", ha="left", fontsize="small",
        )  # fmt: skip


def dark(color: str) -> tuple[float, ...]:
    """Return a line's colour dark enough for text on white.

    Examples
    --------
    >>> [round(part, 2) for part in dark(ORANGE)]
    [0.54, 0.37, 0.0]
    """
    if not is_color_like(color):
        raise ValueError(f"color must be one of Matplotlib's; received {color!r}")
    return tuple(0.6 * part for part in to_rgb(color))


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook, described for those who cannot see it.

    Parameters
    ----------
    figure : Figure
        Is closed afterwards.
    alt : str
        What the figure shows, with the numbers that matter, made from the data. It is also what
        the tests compare: they do not look at pixels.

    Raises
    ------
    ValueError
        If ``alt`` has no number in it.

    Examples
    --------
    >>> figure, axes = plt.subplots()
    >>> _ = axes.plot([0, 1], [0, 1])
    >>> show(figure, "The identity, a line from 0 to 1.")  # doctest: +ELLIPSIS
    {'image/png': ..., 'text/plain': 'The identity, a line from 0 to 1.'}
    """
    if not isinstance(alt, str) or not any(character.isdigit() for character in alt):
        raise ValueError(f"alt must tell the figure's data in numbers; received {alt!r}")
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", metadata={"Software": None})
    plt.close(figure)
    # A palette of 256 colours looks the same and takes less than half of the notebook's space
    Image.open(full).convert("RGB").quantize(256).save(small, format="png", optimize=True)
    display(
        {"image/png": small.getvalue(), "text/plain": alt},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def show_table(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> None:
    """Show a table whose cells are texts and integers; numbers go through :func:`number` before.

    Raises
    ------
    TypeError
        If a cell is a bare float, whose digits nobody chose.

    Examples
    --------
    >>> show_table([["relu", number(0.8721, 2)]], ["activation", "accuracy"])
    activation    accuracy
    ------------  ----------
    relu          0.87
    """
    for name, values in (("rows", rows), ("columns", columns)):
        if not isinstance(values, list | tuple):
            raise TypeError(f"{name} must be a list; received {values!r}")
    for row in rows:
        if not isinstance(row, list | tuple):
            raise TypeError(f"each row must be a list; received {row!r}")
        for cell in row:
            if isinstance(cell, float | np.floating):
                raise TypeError(f"expected text made by number(); received the float {cell}")
    options = {"headers": columns, "disable_numparse": True}
    page = tabulate(rows, tablefmt="html", **options)  # type: ignore[arg-type]
    text = tabulate(rows, tablefmt="simple", **options)  # type: ignore[arg-type]
    display(_Table(page, text))


class _Table(HTML):
    def __init__(self, page: str, text: str) -> None:
        super().__init__(page)
        self.text = text

    def __repr__(self) -> str:
        return self.text


def number(value: float, digits: int = 4, noise: float = 0.0) -> str:
    """Return a number as text with so many significant digits: the digits that it promises.

    Parameters
    ----------
    value : float
    digits : int
        Significant digits; very large and very small numbers get an exponent.
    noise : float
        A value no larger than this is rounding noise, and said to be.

    Examples
    --------
    >>> number(0.12345), number(12.0), number(1234567.0), number(3e-17, noise=1e-12)
    ('0.1235', '12.00', '1.235e+06', '0 (below 1e-12)')
    """
    value, noise = as_number("value", value), as_number("noise", noise)
    if not 1 <= integer("digits", digits) <= 17:
        raise ValueError(f"digits must be in [1, 17]; received digits={digits}")
    if noise and abs(value) <= noise:
        return f"0 (below {noise:.0e})"
    if not np.isfinite(value):
        return str(value)
    exponent = 0 if value == 0 else int(f"{value:.{digits - 1}e}".split("e")[1])
    if -5 <= exponent < max(digits, 6) and digits - 1 - exponent >= 0:
        return f"{value:.{digits - 1 - exponent}f}"
    return f"{value:.{digits - 1}e}"
