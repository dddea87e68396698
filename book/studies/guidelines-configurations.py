"""The two default configurations, and each of their choices taken back alone."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Flatten, Sequential
from companion.optimizers import Adam, GradientDescent, Momentum, Nadam, Optimizer
from companion.schedules import OneCycle

EXAMPLES = 20_000
EPOCHS = 3
STEPS = EPOCHS * EXAMPLES // 32
#: What the grid's rates are multiples of, by rule.
UNITS = {GradientDescent: 0.1, Momentum: 0.02, Nadam: 0.001, Adam: 0.001}


def network(seed, depth, activation, initializer, normalized):
    """Build 300-100 at two layers, layers of 100 beyond; normalization before the activation."""
    layers = [Flatten()]
    for units in [300, 100] if depth == 2 else [100] * depth:
        layers.append(Dense(units, None, initializer, use_bias=not normalized))
        if normalized:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation(activation))
    return Sequential(
        [*layers, Dense(10, "softmax")], (28, 28), np.random.default_rng(seed), np.float32
    )


def train(
    seed, depth, activation, initializer, normalized, standardized, rule, cycle, learning_rate
):
    data, validation, test = fashion_mnist()
    like = data.images[:EXAMPLES]
    shift, scale = (like.mean(0), like.std(0) + 1e-3) if standardized else (0, 1)
    if normalized == "if deep":
        normalized = depth > 2
    model = network(seed, depth, activation, initializer, normalized)
    rate, schedules = UNITS[type(rule)] * learning_rate, {}
    if cycle:
        rate = OneCycle(rate / 10, rate, STEPS)
        if isinstance(rule, Momentum):
            schedules = {"beta": rate.momentum()}
    model.fit(
        (like - shift) / scale,
        data.labels[:EXAMPLES],
        optimizer=Optimizer(rule, rate, schedules=schedules),
        epochs=EPOCHS,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "validation_accuracy": model.evaluate(
                (validation.images - shift) / scale, validation.labels
            )[1],
            "accuracy": model.evaluate((test.images - shift) / scale, test.labels)[1],
        }


DEFAULT = {
    "activation": "elu",
    "initializer": "he_normal",
    "normalized": "if deep",
    "standardized": False,
    "rule": Momentum(0.9),
    "cycle": True,
}
SELF_NORMALIZING = {
    **DEFAULT,
    "activation": "selu",
    "initializer": "lecun_normal",
    "normalized": False,
    "standardized": True,
}

STUDY = Study(
    question="Which choices of the two default configurations carry their accuracy?",
    run=train,
    settings={"2 layers": {"depth": 2}, "10 layers": {"depth": 10}},
    variants={
        "default": DEFAULT,
        "self-normalizing": SELF_NORMALIZING,
        "default, Glorot": {**DEFAULT, "initializer": "glorot_normal"},
        "default, ReLU": {**DEFAULT, "activation": "relu"},
        "default, Swish": {**DEFAULT, "activation": "swish"},
        "default, never normalized": {**DEFAULT, "normalized": False},
        "default, always normalized": {**DEFAULT, "normalized": True},
        "default, no momentum": {**DEFAULT, "rule": GradientDescent()},
        "default, Nadam": {**DEFAULT, "rule": Nadam()},
        "default, constant rate": {**DEFAULT, "cycle": False},
        "default, standardized": {**DEFAULT, "standardized": True},
        "what one types": {
            "activation": "relu",
            "initializer": "glorot_uniform",
            "normalized": False,
            "standardized": False,
            "rule": Adam(),
            "cycle": False,
        },
        "before 2010": {
            "activation": "sigmoid",
            "initializer": "glorot_normal",
            "normalized": False,
            "standardized": False,
            "rule": GradientDescent(),
            "cycle": False,
        },
    },
    seeds=range(5),
    learning_rates=[0.3, 1.0, 3.0, 10.0],
    tuning_seeds=range(100, 101),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
