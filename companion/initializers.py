r"""Initializers: how the weights of a layer are drawn.

A layer with :math:`\text{fan}_\text{in}` inputs sums as many products, so the variance of its
weights decides whether signals grow or fade on their way up, and gradients on their way down.
All of these but :func:`orthogonal` are one function, :func:`variance_scaling`, with a name:

=======  =======================  ==========================================
name     variance of the weights  meant for
=======  =======================  ==========================================
Glorot   1 / mean of both fans    no activation, tanh, sigmoid, softmax
He       2 / fan in               ReLU and its variants
LeCun    1 / fan in               SELU
=======  =======================  ==========================================

Numbers are drawn in float64 and then rounded to ``dtype``, so that one seed gives the same
weights in every precision.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from companion._checks import check_floating, check_one_of, check_rng, check_shape, number

Array = NDArray[np.floating]

#: Standard deviation of a standard normal variable truncated to [-2, 2], about 0.8796:
#: its variance is :math:`1 - 4 \varphi(2) / \operatorname{erf}(\sqrt 2)`, where
#: :math:`\varphi(2) = e^{-2} / \sqrt{2 \pi}` is the normal density.
TRUNCATED_STDDEV = (1 - 4 * math.exp(-2) / (2 * math.pi) ** 0.5 / math.erf(2**0.5)) ** 0.5


def fans(shape: Sequence[int]) -> tuple[int, int]:
    r"""Return how many inputs each output sums, and how many outputs each input feeds.

    A dense kernel has the shape (fan in, fan out). A convolution kernel has the shape
    (height, width, channels in, channels out), with any number of spatial axes, and

    .. math::

        \text{fan}_\text{in} &= \text{height} \cdot \text{width} \cdot \text{channels in} \\
        \text{fan}_\text{out} &= \text{height} \cdot \text{width} \cdot \text{channels out}

    PyTorch stores kernels the other way round, (out, in, height, width), with the same fans.

    Parameters
    ----------
    shape : sequence of int
        Shape of the kernel. For a vector both fans are its length, for a scalar both are 1.

    Returns
    -------
    (int, int)
        Fan in and fan out.

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.

    Examples
    --------
    >>> fans((784, 300))
    (784, 300)
    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    check_shape(shape)
    if len(shape) < 2:
        units = int(math.prod(shape))
        return units, units
    *receptive_field, channels_in, channels_out = map(int, shape)
    size = math.prod(receptive_field)
    return size * channels_in, size * channels_out


def variance_scaling(
    rng: np.random.Generator,
    shape: Sequence[int],
    *,
    scale: float = 1.0,
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal",
    dtype: DTypeLike = np.float32,
) -> Array:
    r"""Draw weights with mean 0 and a variance that is inversely proportional to a fan.

    .. math:: \operatorname{Var}[W] = \frac{s}{n}

    with :math:`s` ``scale`` and :math:`n` the fan that ``mode`` names. The uniform distribution
    then reaches to :math:`\pm\sqrt{3 s / n}`. The truncated normal one is cut at two of its
    *own* standard deviations, which leaves 0.774 of the variance, and is widened to make up
    for that (:data:`TRUNCATED_STDDEV`): it reaches to :math:`\pm 2.27 \sqrt{s / n}`.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : sequence of int
        Shape of the kernel, see :func:`fans`.
    scale : float
        The factor :math:`s`, positive.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Which fan :math:`n` is; "fan_avg" is the mean of both.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    dtype : dtype
        A floating type.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``scale``, ``mode``, ``distribution`` or ``shape`` is not one of these.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    Notes
    -----
    Keras and JAX do the same. TensorFlow 1's ``tf.contrib`` widened by the rounded factor
    :math:`\sqrt{1.3}`, 0.6 % too much variance. PyTorch's normal initializers do not truncate:
    the same variance, with 2.3 % of the weights beyond our bound.

    Examples
    --------
    >>> W = variance_scaling(np.random.default_rng(0), (784, 300), scale=2.0, mode="fan_out")
    >>> W.shape, W.dtype.name, round(float(W.var() * 300), 2)
    ((784, 300), 'float32', 2.0)
    """
    check_rng(rng)
    check_floating(dtype)
    if not 0 < number("scale", scale) < math.inf:
        raise ValueError(f"scale must be positive and finite; received scale={scale}")
    fan_in, fan_out = fans(shape)
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    check_one_of("mode", mode, sizes)
    stddev = (scale / max(1, sizes[mode])) ** 0.5
    return np.asarray(stddev * _unit_variance(rng, shape, distribution), dtype)


def _unit_variance(rng: np.random.Generator, shape: Sequence[int], distribution: str) -> Array:
    """Draw from a distribution with mean 0 and variance 1."""
    draws = {
        "truncated_normal": lambda: _truncated_normal(rng, shape) / TRUNCATED_STDDEV,
        "untruncated_normal": lambda: rng.standard_normal(shape),
        "uniform": lambda: rng.uniform(-(3**0.5), 3**0.5, shape),
    }
    check_one_of("distribution", distribution, draws)
    return draws[distribution]()


def _truncated_normal(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Draw standard normal numbers, and draw again those outside [-2, 2], 4.6 % of them."""
    w = rng.standard_normal(shape)
    while (outside := np.abs(w) > 2).any():
        w[outside] = rng.standard_normal(np.count_nonzero(outside))
    return w


def glorot_normal(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from Glorot's (Xavier's) normal distribution, truncated.

    .. math:: \operatorname{Var}[W] = \frac{1}{\text{fan}_\text{avg}}
                                    = \frac{2}{\text{fan}_\text{in} + \text{fan}_\text{out}}

    It is the compromise between signals that keep their variance on the way up, which takes
    :math:`1/\text{fan}_\text{in}`, and gradients that keep theirs on the way down, which takes
    :math:`1/\text{fan}_\text{out}`. PyTorch's ``xavier_normal_`` does not truncate.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    X. Glorot, Y. Bengio (2010), Understanding the difficulty of training deep feedforward
    neural networks, AISTATS, PMLR 9:249-256.

    Examples
    --------
    >>> W = glorot_normal(np.random.default_rng(0), (784, 300))
    >>> round(float(W.var() * (784 + 300) / 2), 2)
    1.0
    """
    return variance_scaling(rng, shape, mode="fan_avg", dtype=dtype)


def glorot_uniform(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from Glorot's (Xavier's) uniform distribution, the default of Keras's layers.

    .. math:: W \sim U(-r, r), \qquad r = \sqrt{\frac{3}{\text{fan}_\text{avg}}}
                                     = \sqrt{\frac{6}{\text{fan}_\text{in} + \text{fan}_\text{out}}}

    The variance is that of :func:`glorot_normal`: :math:`r^2 / 3`. PyTorch's ``nn.Linear`` uses
    :math:`r = \sqrt{1 / \text{fan}_\text{in}}` instead, a third of LeCun's variance.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    X. Glorot, Y. Bengio (2010), Understanding the difficulty of training deep feedforward
    neural networks, AISTATS, PMLR 9:249-256.

    Examples
    --------
    >>> W = glorot_uniform(np.random.default_rng(0), (1000, 500))
    >>> print(f"{W.min():.4f} {W.max():.4f} {(6 / 1500) ** 0.5:.4f}")
    -0.0632 0.0632 0.0632
    """
    return variance_scaling(rng, shape, mode="fan_avg", distribution="uniform", dtype=dtype)


def he_normal(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from He's (Kaiming's) normal distribution, truncated.

    .. math:: \operatorname{Var}[W] = \frac{2}{\text{fan}_\text{in}}

    The 2 makes up for ReLU, which lets half of the signal's second moment through:
    :math:`E[\max(0, z)^2] = E[z^2] / 2`. PyTorch's ``kaiming_normal_`` does not truncate.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> W = he_normal(np.random.default_rng(0), (784, 300))
    >>> round(float(W.var() * 784), 2)
    2.0
    """
    return variance_scaling(rng, shape, scale=2.0, dtype=dtype)


def he_uniform(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from He's (Kaiming's) uniform distribution.

    .. math:: W \sim U(-r, r), \qquad r = \sqrt{\frac{6}{\text{fan}_\text{in}}}

    The variance is that of :func:`he_normal`: :math:`r^2 / 3`.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> W = he_uniform(np.random.default_rng(0), (600, 500))
    >>> print(f"{W.min():.4f} {W.max():.4f}")
    -0.1000 0.1000
    """
    return variance_scaling(rng, shape, scale=2.0, distribution="uniform", dtype=dtype)


def lecun_normal(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from LeCun's normal distribution, truncated; SELU needs it.

    .. math:: \operatorname{Var}[W] = \frac{1}{\text{fan}_\text{in}}

    A layer of such weights passes the variance of its inputs on to its weighted sums. It equals
    :func:`glorot_normal` where both fans are equal.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller (1998), Efficient BackProp,
    doi:10.1007/3-540-49430-8_2.

    Examples
    --------
    >>> W = lecun_normal(np.random.default_rng(0), (784, 300))
    >>> round(float(W.var() * 784), 2)
    1.0
    """
    return variance_scaling(rng, shape, dtype=dtype)


def lecun_uniform(
    rng: np.random.Generator, shape: Sequence[int], *, dtype: DTypeLike = np.float32
) -> Array:
    r"""Draw from LeCun's uniform distribution.

    .. math:: W \sim U(-r, r), \qquad r = \sqrt{\frac{3}{\text{fan}_\text{in}}}

    The variance is that of :func:`lecun_normal`: :math:`r^2 / 3`.

    Parameters
    ----------
    rng, shape, dtype
        As for :func:`variance_scaling`.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` is not a sequence of non-negative integers.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller (1998), Efficient BackProp,
    doi:10.1007/3-540-49430-8_2.

    Examples
    --------
    >>> W = lecun_uniform(np.random.default_rng(0), (300, 500))
    >>> print(f"{W.min():.4f} {W.max():.4f}")
    -0.1000 0.1000
    """
    return variance_scaling(rng, shape, distribution="uniform", dtype=dtype)


def orthogonal(
    rng: np.random.Generator,
    shape: Sequence[int],
    *,
    gain: float = 1.0,
    dtype: DTypeLike = np.float32,
) -> Array:
    r"""Draw a random orthogonal matrix, which keeps the length of every signal.

    .. math:: W^\top W = g^2 I \quad (\text{or } W W^\top = g^2 I \text{ if } W \text{ is wide})

    with :math:`g` ``gain``. :math:`W` is the factor :math:`Q` of a normal matrix :math:`A = Q R`.
    That factor is unique, and :math:`W` uniform among the orthogonal matrices, once the diagonal
    of :math:`R` is made positive: hence the signs. Keras, PyTorch and JAX do the same.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : sequence of int
        At least two axes; all but the last are flattened into the rows of :math:`W`.
    gain : float
        The factor :math:`g`, positive.
    dtype : dtype
        A floating type.

    Returns
    -------
    array of the given shape and dtype

    Raises
    ------
    ValueError
        If ``shape`` has fewer than two axes or ``gain`` is not positive and finite.
    TypeError
        If ``rng`` is not a NumPy generator or ``dtype`` not a floating type.

    References
    ----------
    A. Saxe, J. McClelland, S. Ganguli (2014), Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks, arXiv:1312.6120. F. Mezzadri (2007), How to generate
    random matrices from the classical compact groups, arXiv:math-ph/0609050.

    Examples
    --------
    >>> W = orthogonal(np.random.default_rng(0), (300, 100), gain=2.0, dtype=np.float64)
    >>> bool(np.allclose(W.T @ W, 4 * np.eye(100)))
    True
    """
    check_rng(rng)
    check_floating(dtype)
    check_shape(shape)
    if len(shape) < 2:
        raise ValueError(f"shape must have at least two axes; received shape={shape}")
    if not 0 < number("gain", gain) < math.inf:
        raise ValueError(f"gain must be positive and finite; received gain={gain}")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    A = rng.standard_normal((max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(A)
    W = gain * Q * np.sign(np.diag(R))
    return np.asarray((W.T if rows < columns else W).reshape(shape), dtype, order="C")
