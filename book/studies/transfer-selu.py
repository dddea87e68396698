"""Network A as the source writes it, and with what SELU's promise asks for."""

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import classifier, tasks
from companion.optimizers import GradientDescent, Optimizer


def train(seed, initializer, standardized):
    task_a, _ = tasks((5, 6))
    mean = task_a.train.images.mean() if standardized else 0.0
    std = task_a.train.images.std() if standardized else 1.0
    model = classifier(np.random.default_rng(seed), 8, initializer=initializer)
    model.fit(
        (task_a.train.images - mean) / std,
        task_a.train.labels,
        optimizer=Optimizer(GradientDescent(), 0.001),
        epochs=3,
    )
    return {"accuracy": model.evaluate((task_a.test.images - mean) / std, task_a.test.labels)[1]}


STUDY = Study(
    question="What do SELU's conditions change in network A, after three of its 20 epochs?",
    run=train,
    variants={
        "as written": {"initializer": "glorot_uniform", "standardized": False},
        "conditions met": {"initializer": "lecun_normal", "standardized": True},
    },
    seeds=range(3),
    smallest={"accuracy": 0.005},
)
