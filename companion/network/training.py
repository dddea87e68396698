"""Training: the loop over batches, its history and its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from companion.optimizers import Optimizer

if TYPE_CHECKING:
    from companion.network.model import Sequential

Array = NDArray[np.floating]


@dataclass
class History:
    """What ``fit`` recorded.

    Attributes
    ----------
    history : dict of lists
        For each metric its value after each epoch, as in Keras.
    """

    history: dict[str, list[float]] = field(default_factory=dict)

    def append(self, metrics: dict[str, float]) -> None:
        """Add an epoch's metrics."""
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)


class Callback:
    """Something to do along the way; override what is needed.

    ``self.model`` is the network in training. Setting ``self.model.stop_training`` ends the
    training after the current batch.
    """

    model: Sequential

    def on_train_begin(self) -> None:
        """Do something before the first batch."""

    def on_batch_end(self, step: int, loss: float) -> None:
        """Do something after a step: its number in this ``fit``, from 0, and its batch's loss."""

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Do something after an epoch: its number in this ``fit``, from 0, and its metrics."""

    def on_train_end(self) -> None:
        """Do something after the last batch."""


class TerminateOnNaN(Callback):
    """End the training as soon as a batch's loss is infinite or NaN.

    Attributes
    ----------
    step : int or None
        The step, from 0, at which that happened.
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
        The epoch, from 0, of the best value.

    Raises
    ------
    ValueError
        If ``patience`` is negative, or the metric is not among those recorded.
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 0, restore_best_weights: bool = False
    ) -> None:
        if patience < 0:
            raise ValueError(f"patience must be at least 0; received patience={patience}")
        self.monitor = monitor
        self.patience = patience
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self) -> None:
        """Forget what an earlier training left."""
        self.best = -np.inf
        self.best_epoch: int | None = None
        self.best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, metrics: dict[str, float]) -> None:
        """Compare the metric with the best so far."""
        if self.monitor not in metrics:
            raise ValueError(
                f"monitor must be one of {', '.join(metrics)}; received {self.monitor!r}"
            )
        value = metrics[self.monitor] * (1 if self.monitor.endswith("accuracy") else -1)
        if value > self.best:
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
        elif epoch - (self.best_epoch or 0) > self.patience:
            self.model.stop_training = True

    def on_train_end(self) -> None:
        """Go back to the best weights, if asked to."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


def train(
    model: Sequential,
    x: Array,
    y: NDArray,
    *,
    optimizer: Optimizer,
    epochs: int,
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
        callback.model = model
        callback.on_train_begin()
    for epoch in range(epochs):
        if model.stop_training:
            break
        losses, correct, seen = 0.0, 0.0, 0
        order = order_rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                loss, accuracy = model.backpropagate(x.take(batch, axis=0), y[batch], mask_rng)
                if clip is not None:
                    for gradient, clipped in zip(
                        model.gradients, clip(model.gradients), strict=True
                    ):
                        gradient[...] = clipped
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
        history.append(metrics)
        if progress:
            text = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
            print(f"epoch {epoch + 1}/{epochs}  {text}", flush=True)
        for callback in callbacks:
            callback.on_epoch_end(epoch, metrics)
    for callback in callbacks:
        callback.on_train_end()
    return history
