"""Logistic networks, shallow and deep, started in four ways."""

from functools import partial

import numpy as np

from companion.initializers import variance_scaling
from companion.lab.networks import mlp, train_and_score
from companion.lab.studies import Study
from companion.optimizers import GradientDescent, Optimizer


def normal(rng, shape, *, std, dtype):
    return (std * rng.standard_normal(shape)).astype(dtype)


def train(seed, hidden, initializer, learning_rate):
    model = mlp(np.random.default_rng(seed), hidden, "sigmoid", initializer, dtype=np.float32)
    optimizer = Optimizer(GradientDescent(), learning_rate)
    return train_and_score(model, optimizer, examples=20_000, epochs=5)


STUDY = Study(
    question="Which initialization suits the logistic activation?",
    run=train,
    settings={"300-100": {"hidden": [300, 100]}, "10 layers": {"hidden": [100] * 10}},
    variants={
        "glorot": {"initializer": "glorot_normal"},
        "he, fan avg": {"initializer": partial(variance_scaling, scale=2, mode="fan_avg")},
        "16 / fan avg": {"initializer": partial(variance_scaling, scale=16, mode="fan_avg")},
        "normal(0, 1)": {"initializer": partial(normal, std=1.0)},
    },
    seeds=range(20),
    learning_rates=[0.03, 0.1, 0.3, 1.0, 3.0],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
