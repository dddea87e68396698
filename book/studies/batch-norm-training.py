"""Dense networks without batch normalization, and with it before or after each activation."""

import time

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import (
    Activation,
    BatchNormalization,
    Callback,
    Dense,
    Flatten,
    Sequential,
)
from companion.optimizers import GradientDescent, Optimizer

TARGET = 0.80
EXAMPLES, EPOCHS = 20_000, 3
STEPS = EPOCHS * EXAMPLES // 32


def build(rng, depth, activation, initializer, place):
    layers = [Flatten()]
    for _ in range(depth):
        layers.append(Dense(100, None, initializer, use_bias=place != "before"))
        if place == "before":
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation(activation))
        if place == "after":
            layers.append(BatchNormalization(momentum=0.9))
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)


class Clock(Callback):
    """Steps and processor seconds of training until the target, and of the whole training."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def on_train_begin(self):
        """Start the clock."""
        self.next, self.reached, self.start = 1, False, time.process_time()

    def on_batch_end(self, step, loss):
        """Look whether the target is reached, whenever the steps have grown by 5 %."""
        now = time.process_time()
        self.all_steps, self.all_seconds = step + 1, now - self.start
        if not self.reached:
            self.steps, self.seconds = self.all_steps, self.all_seconds
            if step + 1 >= self.next:
                self.next = int(np.ceil(1.05 * (step + 1)))
                with np.errstate(all="ignore"):
                    self.reached = self.model.evaluate(self.x, self.y)[1] >= TARGET
                self.start += time.process_time() - now  # the look itself does not count


def prediction_seconds(models, images, repeats):
    """Median processor time of a prediction, the models taking turns."""
    times = np.empty((repeats, len(models)))
    for row in times:
        for column, model in enumerate(models):
            start = time.process_time()
            for image in images:
                model.predict(image)
            row[column] = time.process_time() - start
    return np.median(times, axis=0)


def train(seed, depth, activation, initializer, place, learning_rate):
    images, validation, test = fashion_mnist()
    x, y = images.images[:EXAMPLES], images.labels[:EXAMPLES]
    model = build(np.random.default_rng(seed), depth, activation, initializer, place)
    clock = Clock(validation.images[:1000], validation.labels[:1000])
    # The rate falls to 0, so that the last few steps do not decide the accuracy
    optimizer = Optimizer(GradientDescent(), lambda step: learning_rate * (1 - step / STEPS))
    model.fit(x, y, optimizer=optimizer, epochs=EPOCHS, callbacks=[clock])
    # What folding leaves: a network of the same shape without batch normalization
    folded = build(np.random.default_rng(seed), depth, activation, initializer, "none")
    with np.errstate(all="ignore"):
        one = prediction_seconds([model, folded], test.images[:30, None], 5)
        thousand = prediction_seconds([model, folded], [test.images[:1000]], 7)
        accuracy = model.evaluate(*test)[1]
        return {
            "accuracy": accuracy,
            "validation_accuracy": model.evaluate(*validation)[1],
            "gap": model.evaluate(x[:10_000], y[:10_000])[1] - accuracy,
            "log2_steps": np.log2(clock.steps),
            "log2_seconds": np.log2(clock.seconds),
            "reached": clock.reached,
            "step_milliseconds": 1000 * clock.all_seconds / clock.all_steps,
            "predict_1_milliseconds": 1000 / 30 * one[0],
            "predict_1_folded_milliseconds": 1000 / 30 * one[1],
            "predict_1000_milliseconds": 1000 * thousand[0],
            "predict_1000_folded_milliseconds": 1000 * thousand[1],
        }


STARTS = {
    "relu": "he_normal",
    "elu": "he_normal",
    "tanh": "glorot_normal",
    "sigmoid": "glorot_normal",
}

STUDY = Study(
    question="What does batch normalization change, before and after each activation?",
    run=train,
    settings={
        f"{depth} layers, {name}": {"depth": depth, "activation": name, "initializer": start}
        for depth in (2, 10, 30)
        for name, start in STARTS.items()
        if depth < 30 or name == "relu"
    },
    variants={place: {"place": place} for place in ("none", "before", "after")},
    seeds=range(12),
    learning_rates=[0.01, 0.03, 0.1, 0.3, 1.0],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={
        "accuracy": 0.005,
        "gap": 0.005,
        "log2_steps": float(np.log2(1.25)),
        "log2_seconds": float(np.log2(1.25)),
    },
)
