"""Two tasks out of Fashion-MNIST, and what one network can take over from another."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from companion.lab.datasets import Dataset, fashion_mnist
from companion.network import Dense, Flatten, Layer, Sequential
from companion.network.layers import Function
from companion.network.pretraining import initialize_from
from companion.optimizers import GradientDescent, Optimizer

#: The hidden layers of the source's networks.
HIDDEN = (300, 100, 50, 50, 50)


class Task(NamedTuple):
    """The data of a task."""

    train: Dataset
    validation: Dataset
    test: Dataset


def split(data: Dataset, pair: tuple[int, int]) -> tuple[Dataset, Dataset]:
    """Part images into those of eight classes, task A, and those of the other two, task B.

    Parameters
    ----------
    data : Dataset
        Images of all ten classes.
    pair : two labels
        The classes of task B. The second one is its positive class.

    Returns
    -------
    a, b : Dataset
        The labels of A count its eight classes from 0 to 7; those of B are 0 and 1.

    Examples
    --------
    >>> train, *_ = fashion_mnist()
    >>> a, b = split(train, (5, 6))
    >>> len(a.images), len(b.images), sorted({int(label) for label in a.labels})
    (43986, 11014, [0, 1, 2, 3, 4, 5, 6, 7])
    """
    chosen = np.isin(data.labels, pair)
    others = [label for label in range(10) if label not in pair]
    return (
        Dataset(data.images[~chosen], np.searchsorted(others, data.labels[~chosen])),
        Dataset(data.images[chosen], (data.labels[chosen] == pair[1]).astype(np.int64)),
    )


def tasks(pair: tuple[int, int], examples: int = 55_000) -> tuple[Task, Task]:
    """Return task A, all classes but two, and task B, the two.

    Parameters
    ----------
    pair : two labels
        As in :func:`split`.
    examples : int
        How many training images, of both tasks together, to part.

    Examples
    --------
    >>> a, b = tasks((5, 6))
    >>> len(a.train.images), len(b.validation.images), len(b.test.images)
    (43986, 986, 2000)
    """
    train, validation, test = fashion_mnist()
    first = Dataset(train.images[:examples], train.labels[:examples])
    parts = [split(data, pair) for data in (first, validation, test)]
    return Task(*(a for a, _ in parts)), Task(*(b for _, b in parts))


def draw(rng: np.random.Generator, data: Dataset, examples: int) -> Dataset:
    """Return so many examples, drawn at random.

    Examples
    --------
    >>> train, *_ = fashion_mnist()
    >>> draw(np.random.default_rng(0), train, 200).images.shape
    (200, 28, 28)
    """
    chosen = rng.permutation(len(data.images))[:examples]
    return Dataset(data.images[chosen], data.labels[chosen])


def classifier(
    rng: np.random.Generator,
    outputs: int,
    hidden: Sequence[int] = HIDDEN,
    *,
    activation: Function = "selu",
    initializer: Function = "glorot_uniform",
    dtype: DTypeLike = np.float32,
) -> Sequential:
    """Return a dense network for images: the source's, unless told otherwise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Gives the network its streams.
    outputs : int
        The number of classes of a softmax; 1 gives a sigmoid for two classes.
    hidden, activation, initializer
        Of the hidden layers, bottom first.
    dtype : dtype

    Examples
    --------
    >>> model = classifier(np.random.default_rng(0), 8)
    >>> len(model.layers), model.weights.size
    (7, 276258)
    """
    layers: list[Layer] = [Flatten()]
    layers += [Dense(units, activation, initializer) for units in hidden]
    layers += [Dense(outputs, "sigmoid" if outputs == 1 else "softmax", initializer)]
    return Sequential(layers, (28, 28), rng, dtype)


def reuse(model: Sequential, source: Sequential, layers: int) -> list[Layer]:
    """Start a network's lowest layers, in place, from those of another one, and freeze them.

    Parameters
    ----------
    model : Sequential
        The new network.
    source : Sequential
        The trained one; it is not changed, and nothing is shared with it.
    layers : int
        How many layers with weights to take over, from the bottom.

    Returns
    -------
    list of Layer
        The layers taken over, bottom first, for whoever wants to unfreeze some of them.

    Examples
    --------
    >>> old, new = (classifier(np.random.default_rng(i), n, [20, 10]) for i, n in enumerate((8, 1)))
    >>> taken = reuse(new, old, 2)
    >>> [layer.trainable for layer in new.layers], new.weights.size
    ([True, False, False, True], 11)
    """
    weighted = [layer for layer in source.layers if layer.weights]
    initialize_from(model, weighted[:layers])
    taken = [layer for layer in model.layers if layer.weights][:layers]
    for layer in taken:
        layer.trainable = False
    return taken


def adapt(
    model: Sequential,
    taken: Sequence[Layer],
    data: Dataset,
    *,
    rate: float,
    epochs: int = 20,
    thawed: int | None = None,
    head_epochs: int = 4,
    head_rate: float = 0.01,
) -> Sequential:
    """Train a network on a small task by gradient descent, with frozen layers thawed on the way.

    Parameters
    ----------
    model : Sequential
        Is trained, in place, in batches of 32.
    taken : sequence of Layer
        Its frozen layers, as :func:`reuse` returned them; none: it is trained from scratch.
    data : Dataset
    rate : float
        The learning rate; that of the second phase, if there are two.
    epochs : int
        Of both phases together, so that all ways take the same number of steps.
    thawed : int or None
        How many of the frozen layers to unfreeze for the second phase, from the top; None: all
        of them; 0: there is one phase only.
    head_epochs, head_rate
        Length and learning rate of the first phase; 0 epochs leave it out.

    Returns
    -------
    Sequential
        The model.

    Examples
    --------
    >>> _, b = tasks((5, 6))
    >>> data = Dataset(b.train.images[:200], b.train.labels[:200])
    >>> model = adapt(classifier(np.random.default_rng(0), 1, [50]), [], data, rate=0.03)
    >>> model.evaluate(*b.test)[1] > 0.95
    True
    """
    thawed = len(taken) if thawed is None else thawed
    if thawed:
        head = Optimizer(GradientDescent(), head_rate)
        model.fit(*data, optimizer=head, epochs=head_epochs)
        epochs -= head_epochs
        for layer in taken[len(taken) - thawed :]:
            layer.trainable = True
    model.fit(*data, optimizer=Optimizer(GradientDescent(), rate), epochs=epochs)
    return model


def best_of(
    train: Callable[[float], Sequential], rates: Iterable[float], task: Task
) -> tuple[float, float]:
    """Train with each learning rate, and score the network that does best on validation images.

    Parameters
    ----------
    train : callable
        From a learning rate to a trained network.
    rates : iterable of float
        The grid, the same for all ways that are compared.
    task : Task
        Its validation images choose, its test images score.

    Returns
    -------
    accuracy : float
        On the test images, of the chosen network alone.
    rate : float
        The learning rate chosen; of equally good ones the first.

    Examples
    --------
    >>> _, b = tasks((5, 6))
    >>> data = Dataset(b.train.images[:100], b.train.labels[:100])
    >>> accuracy, rate = best_of(
    ...     lambda rate: adapt(classifier(np.random.default_rng(0), 1, [9]), [], data, rate=rate),
    ...     [1e-5, 0.03], b)
    >>> rate, accuracy > 0.9
    (0.03, True)
    """
    scored = []
    for rate in rates:
        model = train(rate)
        with np.errstate(over="ignore", invalid="ignore"):
            scored.append((model.evaluate(*task.validation)[1], model, rate))
    _, model, rate = max(scored, key=lambda entry: entry[0])
    return model.evaluate(*task.test)[1], rate
