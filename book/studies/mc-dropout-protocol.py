"""The source's own experiment with Monte Carlo dropout, as it stands, with five seeds."""

from functools import partial

import numpy as np

from companion.dropout import alpha_dropout_grad, mc_predict
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.lab.uncertainty import (
    brier,
    expected_calibration_error,
    negative_log_likelihood,
)
from companion.network import AlphaDropout, Dense, Flatten, Sequential
from companion.optimizers import Nesterov, Optimizer

PASSES = 100
#: Over how many of the passes the curves average.
COUNTS = (1, 2, 3, 5, 10, 20, 30, 50, 100)


def scores(name, probabilities, labels):
    return {
        f"{name}_accuracy": np.mean(probabilities.argmax(1) == labels),
        f"{name}_loss": negative_log_likelihood(probabilities, labels),
        f"{name}_brier": brier(probabilities, labels),
        f"{name}_ece": expected_calibration_error(probabilities, labels),
    }


def train(seed, rate):
    images, _, test = fashion_mnist()
    mean, std = images.images.mean(0), images.images.std(0)
    layers = [Flatten()]
    for units in (300, 100):
        layers += [AlphaDropout(rate), Dense(units, "selu", "lecun_normal")]
    layers += [AlphaDropout(rate), Dense(10, "softmax")]
    model = Sequential(layers, (28, 28), np.random.default_rng(seed), np.float32)
    optimizer = Optimizer(Nesterov(0.9), 0.01)
    model.fit((images.images - mean) / std, images.labels, optimizer=optimizer, epochs=20)

    x, y = (test.images - mean) / std, test.labels
    off = model.predict(x)
    draw = partial(model.predict, training=True, rng=np.random.default_rng(seed))
    blocks = [mc_predict(draw, rows, samples=PASSES) for rows in np.split(x, 10)]
    passes = np.concatenate(blocks, axis=1)
    means = [passes[:count].mean(0) for count in COUNTS]
    boot = passes[:, 0]

    # Switched off, alpha dropout does not pass on its mean over the masks; these kernels make up
    mean = (1 - rate) * alpha_dropout_grad(np.ones(1), np.ones(1, bool), rate).item()
    for layer in model.layers:
        if isinstance(layer, Dense):
            layer.weights["kernel"][...] *= mean
    centred = model.predict(x)
    return {
        **scores("off", off, y),
        **scores("average", means[-1], y),
        **scores("centred", centred, y),
        "pass_accuracy": np.mean(passes.argmax(2) == y),
        "pass_loss": np.mean([negative_log_likelihood(p, y) for p in passes]),
        "accuracy_of": [np.mean(p.argmax(1) == y) for p in means],
        "loss_of": [negative_log_likelihood(p, y) for p in means],
        "boot_off": off[0, 9],
        "boot_centred": centred[0, 9],
        "boot_mean": boot.mean(0),
        "boot_std": boot.std(0),
        "boot_least": boot[:, 9].min(),
        "boot_most_sandal": boot[:, 5].max(),
        "boot_taken_for_other": np.mean(boot.argmax(1) != 9),
        "footwear": boot[:, [5, 7, 9]].sum(1).mean(),
    }


STUDY = Study(
    question="What does Monte Carlo dropout make of the source's network and of its first image?",
    run=train,
    variants={"alpha dropout": {"rate": 0.2}},
    seeds=range(5),
    smallest={
        "average_accuracy": 0.005,
        "average_loss": 0.01,
        "average_brier": 0.005,
        "average_ece": 0.01,
    },
)
