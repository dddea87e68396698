"""Which layers to take over, freeze, thaw, drop or add, by the number of labels.

For each number of labels all ways take the same number of steps, and each keeps the best of three
learning rates. A way "reuse k" freezes the lowest k layers for good and learns the others anew;
"thaw k" takes all hidden layers, learns a head on them, and then thaws the topmost k.
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
from companion.optimizers import GradientDescent, Nesterov, Optimizer

RATES = [0.01, 0.03, 0.1]
EPOCHS = {10: 40, 50: 40, 200: 20, 1000: 8, 5000: 2}


# by name: hidden layers of network B, layers taken over, layers thawed
DENSE_WAYS = {
    **{f"reuse {k}": (HIDDEN, k, 0) for k in range(6)},
    **{f"thaw {k}": (HIDDEN, 5, k) for k in range(1, 6)},
    "drop 1": (HIDDEN[:4], 4, 0),
    "drop 2": (HIDDEN[:3], 3, 0),
    "add 1": ((*HIDDEN, 50), 5, 0),
}
CONVOLUTIONAL_WAYS = {
    **{f"reuse {k}": (None, k, 0) for k in range(4)},
    "thaw 3": (None, 3, 3),
}


@np.errstate(all="ignore")
def train(seed, pair, kind):
    task_a, task_b = tasks(tuple(int(label) for label in pair.split()))
    rng_a, rng_b, rng_draw = np.random.default_rng(seed).spawn(3)
    model_a = classifier(rng_a, 8) if kind == "dense" else convolutional(rng_a, 8)
    model_a.fit(
        task_a.train.images[:16_000],
        task_a.train.labels[:16_000],
        optimizer=Optimizer(Nesterov(0.9), 0.005 if kind == "dense" else 0.01),
        epochs=3,
    )
    pool, seed_b = draw(rng_draw, task_b.train, 5000), rng_b.integers(2**32)
    result = {"accuracy_a": model_a.evaluate(*task_a.test)[1]}
    ways = DENSE_WAYS if kind == "dense" else CONVOLUTIONAL_WAYS
    for examples, epochs in EPOCHS.items():
        data = type(pool)(pool.images[:examples], pool.labels[:examples])
        for name, (hidden, layers, thawed) in ways.items():

            def model_b(rate, data=data, way=(hidden, layers, thawed), epochs=epochs):
                hidden, layers, thawed = way
                rng = np.random.default_rng(seed_b)
                model = classifier(rng, 1, hidden) if hidden else convolutional(rng, 1)
                taken = reuse(model, model_a, layers)
                phase = max(1, epochs // 5)
                return adapt(
                    model, taken, data, rate=rate, epochs=epochs, thawed=thawed, head_epochs=phase
                )

            result[f"{name}, {examples} labels"], _ = best_of(model_b, RATES, task_b)
    data = type(pool)(pool.images[:200], pool.labels[:200])
    for name, layers in (("scratch", 0), ("transfer", 5 if kind == "dense" else 3)):
        counts = []
        for rate in RATES:
            rng = np.random.default_rng(seed_b)
            model = classifier(rng, 1) if kind == "dense" else convolutional(rng, 1)
            for layer in reuse(model, model_a, layers):
                layer.trainable = True
            history = model.fit(
                *data,
                optimizer=Optimizer(GradientDescent(), rate),
                epochs=20,
                validation_data=task_b.validation,
            ).history["val_accuracy"]
            counts.append(1 + next((i for i, a in enumerate(history) if a >= 0.9), len(history)))
        result[f"{name}, epochs to 90 %"] = min(counts)  # 21: not within 20
    return result


STUDY = Study(
    question="How many layers should be reused, and how many thawed, for how many labels?",
    run=train,
    settings={
        "sandal or shirt": {"pair": "5 6"},
        "T-shirt or pullover": {"pair": "0 2"},
    },
    variants={"dense": {"kind": "dense"}, "convolutional": {"kind": "convolutional"}},
    seeds=range(3),
    smallest={"accuracy": 0.005},
)
