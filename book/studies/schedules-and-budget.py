"""Learning-rate schedules at equal budgets, from 2 epochs to 25."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Callback
from companion.optimizers import Momentum, Optimizer
from companion.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    PiecewiseConstant,
    PowerDecay,
    ReduceOnPlateau,
)

EXAMPLES = 5_000
STEPS_AN_EPOCH = -(-EXAMPLES // 32)


def constant(rate, steps):
    return rate


def power(rate, steps):
    """Go down to an eleventh of the rate."""
    return PowerDecay(rate, steps / 10)


def exponential(rate, steps):
    """Go down to a hundredth of the rate."""
    return ExponentialDecay(rate, steps, 0.01)


def exponential_by_epoch(rate, steps):
    """Look the same decay up at the beginning of each epoch."""
    decay = exponential(rate, steps)
    return lambda step: decay(step - step % STEPS_AN_EPOCH)


def piecewise(rate, steps):
    """Take the source's shape: 5, 10 and 10 of 25 epochs at 1, 1/2 and 1/10 of the rate."""
    return PiecewiseConstant([0.2 * steps - 1, 0.6 * steps - 1], [rate, rate / 2, rate / 10])


def cosine(rate, steps):
    return CosineDecay(rate, steps)


def warm_up_and_cosine(rate, steps):
    """Go up for a tenth of the steps, and down for the others."""
    return LinearWarmup(CosineDecay(rate, 0.9 * steps), 0.1 * steps)


def one_cycle(rate, steps):
    return OneCycle(rate / 10, rate, steps)


class Plateau(Callback):
    """Halve the rate when two of twenty measurements in a row brought no lower loss."""

    def __init__(self, rate, steps):
        self.schedule = ReduceOnPlateau(rate, factor=0.5, patience=2)
        self.state = self.schedule.init()
        self.times = {round(steps * i / 20) for i in range(1, 20)}
        _, validation, _ = fashion_mnist()
        self.held_out = validation.images[:1000], validation.labels[:1000]

    def on_batch_end(self, step, loss):
        """Measure the validation loss, and set the rate."""
        if step + 1 in self.times:
            with np.errstate(over="ignore", invalid="ignore"):
                metric, _ = self.model.evaluate(*self.held_out)
            self.optimizer.learning_rate, self.state = self.schedule.update(self.state, metric)


SCHEDULES = {
    "constant": constant,
    "power": power,
    "exponential": exponential,
    "exponential, by epoch": exponential_by_epoch,
    "piecewise": piecewise,
    "cosine": cosine,
    "warm-up, cosine": warm_up_and_cosine,
    "1cycle": one_cycle,
}


def train(seed, epochs, schedule, learning_rate):
    data, validation, test = fashion_mnist()
    model = mlp(np.random.default_rng(seed), [300, 100], "relu", "he_normal", dtype=np.float32)
    steps = epochs * STEPS_AN_EPOCH
    schedules, callbacks = {}, []
    if schedule == "plateau":
        rate, callbacks = learning_rate, [Plateau(learning_rate, steps)]
    else:
        rate = SCHEDULES[schedule](learning_rate, steps)
    if schedule == "1cycle":
        schedules = {"beta": rate.momentum()}
    optimizer = Optimizer(Momentum(0.9), rate, schedules=schedules)
    history = model.fit(
        data.images[:EXAMPLES],
        data.labels[:EXAMPLES],
        optimizer=optimizer,
        epochs=epochs,
        callbacks=callbacks,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "loss": history.history["loss"][-1],
            "validation_accuracy": model.evaluate(*validation)[1],
            "accuracy": model.evaluate(*test)[1],
        }


STUDY = Study(
    question="Which schedule wins at 2, 5, 10 and 25 epochs, each with its own learning rate?",
    run=train,
    settings={f"{epochs} epochs": {"epochs": epochs} for epochs in (2, 5, 10, 25)},
    variants={
        name: {"schedule": name}
        for name in (
            "constant",
            "power",
            "exponential",
            "exponential, by epoch",
            "piecewise",
            "plateau",
            "cosine",
            "warm-up, cosine",
            "1cycle",
        )
    },
    seeds=range(20),
    learning_rates=[0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
