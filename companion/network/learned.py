"""The activations that learn a parameter."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from companion._checks import number
from companion.activations import (
    prelu,
    prelu_grad,
    prelu_grad_alpha,
    swish,
    swish_grad,
    swish_grad_beta,
)
from companion.network.layers import Activation, Array, Shape


class PReLU(Activation):
    r"""A leaky ReLU that learns its slopes, one a feature.

    .. math:: a = \max(0, z) + \alpha \min(0, z), \qquad
              \frac{\partial L}{\partial \alpha}
              = \sum_i \frac{\partial L}{\partial a_i} \min(0, z_i)

    with the sum over the batch.

    Parameters
    ----------
    alpha : float
        What all slopes :math:`\alpha` start at.

    Raises
    ------
    ValueError
        If ``alpha`` is not finite.

    Notes
    -----
    As in Keras, the slopes start at 0, so that the network starts as one of ReLUs. The paper and
    PyTorch start at 0.25, and PyTorch's layer has one slope for all features unless told
    otherwise. No regularizer acts on them: a weight decay, the paper says, draws them to 0.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import PReLU, Sequential
    >>> model = Sequential([PReLU(alpha=0.25)], (2,), np.random.default_rng(0))
    >>> model.predict([[-4.0, 4.0]]).tolist()
    [[-1.0, 4.0]]
    >>> model.layers[0].weights["alpha"].tolist()
    [0.25, 0.25]
    """

    def __init__(self, alpha: float = 0.0) -> None:
        super().__init__(None)
        if not math.isfinite(number("alpha", alpha)):
            raise ValueError(f"alpha must be finite; received alpha={alpha}")
        self.alpha = float(alpha)
        self.activation, self.activation_gradient = self.prelu, self.prelu_grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Give each feature its slope."""
        shape = super().build(input_shape, rng, dtype)
        self.weights["alpha"] = np.full(shape, self.alpha, dtype)
        return shape

    def prelu(self, z: Array) -> Array:
        """Return PReLU of z, with the slopes as they are now."""
        return prelu(z, self.weights["alpha"])

    def prelu_grad(self, z: Array) -> Array:
        """Return the derivative for z."""
        return prelu_grad(z, self.weights["alpha"])

    def through_activation(self, da: Array) -> Array:
        """Fill the slopes' gradient, and return that of z."""
        if self.trainable:
            (da * prelu_grad_alpha(self.z)).sum(axis=0, out=self.gradients["alpha"])
        return super().through_activation(da)

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"alpha": self.alpha}


class Swish(Activation):
    r"""Swish that learns how steep its gates are, one beta a feature.

    .. math:: a = z\, \sigma(\beta z), \qquad
              \frac{\partial L}{\partial \beta}
              = \sum_i \frac{\partial L}{\partial a_i} z_i^2\, \sigma'(\beta z_i)

    with the sum over the batch.

    Parameters
    ----------
    beta : float
        What all :math:`\beta` start at; 1 is the swish that does not learn, SiLU.

    Raises
    ------
    ValueError
        If ``beta`` is not finite.

    Notes
    -----
    One beta a feature, like PReLU's slopes, is a unit's own, as its bias is. A single one for the
    layer would have the sum of all units' gradients, and so move faster than any weight. Keras
    and PyTorch have no layer that learns it.

    References
    ----------
    P. Ramachandran, B. Zoph, Q. Le (2017), Searching for activation functions, arXiv:1710.05941.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Sequential, Swish
    >>> model = Sequential([Swish()], (2,), np.random.default_rng(0))
    >>> [round(value, 4) for value in model.predict([[-1.0, 1.0]])[0].tolist()]
    [-0.2689, 0.7311]
    >>> model.layers[0].weights["beta"].tolist()
    [1.0, 1.0]
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(None)
        if not math.isfinite(number("beta", beta)):
            raise ValueError(f"beta must be finite; received beta={beta}")
        self.beta = float(beta)
        self.activation, self.activation_gradient = self.swish, self.swish_grad

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Give each feature its beta."""
        shape = super().build(input_shape, rng, dtype)
        self.weights["beta"] = np.full(shape, self.beta, dtype)
        return shape

    def swish(self, z: Array) -> Array:
        """Return Swish of z, with the betas as they are now."""
        return swish(z, self.weights["beta"])

    def swish_grad(self, z: Array) -> Array:
        """Return the derivative for z."""
        return swish_grad(z, self.weights["beta"])

    def through_activation(self, da: Array) -> Array:
        """Fill the betas' gradient, and return that of z."""
        if self.trainable:
            (da * swish_grad_beta(self.z, self.weights["beta"])).sum(
                axis=0, out=self.gradients["beta"]
            )
        return super().through_activation(da)

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"beta": self.beta}
