"""The source's protocol as it stands, and its pieces one at a time.

Network A is trained as written (gradient descent at 0.001, 20 epochs), and quickly. On each A
stand three heads, each with its own start: on the first 200 images of task B, as in the source, and
on 200 drawn ones. A run is the mean of its three heads where it compares; so a seed is a network A.
"""

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import (
    Dataset,
    adapt,
    best_of,
    classifier,
    draw,
    reuse,
    tasks,
)
from companion.optimizers import GradientDescent, Nesterov, Optimizer

RATES = [0.0001, 0.001, 0.01, 0.1]
TUNED = [0.003, 0.01, 0.03, 0.1]
HEADS = 3


def displacement(layers, source):
    """Return how far reused layers have moved, relative to where they started."""
    before = [layer.weights["kernel"] for layer in source.layers[1:-1]]
    after = [layer.weights["kernel"] for layer in layers]
    moved = sum(np.square(b - a).sum() for a, b in zip(before, after, strict=True))
    return float(np.sqrt(moved / sum(np.square(a).sum() for a in before)))


def gradient_norm(model, taken, data):
    """Return the gradient's norm at the topmost reused layer, on all of the data."""
    frozen = [layer.trainable for layer in taken]
    for layer in taken:
        layer.trainable = True
    model.differentiate(*data)
    norm = float(np.linalg.norm(taken[-1].gradients["kernel"]))
    for layer, trainable in zip(taken, frozen, strict=True):
        layer.trainable = trainable
    return norm


@np.errstate(all="ignore")
def train(seed, pair, rule, rate_a, examples, epochs):
    task_a, task_b = tasks(tuple(int(label) for label in pair.split()))
    rng_a, *rng_heads = np.random.default_rng(seed).spawn(1 + HEADS)
    model_a = classifier(rng_a, 8)
    model_a.fit(
        task_a.train.images[:examples],
        task_a.train.labels[:examples],
        optimizer=Optimizer(rule, rate_a),
        epochs=epochs,
    )
    first = Dataset(task_b.train.images[:200], task_b.train.labels[:200])
    heads = []
    for rng in rng_heads:
        drawn, start = draw(rng, task_b.train, 200), rng.integers(2**32)

        def fresh(layers=5, start=start):
            model = classifier(np.random.default_rng(start), 1)
            return model, reuse(model, model_a, layers)

        def fitted(layers=5, data=drawn, fresh=fresh, **how):
            model, taken = fresh(layers)
            return adapt(model, taken, data, **how), taken

        result = {}
        loss, result["transfer_first"] = fitted(data=first, rate=1e-4)[0].evaluate(*task_b.test)
        result["transfer_first_loss"] = loss
        result["transfer"] = fitted(rate=1e-4)[0].evaluate(*task_b.test)[1]
        for name, data in (("scratch_first", first), ("scratch", drawn)):
            for rate in (0.001, 0.01):
                model, _ = fitted(0, data, rate=rate)
                result[f"{name}_{rate}"] = model.evaluate(*task_b.test)[1]
        for name, layers in (("scratch", 0), ("transfer", 5)):
            result[f"{name}_tuned"], _ = best_of(
                lambda rate, layers=layers, fitted=fitted: fitted(layers, rate=rate)[0],
                TUNED,
                task_b,
            )
        for rate in RATES:
            for name, head_epochs in (("head_first", 4), ("at_once", 0)):
                model, taken = fitted(rate=rate, head_epochs=head_epochs)
                result[f"{name}_{rate}"] = model.evaluate(*task_b.test)[1]
                result[f"{name}_moved_{rate}"] = displacement(taken, model_a)
        model, taken = fresh()
        result["gradient_start"] = gradient_norm(model, taken, drawn)
        adapt(model, taken, drawn, rate=0.01, epochs=4, thawed=0)
        result["gradient_after_head"] = gradient_norm(model, taken, drawn)
        # the upper three layers start anew, on lower ones that are fixed, or that move along
        for rate in RATES[1:]:
            for name, thawed in (("fixed", 0), ("moving", 2)):
                model, taken = fresh(2)
                adapt(model, taken, drawn, rate=rate, epochs=10, thawed=thawed, head_epochs=0)
                result[f"{name}_loss_{rate}"] = model.evaluate(*drawn)[0]
        heads.append(result)
    return {"accuracy_a": model_a.evaluate(*task_a.test)[1]} | {
        name: [head[name] for head in heads] for name in heads[0]
    }


STUDY = Study(
    question="What does the source's transfer protocol give, and what does each of its steps do?",
    run=train,
    settings={
        "sandal or shirt": {"pair": "5 6"},
        "T-shirt or pullover": {"pair": "0 2"},
    },
    variants={
        "as written": {
            "rule": GradientDescent(),
            "rate_a": 0.001,
            "examples": 55_000,
            "epochs": 20,
        },
        "quick": {"rule": Nesterov(0.9), "rate_a": 0.005, "examples": 16_000, "epochs": 3},
    },
    seeds=range(4),
    smallest={"accuracy": 0.005},
)
