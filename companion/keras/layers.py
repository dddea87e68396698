"""Layers that Keras does not have: dropout that stays active in predictions, a learned Swish."""

from __future__ import annotations

import math
from typing import Any

import keras

from companion._checks import check_dropout_rate, number


class MCDropout(keras.layers.Dropout):
    """Dropout that is active in predictions, too: each call draws a new mask.

    Parameters
    ----------
    rate : float
        The share of units to drop, in [0, 1).
    **options
        Those of Keras's ``Dropout``: ``noise_shape``, ``seed``, ``name``.

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1).

    Notes
    -----
    The argument ``training`` of a call is ignored: ``predict`` and ``evaluate`` pass
    ``training=False``, as somebody does who wants no dropout, and a layer cannot tell the two
    apart. For predictions without dropout, copy the weights into the same model with Keras's own
    ``Dropout`` in this layer's place; neither has weights.

    A whole model with ordinary dropout, called with ``training=True``, drops units, too, but its
    batch normalization then uses the batch's statistics. With this layer it does not.

    See Also
    --------
    companion.dropout.mc_predict : predicts several times and stacks the predictions.

    References
    ----------
    Y. Gal, Z. Ghahramani (2016), Dropout as a Bayesian approximation: representing model
    uncertainty in deep learning, arXiv:1506.02142.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.dropout import mc_predict
    >>> model = keras.Sequential([keras.Input((10,)), MCDropout(0.5, seed=42)])
    >>> predict = lambda x: keras.ops.convert_to_numpy(model(x))
    >>> predictions = mc_predict(predict, np.ones((100, 10)), samples=100)
    >>> predictions.shape, np.unique(predictions).tolist(), round(float(predictions.mean()), 1)
    ((100, 100, 10), [0.0, 2.0], 1.0)
    """

    def __init__(self, rate: float, **options: Any) -> None:
        check_dropout_rate(rate)
        super().__init__(float(rate), **options)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return the inputs with some units dropped."""
        return super().call(inputs, training=True)


class MCAlphaDropout(keras.layers.AlphaDropout):
    """Alpha dropout that is active in predictions, too: :class:`MCDropout` for SELU networks.

    Parameters
    ----------
    rate : float
        The share of units to drop to SELU's saturation, in [0, 1).
    **options
        Those of Keras's ``AlphaDropout``: ``noise_shape``, ``seed``, ``name``.

    Raises
    ------
    ValueError
        When ``rate`` is outside [0, 1).

    Notes
    -----
    The argument ``training`` of a call is ignored, as in :class:`MCDropout`.

    References
    ----------
    G. Klambauer et al. (2017), Self-normalizing neural networks, arXiv:1706.02515.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MCAlphaDropout(0.5, seed=42)
    >>> x = np.random.default_rng(42).normal(size=(1000, 100))
    >>> round(float(np.std(layer(x))), 2)
    1.0
    """

    def __init__(self, rate: float, **options: Any) -> None:
        check_dropout_rate(rate)
        super().__init__(float(rate), **options)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return the inputs with some units dropped."""
        return super().call(inputs, training=True)


class Swish(keras.layers.Layer):
    r"""Swish that learns how steep its gates are, one beta a feature.

    .. math:: a = z\, \sigma(\beta z)

    The counterpart of :class:`companion.network.Swish`; Keras's own ``silu`` has :math:`\beta` = 1.

    Parameters
    ----------
    beta : float, default 1.0
        What all :math:`\beta` start at.
    **options
        Those of every Keras layer: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        When ``beta`` is not finite.

    References
    ----------
    P. Ramachandran, B. Zoph, Q. Le (2017), Searching for activation functions, arXiv:1710.05941.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Swish()
    >>> [round(float(value), 4) for value in layer(np.array([[-1.0, 1.0]]))[0]]
    [-0.2689, 0.7311]
    """

    def __init__(self, beta: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        if not math.isfinite(number("beta", beta)):
            raise ValueError(f"beta must be finite; received beta={beta}")
        self.initial = float(beta)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Give each feature its beta."""
        initializer = keras.initializers.Constant(self.initial)
        self.beta = self.add_weight(input_shape[1:], initializer, name="beta")

    def call(self, inputs: Any) -> Any:
        """Return Swish of the inputs."""
        return inputs * keras.ops.sigmoid(self.beta * inputs)

    def get_config(self) -> dict[str, Any]:
        """Return what a ``.keras`` file stores."""
        return {**super().get_config(), "beta": self.initial}


for layer in (MCDropout, MCAlphaDropout, Swish):
    keras.saving.register_keras_serializable("companion")(layer)
