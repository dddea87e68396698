"""Six hidden layers on 200 labels: pretraining, and the repairs that came after it."""

from functools import partial

import numpy as np

from companion import initializers
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network.pretraining import (
    RestrictedBoltzmannMachine,
    greedy_layerwise,
    initialize_from,
)
from companion.optimizers import Adam, Momentum, Optimizer

HIDDEN, IMAGES, EPOCHS, BATCH = [100] * 6, 10_000, 12, 50
LABELS, STEPS = 200, 400
PRETRAINING = EPOCHS * IMAGES // BATCH
old = partial(initializers.variance_scaling, scale=1 / 3, distribution="uniform")


def falling(rule, rate, steps):
    """Return an optimizer whose rate falls to 0, so that the last few steps do not decide."""
    return Optimizer(rule, lambda step: rate * max(0.0, 1 - step / steps))


def stack(rng):
    """Return six layers that Boltzmann machines have learned, in as many steps as all others."""
    train, _, _ = fashion_mnist()

    def learn(v, units, rng):
        rbm = RestrictedBoltzmannMachine(v.shape[1], units, rng)
        optimizer = falling(Adam(), 0.003, PRETRAINING // len(HIDDEN))
        epochs = EPOCHS // len(HIDDEN)
        rbm.fit(v, optimizer=optimizer, epochs=epochs, batch_size=BATCH, rng=rng)
        return rbm.encoder()

    return greedy_layerwise(train.images[:IMAGES].reshape(IMAGES, -1), HIDDEN, learn, rng).layers


def run(seed, activation, initializer, learning_rate, pretrained=False, momentum=False):
    train, validation, test = fashion_mnist()
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [rng.permutation(np.flatnonzero(train.labels == c))[: LABELS // 10] for c in range(10)]
    )
    model = mlp(np.random.default_rng(seed), HIDDEN, activation, initializer, dtype=np.float32)
    steps = STEPS + PRETRAINING
    if pretrained:
        initialize_from(model, stack(np.random.default_rng(seed + 1_000)))
        steps = STEPS
    # Momentum's rates are about 30 times Adam's
    rule, factor = (Momentum(0.9), 30) if momentum else (Adam(), 1)
    model.fit(
        train.images[chosen],
        train.labels[chosen],
        optimizer=falling(rule, factor * learning_rate, steps),
        epochs=steps * BATCH // LABELS,
        batch_size=BATCH,
    )
    return {
        "accuracy": model.evaluate(*test)[1],
        "validation_accuracy": model.evaluate(*validation)[1],
    }


STUDY = Study(
    question="Which later repair does what pretraining did for deep networks of sigmoid units?",
    run=run,
    variants={
        "sigmoid, old start, momentum": {
            "activation": "sigmoid",
            "initializer": old,
            "momentum": True,
        },
        "the same, RBM stack": {
            "activation": "sigmoid",
            "initializer": old,
            "momentum": True,
            "pretrained": True,
        },
        "sigmoid, old start, Adam": {"activation": "sigmoid", "initializer": old},
        "sigmoid, Glorot, Adam": {"activation": "sigmoid", "initializer": "glorot_uniform"},
        "tanh, Glorot, momentum": {
            "activation": "tanh",
            "initializer": "glorot_uniform",
            "momentum": True,
        },
        "ReLU, old start, momentum": {"activation": "relu", "initializer": old, "momentum": True},
        "ReLU, He, momentum": {"activation": "relu", "initializer": "he_normal", "momentum": True},
        "ReLU, He, Adam": {"activation": "relu", "initializer": "he_normal"},
    },
    seeds=range(5),
    learning_rates=[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03],
    tuning_seeds=[100],
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
