"""The network that the search chose, trained on all images and tested, beside two plain ones."""

import time

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Dropout, Flatten, Sequential
from companion.optimizers import Adam, Optimizer
from companion.schedules import OneCycle


def train(
    seed, hidden, activation, dropout, normalized, standardized, rate, cycle, batch_size, epochs
):
    data, validation, test = fashion_mnist()
    shift, scale = (data.images.mean(0), data.images.std(0) + 0.1) if standardized else (0, 1)
    layers = [Flatten()]
    for units in hidden:
        layers.append(Dense(units, None, "he_normal" if cycle else "glorot_uniform"))
        if normalized:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation(activation))
        if dropout:
            layers.append(Dropout(dropout))
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    steps = epochs * len(data.images) // batch_size
    start = time.process_time()
    model.fit(
        (data.images - shift) / scale,
        data.labels,
        optimizer=Optimizer(Adam(), OneCycle(rate / 10, rate, steps) if cycle else rate),
        epochs=epochs,
        batch_size=batch_size,
    )
    return {
        "cpu_seconds": time.process_time() - start,
        "validation_accuracy": model.evaluate(
            (validation.images - shift) / scale, validation.labels
        )[1],
        "accuracy": model.evaluate((test.images - shift) / scale, test.labels)[1],
    }


PLAIN = {
    "activation": "relu",
    "dropout": 0.0,
    "normalized": False,
    "standardized": False,
    "rate": 0.001,
    "cycle": False,
    "batch_size": 64,
}
STUDY = Study(
    question="What does the chosen network reach on the test images, in 90 seconds of one core?",
    run=train,
    variants={
        "capstone": {
            "hidden": (512, 256),
            "activation": "relu",
            "dropout": 0.2,
            "normalized": True,
            "standardized": True,
            "rate": 0.005,
            "cycle": True,
            "batch_size": 64,
            "epochs": 20,
        },
        "what one types": {**PLAIN, "hidden": (300, 100), "epochs": 20},
        "256-128-64": {**PLAIN, "hidden": (256, 128, 64), "epochs": 20},
    },
    seeds=range(4),
    smallest={"accuracy": 0.005},
)
