"""What every function of the ground floor keeps: shapes, dtypes, memory, and calm at extremes."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from companion import activations
from companion.batch_norm import batch_norm_inference, update_moving
from companion.clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from companion.constraints import max_norm, soft_threshold
from companion.dropout import alpha_dropout, alpha_dropout_grad, dropout
from companion.regularizers import l1, l1_grad, l2, l2_grad


def masked(function):
    """With the mask that keeps what is not below 0."""
    return lambda x: function(x, np.asarray(x >= 0), 0.25)


def step_of(rule):
    """The third step with the same gradient, which is also the weights."""

    def step(x):
        state = rule.init(x)
        for t in (1, 2, 3):
            taken, state = rule.update(x, state, x, t, 0.125)
        return taken

    return step


# From an array to an array of its shape and dtype, each element for itself.
ELEMENTWISE = {
    name: getattr(activations, name)
    for name in (
        *("sigmoid", "tanh", "relu", "softplus", "leaky_relu", "elu", "selu", "gelu", "swish"),
        *("mish", "sigmoid_grad", "tanh_grad", "relu_grad", "softplus_grad", "leaky_relu_grad"),
        *("elu_grad", "selu_grad", "gelu_grad", "swish_grad", "mish_grad", "swish_grad_beta"),
        "prelu_grad_alpha",
    )
}
ELEMENTWISE |= {
    "gelu tanh": partial(activations.gelu, approximation="tanh"),
    "gelu_grad tanh": partial(activations.gelu_grad, approximation="tanh"),
    "gelu sigmoid": partial(activations.gelu, approximation="sigmoid"),
    "gelu_grad sigmoid": partial(activations.gelu_grad, approximation="sigmoid"),
    "prelu": partial(activations.prelu, alpha=0.25),
    "prelu_grad": partial(activations.prelu_grad, alpha=0.25),
    "clip_by_value": partial(clip_by_value, limit=0.5),
    "l1_grad": partial(l1_grad, strength=0.1),
    "l2_grad": partial(l2_grad, strength=0.1),
    "soft_threshold": partial(soft_threshold, threshold=0.5),
    "dropout": masked(dropout),
    "alpha_dropout": masked(alpha_dropout),
    "alpha_dropout_grad": masked(alpha_dropout_grad),
    "update_moving": lambda x: update_moving(x, x + 1, 0.75),
}
# From an array to one of its shape and dtype, or to a number, whose elements depend on others.
TOGETHER = {
    "softmax": activations.softmax,
    "clip_by_norm": partial(clip_by_norm, limit=0.5),
    "clip_by_global_norm": lambda x: clip_by_global_norm([x, x], 0.5)[1],
    "max_norm": partial(max_norm, limit=0.5),
    "l1": partial(l1, strength=0.1),
    "l2": partial(l2, strength=0.1),
    "batch_norm_inference": lambda x: batch_norm_inference(x, *np.ones((4, x.shape[-1]), x.dtype)),
}
NUMBERS = {"l1", "l2"}
ALL = ELEMENTWISE | TOGETHER

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_function = pytest.mark.parametrize("name", ALL)


def values(dtype):
    """Numbers of both signs from denormals to 1e4, with both zeros."""
    limits = np.finfo(dtype)
    sizes = [0, limits.smallest_subnormal, limits.tiny, 1e-6, 0.5, 1, 88.8, 104, 1e3, 1e4]
    return np.array([sizes, [-size for size in sizes]], dtype)


def views(array):
    """The same numbers in other layouts of memory."""
    spread = np.zeros((2 * array.shape[0], 3 * array.shape[1]), array.dtype)
    spread[::2, 1::3] = array
    return {
        "strided": spread[::2, 1::3],
        "columns first": np.asfortranarray(array),
        "backwards": np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1],
        "read-only": np.broadcast_to(array, array.shape),
        "unaligned": np.frombuffer(b"\0" + array.tobytes(), array.dtype, offset=1).reshape(
            array.shape
        ),
    }


@each_function
@each_dtype
def test_calm_at_extremes(name, dtype):
    x = values(dtype)
    before = x.copy()
    y = ALL[name](x)
    assert np.isfinite(y).all()
    assert_array_equal(x, before)
    if name not in NUMBERS:
        assert (y.shape, y.dtype) == (x.shape, x.dtype)


@each_function
@each_dtype
def test_the_layout_of_memory_does_not_matter(name, dtype):
    x = values(dtype)[:, :8]  # at 1e3 and more, the order of a sum shows
    expected = ALL[name](x)
    for layout, view in views(x).items():
        y = ALL[name](view)
        np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(dtype).eps, err_msg=layout)
        assert np.asarray(y).dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("name", ELEMENTWISE)
@each_dtype
def test_arrays_without_axes_and_without_elements(name, dtype):
    x = values(dtype)
    expected = ELEMENTWISE[name](x)
    for index in np.ndindex(x.shape):
        y = ELEMENTWISE[name](np.array(x[index]))
        assert (np.shape(y), y.dtype) == ((), dtype)
        np.testing.assert_allclose(y, expected[index], rtol=4 * np.finfo(dtype).eps)
    for shape in [(0,), (2, 0, 3)]:
        y = ELEMENTWISE[name](np.empty(shape, dtype))
        assert (y.shape, y.dtype) == (shape, dtype)


@pytest.mark.parametrize("name", TOGETHER)
@each_dtype
def test_arrays_without_elements(name, dtype):
    y = TOGETHER[name](np.empty((0, 3), dtype))
    if name in NUMBERS:
        assert y == 0
    else:
        assert (y.shape, y.dtype) == ((0, 3), dtype)


@pytest.mark.parametrize("name", ["clip_by_norm", "clip_by_global_norm", "l1", "l2"])
@each_dtype
def test_arrays_without_axes(name, dtype):
    x = np.array(-2.0, dtype)
    np.testing.assert_allclose(
        TOGETHER[name](x),
        TOGETHER[name](x.reshape(1))[0] if name not in NUMBERS else TOGETHER[name](x.reshape(1)),
    )
    assert np.shape(TOGETHER[name](x)) == ()


@each_dtype
def test_rules(rule, dtype):
    x = values(dtype)
    before = x.copy()
    expected = step_of(rule)(x)
    assert np.isfinite(expected).all()
    assert (expected.shape, expected.dtype) == (x.shape, x.dtype)
    assert_array_equal(x, before)
    for view in views(x).values():
        assert_array_equal(step_of(rule)(view), expected)
    for index in np.ndindex(x.shape):
        step = step_of(rule)(np.array(x[index]))
        assert (np.shape(step), step.dtype) == ((), dtype)
        np.testing.assert_allclose(step, expected[index], rtol=4 * np.finfo(dtype).eps)
    assert step_of(rule)(np.empty((2, 0), dtype)).shape == (2, 0)


def test_every_function_of_arrays_is_here():
    tried = {name.split()[0] for name in ALL}
    public = {
        name
        for name, value in vars(activations).items()
        if callable(value) and value.__module__ == activations.__name__ and name[0] != "_"
    }
    assert public - tried == {"rrelu_slopes"}
