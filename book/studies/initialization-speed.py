"""How many steps a tanh network needs to 80 % validation accuracy, started in four ways."""

from functools import partial

import numpy as np

from companion import initializers
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import StepsToReach, mlp
from companion.lab.studies import Study
from companion.optimizers import GradientDescent, Optimizer


def normal(rng, shape, *, std, dtype):
    return (std * rng.standard_normal(shape)).astype(dtype)


def train(seed, initializer, learning_rate):
    data, validation, _ = fashion_mnist()
    model = mlp(np.random.default_rng(seed), [100] * 5, "tanh", initializer, dtype=np.float32)
    count = StepsToReach(0.80, *validation)
    model.fit(
        data.images[:20_000],
        data.labels[:20_000],
        optimizer=Optimizer(GradientDescent(), learning_rate),
        epochs=10,
        callbacks=[count],
    )
    return {"log2_steps": float(np.log2(count.steps)), "reached": count.reached}


STUDY = Study(
    question="How much faster does a five-layer tanh network learn with Glorot's initialization?",
    run=train,
    variants={
        "glorot": {"initializer": "glorot_normal"},
        "normal(0, 1)": {"initializer": partial(normal, std=1.0)},
        "normal(0, 0.01)": {"initializer": partial(normal, std=0.01)},
        "uniform 1/sqrt(n)": {
            "initializer": partial(
                initializers.variance_scaling, scale=1 / 3, distribution="uniform"
            )
        },
    },
    seeds=range(20),
    learning_rates=[0.01, 0.03, 0.1, 0.3, 1.0],
    tuning_seeds=range(100, 103),
    tuning_metric="log2_steps",
    tuning_mode="min",
    smallest={"log2_steps": float(np.log2(1.25))},
)
