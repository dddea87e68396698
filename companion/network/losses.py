r"""The losses, each with its gradient with respect to the logits.

The activation of the output layer decides the loss, so that loss and activation can be
differentiated together: for all three pairs the gradient is "prediction minus target".
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_floats, kind
from companion.activations import sigmoid, softplus

Array = NDArray[np.floating]


def sparse_categorical_crossentropy(z: Array, y: NDArray) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of softmax(z) and its gradient.

    .. math:: L = -\frac1m \sum_i \log p_{i, y_i}, \qquad
              \frac{\partial L}{\partial z} = \frac{p - \mathrm{onehot}(y)}{m},
              \qquad p = \operatorname{softmax}(z)

    Parameters
    ----------
    z : array of shape (m, classes)
        Logits: the output layer before its softmax.
    y : integer array of shape (m,)
        The labels.

    Returns
    -------
    loss : float
        In nats; infinite or NaN if the logits are.
    gradient : array of shape (m, classes)

    Notes
    -----
    Computed from the logits, never as the logarithm of a rounded probability. Keras, given
    probabilities, clips them at 1e-7, so its loss never exceeds 16.1 for an example.

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = sparse_categorical_crossentropy(np.zeros((1, 4)), np.array([2]))
    >>> round(loss, 4), gradient.tolist()
    (1.3863, [[0.25, 0.25, -0.75, 0.25]])
    """
    _check_outputs(z, y)
    if y.dtype.kind not in "iu" or z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(
            f"expected z of shape (m, classes) and m integer labels y; "
            f"received {z.shape}, and {y.dtype} of shape {y.shape}"
        )
    rows = np.arange(len(z))
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    try:
        loss = float((np.log(total[:, 0]) - z[rows, y]).sum() / len(z))
    except IndexError:
        raise ValueError(
            f"y must be labels in [0, {z.shape[1]}); received one of {y.max()}"
        ) from None
    p /= total
    p[rows, y] -= 1
    p /= len(z)
    return loss, p


def binary_crossentropy(z: Array, y: NDArray) -> tuple[float, Array]:
    r"""Return the mean cross-entropy of sigmoid(z) and its gradient.

    .. math:: L = \frac1n \sum_i \log(1 + e^{z_i}) - y_i z_i, \qquad
              \frac{\partial L}{\partial z} = \frac{\sigma(z) - y}{n}

    over all :math:`n` elements of :math:`z`, the outputs of all examples.

    Parameters
    ----------
    z : array of shape (m, outputs)
        Logits: the output layer before its sigmoid.
    y : array of zeros and ones, shape (m,) or (m, outputs)
        The labels, or probabilities in between (an autoencoder's pixels).

    Returns
    -------
    loss : float
        In nats.
    gradient : array of shape (m, outputs)

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = binary_crossentropy(np.zeros((2, 1)), np.array([0, 1]))
    >>> round(loss, 4), gradient.tolist()
    (0.6931, [[0.25], [-0.25]])
    """
    _check_outputs(z, y, z)
    y = y.reshape(z.shape).astype(z.dtype)
    return float((softplus(z) - y * z).mean()), (sigmoid(z) - y) / z.size


def mse(z: Array, y: NDArray) -> tuple[float, Array]:
    r"""Return the mean squared error of a linear output and its gradient.

    .. math:: L = \frac1n \sum_i (z_i - y_i)^2, \qquad
              \frac{\partial L}{\partial z} = \frac{2 (z - y)}{n}

    over all :math:`n` elements of :math:`z`, the outputs of all examples.

    Parameters
    ----------
    z : array of shape (m, outputs)
        The predictions.
    y : array of shape (m,) or (m, outputs)
        The targets.

    Returns
    -------
    loss : float
        In squared units of the target.
    gradient : array of shape (m, outputs)

    Examples
    --------
    >>> import numpy as np
    >>> mse(np.array([[3.0]]), np.array([1.0]))
    (4.0, array([[4.]]))
    """
    _check_outputs(z, y, z)
    error = z - y.reshape(z.shape).astype(z.dtype)
    return float((error * error).mean()), 2 * error / z.size


def _check_outputs(z: Array, y: NDArray, like: Array | None = None) -> None:
    check_floats("z", z)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub":
        raise TypeError(f"y must be an array of numbers; received {kind(y)}")
    if z.size == 0 or (like is not None and y.size != like.size):
        raise ValueError(f"expected y for each output z; received {y.shape} for {z.shape}")


def _of_classes(z: Array, y: NDArray) -> float:
    return float(np.count_nonzero(z.argmax(axis=1) == y) / len(z))


def _of_sides(z: Array, y: NDArray) -> float:
    return float(np.count_nonzero((z > 0) == y.reshape(z.shape)) / z.size)


def _not_defined(z: Array, y: NDArray) -> float:
    return math.nan


class Loss(NamedTuple):
    """A loss with its gradient, and the share of predictions that are correct."""

    #: the loss and its gradient, from logits and targets
    value_and_gradient: Callable[[Array, NDArray], tuple[float, Array]]
    #: the share of correct predictions, from logits and targets; NaN where that means nothing
    accuracy: Callable[[Array, NDArray], float]


#: The loss for each activation of the output layer.
LOSSES = {
    "softmax": Loss(sparse_categorical_crossentropy, _of_classes),
    "sigmoid": Loss(binary_crossentropy, _of_sides),
    "linear": Loss(mse, _not_defined),
}
