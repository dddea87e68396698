r"""Dropout, alpha dropout and Monte Carlo dropout.

A mask says which units are kept (True) and is drawn apart from its use, so that the backward pass
has the same one.

Examples
--------
>>> mask = dropout_mask(np.random.default_rng(0), (2, 4), rate=0.5)
>>> dropout(np.ones((2, 4)), mask, rate=0.5).tolist()
[[2.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion._checks import (
    check_dropout_rate,
    check_floats,
    check_function,
    check_rng,
    check_shape,
    integer,
    kind,
)

__all__ = ["alpha_dropout", "alpha_dropout_grad", "dropout", "dropout_mask", "mc_predict"]

Array: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

# SELU's value far to the left: minus its scale times its alpha
_SATURATION = -1.0507009873554805 * 1.6732632423543772


def dropout_mask(rng: np.random.Generator, shape: int | tuple[int, ...], rate: float) -> Mask:
    r"""Draw which units to keep, each with probability :math:`1 - p`.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    shape : int or tuple of int
        The shape of the inputs that the mask is for.
    rate : float
        The share to drop :math:`p`, in [0, 1).

    Returns
    -------
    array of bool of the given shape
        True where a unit is kept.

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1).
    TypeError
        When ``rng`` is not a NumPy generator.

    Examples
    --------
    >>> mask = dropout_mask(np.random.default_rng(42), 100_000, rate=0.2)
    >>> round(1 - mask.mean().item(), 2)
    0.2
    """
    check_rng(rng)
    check_dropout_rate(rate)
    check_shape((shape,) if isinstance(shape, int | np.integer) else shape)
    return rng.random(shape) >= rate


def dropout(x: Array, mask: Mask, rate: float) -> Array:
    r"""Drop the units outside the mask, and scale up the others.

    .. math:: y = \frac{m\, x}{1 - p}

    The mean of :math:`y` over masks is :math:`x`, so that nothing needs to be scaled after
    training ("inverted dropout"). The function is linear in ``x`` and therefore its own backward
    pass: ``dropout(dy, mask, rate)``.

    Parameters
    ----------
    x : array
        The inputs.
    mask : array of bool like x
        :math:`m`, from :func:`dropout_mask`.
    rate : float
        :math:`p`, in [0, 1), the rate that the mask was drawn with.

    Returns
    -------
    array like x

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1) or the mask is not shaped like the inputs.

    Notes
    -----
    Keras and PyTorch do the same. The papers instead leave the kept units as they are and
    multiply the weights by :math:`1 - p` after training.

    References
    ----------
    G. E. Hinton et al. (2012), Improving neural networks by preventing co-adaptation of feature
    detectors, arXiv:1207.0580. N. Srivastava et al. (2014), Dropout: a simple way to prevent
    neural networks from overfitting, JMLR 15, 1929-1958.

    Examples
    --------
    >>> dropout(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]), rate=0.5).tolist()
    [2.0, 0.0, 6.0]
    """
    check_dropout_rate(rate)
    _check_mask("x", x, mask)
    return np.where(mask, x / (1 - float(rate)), 0)


def alpha_dropout(x: Array, mask: Mask, rate: float) -> Array:
    r"""Drop units to SELU's saturation, and restore mean 0 and standard deviation 1.

    .. math::

        y &= a\, (m\, x + (1 - m)\, \alpha') + b, \qquad \alpha' = -\lambda\alpha \approx -1.7581 \\
        a &= \left( (1-p) (1 + p\, \alpha'^2) \right)^{-1/2}, \qquad b = -a\, p\, \alpha'

    with :math:`\lambda` and :math:`\alpha` those of SELU. For inputs with mean 0 and variance 1
    the outputs have them, too, over inputs and masks together; for others not.

    Parameters
    ----------
    x : array
        The inputs, outputs of a SELU layer.
    mask : array of bool like x
        :math:`m`, from :func:`dropout_mask`.
    rate : float
        :math:`p`, in [0, 1), the rate that the mask was drawn with.

    Returns
    -------
    array like x

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1) or the mask is not shaped like the inputs.

    Notes
    -----
    Keras and PyTorch do the same.

    References
    ----------
    G. Klambauer et al. (2017), Self-normalizing neural networks, arXiv:1706.02515.

    Examples
    --------
    >>> rng = np.random.default_rng(42)
    >>> x = rng.standard_normal(100_000)
    >>> mask = dropout_mask(rng, x.shape, rate=0.5)
    >>> [round(drop(x, mask, rate=0.5).std().item(), 2) for drop in (alpha_dropout, dropout)]
    [1.0, 1.42]
    """
    check_dropout_rate(rate)
    _check_mask("x", x, mask)
    a = _alpha_dropout_scale(rate)
    b = -a * float(rate) * _SATURATION
    return a * np.where(mask, x, _SATURATION) + b


def alpha_dropout_grad(dy: Array, mask: Mask, rate: float) -> Array:
    r"""Return the gradient with respect to the inputs of :func:`alpha_dropout`.

    .. math:: \frac{\partial L}{\partial x} = a\, m\, \frac{\partial L}{\partial y}

    Parameters
    ----------
    dy : array
        The loss's gradient with respect to the outputs.
    mask : array of bool like dy
        The mask of the forward pass.
    rate : float
        The rate of the forward pass.

    Returns
    -------
    array like dy

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1) or the mask is not shaped like the gradient.

    Examples
    --------
    >>> alpha_dropout_grad(np.ones(2), np.array([True, False]), rate=0.5).round(4).tolist()
    [0.8864, 0.0]
    """
    check_dropout_rate(rate)
    _check_mask("dy", dy, mask)
    return np.where(mask, _alpha_dropout_scale(rate) * dy, 0)


def mc_predict(predict: Callable[[Array], Array], x: Array, *, samples: int) -> Array:
    r"""Predict several times with dropout active, and stack the predictions.

    Their mean is the Monte Carlo estimate, their standard deviation says how sure the model is:

    .. math:: \hat y = \frac1T \sum_{t=1}^T f_{m_t}(x)

    The estimate's standard error falls with :math:`1/\sqrt T`.

    Parameters
    ----------
    predict : callable
        :math:`f`: draws new masks :math:`m_t` whenever it is called with ``x``, and returns
        predictions of shape (batch, outputs).
    x : array
        The inputs.
    samples : int
        :math:`T`, at least 1.

    Returns
    -------
    array of shape (samples, batch, outputs)

    Raises
    ------
    ValueError
        When ``samples`` is less than 1.
    TypeError
        When ``samples`` is not an integer.

    References
    ----------
    Y. Gal, Z. Ghahramani (2016), Dropout as a Bayesian approximation: representing model
    uncertainty in deep learning, arXiv:1506.02142.

    Examples
    --------
    >>> rng, w = np.random.default_rng(42), np.ones((10, 1))
    >>> def predict(x):
    ...     return dropout(x, dropout_mask(rng, x.shape, rate=0.5), rate=0.5) @ w
    >>> predictions = mc_predict(predict, np.ones((3, 10)), samples=1000)
    >>> predictions.shape, round(predictions.mean().item())
    ((1000, 3, 1), 10)
    """
    check_function("predict", predict)
    if integer("samples", samples) < 1:
        raise ValueError(f"samples must be at least 1; received samples={samples}")
    return np.stack([predict(x) for _ in range(samples)])


def _alpha_dropout_scale(rate: float) -> float:
    rate = float(rate)
    return 1 / math.sqrt((1 - rate) * (1 + rate * _SATURATION**2))


def _check_mask(name: str, x: Array, mask: Mask) -> None:
    check_floats(name, x)
    if not isinstance(mask, np.ndarray | np.bool_) or mask.dtype.kind != "b":
        raise TypeError(f"mask must be an array of bool; received {kind(mask)}")
    if mask.shape != x.shape:
        raise ValueError(f"mask must have the inputs' shape, {x.shape}; received {mask.shape}")
