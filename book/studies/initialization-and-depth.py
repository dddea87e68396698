"""ReLU networks of growing depth, started in four ways."""

from functools import partial

import numpy as np

from companion import initializers
from companion.lab.networks import mlp, train_and_score
from companion.lab.studies import Study
from companion.optimizers import GradientDescent, Optimizer


def train(seed, depth, initializer, learning_rate):
    model = mlp(np.random.default_rng(seed), [100] * depth, "relu", initializer, dtype=np.float32)
    optimizer = Optimizer(GradientDescent(), learning_rate)
    return train_and_score(model, optimizer, examples=20_000, epochs=3)


STUDY = Study(
    question="How deep can a ReLU network be, depending on its initialization?",
    run=train,
    settings={f"{depth} layers": {"depth": depth} for depth in (2, 5, 10, 20, 40)},
    variants={
        "he": {"initializer": "he_normal"},
        "glorot": {"initializer": "glorot_normal"},
        "orthogonal": {"initializer": partial(initializers.orthogonal, gain=2**0.5)},
        "uniform 1/sqrt(n)": {
            "initializer": partial(
                initializers.variance_scaling, scale=1 / 3, distribution="uniform"
            )
        },
    },
    seeds=range(20),
    learning_rates=[0.003, 0.01, 0.03, 0.1, 0.3],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
