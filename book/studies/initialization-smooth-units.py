"""Twenty layers of smooth units, with He's factor 2 and with the exact factor of each."""

from functools import partial

import numpy as np

from companion import activations
from companion.initializers import variance_scaling
from companion.lab.diagnostics import gaussian_mean
from companion.lab.networks import mlp, train_and_score
from companion.lab.studies import Study
from companion.optimizers import GradientDescent, Optimizer


def train(seed, activation, factor, learning_rate):
    if factor == "exact":
        f = getattr(activations, activation)
        factor = 1 / gaussian_mean(lambda z: f(z) ** 2)
    model = mlp(
        np.random.default_rng(seed),
        [100] * 20,
        activation,
        partial(variance_scaling, scale=factor),
        dtype=np.float32,
    )
    optimizer = Optimizer(GradientDescent(), learning_rate)
    return train_and_score(model, optimizer, examples=20_000, epochs=3)


STUDY = Study(
    question="Do deep networks of ELU, GELU, Swish and Mish learn better with their exact factor?",
    run=train,
    settings={name: {"activation": name} for name in ("elu", "gelu", "swish", "mish")},
    variants={"he": {"factor": 2.0}, "exact": {"factor": "exact"}},
    seeds=range(20),
    learning_rates=[0.003, 0.01, 0.03, 0.1],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
