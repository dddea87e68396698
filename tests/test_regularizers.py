import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from companion.regularizers import l1, l1_grad, l2, l2_grad

PENALTIES = [(l1, l1_grad, "L1"), (l2, l2_grad, "L2")]
each_penalty = pytest.mark.parametrize(("penalty", "gradient", "name"), PENALTIES)

weights = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3), elements=st.floats(-1e4, 1e4, allow_subnormal=True)
)


@each_penalty
def test_equals_keras(keras, penalty, gradient, name):
    import tensorflow as tf

    w = np.random.default_rng(1).standard_normal((20, 7))
    w[3, 2] = 0
    variable, theirs = tf.Variable(w), getattr(keras.regularizers, name)(2.0**-7)
    with tf.GradientTape() as tape:
        expected = theirs(variable)
    assert penalty(w, 2.0**-7) == pytest.approx(expected.numpy(), rel=1e-12)
    assert_allclose(gradient(w, 2.0**-7), tape.gradient(expected, variable), rtol=1e-12)


@each_penalty
def test_gradient_is_the_derivative(penalty, gradient, name):
    rng = np.random.default_rng(2)
    w, direction = rng.standard_normal((2, 6, 5))
    h = 1e-6
    expected = (penalty(w + h * direction, 0.5) - penalty(w - h * direction, 0.5)) / (2 * h)
    assert np.sum(gradient(w, 0.5) * direction) == pytest.approx(expected, rel=1e-7)


def test_hand_worked():
    w = np.array([[3.0, -0.5], [0.0, 1.0]])
    assert l1(w, 2.0) == 2 * (3 + 0.5 + 0 + 1)
    assert l2(w, 2.0) == 2 * (9 + 0.25 + 0 + 1)
    assert l1_grad(w, 2.0).tolist() == [[2, -2], [0, 2]]
    assert l2_grad(w, 2.0).tolist() == [[12, -2], [0, 4]]


@settings(deadline=None)
@given(w=weights, strength=st.floats(0, 10))
def test_properties(w, strength):
    for penalty, gradient, degree in ((l1, l1_grad, 1), (l2, l2_grad, 2)):
        assert penalty(w, strength) >= 0
        assert penalty(-w, strength) == penalty(w, strength)
        assert_allclose(
            penalty(2 * w, strength), 2**degree * penalty(w, strength), rtol=1e-12, atol=1e-300
        )
        # Euler: a homogeneous function's gradient along the weights is its degree times it
        assert_allclose(
            np.sum(gradient(w, strength) * w),
            degree * penalty(w, strength),
            rtol=1e-9,
            atol=1e-300,
        )


def test_an_l2_step_is_weight_decay_of_twice_the_strength():
    w = np.array([4.0, -2.0])
    assert_array_equal(w - 0.25 * l2_grad(w, 0.5), (1 - 0.25 * 2 * 0.5) * w)


@each_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_mutated(penalty, gradient, name, dtype):
    w = np.array([1.5, -2.0], dtype)
    assert gradient(w, np.float64(0.1)).dtype == dtype
    assert type(penalty(w, np.float64(0.1))) is float
    assert w.tolist() == [1.5, -2.0]
