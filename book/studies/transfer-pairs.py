"""Every pair of classes as task B, with 200 labels, and what the other eight taught.

A pilot of one seed on three pairs showed differences of half a point and more; three seeds a pair,
135 in all, were fixed before the run. Network A learns quickly here, in place of the source's 20
epochs; the study transfer-source compares both.
"""

from itertools import combinations

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import adapt, best_of, classifier, draw, reuse, tasks
from companion.optimizers import Nesterov, Optimizer

RATES = [0.003, 0.01, 0.03, 0.1]


@np.errstate(all="ignore")
def train(seed, first, second):
    task_a, task_b = tasks((first, second), 8_000)
    rng_a, rng_b, rng_draw = np.random.default_rng(seed).spawn(3)
    model_a = classifier(rng_a, 8)
    model_a.fit(*task_a.train, optimizer=Optimizer(Nesterov(0.9), 0.005), epochs=3)
    data = draw(rng_draw, task_b.train, 200)
    seed_b = rng_b.integers(2**32)

    def model_b(layers, rate):
        model = classifier(np.random.default_rng(seed_b), 1)
        return adapt(model, reuse(model, model_a, layers), data, rate=rate)

    scratch, scratch_rate = best_of(lambda rate: model_b(0, rate), RATES, task_b)
    transfer, transfer_rate = best_of(lambda rate: model_b(5, rate), RATES, task_b)
    return {
        "accuracy_a": model_a.evaluate(*task_a.test)[1],
        "scratch": scratch,
        "transfer": transfer,
        "scratch_rate": scratch_rate,
        "transfer_rate": transfer_rate,
        # the source's two learning rates, which nobody tuned
        "scratch_untuned": model_b(0, 1e-3).evaluate(*task_b.test)[1],
        "transfer_untuned": model_b(5, 1e-4).evaluate(*task_b.test)[1],
    }


STUDY = Study(
    question="On how many of the 45 pairs of classes does transfer beat a fair scratch network?",
    run=train,
    settings={
        f"{first} {second}": {"first": first, "second": second}
        for first, second in combinations(range(10), 2)
    },
    variants={"both": {}},
    seeds=range(3),
    smallest={"accuracy": 0.005},
)
