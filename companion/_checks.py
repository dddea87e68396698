"""Checks of arguments that several modules share."""

import numpy as np


def check_rng(rng: np.random.Generator) -> None:
    """Refuse a seed, ``np.random`` and other things that are no generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator; received rng={rng!r}")
