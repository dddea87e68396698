r"""Activation functions and their derivatives.

Each function ``f(z)`` works on each element of an array :math:`z` of floats, of any shape, and
has its derivative beside it as ``f_grad(z)``; only :func:`softmax` mixes elements. The result
has the shape and the dtype of ``z``. Both stay finite, without warnings, for :math:`|z|` up to
:math:`10^9`.

Where a function has a kink, its derivative at 0 is what Keras 3 on TensorFlow returns:

========================  ================  =======================================
at :math:`z = 0`          here, Keras       others
========================  ================  =======================================
:func:`relu_grad`         0                 the same
:func:`leaky_relu_grad`   :math:`\alpha`    PyTorch the same, JAX 1
:func:`elu_grad`          :math:`\alpha`    the same
:func:`selu_grad`         :math:`\lambda`   PyTorch, JAX :math:`\lambda \alpha`
:func:`prelu_grad`        0                 PyTorch :math:`\alpha`
========================  ================  =======================================
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from companion._checks import (
    check_axis,
    check_floating,
    check_floats,
    check_rng,
    check_shape,
    floats,
    number,
)

Array = NDArray[np.floating]


def sigmoid(z: Array) -> Array:
    r"""Return the logistic function, which squeezes any number into (0, 1).

    .. math:: \sigma(z) = \frac{1}{1 + e^{-z}}

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    z = floats("z", z)
    with np.errstate(over="ignore"):  # far on the left exp(-z) is inf, and 1 / inf the limit
        return 1 / (1 + np.exp(-z))


def sigmoid_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`sigmoid`, at most 1/4.

    .. math:: \sigma'(z) = \sigma(z) \, (1 - \sigma(z)) = \frac{e^{-|z|}}{(1 + e^{-|z|})^2}

    The derivative is the same at :math:`z` and :math:`-z`, and the second form is accurate at both.
    Frameworks use the first, in which :math:`1 - \sigma(z)` loses digits as :math:`z` grows: it
    is 0 from :math:`z = 17` on in float32, from 37 on in float64.

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> print("{:.2f} {:.2e} {:.2e}".format(*sigmoid_grad(np.array([0.0, 10.0, 40.0]))))
    0.25 4.54e-05 4.25e-18
    """
    z = floats("z", z)
    e = np.exp(-np.abs(z))
    return e / (1 + e) ** 2


def tanh(z: Array) -> Array:
    r"""Return the hyperbolic tangent, a logistic function that is centred and reaches to ±1.

    .. math:: \tanh(z) = 2 \sigma(2 z) - 1

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> tanh(np.array([-1e4, 0.0, 1e4])).tolist()
    [-1.0, 0.0, 1.0]
    """
    z = floats("z", z)
    return np.tanh(z)


def tanh_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`tanh`, at most 1.

    .. math:: \tanh'(z) = 1 - \tanh^2(z)

    As in every framework it is exactly 0 once the tangent rounds to ±1, from :math:`|z| = 9` on
    in float32 and 19 in float64.

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> tanh_grad(np.array([-20.0, 0.0, 1.0])).round(4).tolist()
    [0.0, 1.0, 0.42]
    """
    z = floats("z", z)
    return 1 - np.tanh(z) ** 2


def relu(z: Array) -> Array:
    r"""Return the rectified linear unit.

    .. math:: \operatorname{ReLU}(z) = \max(0, z)

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    References
    ----------
    X. Glorot, A. Bordes, Y. Bengio (2011), Deep sparse rectifier neural networks, AISTATS,
    PMLR 15:315-323.

    Examples
    --------
    >>> relu(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    z = floats("z", z)
    return np.maximum(z, 0)


def relu_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`relu`: 1 for :math:`z > 0`, else 0.

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> relu_grad(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    z = floats("z", z)
    return (z > 0).astype(z.dtype)


def softplus(z: Array) -> Array:
    r"""Return the smooth version of :func:`relu`.

    .. math:: \operatorname{softplus}(z) = \ln(1 + e^z) = \max(0, z) + \ln(1 + e^{-|z|})

    The second form cannot overflow. ``np.logaddexp(z, 0)`` returns the same, ten times as slowly.

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    References
    ----------
    C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia (2000), Incorporating second-order
    functional knowledge for better option pricing, NeurIPS 13.

    Examples
    --------
    >>> softplus(np.array([-1e4, 0.0, 1e4])).round(4).tolist()
    [0.0, 0.6931, 10000.0]
    """
    z = floats("z", z)
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`softplus`, which is :func:`sigmoid`.

    .. math:: \operatorname{softplus}'(z) = \sigma(z)

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> softplus_grad(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return sigmoid(z)


def leaky_relu(z: Array, alpha: float | Array = 0.01) -> Array:
    r"""Return the leaky ReLU, which lets a little of the negative side through.

    .. math::

        \operatorname{LeakyReLU}_\alpha(z) =
        \begin{cases} z & z > 0 \\ \alpha z & z \le 0 \end{cases}

    For :math:`\alpha \le 1` this is :math:`\max(\alpha z, z)`.

    Parameters
    ----------
    z : array
    alpha : float or array that broadcasts with z
        The slope :math:`\alpha` of the negative side. Defaults elsewhere: Keras's layer 0.3,
        ``keras.activations`` and TensorFlow 0.2, PyTorch and JAX 0.01.

    Returns
    -------
    array like z

    References
    ----------
    A. Maas, A. Hannun, A. Ng (2013), Rectifier nonlinearities improve neural network acoustic
    models, ICML.

    Examples
    --------
    >>> leaky_relu(np.array([-2.0, 0.0, 3.0]), alpha=0.25).tolist()
    [-0.5, 0.0, 3.0]
    """
    z = floats("z", z)
    return np.where(z > 0, z, _parameter("alpha", alpha, z) * z)


def leaky_relu_grad(z: Array, alpha: float | Array = 0.01) -> Array:
    r"""Return the derivative of :func:`leaky_relu`: 1 for :math:`z > 0`, else :math:`\alpha`.

    Parameters
    ----------
    z : array
    alpha : float or array that broadcasts with z
        The slope :math:`\alpha` of the negative side.

    Returns
    -------
    array like z

    Examples
    --------
    >>> leaky_relu_grad(np.array([-2.0, 0.0, 3.0]), alpha=0.25).tolist()
    [0.25, 0.25, 1.0]
    """
    z = floats("z", z)
    return np.where(z > 0, np.ones_like(z), _parameter("alpha", alpha, z))


def rrelu_slopes(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    *,
    dtype: DTypeLike = np.float32,
) -> Array:
    r"""Draw the slopes of a randomized leaky ReLU, for :func:`leaky_relu`'s ``alpha``.

    .. math:: \alpha \sim U(a, b)

    with :math:`a` ``lower`` and :math:`b` ``upper``: in training, new ones for each element of
    each batch. In testing the slope is their mean, :math:`(a + b) / 2`.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Shape of the array that the slopes are for.
    lower, upper : float
        The bounds, :math:`0 \le a \le b < 1`.
    dtype : dtype
        That of the array that the slopes are for.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If the bounds are not in order, or not in [0, 1).
    TypeError
        If ``rng`` is not a NumPy generator.

    Notes
    -----
    PyTorch's ``rrelu`` does the same. The paper draws the divisor :math:`1/\alpha \sim U(3, 8)`
    and tests with the slope 2/11 = 0.18, where the mean of these bounds is 11/48 = 0.23. Keras
    has no such activation.

    References
    ----------
    B. Xu, N. Wang, T. Chen, M. Li (2015), Empirical evaluation of rectified activations in
    convolutional network, arXiv:1505.00853.

    Examples
    --------
    >>> z = np.full((1000, 100), -1.0)
    >>> alpha = rrelu_slopes(np.random.default_rng(0), z.shape, dtype=z.dtype)
    >>> round(float(leaky_relu(z, alpha).mean()), 3), round(-11 / 48, 3)
    (-0.229, -0.229)
    """
    check_rng(rng)
    check_shape(shape)
    check_floating(dtype)
    if not 0 <= number("lower", lower) <= number("upper", upper) < 1:
        raise ValueError(
            f"lower and upper must satisfy 0 <= lower <= upper < 1; received {lower} and {upper}"
        )
    return np.asarray(rng.uniform(lower, upper, shape), dtype)


def prelu(z: Array, alpha: float | Array) -> Array:
    r"""Return the parametric ReLU: a leaky ReLU whose slopes are learned.

    .. math:: \operatorname{PReLU}_\alpha(z) = \max(0, z) + \alpha \min(0, z)

    Parameters
    ----------
    z : array
    alpha : float or array that broadcasts with z
        The slopes :math:`\alpha`, usually one a unit. They start at 0 in Keras, at 0.25 in the
        paper and in PyTorch.

    Returns
    -------
    array like z

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> prelu(np.array([[-2.0, -2.0], [3.0, 3.0]]), alpha=np.array([0.25, 0.5])).tolist()
    [[-0.5, -1.0], [3.0, 3.0]]
    """
    z = floats("z", z)
    return np.maximum(z, 0) + _parameter("alpha", alpha, z) * np.minimum(z, 0)


def prelu_grad(z: Array, alpha: float | Array) -> Array:
    r"""Return the derivative of :func:`prelu` for its input.

    .. math::

        \frac{\partial \operatorname{PReLU}_\alpha(z)}{\partial z} =
        \begin{cases} 1 & z > 0 \\ 0 & z = 0 \\ \alpha & z < 0 \end{cases}

    Parameters
    ----------
    z : array
    alpha : float or array that broadcasts with z
        The slopes :math:`\alpha`.

    Returns
    -------
    array like z

    Examples
    --------
    >>> prelu_grad(np.array([-2.0, 0.0, 3.0]), alpha=0.25).tolist()
    [0.25, 0.0, 1.0]
    """
    z = floats("z", z)
    return relu_grad(z) + _parameter("alpha", alpha, z) * relu_grad(-z)


def prelu_grad_alpha(z: Array) -> Array:
    r"""Return the derivative of :func:`prelu` for its parameter, the same for every alpha.

    .. math:: \frac{\partial \operatorname{PReLU}_\alpha(z)}{\partial \alpha} = \min(0, z)

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z
        One number an element; a slope that several elements share has their sum.

    Examples
    --------
    >>> prelu_grad_alpha(np.array([-2.0, 0.0, 3.0])).tolist()
    [-2.0, 0.0, 0.0]
    """
    z = floats("z", z)
    return np.minimum(z, 0)


def elu(z: Array, alpha: float = 1.0) -> Array:
    r"""Return the exponential linear unit.

    .. math::

        \operatorname{ELU}_\alpha(z) =
        \begin{cases} z & z > 0 \\ \alpha \, (e^z - 1) & z \le 0 \end{cases}
        \; = \max(0, z) + \alpha \left(e^{\min(0, z)} - 1\right)

    Parameters
    ----------
    z : array
    alpha : float
        It tends to :math:`-\alpha` on the left; its slope is continuous for :math:`\alpha = 1`.

    Returns
    -------
    array like z

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter (2015), Fast and accurate deep network learning
    by exponential linear units (ELUs), arXiv:1511.07289.

    Examples
    --------
    >>> elu(np.array([-1e4, -1.0, 0.0, 3.0]), alpha=2.0).round(4).tolist()
    [-2.0, -1.2642, 0.0, 3.0]
    """
    z = floats("z", z)
    return np.maximum(z, 0) + _parameter("alpha", alpha, z) * np.expm1(np.minimum(z, 0))


def elu_grad(z: Array, alpha: float = 1.0) -> Array:
    r"""Return the derivative of :func:`elu`.

    .. math::

        \operatorname{ELU}_\alpha'(z) =
        \begin{cases} 1 & z > 0 \\ \alpha \, e^z & z \le 0 \end{cases}

    Parameters
    ----------
    z : array
    alpha : float
        As for :func:`elu`.

    Returns
    -------
    array like z

    Examples
    --------
    >>> elu_grad(np.array([-1.0, 0.0, 3.0]), alpha=2.0).round(4).tolist()
    [0.7358, 2.0, 1.0]
    """
    z = floats("z", z)
    # np.where evaluates both branches: the exponential must not see the large positive z
    return np.where(z > 0, 1, _parameter("alpha", alpha, z) * np.exp(np.minimum(z, 0)))


# For a standard normal z, the halves of these are the means of e^z and of e^2z over z < 0.
_A = math.erfc(0.5**0.5) * math.exp(0.5)
_B = math.erfc(2**0.5) * math.exp(2)

#: SELU's :math:`\alpha` = 1.6733, which makes the mean of SELU(z) zero; see :func:`selu`.
SELU_ALPHA = (2 / math.pi) ** 0.5 / (1 - _A)

#: SELU's :math:`\lambda` = 1.0507, which makes the variance of SELU(z) one; see :func:`selu`.
SELU_LAMBDA = (2 / (1 + SELU_ALPHA**2 * (1 - 2 * _A + _B))) ** 0.5


def selu(z: Array) -> Array:
    r"""Return the scaled exponential linear unit.

    .. math::

        \operatorname{SELU}(z) = \lambda \operatorname{ELU}_\alpha(z) =
        \lambda \begin{cases} z & z > 0 \\ \alpha \, (e^z - 1) & z \le 0 \end{cases}

    :math:`\alpha` = 1.6733 and :math:`\lambda` = 1.0507 are the numbers that give
    :math:`\operatorname{SELU}(z)` mean 0 and variance 1 where :math:`z` is standard normal:

    .. math::

        \alpha = \frac{\sqrt{2/\pi}}{1 - A}, \quad
        \lambda^2 = \frac{2}{1 + \alpha^2 (1 - 2 A + B)}, \quad
        A = \sqrt{e} \operatorname{erfc} \tfrac{1}{\sqrt{2}}, \quad
        B = e^2 \operatorname{erfc} \sqrt{2}

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter (2017), Self-normalizing neural
    networks, arXiv:1706.02515.

    Examples
    --------
    >>> selu(np.array([-1e4, 0.0, 1.0])).round(4).tolist()
    [-1.7581, 0.0, 1.0507]
    """
    return SELU_LAMBDA * elu(z, SELU_ALPHA)


def selu_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`selu`.

    .. math::

        \operatorname{SELU}'(z) =
        \lambda \begin{cases} 1 & z \ge 0 \\ \alpha \, e^z & z < 0 \end{cases}

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> selu_grad(np.array([-1e-9, 0.0, 1.0])).round(4).tolist()
    [1.7581, 1.0507, 1.0507]
    """
    z = floats("z", z)
    return np.where(z >= 0, SELU_LAMBDA, SELU_LAMBDA * SELU_ALPHA * np.exp(np.minimum(z, 0)))


def gelu(z: Array, approximation: Literal["tanh", "sigmoid"] | None = None) -> Array:
    r"""Return the Gaussian error linear unit: z times the chance that a normal number is below z.

    .. math:: \operatorname{GELU}(z) = z \, \Phi(z)

    with :math:`\Phi` the standard normal distribution function or an approximation,
    :math:`\Phi(z) \approx \sigma(v)`:

    .. math::

        v_\text{tanh} = 2 u, \quad u = \sqrt{2 / \pi} \, (z + 0.044715 \, z^3), \qquad
        v_\text{sigmoid} = 1.702 \, z

    The first is usually written :math:`\sigma(2 u) = \frac12 (1 + \tanh u)`, hence its name.
    They change GELU by at most 0.0005 and 0.02, and take a third and a sixth of its time.

    Parameters
    ----------
    z : array
    approximation : {None, "tanh", "sigmoid"}
        None is exact, Keras's ``approximate=False``; "tanh" is its ``approximate=True``.

    Returns
    -------
    array like z

    Raises
    ------
    ValueError
        If ``approximation`` is none of these.

    Notes
    -----
    Keras on TensorFlow rounds its constants to float32, and is off by 5e-9 even in float64.

    References
    ----------
    D. Hendrycks, K. Gimpel (2016), Gaussian error linear units (GELUs), arXiv:1606.08415.

    Examples
    --------
    >>> z = np.array([-2.0, 0.0, 2.0])
    >>> gelu(z).round(4).tolist(), gelu(z, "tanh").round(4).tolist()
    ([-0.0455, 0.0, 1.9545], [-0.0454, 0.0, 1.9546])
    """
    z = floats("z", z)
    if approximation is None:
        return z * _normal_cdf(z)
    v, _ = _normal_logit(z, approximation)
    return z * sigmoid(v)


def gelu_grad(z: Array, approximation: Literal["tanh", "sigmoid"] | None = None) -> Array:
    r"""Return the derivative of :func:`gelu`.

    .. math:: \operatorname{GELU}'(z) = \Phi(z) + z \, \varphi(z)
        \qquad \text{or} \qquad \sigma(v) + z \, \sigma'(v) \, v'

    with :math:`\varphi = \Phi'` the standard normal density.

    Parameters
    ----------
    z : array
    approximation : {None, "tanh", "sigmoid"}
        As for :func:`gelu`.

    Returns
    -------
    array like z

    Raises
    ------
    ValueError
        If ``approximation`` is none of these.

    Examples
    --------
    >>> gelu_grad(np.array([-1e4, -1.0, 0.0, 1.0])).round(4).tolist()
    [0.0, -0.0833, 0.5, 1.0833]
    """
    z = floats("z", z)
    if approximation is None:
        return _normal_cdf(z) + z * np.exp(-0.5 * z**2) / (2 * np.pi) ** 0.5
    v, v_grad = _normal_logit(z, approximation)
    return sigmoid(v) + z * sigmoid_grad(v) * v_grad


def _normal_logit(z: Array, approximation: str) -> tuple[Array, Array | float]:
    r"""Return an approximation :math:`v` of the logit of :math:`\Phi(z)`, and its derivative."""
    if not isinstance(approximation, str) or approximation not in ("tanh", "sigmoid"):
        raise ValueError(
            'approximation must be None, "tanh" or "sigmoid"; '
            f"received approximation={approximation!r}"
        )
    if approximation == "tanh":
        # z * z**2 rather than z**3: NumPy squares fast, but takes other powers slowly
        slope = (8 / np.pi) ** 0.5
        return slope * z * (1 + 0.044715 * z**2), slope * (1 + 3 * 0.044715 * z**2)
    return 1.702 * z, 1.702


def _normal_cdf(z: Array) -> Array:
    r"""Return the standard normal distribution function, for which NumPy has no ``erf``.

    .. math:: \Phi(-x) = e^{-x^2/2} \, t \, P(2 t - 1), \qquad t = \frac{1}{1 + x / 5}

    :math:`t` maps all :math:`x \ge 0` to (0, 1], where what is left after the exponential is so
    smooth that one polynomial :math:`P` of degree 22 gives it with a relative error of 1e-16. In
    all, the absolute error is below 5e-16 in float64 and 3e-7 in float32. That costs 7 times as
    much as :func:`sigmoid`; ``math.erf`` on each element would cost 70 times as much.

    References
    ----------
    M. Shepherd, J. Laframboise (1981), Chebyshev approximation of (1 + 2x) exp(x²) erfc x in
    0 ≤ x < ∞, Mathematics of Computation 36, 249-253, doi:10.1090/S0025-5718-1981-0595058-X.
    """
    t = 1 / (1 + 0.2 * np.abs(z))
    k = 2 * t - 1
    P = np.full_like(k, _P[0])
    for coefficient in _P[1:]:  # Horner's rule, in place: without it GELU takes a fifth longer
        P *= k
        P += coefficient
    tail = np.exp(-0.5 * z**2) * t * P
    return np.where(z > 0, 1 - tail, tail)


# P interpolates e^(x^2/2) Phi(-x) / t at the 23 Chebyshev nodes; the highest power comes first.
# fmt: off
_P = (
    -1.6332385248857972e-10, -1.0074604252759712e-10,  1.8893655039354733e-09,
     1.0031299879715714e-09, -1.3565110626582311e-08, -7.1636801030864469e-09,
     8.6805251896595505e-08,  6.6213961430537243e-08, -5.5386757420877087e-07,
    -7.9558252811864845e-07,  3.3362198231726934e-06,  9.9523542379584370e-06,
    -1.1875134657297730e-05, -1.0897976618018600e-04, -1.5957388189616128e-04,
     5.9867534764464398e-04,  4.1590133601883232e-03,  1.3823727741762866e-02,
     3.3004073234068565e-02,  6.2706631334242757e-02,  9.9061123193995362e-02,
     1.3307650057801154e-01,  1.5383860995001258e-01,
)
# fmt: on


def swish(z: Array, beta: float | Array = 1.0) -> Array:
    r"""Return Swish, also called SiLU where beta is 1: z through its own sigmoid gate.

    .. math:: \operatorname{Swish}_\beta(z) = z \, \sigma(\beta z)

    It is :math:`z/2` for :math:`\beta = 0`, approximates GELU for :math:`\beta = 1.702` and
    tends to ReLU for large :math:`\beta`.

    Parameters
    ----------
    z : array
    beta : float or array that broadcasts with z
        The steepness :math:`\beta` of the gate, fixed or learned. Keras's ``silu`` has 1.

    Returns
    -------
    array like z

    References
    ----------
    P. Ramachandran, B. Zoph, Q. Le (2017), Searching for activation functions, arXiv:1710.05941.

    Examples
    --------
    >>> swish(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [-0.2689, 0.0, 0.7311]
    """
    z = floats("z", z)
    return z * sigmoid(_parameter("beta", beta, z) * z)


def swish_grad(z: Array, beta: float | Array = 1.0) -> Array:
    r"""Return the derivative of :func:`swish` for its input.

    .. math::

        \frac{\partial \operatorname{Swish}_\beta(z)}{\partial z} =
        \sigma(\beta z) + \beta z \, \sigma'(\beta z)

    Parameters
    ----------
    z : array
    beta : float or array that broadcasts with z
        The steepness :math:`\beta` of the gate.

    Returns
    -------
    array like z

    Examples
    --------
    >>> swish_grad(np.array([-1.0, 0.0, 1.0])).round(4).tolist()
    [0.0723, 0.5, 0.9277]
    """
    z = floats("z", z)
    u = _parameter("beta", beta, z) * z
    return sigmoid(u) + u * sigmoid_grad(u)


def swish_grad_beta(z: Array, beta: float | Array = 1.0) -> Array:
    r"""Return the derivative of :func:`swish` for its parameter.

    .. math::

        \frac{\partial \operatorname{Swish}_\beta(z)}{\partial \beta} = z^2 \, \sigma'(\beta z)

    Parameters
    ----------
    z : array
    beta : float or array that broadcasts with z
        The steepness :math:`\beta` of the gate.

    Returns
    -------
    array like z
        One number an element; a beta that several elements share has their sum.

    Examples
    --------
    >>> swish_grad_beta(np.array([-2.0, 0.0, 2.0])).round(2).tolist()
    [0.42, 0.0, 0.42]
    """
    z = floats("z", z)
    return z**2 * sigmoid_grad(_parameter("beta", beta, z) * z)


def mish(z: Array) -> Array:
    r"""Return Mish, a smooth relative of Swish.

    .. math:: \operatorname{Mish}(z) = z \tanh(\operatorname{softplus}(z))

    Like GELU and Swish it is not monotonic: it falls to -0.3088 at :math:`z` = -1.19 and rises
    from there on both sides.

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    References
    ----------
    D. Misra (2019), Mish: a self regularized non-monotonic activation function,
    arXiv:1908.08681.

    Examples
    --------
    >>> mish(np.array([-1e4, -1.0, 0.0, 1.0])).round(4).tolist()
    [-0.0, -0.3034, 0.0, 0.8651]
    """
    z = floats("z", z)
    return z * np.tanh(softplus(z))


def mish_grad(z: Array) -> Array:
    r"""Return the derivative of :func:`mish`.

    .. math:: \operatorname{Mish}'(z) = t + z \, (1 - t^2) \, \sigma(z),
              \qquad t = \tanh(\operatorname{softplus}(z))

    Parameters
    ----------
    z : array

    Returns
    -------
    array like z

    Examples
    --------
    >>> mish_grad(np.array([-1e4, 0.0, 1e4])).round(4).tolist()
    [0.0, 0.6, 1.0]
    """
    z = floats("z", z)
    t = np.tanh(softplus(z))
    return t + z * (1 - t**2) * sigmoid(z)


def softmax(z: Array, axis: int = -1) -> Array:
    r"""Return the softmax: positive numbers that sum to 1 along an axis.

    .. math:: p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}

    The largest :math:`z_j` is subtracted from all first, which changes no :math:`p_i` and keeps
    the exponentials from overflowing.

    There is no ``softmax_grad``: each output depends on each input, so the derivative is a
    matrix, :math:`\partial p_i / \partial z_j = p_i (\delta_{ij} - p_j)`. After a cross-entropy
    with the targets :math:`y` all that is left of it is :math:`p - y`, which is what
    :mod:`companion.network` passes back.

    Parameters
    ----------
    z : array
        The logits.
    axis : int
        The axis of the classes.

    Returns
    -------
    array like z

    References
    ----------
    J. Bridle (1990), Probabilistic interpretation of feedforward classification network outputs,
    doi:10.1007/978-3-642-76153-9_28.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [1e4, -1e4]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    z = floats("z", z)
    axis = check_axis(axis, z.ndim)
    e = np.exp(z - z.max(axis=axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


def _parameter(name: str, value: float | Array, z: Array) -> float | Array:
    """Return a scalar as a Python float, which leaves the dtype to z; an array as it is.

    A NumPy float64 scalar would turn float32 into float64.
    """
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return number(name, value)
    check_floats(name, value)
    for mine, its in zip(value.shape[::-1], (*z.shape[::-1], *[None] * 64), strict=False):
        if mine not in (1, its):
            raise ValueError(f"{name} must broadcast to {z.shape}; received {value.shape}")
    return value
