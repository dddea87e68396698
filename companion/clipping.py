r"""Gradient clipping: by value, by norm and by global norm.

Examples
--------
By value the direction turns, from almost along the second axis to the diagonal; by norm it stays:

>>> gradient = np.array([0.9, 100.0])
>>> clip_by_value(gradient, 1.0).tolist()
[0.9, 1.0]
>>> clip_by_norm(gradient, 1.0).round(8).tolist()
[0.00899964, 0.9999595]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_floats, kind, number

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value"]

Array: TypeAlias = NDArray[np.floating[Any]]


def clip_by_value(gradient: Array, limit: float) -> Array:
    r"""Clip each component of a gradient.

    .. math:: g_i \leftarrow \max(-c, \min(g_i, c))

    Parameters
    ----------
    gradient : array
        :math:`g`.
    limit : float
        :math:`c > 0`.

    Returns
    -------
    array like gradient

    Raises
    ------
    ValueError
        When ``limit`` is not positive and finite.

    Notes
    -----
    The same as Keras's ``clipvalue`` and PyTorch's ``clip_grad_value_``.

    References
    ----------
    T. Mikolov (2012), Statistical language models based on neural networks, section 3.2.2, PhD
    thesis, Brno University of Technology.

    Examples
    --------
    >>> clip_by_value(np.array([-3.0, 0.25]), 1.0).tolist()
    [-1.0, 0.25]
    """
    _check_limit(limit)
    check_floats("gradient", gradient)
    return np.clip(gradient, -float(limit), float(limit))


def clip_by_norm(gradient: Array, limit: float) -> Array:
    r"""Shorten a gradient to a norm of at most ``limit``, keeping its direction.

    .. math:: g \leftarrow g\, \frac{c}{\max(\lVert g \rVert_2, c)}

    Parameters
    ----------
    gradient : array
        :math:`g`, of any shape; the norm is over all components.
    limit : float
        :math:`c > 0`.

    Returns
    -------
    array like gradient
        Equal to ``gradient`` when its norm is below the limit; NaN when its norm is infinite or
        NaN, since there is no direction to keep.

    Raises
    ------
    ValueError
        When ``limit`` is not positive and finite.

    Notes
    -----
    The same as ``tf.clip_by_norm`` and, variable by variable, Keras's ``clipnorm``, which
    therefore can turn the direction of the whole gradient: see :func:`clip_by_global_norm`.
    The norm is computed without squaring large numbers; in Keras the square of a float32
    component above 1.8e19 overflows, and the clipped gradient is 0.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio (2013), On the difficulty of training recurrent neural
    networks, arXiv:1211.5063.

    Examples
    --------
    >>> clip_by_norm(np.array([3.0, 4.0]), 2.5).tolist()
    [1.5, 2.0]
    """
    check_floats("gradient", gradient)
    return _scale([gradient], limit) * gradient


def clip_by_global_norm(gradients: Sequence[Array], limit: float) -> list[Array]:
    r"""Shorten several gradients together, keeping the direction of the whole.

    .. math:: g_k \leftarrow g_k\, \frac{c}{\max(\lVert g \rVert_2, c)}, \qquad
              \lVert g \rVert_2 = \sqrt{\textstyle\sum_k \lVert g_k \rVert_2^2}

    Parameters
    ----------
    gradients : sequence of arrays
        :math:`g_1, g_2, \dots`, of any shapes.
    limit : float
        :math:`c > 0`.

    Returns
    -------
    list of arrays
        Shaped like the gradients; NaN when the global norm is infinite or NaN.

    Raises
    ------
    ValueError
        When ``limit`` is not positive and finite.

    Notes
    -----
    The same as Keras's ``global_clipnorm`` and ``tf.clip_by_global_norm``. PyTorch's
    ``clip_grad_norm_`` adds 1e-6 to the norm: a result shorter by the factor
    1 - 1e-6 / :math:`\lVert g \rVert_2`.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio (2013), On the difficulty of training recurrent neural
    networks, arXiv:1211.5063.

    Examples
    --------
    >>> clipped = clip_by_global_norm([np.array([3.0]), np.array([4.0])], 2.5)
    >>> [g.tolist() for g in clipped]
    [[1.5], [2.0]]
    """
    if not isinstance(gradients, Sequence):
        raise TypeError(f"gradients must be a sequence of arrays; received {kind(gradients)}")
    for gradient in gradients:
        check_floats("gradients", gradient)
    scale = _scale(gradients, limit)
    return [scale * gradient for gradient in gradients]


def _scale(gradients: Sequence[Array], limit: float) -> float:
    _check_limit(limit)
    norm = _norm(gradients)
    return float(limit) / max(norm, float(limit)) if math.isfinite(norm) else math.nan


def _norm(gradients: Sequence[Array]) -> float:
    # Divided by the largest component, so that the squares of exploding gradients do not overflow.
    largest = float(np.max([np.max(np.abs(g), initial=0.0) for g in gradients], initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    squares = [np.sum(np.square(g / largest), dtype=np.float64) for g in gradients]
    return largest * math.sqrt(math.fsum(squares))


def _check_limit(limit: float) -> None:
    if not 0 < number("limit", limit) < math.inf:
        raise ValueError(f"limit must be positive and finite; received limit={limit}")
