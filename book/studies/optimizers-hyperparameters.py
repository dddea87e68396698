"""Decay rates around their defaults, each with a learning rate of its own.

With a falling rate the runs of the race vary by 0.2 points from seed to seed, so that eight seeds
find a difference of half a point.
"""

import numpy as np

from companion.lab.networks import mlp, train_and_score
from companion.lab.studies import Study
from companion.optimizers import Adam, Momentum, Optimizer, RMSProp

EXAMPLES, EPOCHS = 20_000, 3
STEPS = EPOCHS * EXAMPLES // 32


def train(seed, rule, unit, learning_rate):
    """Train; the grid's rates are multiples of each rule's own unit."""
    model = mlp(np.random.default_rng(seed), [100, 100], "relu", "he_normal", dtype=np.float32)
    # The rate falls to 0, so that the last few steps do not decide the accuracy
    optimizer = Optimizer(rule, lambda step: unit * learning_rate * (1 - step / STEPS))
    return train_and_score(model, optimizer, examples=EXAMPLES, epochs=EPOCHS)


STUDY = Study(
    question="How good are the usual decay rates of momentum, RMSProp and Adam?",
    run=train,
    variants={
        # The step of a constant gradient is the rate over 1 - beta
        f"momentum {beta}": {"rule": Momentum(beta), "unit": round(0.2 * (1 - beta), 6)}
        for beta in (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
    }
    | {
        f"rmsprop {rho}": {"rule": RMSProp(rho), "unit": 0.001}
        for rho in (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
    }
    | {
        f"adam {beta_1} {beta_2}": {"rule": Adam(beta_1, beta_2), "unit": 0.001}
        for beta_1 in (0.8, 0.9, 0.95)
        for beta_2 in (0.99, 0.999, 0.9999)
    },
    seeds=range(8),
    learning_rates=[0.25, 0.5, 1.0, 2.0, 4.0],
    tuning_seeds=[100],
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
