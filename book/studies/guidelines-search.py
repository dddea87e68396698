"""A search for a good dense network, on validation data alone."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Dropout, Flatten, Sequential
from companion.optimizers import Adam, Optimizer
from companion.schedules import OneCycle

EXAMPLES, EPOCHS, BATCH = 20_000, 6, 64


def train(seed, hidden, activation, dropout, normalized, standardized, learning_rate):
    """Train with Adam and 1cycle; the test data is not touched."""
    data, validation, _ = fashion_mnist()
    images, labels = data.images[:EXAMPLES], data.labels[:EXAMPLES]
    shift, scale = (images.mean(0), images.std(0) + 0.1) if standardized else (0, 1)
    layers = [Flatten()]
    for units in hidden:
        layers.append(Dense(units, None, "he_normal"))
        if normalized:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation(activation))
        if dropout:
            layers.append(Dropout(dropout))
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    rate = OneCycle(learning_rate / 10, learning_rate, EPOCHS * EXAMPLES // BATCH)
    model.fit(
        (images - shift) / scale,
        labels,
        optimizer=Optimizer(Adam(), rate),
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    loss, accuracy = model.evaluate((validation.images - shift) / scale, validation.labels)
    return {"validation_loss": loss, "validation_accuracy": accuracy}


BASE = {
    "hidden": (512, 256),
    "activation": "relu",
    "dropout": 0.2,
    "normalized": False,
    "standardized": False,
}
CANDIDATES = {
    "base": BASE,
    "no dropout": {**BASE, "dropout": 0.0},
    "more dropout": {**BASE, "dropout": 0.4},
    "narrow": {**BASE, "hidden": (300, 100)},
    "narrow, no dropout": {**BASE, "hidden": (300, 100), "dropout": 0.0},
    "wide, more dropout": {**BASE, "hidden": (1024, 512), "dropout": 0.4},
    "deeper": {**BASE, "hidden": (512, 256, 128)},
    "ELU": {**BASE, "activation": "elu"},
    "standardized": {**BASE, "standardized": True},
    "normalized": {**BASE, "normalized": True},
    "normalized, standardized": {**BASE, "normalized": True, "standardized": True},
    "normalized, deeper": {**BASE, "hidden": (512, 256, 128), "normalized": True},
    "normalized, more dropout": {**BASE, "normalized": True, "dropout": 0.4},
}

STUDY = Study(
    question="Which dense network does the validation data prefer after six short epochs?",
    run=train,
    variants=CANDIDATES,
    seeds=range(3),
    learning_rates=[0.001, 0.002, 0.005],
    tuning_seeds=range(100, 101),
    tuning_metric="validation_accuracy",
    smallest={"validation_accuracy": 0.005},
)
