"""Activations: against Keras, SciPy, finite differences and their own mathematics."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats
from scipy.integrate import quad
from scipy.special import erfcx, expit, ndtr

from companion import activations
from companion.activations import (
    SELU_ALPHA,
    SELU_LAMBDA,
    elu,
    elu_grad,
    gelu,
    gelu_grad,
    leaky_relu,
    leaky_relu_grad,
    mish,
    mish_grad,
    prelu,
    prelu_grad,
    prelu_grad_alpha,
    relu,
    relu_grad,
    rrelu_slopes,
    selu,
    selu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softplus,
    softplus_grad,
    swish,
    swish_grad,
    swish_grad_beta,
    tanh,
    tanh_grad,
)

# name: the function, its derivative, and Keras's function (alphas that float32 represents
# exactly, since Keras rounds them)
CASES = {
    "sigmoid": (sigmoid, sigmoid_grad, lambda keras, z: keras.activations.sigmoid(z)),
    "tanh": (tanh, tanh_grad, lambda keras, z: keras.activations.tanh(z)),
    "relu": (relu, relu_grad, lambda keras, z: keras.activations.relu(z)),
    "softplus": (softplus, softplus_grad, lambda keras, z: keras.activations.softplus(z)),
    "selu": (selu, selu_grad, lambda keras, z: keras.activations.selu(z)),
    "mish": (mish, mish_grad, lambda keras, z: keras.activations.mish(z)),
    "swish": (swish, swish_grad, lambda keras, z: keras.activations.silu(z)),
    "elu": (elu, elu_grad, lambda keras, z: keras.activations.elu(z)),
    # Keras's own GELU has rounded constants: see test_gelu_is_keras_with_unrounded_constants
    "gelu": (gelu, gelu_grad, lambda keras, z: z * keras.ops.erfc(-z / 2**0.5) / 2),
    "gelu tanh": (
        partial(gelu, approximation="tanh"),
        partial(gelu_grad, approximation="tanh"),
        lambda keras, z: z * (1 + keras.ops.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3))) / 2,
    ),
    "gelu sigmoid": (  # Keras has none
        partial(gelu, approximation="sigmoid"),
        partial(gelu_grad, approximation="sigmoid"),
        lambda keras, z: z * keras.activations.sigmoid(1.702 * z),
    ),
    "elu 0.5": (
        partial(elu, alpha=0.5),
        partial(elu_grad, alpha=0.5),
        lambda keras, z: keras.activations.elu(z, alpha=0.5),
    ),
    "leaky_relu 0.25": (
        partial(leaky_relu, alpha=0.25),
        partial(leaky_relu_grad, alpha=0.25),
        lambda keras, z: keras.activations.leaky_relu(z, negative_slope=0.25),
    ),
    "leaky_relu 1.5": (
        partial(leaky_relu, alpha=1.5),
        partial(leaky_relu_grad, alpha=1.5),
        lambda keras, z: keras.activations.leaky_relu(z, negative_slope=1.5),
    ),
    "prelu 0.25": (
        partial(prelu, alpha=0.25),
        partial(prelu_grad, alpha=0.25),
        lambda keras, z: keras.activations.relu(z) - 0.25 * keras.activations.relu(-z),
    ),
    "swish 0.5": (
        partial(swish, beta=0.5),
        partial(swish_grad, beta=0.5),
        lambda keras, z: z * keras.activations.sigmoid(0.5 * z),
    ),
}
ALL = {name: f for name, (f, _, _) in CASES.items()}
ALL |= {f"{name}'": f_grad for name, (_, f_grad, _) in CASES.items()}
ALL |= {"prelu by alpha": prelu_grad_alpha, "swish by beta": swish_grad_beta, "softmax": softmax}

each_case = pytest.mark.parametrize(("f", "f_grad", "in_keras"), CASES.values(), ids=CASES)
each_function = pytest.mark.parametrize("f", ALL.values(), ids=ALL)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

GRID = np.concatenate([np.linspace(-40, 40, 8001), [-1e4, -1e3, -100, 0.0, -0.0, 100, 1e3, 1e4]])
DENORMALS = np.array([-1e-310, -5e-324, 5e-324, 1e-310])


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def no_warnings():
    """Every test here fails on overflow, division by zero and invalid operations."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield


def value_and_gradient(f, *arguments):
    """Return TensorFlow's value of f, and the gradients of its sum for each argument."""
    import tensorflow as tf

    variables = [tf.Variable(a) for a in arguments]
    with tf.GradientTape() as tape:
        y = f(*variables)
    return y.numpy(), *[tf.convert_to_tensor(g).numpy() for g in tape.gradient(y, variables)]


def test_every_public_function_is_tested():
    public = {
        f
        for name, f in inspect.getmembers(activations, inspect.isfunction)
        if not name.startswith("_") and f.__module__ == activations.__name__
    }
    tested = {getattr(f, "func", f) for f in ALL.values()} | {rrelu_slopes}
    assert tested == public


# Against Keras. The absolute tolerance is Keras's own rounding: it computes 1 - sigmoid(z) and
# 1 - tanh(z)**2 where they are nearly 0, and multiplies by z. The tails are compared below.


@each_case
def test_equals_keras(keras, f, f_grad, in_keras):
    y, dz = value_and_gradient(partial(in_keras, keras), GRID)
    np.testing.assert_allclose(f(GRID), y, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(f_grad(GRID), dz, rtol=1e-10, atol=1e-13)


@each_case
def test_denormals_are_on_their_side_of_zero(keras, f, f_grad, in_keras):
    y, _ = value_and_gradient(partial(in_keras, keras), DENORMALS)
    np.testing.assert_allclose(f(DENORMALS), y, rtol=1e-10, atol=1e-300)
    # TensorFlow counts denormals as 0, which at a kink has a slope of its own
    np.testing.assert_allclose(f_grad(DENORMALS), f_grad(np.sign(DENORMALS) * 1e-300), rtol=1e-15)


def test_gelu_is_keras_with_unrounded_constants(keras):
    """TensorFlow rounds the root of 1/2 in z erfc(-z / 2^0.5) / 2, and 0.044715, to float32."""
    y, dz = value_and_gradient(keras.activations.gelu, GRID)
    c = 2**0.5 * float(np.float32(0.5**0.5))  # so that it computes z Phi(c z) = gelu(c z) / c
    np.testing.assert_allclose(gelu(c * GRID) / c, y, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(gelu_grad(c * GRID), dz, rtol=1e-10, atol=1e-14)
    for approximation in [None, "tanh"]:
        in_keras = partial(keras.activations.gelu, approximate=approximation == "tanh")
        y, dz = value_and_gradient(in_keras, GRID)
        assert 1e-10 < np.abs(gelu(GRID, approximation) - y).max() < 6e-9
        assert 1e-10 < np.abs(gelu_grad(GRID, approximation) - dz).max() < 2e-8


def test_prelu_and_swish_with_a_parameter_for_each_unit_equal_keras(keras):
    rng = np.random.default_rng(1)
    z, dy = rng.normal(0, 3, (2, 20, 5))
    z[0, 0] = 0
    parameter = rng.uniform(0.1, 2, 5)

    layer = keras.layers.PReLU(dtype="float64")
    layer.build(z.shape)

    def in_prelu(z, alpha):
        return dy * (keras.ops.relu(z) - alpha * keras.ops.relu(-z))

    layer.set_weights([parameter])
    np.testing.assert_allclose(prelu(z, parameter), layer(z).numpy(), rtol=1e-10)
    for function, grad, grad_parameter, in_keras in [
        (prelu, partial(prelu_grad, alpha=parameter), prelu_grad_alpha, in_prelu),
        (
            swish,
            partial(swish_grad, beta=parameter),
            partial(swish_grad_beta, beta=parameter),
            lambda z, beta: dy * z * keras.ops.sigmoid(beta * z),
        ),
    ]:
        y, dz, dparameter = value_and_gradient(in_keras, z, parameter)
        np.testing.assert_allclose(dy * function(z, parameter), y, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(dy * grad(z), dz, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(
            (dy * grad_parameter(z)).sum(axis=0), dparameter, rtol=1e-10, atol=1e-14
        )


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax_equals_keras(keras, axis):
    z = np.random.default_rng(2).normal(0, 20, (4, 3, 5))
    z[0, 0] = [1e4, -1e4, 0, 5e-324, 1e4]
    expected = keras.activations.softmax(keras.ops.convert_to_tensor(z), axis=axis).numpy()
    np.testing.assert_allclose(softmax(z, axis), expected, rtol=1e-10, atol=1e-300)


def test_softmax_after_cross_entropy_passes_back_p_minus_y(keras):
    z = np.random.default_rng(3).normal(0, 2, (6, 4))
    y = np.eye(4)[[0, 1, 2, 3, 0, 1]]
    _, dz = value_and_gradient(
        lambda z: keras.losses.categorical_crossentropy(y, z, from_logits=True), z
    )
    np.testing.assert_allclose(softmax(z) - y, dz, rtol=1e-10)


# Against independent formulas


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (sigmoid, expit),
        (sigmoid_grad, lambda z: expit(z) * expit(-z)),
        (softplus, lambda z: np.logaddexp(z, 0)),
        (gelu, lambda z: z * ndtr(z)),
        (partial(gelu, approximation="sigmoid"), lambda z: z * expit(1.702 * z)),
        (swish, lambda z: z * expit(z)),
        (swish_grad_beta, lambda z: z * z * expit(z) * expit(-z)),
        (mish, lambda z: z * np.tanh(np.logaddexp(z, 0))),
        (elu, lambda z: np.where(z > 0, z, np.expm1(z, where=z <= 0, out=z.copy()))),
        (selu_grad, lambda z: np.where(z < 0, 1.7580993408473766 * np.exp(-abs(z)), SELU_LAMBDA)),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_tails_keep_their_relative_precision(f, expected):
    z = np.linspace(-36, 36, 10_001)
    np.testing.assert_allclose(f(z), expected(z), rtol=1e-12, atol=0)


@each_case
def test_small_numbers_keep_their_relative_precision(f, f_grad, in_keras):
    small = np.geomspace(1e-300, 1e-9, 50)
    z = np.concatenate([-small, small])
    rtol, atol = (0, 2e-16) if f in (sigmoid, softplus) else (1e-8, 0)  # f(0) = 1/2, ln 2 or 0
    np.testing.assert_allclose(f(z) - f(np.zeros(1)), z * f_grad(z), rtol=rtol, atol=atol)


@each_case
def test_derivative_equals_finite_difference(f, f_grad, in_keras):
    h = 1e-5
    z = np.linspace(-6, 6, 240)  # an even number: the kink at 0 is not among them
    difference = (f(z + h) - f(z - h)) / (2 * h)
    np.testing.assert_allclose(f_grad(z), difference, rtol=0, atol=1e-9)


def test_parameter_derivatives_equal_finite_differences():
    h = 1e-5
    z = np.linspace(-6, 6, 241)
    for f, grad, parameter in [
        (prelu, prelu_grad_alpha(z), 0.3),
        (swish, swish_grad_beta(z, 0.3), 0.3),
    ]:
        difference = (f(z, parameter + h) - f(z, parameter - h)) / (2 * h)
        np.testing.assert_allclose(grad, difference, rtol=0, atol=1e-9)


@pytest.mark.parametrize("z", [-3.0, -1.0, 0.5, 2.0])
def test_hand_worked_values(z):
    e = math.exp(z)
    cases = [
        (sigmoid, e / (1 + e)),
        (softplus, math.log(1 + e)),
        (tanh, (e**2 - 1) / (e**2 + 1)),
        # tanh(ln(1 + e)) = ((1 + e)^2 - 1) / ((1 + e)^2 + 1)
        (mish, z * ((1 + e) ** 2 - 1) / ((1 + e) ** 2 + 1)),
        (swish, z * e / (1 + e)),
        (gelu, z * 0.5 * (1 + math.erf(z / 2**0.5))),
        (
            partial(gelu, approximation="tanh"),
            0.5 * z * (1 + math.tanh((2 / math.pi) ** 0.5 * (z + 0.044715 * z**3))),
        ),
        (partial(elu, alpha=2.0), z if z > 0 else 2 * (e - 1)),
        (selu, 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (e - 1))),
        (partial(leaky_relu, alpha=0.1), z if z > 0 else 0.1 * z),
        (leaky_relu, z if z > 0 else 0.01 * z),
    ]
    for f, expected in cases:
        assert f(np.array([z]))[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("f_grad", "at_zero"),
    [
        (relu_grad, 0.0),
        (partial(leaky_relu_grad, alpha=0.25), 0.25),
        (partial(prelu_grad, alpha=0.25), 0.0),
        (elu_grad, 1.0),
        (partial(elu_grad, alpha=2.0), 2.0),
        (selu_grad, SELU_LAMBDA),
    ],
)
def test_derivatives_at_the_kink(f_grad, at_zero):
    assert f_grad(np.array([0.0, -0.0])).tolist() == [at_zero, at_zero]


def test_selu_constants_are_the_fixed_point():
    def expectation(power):
        def integrand(z):
            return float(selu(np.array(z))) ** power * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        return sum(quad(integrand, *side, epsabs=1e-14)[0] for side in [(-12, 0), (0, 12)])

    assert expectation(1) == pytest.approx(0, abs=1e-12)
    assert expectation(2) == pytest.approx(1, abs=1e-12)
    # The digits that the paper prints
    assert pytest.approx(1.6732632423543772848170429916717, rel=1e-15) == SELU_ALPHA
    assert pytest.approx(1.0507009873554804934193349852946, rel=1e-15) == SELU_LAMBDA


def test_normal_distribution_function_is_accurate_to_rounding():
    rng = np.random.default_rng(4)
    z = np.concatenate([rng.normal(0, 1, 10_000), rng.uniform(-8, 8, 10_000)])
    exact = np.array([0.5 * math.erfc(-x / 2**0.5) for x in z])
    assert np.abs(activations._normal_cdf(z) - exact).max() < 5e-16
    z32 = z.astype(np.float32)
    assert np.abs(activations._normal_cdf(z32) - ndtr(z32.astype(float))).max() < 3e-7


def test_polynomial_of_the_normal_distribution_is_what_its_comment_says():
    def smooth_part(k):  # with Phi(-x) = erfc(x / sqrt 2) / 2
        t = (1 + k) / 2
        return 0.5 * erfcx(5 * (1 - t) / t / 2**0.5) / t

    rederived = np.polynomial.chebyshev.chebinterpolate(smooth_part, 22)
    k = np.linspace(-0.999, 1, 1001)
    P = np.polyval(activations._P, k)
    np.testing.assert_allclose(P, np.polynomial.chebyshev.chebval(k, rederived), rtol=3e-14)
    np.testing.assert_allclose(P, smooth_part(k), rtol=3e-14)


def test_gelu_approximations_are_as_close_as_documented():
    z = np.linspace(-10, 10, 200_001)
    for approximation, largest in [("tanh", 4.7e-4), ("sigmoid", 2.03e-2)]:
        error = np.abs(gelu(z, approximation) - gelu(z)).max()
        assert error == pytest.approx(largest, rel=0.01)


# Dtypes, shapes, purity


@each_dtype
@each_function
def test_shape_and_dtype_are_those_of_the_input(f, dtype):
    for shape in [(3,), (0, 4), (2, 3, 4)]:
        y = f(np.ones(shape, dtype))
        assert (y.shape, y.dtype) == (shape, dtype)


WITH_ARRAY_PARAMETER = [leaky_relu, leaky_relu_grad, prelu, prelu_grad]
WITH_ARRAY_PARAMETER += [swish, swish_grad, swish_grad_beta]


@pytest.mark.parametrize("f", [*WITH_ARRAY_PARAMETER, elu, elu_grad])
def test_scalar_parameter_does_not_decide_the_dtype(f):
    z = np.linspace(-2, 2, 9, dtype=np.float32)
    expected = f(z, 0.25)
    for parameter in [np.float64(0.25), np.array(0.25), np.float32(0.25), 0.25]:
        y = f(z, parameter)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("f", WITH_ARRAY_PARAMETER)
def test_array_parameter_broadcasts(f):
    z = np.random.default_rng(5).normal(size=(4, 3))
    parameter = np.array([0.1, 0.5, 2.0])
    expected = np.stack([f(z[:, i], parameter[i]) for i in range(3)], axis=1)
    np.testing.assert_array_equal(f(z, parameter), expected)


@each_function
def test_input_is_not_mutated(f):
    z = np.linspace(-3, 3, 12).reshape(4, 3)
    before = z.copy()
    z.flags.writeable = False
    y = f(z)
    np.testing.assert_array_equal(z, before)
    assert not np.shares_memory(y, z)


@each_dtype
@each_function
def test_finite_and_silent_at_extremes(f, dtype):
    tiny, smallest = np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal
    z = np.array([-1e9, -1e4, -1e3, -104, -88.8, -tiny, -smallest, 0], dtype)
    z = np.concatenate([z, -z])
    assert np.isfinite(f(z)).all()


@each_function
def test_float32_agrees_with_float64(f):
    z = np.random.default_rng(6).normal(0, 3, 2000).astype(np.float32)
    exact = f(z.astype(np.float64))
    scale = np.maximum(np.abs(exact), 1)
    if f is not softmax:
        assert (np.abs(f(z) - exact) / scale).max() < 8 * np.finfo(np.float32).eps


# Properties


def numbers(width=64, limit=1e4):
    return arrays(
        np.dtype(f"float{width}"),
        array_shapes(min_dims=1, max_dims=2, max_side=8),
        elements=st.floats(-limit, limit, width=width),
    )


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (sigmoid, 0, 1),
        (sigmoid_grad, 0, 0.25),
        (tanh, -1, 1),
        (tanh_grad, 0, 1),
        (relu, 0, np.inf),
        (softplus, 0, np.inf),
        (elu, -1, np.inf),
        (elu_grad, 0, 1),
        (selu, -SELU_LAMBDA * SELU_ALPHA, np.inf),
        (selu_grad, 0, SELU_LAMBDA * SELU_ALPHA),
        (gelu, -0.169972, np.inf),
        (gelu_grad, -0.129, 1.129),
        (swish, -0.278465, np.inf),
        (swish_grad, -0.0999, 1.0999),
        (mish, -0.308844, np.inf),
        (mish_grad, -0.1126, 1.0886),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@settings(deadline=None)
@given(data=st.data(), width=st.sampled_from([32, 64]))
def test_bounds(f, low, high, data, width):
    z = data.draw(numbers(width))
    y = f(z)
    slack = 2 * np.finfo(z.dtype).eps
    assert (y >= low - slack).all()
    assert (y <= high + slack).all()


@pytest.mark.parametrize(
    "f", [sigmoid, tanh, relu, softplus, leaky_relu, elu, selu, partial(prelu, alpha=0.1)]
)
@settings(deadline=None)
@given(z=numbers())
def test_monotonic(f, z):
    y = f(np.sort(z, axis=None))
    assert (np.diff(y) >= -np.spacing(np.abs(y[1:]))).all()  # to the last bit


@pytest.mark.parametrize(
    ("f", "at", "minimum"),
    [(gelu, -0.7518, -0.16997), (swish, -1.2785, -0.27846), (mish, -1.1924, -0.30884)],
)
def test_not_monotonic(f, at, minimum):
    z = np.linspace(-6, 6, 120_001)
    y = f(z)
    assert z[y.argmin()] == pytest.approx(at, abs=2e-4)
    assert y.min() == pytest.approx(minimum, abs=1e-5)
    assert (np.diff(y[: y.argmin()]) < 0).all()
    assert (np.diff(y[y.argmin() :]) > 0).all()


@settings(deadline=None)
@given(z=numbers())
def test_identities(z):
    close = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(relu(relu(z)), relu(z))
    np.testing.assert_array_equal(relu(z) - relu(-z), z)
    np.testing.assert_array_equal(tanh(-z), -tanh(z))
    np.testing.assert_array_equal(sigmoid_grad(-z), sigmoid_grad(z))
    np.testing.assert_array_equal(leaky_relu(z, 1.0), z)
    np.testing.assert_array_equal(leaky_relu(z, 0.0), relu(z))
    np.testing.assert_array_equal(prelu(z, 0.3), leaky_relu(z, 0.3))
    np.testing.assert_array_equal(softplus_grad(z), sigmoid(z))
    np.testing.assert_array_equal(swish(z, 0.0), z / 2)
    np.testing.assert_array_equal(swish(z, 1.702), gelu(z, "sigmoid"))
    close(sigmoid(z) + sigmoid(-z), 1)
    close(tanh(z), 2 * sigmoid(2 * z) - 1)
    close(tanh_grad(z), 4 * sigmoid_grad(2 * z))
    close(softplus(z) - softplus(-z), z)
    close(selu(z), SELU_LAMBDA * elu(z, SELU_ALPHA))
    for f in (gelu, swish):  # z Phi(z) with Phi(-z) = 1 - Phi(z)
        close(f(z) - f(-z), z)
        close(f(z) + f(-z), np.abs(f(z) + f(-z)))
    assert (softplus(z) >= relu(z)).all()


@settings(deadline=None)
@given(z=numbers(), shift=st.floats(-1e4, 1e4), axis=st.sampled_from([0, -1]))
def test_softmax_properties(z, shift, axis):
    p = softmax(z, axis)
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(p.sum(axis), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(z + shift, axis), p, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(softmax(np.flip(z, axis), axis), np.flip(p, axis), rtol=1e-13)
    largest = np.take_along_axis(p, z.argmax(axis, keepdims=True), axis)
    np.testing.assert_array_equal(largest, p.max(axis, keepdims=True))


def test_softmax_of_two_classes_is_the_sigmoid_of_their_difference():
    z = np.random.default_rng(7).normal(0, 5, (50, 2))
    np.testing.assert_allclose(softmax(z)[:, 1], sigmoid(z[:, 1] - z[:, 0]), rtol=1e-12)


# Randomized slopes


@settings(deadline=None)
@given(
    bounds=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)).map(sorted),
    shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_slopes_lie_within_their_bounds(bounds, shape, dtype):
    slopes = rrelu_slopes(np.random.default_rng(0), shape, *bounds, dtype=dtype)
    assert (slopes.shape, slopes.dtype) == (shape, dtype)
    lower, upper = map(dtype, bounds)
    assert ((slopes >= lower) & (slopes <= upper)).all()


def test_slopes_are_uniform_and_reproducible():
    def draw(seed):
        return rrelu_slopes(np.random.default_rng(seed), (100, 100), dtype=np.float64)

    uniform = stats.uniform(1 / 8, 1 / 3 - 1 / 8)
    assert stats.kstest(draw(0).ravel(), uniform.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
    assert rrelu_slopes(np.random.default_rng(0), (2,)).dtype == np.float32


def test_slopes_make_a_leaky_relu():
    rng = np.random.default_rng(8)
    z = rng.standard_normal((32, 300)).astype(np.float32)
    alpha = rrelu_slopes(rng, z.shape)
    y, dz = leaky_relu(z, alpha), leaky_relu_grad(z, alpha)
    assert y.dtype == dz.dtype == np.float32
    np.testing.assert_array_equal(y[z > 0], z[z > 0])
    np.testing.assert_array_equal(y[z < 0], (alpha * z)[z < 0])
    np.testing.assert_array_equal(dz[z < 0], alpha[z < 0])
