"""Companion networks and Keras models: one from the other, and one without its batch norm."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np

from companion import batch_norm
from companion.keras.layers import Swish

# Functions of companion.activations that Keras has, by its name for them.
_ACTIVATIONS = {
    name: name
    for name in ("gelu", "mish", "relu", "selu", "sigmoid", "softmax", "softplus", "tanh")
} | {"swish": "silu"}


def to_keras(model: Any) -> keras.Sequential:
    """Return a Keras model that predicts what a companion network predicts.

    Parameters
    ----------
    model : companion.network.Sequential
        Its layers, weights, moving statistics, frozen layers and dtype are taken over.

    Returns
    -------
    keras.Sequential
        Not compiled. It shares nothing with the network.

    Raises
    ------
    ValueError
        When Keras has no counterpart of an activation or a layer.

    Notes
    -----
    Regularizers, constraints and initializers are not taken over: they change no prediction.

    In float64 the predictions agree to about 1e-15, but to 1e-8 where Keras rounds a constant to
    float32: the slope of ``leaky_relu``, and one within ``gelu``.

    Examples
    --------
    >>> from companion.network import Dense, Sequential
    >>> network = Sequential([Dense(3, "tanh"), Dense(1)], (2,), np.random.default_rng(42))
    >>> x = np.ones((5, 2), np.float32)
    >>> bool(np.allclose(to_keras(network).predict(x, verbose=0), network.predict(x), atol=1e-6))
    True
    """
    if isinstance(model, type) or not (hasattr(model, "layers") and hasattr(model, "input_shape")):
        raise TypeError(f"model must be a companion network; received {model!r}")
    dtype = model.dtype.name
    result = keras.Sequential([keras.Input(model.input_shape, dtype=dtype)])
    for layer in model.layers:
        for counterpart in _counterparts(layer, dtype):
            counterpart.trainable = layer.trainable
            result.add(counterpart)
    copy_weights(model, result)
    return result


def _counterparts(layer: Any, dtype: str) -> list[Any]:
    """Return the layers of Keras that do what a layer of ours does."""
    kind, options = type(layer).__name__, layer.configuration()
    if kind == "Dense":
        dense = keras.layers.Dense(options["units"], use_bias=options["use_bias"], dtype=dtype)
        activation = _activation(options["activation"], dtype)
        if activation and isinstance(activation[0], keras.layers.Activation):
            dense.activation = activation.pop().activation
        return [dense, *activation]
    if kind == "Activation":
        return _activation(options["activation"], dtype)
    if kind == "SimpleRNN":
        (found,) = _activation(options["activation"], dtype) or [keras.layers.Activation("linear")]
        function, use_bias = getattr(found, "activation", found), options["use_bias"]
        return [keras.layers.SimpleRNN(options["units"], function, use_bias, dtype=dtype)]
    if kind in ("Flatten", "BatchNormalization", "Dropout", "AlphaDropout"):
        return [getattr(keras.layers, kind)(**options, dtype=dtype)]
    if kind == "PReLU":
        return [keras.layers.PReLU(dtype=dtype)]
    if kind == "Swish":
        return [Swish(dtype=dtype)]
    raise ValueError(f"expected a layer that Keras has, too; received {kind}")


def _activation(function: Any, dtype: str) -> list[Any]:
    if function is None:
        return []
    keywords = function.keywords if isinstance(function, partial) else {}
    name = (function.func if isinstance(function, partial) else function).__name__
    if name == "leaky_relu":  # Keras's own default is 0.2
        return [keras.layers.LeakyReLU(keywords.get("alpha", 0.01), dtype=dtype)]
    if name == "elu":
        return [keras.layers.ELU(keywords.get("alpha", 1.0), dtype=dtype)]
    if name not in _ACTIVATIONS or keywords:
        raise ValueError(f"expected an activation that Keras has, too; received {function}")
    return [keras.layers.Activation(_ACTIVATIONS[name], dtype=dtype)]


def copy_weights(source: Any, target: Any) -> None:
    """Overwrite a model's weights and moving statistics with those of another.

    Between companion networks and Keras models, in all directions: both list a layer's weights
    in the same order. Predictions become equal if the layers do the same; mind Keras's default
    0.2 for the slope of ``leaky_relu``.

    Parameters
    ----------
    source : companion.network.Sequential or keras.Model
        Where from.
    target : companion.network.Sequential or keras.Model
        Where to; changed in place.

    Raises
    ------
    ValueError
        When the number of weights or a shape differs; then nothing is changed.

    Examples
    --------
    >>> from companion.network import Dense, Sequential
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="relu")])
    >>> network = Sequential([Dense(3, "relu")], (2,), np.random.default_rng(42))
    >>> copy_weights(model, network)
    >>> x = np.ones((5, 2), np.float32)
    >>> bool(np.allclose(model.predict(x, verbose=0), network.predict(x), atol=1e-6))
    True
    """
    for name, model in (("source", source), ("target", target)):
        if not hasattr(model, "get_weights"):
            raise TypeError(f"{name} must be a network or a Keras model; received {model!r}")
    weights = source.get_weights()
    received = [values.shape for values in weights]
    expected = [values.shape for values in target.get_weights()]
    if received != expected:
        raise ValueError(f"expected weights of shapes {expected}; received {received}")
    target.set_weights(weights)


def fold_batch_norm(model: keras.Sequential) -> keras.Sequential:
    """Return a model that predicts the same, with batch normalization folded into Dense layers.

    Each ``BatchNormalization`` that follows a ``Dense`` layer without activation becomes part of
    that layer's weights (:func:`companion.batch_norm.fold_batch_norm`) and is gone; it is for
    predictions. All other layers are copied as they are.

    Parameters
    ----------
    model : keras.Sequential
        A built model.

    Returns
    -------
    keras.Sequential
        Not compiled. It shares nothing with the model.

    Raises
    ------
    TypeError
        When the model is not a ``keras.Sequential``.
    ValueError
        When the model is not built, so that it has no weights yet.

    Examples
    --------
    >>> from keras.layers import Activation, BatchNormalization, Dense
    >>> model = keras.Sequential([
    ...     keras.Input((4,)), Dense(3), BatchNormalization(), Activation("relu"), Dense(1)
    ... ])
    >>> [type(layer).__name__ for layer in fold_batch_norm(model).layers]
    ['Dense', 'Activation', 'Dense']
    """
    if not isinstance(model, keras.Sequential):
        raise TypeError(f"expected a keras.Sequential; received {type(model).__name__}")
    if not model.built:
        raise ValueError("expected a built model (give it a keras.Input); received one without")
    layers: list[Any] = []
    weights: list[list[Any]] = []
    for layer in model.layers:
        if layers and _foldable(layers[-1], layer):
            dense = layers[-1]
            layers[-1] = keras.layers.Dense.from_config(dense.get_config() | {"use_bias": True})
            weights[-1] = _folded(weights[-1], layer)
        else:
            layers.append(type(layer).from_config(layer.get_config()))
            weights.append(layer.get_weights())
    result = keras.Sequential(
        [keras.Input(model.input_shape[1:], dtype=model.input_dtype), *layers]
    )
    for layer, values in zip(layers, weights, strict=True):
        layer.set_weights(values)
    return result


def _foldable(dense: Any, norm: Any) -> bool:
    return (
        isinstance(dense, keras.layers.Dense)
        and dense.activation is keras.activations.linear
        and isinstance(norm, keras.layers.BatchNormalization)
        and norm.axis in (-1, len(norm.input.shape) - 1)  # the axis of the layer's units
    )


def _folded(dense: list[Any], norm: Any) -> list[Any]:
    """Return the kernel and the bias of both layers together."""
    *scale_and_shift, mean, variance = norm.get_weights()
    gamma = scale_and_shift.pop(0) if norm.scale else np.ones_like(mean)
    beta = scale_and_shift.pop(0) if norm.center else np.zeros_like(mean)
    kernel, *bias = dense
    folded = batch_norm.fold_batch_norm(
        kernel,
        bias[0] if bias else np.zeros_like(mean),
        gamma,
        beta,
        mean,
        variance,
        epsilon=norm.epsilon,
    )
    return list(folded)
