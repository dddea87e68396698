"""The model: layers in a row, on one contiguous vector of weights."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from companion._checks import (
    check_epochs,
    check_floating,
    check_function,
    check_instance,
    check_rng,
    check_shape,
    integer,
    kind,
    numbers,
)
from companion.network.layers import Activation, Array, Layer, Shape
from companion.network.losses import LOSSES, Loss
from companion.network.training import Callback, History, train
from companion.optimizers import Optimizer

# Rows that predict and evaluate take at a time: the activations of a layer stay in cache.
ROWS = 1000


class Sequential:
    """A network of layers in a row, with Keras's words.

    All trainable weights lie in one vector, :attr:`weights`, and their gradient in another,
    :attr:`gradient`; the layers hold views into both. So an optimizer's step is one operation
    on one array, whatever the network looks like.

    Parameters
    ----------
    layers : sequence of Layer
        New layers, bottom first. The activation of the last one decides the loss: softmax
        with sparse categorical cross-entropy, sigmoid with binary cross-entropy, none with
        the mean squared error.
    input_shape : tuple of int
        The shape of one example.
    rng : numpy.random.Generator
        Gives, by ``rng.spawn``, a stream of its own to each layer's initial weights, to the
        order of the batches and to the random masks. Networks that differ in one of these
        therefore still share the others: their runs are paired.
    dtype : dtype
        float32, or float64 for digits that hold on other processors.

    Raises
    ------
    TypeError
        If ``rng`` is not a Generator.
    ValueError
        If there is no layer, if one is already part of a network, or if shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Dense, Sequential
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> rng = np.random.default_rng(42)
    >>> x = rng.normal(size=(500, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> model = Sequential([Dense(20, "tanh"), Dense(2, "softmax")], (2,), rng, np.float64)
    >>> history = model.fit(x, y, optimizer=Optimizer(GradientDescent(), 0.5), epochs=30)
    >>> loss, accuracy = model.evaluate(x, y)
    >>> accuracy > 0.9
    True
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Shape,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_rng(rng)
        check_shape(input_shape, "input_shape")
        check_floating(dtype)
        _check_all("layers", layers, Layer)
        if not layers:
            raise ValueError("expected at least one layer; received none")
        self.layers = tuple(layers)
        self.input_shape = tuple(input_shape)
        self.dtype = np.dtype(dtype)
        weight_rng, self.shuffle_rng, self.mask_rng = rng.spawn(3)
        shape = self.input_shape
        for layer, layer_rng in zip(self.layers, weight_rng.spawn(len(layers)), strict=True):
            shape = layer.build(shape, layer_rng, self.dtype)
        self.output_shape = shape
        self.stop_training = False
        self._pack()

    # One vector for all trainable weights

    def _variables(self) -> Iterator[tuple[dict[str, Array], str]]:
        for layer in self.layers:
            if layer.trainable:
                yield from ((layer.weights, name) for name in layer.weights)

    def _pack(self) -> None:
        size = sum(weights[name].size for weights, name in self._variables())
        self._weights, self._gradient = np.empty(size, self.dtype), np.zeros(size, self.dtype)
        start = 0
        for layer in self.layers:
            layer.gradients = {}
            for name, values in layer.weights.items():
                layer.weights[name] = values.copy()  # of its own, if it is frozen
                if layer.trainable:
                    here = slice(start, start + values.size)
                    start += values.size
                    self._weights[here] = values.ravel()
                    layer.weights[name] = self._weights[here].reshape(values.shape)
                    layer.gradients[name] = self._gradient[here].reshape(values.shape)
        self._packed_for = self._frozen_or_not()

    def _frozen_or_not(self) -> tuple[bool, ...]:
        return tuple(layer.trainable for layer in self.layers)

    def _pack_again_if_frozen_or_thawed(self) -> None:
        if self._packed_for != self._frozen_or_not():
            self._pack()

    @property
    def weights(self) -> Array:
        """All trainable weights, one vector; writing into it changes the layers."""
        self._pack_again_if_frozen_or_thawed()
        return self._weights

    @property
    def gradient(self) -> Array:
        """The gradient that :meth:`differentiate` left, laid out like :attr:`weights`."""
        self._pack_again_if_frozen_or_thawed()
        return self._gradient

    @property
    def gradients(self) -> list[Array]:
        """The same gradient as a list of views, one for each kernel, bias, ..."""
        self._pack_again_if_frozen_or_thawed()
        return [gradient for layer in self.layers for gradient in layer.gradients.values()]

    def get_weights(self) -> list[Array]:
        """Return copies of all weights and moving statistics, frozen or not, layer by layer."""
        return [values.copy() for values in self._all_values()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Overwrite all weights and moving statistics with what :meth:`get_weights` returned.

        Raises
        ------
        ValueError
            If their number or a shape does not fit; then nothing is changed.
        """
        _check_sequence("weights", weights)
        own, new = self._all_values(), [numbers("weights", w, self.dtype) for w in weights]
        expected, received = [w.shape for w in own], [w.shape for w in new]
        if expected != received:
            raise ValueError(f"expected weights of shapes {expected}; received {received}")
        for mine, values in zip(own, new, strict=True):
            mine[...] = values

    def _all_values(self) -> list[Array]:
        return [
            values
            for layer in self.layers
            for values in (*layer.weights.values(), *layer.statistics.values())
        ]

    @contextmanager
    def keep_statistics(self) -> Iterator[None]:
        """Undo what is done to moving statistics in a ``with`` block."""
        kept = [
            (values, values.copy()) for layer in self.layers for values in layer.statistics.values()
        ]
        try:
            yield
        finally:
            for values, before in kept:
                values[...] = before

    # Forward and backward

    def forward(
        self, x: Array, training: bool = False, rng: np.random.Generator | None = None
    ) -> Array:
        """Return the outputs for one batch; each layer keeps what it saw."""
        x = self._examples(x)
        rng = self.mask_rng if rng is None else rng
        for layer in self.layers:
            x = layer.forward(x, training, rng)
        return x

    def differentiate(
        self, x: ArrayLike, y: ArrayLike, rng: np.random.Generator | None = None
    ) -> float:
        """Return the loss of one batch in training, and fill :attr:`gradient` by backpropagation.

        The penalties of regularizers are part of both.
        """
        examples = self._examples(x)
        loss, _ = self.backpropagate(examples, self._targets(y, len(examples)), rng)
        return loss

    def backpropagate(
        self, x: Array, y: NDArray, rng: np.random.Generator | None = None
    ) -> tuple[float, float]:
        """Do as :meth:`differentiate`, and return the batch's loss and accuracy."""
        self._pack_again_if_frozen_or_thawed()
        loss = self.loss
        z = self._logits(x, True, rng)
        value, signal = loss.value_and_gradient(z, y)
        accuracy = loss.accuracy(z, y)
        lowest = next(
            (i for i, layer in enumerate(self.layers) if layer.gradients), len(self.layers)
        )
        backward = self._backward_from_logits()
        for i in reversed(range(lowest, len(self.layers))):
            signal = backward(signal, i > lowest)
            backward = self.layers[i - 1].backward
        return value + sum(layer.penalty() for layer in self.layers), accuracy

    def _logits(
        self, x: Array, training: bool = False, rng: np.random.Generator | None = None
    ) -> Array:
        """Return what :meth:`forward` does, but before the output's activation."""
        rng = self.mask_rng if rng is None else rng
        *below, output = self.layers
        for layer in below:
            x = layer.forward(x, training, rng)
        if isinstance(output, Activation):
            return output.preactivate(x)
        return output.forward(x, training, rng)

    def _backward_from_logits(self) -> Callable[[Array, bool], Array]:
        output = self.layers[-1]
        return output.backward_preactivation if isinstance(output, Activation) else output.backward

    @property
    def loss(self) -> Loss:
        """The loss that belongs to the activation of the output layer.

        Raises
        ------
        ValueError
            If that activation is none of softmax, sigmoid and linear.
        """
        activation = getattr(self.layers[-1], "activation", None)
        name = "linear" if activation is None else getattr(activation, "__name__", str(activation))
        if name not in LOSSES:
            raise ValueError(
                f"expected one of {', '.join(LOSSES)} at the output, to know the loss; "
                f"received {name}"
            )
        return LOSSES[name]

    # Use

    def predict(
        self, x: ArrayLike, training: bool = False, rng: np.random.Generator | None = None
    ) -> Array:
        """Return the outputs for examples of any number.

        Parameters
        ----------
        x : array of shape ``(n, *input_shape)``
        training : bool
            True keeps dropout and batch statistics as in training; the examples are then one
            batch. The moving statistics stay as they are, unlike those of Keras's
            ``model(x, training=True)``.
        rng : numpy.random.Generator, optional
            For the random masks; without it the model's own stream goes on.

        Raises
        ------
        ValueError
            If the examples have another shape.

        Notes
        -----
        For Monte Carlo dropout (:func:`companion.dropout.mc_predict`) the batch normalization
        should use its moving statistics, or a prediction depends on the other examples: set
        ``trainable = False`` for those layers.

        Examples
        --------
        >>> from functools import partial
        >>> from companion.dropout import mc_predict
        >>> from companion.network import Dense, Dropout, Sequential
        >>> layers = [Dense(20, "relu"), Dropout(0.5), Dense(3, "softmax")]
        >>> model = Sequential(layers, (2,), np.random.default_rng(0))
        >>> passes = partial(model.predict, training=True, rng=np.random.default_rng(1))
        >>> mc_predict(passes, np.ones((5, 2)), samples=10).shape
        (10, 5, 3)
        """
        x = self._examples(x)
        if rng is not None:
            check_rng(rng)
        if training:
            with self.keep_statistics():
                return self.forward(x, True, rng)
        return np.concatenate([self.forward(rows) for rows in _split(x)])

    def evaluate(self, x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
        """Return the mean loss, penalties included, and the accuracy (NaN for a linear output).

        Raises
        ------
        ValueError
            If the examples have another shape, or there are not as many targets.
        """
        x = self._examples(x)
        y = self._targets(y, len(x))
        loss, total, correct = self.loss, 0.0, 0.0
        for rows, targets in zip(_split(x), _split(y), strict=True):
            z = self._logits(rows)
            total += len(rows) * loss.value_and_gradient(z, targets)[0]
            correct += len(rows) * loss.accuracy(z, targets)
        return total / len(x) + sum(layer.penalty() for layer in self.layers), correct / len(x)

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer,
        epochs: int,
        initial_epoch: int = 0,
        batch_size: int = 32,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        callbacks: Sequence[Callback] = (),
        clip: Callable[[list[Array]], list[Array]] | None = None,
        rng: np.random.Generator | None = None,
        progress: bool = False,
    ) -> History:
        """Train by mini-batches, each epoch in a new random order.

        Parameters
        ----------
        x, y : arrays of the same length
            Examples, of shape ``(n, *input_shape)``, and their targets.
        optimizer : Optimizer
            Keeps its state: a second ``fit`` with it goes on where the first ended.
        epochs : int
            How often every example is seen, ``initial_epoch`` times less; 0 is allowed.
        initial_epoch : int
            The number of the first epoch, for callbacks that count. Each ``fit`` counts from 0
            unless told otherwise. As in Keras, ``epochs`` is then where the count ends:
            ``fit(..., epochs=4)`` and ``fit(..., epochs=6, initial_epoch=4)`` are six.
        batch_size : int
            Examples a step; the last batch of an epoch may be smaller.
        validation_data : pair of arrays, optional
            Evaluated after each epoch.
        callbacks : sequence of Callback
            Called along the way.
        clip : callable, optional
            From the list of gradients (one array for each kernel, bias, ...) to the clipped
            list: ``partial(clip_by_global_norm, limit=1.0)``.
        rng : numpy.random.Generator, optional
            For batch order and masks. Without it the model's own streams go on, so that two
            epochs and then two more are the same as four.
        progress : bool
            Print a line an epoch.

        Returns
        -------
        History
            Its ``history`` has a list an epoch for "loss" and "accuracy" (means over the
            epoch's batches, measured while the weights change) and, with validation data,
            "val_loss" and "val_accuracy".

        Raises
        ------
        ValueError
            If lengths, shapes, ``epochs``, ``initial_epoch`` or ``batch_size`` make no sense.

        Notes
        -----
        A run that diverges goes on with infinite or NaN losses; NumPy's warnings about them
        are silenced here. The callback :class:`TerminateOnNaN` ends it.

        An error that ``clip`` or a callback raises ends the training; what was trained stays.
        """
        x = self._examples(x)
        y = self._targets(y, len(x))
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise TypeError(
                    "validation_data must be a pair of examples and targets; "
                    f"received {kind(validation_data)}"
                )
            held_out = self._examples(validation_data[0])
            validation_data = held_out, self._targets(validation_data[1], len(held_out))
        check_instance("optimizer", optimizer, Optimizer)
        check_epochs(epochs, batch_size)
        _check_all("callbacks", callbacks, Callback)
        if clip is not None:
            check_function("clip", clip)
        if rng is not None:
            check_rng(rng)
        if integer("initial_epoch", initial_epoch) < 0:
            raise ValueError(
                f"initial_epoch must be at least 0; received initial_epoch={initial_epoch}"
            )
        order_rng, mask_rng = (self.shuffle_rng, self.mask_rng) if rng is None else rng.spawn(2)
        return train(
            self,
            x,
            y,
            optimizer=optimizer,
            epochs=epochs,
            initial_epoch=initial_epoch,
            batch_size=batch_size,
            validation_data=validation_data,
            callbacks=callbacks,
            clip=clip,
            order_rng=order_rng,
            mask_rng=mask_rng,
            progress=progress,
        )

    def _examples(self, x: ArrayLike) -> Array:
        x = numbers("x", x, self.dtype)
        if x.ndim == 0 or x.shape[1:] != self.input_shape or len(x) == 0:
            raise ValueError(
                f"expected examples of shape (n, *{self.input_shape}), n at least 1; "
                f"received {x.shape}"
            )
        return x

    def _targets(self, y: ArrayLike, examples: int) -> NDArray:
        y = numbers("y", y)
        if y.shape[:1] != (examples,):
            received = len(y) if y.ndim else "a number"
            raise ValueError(
                f"expected as many targets as examples, {examples}; received {received}"
            )
        if self.loss is LOSSES["softmax"]:
            classes = self.output_shape[-1]
            if y.dtype.kind not in "iu" or y.ndim != 1 or not (0 <= y.min() <= y.max() < classes):
                raise ValueError(
                    f"y must be labels, one integer in [0, {classes}) for each example; "
                    f"received {y.dtype} of shape {y.shape} from {y.min()} to {y.max()}"
                )
            return y
        if y.size != examples * math.prod(self.output_shape):
            raise ValueError(
                f"y must have the shape of the outputs, {(examples, *self.output_shape)}; "
                f"received {y.shape}"
            )
        return numbers("y", y, self.dtype)

    def save(self, path: str | PathLike[str], optimizer: Optimizer | None = None) -> None:
        """Write the model, its random streams and its optimizer to one ``.npz`` file.

        :func:`companion.network.load` reads it, and training goes on as if never interrupted.

        Raises
        ------
        ValueError
            If a layer, function, rule or schedule is not one of the package's, so that a name
            could not stand for it.
        """
        from companion.network.saving import save

        save(path, self, optimizer)


def _check_sequence(name: str, values: object) -> None:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise TypeError(f"{name} must be a sequence; received {kind(values)}")


def _check_all(name: str, values: object, expected: type) -> None:
    _check_sequence(name, values)
    for value in values:  # type: ignore[attr-defined]
        if not isinstance(value, expected):
            raise TypeError(f"{name} must all be a {expected.__name__}; received {kind(value)}")


def _split(x: NDArray) -> list[NDArray]:
    return [x[start : start + ROWS] for start in range(0, len(x), ROWS)]
