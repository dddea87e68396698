"""Few images, seen thirty times: who stops early, and who generalizes from the same loss."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Callback
from companion.optimizers import (
    AdaGrad,
    Adam,
    GradientDescent,
    Momentum,
    Nadam,
    Optimizer,
    RMSProp,
)

BAND = 0.25, 0.40


class TestInBand(Callback):
    """The test accuracy after each epoch whose training loss lies in the band.

    Their mean compares rules at the same training loss; one epoch alone is too noisy.
    """

    def __init__(self, x, y):
        self.x, self.y = x, y

    def on_train_begin(self):
        """Start an empty list."""
        self.accuracies = []

    def on_epoch_end(self, epoch, metrics):
        """Look at the epoch's loss."""
        if BAND[0] <= metrics["loss"] <= BAND[1]:
            self.accuracies.append(self.model.evaluate(self.x, self.y)[1])


def train(seed, hidden, rule, unit, learning_rate):
    """Train; the grid's rates are multiples of each rule's own unit."""
    data, validation, test = fashion_mnist()
    model = mlp(np.random.default_rng(seed), hidden, "relu", "he_normal", dtype=np.float32)
    in_band = TestInBand(*test)
    history = model.fit(
        data.images[:5_000],
        data.labels[:5_000],
        optimizer=Optimizer(rule, unit * learning_rate),
        epochs=30,
        callbacks=[in_band],
    )
    with np.errstate(all="ignore"):
        return {
            "loss": history.history["loss"],
            "accuracy_in_band": np.mean(in_band.accuracies) if in_band.accuracies else np.nan,
            "validation_accuracy": model.evaluate(*validation)[1],
            "accuracy": model.evaluate(*test)[1],
        }


STUDY = Study(
    question="Which rules stop early, and which generalize worse from the same training loss?",
    run=train,
    settings={"2 layers": {"hidden": [100] * 2}, "8 layers": {"hidden": [100] * 8}},
    variants={
        "gradient descent": {"rule": GradientDescent(), "unit": 0.1},
        "momentum": {"rule": Momentum(), "unit": 0.01},
        "adagrad": {"rule": AdaGrad(), "unit": 0.03},
        "rmsprop": {"rule": RMSProp(), "unit": 0.0005},
        "adam": {"rule": Adam(), "unit": 0.0005},
        "nadam": {"rule": Nadam(), "unit": 0.0005},
    },
    seeds=range(10),
    learning_rates=[0.25, 0.5, 1.0, 2.0, 4.0],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005, "accuracy_in_band": 0.005},
)
