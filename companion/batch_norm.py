r"""Batch normalization: forward, backward, moving statistics, inference and folding.

Each feature is standardized over a batch, then scaled and shifted by two learned vectors:

.. math::

    \mu &= \frac1n \sum_i x_i, \qquad \sigma^2 = \frac1n \sum_i (x_i - \mu)^2 \\
    \hat x_i &= \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} \\
    y_i &= \gamma\, \hat x_i + \beta

``axis`` is the axis of the features, as in Keras; the sums run over all the others. So a batch of
shape (instances, features) has one mean a feature, a batch of images of shape (instances, height,
width, channels) one mean a channel.

References
----------
S. Ioffe, C. Szegedy (2015), Batch normalization: accelerating deep network training by reducing
internal covariate shift, arXiv:1502.03167.

Examples
--------
>>> x = np.array([[1.0, 10.0], [3.0, 50.0]])
>>> y, cache = batch_norm(x, gamma=np.ones(2), beta=np.zeros(2), epsilon=0.0)
>>> y.tolist()
[[-1.0, -1.0], [1.0, 1.0]]
>>> cache.mean.tolist(), cache.variance.tolist()
([2.0, 30.0], [1.0, 400.0])
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_axis, check_floats, kind, number

__all__ = [
    "BatchNormCache",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "fold_batch_norm",
    "update_moving",
]

Array: TypeAlias = NDArray[np.floating[Any]]


class BatchNormCache(NamedTuple):
    """What :func:`batch_norm` keeps for the backward pass and for the moving statistics."""

    x_hat: Array  #: the standardized batch, shaped like ``x``
    std: Array  #: the square root of variance + epsilon, broadcastable to ``x``
    gamma: Array  #: the scale, broadcastable to ``x``
    axes: tuple[int, ...]  #: the axes that the statistics run over
    mean: Array  #: the batch's means, shape (features,)
    variance: Array  #: the batch's biased variances, shape (features,)


def batch_norm(
    x: Array, gamma: Array, beta: Array, *, epsilon: float = 1e-3, axis: int = -1
) -> tuple[Array, BatchNormCache]:
    r"""Normalize a batch by its own statistics, as in training.

    .. math:: y = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta

    Parameters
    ----------
    x : array, at least 2-D
        The batch.
    gamma, beta : array of shape (features,)
        The scale :math:`\gamma` and the offset :math:`\beta`.
    epsilon : float, default 1e-3
        :math:`\epsilon \ge 0`, against division by zero where a feature is constant.
    axis : int, default -1
        The axis of the features.

    Returns
    -------
    y : array like x
        The normalized batch.
    cache : BatchNormCache
        For :func:`batch_norm_backward`; its ``mean`` and ``variance`` for :func:`update_moving`.

    Raises
    ------
    ValueError
        When the shapes or ``axis`` do not fit, the batch is empty or ``epsilon`` is negative.

    Notes
    -----
    Keras's epsilon is 1e-3; the paper's, the textbook's and PyTorch's is 1e-5. A feature whose
    standard deviation is 0.01 leaves with 0.30 under Keras's, with 0.95 under the other.

    A batch of one instance always gives :math:`y = \beta`.

    Examples
    --------
    >>> x = np.array([[0.0], [0.02]])  # standard deviation 0.01
    >>> y, cache = batch_norm(x, np.ones(1), np.zeros(1))
    >>> round(y[1].item(), 2)
    0.3
    """
    _check_epsilon(epsilon)
    axes, shape = _axes_and_shape(x, axis, gamma=gamma, beta=beta)
    if x.size == 0:
        raise ValueError(f"x must have at least one instance; received shape {x.shape}")
    mean = x.mean(axes, keepdims=True)
    centered = x - mean
    variance = (centered * centered).mean(axes, keepdims=True)
    std = np.sqrt(variance + float(epsilon))
    x_hat = centered / std
    y = gamma.reshape(shape) * x_hat + beta.reshape(shape)
    return y, BatchNormCache(
        x_hat, std, gamma.reshape(shape), axes, mean.reshape(-1), variance.reshape(-1)
    )


def batch_norm_backward(dy: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    r"""Return the gradients with respect to the batch, the scale and the offset.

    The mean and the variance depend on every instance, so each gradient loses the two components
    that they absorb:

    .. math::

        \frac{\partial L}{\partial \beta} &= \sum_i dy_i, \qquad
            \frac{\partial L}{\partial \gamma} = \sum_i dy_i\, \hat x_i \\
        \frac{\partial L}{\partial x_i} &= \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
            \left( dy_i - \frac1n \frac{\partial L}{\partial \beta}
            - \frac{\hat x_i}{n} \frac{\partial L}{\partial \gamma} \right)

    Parameters
    ----------
    dy : array like x
        The loss's gradient with respect to the output ``y``.
    cache : BatchNormCache
        From :func:`batch_norm`.

    Returns
    -------
    dx : array like x
    dgamma, dbeta : array of shape (features,)

    Raises
    ------
    ValueError
        When ``dy`` is not shaped like the batch.

    Examples
    --------
    A gradient that is the same for all instances only moves the mean, which is subtracted:

    >>> y, cache = batch_norm(np.array([[1.0], [2.0], [6.0]]), np.ones(1), np.zeros(1))
    >>> dx, dgamma, dbeta = batch_norm_backward(np.ones((3, 1)), cache)
    >>> bool(abs(dx).max() < 1e-15), dbeta.item()
    (True, 3.0)
    """
    if not isinstance(cache, BatchNormCache):
        raise TypeError(f"cache must come from batch_norm; received {kind(cache)}")
    check_floats("dy", dy)
    x_hat, std, gamma, axes, _, _ = cache
    if dy.shape != x_hat.shape:
        raise ValueError(f"dy must be shaped like the batch, {x_hat.shape}; received {dy.shape}")
    n = x_hat.size // gamma.size
    dbeta = dy.sum(axes, keepdims=True)
    dgamma = (dy * x_hat).sum(axes, keepdims=True)
    dx = gamma / std * (dy - dbeta / n - x_hat * (dgamma / n))
    return dx, dgamma.reshape(-1), dbeta.reshape(-1)


def batch_norm_inference(
    x: Array,
    gamma: Array,
    beta: Array,
    moving_mean: Array,
    moving_variance: Array,
    *,
    epsilon: float = 1e-3,
    axis: int = -1,
) -> Array:
    r"""Normalize by the moving statistics, as after training.

    .. math:: y = \gamma\, \frac{x - \mu_\text{moving}}{\sqrt{\sigma^2_\text{moving} + \epsilon}}
              + \beta

    Each instance is treated alone, whatever else is in the batch.

    Parameters
    ----------
    x : array, at least 2-D
        The instances.
    gamma, beta : array of shape (features,)
        The scale :math:`\gamma` and the offset :math:`\beta`.
    moving_mean, moving_variance : array of shape (features,)
        From :func:`update_moving`; the variance, not the standard deviation.
    epsilon : float, default 1e-3
        As in training.
    axis : int, default -1
        The axis of the features.

    Returns
    -------
    array like x

    Raises
    ------
    ValueError
        When the shapes or ``axis`` do not fit, or a variance or ``epsilon`` is negative.

    Examples
    --------
    >>> x = np.array([[7.0]])
    >>> batch_norm_inference(
    ...     x, np.array([2.0]), np.array([1.0]), np.array([3.0]), np.array([4.0]), epsilon=0.0
    ... ).item()
    5.0
    """
    _, shape = _axes_and_shape(
        x, axis, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_variance=moving_variance
    )
    scale = _inference_scale(gamma, moving_variance, epsilon)
    return (x - moving_mean.reshape(shape)) * scale.reshape(shape) + beta.reshape(shape)


def update_moving(moving: Array, batch: Array, momentum: float = 0.99) -> Array:
    r"""Return the moving average after one more batch.

    .. math:: \text{moving} \leftarrow \text{momentum} \cdot \text{moving}
              + (1 - \text{momentum}) \cdot \text{batch}

    Parameters
    ----------
    moving : array of shape (features,)
        The moving mean (initially 0) or the moving variance (initially 1).
    batch : array of shape (features,)
        The mean or variance of this batch.
    momentum : float, default 0.99
        How much of the past to keep, in [0, 1].

    Returns
    -------
    array of shape (features,)

    Raises
    ------
    ValueError
        When the shapes differ or ``momentum`` is outside [0, 1].

    Notes
    -----
    PyTorch's ``momentum`` is the other share, 0.1 by default, which is 0.9 here. Its moving
    variance averages the unbiased batch variances, :math:`n/(n-1)` times ours: 3.2 % more for
    batches of 32. The paper means the unbiased one, too; Keras's layer averages the biased one.

    Examples
    --------
    >>> update_moving(np.array([0.0]), np.array([8.0]), momentum=0.75).item()
    2.0
    """
    check_floats("moving", moving)
    check_floats("batch", batch)
    if not 0 <= number("momentum", momentum) <= 1:
        raise ValueError(f"momentum must be in [0, 1]; received momentum={momentum}")
    if moving.shape != batch.shape:
        raise ValueError(
            f"moving and batch must have one shape; received {moving.shape} and {batch.shape}"
        )
    momentum = float(momentum)
    return momentum * moving + (1 - momentum) * batch


def fold_batch_norm(
    W: Array,
    b: Array,
    gamma: Array,
    beta: Array,
    moving_mean: Array,
    moving_variance: Array,
    *,
    epsilon: float = 1e-3,
) -> tuple[Array, Array]:
    r"""Merge a batch normalization into the dense layer that it directly follows.

    After training both are affine, so that together they are one dense layer:

    .. math::

        \text{BN}(xW + b) &= xW' + b', \qquad
            s = \frac{\gamma}{\sqrt{\sigma^2_\text{moving} + \epsilon}} \\
        W' &= W s, \qquad b' = (b - \mu_\text{moving})\, s + \beta

    Parameters
    ----------
    W : array of shape (inputs, units)
        The layer's kernel.
    b : array of shape (units,)
        Its bias; zeros if it has none.
    gamma, beta, moving_mean, moving_variance : array of shape (units,)
        The normalization's scale, offset and moving statistics.
    epsilon : float, default 1e-3
        As in training.

    Returns
    -------
    W : array of shape (inputs, units)
    b : array of shape (units,)

    Raises
    ------
    ValueError
        When the shapes do not fit, or a variance or ``epsilon`` is negative.

    Notes
    -----
    An activation between the two layers forbids folding.

    References
    ----------
    B. Jacob et al. (2018), Quantization and training of neural networks for efficient
    integer-arithmetic-only inference, section 3.2, arXiv:1712.05877.

    Examples
    --------
    >>> W, b = fold_batch_norm(
    ...     np.array([[1.0], [2.0]]), np.array([5.0]), gamma=np.array([6.0]), beta=np.array([1.0]),
    ...     moving_mean=np.array([3.0]), moving_variance=np.array([4.0]), epsilon=0.0,
    ... )
    >>> W.tolist(), b.tolist()
    ([[3.0], [6.0]], [7.0])
    """
    _axes_and_shape(
        W, -1, b=b, gamma=gamma, beta=beta, moving_mean=moving_mean, moving_variance=moving_variance
    )
    scale = _inference_scale(gamma, moving_variance, epsilon)
    return W * scale, (b - moving_mean) * scale + beta


def _axes_and_shape(
    x: Array, axis: int, **vectors: Array
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes of the statistics, and the shape that lets a vector of features broadcast."""
    check_floats("x", x)
    if x.ndim < 2:
        raise ValueError(f"x must have at least 2 dimensions; received shape {x.shape}")
    axis = check_axis(axis, x.ndim) % x.ndim
    for name, vector in vectors.items():
        check_floats(name, vector)
        if vector.shape != (x.shape[axis],):
            raise ValueError(
                f"{name} must have one value for each of the {x.shape[axis]} features "
                f"(axis {axis}); received shape {vector.shape}"
            )
    axes = tuple(i for i in range(x.ndim) if i != axis)
    shape = tuple(n if i == axis else 1 for i, n in enumerate(x.shape))
    return axes, shape


def _inference_scale(gamma: Array, moving_variance: Array, epsilon: float) -> Array:
    _check_epsilon(epsilon)
    if (moving_variance < 0).any():
        raise ValueError(
            f"moving_variance must be non-negative; received a minimum of {moving_variance.min()}"
        )
    return gamma / np.sqrt(moving_variance + float(epsilon))


def _check_epsilon(epsilon: float) -> None:
    if not 0 <= number("epsilon", epsilon) < math.inf:
        raise ValueError(f"epsilon must be non-negative and finite; received epsilon={epsilon}")
