"""Momentum with and without batch normalization, and how unequal the scales of units are."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import StepsToReach
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Flatten, Sequential
from companion.optimizers import GradientDescent, Momentum, Optimizer


def build(rng, batch_norm):
    layers = [Flatten()]
    for _ in range(5):
        layers.append(Dense(100, None, "he_normal"))
        if batch_norm:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation("relu"))
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)


def spreads(model, images):
    """How the units' standard deviations spread, over their mean: sums and activations of a layer.

    A dense layer counts as an activation, too: the four are sums and activations of layers 1 and 2.
    """
    x, found = images, []
    for layer in model.layers:
        x = layer.forward(x, True, None)  # with the batch's own statistics
        if isinstance(layer, Activation):
            stds = x.std(axis=0, dtype=float)
            found.append(stds.std() / stds.mean())
    return found[:4]


def train(seed, batch_norm, rule, learning_rate):
    data, validation, _ = fashion_mnist()
    model = build(np.random.default_rng(seed), batch_norm)
    looked_at = validation.images[:1_000]
    before = spreads(model, looked_at)
    count = StepsToReach(0.85, *validation)
    model.fit(
        data.images[:20_000],
        data.labels[:20_000],
        optimizer=Optimizer(rule, learning_rate),
        epochs=4,
        callbacks=[count],
    )
    with np.errstate(all="ignore"):
        after = spreads(model, looked_at)
    return {
        "log2_steps": float(np.log2(count.steps)),
        "reached": count.reached,
        "spread_before": before,
        "spread_after": after,
    }


STUDY = Study(
    question="Does momentum help more where the inputs of the upper layers differ in scale?",
    run=train,
    settings={"without": {"batch_norm": False}, "with": {"batch_norm": True}},
    variants={"gradient descent": {"rule": GradientDescent()}, "momentum": {"rule": Momentum()}},
    seeds=range(20),
    learning_rates=[float(f"{10 ** (k / 3):.2g}") for k in range(-9, 1)],
    tuning_seeds=range(100, 102),
    tuning_metric="log2_steps",
    tuning_mode="min",
    smallest={"log2_steps": float(np.log2(1.25))},
)
