r"""Constraints: max-norm, applied to the weights after each step.

Unlike a penalty, a constraint adds nothing to the loss.

Examples
--------
>>> w = np.array([[3.0, 0.3], [4.0, 0.4]])  # two units, with norms 5 and 0.5
>>> max_norm(w, limit=1.0).round(6).tolist()
[[0.6, 0.3], [0.8, 0.4]]
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["max_norm"]

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
    if not limit > 0:
        raise ValueError(f"limit must be positive; received limit={limit}")
    norm = np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))
    return w * (np.minimum(norm, float(limit)) / (norm + _EPSILON))
