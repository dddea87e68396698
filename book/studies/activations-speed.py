"""How many steps a network needs to 85 % validation accuracy, by activation."""

from functools import partial

import numpy as np

from companion.activations import leaky_relu
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import StepsToReach, mlp
from companion.lab.studies import Study
from companion.optimizers import Momentum, Optimizer


def train(seed, depth, activation, learning_rate):
    data, validation, _ = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    rng = np.random.default_rng(seed)
    model = mlp(rng, [100] * depth, activation, "he_normal", dtype=np.float32)
    count = StepsToReach(
        0.85, (validation.images[:2500] - mean) / std, validation.labels[:2500], resolution=0.1
    )
    model.fit(
        (data.images - mean) / std,
        data.labels,
        optimizer=Optimizer(Momentum(0.9), learning_rate),
        epochs=2,
        callbacks=[count],
    )
    return {"log2_steps": float(np.log2(count.steps)), "reached": count.reached}


STUDY = Study(
    question="Does ELU need fewer steps than ReLU and its variants?",
    run=train,
    settings={f"{depth} layers": {"depth": depth} for depth in (2, 8)},
    variants={
        "elu": {"activation": "elu"},
        "relu": {"activation": "relu"},
        "leaky 0.2": {"activation": partial(leaky_relu, alpha=0.2)},
    },
    seeds=range(8),
    learning_rates=[0.002, 0.004, 0.008],
    tuning_seeds=range(100, 102),
    tuning_metric="log2_steps",
    tuning_mode="min",
    smallest={"log2_steps": float(np.log2(1.25))},
)
