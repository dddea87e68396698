"""Deep networks of several activations: what each layer learns, and what all of them reach."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.diagnostics import signals
from companion.lab.studies import Study
from companion.network import (
    Activation,
    BatchNormalization,
    Callback,
    Dense,
    Flatten,
    Sequential,
)
from companion.network.layers import Layer
from companion.optimizers import GradientDescent, Optimizer


class Centre(Layer):
    """Take 0.5 away: behind a sigmoid, what is left has the mean 0 and the same slope."""

    def forward(self, x, training, rng):
        """Subtract."""
        return x - 0.5

    def backward(self, dy, input_gradient=True):
        """Leave the gradient as it is."""
        return dy


class Changes(Callback):
    """Each hidden kernel's relative change and the validation accuracy, after every epoch."""

    def __init__(self, validation):
        self.validation = validation

    def on_train_begin(self):
        """Keep the kernels."""
        self.dense = [layer for layer in self.model.layers if isinstance(layer, Dense)][:-1]
        self.start = [layer.weights["kernel"].copy() for layer in self.dense]
        self.changes, self.accuracies = [], []

    def on_epoch_end(self, epoch, metrics):
        """Compare the kernels with those kept."""
        self.changes.append(
            [
                np.linalg.norm(layer.weights["kernel"] - start) / np.linalg.norm(start)
                for layer, start in zip(self.dense, self.start, strict=True)
            ]
        )
        self.accuracies.append(self.model.evaluate(*self.validation)[1])


def build(rng, depth, activation, initializer, centred, batch_norm):
    layers = [Flatten()]
    for _ in range(depth):
        layers.append(Dense(100, None, initializer))
        if batch_norm:
            layers.append(BatchNormalization())
        layers.append(Activation(activation))
        if centred:
            layers.append(Centre())
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)


def train(seed, depth, rate, activation, initializer, centred=False, batch_norm=False):
    images, validation, test = fashion_mnist()
    model = build(np.random.default_rng(seed), depth, activation, initializer, centred, batch_norm)
    look = signals(model, validation.images[:200], validation.labels[:200])
    hidden = look[look["gradient"].notna()].iloc[:depth]  # the rows of the dense layers
    changes = Changes(validation)
    model.fit(
        images.images[:20_000],
        images.labels[:20_000],
        optimizer=Optimizer(GradientDescent(), rate),
        epochs=5,
        callbacks=[changes],
    )
    return {
        "signal_ratio": hidden["signal"].iloc[0] / hidden["signal"].iloc[-1],
        "gradient_ratio": hidden["gradient"].iloc[0] / hidden["gradient"].iloc[-1],
        "change_in_1_epoch": changes.changes[0],
        "change_in_3_epochs": changes.changes[2],
        "validation_accuracy": changes.accuracies,
        "accuracy": model.evaluate(*test)[1],
    }


STUDY = Study(
    question="How unequally do the layers of a deep network learn, and what does it cost?",
    run=train,
    settings={
        "8 layers, rate 0.01": {"depth": 8, "rate": 0.01},
        "10 layers, rate 0.01": {"depth": 10, "rate": 0.01},
        "10 layers, rate 0.1": {"depth": 10, "rate": 0.1},
        "10 layers, rate 1": {"depth": 10, "rate": 1.0},
    },
    variants={
        "sigmoid": {"activation": "sigmoid", "initializer": "glorot_normal"},
        "sigmoid - 0.5": {
            "activation": "sigmoid",
            "initializer": "glorot_normal",
            "centred": True,
        },
        "tanh": {"activation": "tanh", "initializer": "glorot_normal"},
        "relu": {"activation": "relu", "initializer": "he_normal"},
        "relu, batch norm": {
            "activation": "relu",
            "initializer": "he_normal",
            "batch_norm": True,
        },
    },
    seeds=range(10),
    smallest={"accuracy": 0.005},
)
