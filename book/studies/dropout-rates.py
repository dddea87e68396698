"""Dropout at several rates, everywhere or before the output only, by width and amount of data."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import StepsToReach
from companion.lab.studies import Study
from companion.network import Dense, Dropout, Flatten, Sequential
from companion.optimizers import Momentum, Optimizer

BATCH, TARGET, LEFT_OUT, NOISE = 100, 0.80, 0.3, 0.2


class Pace(StepsToReach):
    """The steps until the target is reached, without ending the training there."""

    def on_batch_end(self, step, loss):
        """Look only until the target is reached."""
        if not self.reached:
            super().on_batch_end(step, loss)
            self.model.stop_training = False


def build(rng, width, rate, everywhere):
    places = [everywhere, everywhere, True]
    layers = [Flatten()]
    for dense, here in zip(
        (
            Dense(width, "relu", "he_normal"),
            Dense(width, "relu", "he_normal"),
            Dense(10, "softmax"),
        ),
        places,
        strict=True,
    ):
        layers += [Dropout(rate), dense] if here and rate else [dense]
    return Sequential(layers, (28, 28), rng, np.float32)


def likeness(units):
    """Mean absolute correlation of the units that are ever active; NaN where there is no pair."""
    active = units[:, units.std(axis=0) > 0]
    if active.shape[1] < 2:
        return np.nan
    return np.abs(np.corrcoef(active.T)[np.triu_indices(active.shape[1], 1)]).mean()


def without_units(model, x, rng):
    """Predict with a random share of the hidden units silent."""
    for layer in model.layers:
        x = layer.forward(x, False, rng)
        if isinstance(layer, Dense) and layer is not model.layers[-1]:
            x = x * (rng.random(x.shape[1]) >= LEFT_OUT)
    return x


def input_gradient(model, x):
    """Gradient of each image's largest logit with respect to its pixels, and the logits' spread."""
    chosen = model.forward(x).argmax(axis=1)
    logits = model.layers[-1].z
    signal = np.eye(10, dtype=x.dtype)[chosen]
    signal = model.layers[-1].backward_preactivation(signal)
    for layer in model.layers[-2:0:-1]:
        signal = layer.backward(signal)
    return signal, logits.std()


def train(seed, examples, epochs, width, rate, everywhere, learning_rate):
    data, validation, test = fashion_mnist()
    model_rng, data_rng, probe_rng = np.random.default_rng(seed).spawn(3)
    chosen = data_rng.permutation(len(data.images))[:examples]
    x, y = data.images[chosen], data.labels[chosen]
    model = build(model_rng, width, rate, everywhere)
    steps = epochs * np.ceil(examples / BATCH)
    pace = Pace(TARGET, validation.images[:500], validation.labels[:500], resolution=0.1)
    descent = Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps))
    history = model.fit(x, y, optimizer=descent, epochs=epochs, batch_size=BATCH, callbacks=[pace])
    validation_loss, validation_accuracy = model.evaluate(*validation)
    loss, accuracy = model.evaluate(*test)
    train_loss, train_accuracy = model.evaluate(x[:5000], y[:5000])

    images, labels = test.images[:1000], test.labels[:1000]
    clean = model.evaluate(images, labels)[1]
    first, second = [layer.a for layer in model.layers if isinstance(layer, Dense)][:2]
    scores = {"likeness_1": likeness(first), "likeness_2": likeness(second)}
    cut = [without_units(model, images, probe_rng).argmax(axis=1) for _ in range(5)]
    noisy = images + NOISE * probe_rng.standard_normal(images.shape, dtype=np.float32)
    gradient, spread = input_gradient(model, images)
    squares = (gradient**2).sum(axis=1)
    share = np.abs(gradient).sum(axis=1) ** 2 / (784 * np.maximum(squares, 1e-12))
    return scores | {
        "accuracy": accuracy,
        "validation_accuracy": validation_accuracy,
        "loss": loss,
        "validation_loss": validation_loss,
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "reported_loss": history.history["loss"][-1],
        "log2_steps": np.log2(pace.steps),
        "reached": pace.reached,
        "lost_by_ablation": clean - np.mean([guess == labels for guess in cut]),
        "lost_by_noise": clean - model.evaluate(noisy, labels)[1],
        "pixels_used": share.mean(),
        "sensitivity": np.sqrt(squares).mean() / max(spread, 1e-6),
    }


FEW = {"examples": 2000, "epochs": 30}

STUDY = Study(
    question="Which dropout rate is best, for which width and how many images, and what does it do?",  # noqa: E501
    run=train,
    settings={
        "2,000 images, 20 wide": FEW | {"width": 20},
        "2,000 images, 100 wide": FEW | {"width": 100},
        "2,000 images, 300 wide": FEW | {"width": 300},
        "55,000 images, 100 wide": {"examples": 55_000, "epochs": 3, "width": 100},
    },
    variants={
        **{
            f"{rate:g}": {"rate": rate, "everywhere": True}
            for rate in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
        },
        "0.5, last": {"rate": 0.5, "everywhere": False},
    },
    seeds=range(6),
    learning_rates=[0.01, 0.03, 0.1],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005, "log2_steps": float(np.log2(1.25))},
)
