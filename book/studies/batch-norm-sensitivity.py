"""Five ReLU layers, their initial weights scaled, at many learning rates."""

import numpy as np

from companion import initializers
from companion.lab.networks import train_and_score
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Flatten, Sequential
from companion.optimizers import GradientDescent, Optimizer


def train(seed, scale, batch_norm, learning_rate):
    def scaled(rng, shape, *, dtype):
        return initializers.he_normal(rng, shape, dtype=dtype) * dtype.type(scale)

    layers = [Flatten()]
    for _ in range(5):
        layers.append(Dense(100, None, scaled, use_bias=not batch_norm))
        if batch_norm:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation("relu"))
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    return train_and_score(
        model, Optimizer(GradientDescent(), learning_rate), examples=20_000, epochs=1
    )


STUDY = Study(
    question="At which learning rates and volumes of the initial weights does a network learn?",
    run=train,
    settings={
        f"He times {scale:g}": {"scale": scale} for scale in (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
    },
    variants={"none": {"batch_norm": False}, "before": {"batch_norm": True}},
    seeds=range(10),
    learning_rates=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
