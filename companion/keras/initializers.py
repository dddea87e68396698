"""Initializers of :mod:`companion.initializers` as Keras initializers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from companion.keras._saving import decode, encode


class KerasInitializer(keras.initializers.Initializer):
    """A function of :mod:`companion.initializers` as a Keras initializer.

    Parameters
    ----------
    function : callable
        ``f(rng, shape, *, dtype)``: a function of :mod:`companion.initializers` or a
        ``functools.partial`` of it with keywords.
    seed : int
        The seed of ``rng``, at least 0.

    Raises
    ------
    TypeError
        When ``function`` is not callable.
    ValueError
        When ``seed`` is not a non-negative integer.

    Notes
    -----
    As with Keras's seeded initializers, every call with the same shape gives the same values:
    give each layer a seed of its own.

    Examples
    --------
    >>> from companion.initializers import he_normal
    >>> layer = keras.layers.Dense(100, kernel_initializer=KerasInitializer(he_normal, seed=42))
    >>> layer.build((None, 200))
    >>> round(float(np.std(layer.get_weights()[0])), 2)  # the root of 2 / 200
    0.1
    """

    def __init__(self, function: Callable[..., Any], seed: int) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, as he_normal is; received {function!r}")
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise ValueError(f"seed must be a non-negative integer; received seed={seed!r}")
        self.function = function
        self.seed = int(seed)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return a tensor of a shape."""
        dtype = keras.backend.standardize_dtype(dtype)
        values = self.function(np.random.default_rng(self.seed), tuple(shape), dtype=dtype)
        return keras.ops.convert_to_tensor(values, dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what a ``.keras`` file stores."""
        return {"function": encode(self.function), "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KerasInitializer:
        """Return the initializer that a ``.keras`` file describes."""
        return cls(decode(config["function"]), config["seed"])


keras.saving.register_keras_serializable("companion")(KerasInitializer)
