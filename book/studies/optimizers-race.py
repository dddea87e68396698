"""Nine rules with the same budget: how good, how fast, and how much depends on the rate.

A pilot of five seeds at guessed rates asked for 4 to 40 seeds to tell two rules apart that differ
by half a point, the noisiest pairs for more: gradient descent at a constant, high rate ends where
its last steps happen to leave it. Twenty were fixed, and a setting whose rate falls to 0 was added.
"""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Callback
from companion.optimizers import (
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    RMSProp,
)

EXAMPLES, EPOCHS = 20_000, 3
STEPS = EPOCHS * EXAMPLES // 32


class ValidationCurve(Callback):
    """The accuracy on 2,000 validation images after every 125 steps."""

    def __init__(self, images, labels):
        self.images, self.labels = images[:2_000], labels[:2_000]

    def on_train_begin(self):
        """Start an empty curve."""
        self.curve = []

    def on_batch_end(self, step, loss):
        """Evaluate now and then."""
        if (step + 1) % 125 == 0:
            with np.errstate(all="ignore"):
                self.curve.append(self.model.evaluate(self.images, self.labels)[1])


def train(seed, hidden, falling, rule, learning_rate):
    data, validation, test = fashion_mnist()
    model = mlp(np.random.default_rng(seed), hidden, "relu", "he_normal", dtype=np.float32)
    validated = ValidationCurve(*validation)
    rate = (lambda step: learning_rate * (1 - step / STEPS)) if falling else learning_rate
    history = model.fit(
        data.images[:EXAMPLES],
        data.labels[:EXAMPLES],
        optimizer=Optimizer(rule, rate),
        epochs=EPOCHS,
        callbacks=[validated],
    )
    with np.errstate(all="ignore"):
        return {
            "loss": history.history["loss"],
            "validation": validated.curve,
            "validation_accuracy": model.evaluate(*validation)[1],
            "accuracy": model.evaluate(*test)[1],
        }


STUDY = Study(
    question="Which update rule trains best when each has its own learning rate?",
    run=train,
    settings={
        "2 layers": {"hidden": [100, 100], "falling": False},
        "8 layers": {"hidden": [100] * 8, "falling": False},
        "2 layers, falling rate": {"hidden": [100, 100], "falling": True},
    },
    variants={
        "gradient descent": {"rule": GradientDescent()},
        "momentum": {"rule": Momentum()},
        "nesterov": {"rule": Nesterov()},
        "adagrad": {"rule": AdaGrad()},
        "rmsprop": {"rule": RMSProp()},
        "adam": {"rule": Adam()},
        "adamax": {"rule": AdaMax()},
        "nadam": {"rule": Nadam()},
        "adamw": {"rule": AdamW()},
    },
    seeds=range(20),
    learning_rates=[float(f"{10 ** (k / 3):.2g}") for k in range(-12, 1)],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
