"""The layers that drop units while training, and do nothing afterwards."""

from typing import Any

import numpy as np

from companion._checks import check_dropout_rate
from companion.dropout import alpha_dropout, alpha_dropout_grad, dropout, dropout_mask
from companion.network.layers import Array, Layer


class Dropout(Layer):
    r"""Drop each input with probability p while training, and scale the others up by 1/(1 - p).

    :func:`companion.dropout.dropout` with a new mask for each batch; backward with the same mask.
    Outside of training the inputs pass unchanged.

    Parameters
    ----------
    rate : float
        The share to drop :math:`p`, in [0, 1).

    Raises
    ------
    ValueError
        If ``rate`` is outside [0, 1).

    Notes
    -----
    A mask compares uniform numbers with the rate, and is drawn at rate 0 too: networks of the same
    shapes and seed see the same numbers, so that a unit dropped at one rate is dropped at every
    higher one. Keras's rate may be 1, which leaves nothing; its layer is otherwise the same.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Dropout, Sequential
    >>> model = Sequential([Dropout(0.5)], (4,), np.random.default_rng(1))
    >>> model.predict(np.ones((1, 4))).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    >>> model.predict(np.ones((1, 4)), training=True).tolist()
    [[0.0, 0.0, 0.0, 2.0]]
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        check_dropout_rate(rate)
        self.rate = float(rate)

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return the inputs, in training with a share of them dropped."""
        self.mask = dropout_mask(rng, x.shape, self.rate) if training else None
        return x if self.mask is None else dropout(x, self.mask, self.rate)

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Drop the gradients where the inputs were dropped."""
        return dy if self.mask is None else dropout(dy, self.mask, self.rate)

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"rate": self.rate}


class AlphaDropout(Dropout):
    r"""Drop each input to SELU's saturation with probability p while training.

    :func:`companion.dropout.alpha_dropout` with a new mask for each batch, after SELU layers;
    inputs of mean 0 and variance 1 keep both.

    Parameters
    ----------
    rate : float
        The share to drop :math:`p`, in [0, 1).

    Raises
    ------
    ValueError
        If ``rate`` is outside [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import AlphaDropout, Sequential
    >>> model = Sequential([AlphaDropout(0.5)], (10_000,), np.random.default_rng(0))
    >>> x = np.random.default_rng(1).standard_normal((1, 10_000))
    >>> round(float(model.predict(x, training=True).std()), 2)
    1.0
    """

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return the inputs, in training with a share of them at the saturation, rescaled."""
        self.mask = dropout_mask(rng, x.shape, self.rate) if training else None
        return x if self.mask is None else alpha_dropout(x, self.mask, self.rate)

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Rescale the gradients, and drop those of the dropped inputs."""
        return dy if self.mask is None else alpha_dropout_grad(dy, self.mask, self.rate)
