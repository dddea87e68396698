"""Two classes, few labels: from scratch, or from what other images have taught."""

from functools import lru_cache

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Dense, Flatten, Sequential
from companion.network.pretraining import autoencoder, encoder
from companion.optimizers import Adam, Optimizer

HIDDEN = (100, 100)
ELSEWHERE = 10_000  # images of other classes, or without labels


def network(seed, units, activation):
    """Build a classifier whose hidden layers can be handed on."""
    layers = [Flatten(), *(Dense(n, "elu", "he_normal") for n in HIDDEN), Dense(units, activation)]
    return Sequential(layers, (28, 28), np.random.default_rng(seed), np.float32)


def of_task(data, pair):
    """Return a pair's images, and which of the two classes each shows."""
    rows = np.isin(data.labels, pair)
    return data.images[rows], (data.labels[rows] == pair[1]).astype(int)


@lru_cache(maxsize=4)
def taught(seed, pair, lesson):
    """Return the weights of hidden layers that have learned something else before."""
    data, _, _ = fashion_mnist()
    others = ~np.isin(data.labels, pair)
    x, y = data.images[others][:ELSEWHERE], data.labels[others][:ELSEWHERE]
    optimizer = Optimizer(Adam(), 0.001)
    if lesson == "autoencoder":  # any images, the pair's among them, and no labels
        x = data.images[:ELSEWHERE].reshape(-1, 784)
        rng = np.random.default_rng(seed)
        model = autoencoder([784, *HIDDEN], rng, activation="elu", initializer="he_normal")
        model.fit(x, x, optimizer=optimizer, epochs=3)
        return encoder(model).get_weights()
    if lesson == "auxiliary":  # labels of another kind: the odd classes against the even
        model, y = network(seed, 1, "sigmoid"), y % 2
    else:
        model, y = network(seed, 8, "softmax"), np.searchsorted(np.unique(y), y)
    model.fit(x, y, optimizer=optimizer, epochs=3)
    return model.get_weights()[: 2 * len(HIDDEN)]


def train(seed, pair, labels, lesson, learning_rate):
    data, validation, test = fashion_mnist()
    model = network(seed, 1, "sigmoid")
    if lesson != "none":
        weights = model.get_weights()
        model.set_weights([*taught(seed, pair, lesson), *weights[2 * len(HIDDEN) :]])
    x, y = of_task(data, pair)
    rows = np.random.default_rng([seed, 1]).choice(len(x), labels, replace=False)
    steps = 600
    model.fit(
        x[rows],
        y[rows],
        optimizer=Optimizer(Adam(), learning_rate),
        epochs=-(-steps // -(-labels // 32)),
    )
    return {
        "validation_accuracy": model.evaluate(*of_task(validation, pair))[1],
        "accuracy": model.evaluate(*of_task(test, pair))[1],
    }


PAIRS = {"sandal or shirt": (5, 6), "shirt or coat": (4, 6)}
STUDY = Study(
    question="With 50, 200 and 1,000 labels: start anew, from another task, or without labels?",
    run=train,
    settings={
        f"{name}, {n:,} labels": {"pair": pair, "labels": n}
        for name, pair in PAIRS.items()
        for n in (50, 200, 1000)
    },
    variants={
        "scratch": {"lesson": "none"},
        "transfer": {"lesson": "transfer"},
        "auxiliary task": {"lesson": "auxiliary"},
        "autoencoder": {"lesson": "autoencoder"},
    },
    seeds=range(20),
    learning_rates=[0.0003, 0.001, 0.003],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
