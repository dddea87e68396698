"""Three recurrent networks that read images row by row, clipped in five ways and not at all."""

from functools import partial

import numpy as np

from companion.initializers import orthogonal
from companion.lab.networks import clipping, train_and_score
from companion.lab.studies import Study
from companion.network import Dense, Sequential, SimpleRNN
from companion.optimizers import GradientDescent, Optimizer
from companion.schedules import ExponentialDecay

EXAMPLES, EPOCHS = 10_000, 3


class Clip:
    """Clip in one of the ways, and count the steps in which that changed anything."""

    def __init__(self, kind, limit):
        self.clip = clipping(kind, limit)
        self.changed = []

    def __call__(self, gradients):
        """Return the clipped gradients."""
        clipped = self.clip(gradients)
        self.changed.append(
            any(not np.array_equal(a, b) for a, b in zip(gradients, clipped, strict=True))
        )
        return clipped


def train(seed, activation, gain, kind, limit, learning_rate):
    start = partial(orthogonal, gain=gain)
    layers = [SimpleRNN(64, activation, recurrent_initializer=start), Dense(10, "softmax")]
    model = Sequential(layers, (28, 28), np.random.default_rng(seed), np.float32)
    # To 1 % of its start: the last accuracy is then no accident of the last steps
    schedule = ExponentialDecay(learning_rate, steps=EPOCHS * EXAMPLES / 32, rate=0.01)
    clip = Clip(kind, limit)
    optimizer = Optimizer(GradientDescent(), schedule)
    scores = train_and_score(model, optimizer, examples=EXAMPLES, epochs=EPOCHS, clip=clip)
    failed = not scores["loss"] < np.log(10)  # NaN too, or worse than chance
    return scores | {"failed": failed, "clipped": np.mean(clip.changed)}


STUDY = Study(
    question="Does clipping help a recurrent network, and which kind at which threshold?",
    run=train,
    settings={
        "tanh, Keras's start": {"activation": "tanh", "gain": 1.0},
        "tanh, twice as large": {"activation": "tanh", "gain": 2.0},
        "ReLU, 1.4 times": {"activation": "relu", "gain": 1.4},
    },
    variants={
        "none": {"kind": "none", "limit": None},
        "value 0.01": {"kind": "value", "limit": 0.01},
        "value 0.1": {"kind": "value", "limit": 0.1},
        "norm 1": {"kind": "norm", "limit": 1.0},
        "global norm 1": {"kind": "global norm", "limit": 1.0},
        "global norm 10": {"kind": "global norm", "limit": 10.0},
    },
    # In a pilot the differences that matter here were ten points and more, with a standard
    # deviation of 2 to 10 points
    seeds=range(12),
    learning_rates=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
