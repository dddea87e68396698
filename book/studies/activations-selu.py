"""Twenty SELU layers, as they should be, with one condition broken each, and their rivals."""

from functools import partial

import numpy as np

from companion.constraints import max_norm
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Sequential,
)
from companion.optimizers import Momentum, Optimizer
from companion.regularizers import l1, l2

EXAMPLES, EPOCHS, BATCH, DEPTH = 10_000, 3, 32, 20


def train(
    seed,
    learning_rate,
    activation="selu",
    initializer="lecun_normal",
    before=None,
    after=None,
    **of_the_weights,
):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    layers = [Flatten()]
    for _ in range(DEPTH):
        layers += [Dense(100, None, initializer, **of_the_weights)]
        layers += [before()] if before else []
        layers += [Activation(activation)]
        layers += [after()] if after else []
    layers += [Dense(10, "softmax")]
    model = Sequential(layers, (28, 28), np.random.default_rng(seed), np.float32)
    steps = EPOCHS * np.ceil(EXAMPLES / BATCH)
    model.fit(
        (data.images[:EXAMPLES] - mean) / std,
        data.labels[:EXAMPLES],
        optimizer=Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps)),
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        accuracy = {
            f"{prefix}accuracy": model.evaluate((images - mean) / std, labels)[1]
            for prefix, (images, labels) in (("validation_", validation), ("", test))
        }
        model.forward((test.images[:1000] - mean) / std)
        units = [layer for layer in model.layers[:-1] if type(layer) is Activation]
        top = units[-1].a
        return accuracy | {"top_mean": top.mean(), "top_std": top.std()}


STUDY = Study(
    question="What do twenty SELU layers gain, and which broken condition costs it?",
    run=train,
    variants={
        "selu": {},
        "elu": {"activation": "elu", "initializer": "he_normal"},
        "relu": {"activation": "relu", "initializer": "he_normal"},
        "relu, batch norm": {
            "activation": "relu",
            "initializer": "he_normal",
            "before": BatchNormalization,
        },
        "selu, he": {"initializer": "he_normal"},
        "selu, l2": {"regularizer": partial(l2, strength=1e-3)},
        "selu, l1": {"regularizer": partial(l1, strength=1e-4)},
        "selu, max-norm": {"constraint": partial(max_norm, limit=1.0)},
        "selu, batch norm": {"before": BatchNormalization},
        "selu, dropout": {"after": partial(Dropout, 0.1)},
    },
    seeds=range(8),
    learning_rates=[0.001, 0.003, 0.01, 0.03],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
