"""How much of task B can be read off each layer of network A, by logistic regression.

The layers of a trained A are compared with those of an untrained one. "outputs" are A's eight
logits, layer 0 is the image itself.
"""

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import HIDDEN, Dataset, Task, best_of, classifier, draw, tasks
from companion.network import Dense, Flatten, Sequential
from companion.optimizers import Momentum, Nesterov, Optimizer

RATES = [1.0, 3.0, 10.0]  # divided by the number of features
EPOCHS = {200: 40, 5000: 5}


def seen(model, layer, images):
    """Return what a layer makes of images, which is logits beyond the last hidden layer."""
    x = images
    for part in model.layers[: layer + 1]:
        x = part.forward(x, False, model.mask_rng)
    return model.layers[layer].z if layer > len(HIDDEN) else x


@np.errstate(all="ignore")
def train(seed, pair, trained):
    task_a, task_b = tasks(tuple(int(label) for label in pair.split()))
    rng_a, rng_b, rng_draw = np.random.default_rng(seed).spawn(3)
    model_a = classifier(rng_a, 8)
    if trained:
        model_a.fit(
            task_a.train.images[:16_000],
            task_a.train.labels[:16_000],
            optimizer=Optimizer(Nesterov(0.9), 0.005),
            epochs=3,
        )
    seed_b = rng_b.integers(2**32)
    task_b = Task(draw(rng_draw, task_b.train, 5000), task_b.validation, task_b.test)
    result = {}
    for layer in range(len(HIDDEN) + 2):
        outputs = [seen(model_a, layer, data.images) for data in task_b]
        mean, std = outputs[0].mean(axis=0), outputs[0].std(axis=0) + 1e-2
        probed = Task(
            *(
                Dataset((x - mean) / std, data.labels)
                for x, data in zip(outputs, task_b, strict=True)
            )
        )
        for examples, epochs in EPOCHS.items():

            def probe(rate, probed=probed, examples=examples, epochs=epochs):
                rng = np.random.default_rng(seed_b)
                shape = probed.train.images.shape[1:]
                model = Sequential([Flatten(), Dense(1, "sigmoid")], shape, rng)
                rule = Optimizer(Momentum(0.9), rate / np.prod(shape))
                images, labels = (values[:examples] for values in probed.train)
                model.fit(images, labels, optimizer=rule, epochs=epochs)
                return model

            name = f"layer {layer}" if layer <= len(HIDDEN) else "outputs"
            result[f"{name}, {examples} labels"], _ = best_of(probe, RATES, probed)
    return result


STUDY = Study(
    question="Do lower layers of network A know more of task B than upper ones?",
    run=train,
    settings={
        "sandal or shirt": {"pair": "5 6"},
        "T-shirt or pullover": {"pair": "0 2"},
    },
    variants={"trained": {"trained": True}, "untrained": {"trained": False}},
    seeds=range(3),
    smallest={"accuracy": 0.005},
)
