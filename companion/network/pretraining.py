r"""Unsupervised pretraining: layers that learn from inputs alone, before there are labels.

Each way of pretraining ends in an *encoder*, a :class:`~companion.network.Sequential` of Dense
layers, and :func:`initialize_from` copies its weights into the lower layers of a network:

============================  ====================================================
greedy, layer by layer        :func:`greedy_layerwise`, where each layer is the
                              encoder of a :class:`RestrictedBoltzmannMachine` or
                              of an :func:`autoencoder` with one hidden layer
in one shot                   :func:`autoencoder`, trained by ``fit(x, x)``, and
                              its :func:`encoder`
============================  ====================================================
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from companion._checks import (
    check_epochs,
    check_floating,
    check_function,
    check_instance,
    check_rng,
    check_shape,
    check_sizes,
    integer,
    numbers,
)
from companion.activations import sigmoid, softplus
from companion.network.layers import Array, Dense, Function, Layer
from companion.network.model import Sequential
from companion.network.training import History
from companion.optimizers import Optimizer

__all__ = [
    "RestrictedBoltzmannMachine",
    "autoencoder",
    "encoder",
    "greedy_layerwise",
    "initialize_from",
]

#: Examples of each set that the history of a Boltzmann machine looks at, always the same ones.
MONITORED = 1000


class RestrictedBoltzmannMachine:
    r"""A layer of binary visible units and one of binary hidden units, joined by symmetric weights.

    Units of the same layer are not joined, which is the restriction. The machine gives each
    state :math:`(v, h)` an energy, and a probability that falls with it:

    .. math:: E(v, h) = -a^\top v - b^\top h - v^\top W h, \qquad
              p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad Z = \sum_{v, h} e^{-E(v, h)}

    Given one layer, the units of the other are therefore independent, and each is on with a
    logistic probability (:meth:`hidden_probabilities`, :meth:`visible_probabilities`); given
    the data, that is the output of a Dense layer with a sigmoid (:meth:`encoder`).

    Parameters
    ----------
    visible, hidden : int
        The number of units in each layer.
    rng : numpy.random.Generator
        For the initial :math:`W`, normal with standard deviation 0.01; biases start at 0.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    kernel : array of shape (visible, hidden)
        The weights :math:`W`.
    visible_bias, hidden_bias : arrays of shape (visible,) and (hidden,)
        The biases :math:`a` and :math:`b`.
    weights : array
        All of them in one vector, in this order; the three above are views into it.

    Raises
    ------
    TypeError
        If ``rng`` is not a Generator.
    ValueError
        If ``visible`` or ``hidden`` is not a positive integer; in all methods, if the rows of an
        array have another length.

    References
    ----------
    P. Smolensky (1986), Information processing in dynamical systems: foundations of harmony
    theory, in Parallel Distributed Processing 1, 194-281.
    G. E. Hinton (2002), Training products of experts by minimizing contrastive divergence,
    Neural Computation 14, 1771-1800, doi:10.1162/089976602760128018.
    G. E. Hinton (2012), A practical guide to training restricted Boltzmann machines, in Neural
    Networks: Tricks of the Trade, 599-619, doi:10.1007/978-3-642-35289-8_32.

    Examples
    --------
    With four visible units all 16 states can be listed, so the likelihood is known exactly:

    >>> import numpy as np
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> v = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    >>> states = np.array(list(np.ndindex(2, 2, 2, 2)))
    >>> rbm = RestrictedBoltzmannMachine(4, 2, np.random.default_rng(0), np.float64)
    >>> def probability(v):
    ...     return np.exp(-rbm.free_energy(v)).sum() / np.exp(-rbm.free_energy(states)).sum()
    >>> round(float(probability(v)), 2)
    0.12
    >>> optimizer = Optimizer(GradientDescent(), 0.2)
    >>> history = rbm.fit(v, optimizer=optimizer, epochs=500, rng=np.random.default_rng(1))
    >>> bool(probability(v) > 0.8)
    True
    """

    def __init__(
        self, visible: int, hidden: int, rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> None:
        check_rng(rng)
        for name, units in (("visible", visible), ("hidden", hidden)):
            if not isinstance(units, int | np.integer) or units < 1:
                raise ValueError(f"{name} must be a positive integer; received {name}={units!r}")
        check_shape((visible, hidden), "(visible, hidden)")
        check_floating(dtype)
        self.visible, self.hidden = int(visible), int(hidden)
        self.dtype = np.dtype(dtype)
        size = self.visible * self.hidden
        self.weights = np.zeros(size + self.visible + self.hidden, self.dtype)
        kernel, self.visible_bias, self.hidden_bias = np.split(
            self.weights, [size, size + self.visible]
        )
        self.kernel = kernel.reshape(self.visible, self.hidden)
        self.kernel[...] = rng.normal(0, 0.01, self.kernel.shape)

    # The distribution

    def energy(self, v: ArrayLike, h: ArrayLike) -> Array:
        r"""Return :math:`E(v, h) = -a^\top v - b^\top h - v^\top W h` of each pair of rows.

        Parameters
        ----------
        v, h : arrays of shape (n, visible) and (n, hidden)

        Returns
        -------
        array of shape (n,)
        """
        v, h = self._rows(v, self.visible), self._rows(h, self.hidden)
        if len(v) != len(h):
            raise ValueError(f"v and h must have as many rows; received {len(v)} and {len(h)}")
        return -v @ self.visible_bias - h @ self.hidden_bias - (v @ self.kernel * h).sum(axis=1)

    def free_energy(self, v: ArrayLike) -> Array:
        r"""Return the energy of each row with all states of the hidden units summed out.

        .. math:: F(v) = -\log \sum_h e^{-E(v, h)}
                  = -a^\top v - \sum_j \log\left(1 + e^{b_j + \sum_i v_i W_{ij}}\right)

        so that :math:`p(v) = e^{-F(v)} / Z`.

        Parameters
        ----------
        v : array of shape (n, visible)

        Returns
        -------
        array of shape (n,)
        """
        v = self._rows(v, self.visible)
        return -v @ self.visible_bias - softplus(v @ self.kernel + self.hidden_bias).sum(axis=1)

    def hidden_probabilities(self, v: ArrayLike) -> Array:
        r"""Return :math:`p(h_j = 1 \mid v) = \sigma(b_j + \sum_i v_i W_{ij})`.

        Parameters
        ----------
        v : array of shape (n, visible)

        Returns
        -------
        array of shape (n, hidden)
        """
        return sigmoid(self._rows(v, self.visible) @ self.kernel + self.hidden_bias)

    def visible_probabilities(self, h: ArrayLike) -> Array:
        r"""Return :math:`p(v_i = 1 \mid h) = \sigma(a_i + \sum_j W_{ij} h_j)`.

        Parameters
        ----------
        h : array of shape (n, hidden)

        Returns
        -------
        array of shape (n, visible)
        """
        return sigmoid(self._rows(h, self.hidden) @ self.kernel.T + self.visible_bias)

    def gibbs_step(self, v: ArrayLike, rng: np.random.Generator) -> Array:
        r"""Draw :math:`h \sim p(h \mid v)`, and return a draw of :math:`v' \sim p(v \mid h)`.

        Repeated, its rows become draws from the machine's own :math:`p(v)`, whatever the start.

        Parameters
        ----------
        v : array of shape (n, visible)
        rng : numpy.random.Generator

        Returns
        -------
        array of zeros and ones, shape (n, visible)
        """
        check_rng(rng)
        h = _draw(rng, self.hidden_probabilities(v))
        return _draw(rng, self.visible_probabilities(h))

    def reconstruct(self, v: ArrayLike) -> Array:
        """Return the visible probabilities, given the hidden probabilities of ``v``.

        Parameters
        ----------
        v : array of shape (n, visible)

        Returns
        -------
        array of shape (n, visible)
        """
        return self.visible_probabilities(self.hidden_probabilities(v))

    # Learning

    def contrastive_divergence(
        self,
        v: ArrayLike,
        rng: np.random.Generator,
        *,
        k: int = 1,
        chains: Array | None = None,
    ) -> tuple[Array, Array]:
        r"""Estimate the gradient of the mean of :math:`-\log p(v)` by ``k`` Gibbs steps.

        .. math:: -\frac{\partial \log p(v)}{\partial W_{ij}} =
                  \langle v_i h_j \rangle_\text{model} - \langle v_i h_j \rangle_\text{data}

        and likewise with :math:`v_i` for :math:`a_i`, with :math:`h_j` for :math:`b_j`. The
        average over the data is known. That over the model is not, as :math:`Z` has too many
        terms, and is replaced by one over states that Gibbs sampling reaches after ``k`` steps:
        from the data (CD-k), or from where the last call ended (persistent CD). In both
        averages :math:`h_j` is replaced by its probability given :math:`v`: the same mean,
        less noise.

        Parameters
        ----------
        v : array of shape (n, visible)
            The data, in [0, 1]; grey values stand for the probability of a one.
        rng : numpy.random.Generator
        k : int
            The number of Gibbs steps.
        chains : array of shape (m, hidden), optional
            Hidden states to start from, instead of ones drawn for ``v``.

        Returns
        -------
        gradient : array like ``weights``
            To descend. CD-k is biased, less so for larger ``k``: what it estimates is not the
            gradient of any function.
        chains : array of shape (n, hidden) or (m, hidden)
            The hidden states after the last step.

        Raises
        ------
        ValueError
            If shapes do not fit or ``k`` is less than 1.

        References
        ----------
        G. E. Hinton (2002), doi:10.1162/089976602760128018.
        T. Tieleman (2008), Training restricted Boltzmann machines using approximations to the
        likelihood gradient, ICML, 1064-1071, doi:10.1145/1390156.1390290.
        I. Sutskever and T. Tieleman (2010), On the convergence properties of contrastive
        divergence, AISTATS, PMLR 9, 789-795: no function has this gradient.
        """
        check_rng(rng)
        if integer("k", k) < 1:
            raise ValueError(f"k must be at least 1; received k={k}")
        v = self._rows(v, self.visible)
        data = self.hidden_probabilities(v)
        h = _draw(rng, data) if chains is None else self._rows(chains, self.hidden)
        for _ in range(k):
            sampled = _draw(rng, self.visible_probabilities(h))
            model = self.hidden_probabilities(sampled)
            h = _draw(rng, model)
        return _averages(sampled, model) - _averages(v, data), h

    def fit(
        self,
        v: ArrayLike,
        *,
        optimizer: Optimizer,
        epochs: int,
        rng: np.random.Generator,
        batch_size: int = 32,
        k: int = 1,
        persistent: bool = False,
        validation_data: ArrayLike | None = None,
    ) -> History:
        r"""Train by mini-batches, each epoch in a new random order.

        Parameters
        ----------
        v : array of shape (n, visible)
            The data, in [0, 1]; grey values stand for the probability of a one.
        optimizer : Optimizer
            Steps along :meth:`contrastive_divergence`.
        epochs : int
            How often every example is seen; 0 is allowed.
        rng : numpy.random.Generator
            Gives, by ``rng.spawn``, a stream to the order of the batches and one to the samples.
        batch_size : int
            Examples a step, and the number of persistent chains.
        k : int
            Gibbs steps for each gradient.
        persistent : bool
            Whether the chains go on from one batch to the next. They follow the machine only
            while it changes slowly, so this wants a lower learning rate.
        validation_data : array of shape (m, visible), optional
            Examples to compare the training set with.

        Returns
        -------
        History
            After each epoch, on the first 1,000 examples of a set, "reconstruction_error", the
            mean of :math:`(v_i - \hat v_i)^2`; with validation data also
            "val_reconstruction_error" and "free_energy_gap", the mean of :math:`F` over the
            validation set minus that over the training set. In this difference :math:`Z` cancels:
            a gap that opens is overfitting. The reconstruction error is not what training
            descends: it can fall while the likelihood falls too.

        Raises
        ------
        ValueError
            If shapes, ``epochs``, ``batch_size`` or ``k`` make no sense, or if data are outside
            [0, 1].
        """
        check_rng(rng)
        check_epochs(epochs, batch_size)
        check_instance("optimizer", optimizer, Optimizer)
        if integer("k", k) < 1:
            raise ValueError(f"k must be at least 1; received k={k}")
        v = self._data(v)
        held_out = None if validation_data is None else self._data(validation_data)[:MONITORED]
        order_rng, sample_rng = rng.spawn(2)
        history, chains = History(), None
        for _ in range(epochs):
            order = order_rng.permutation(len(v))
            for start in range(0, len(v), batch_size):
                batch = v.take(order[start : start + batch_size], axis=0)
                gradient, states = self.contrastive_divergence(
                    batch, sample_rng, k=k, chains=chains
                )
                optimizer.step(self.weights, gradient)
                if persistent:
                    chains = states
            history.append(self._metrics(v[:MONITORED], held_out))
        return history

    def _metrics(self, v: Array, held_out: Array | None) -> dict[str, float]:
        metrics = {"reconstruction_error": self._reconstruction_error(v)}
        if held_out is not None:
            metrics["val_reconstruction_error"] = self._reconstruction_error(held_out)
            gap = self.free_energy(held_out).mean() - self.free_energy(v).mean()
            metrics["free_energy_gap"] = float(gap)
        return metrics

    def _reconstruction_error(self, v: Array) -> float:
        return float(np.square(v - self.reconstruct(v)).mean())

    def encoder(self) -> Sequential:
        """Return a network of one Dense layer whose output are the hidden probabilities."""
        dense = Sequential([Dense(self.hidden, "sigmoid")], (self.visible,), _unused(), self.dtype)
        dense.set_weights([self.kernel, self.hidden_bias])
        return dense

    def _rows(self, values: ArrayLike, units: int) -> Array:
        rows = numbers("rows", values, self.dtype)
        if rows.ndim != 2 or rows.shape[1] != units:
            raise ValueError(f"expected an array of shape (n, {units}); received {rows.shape}")
        return rows

    def _data(self, values: ArrayLike) -> Array:
        v = self._rows(values, self.visible)
        if len(v) == 0:
            raise ValueError("expected at least one example; received none")
        if not (v.min() >= 0 and v.max() <= 1):
            raise ValueError(
                f"expected data in [0, 1]; received values from {v.min():.4g} to {v.max():.4g}"
            )
        return v


def _draw(rng: np.random.Generator, probabilities: Array) -> Array:
    """Return ones with the given probabilities, and zeros otherwise, in their dtype."""
    uniform = rng.random(probabilities.shape, probabilities.dtype)
    return (uniform < probabilities).astype(probabilities.dtype)


def _averages(v: Array, h: Array) -> Array:
    """Return the means over the rows of v_i h_j, v_i and h_j, laid out like the weights."""
    return np.concatenate([(v.T @ h).ravel(), v.sum(axis=0), h.sum(axis=0)]) / len(v)


def _unused() -> np.random.Generator:
    """Return the streams of a network whose drawn weights are all overwritten."""
    return np.random.default_rng(0)


def autoencoder(
    widths: Sequence[int],
    rng: np.random.Generator,
    *,
    activation: Function | None = "relu",
    output: str = "sigmoid",
    initializer: Function = "glorot_uniform",
    noise: Layer | None = None,
    dtype: DTypeLike = np.float32,
) -> Sequential:
    r"""Build a network that reconstructs its input through a narrower layer, the code.

    .. math:: \hat x = \operatorname{decode}(\operatorname{encode}(\tilde x)), \qquad
              \tilde x = \text{noise}(x)

    Dense layers of the given widths encode, the same widths backwards decode. Train it with
    ``fit(x, x)``: with ``noise`` it then learns to restore what the noise took (a denoising
    autoencoder), since the target stays clean.

    Parameters
    ----------
    widths : sequence of int
        Units from the input to the code: ``(784, 300, 100)`` has the layers 300, 100, 300, 784.
    rng : numpy.random.Generator
        As in :class:`~companion.network.Sequential`.
    activation : str or callable or None
        Of all layers but the last.
    output : str
        Activation of the last layer: "sigmoid" for inputs in [0, 1], with binary cross-entropy
        as the loss; "linear" for any inputs, with the mean squared error.
    initializer : str or callable
        Of all kernels.
    noise : Layer, optional
        A new layer put first, which acts in training only: ``Dropout(0.3)``.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    Sequential

    Raises
    ------
    ValueError
        If there are fewer than two widths, or ``output`` is neither of the two.

    Notes
    -----
    Both losses are means over the outputs as well as the examples, so with 784 outputs gradients
    are small: plain gradient descent wants rates around 10, Adam its usual ones. The smallest
    possible binary cross-entropy is not 0 unless all inputs are 0 or 1. The accuracy in the
    history counts exact equality with 0 or 1, and means nothing for grey values.

    References
    ----------
    G. E. Hinton and R. R. Salakhutdinov (2006), Reducing the dimensionality of data with neural
    networks, Science 313, 504-507, doi:10.1126/science.1127647.
    P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol (2008), Extracting and composing
    robust features with denoising autoencoders, ICML, 1096-1103, doi:10.1145/1390156.1390294.

    Examples
    --------
    >>> import numpy as np
    >>> model = autoencoder((6, 4, 2), np.random.default_rng(0))
    >>> [layer.units for layer in model.layers]
    [4, 2, 4, 6]
    >>> encoder(model).predict(np.ones((5, 6))).shape
    (5, 2)
    """
    check_sizes("widths", widths)
    if len(widths) < 2:
        raise ValueError(f"expected the widths of the input and the code; received {list(widths)}")
    if not isinstance(output, str) or output not in ("sigmoid", "linear"):
        raise ValueError(f"output must be sigmoid or linear; received {output!r}")
    inputs, *hidden = widths
    layers: list[Layer] = [] if noise is None else [noise]
    layers += [Dense(units, activation, initializer) for units in hidden + hidden[-2::-1]]
    layers += [Dense(inputs, output, initializer)]
    return Sequential(layers, (inputs,), rng, dtype)


def encoder(autoencoder: Sequential) -> Sequential:
    """Return the lower half of an :func:`autoencoder`, from the input to the code.

    Parameters
    ----------
    autoencoder : Sequential
        Of Dense layers, as many to decode as to encode, after layers without weights (noise).

    Returns
    -------
    Sequential
        A network of its own, without the noise: the weights are copies.

    Raises
    ------
    ValueError
        If the network is not built like an autoencoder.

    Examples
    --------
    >>> lower = encoder(autoencoder((6, 4, 2), np.random.default_rng(0)))
    >>> [layer.units for layer in lower.layers]
    [4, 2]
    """
    check_instance("autoencoder", autoencoder, Sequential)
    layers = list(autoencoder.layers)
    while layers and not layers[0].weights:
        layers.pop(0)
    if (
        not all(isinstance(layer, Dense) for layer in layers)
        or len(layers) % 2
        or autoencoder.output_shape != autoencoder.input_shape
    ):
        raise ValueError(
            "expected an autoencoder: as many Dense layers to decode as to encode; received "
            f"{', '.join(type(layer).__name__ for layer in layers)} from "
            f"{autoencoder.input_shape} to {autoencoder.output_shape}"
        )
    return _copy(layers[: len(layers) // 2], autoencoder.dtype)


def greedy_layerwise(
    x: ArrayLike,
    widths: Sequence[int],
    train: Callable[[Array, int, np.random.Generator], Sequential],
    rng: np.random.Generator,
) -> Sequential:
    r"""Train layer after layer, each on what the finished layers below make of the data.

    .. math:: x^{(0)} = x, \qquad x^{(l)} = \operatorname{encode}_l(x^{(l-1)})

    where :math:`\operatorname{encode}_l` is trained on :math:`x^{(l-1)}` alone. The layers below
    are frozen by that: they only produce the data.

    Parameters
    ----------
    x : array of shape (n, inputs)
        The unlabelled data.
    widths : sequence of int
        Units of the layers, bottom first.
    train : callable
        ``train(x, units, rng)`` trains one layer on its inputs and returns its encoder:
        :meth:`RestrictedBoltzmannMachine.encoder`, or :func:`encoder` of an autoencoder with
        one hidden layer.
    rng : numpy.random.Generator
        Gives, by ``rng.spawn``, a stream to each layer.

    Returns
    -------
    Sequential
        The stack of all encoders, with copies of their weights.

    Raises
    ------
    ValueError
        If there are no widths, or an encoder has not the layer's units as its output.

    References
    ----------
    G. E. Hinton, S. Osindero and Y.-W. Teh (2006), A fast learning algorithm for deep belief
    nets, Neural Computation 18, 1527-1554, doi:10.1162/neco.2006.18.7.1527.
    Y. Bengio, P. Lamblin, D. Popovici and H. Larochelle (2007), Greedy layer-wise training of
    deep networks, NeurIPS 19, 153-160.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> def train(x, units, rng):
    ...     rbm = RestrictedBoltzmannMachine(x.shape[1], units, rng)
    ...     rbm.fit(x, optimizer=Optimizer(GradientDescent(), 0.1), epochs=2, rng=rng)
    ...     return rbm.encoder()
    >>> x = np.random.default_rng(1).integers(0, 2, (50, 6))
    >>> stack = greedy_layerwise(x, [4, 3], train, np.random.default_rng(2))
    >>> [layer.weights["kernel"].shape for layer in stack.layers]
    [(6, 4), (4, 3)]
    """
    check_sizes("widths", widths)
    check_function("train", train)
    check_rng(rng)
    if len(widths) == 0:
        raise ValueError("expected the width of at least one layer; received none")
    x = numbers("x", x)
    if x.ndim != 2:
        raise ValueError(f"x must have the shape (n, inputs); received {x.shape}")
    layers: list[Layer] = []
    for units, layer_rng in zip(widths, rng.spawn(len(widths)), strict=True):
        trained = train(x, units, layer_rng)
        check_instance("what train returns", trained, Sequential)
        if trained.output_shape != (units,):
            raise ValueError(
                f"expected an encoder with an output of shape {(units,)}; "
                f"received one of {trained.output_shape}"
            )
        layers += trained.layers
        x = trained.predict(x)
    return _copy(layers, trained.dtype)


def initialize_from(model: Sequential, layers: Sequence[Layer]) -> None:
    """Overwrite, in place, the weights of a network's lowest layers with those of other layers.

    Layers without weights (Flatten, Activation, dropout) are skipped on both sides; the others
    are matched in order. Moving statistics are copied too.

    Parameters
    ----------
    model : Sequential
        The network that is to start from what the layers have learned. It keeps its dtype; its
        layers are not frozen.
    layers : sequence of Layer
        Layers of another network, bottom first: ``encoder.layers``, ``other.layers[:2]``. Their
        activation functions are not compared: a kernel learned with a sigmoid fits a ReLU
        layer's shape, but its outputs are then other ones.

    Raises
    ------
    ValueError
        If the network has fewer layers with weights, or a shape differs; then nothing is changed.

    Examples
    --------
    >>> import numpy as np
    >>> pretrained = encoder(autoencoder((4, 3), np.random.default_rng(0)))
    >>> layers = [Dense(3, "relu"), Dense(2, "softmax")]
    >>> model = Sequential(layers, (4,), np.random.default_rng(1))
    >>> initialize_from(model, pretrained.layers)
    >>> bool((model.layers[0].weights["kernel"] == pretrained.layers[0].weights["kernel"]).all())
    True
    """
    check_instance("model", model, Sequential)
    if not isinstance(layers, Sequence) or not all(isinstance(layer, Layer) for layer in layers):
        raise TypeError(f"layers must be a sequence of layers; received {layers!r}")
    own, given = ([v for v in map(_values, group) if v] for group in (model.layers, layers))
    if len(given) > len(own):
        raise ValueError(
            f"expected at most {len(own)} layers with weights, as in the network; "
            f"received {len(given)}"
        )
    pairs = list(zip(own, given, strict=False))
    for i, (mine, values) in enumerate(pairs):
        expected, received = ({n: v.shape for n, v in group.items()} for group in (mine, values))
        if expected != received:
            raise ValueError(
                f"expected weights of shapes {expected} for layer {i} of those with weights; "
                f"received {received}"
            )
    for mine, values in pairs:
        for name, value in values.items():
            mine[name][...] = value


def _values(layer: Layer) -> dict[str, NDArray]:
    return {**layer.weights, **layer.statistics}


def _copy(layers: Sequence[Layer], dtype: DTypeLike) -> Sequential:
    """Return a network of its own with layers like these, and their weights."""
    new = [type(layer)(**layer.configuration()) for layer in layers]
    model = Sequential(new, layers[0].input_shape or (), _unused(), dtype)
    initialize_from(model, layers)
    return model
