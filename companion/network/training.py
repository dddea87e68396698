"""Training: the loop over batches, its history and its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from companion._checks import check_floats, check_function, check_learning_rate, integer, kind
from companion.optimizers import Optimizer
from companion.schedules import ReduceOnPlateau

if TYPE_CHECKING:
    from companion.network.model import Sequential

Array = NDArray[np.floating]


@dataclass
class History:
    """What ``fit`` recorded.

    Attributes
    ----------
    history : dict of lists
        For each metric its value after each epoch, as in Keras; "learning_rate", the epoch's,
        where a callback changes it.

    Examples
    --------
    >>> history = History()
    >>> for loss in (0.5, 0.25):
    ...     history.append({"loss": loss})
    >>> history.history
    {'loss': [0.5, 0.25]}
    """

    history: dict[str, list[float]] = field(default_factory=dict)

    def append(self, metrics: dict[str, float]) -> None:
        """Add an epoch's metrics."""
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)


class Callback:
    """Something to do along the way; override what is needed.

    ``self.model`` is the network in training. Setting ``self.model.stop_training`` ends the
    training after the current batch. ``self.optimizer`` is the optimizer; its ``learning_rate``
    may be set.

    Examples
    --------
    >>> from companion.network import Dense, Sequential
    >>> from companion.optimizers import GradientDescent
    >>> class Steps(Callback):
    ...     def on_train_begin(self):
    ...         self.start, self.lengths = self.model.weights.copy(), []
    ...     def on_epoch_end(self, epoch, metrics):
    ...         self.lengths.append(round(float(abs(self.model.weights - self.start).max()), 3))
    >>> model = Sequential([Dense(1)], (1,), np.random.default_rng(0), np.float64)
    >>> steps, optimizer = Steps(), Optimizer(GradientDescent(), 0.25)
    >>> history = model.fit([[0.0]], [1.0], optimizer=optimizer, epochs=3, callbacks=[steps])
    >>> steps.lengths
    [0.5, 0.75, 0.875]
    """

    model: Sequential
    optimizer: Optimizer

    def on_train_begin(self) -> None:
        """Do something before the first batch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Do something before an epoch: its number, from ``fit``'s ``initial_epoch``."""

    def on_batch_end(self, step: int, loss: float) -> None:
        """Do something after a step: its number in this ``fit``, from 0, and its batch's loss."""

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Do something after an epoch: its number, and its metrics; what is added is recorded."""

    def on_train_end(self) -> None:
        """Do something after the last batch."""


class TerminateOnNaN(Callback):
    """End the training as soon as a batch's loss is infinite or NaN.

    Attributes
    ----------
    step : int or None
        The step, from 0, at which that happened.

    Examples
    --------
    >>> from companion.network import Dense, Sequential
    >>> from companion.optimizers import GradientDescent
    >>> model = Sequential([Dense(1)], (1,), np.random.default_rng(0))
    >>> guard, optimizer = TerminateOnNaN(), Optimizer(GradientDescent(), 1e30)
    >>> history = model.fit([[1.0]], [1.0], optimizer=optimizer, epochs=99, callbacks=[guard])
    >>> len(history.history["loss"]), guard.step
    (2, 1)
    """

    step: int | None = None

    def on_batch_end(self, step: int, loss: float) -> None:
        """Look at the batch's loss."""
        if not np.isfinite(loss):
            self.step = step
            self.model.stop_training = True


class EarlyStopping(Callback):
    """End the training when a metric has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        The metric; higher is better if its name ends in "accuracy", lower otherwise.
    patience : int
        How many epochs without a new best value are tolerated.
    restore_best_weights : bool
        Whether to go back to the weights of the best epoch at the end.

    Attributes
    ----------
    best_epoch : int or None
        The number of the epoch with the best value.

    Raises
    ------
    ValueError
        If ``patience`` is negative, or the metric is not among those recorded.

    Examples
    --------
    >>> from companion.network import Dense, Sequential
    >>> from companion.optimizers import GradientDescent
    >>> model = Sequential([Dense(1, use_bias=False)], (1,), np.random.default_rng(0))
    >>> stopping, optimizer = EarlyStopping("loss", patience=2), Optimizer(GradientDescent(), 0.1)
    >>> history = model.fit([[0.0]], [1.0], optimizer=optimizer, epochs=99, callbacks=[stopping])
    >>> history.history["loss"], stopping.best_epoch  # the input 0 teaches nothing
    ([1.0, 1.0, 1.0, 1.0], 0)
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 0, restore_best_weights: bool = False
    ) -> None:
        if integer("patience", patience) < 0:
            raise ValueError(f"patience must be at least 0; received patience={patience}")
        self.monitor = monitor
        self.patience = patience
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self) -> None:
        """Forget what an earlier training left."""
        self.best = np.inf
        self.best_epoch: int | None = None
        self.wait = 0
        self.best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Compare the metric with the best so far."""
        value = _lower_is_better(self.monitor, metrics)
        self.wait += 1
        if value < self.best:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
        elif self.wait > self.patience:
            self.model.stop_training = True

    def on_train_end(self) -> None:
        """Go back to the best weights, if asked to."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch.

    A schedule per step needs no callback: it is the optimizer's ``learning_rate``.

    Parameters
    ----------
    schedule : callable
        From the epoch and the rate now to the rate of the epoch: ``f(epoch, rate)``.

    Raises
    ------
    TypeError
        If the optimizer's learning rate is itself a schedule.
    ValueError
        If a rate is negative or not finite.

    Notes
    -----
    Epochs count from 0 in every ``fit``, as in Keras: a second call starts the schedule again,
    unless it is told ``initial_epoch``. Keras also takes a schedule of the epoch alone.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Dense, LearningRateScheduler, Sequential
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> model = Sequential([Dense(1)], (1,), np.random.default_rng(0))
    >>> halve = LearningRateScheduler(lambda epoch, rate: 0.5 * rate if epoch > 0 else rate)
    >>> history = model.fit(
    ...     [[1.0]], [1.0], optimizer=Optimizer(GradientDescent(), 0.1), epochs=3, callbacks=[halve]
    ... )
    >>> history.history["learning_rate"]
    [0.1, 0.05, 0.025]
    """

    def __init__(self, schedule: Callable[[int, float], float]) -> None:
        check_function("schedule", schedule)
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int) -> None:
        """Ask the schedule for the epoch's rate."""
        self.optimizer.learning_rate = check_learning_rate(self.schedule(epoch, _rate(self)))

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Record the rate."""
        metrics.setdefault("learning_rate", _rate(self))


class ReduceLROnPlateau(Callback):
    """Cut the learning rate when a metric has not improved for some epochs.

    Performance scheduling by :class:`companion.schedules.ReduceOnPlateau`, with Keras's names.

    Parameters
    ----------
    monitor : str
        The metric; higher is better if its name ends in "accuracy", lower otherwise.
    factor : float
        What a cut multiplies the rate by, in (0, 1).
    patience : int
        The epochs without improvement that make a cut, at least 1.
    min_delta : float
        The improvement that counts, at least 0.
    cooldown : int
        After a cut, the epochs that do not count as waiting, at least 0.
    min_lr : float
        No cut goes below it.

    Raises
    ------
    TypeError
        If the optimizer's learning rate is itself a schedule.
    ValueError
        If an argument is outside its range, or the metric is not among those recorded.

    Notes
    -----
    Every ``fit`` starts with the rate that the last one ended with and waits anew, as in Keras.

    Examples
    --------
    >>> import numpy as np
    >>> from companion.network import Dense, ReduceLROnPlateau, Sequential
    >>> from companion.optimizers import GradientDescent, Optimizer
    >>> model = Sequential([Dense(1)], (1,), np.random.default_rng(0))
    >>> cut = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2)
    >>> history = model.fit(
    ...     [[0.0]], [1.0], optimizer=Optimizer(GradientDescent(), 1.0), epochs=6, callbacks=[cut]
    ... )
    >>> history.history["loss"]
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    >>> history.history["learning_rate"]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self.monitor = monitor
        # Its initial rate plays no part: the optimizer's is the one that is cut
        self.schedule = ReduceOnPlateau(1.0, factor, patience, min_delta, cooldown, minimum=min_lr)

    def on_train_begin(self) -> None:
        """Forget what an earlier training left; the rate is the optimizer's."""
        self.state = self.schedule.init()._replace(rate=_rate(self))

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Record the epoch's rate, and cut it for the next one if it is time."""
        rate = _rate(self)
        metrics.setdefault("learning_rate", rate)
        self.optimizer.learning_rate, self.state = self.schedule.update(
            self.state._replace(rate=rate), _lower_is_better(self.monitor, metrics)
        )


def _lower_is_better(monitor: str, metrics: dict[str, float]) -> float:
    if monitor not in metrics:
        raise ValueError(f"monitor must be one of {', '.join(metrics)}; received {monitor!r}")
    return -metrics[monitor] if monitor.endswith("accuracy") else metrics[monitor]


def _rate(callback: Callback) -> float:
    rate = callback.optimizer.learning_rate
    if callable(rate):
        raise TypeError(
            f"{type(callback).__name__} changes the optimizer's learning_rate, which must be a "
            f"float; received {rate!r}"
        )
    return float(rate)


def train(
    model: Sequential,
    x: Array,
    y: NDArray,
    *,
    optimizer: Optimizer,
    epochs: int,
    initial_epoch: int,
    batch_size: int,
    validation_data: tuple[Array, NDArray] | None,
    callbacks: Sequence[Callback],
    clip: Callable[[list[Array]], list[Array]] | None,
    order_rng: np.random.Generator,
    mask_rng: np.random.Generator,
    progress: bool,
) -> History:
    """Run ``fit``, whose docstring explains each argument; all are checked by then."""
    history, step = History(), 0
    model.stop_training = False
    for callback in callbacks:
        callback.model, callback.optimizer = model, optimizer
        callback.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        if model.stop_training:
            break
        for callback in callbacks:
            callback.on_epoch_begin(epoch)
        losses, correct, seen = 0.0, 0.0, 0
        order = order_rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                loss, accuracy = model.backpropagate(x.take(batch, axis=0), y[batch], mask_rng)
                if clip is not None:
                    _clip(model.gradients, clip)
                optimizer.step(model.weights, model.gradient)
                for layer in model.layers:
                    layer.constrain()
            losses += loss * len(batch)
            correct += accuracy * len(batch)
            seen += len(batch)
            for callback in callbacks:
                callback.on_batch_end(step, loss)
            step += 1
            if model.stop_training:
                break
        metrics = {"loss": losses / seen, "accuracy": correct / seen}
        if validation_data is not None:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                metrics["val_loss"], metrics["val_accuracy"] = model.evaluate(*validation_data)
        if progress:
            text = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            print(f"epoch {epoch + 1}/{epochs}  {text}", flush=True)
        for callback in callbacks:
            callback.on_epoch_end(epoch, metrics)
        history.append(metrics)
    for callback in callbacks:
        callback.on_train_end()
    return history


def _clip(gradients: list[Array], clip: Callable[[list[Array]], list[Array]]) -> None:
    """Put what a reader's function makes of the gradients in their place, if it fits them."""
    clipped = clip(list(gradients))  # a list of its own, whose parts it may replace
    if not isinstance(clipped, Sequence) or len(clipped) != len(gradients):
        raise ValueError(f"clip must return {len(gradients)} arrays; received {kind(clipped)}")
    for gradient, new in zip(gradients, clipped, strict=True):
        check_floats("what clip returns", new)
        if new.shape != gradient.shape:
            raise ValueError(
                f"clip must return arrays of the gradients' shapes, {gradient.shape} for one; "
                f"received {new.shape}"
            )
    for gradient, new in zip(gradients, clipped, strict=True):
        gradient[...] = new
