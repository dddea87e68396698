"""Weight penalties, max-norm and none on 2,000 images, which 266,610 weights overfit."""

from functools import partial

import numpy as np

from companion.constraints import max_norm
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Dense, Dropout, Flatten, Sequential
from companion.optimizers import Momentum, Optimizer
from companion.regularizers import l1, l1_grad, l2, l2_grad


def l1_l2(w, l1_strength, l2_strength):
    return l1(w, l1_strength) + l2(w, l2_strength)


def l1_l2_grad(w, l1_strength, l2_strength):
    return l1_grad(w, l1_strength) + l2_grad(w, l2_strength)


def dense(units, activation, initializer, l1_strength, l2_strength, limit):
    constraint = partial(max_norm, limit=limit) if limit else None
    layer = Dense(units, activation, initializer, constraint=constraint)
    strengths = {"l1_strength": l1_strength, "l2_strength": l2_strength}
    if l1_strength and l2_strength:
        layer.regularizer = partial(l1_l2, **strengths)
        layer.regularizer_gradient = partial(l1_l2_grad, **strengths)
    elif l1_strength:
        layer.regularizer = partial(l1, strength=l1_strength)
        layer.regularizer_gradient = partial(l1_grad, strength=l1_strength)
    elif l2_strength:
        layer.regularizer = partial(l2, strength=l2_strength)
        layer.regularizer_gradient = partial(l2_grad, strength=l2_strength)
    return layer


def cross_entropy(model, images, labels):
    probabilities = model.predict(images)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(probabilities, 1e-30), dtype=float).mean())


def train(
    seed, examples, epochs, learning_rate, l1_strength=0, l2_strength=0, limit=None, dropout=0
):
    train, validation, test = fashion_mnist()
    model_rng, choice_rng = np.random.default_rng(seed).spawn(2)
    # A draw of its own for each seed: the intervals speak of data sets, not of one
    chosen = choice_rng.permutation(len(train.images))[:examples]
    x, y = train.images[chosen], train.labels[chosen]
    layers = [Flatten()]
    for units in (300, 100):
        layers.append(dense(units, "relu", "he_normal", l1_strength, l2_strength, limit))
        if dropout:
            layers.append(Dropout(dropout))
    layers.append(dense(10, "softmax", "glorot_uniform", l1_strength, l2_strength, limit))
    model = Sequential(layers, (28, 28), model_rng, np.float32)
    steps = epochs * np.ceil(examples / 64)
    model.fit(
        x,
        y,
        optimizer=Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps)),
        epochs=epochs,
        batch_size=64,
    )
    kernels = [layer.weights["kernel"] for layer in model.layers if isinstance(layer, Dense)]
    w = np.concatenate([kernel.ravel() for kernel in kernels])
    for layer in model.layers:
        layer.regularizer = None  # the losses that follow are the data's alone
    metrics = {"training_accuracy": model.evaluate(x, y)[1], "accuracy": model.evaluate(*test)[1]}
    return metrics | {
        "validation_accuracy": model.evaluate(*validation)[1],
        "gap": metrics["training_accuracy"] - metrics["accuracy"],
        "training_loss": cross_entropy(model, x, y),
        "loss": cross_entropy(model, *test),
        "norm": float(np.linalg.norm(w)),
        "below_1e-3": float((np.abs(w) < 1e-3).mean()),
        "longest_column": max(float(np.linalg.norm(k, axis=0).max()) for k in kernels),
    }


L1, L2 = (1e-5, 1e-4, 1e-3), (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
LIMITS = (0.25, 0.5, 1, 2, 4)
STUDY = Study(
    question="What do weight penalties and max-norm change when there are few images?",
    run=train,
    settings={"2,000 images": {"examples": 2_000, "epochs": 16}},
    variants={"none": {}}
    | {f"l2 {s:g}": {"l2_strength": s} for s in L2}
    | {f"l1 {s:g}": {"l1_strength": s} for s in L1}
    | {
        f"l1 {a:g}, l2 {b:g}": {"l1_strength": a, "l2_strength": b}
        for a, b in ((1e-5, 1e-3), (1e-4, 1e-3))
    }
    | {f"max-norm {r:g}": {"limit": r} for r in LIMITS}
    | {"dropout": {"dropout": 0.5}}
    | {f"dropout, max-norm {r:g}": {"dropout": 0.5, "limit": r} for r in (1, 2)},
    seeds=range(10),
    learning_rates=[0.015, 0.04, 0.1],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005, "gap": 0.005, "loss": 0.01},
)
