"""Twenty layers under He's rule: whether gradients that start stable stay so."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.diagnostics import signals
from companion.lab.studies import Study
from companion.network import BatchNormalization, Callback, Dense, Flatten, Sequential
from companion.optimizers import GradientDescent, Optimizer

DEPTH, EPOCHS = 20, 5


class Ratios(Callback):
    """Layer 1 over layer 20, before training and after each epoch; NaN once it has diverged."""

    def __init__(self, images, labels):
        self.batch = images, labels

    def on_train_begin(self):
        """Look at the network before the first step."""
        self.signal, self.gradient = [], []
        self.look()

    def on_epoch_end(self, epoch, metrics):
        """Look again."""
        self.look()

    def look(self):
        """Note both ratios."""
        with np.errstate(all="ignore"):
            look = signals(self.model, *self.batch).iloc[:DEPTH]
            for name in ("signal", "gradient"):
                getattr(self, name).append(look[name].iloc[0] / look[name].iloc[-1])


def train(seed, rate, activation, batch_norm):
    images, validation, test = fashion_mnist()
    layers = [Flatten()]
    for _ in range(DEPTH):
        layers.append(Dense(100, activation, "he_normal"))
        if batch_norm:
            layers.append(BatchNormalization())
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    ratios = Ratios(validation.images[:200], validation.labels[:200])
    history = model.fit(
        images.images[:20_000],
        images.labels[:20_000],
        optimizer=Optimizer(GradientDescent(), rate),
        epochs=EPOCHS,
        callbacks=[ratios],
    )
    with np.errstate(all="ignore"):
        return {
            "signal_ratio": ratios.signal,
            "gradient_ratio": ratios.gradient,
            "loss": history.history["loss"][-1],
            "accuracy": model.evaluate(*test)[1],
        }


STUDY = Study(
    question="Do gradients that start stable under He's initialization stay stable in training?",
    run=train,
    settings={f"rate {rate:g}": {"rate": rate} for rate in (0.01, 0.05, 0.1)},
    variants={
        "relu": {"activation": "relu", "batch_norm": False},
        "elu": {"activation": "elu", "batch_norm": False},
        "relu, batch norm": {"activation": "relu", "batch_norm": True},
        "elu, batch norm": {"activation": "elu", "batch_norm": True},
    },
    seeds=range(10),
)
