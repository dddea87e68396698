r"""How fast companion is, beside Keras, PyTorch and the machine's own limits.

``python -m companion.lab.bench`` measures, prints tables of ratios, and writes what the book's page
"How fast is it" shows: the seconds (JSON), the tables and the figure. It takes a quarter of an hour
and wants the machine for itself; ``--quick`` takes seconds and writes nothing unless told where.

Everything compared is measured in one run, in turn, repeatedly: what disturbs the machine meets
all contenders alike. Seconds are compared only with seconds of the same run.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module, metadata
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
from joblib import cpu_count
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike
from tabulate import tabulate

import companion
from companion import fused
from companion.lab import BOOK, plots
from companion.lab._machine import processor
from companion.lab.datasets import fashion_mnist
from companion.lab.experiments import run
from companion.lab.networks import mlp
from companion.lab.threads import ONE_THREAD
from companion.network import Dense, Sequential
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
    Rule,
)

#: Where the book's page finds its numbers.
FOLDER = BOOK / "speed"

RATE = 0.001
LAYERS = (784, 300, 100, 10)
BATCH = 32
STEPS = 5  # of a deep network, timed together

# Each rule with its name and arguments in Keras and in PyTorch, and how often its update goes
# through an array of the weights' size: reads and writes weights and state, reads the gradient.
_SGD: dict[str, dict[str, Any]] = {
    "GradientDescent": {},
    "Momentum": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.9, "nesterov": True},
}


class _Contest(NamedTuple):
    rule: Rule
    keras: str
    torch: str
    arrays: int


RULES = {
    "GradientDescent": _Contest(GradientDescent(), "SGD", "SGD", 3),
    "Momentum": _Contest(Momentum(), "SGD", "SGD", 5),
    "Nesterov": _Contest(Nesterov(), "SGD", "SGD", 5),
    "AdaGrad": _Contest(AdaGrad(), "Adagrad", "Adagrad", 5),
    "RMSProp": _Contest(RMSProp(), "RMSprop", "RMSprop", 5),
    "Adam": _Contest(Adam(), "Adam", "Adam", 7),
    "AdaMax": _Contest(AdaMax(), "Adamax", "Adamax", 7),
    "Nadam": _Contest(Nadam(), "Nadam", "NAdam", 7),
    "AdamW": _Contest(AdamW(), "AdamW", "AdamW", 7),
}

Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    repeats : int
        How often each contender's turn comes; medians are compared.
    rules : sequence of str
        Names of :data:`RULES`.
    images : int
        Images in an epoch.
    sizes, depths, batches, data, seeds : sequences of int
        The weights of updates alone; what growth is measured over.
    """

    repeats: int = 3
    rules: Sequence[str] = tuple(RULES)
    images: int = 55_000
    sizes: Sequence[int] = (10_000, 100_000, 1_000_000, 10_000_000)
    depths: Sequence[int] = (10, 30, 100, 300, 1000)
    batches: Sequence[int] = (1, 4, 16, 32, 64, 256, 1024, 4096)
    data: Sequence[int] = (1_000, 3_000, 10_000, 30_000, 55_000)
    seeds: Sequence[int] = (1, 2, 4, 8)


QUICK = Plan(
    repeats=1,
    rules=("GradientDescent",),
    images=640,
    sizes=(1_000, 10_000),
    depths=(5, 20),
    batches=(32, 64),
    data=(320, 640),
    seeds=(1, 2),
)


def take_turns(contenders: Mapping[str, Callable[[], Any]], repeats: int) -> Seconds:
    """Time functions in turn.

    Examples
    --------
    >>> calls = []
    >>> seconds = take_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    >>> calls, [len(values) for values in seconds.values()]
    (['a', 'b', 'b', 'a'], [2, 2])
    """
    seconds: Seconds = {name: [] for name in contenders}
    for repeat in range(repeats):
        for name in list(contenders)[:: (-1) ** repeat]:
            start = time.perf_counter()
            contenders[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def exponent(x: ArrayLike, y: ArrayLike) -> float:
    r"""Return the :math:`p` of the power law :math:`y = c x^p` fitted to points.

    Examples
    --------
    >>> round(exponent([1, 2, 4], [3, 6, 12]), 3)
    1.0
    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


# Training


def training(plan: Plan) -> dict[str, Seconds]:
    """Time an epoch of the 784-300-100-10 network with each rule, in each library."""
    x, y = fashion_mnist()[0]
    short = 50 * BATCH + plan.images % BATCH  # to compile, for the last batch's size too
    measured = {}
    for name in plan.rules:
        contenders: dict[str, Callable[[int], Any]] = {
            "companion": companion_epoch(name, x, y),
            "in blocks": partial(in_blocks, companion_epoch(name, x, y)),
            "products": products,
            "Keras": keras_epoch(name, x, y, "auto"),
            "Keras, jit_compile": keras_epoch(name, x, y, True),
            **torch_epochs(name, x, y),
        }
        for epoch in contenders.values():
            epoch(short)
        measured[name] = take_turns(
            {label: partial(epoch, plan.images) for label, epoch in contenders.items()},
            plan.repeats,
        )
        _report(f"an epoch with {name}", measured[name])
    return measured


def training_on_one_thread(plan: Plan) -> dict[str, Seconds]:
    """Time the same epochs in a process whose libraries use one thread each."""
    with (
        mock.patch.dict(os.environ, ONE_THREAD),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(_compiled_from_the_start, training, plan).result()


def _compiled_from_the_start(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in which optimizers use compiled loops however short a training is."""
    with mock.patch.object(fused, "WORTHWHILE", 0):
        return function(*arguments)


def companion_epoch(
    name: str, x: np.ndarray, y: np.ndarray, batch_size: int = BATCH
) -> Callable[[int], Any]:
    """Return a function that trains a network of ours for an epoch of so many images."""
    model = mlp(np.random.default_rng(0), LAYERS[1:-1], "relu", "he_normal", dtype=np.float32)
    optimizer = Optimizer(RULES[name].rule, RATE)
    return lambda n: model.fit(x[:n], y[:n], optimizer=optimizer, epochs=1, batch_size=batch_size)


def in_blocks(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function in which optimizers do without compiled loops."""
    with mock.patch.object(fused, "WORTHWHILE", np.inf):
        function(*arguments)


def products(images: int) -> None:
    """Compute the matrix products of an epoch and nothing else."""
    rng = np.random.default_rng(0)
    shapes = list(pairwise(LAYERS))
    kernels = [rng.random(shape, dtype=np.float32) for shape in shapes]
    gradients = [np.empty_like(kernel) for kernel in kernels]
    inputs = [rng.random((BATCH, rows), dtype=np.float32) for rows, _ in shapes]
    deltas = [rng.random((BATCH, columns), dtype=np.float32) for _, columns in shapes]

    for _ in range(0, images, BATCH):
        for x, kernel in zip(inputs, kernels, strict=True):
            x @ kernel
        for x, delta, gradient in zip(inputs, deltas, gradients, strict=True):
            np.matmul(x.T, delta, out=gradient)
        for delta, kernel in zip(deltas[1:], kernels[1:], strict=True):
            delta @ kernel.T


def keras_epoch(name: str, x: np.ndarray, y: np.ndarray, jit_compile: Any) -> Callable[[int], Any]:
    """Return a function that trains a network of Keras for an epoch of so many images."""
    import keras

    hidden = [
        keras.layers.Dense(units, "relu", kernel_initializer="he_normal") for units in LAYERS[1:-1]
    ]
    output = keras.layers.Dense(LAYERS[-1], "softmax")
    model = keras.Sequential(
        [keras.layers.Input((28, 28)), keras.layers.Flatten(), *hidden, output]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=_keras_optimizer(name),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    return lambda n: model.fit(x[:n], y[:n], batch_size=BATCH, epochs=1, verbose=0)


def _keras_optimizer(name: str) -> Any:
    import keras

    return getattr(keras.optimizers, RULES[name].keras)(learning_rate=RATE, **_SGD.get(name, {}))


def torch_epochs(name: str, x: np.ndarray, y: np.ndarray) -> dict[str, Callable[[int], Any]]:
    """Return functions that train a network of PyTorch; none if it is missing."""
    torch = _torch()
    if torch is None:
        return {}
    images, labels = torch.from_numpy(x.copy()), torch.from_numpy(y.copy())

    def epoch(model: Any, optimizer: Any, n: int) -> None:
        losses, correct = torch.zeros(()), torch.zeros(())
        for batch in torch.randperm(n).split(BATCH):
            targets = labels[batch]
            z = model(images[batch])
            loss = torch.nn.functional.cross_entropy(z, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                losses += loss * len(batch)
                correct += (z.argmax(1) == targets).sum()

    contenders: dict[str, Callable[[int], Any]] = {}
    for label in TORCH_MODES:
        layers = [torch.nn.Flatten()]
        for rows, columns in pairwise(LAYERS):
            layers += [torch.nn.Linear(rows, columns), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = _torch_optimizer(name, label, model.parameters())
        if optimizer is not None:
            contenders[label] = partial(epoch, model, optimizer)
    return contenders


TORCH_MODES: dict[str, dict[str, bool]] = {"PyTorch": {}, "PyTorch, fused": {"fused": True}}


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        return None


def _torch_optimizer(name: str, label: str, parameters: Any) -> Any:
    """Return an optimizer of PyTorch, or None if it has no fused form."""
    arguments = {"lr": RATE, **_SGD.get(name, {}), **TORCH_MODES[label]}
    try:
        return getattr(_torch().optim, RULES[name].torch)(parameters, **arguments)
    except TypeError:
        return None


# Updates alone


def updates(plan: Plan) -> dict[str, dict[str, Seconds]]:
    """Time one step of each rule on weights of several numbers, without a network."""
    measured: dict[str, dict[str, Seconds]] = {}
    for name in plan.rules:
        measured[name] = {}
        for size in plan.sizes:
            calls = int(np.clip(1_000_000 / size, 1, 100))
            contenders = {
                label: _times(calls, step) for label, step in _updates(name, size).items()
            }
            take_turns(contenders, 1)
            seconds = take_turns(contenders, 2 * plan.repeats + 1)
            here = {label: [value / calls for value in seconds[label]] for label in seconds}
            measured[name][str(size)] = here
            _report(f"{size:,} weights with {name}", here)
    return measured


def _times(calls: int, function: Callable[[], Any]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(calls):
            function()

    return repeated


def _updates(name: str, size: int) -> dict[str, Callable[[], Any]]:
    rule, *_, arrays = RULES[name]
    gradient = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    one, other = gradient.copy(), gradient.copy()

    def copies() -> None:
        """Go through as many arrays as the rule does; a copy reads one and writes one."""
        for _ in range(arrays // 2):
            np.copyto(one, other)
        np.copyto(one[: size // 2], other[: size // 2])  # half a copy: the number is odd

    def steps() -> Callable[[], None]:
        return partial(Optimizer(rule, RATE).step, gradient.copy(), gradient)

    contenders: dict[str, Callable[[], Any]] = {
        "companion": steps(),
        "in blocks": partial(in_blocks, steps()),
        "copies": copies,
        "Keras": _keras_update(name, gradient, False),
        "Keras, jit_compile": _keras_update(name, gradient, True),
    }
    if (torch := _torch()) is not None:
        for label in TORCH_MODES:
            weights = torch.from_numpy(gradient.copy()).requires_grad_()
            weights.grad = torch.from_numpy(gradient)
            optimizer = _torch_optimizer(name, label, [weights])
            if optimizer is not None:
                contenders[label] = optimizer.step
    return contenders


def _keras_update(name: str, gradient: np.ndarray, jit_compile: bool) -> Callable[[], Any]:
    import keras
    import tensorflow as tf

    weights, given, optimizer = (
        keras.Variable(gradient),
        tf.constant(gradient),
        _keras_optimizer(name),
    )
    optimizer.build([weights])
    return tf.function(lambda: optimizer.apply([given], [weights]), jit_compile=jit_compile)


# Growth


def growth(plan: Plan) -> dict[str, Seconds]:
    """Time gradient descent while one thing grows: depth, batch size, images, seeds."""
    x, y = fashion_mnist()[0]
    train = partial(companion_epoch, "GradientDescent", x, y)
    contenders: dict[str, dict[str, Callable[[], Any]]] = {
        "layers": {str(depth): _step(depth) for depth in plan.depths},
        "batch size": {str(b): partial(train(b), plan.images // 5) for b in plan.batches},
        "images": {str(n): partial(train(), n) for n in plan.data},
        "seeds": {
            f"{n} {where}": partial(function, n, plan.images)
            for n in plan.seeds
            for where, function in SEEDS.items()
        },
    }
    measured = {}
    for what, functions in contenders.items():
        take_turns(dict(list(functions.items())[:3]), 1)  # workers start, loops are compiled
        measured[what] = take_turns(functions, plan.repeats + 2 * (what == "layers"))
        _report(f"with {what}", measured[what])
    return measured


def _step(depth: int) -> Callable[[], None]:
    """Return a function that takes some steps with a network of so many layers of 100 units."""
    rng = np.random.default_rng(0)
    layers = [Dense(100, "relu", "he_normal") for _ in range(depth - 1)]
    model = Sequential([*layers, Dense(10, "softmax")], (100,), rng)
    x, y = rng.random((BATCH, 100), dtype=np.float32), rng.integers(0, 10, BATCH)
    optimizer = Optimizer(GradientDescent(), RATE)

    def step() -> None:
        model.differentiate(x, y)
        optimizer.step(model.weights, model.gradient)

    return _times(STEPS, step)


def _train(seed: int, seeds: int, images: int) -> dict[str, float]:
    """Train networks of several seeds in a row, an epoch each."""
    x, y = fashion_mnist()[0]
    for _ in range(seeds):
        companion_epoch("GradientDescent", x, y)(images)
    return {}


def _in_a_row(seeds: int, images: int) -> None:
    run(_train, {"": {"seeds": seeds, "images": images}}, [0], progress=False)


def _over_the_cores(seeds: int, images: int) -> None:
    run(_train, {"": {"seeds": 1, "images": images}}, range(seeds), progress=False)


def _in_one_process(seeds: int, images: int) -> None:
    _train(0, seeds, images)


#: Ways to train several seeds: in one worker of one thread, in a worker a core, and in this
#: process, which has a thread a core for each product.
SEEDS: dict[str, Callable[[int, int], None]] = {
    "in a row": _in_a_row,
    "over the cores": _over_the_cores,
    "in one process": _in_one_process,
}


# What it says


def _report(title: str, seconds: Seconds) -> None:
    """Print the medians of some contenders as they come in."""
    values = ", ".join(f"{name} {np.median(values):.3g}" for name, values in seconds.items())
    print(f"{title} (s): {values}", flush=True)


def ratio(seconds: Seconds, above: str, below: str) -> float:
    """Return the ratio of two contenders' medians, NaN if the first was not measured.

    Examples
    --------
    >>> ratio({"Keras": [4.0, 9.0, 3.9], "companion": [1.0, 1.0, 1.0]}, "Keras", "companion")
    4.0
    """
    return float(np.median(seconds.get(above, np.nan)) / np.median(seconds[below]))


def better(seconds: Seconds, library: str) -> float:
    """Return how many times as long as companion a library takes in its better mode.

    Examples
    --------
    >>> seconds = {"Keras": [4.0], "Keras, jit_compile": [3.0], "companion": [1.0]}
    >>> better(seconds, "Keras")
    3.0
    """
    modes = [ratio(seconds, name, "companion") for name in seconds if name.startswith(library)]
    return min(modes, default=np.nan)


def tables(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the tables of the book's page, and its summary, by name in Markdown."""
    updates, growth = results["updates"], results["growth"]
    sizes = list(next(iter(updates.values())))
    counts = sorted({int(name.split()[0]) for name in growth["seeds"]})

    def of_updates(value: Callable[[Seconds], float]) -> str:
        rows = [[name, *(value(seconds[n]) for n in sizes)] for name, seconds in updates.items()]
        return _table(["rule", *(f"{int(n):,}" for n in sizes)], rows)

    return {
        "summary": _summary(results),
        "training": _training_table(results["training"]),
        "training-one-thread": _training_table(results["training on one thread"]),
        "updates-keras": of_updates(partial(better, library="Keras")),
        "updates-blocks": of_updates(partial(ratio, above="in blocks", below="companion")),
        "updates-copies": of_updates(partial(ratio, above="companion", below="copies")),
        "growth": _table(
            ["what grows", "from", "to", "exponent"],
            [
                [what, f"{x[0]:,}", f"{x[-1]:,}", exponent(x, y)]
                for what in ("layers", "images")
                for x, y in [_points(growth[what])]
            ],
        ),
        "seeds": _table(
            ["seeds", "over the cores / in a row", "over the cores / in one process"],
            [
                [
                    str(n),
                    ratio(growth["seeds"], f"{n} over the cores", f"{n} in a row"),
                    ratio(growth["seeds"], f"{n} over the cores", f"{n} in one process"),
                ]
                for n in counts
            ],
        ),
        "machine": _table(["", ""], list(results["machine"].items())),
    }


def _training_table(training: Mapping[str, Seconds]) -> str:
    others = ["in blocks", "Keras", "Keras, jit_compile", *TORCH_MODES]
    columns = ["rule", "companion (s)", "over products"]
    rows = [
        [
            name,
            float(np.median(seconds["companion"])),
            ratio(seconds, "companion", "products"),
            *(ratio(seconds, contender, "companion") for contender in others),
        ]
        for name, seconds in training.items()
    ]
    return _table([*columns, *others], rows)


def _summary(results: Mapping[str, Any]) -> str:
    training, alone = results["training"], results["training on one thread"]
    seeds = results["growth"]["seeds"]

    def span(values: Mapping[str, float]) -> str:
        low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
        return f"{values[low]:.1f} ({low}) to {values[high]:.1f} ({high})"

    def both(value: Callable[[Seconds], float]) -> str:
        """Say it for both cores and for one thread."""
        spans = (
            span({name: value(seconds) for name, seconds in rules.items()})
            for rules in (training, alone)
        )
        return " times as long as {}; on one thread, ".join(spans) + " times"

    sentences = []
    for library in ("Keras", "PyTorch"):
        if not any(np.isnan(better(seconds, library)) for seconds in training.values()):
            longer = both(partial(better, library=library)).format("companion")
            sentences.append(f"For an epoch {library} takes, in the better of its modes, {longer}.")
    longer = both(partial(ratio, above="companion", below="products"))
    sentences.append(f"Companion takes {longer.format('the matrix products alone')}.")
    share = ratio(seeds, "2 over the cores", "2 in a row")
    sentences.append(f"Two seeds over the cores take {share:.2f} of the time of two in a row.")
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [
        [("-" if np.isnan(c) else f"{c:.2f}") if isinstance(c, float) else c for c in row]
        for row in rows
    ]
    align = ["left", *["right"] * (len(columns) - 1)]
    return tabulate(cells, columns, "github", disable_numparse=True, colalign=align)


def _points(seconds: Seconds, ending: str = "") -> tuple[list[int], list[float]]:
    """Return what grew and the median seconds."""
    names = [name for name in seconds if name.endswith(ending)]
    return [int(n.split()[0]) for n in names], [float(np.median(seconds[n])) for n in names]


def draw(results: Mapping[str, Any]) -> tuple[Figure, str]:
    """Draw how cost grows; return the figure and its text for those who cannot see it."""
    growth = results["growth"]
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), squeeze=True)
    alt = []
    for panel, what, unit in (
        (axes[0, 0], "layers", "ms a step"),
        (axes[0, 1], "images", "s an epoch"),
        (axes[1, 0], "batch size", "µs an image"),
    ):
        x, y = _points(growth[what])
        scale = {"layers": 1e3 / STEPS, "images": 1.0}.get(what, 1e6 / results["images"])
        scaled = scale * np.array(y)
        panel.loglog(x, scaled, "o-", color=plots.BLUE)
        panel.set(xlabel=what, ylabel=unit)
        alt.append(f"{what} {x[0]:,} to {x[-1]:,}: {scaled[0]:.3g} to {scaled[-1]:.3g} {unit}")
        if what != "batch size":
            panel.set_title(f"exponent {exponent(x, y):.2f}")
    colors = (plots.VERMILION, plots.GREEN, plots.PURPLE)
    for (where, _), color, marker in zip(SEEDS.items(), colors, "s^D", strict=True):
        x, y = _points(growth["seeds"], where)
        axes[1, 1].loglog(x, y, f"{marker}-", color=color, label=where)
        alt.append(f"{x[-1]} seeds {where}: {y[-1]:.3g} s")
    axes[1, 1].set(xlabel="seeds", ylabel="s an epoch of all")
    for axis in (axes[1, 1].xaxis, axes[1, 1].yaxis):  # about a decade: every label is written out
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes[1, 1].legend(fontsize="small")
    return figure, "How cost grows. " + "; ".join(alt) + "."


def machine() -> dict[str, str]:
    """Return what was measured on, and with which versions."""
    versions = {}
    for name in ("numpy", "numba", "keras", "tensorflow", "torch"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": processor(),
        "cores": str(cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "companion": companion.__version__,
        **versions,
    }


def measure(plan: Plan) -> dict[str, Any]:
    """Measure everything; seconds by contender, with the machine that took them."""
    # As Keras compiles its function before the first step that counts, so are the loops here.
    return {
        "machine": machine(),
        "images": plan.images // 5,
        "training": _compiled_from_the_start(training, plan),
        "training on one thread": training_on_one_thread(plan),
        "updates": _compiled_from_the_start(updates, plan),
        "growth": _compiled_from_the_start(growth, plan),
    }


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write what the book's page shows: seconds, tables, and the figure with its text.

    The files belong together: each replaces an older one when all of them are complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.md": table + "\n" for name, table in tables(results).items()}
    seconds = json.dumps(results, indent=1, default=lambda seconds: round(seconds, 6))
    texts["seconds.json"] = seconds + "\n"
    with plt.rc_context(plots.STYLE), TemporaryDirectory(dir=folder, prefix=".part-") as part:
        figure, alt = draw(results)
        texts["figure.md"] = f"```{{figure}} speed/growth.png\n:alt: {alt}\n```\n"
        for name, text in texts.items():
            Path(part, name).write_text(text, encoding="utf-8")
        picture = Path(part, "growth.png")
        figure.savefig(picture, metadata={"Software": None, "Description": alt})
        plt.close(figure)
        for file in Path(part).iterdir():
            file.replace(folder / file.name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m companion.lab.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")
    parser.add_argument("--output", type=Path, help=f"folder (without --quick: {FOLDER})")
    given = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded
    if os.getloadavg()[0] > 0.5 and not given.quick:
        print("Other processes are busy: two threads each slow all down, and ratios will not hold.")
    folder = given.output or (None if given.quick else FOLDER)
    if folder is not None:  # known now, not in a quarter of an hour
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryDirectory(dir=folder).cleanup()
    results = measure(QUICK if given.quick else Plan())
    for name, text in tables(results).items():
        print(f"\n{name}\n\n{text}")
    if folder is not None:
        write(results, folder)


if __name__ == "__main__":
    main()
