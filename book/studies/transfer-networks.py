"""What kind of network transfers: narrow, wide, shallow, deep, convolutional.

Six tasks B with 200 labels, fixed before the run: the source's two, and four that are harder.
"""

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import (
    HIDDEN,
    adapt,
    best_of,
    classifier,
    convolutional,
    draw,
    reuse,
    tasks,
)
from companion.optimizers import Nesterov, Optimizer

RATES = [0.003, 0.01, 0.03, 0.1]


def network(rng, outputs, hidden):
    if hidden is None:
        return convolutional(rng, outputs)
    return classifier(rng, outputs, hidden)


@np.errstate(all="ignore")
def train(seed, first, second, hidden, rate_a):
    task_a, task_b = tasks((first, second), 10_000)
    rng_a, rng_b, rng_draw = np.random.default_rng(seed).spawn(3)
    model_a = network(rng_a, 8, hidden)
    model_a.fit(*task_a.train, optimizer=Optimizer(Nesterov(0.9), rate_a), epochs=3)
    data, seed_b = draw(rng_draw, task_b.train, 200), rng_b.integers(2**32)
    layers = 3 if hidden is None else len(hidden)

    def model_b(layers, rate):
        model = network(np.random.default_rng(seed_b), 1, hidden)
        return adapt(model, reuse(model, model_a, layers), data, rate=rate)

    return {
        "accuracy_a": model_a.evaluate(*task_a.test)[1],
        "scratch": best_of(lambda rate: model_b(0, rate), RATES, task_b)[0],
        "transfer": best_of(lambda rate: model_b(layers, rate), RATES, task_b)[0],
    }


STUDY = Study(
    question="Does transfer help larger networks more, and convolutional ones most?",
    run=train,
    settings={
        f"{first} {second}": {"first": first, "second": second}
        for first, second in ((5, 6), (0, 2), (2, 4), (0, 6), (7, 9), (3, 4))
    },
    variants={
        "quarter": {"hidden": [units // 4 for units in HIDDEN], "rate_a": 0.005},
        "the source's": {"hidden": list(HIDDEN), "rate_a": 0.005},
        "double": {"hidden": [units * 2 for units in HIDDEN], "rate_a": 0.005},
        "two layers": {"hidden": [300, 100], "rate_a": 0.005},
        "convolutional": {"hidden": None, "rate_a": 0.01},
    },
    seeds=range(2),
    smallest={"accuracy": 0.005},
)
