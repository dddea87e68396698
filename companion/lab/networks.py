"""The networks that recur in the experiments."""

import numpy as np
from numpy.typing import DTypeLike

from companion.network import Dense, Flatten, Sequential
from companion.network.layers import Function


def deep(
    rng: np.random.Generator,
    depth: int,
    width: int,
    activation: Function | None,
    initializer: Function,
    *,
    dtype: DTypeLike = np.float64,
) -> Sequential:
    """Return a classifier of Fashion-MNIST with equal hidden layers.

    Parameters
    ----------
    rng : numpy.random.Generator
        Gives the network its streams.
    depth, width : int
        The number of hidden layers, and of units in each.
    activation, initializer : str or callable
        Of the hidden layers, as in :class:`companion.network.Dense`. The output layer is always
        softmax with Glorot uniform weights: only hidden layers are compared.
    dtype : dtype
        float64, so that printed digits hold on other processors.

    Examples
    --------
    >>> model = deep(np.random.default_rng(0), 20, 100, "relu", "he_normal")
    >>> len(model.layers), model.weights.size
    (22, 271410)
    """
    hidden = [Dense(width, activation, initializer) for _ in range(depth)]
    layers = [Flatten(), *hidden, Dense(10, "softmax")]
    return Sequential(layers, (28, 28), rng, dtype)
