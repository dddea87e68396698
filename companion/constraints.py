r"""What is applied to the weights after each step: max-norm, and the soft threshold.

Unlike a penalty, neither adds anything to the loss. Both are proximal operators: max-norm that
of the condition :math:`\lVert w \rVert_2 \le r`, the soft threshold that of the :math:`\ell_1`
penalty.

Examples
--------
>>> w = np.array([[3.0, 0.3], [4.0, 0.4]])  # two units, with norms 5 and 0.5
>>> max_norm(w, limit=1.0).round(6).tolist()
[[0.6, 0.3], [0.8, 0.4]]
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_axis, check_floats, number

__all__ = ["max_norm", "soft_threshold"]

Array: TypeAlias = NDArray[np.floating[Any]]

_EPSILON = 1e-7  # Keras's backend epsilon


def max_norm(w: Array, limit: float, *, axis: int | tuple[int, ...] = 0) -> Array:
    r"""Return the weights, each unit's scaled down to a norm of at most ``limit``.

    .. math:: w \leftarrow w\, \frac{\min(\lVert w \rVert_2, r)}{\lVert w \rVert_2 + \epsilon},
              \qquad \epsilon = 10^{-7}

    Parameters
    ----------
    w : array
        The weights; for a dense layer of shape (inputs, units).
    limit : float
        :math:`r > 0`; infinity for none.
    axis : int or tuple of int, default 0
        The axis or axes that a norm runs over: 0 for a dense layer's kernel, (0, 1, 2) for a
        convolution's of shape (height, width, channels, filters).

    Returns
    -------
    array like w

    Raises
    ------
    ValueError
        When ``limit`` is not positive.

    Notes
    -----
    The textbook's form is :math:`w \min(1, r / \lVert w \rVert_2)`. Keras's epsilon, kept here,
    spares 0/0 and makes the norm smaller by the factor
    :math:`\lVert w \rVert_2 / (\lVert w \rVert_2 + 10^{-7})`, also below the limit: for norms
    around 1 by 1e-7, but a norm of 1e-7 is halved.

    References
    ----------
    N. Srebro, J. Rennie, T. Jaakkola (2005), Maximum-margin matrix factorization, NIPS 17.
    N. Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting,
    section 5.1, JMLR 15, 1929-1958.

    Examples
    --------
    >>> max_norm(np.array([[3.0, 4.0]]), limit=1.0, axis=1).round(6).tolist()
    [[0.6, 0.8]]
    """
    check_floats("w", w)
    axes = axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(check_axis(one, w.ndim) for one in axes)
    radius = number("limit", limit)
    if not radius > 0:
        raise ValueError(f"limit must be positive; received limit={limit}")
    norm = np.sqrt(np.sum(np.square(w), axis=axes, keepdims=True))
    return w * (np.minimum(norm, radius) / (norm + _EPSILON))


def soft_threshold(w: Array, threshold: float) -> Array:
    r"""Return the weights moved towards 0 by ``threshold``; those that would pass it are exactly 0.

    It is the proximal operator of the :math:`\ell_1` penalty,

    .. math:: \operatorname{sign}(w)\, \max(|w| - \tau, 0)
              = \operatorname*{arg\,min}_v \tfrac12 (v - w)^2 + \tau\, |v|

    Parameters
    ----------
    w : array
        The weights.
    threshold : float
        :math:`\tau \ge 0`. After a gradient step at the rate :math:`\eta` it is
        :math:`\tau = \eta\lambda` for the penalty :math:`\lambda \sum_i |w_i|`, which the loss then
        leaves out (*proximal gradient descent*, ISTA).

    Returns
    -------
    array like w

    Raises
    ------
    ValueError
        When ``threshold`` is negative or not finite.

    Notes
    -----
    The same as Keras's ``ops.soft_shrink`` and PyTorch's ``softshrink``, which serve as activations
    there; neither has it as a constraint, but a subclass of Keras's ``Constraint`` can return it.

    References
    ----------
    I. Daubechies, M. Defrise, C. De Mol (2004), An iterative thresholding algorithm for linear
    inverse problems with a sparsity constraint, doi:10.1002/cpa.20042.
    N. Parikh, S. Boyd (2014), Proximal algorithms, section 6.5.2, doi:10.1561/2400000003.

    Examples
    --------
    >>> soft_threshold(np.array([1.0, -0.75, 0.25]), threshold=0.5).tolist()
    [0.5, -0.25, 0.0]
    """
    check_floats("w", w)
    if not 0 <= number("threshold", threshold) < math.inf:
        raise ValueError(
            f"threshold must be non-negative and finite; received threshold={threshold}"
        )
    return w - np.clip(w, -float(threshold), float(threshold))
