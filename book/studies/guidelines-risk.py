"""A hundred passes with dropout against one without: probabilities, and what to abstain from."""

import time

import numpy as np

from companion.dropout import mc_predict
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.lab.uncertainty import (
    accuracy_of_surest,
    expected_calibration_error,
    negative_log_likelihood,
)
from companion.network import AlphaDropout, Dense, Dropout, Flatten, Sequential
from companion.optimizers import Adam, Optimizer

SAMPLES = 100


def network(seed, kind):
    """Build the two networks of the claim; dropout before each dense layer but the first."""
    activation, initializer, drop, rate = {
        "dropout": ("relu", "he_normal", Dropout, 0.2),
        "alpha dropout": ("selu", "lecun_normal", AlphaDropout, 0.1),
    }[kind]
    layers = [Flatten()]
    for units in (300, 100):
        layers += [Dense(units, activation, initializer), drop(rate)]
    return Sequential(
        [*layers, Dense(10, "softmax")], (28, 28), np.random.default_rng(seed), np.float32
    )


def scores(p, y, doubt):
    """Score probabilities: all images, and the 80 % with the least doubt."""
    right = p.argmax(1) == y
    return {
        "accuracy": right.mean(),
        "log_loss": negative_log_likelihood(p, y),
        "calibration_error": expected_calibration_error(p, y, bins=15),
        "error_of_certain": 1 - accuracy_of_surest(right, doubt, [0.8])[0],
    }


def cpu_seconds(function, repeats):
    """Return the least processor time of several calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def train(seed, kind, standardized):
    data, _, test = fashion_mnist()
    like = data.images
    shift, scale = (like.mean(0), like.std(0) + 1e-3) if standardized else (0, 1)
    model = network(seed, kind)
    model.fit((like - shift) / scale, data.labels, optimizer=Optimizer(Adam(), 0.001), epochs=4)
    x, y = (test.images - shift) / scale, test.labels

    def noisy(x):
        return model.predict(x, training=True)

    off, passes = model.predict(x), mc_predict(noisy, x, samples=SAMPLES)
    mean = passes.mean(0)
    spread = passes.std(0)[np.arange(len(y)), mean.argmax(1)]
    measured = {f"off_{k}": v for k, v in scores(off, y, -off.max(1)).items()}
    measured |= {f"mc_{k}": v for k, v in scores(mean, y, -mean.max(1)).items()}
    measured["spread_error_of_certain"] = scores(mean, y, spread)["error_of_certain"]
    for batch in (1, 1000):
        few = x[:batch]
        one = cpu_seconds(lambda few=few: model.predict(few), 50 if batch == 1 else 7)
        many = cpu_seconds(lambda few=few: mc_predict(noisy, few, samples=SAMPLES), 3)
        measured[f"off_{batch}_seconds"], measured[f"mc_{batch}_seconds"] = one, many
    return measured


STUDY = Study(
    question="What do a hundred passes with dropout add to one without, for decisions at risk?",
    run=train,
    settings={"only": {}},
    variants={
        "dropout": {"kind": "dropout", "standardized": False},
        "alpha dropout": {"kind": "alpha dropout", "standardized": True},
    },
    seeds=range(6),
    smallest={"accuracy": 0.005},
)
