"""Accuracy against sparsity: small weights cut, alone or after l1 in two ways."""

from functools import partial

import numpy as np

from companion.constraints import soft_threshold
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Callback, Dense, Flatten, Sequential
from companion.optimizers import Adam, GradientDescent, Optimizer
from companion.regularizers import l1

EXAMPLES, EPOCHS, BATCH = 20_000, 5, 32
STEPS = EXAMPLES // BATCH
# The shares of weights that are set to zero, smallest first
CUTS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


class SoftThreshold(Callback):
    """The proximal step of l1 after each gradient step, at the same rate."""

    def __init__(self, strength, rate):
        self.strength, self.rate = strength, rate

    def on_batch_end(self, step, loss):
        """Move every kernel towards 0."""
        for kernel in kernels(self.model):
            kernel[...] = soft_threshold(kernel, self.strength * self.rate(step))


class KeepZeros(Callback):
    """Weights that are zero when the training begins stay so."""

    def on_train_begin(self):
        """Note which weights are zero."""
        self.masks = [(kernel != 0).astype(kernel.dtype) for kernel in kernels(self.model)]

    def on_batch_end(self, step, loss):
        """Set them to zero again."""
        for kernel, mask in zip(kernels(self.model), self.masks, strict=True):
            kernel *= mask


def kernels(model):
    return [layer.weights["kernel"] for layer in model.layers if isinstance(layer, Dense)]


def scores(model):
    _, validation, test = fashion_mnist()
    return model.evaluate(*validation)[1], model.evaluate(*test)[1]


def train(seed, method, strength, rule, eta):
    data = fashion_mnist()[0]
    x, y = data.images[:EXAMPLES], data.labels[:EXAMPLES]
    regularizer = partial(l1, strength=strength) if method == "l1" else None
    layers = [
        Dense(100, "relu", "he_normal", regularizer=regularizer),
        Dense(10, "softmax", regularizer=regularizer),
    ]
    model = Sequential([Flatten(), *layers], (28, 28), np.random.default_rng(seed), np.float32)

    def rate(step):
        return eta * (1 - step / (EPOCHS * STEPS))

    callbacks = [SoftThreshold(strength, rate)] if method == "soft threshold" else []
    model.fit(
        x,
        y,
        optimizer=Optimizer(rule, rate),
        epochs=EPOCHS,
        batch_size=BATCH,
        callbacks=callbacks,
    )

    for layer in layers:
        layer.regularizer = layer.regularizer_gradient = None
    trained = model.get_weights()
    sizes = np.abs(np.concatenate([kernel.ravel() for kernel in kernels(model)]))
    validation, test = scores(model)
    metrics = {
        "zeros": np.mean(sizes == 0),
        "below_1e-3": np.mean(sizes < 1e-3),
        "validation_accuracy": validation,
        "accuracy": test,
    }
    cut, tuned = [], []
    for share in CUTS:
        model.set_weights(trained)
        smallest_kept = np.quantile(sizes, share)
        for kernel in kernels(model):
            kernel[np.abs(kernel) < smallest_kept] = 0
        cut.append(scores(model))
        model.fit(
            x,
            y,
            optimizer=Optimizer(rule, lambda step: 0.3 * eta * (1 - step / STEPS)),
            epochs=1,
            batch_size=BATCH,
            callbacks=[KeepZeros()],
        )
        tuned.append(scores(model))
    for name, values in (("cut", cut), ("tuned", tuned)):
        metrics[f"{name}_validation"], metrics[f"{name}_test"] = zip(*values, strict=True)
    return metrics


def cases(method, strengths, rates):
    return {
        f"{method} {strength:g}, rate {eta:g}".replace(" 0,", ","): {
            "method": method,
            "strength": strength,
            "rule": GradientDescent(),
            "eta": eta,
        }
        for strength in strengths
        for eta in rates
    }


# The best rate depends on the cut that follows: strength and rate are chosen for each cut
STUDY = Study(
    question="How accurate is a sparse network, by the way its zeros were made?",
    run=train,
    variants=cases("none", [0], [0.1, 0.2, 0.4, 0.6])
    | cases("l1", [1e-4, 3e-4, 1e-3], [0.1, 0.2, 0.4])
    | cases("soft threshold", [3e-4, 1e-3], [0.1, 0.2, 0.4])
    | {
        "Adam, none": {"method": "none", "strength": 0, "rule": Adam(), "eta": 1e-3},
        "Adam, l1 0.001": {"method": "l1", "strength": 1e-3, "rule": Adam(), "eta": 1e-3},
    },
    seeds=range(6),
    smallest={"accuracy": 0.005},
)
