"""The source's 25 epochs with Nadam under its exponential schedule, from two initial rates."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import LearningRateScheduler
from companion.optimizers import Nadam, Optimizer
from companion.schedules import ExponentialDecay


def train(seed, initial):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(axis=0), data.images.std(axis=0)
    scaled = [((images - mean) / std).astype(np.float32) for images, _ in (data, validation, test)]
    model = mlp(np.random.default_rng(seed), [300, 100], "selu", "lecun_normal", dtype=np.float32)
    decay = ExponentialDecay(initial, steps=20)
    history = model.fit(
        scaled[0],
        data.labels,
        optimizer=Optimizer(Nadam(), initial),
        epochs=25,
        validation_data=(scaled[1], validation.labels),
        callbacks=[LearningRateScheduler(lambda epoch, rate: decay(epoch))],
    )
    return {
        "validation_accuracy": history.history["val_accuracy"],
        "accuracy": model.evaluate(scaled[2], test.labels)[1],
    }


STUDY = Study(
    question="What does the callback's initial rate of 0.01 cost Nadam, whose default is 0.001?",
    run=train,
    variants={"0.01": {"initial": 0.01}, "0.001": {"initial": 0.001}},
    seeds=range(5),
    smallest={"accuracy": 0.005},
)
