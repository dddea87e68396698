r"""Weight penalties: l1 and l2, each with its gradient.

A penalty is added to the loss, its gradient to the loss's gradient. Both together ("elastic net")
are the sum of the two.

Examples
--------
>>> w = np.array([3.0, -0.5, 0.0])
>>> l1(w, 0.01), l2(w, 0.01)
(0.035, 0.0925)
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_floats, number

__all__ = ["l1", "l1_grad", "l2", "l2_grad"]

Array: TypeAlias = NDArray[np.floating[Any]]


def l1(w: Array, strength: float) -> float:
    r"""Return the :math:`\ell_1` penalty, whose minimum has many weights at zero.

    .. math:: \lambda \sum_i |w_i|

    Parameters
    ----------
    w : array
        The weights.
    strength : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When ``strength`` is negative or not finite.

    Notes
    -----
    The same in Keras (``L1``, default strength 0.01).

    References
    ----------
    R. Tibshirani (1996), Regression shrinkage and selection via the lasso,
    doi:10.1111/j.2517-6161.1996.tb02080.x.

    Examples
    --------
    >>> l1(np.array([1.0, -2.0]), strength=0.5)
    1.5
    """
    check_floats("w", w)
    return _check_strength(strength) * float(np.sum(np.abs(w)))


def l1_grad(w: Array, strength: float) -> Array:
    r"""Return the gradient of :func:`l1`.

    .. math:: \lambda\, \operatorname{sign}(w_i), \qquad \operatorname{sign}(0) = 0

    Parameters
    ----------
    w : array
        The weights.
    strength : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    array like w

    Raises
    ------
    ValueError
        When ``strength`` is negative or not finite.

    Notes
    -----
    At the kink, :math:`w_i = 0`, it is 0, as in TensorFlow and PyTorch. A gradient step of this
    size overshoots 0 and oscillates around it by about the learning rate times the strength:
    small weights become exactly zero only when they are set to zero afterwards, or when the step is
    a proximal one, :func:`companion.constraints.soft_threshold`.

    Examples
    --------
    >>> l1_grad(np.array([1.0, -2.0, 0.0]), strength=0.5).tolist()
    [0.5, -0.5, 0.0]
    """
    check_floats("w", w)
    return _check_strength(strength) * np.sign(w)


def l2(w: Array, strength: float) -> float:
    r"""Return the :math:`\ell_2` penalty, which keeps weights small.

    .. math:: \lambda \sum_i w_i^2

    Parameters
    ----------
    w : array
        The weights.
    strength : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When ``strength`` is negative or not finite.

    Notes
    -----
    The same in Keras (``L2``, default strength 0.01). The literature often writes
    :math:`\tfrac{\lambda}{2} \sum_i w_i^2`, and PyTorch's ``weight_decay`` is that :math:`\lambda`:
    twice ours for the same effect.

    References
    ----------
    A. E. Hoerl, R. W. Kennard (1970), Ridge regression: biased estimation for nonorthogonal
    problems, doi:10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> l2(np.array([1.0, -2.0]), strength=0.5)
    2.5
    """
    check_floats("w", w)
    return _check_strength(strength) * float(np.sum(np.square(w)))


def l2_grad(w: Array, strength: float) -> Array:
    r"""Return the gradient of :func:`l2`.

    .. math:: 2 \lambda w_i

    Parameters
    ----------
    w : array
        The weights.
    strength : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    array like w

    Raises
    ------
    ValueError
        When ``strength`` is negative or not finite.

    Examples
    --------
    >>> l2_grad(np.array([1.0, -2.0]), strength=0.5).tolist()
    [1.0, -2.0]
    """
    check_floats("w", w)
    return 2 * _check_strength(strength) * w


def _check_strength(strength: float) -> float:
    if not 0 <= number("strength", strength) < math.inf:
        raise ValueError(f"strength must be non-negative and finite; received strength={strength}")
    return float(strength)
