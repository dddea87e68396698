"""Two tasks out of Fashion-MNIST, and what one network can take over from another."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from companion._checks import (
    check_function,
    check_instance,
    check_learning_rate,
    check_rng,
    check_sizes,
    check_units,
    integer,
    numbers,
)
from companion.initializers import glorot_uniform
from companion.lab.datasets import Dataset, fashion_mnist
from companion.network import Activation, Dense, Flatten, Layer, Sequential
from companion.network.layers import Array, Function, Shape
from companion.network.pretraining import initialize_from
from companion.optimizers import GradientDescent, Optimizer

#: The hidden layers of the source's networks.
HIDDEN = (300, 100, 50, 50, 50)


class Task(NamedTuple):
    """The data of a task."""

    #: to train on
    train: Dataset
    #: to choose by
    validation: Dataset
    #: to be looked at once
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
    _check_data(data)
    labels = numbers("pair", pair)
    if labels.shape != (2,) or labels[0] == labels[1] or not np.isin(labels, range(10)).all():
        raise ValueError(f"pair must be two labels; received pair={pair!r}")
    chosen = np.isin(data.labels, labels)
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
    check_rng(rng)
    _check_data(data)
    if integer("examples", examples) < 0:
        raise ValueError(f"examples must be at least 0; received examples={examples}")
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
    (7, 276158)
    """
    check_sizes("hidden", hidden)
    check_units(outputs)
    layers: list[Layer] = [Flatten()]
    layers += [Dense(units, activation, initializer) for units in hidden]
    layers += [Dense(outputs, "sigmoid" if outputs == 1 else "softmax", initializer)]
    return Sequential(layers, (28, 28), rng, dtype)


class Conv2D(Activation):
    r"""A convolution without padding, as one matrix product over all patches.

    .. math:: z_{rcf} = b_f + \sum_{i,j,k} x_{rs+i,\, cs+j,\, k}\, W_{ijkf}, \qquad a = f(z)

    Parameters
    ----------
    filters : int
        How many outputs each place has.
    size : int
        Rows and columns of the kernel.
    stride : int
        How far apart the places are, :math:`s`.
    activation : str or callable or None
        :math:`f`, as in :class:`companion.network.Dense`.

    Notes
    -----
    The kernel has Keras's layout, (size, size, channels, filters), and Keras's default start,
    Glorot uniform. An image without channels has one.

    Examples
    --------
    >>> model = Sequential([Conv2D(4, 5, 2, "relu")], (28, 28), np.random.default_rng(0))
    >>> model.output_shape, model.weights.size
    ((12, 12, 4), 104)
    """

    def __init__(self, filters: int, size: int, stride: int, activation: Function | None) -> None:
        super().__init__(activation)
        for name, value in (("filters", filters), ("size", size), ("stride", stride)):
            if integer(name, value) < 1:
                raise ValueError(f"{name} must be at least 1; received {name}={value}")
        self.filters, self.size, self.stride = filters, size, stride

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Draw the kernel; the biases are zeros."""
        rows, columns, channels = (*super().build(input_shape, rng, dtype), 1)[:3]
        shape = (self.size, self.size, channels, self.filters)
        self.weights["kernel"] = glorot_uniform(rng, shape, dtype=dtype)
        self.weights["bias"] = np.zeros(self.filters, dtype)
        self.places = [(n - self.size) // self.stride + 1 for n in (rows, columns)]
        return (*self.places, self.filters)

    def preactivate(self, x: Array) -> Array:
        """Return z, patch times kernel plus bias at each place."""
        self.x = x.reshape(*x.shape[:3], -1)
        windows = sliding_window_view(self.x, (self.size, self.size), axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride].transpose(0, 1, 2, 4, 5, 3)
        kernel = self.weights["kernel"].reshape(-1, self.filters)
        self.patches = windows.reshape(-1, len(kernel))
        z = self.patches @ kernel + self.weights["bias"]
        self.z = z.reshape(len(x), *self.places, self.filters)
        return self.z

    def backward_preactivation(self, dz: Array, input_gradient: bool = True) -> Array:
        """Fill the gradients; give each pixel what the patches that hold it send back."""
        self.dz, flat = dz, dz.reshape(-1, self.filters)
        kernel = self.weights["kernel"]
        if self.trainable:
            self.gradients["kernel"][...] = (self.patches.T @ flat).reshape(kernel.shape)
            self.gradients["bias"][...] = flat.sum(axis=0)
        if not input_gradient:
            return dz
        sent = flat @ kernel.reshape(-1, self.filters).T
        sent = sent.reshape(*dz.shape[:3], self.size, self.size, -1)
        dx = np.zeros_like(self.x)
        (rows, columns), stride = self.places, self.stride
        for i in range(self.size):
            for j in range(self.size):
                across = slice(j, j + stride * columns, stride)
                dx[:, i : i + stride * rows : stride, across] += sent[:, :, :, i, j]
        return dx.reshape(len(dx), *(self.input_shape or ()))

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in ("filters", "size", "stride", "activation")}


def convolutional(
    rng: np.random.Generator, outputs: int, *, dtype: DTypeLike = np.float32
) -> Sequential:
    """Return a small convolutional network for images, as costly as the dense one.

    Two convolutions of stride 2 with 16 and 32 filters, a dense layer of 64 units, all ReLU, and
    the output layer of :func:`classifier`.

    Examples
    --------
    >>> convolutional(np.random.default_rng(0), 8).weights.size
    56840
    """
    check_units(outputs)
    output = Dense(outputs, "sigmoid" if outputs == 1 else "softmax")
    layers = [Conv2D(16, 5, 2, "relu"), Conv2D(32, 3, 2, "relu"), Flatten(), Dense(64, "relu")]
    return Sequential([*layers, output], (28, 28), rng, dtype)


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
    weighted = [source.layers[i] for i in _weighted(source, layers)]
    _weighted(model, layers)
    initialize_from(model, weighted[:layers])
    taken = [layer for layer in model.layers if layer.weights][:layers]
    for layer in taken:
        layer.trainable = False
    return taken


def part(model: Sequential, layers: int) -> tuple[Sequential, Sequential]:
    """Return the lower and the upper part of a network, as two networks of their own.

    The outputs of the lower part, computed once, are what the upper one trains on.

    Parameters
    ----------
    model : Sequential
        Is not changed, and shares nothing with the parts.
    layers : int
        How many layers with weights the lower part has.

    Examples
    --------
    >>> model = classifier(np.random.default_rng(0), 1, [20, 10])
    >>> base, top = part(model, 1)
    >>> images = fashion_mnist()[1].images[:5]
    >>> bool(np.allclose(top.predict(base.predict(images)), model.predict(images), atol=1e-6))
    True
    """
    weighted = _weighted(model, layers)
    if not 0 < layers < len(weighted):
        raise ValueError(f"layers must be in [1, {len(weighted)}); received layers={layers}")
    shape, parts = model.input_shape, []
    for group in (model.layers[: weighted[layers]], model.layers[weighted[layers] :]):
        new = [type(layer)(**layer.configuration()) for layer in group]
        network = Sequential(new, shape, np.random.default_rng(0), model.dtype)
        initialize_from(network, group)
        shape = network.output_shape
        parts.append(network)
    return parts[0], parts[1]


def _weighted(model: Sequential, layers: int) -> list[int]:
    """Return the places of a network's layers with weights, of which there must be some."""
    if not isinstance(model, Sequential):
        raise TypeError(f"expected a Sequential; received {model!r}")
    weighted = [i for i, layer in enumerate(model.layers) if layer.weights]
    if not 0 <= integer("layers", layers) <= len(weighted):
        raise ValueError(f"layers must be in [0, {len(weighted)}]; received layers={layers}")
    return weighted


def _check_data(data: Dataset) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a Dataset; received {type(data).__name__}")


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
    _weighted(model, 0)
    _check_data(data)
    if not isinstance(taken, list | tuple) or not all(isinstance(one, Layer) for one in taken):
        raise TypeError(f"taken must be a list of layers; received {taken!r}")
    thawed = len(taken) if thawed is None else integer("thawed", thawed)
    if not 0 <= thawed <= len(taken):
        raise ValueError(f"thawed must be in [0, {len(taken)}]; received thawed={thawed}")
    if thawed and integer("epochs", epochs) < integer("head_epochs", head_epochs):
        raise ValueError(f"epochs must be at least head_epochs; received {epochs}, {head_epochs}")
    check_learning_rate(rate)
    if thawed:
        head = Optimizer(GradientDescent(), head_rate)
        model.fit(*data, optimizer=head, epochs=head_epochs)
        epochs -= head_epochs
        for layer in taken[len(taken) - thawed :]:
            layer.trainable = True
    model.fit(*data, optimizer=Optimizer(GradientDescent(), rate), epochs=epochs)
    return model


def best_of(
    train: Callable[[float], Sequential], rates: Sequence[float], task: Task
) -> tuple[float, float]:
    """Train with each learning rate, and score the network that does best on validation images.

    Parameters
    ----------
    train : callable
        From a learning rate to a trained network.
    rates : sequence of float
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
    check_function("train", train)
    grid = numbers("rates", rates)
    if grid.ndim != 1 or not len(grid):
        raise ValueError(f"rates must be a row of one rate or more; received {rates}")
    check_instance("task", task, Task)
    scored = []
    for rate in grid.tolist():
        model = train(rate)
        if not isinstance(model, Sequential):
            raise TypeError(f"train must return a Sequential; received {model!r}")
        with np.errstate(over="ignore", invalid="ignore"):
            scored.append((model.evaluate(*task.validation)[1], model, rate))
    _, model, rate = max(scored, key=lambda entry: entry[0])
    return model.evaluate(*task.test)[1], rate
