"""A network of 1.8 million weights on few and many images, with true and with random labels."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.optimizers import Momentum, Optimizer


def spoil(labels, share, rng):
    """Replace a share of the labels by random ones."""
    chosen = rng.random(len(labels)) < share
    return np.where(chosen, rng.integers(0, 10, len(labels)), labels)


def train(seed, examples, epochs, noise):
    images, _, test = fashion_mnist()
    model_rng, train_rng, test_rng = np.random.default_rng(seed).spawn(3)
    chosen = train_rng.permutation(len(images.images))[:examples]
    x, y = images.images[chosen], spoil(images.labels[chosen], noise, train_rng)
    # Test labels are as unreliable as training labels, so that the gap is overfitting alone
    test_labels = spoil(test.labels, noise, test_rng)
    model = mlp(model_rng, [1000, 1000], "relu", "he_normal", dtype=np.float32)
    optimizer = Optimizer(Momentum(0.9), 0.05)
    metrics = {}
    for name in ("gap_halfway", "gap"):
        model.fit(x, y, optimizer=optimizer, epochs=epochs // 2, batch_size=100)
        metrics["training_accuracy"] = model.evaluate(x, y)[1]
        metrics["test_accuracy"] = model.evaluate(test.images, test_labels)[1]
        metrics[name] = metrics["training_accuracy"] - metrics["test_accuracy"]
    return metrics | {"accuracy": model.evaluate(*test)[1]}


STUDY = Study(
    question="How does a large network overfit few and many images, with true and random labels?",
    run=train,
    settings={
        "200 images": {"examples": 200, "epochs": 300},
        "2,000 images": {"examples": 2_000, "epochs": 60},
        "20,000 images": {"examples": 20_000, "epochs": 24},
    },
    variants={"true labels": {"noise": 0.0}, "20 % random labels": {"noise": 0.2}},
    seeds=range(3),
    smallest={"gap": 0.01},
)
