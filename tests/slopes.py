"""Gradients against slopes: what the tests of networks share."""

import numpy as np
import pytest


def assert_gradient_is_the_slope_of_the_loss(model, x, y):
    """Compare a model's gradient, along random directions, with central differences of its loss."""
    rng = np.random.default_rng(3)
    model.weights[:] += 0.1 * rng.normal(size=model.weights.size)
    model.differentiate(x, y)
    gradient, start = model.gradient.copy(), model.weights.copy()
    for _ in range(5):
        direction = rng.normal(size=start.size)
        losses = []
        for step in (1e-5, -1e-5):
            model.weights[:] = start + step * direction
            losses.append(model.differentiate(x, y))
        slope = (losses[0] - losses[1]) / 2e-5
        assert slope == pytest.approx(direction @ gradient, rel=2e-6, abs=1e-9)
