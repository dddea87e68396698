"""A recurrent layer: one set of weights for all time steps, learned by going back through time."""

import numpy as np
from numpy.typing import DTypeLike

from companion import activations, initializers
from companion._checks import check_units
from companion.network.layers import Array, Function, Layer, Shape, find, gradient_of, initial


class SimpleRNN(Layer):
    r"""A layer whose state goes back into it at the next time step; returns the last state.

    .. math:: z_t = x_t W + h_{t-1} U + b, \qquad h_t = f(z_t), \qquad h_0 = 0

    and backward through time, with :math:`\delta_t = \partial L/\partial z_t`,

    .. math:: \delta_T = \frac{\partial L}{\partial h_T} \odot f'(z_T), \qquad
              \delta_t = (\delta_{t+1} U^\top) \odot f'(z_t)

    .. math:: \frac{\partial L}{\partial W} = \sum_t x_t^\top \delta_t, \qquad
              \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t, \qquad
              \frac{\partial L}{\partial b} = \sum_t \delta_t

    Parameters
    ----------
    units : int
        The number of neurons, the length of the state :math:`h_t`.
    activation : str or callable or None
        :math:`f`, as in :class:`companion.network.Activation`.
    initializer : str or callable
        How the kernel :math:`W` is drawn, as in :class:`companion.network.Dense`.
    recurrent_initializer : str or callable
        How the recurrent kernel :math:`U` is drawn. Biases :math:`b` start at 0.
    use_bias : bool
        Whether there is a :math:`b`.

    Attributes
    ----------
    z, dz : arrays of shape (steps, n, units)
        :math:`z_t` and :math:`\delta_t` of the last passes, time first.
    states : array of shape (steps + 1, n, units)
        :math:`h_0, ..., h_T`.

    Raises
    ------
    ValueError
        If ``units`` is not a positive integer, a name is not one of the package's, the
        activation has no derivative of its own (softmax), or an example is not a sequence of
        vectors.

    Notes
    -----
    Keras's ``SimpleRNN``, defaults included, without its masks and its dropout. PyTorch's
    ``RNN`` has two biases, whose sum is :math:`b`, and draws everything uniformly on
    :math:`\pm 1/\sqrt{\text{units}}`.

    References
    ----------
    J. L. Elman (1990), Finding structure in time, doi:10.1207/s15516709cog1402_1; P. J. Werbos
    (1990), Backpropagation through time: what it does and how to do it, doi:10.1109/5.58337.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Dense, Sequential, SimpleRNN
    >>> layers = [SimpleRNN(16), Dense(10, "softmax")]
    >>> model = Sequential(layers, (28, 28), np.random.default_rng(0))
    >>> {name: w.shape for name, w in model.layers[0].weights.items()}
    {'kernel': (28, 16), 'recurrent_kernel': (16, 16), 'bias': (16,)}
    >>> model.predict(np.zeros((2, 28, 28))).shape
    (2, 10)
    """

    def __init__(
        self,
        units: int,
        activation: Function | None = "tanh",
        initializer: Function = "glorot_uniform",
        recurrent_initializer: Function = "orthogonal",
        use_bias: bool = True,
    ) -> None:
        super().__init__()
        check_units(units)
        self.units = int(units)
        self.activation = self.activation_gradient = None
        if not (activation is None or (isinstance(activation, str) and activation == "linear")):
            self.activation = find(activation, activations)
            self.activation_gradient = gradient_of(self.activation, activations)
        self.initializer = find(initializer, initializers)
        self.recurrent_initializer = find(recurrent_initializer, initializers)
        self.use_bias = use_bias

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Shape:
        """Draw the kernel, then the recurrent kernel; the biases are zeros."""
        if len(input_shape) != 2:
            raise ValueError(
                f"SimpleRNN expects one sequence of vectors an example, (steps, features); "
                f"received input_shape={input_shape}"
            )
        _, features = super().build(input_shape, rng, dtype)
        shape = (self.units, self.units)
        self.weights["kernel"] = initial(self.initializer, rng, (features, self.units), dtype)
        self.weights["recurrent_kernel"] = initial(self.recurrent_initializer, rng, shape, dtype)
        if self.use_bias:
            self.weights["bias"] = np.zeros(self.units, dtype)
        return (self.units,)

    def forward(self, x: Array, training: bool, rng: np.random.Generator) -> Array:
        """Return the state after the last time step, and keep all states."""
        self.x = np.ascontiguousarray(x.swapaxes(0, 1))  # time first: one step is one block
        self.z = self.x @ self.weights["kernel"]
        if self.use_bias:
            self.z += self.weights["bias"]
        steps, n, units = self.z.shape
        self.states = np.zeros((steps + 1, n, units), self.z.dtype)
        for t, z in enumerate(self.z):
            z += self.states[t] @ self.weights["recurrent_kernel"]
            self.states[t + 1] = z if self.activation is None else self.activation(z)
        return self.states[-1]

    def backward(self, dy: Array, input_gradient: bool = True) -> Array:
        """Go back through time, fill the gradients, and return the input's."""
        self.dz = np.empty_like(self.z)
        dh = dy
        for t in reversed(range(len(self.z))):
            slope = 1 if self.activation_gradient is None else self.activation_gradient(self.z[t])
            self.dz[t] = dh * slope
            dh = self.dz[t] @ self.weights["recurrent_kernel"].T
        if self.trainable:
            dz = self.dz.reshape(-1, self.units)  # the sum over t is one product
            x, h = self.x.reshape(len(dz), -1), self.states[:-1].reshape(len(dz), -1)
            np.matmul(x.T, dz, out=self.gradients["kernel"])
            np.matmul(h.T, dz, out=self.gradients["recurrent_kernel"])
            if self.use_bias:
                dz.sum(axis=0, out=self.gradients["bias"])
        if not input_gradient:
            return dy
        return (self.dz @ self.weights["kernel"].T).swapaxes(0, 1)

    def configuration(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        names = ("units", "activation", "initializer", "recurrent_initializer", "use_bias")
        return {name: getattr(self, name) for name in names}
