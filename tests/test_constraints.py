import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from companion.constraints import max_norm, soft_threshold


@pytest.mark.parametrize(
    ("shape", "axis"), [((20, 6), 0), ((20, 6), 1), ((3, 3, 4, 5), (0, 1, 2)), ((9,), 0)]
)
def test_equals_keras(keras, shape, axis):
    w = np.random.default_rng(1).standard_normal(shape)
    w[..., 0] *= 1e-8  # where the epsilon counts
    theirs = keras.constraints.MaxNorm(max_value=1.5, axis=axis)
    assert_allclose(max_norm(w, 1.5, axis=axis), theirs(w).numpy(), rtol=1e-10)


def test_hand_worked():
    # columns with norms 5, 13 and 1 under the limit 6.5: unchanged, halved, unchanged
    w = np.array([[3.0, 5.0, 1.0], [4.0, 12.0, 0.0]])
    assert_allclose(max_norm(w, 6.5), [[3, 2.5, 1], [4, 6, 0]], rtol=2e-7)
    # rows with norms sqrt(35) and 4 sqrt(10) along axis 1
    norms = np.linalg.norm(max_norm(w, 6.0, axis=1), axis=1)
    assert_allclose(norms, [math.sqrt(35), 6], rtol=1e-7)


def test_a_tiny_norm_is_halved_as_in_keras():
    assert_allclose(max_norm(np.array([[1e-7]]), 1.0), [[5e-8]], rtol=1e-12)


@settings(deadline=None)
@given(
    w=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
        elements=st.floats(-1e4, 1e4, allow_subnormal=True),
    ),
    limit=st.floats(1e-3, 1e4),
)
def test_properties(w, limit):
    before = w.copy()
    result = max_norm(w, limit)
    norms, result_norms = np.linalg.norm(w, axis=0), np.linalg.norm(result, axis=0)
    assert (result_norms <= limit).all()
    assert_array_equal(w, before)
    # only scaled: signs stay, and what is below the limit stays up to the epsilon
    assert (result * w >= 0).all()
    below = (norms <= limit) & (norms > 1e-3)
    assert_allclose(result[:, below], w[:, below], rtol=1.01e-4)
    above = norms > limit
    assert_allclose(result_norms[above], limit, rtol=1.01e-4)
    assert_allclose(
        result[:, above] * norms[above], w[:, above] * result_norms[above], rtol=1e-9, atol=1e-300
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-42, 1e4])
def test_dtype_and_extremes(dtype, size):
    result = max_norm(np.full((3, 2), size, dtype), np.float64(1.0))
    assert result.dtype == dtype
    assert np.isfinite(result).all()


def test_no_limit():
    w = np.random.default_rng(2).standard_normal((4, 3))
    assert_allclose(max_norm(w, math.inf), w, rtol=1e-6)


def test_soft_threshold_hand_worked():
    w = np.array([3.0, -2.0, 0.5, -0.5, 0.25, 0.0])
    assert soft_threshold(w, 0.5).tolist() == [2.5, -1.5, 0.0, 0.0, 0.0, 0.0]


def test_soft_threshold_equals_keras(keras):
    w = np.random.default_rng(3).standard_normal((30, 8))
    assert_allclose(soft_threshold(w, 0.75), keras.ops.soft_shrink(w, 0.75), rtol=1e-15)


@settings(deadline=None)
@given(w=st.floats(-1e4, 1e4, allow_subnormal=True), threshold=st.floats(0, 1e4))
def test_soft_threshold_is_the_proximal_operator(w, threshold):
    def objective(v):
        return (v - w) ** 2 / 2 + threshold * abs(v)

    best = soft_threshold(np.array([w]), threshold).item()
    assert abs(best) == pytest.approx(max(abs(w) - threshold, 0), rel=1e-12, abs=1e-300)
    others = np.append(np.linspace(-1.5, 1.5, 61) * w, best + np.array([1e-3, -1e-3]))
    assert (objective(best) <= objective(others) * (1 + 1e-12) + 1e-300).all()


def test_soft_threshold_moves_no_weight_apart_from_another():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 1000))
    moved = np.abs(soft_threshold(a, 0.3) - soft_threshold(b, 0.3))
    assert (moved <= np.abs(a - b) + 1e-15).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-42, 1e4])
def test_soft_threshold_keeps_the_dtype_and_the_argument(dtype, size):
    w = np.full((3, 2), size, dtype)
    result = soft_threshold(w, np.float64(0.25))
    assert result.dtype == dtype
    assert_array_equal(result, np.full((3, 2), max(size - 0.25, 0), dtype))
    assert_array_equal(w, np.full((3, 2), size, dtype))


def test_a_zero_threshold_changes_nothing():
    w = np.array([-1.0, 0.0, 2.0])
    assert_array_equal(soft_threshold(w, 0.0), w)


@pytest.mark.parametrize("threshold", [-0.1, math.nan, math.inf])
def test_soft_threshold_refuses(threshold):
    with pytest.raises(ValueError, match="threshold must be non-negative and finite; received"):
        soft_threshold(np.ones(3), threshold)


def test_a_proximal_step_is_the_constraint_of_a_layer():
    from companion.network import Dense, Sequential
    from companion.optimizers import GradientDescent, Optimizer

    # the input 0 gives no gradient: the weights shrink by rate times strength a step, to 0
    layer = Dense(1, use_bias=False, constraint=partial(soft_threshold, threshold=0.25))
    model = Sequential([layer], (1,), np.random.default_rng(0), np.float64)
    model.weights[:] = 0.6
    optimizer, seen = Optimizer(GradientDescent(), 0.5), []
    for _ in range(3):
        model.fit([[0.0]], [0.0], optimizer=optimizer, epochs=1)
        seen.append(round(model.weights.item(), 12))
    assert seen == [0.35, 0.1, 0.0]
