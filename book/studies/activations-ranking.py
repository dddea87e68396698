"""Ten activation functions and three controls, each with its initialization, at two depths."""

from functools import partial

import numpy as np

from companion.activations import leaky_relu, swish
from companion.initializers import variance_scaling
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Dense, Flatten, Sequential
from companion.optimizers import Momentum, Optimizer

EXAMPLES, EPOCHS, BATCH = 20_000, 3, 32


def hidden(activation, initializer):
    if activation != "capped ReLU":
        return Dense(100, activation, initializer)
    layer = Dense(100, None, initializer)
    layer.activation = lambda z: np.clip(z, 0, 1)
    layer.activation_gradient = lambda z: ((z > 0) & (z < 1)).astype(z.dtype)
    return layer


def train(seed, depth, activation, initializer, learning_rate):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    layers = [hidden(activation, initializer) for _ in range(depth)]
    rng = np.random.default_rng(seed)
    model = Sequential([Flatten(), *layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    steps = EPOCHS * EXAMPLES / BATCH
    model.fit(
        (data.images[:EXAMPLES] - mean) / std,
        data.labels[:EXAMPLES],
        optimizer=Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps)),
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            f"{prefix}accuracy": model.evaluate((images - mean) / std, labels)[1]
            for prefix, (images, labels) in (("validation_", validation), ("", test))
        }


HE, GLOROT = "he_normal", "glorot_normal"
STUDY = Study(
    question="Which activation function gives the best classifier after three epochs?",
    run=train,
    settings={f"{depth} layers": {"depth": depth} for depth in (2, 8)},
    variants={
        name: {"activation": activation, "initializer": initializer}
        for name, activation, initializer in (
            ("selu", "selu", "lecun_normal"),
            ("elu", "elu", HE),
            ("leaky 0.2", partial(leaky_relu, alpha=0.2), HE),
            ("leaky 0.01", partial(leaky_relu, alpha=0.01), HE),
            ("relu", "relu", HE),
            ("tanh", "tanh", GLOROT),
            ("sigmoid", "sigmoid", GLOROT),
            ("gelu", "gelu", HE),
            ("swish", "swish", HE),
            ("mish", "mish", HE),
            ("swish 1.702", partial(swish, beta=1.702), HE),
            ("capped ReLU", "capped ReLU", HE),
            (
                "sigmoid, 16 x",
                "sigmoid",
                partial(variance_scaling, scale=16, mode="fan_avg"),
            ),
        )
    },
    seeds=range(20),
    learning_rates=[0.003, 0.007, 0.015, 0.035, 0.08],
    tuning_seeds=range(100, 105),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
