"""Deep ReLU networks whose weights start too large: clipped, batch-normalized, or left alone."""

from functools import partial

import numpy as np

from companion import initializers
from companion.lab.networks import clipping, train_and_score
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Flatten, Sequential
from companion.optimizers import GradientDescent, Optimizer
from companion.schedules import ExponentialDecay

EXAMPLES, EPOCHS = 10_000, 2


def loud(rng, shape, *, factor, dtype):
    return factor * initializers.he_normal(rng, shape, dtype=dtype)


def train(seed, depth, factor, kind, limit, batch_norm, learning_rate):
    layers = [Flatten()]
    for _ in range(depth):
        layers.append(Dense(100, None, partial(loud, factor=factor)))
        if batch_norm:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation("relu"))
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    # To 1 % of its start: the last accuracy is then no accident of the last steps
    schedule = ExponentialDecay(learning_rate, steps=EPOCHS * EXAMPLES / 32, rate=0.01)
    optimizer = Optimizer(GradientDescent(), schedule)
    scores = train_and_score(
        model, optimizer, examples=EXAMPLES, epochs=EPOCHS, clip=clipping(kind, limit)
    )
    failed = not scores["loss"] < np.log(10)  # NaN too, or worse than chance
    return scores | {"failed": failed}


STUDY = Study(
    question="Does clipping save a deep network that starts too loud, and would batch norm?",
    run=train,
    settings={
        "20 layers, 1.3 times He": {"depth": 20, "factor": 1.3},
        "40 layers, 1.15 times He": {"depth": 40, "factor": 1.15},
    },
    variants={
        "none": {"kind": "none", "limit": None, "batch_norm": False},
        "value 0.01": {"kind": "value", "limit": 0.01, "batch_norm": False},
        "global norm 1": {"kind": "global norm", "limit": 1.0, "batch_norm": False},
        "batch norm": {"kind": "none", "limit": None, "batch_norm": True},
    },
    # In a pilot the differences were five points and more
    seeds=range(10),
    learning_rates=[0.0001, 0.0003, 0.001, 0.01, 0.1, 0.3, 1.0],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
