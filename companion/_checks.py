"""Checks of arguments that several modules share."""

import math

import numpy as np


def check_rng(rng: np.random.Generator) -> None:
    """Refuse a seed, ``np.random`` and other things that are no generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; received rng={rng!r}")


def check_units(units: int) -> None:
    """Refuse what is no number of neurons."""
    if not isinstance(units, int | np.integer) or units < 1:
        raise ValueError(f"units must be a positive integer; received units={units!r}")


def check_dropout_rate(rate: float) -> None:
    """Refuse what is no share of units to drop; all of them is none either."""
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be in [0, 1); received rate={rate}")


def check_learning_rate(rate: float) -> float:
    """Refuse what is no learning rate, and return it as a Python float."""
    if not 0 <= rate < math.inf:
        raise ValueError(
            f"learning_rate must be non-negative and finite; received learning_rate={rate}"
        )
    return float(rate)


def check_epochs(epochs: int, batch_size: int) -> None:
    """Refuse a training of fewer than no epochs, or with empty batches."""
    if epochs < 0:
        raise ValueError(f"epochs must be at least 0; received epochs={epochs}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; received batch_size={batch_size}")
