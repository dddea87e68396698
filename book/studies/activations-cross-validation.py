"""Five-fold cross-validation over six activations, and what it chooses."""

from functools import partial

import numpy as np

from companion.activations import leaky_relu
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.optimizers import Momentum, Optimizer

EXAMPLES, FOLDS, EPOCHS, BATCH = 5_000, 5, 5, 32


def fit(rng, x, y, activation, initializer):
    model = mlp(rng, [100, 100], activation, initializer, dtype=np.float32)
    steps = EPOCHS * np.ceil(len(x) / BATCH)
    descent = Optimizer(Momentum(0.9), lambda step: 0.01 * (1 - step / steps))
    model.fit(x, y, optimizer=descent, epochs=EPOCHS, batch_size=BATCH)
    return model


def train(seed, activation, initializer):
    data, _, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    data_rng, *model_rngs = np.random.default_rng(seed).spawn(2 + FOLDS)
    chosen = data_rng.permutation(len(data.images))[:EXAMPLES]
    x, y = (data.images[chosen] - mean) / std, data.labels[chosen]
    fold = np.arange(EXAMPLES) % FOLDS
    scores = [
        fit(rng, x[fold != k], y[fold != k], activation, initializer).evaluate(
            x[fold == k], y[fold == k]
        )[1]
        for k, rng in enumerate(model_rngs[1:])
    ]
    model = fit(model_rngs[0], x, y, activation, initializer)
    accuracy = model.evaluate((test.images - mean) / std, test.labels)[1]
    return {"cross_validation": np.mean(scores), "accuracy": accuracy}


STUDY = Study(
    question="How often does cross-validation choose the activation that tests best?",
    run=train,
    variants={
        name: {"activation": activation, "initializer": initializer}
        for name, activation, initializer in (
            ("relu", "relu", "he_normal"),
            ("leaky 0.2", partial(leaky_relu, alpha=0.2), "he_normal"),
            ("elu", "elu", "he_normal"),
            ("selu", "selu", "lecun_normal"),
            ("swish", "swish", "he_normal"),
            ("tanh", "tanh", "glorot_normal"),
        )
    },
    seeds=range(10),
)
