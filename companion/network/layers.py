"""The layers: each knows its forward pass, its backward pass and the shapes of its weights.

A layer stores what the last forward and backward pass saw (``x``, ``z``, ``a``, ``dz``), so
that diagnostics can look at it, and holds its weights as views into the model's one vector.
"""

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from companion import activations, constraints, initializers, regularizers
from companion._checks import check_units, number, numbers
from companion.batch_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    update_moving,
)

Array = NDArray[np.floating]
Shape = tuple[int, ...]
#: The name of a public function, the function, or a ``functools.partial`` of it.
Function = str | Callable[..., Any]


def find(function: Function, module: ModuleType) -> Callable[..., Any]:
    """Return the function of a module that a name stands for; a callable is returned as it is."""
    if callable(function):
        return function
    names = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and not name.startswith("_")
    ]
    if not isinstance(function, str) or function not in names:
        raise ValueError(
            f"expected a function of {module.__name__} ({', '.join(sorted(names))}); "
            f"received {function!r}"
        )
    found: Callable[..., Any] = getattr(module, function)
    return found


def gradient_of(function: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
    """Return a public function's derivative, its ``_grad`` twin with the same keywords."""
    original = function.func if isinstance(function, partial) else function
    name = getattr(original, "__name__", repr(original))
    twin = getattr(module, f"{name}_grad", None)
    if twin is None:
        raise ValueError(
            f"expected a function with a derivative in {module.__name__}; received {name}"
        )
    if isinstance(function, partial):
        return partial(twin, *function.args, **function.keywords)
    return twin


def initial(
    initializer: Callable[..., Any], rng: np.random.Generator, shape: Shape, dtype: DTypeLike
) -> Array:
    """Return what an initializer draws, if it is what was asked for."""
    values = numbers("what the initializer returns", initializer(rng, shape, dtype=dtype), dtype)
    if values.shape != shape:
        raise ValueError(f"expected initial weights of shape {shape}; received {values.shape}")
    return values


class Layer:
    """What every layer has; a layer with weights builds them, all layers go both ways.

    Attributes
    ----------
    trainable : bool
        A frozen layer (False) is neither differentiated nor stepped.
    weights : dict of arrays
        The trainable weights by name, views into the model's vector.
    gradients : dict of arrays
        The gradient of each weight, views into the model's gradient.
    statistics : dict of arrays
        What is learned without a gradient (moving averages).

    Examples
    --------
    A layer of your own has weights, a way up and a way down:

    >>> from companion.network import Sequential
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> class Scale(Layer):
    ...     def build(self, input_shape, rng, dtype):
    ...         self.weights["factor"] = np.ones(1, dtype)
    ...         return super().build(input_shape, rng, dtype)
    ...     def forward(self, x, training, rng):
    ...         self.x = x
    ...         return self.weights["factor"] * x
    ...     def backward(self, dy, input_gradient=True):
    ...         self.gradients["factor"][...] = (dy * self.x).sum()
    ...         return self.weights["factor"] * dy
    >>> model = Sequential([Scale()], (1,), np.random.default_rng(0), np.float64)
    >>> x = np.array([[1.0], [2.0]])
    >>> history = model.fit(x, 3 * x, optimizer=Optimizer(GradientDescent(), 0.1), epochs=50)
    >>> model.weights.round(4).tolist()
    [3.0]
    """

    trainable = True

    def __init__(self) -> None:
        self.weights: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.statistics: dict[str, Array] = {}
        self.input_shape: Shape | None = None

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Make the initial weights for examples of a shape, and return the output's shape."""
        if self.input_shape is not None:
            raise ValueError(
                f"expected a new layer; received {type(self).__name__}, which is part of a network"
            )
        self.input_shape = tuple(input_shape)
        return self.input_shape

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return the layer's output for a batch."""
        raise NotImplementedError

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Fill the layer's gradients, and return the gradient for its input.

        Parameters
        ----------
        dy : array
            Gradient of the loss with respect to the layer's output.
        input_gradient : bool
            False where no layer below needs it: it is half of a layer's work, and what is
            returned then means nothing.
        """
        raise NotImplementedError

    def penalty(self) -> float:
        """Return what the layer's regularizer adds to the loss."""
        return 0.0

    def constrain(self) -> None:
        """Move the weights, in place, back to where the layer's constraint allows them."""

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {}


class Flatten(Layer):
    """Make a vector of each example, whatever its shape.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Sequential
    >>> Sequential([Flatten()], (28, 28), np.random.default_rng(0)).output_shape
    (784,)
    """

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Return the length of the vector."""
        return (int(np.prod(super().build(input_shape, rng, dtype))),)

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return a view of the batch with one row an example."""
        return x.reshape(len(x), -1)

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Give the gradient the input's shape again."""
        return dy.reshape(len(dy), *(self.input_shape or ()))


class Activation(Layer):
    r"""An activation function as a layer: :math:`a = f(z)`.

    Parameters
    ----------
    activation : str or callable or None
        A public function of :mod:`companion.activations`, its name, or a
        ``functools.partial`` of it (``partial(leaky_relu, alpha=0.2)``); None or "linear"
        is the identity. "softmax" stands only at the output, where the loss takes its
        derivative together with its own.

    Raises
    ------
    ValueError
        If the name is not one of the package's; in the backward pass, if softmax stands before
        the output.

    Examples
    --------
    >>> Activation("relu").activation.__name__
    'relu'
    """

    def __init__(self, activation: Function | None) -> None:
        super().__init__()
        self.activation: Callable[[Array], Array] | None = None
        self.activation_gradient: Callable[[Array], Array] | None = None
        if not (activation is None or (isinstance(activation, str) and activation == "linear")):
            self.activation = find(activation, activations)
            if self.activation is not activations.softmax:
                self.activation_gradient = gradient_of(self.activation, activations)

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return f(z), and keep z."""
        return self.activate(self.preactivate(x))

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        r"""Return :math:`\partial L/\partial z = \partial L/\partial a \cdot f'(z)`."""
        return self.backward_preactivation(self.through_activation(dy), input_gradient)

    def preactivate(self, x: Array) -> Array:
        """Return z, and keep it: all that a loss needs of the output layer."""
        self.z = x
        return x

    def activate(self, z: Array) -> Array:
        """Return f(z)."""
        return z if self.activation is None else self.activation(z)

    @property
    def a(self) -> Array:
        """What the last forward pass made of z."""
        return self.activate(self.z)

    def through_activation(self, da: Array) -> Array:
        r"""Return :math:`\partial L/\partial z` for a given :math:`\partial L/\partial a`."""
        if self.activation is None:
            return da
        if self.activation_gradient is None:
            raise ValueError("expected softmax only as the output's activation; received it before")
        return da * self.activation_gradient(self.z)

    def backward_preactivation(self, dz: Array, input_gradient: bool = True) -> Array:
        r"""Go on from :math:`\partial L/\partial z`, which a loss gives for the output layer."""
        self.dz = dz
        return dz

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"activation": self.activation}


class Dense(Activation):
    r"""A fully connected layer.

    .. math:: z = x W + b, \qquad a = f(z)

    and backward, with :math:`\delta = \partial L/\partial z`,

    .. math:: \frac{\partial L}{\partial W} = x^\top \delta, \qquad
              \frac{\partial L}{\partial b} = \sum_i \delta_i, \qquad
              \frac{\partial L}{\partial x} = \delta\, W^\top

    Parameters
    ----------
    units : int
        The number of neurons, :math:`W`'s columns.
    activation : str or callable or None
        :math:`f`, as in :class:`Activation`.
    initializer : str or callable
        How :math:`W` is drawn: a function of :mod:`companion.initializers`, its name, a
        ``functools.partial`` of it, or any ``f(rng, shape, *, dtype)``. Biases start at 0.
    use_bias : bool
        Whether there is a :math:`b`.
    regularizer : str or callable or None
        ``partial(l2, strength=1e-4)`` and the like, of :mod:`companion.regularizers`; acts on
        :math:`W`, and counts in the loss that is reported.
    constraint : str or callable or None
        ``partial(max_norm, limit=1.0)`` and the like, of :mod:`companion.constraints`; applied
        to :math:`W` after every step.

    Raises
    ------
    ValueError
        If ``units`` is not a positive integer or a name is not one of the package's.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Sequential
    >>> model = Sequential([Dense(3, "relu")], (2,), np.random.default_rng(0))
    >>> {name: w.shape for name, w in model.layers[0].weights.items()}
    {'kernel': (2, 3), 'bias': (3,)}
    """

    def __init__(
        self,
        units: int,
        activation: Function | None = None,
        initializer: Function = "glorot_uniform",
        use_bias: bool = True,
        regularizer: Function | None = None,
        constraint: Function | None = None,
    ) -> None:
        super().__init__(activation)
        check_units(units)
        self.units = int(units)
        self.initializer = find(initializer, initializers)
        self.use_bias = use_bias
        self.regularizer = self.regularizer_gradient = self.constraint = None
        if regularizer is not None:
            self.regularizer = find(regularizer, regularizers)
            self.regularizer_gradient = gradient_of(self.regularizer, regularizers)
        if constraint is not None:
            self.constraint = find(constraint, constraints)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Draw the kernel; the biases are zeros."""
        if len(input_shape) != 1:
            raise ValueError(
                f"Dense expects one vector an example (put Flatten before it); "
                f"received input_shape={input_shape}"
            )
        (inputs,) = super().build(input_shape, rng, dtype)
        self.weights["kernel"] = initial(self.initializer, rng, (inputs, self.units), dtype)
        if self.use_bias:
            self.weights["bias"] = np.zeros(self.units, dtype)
        return (self.units,)

    def preactivate(self, x: Array) -> Array:
        """Return z = xW + b, and keep x and z."""
        self.x = x
        self.z = x @ self.weights["kernel"]
        if self.use_bias:
            self.z += self.weights["bias"]
        return self.z

    def backward_preactivation(self, dz: Array, input_gradient: bool = True) -> Array:
        """Fill the gradients of kernel and bias, and return the input's."""
        self.dz = dz
        kernel = self.weights["kernel"]
        if self.trainable:
            np.matmul(self.x.T, dz, out=self.gradients["kernel"])
            if self.regularizer_gradient is not None:
                self.gradients["kernel"] += self.regularizer_gradient(kernel)
            if self.use_bias:
                dz.sum(axis=0, out=self.gradients["bias"])
        return dz @ kernel.T if input_gradient else dz

    def penalty(self) -> float:
        """Return what the kernel's regularizer adds to the loss."""
        return 0.0 if self.regularizer is None else float(self.regularizer(self.weights["kernel"]))

    def constrain(self) -> None:
        """Apply the constraint to the kernel, in place."""
        if self.constraint is not None and self.trainable:
            self.weights["kernel"][...] = self.constraint(self.weights["kernel"])

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("units", "activation", "initializer", "use_bias", "regularizer", "constraint")
        return {name: getattr(self, name) for name in names}


class BatchNormalization(Layer):
    r"""Normalize each feature over the batch, then scale and shift it.

    While training, :func:`companion.batch_norm.batch_norm` of the batch, whose mean and
    variance are added to the moving ones; otherwise, and while frozen,
    :func:`companion.batch_norm.batch_norm_inference` with the moving ones.

    Parameters
    ----------
    momentum : float
        Share of the moving statistics that stays, in [0, 1).
    epsilon : float
        Added to the variance.

    Raises
    ------
    ValueError
        If ``momentum`` is outside [0, 1), ``epsilon`` is negative, or an example is a number.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Sequential
    >>> model = Sequential([BatchNormalization()], (3,), np.random.default_rng(0))
    >>> sorted(model.layers[0].weights), sorted(model.layers[0].statistics)
    (['beta', 'gamma'], ['moving_mean', 'moving_variance'])
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3) -> None:
        super().__init__()
        if not 0 <= number("momentum", momentum) < 1:
            raise ValueError(f"momentum must be in [0, 1); received momentum={momentum}")
        if not 0 <= number("epsilon", epsilon) < math.inf:
            raise ValueError(f"epsilon must be non-negative and finite; received epsilon={epsilon}")
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Start as the identity: scale 1, shift 0, moving mean 0, moving variance 1."""
        if not input_shape:
            raise ValueError(f"expected examples with features; received input_shape={input_shape}")
        features = super().build(input_shape, rng, dtype)[-1]
        self.weights = {"gamma": np.ones(features, dtype), "beta": np.zeros(features, dtype)}
        self.statistics = {
            "moving_mean": np.zeros(features, dtype),
            "moving_variance": np.ones(features, dtype),
        }
        return input_shape

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return the normalized batch; update the moving statistics in training."""
        gamma, beta = self.weights["gamma"], self.weights["beta"]
        if not (training and self.trainable):
            return batch_norm_inference(
                x,
                gamma,
                beta,
                self.statistics["moving_mean"],
                self.statistics["moving_variance"],
                epsilon=self.epsilon,
            )
        y, self.cache = batch_norm(x, gamma, beta, epsilon=self.epsilon)
        for name, batch in (
            ("moving_mean", self.cache.mean),
            ("moving_variance", self.cache.variance),
        ):
            self.statistics[name][...] = update_moving(self.statistics[name], batch, self.momentum)
        return y

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Go back through the batch's statistics, or, while frozen, through a fixed scale."""
        if not self.trainable:
            scale = self.statistics["moving_variance"] + self.epsilon
            return dy * (self.weights["gamma"] / np.sqrt(scale))
        dx, self.gradients["gamma"][...], self.gradients["beta"][...] = batch_norm_backward(
            dy, self.cache
        )
        return dx

    def configuration(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"momentum": self.momentum, "epsilon": self.epsilon}
