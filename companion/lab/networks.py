"""The networks that recur in the experiments, and how they are trained and scored."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from companion._checks import check_one_of, check_sizes, number
from companion.clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from companion.lab.datasets import fashion_mnist
from companion.network import Callback, Dense, Flatten, Layer, Sequential
from companion.network.layers import Array, Function
from companion.optimizers import Optimizer

# As in `fit`: from all gradients to the clipped ones.
Clip = Callable[[list[Array]], list[Array]]


def mlp(
    rng: np.random.Generator,
    hidden: Sequence[int],
    activation: Function | Callable[[], Layer] | None,
    initializer: Function,
    *,
    dtype: DTypeLike = np.float64,
) -> Sequential:
    """Return a classifier of Fashion-MNIST with dense hidden layers.

    Parameters
    ----------
    rng : numpy.random.Generator
        Gives the network its streams.
    hidden : sequence of int
        The units of each hidden layer, bottom first.
    activation, initializer : str or callable
        Of the hidden layers, as in :class:`companion.network.Dense`. The output layer is always
        softmax with Glorot uniform weights, so that only hidden layers are compared. An
        activation that learns is given by its class, ``PReLU``, or by a ``functools.partial``
        of it, ``partial(PReLU, alpha=0.25)``; each dense layer is followed by one.
    dtype : dtype
        float64, so that printed digits hold on other processors; studies take float32.

    Examples
    --------
    >>> model = mlp(np.random.default_rng(0), [300, 100], "relu", "he_normal")
    >>> len(model.layers), model.weights.size
    (4, 266610)
    """
    check_sizes("hidden", hidden)
    layers: list[Layer] = [Flatten()]
    for units in hidden:
        if _makes_layers(activation):
            layers += [Dense(units, None, initializer), activation()]
        else:
            layers += [Dense(units, activation, initializer)]
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, dtype)


def _makes_layers(activation: Any) -> TypeGuard[Callable[[], Layer]]:
    made = activation.func if isinstance(activation, partial) else activation
    return isinstance(made, type) and issubclass(made, Layer)


def clipping(kind: str, limit: float | None = None) -> Clip:
    """Return what ``fit`` takes as ``clip``: a function from all gradients to the clipped ones.

    Parameters
    ----------
    kind : str
        "value" or "norm", each gradient for itself; "global norm", all together; or "none".
    limit : float
        The threshold, as in :mod:`companion.clipping`.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there is no such kind, or it lacks its limit.

    Examples
    --------
    >>> [gradient.tolist() for gradient in clipping("norm", 5.0)([np.array([6.0, 8.0])])]
    [[3.0, 4.0]]
    """
    check_one_of("kind", kind, ("value", "norm", "global norm", "none"))
    if kind == "none":
        return list
    each = {"value": clip_by_value, "norm": clip_by_norm}
    if limit is None:
        raise ValueError(f"{kind} needs a limit; received none")
    if not 0 < number("limit", limit) < math.inf:
        raise ValueError(f"limit must be positive and finite; received limit={limit}")
    if kind == "global norm":
        return partial(clip_by_global_norm, limit=limit)
    return lambda gradients: [each[kind](gradient, limit) for gradient in gradients]


class StepsToReach(Callback):
    """Count the steps until a validation accuracy is reached, and end the training there.

    Parameters
    ----------
    accuracy : float
        The accuracy to reach.
    x, y : arrays
        The validation data.
    resolution : float
        It is evaluated whenever the steps have grown by this share: the count's resolution.

    Attributes
    ----------
    steps : int
        The steps taken when it was reached, or, if it never was, all of them.
    reached : bool

    Examples
    --------
    >>> from companion.optimizers import GradientDescent
    >>> model = mlp(np.random.default_rng(0), [10], "relu", "he_normal")
    >>> x, y = np.ones((320, 28, 28)), np.zeros(320, int)
    >>> count, optimizer = StepsToReach(1.0, x, y), Optimizer(GradientDescent(), 0.1)
    >>> history = model.fit(x, y, optimizer=optimizer, epochs=9, callbacks=[count])
    >>> count.reached, count.steps < 90
    (True, True)
    """

    def __init__(
        self, accuracy: float, x: ArrayLike, y: ArrayLike, resolution: float = 0.05
    ) -> None:
        number("accuracy", accuracy)
        if not 0 <= number("resolution", resolution) < math.inf:
            raise ValueError(f"resolution must be non-negative; received {resolution}")
        self.accuracy, self.x, self.y, self.resolution = accuracy, x, y, resolution

    def on_train_begin(self) -> None:
        """Count from 0."""
        self.steps, self.reached, self.next = 0, False, 1

    def on_batch_end(self, step: int, loss: float) -> None:
        """Evaluate now and then."""
        self.steps = step + 1
        if self.steps < self.next:
            return
        self.next = math.ceil(self.steps * (1 + self.resolution))
        with np.errstate(over="ignore", invalid="ignore"):
            _, accuracy = self.model.evaluate(self.x, self.y)
        self.reached = self.model.stop_training = accuracy >= self.accuracy


def train_and_score(
    model: Sequential,
    optimizer: Optimizer,
    *,
    examples: int,
    epochs: int,
    clip: Clip | None = None,
) -> dict[str, float]:
    """Train on the first so many images of Fashion-MNIST, and score the result.

    Parameters
    ----------
    model : Sequential
        A classifier of 28 by 28 images; is trained in place, in batches of 32.
    optimizer : Optimizer
    examples : int
        How many of the 55,000 training images it sees.
    epochs : int
        How often.
    clip : callable, optional
        As in ``fit``; :func:`clipping` returns such functions.

    Returns
    -------
    dict
        ``loss`` of the last epoch, ``validation_accuracy`` (5,000 images) and ``accuracy``
        (10,000 test images), as shares.

    Examples
    --------
    >>> from companion.optimizers import Adam
    >>> model = mlp(np.random.default_rng(0), [30], "relu", "he_normal", dtype=np.float32)
    >>> scores = train_and_score(model, Optimizer(Adam(), 0.003), examples=2000, epochs=2)
    >>> sorted(scores), scores["accuracy"] > 0.6
    (['accuracy', 'loss', 'validation_accuracy'], True)
    """
    train, validation, test = fashion_mnist()
    history = model.fit(
        train.images[:examples],
        train.labels[:examples],
        optimizer=optimizer,
        epochs=epochs,
        clip=clip,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "loss": history.history["loss"][-1],
            "validation_accuracy": model.evaluate(*validation)[1],
            "accuracy": model.evaluate(*test)[1],
        }
