"""SELU networks with alpha dropout, with plain dropout and with neither."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Activation, AlphaDropout, Dense, Dropout, Flatten, Sequential
from companion.optimizers import Momentum, Optimizer

EXAMPLES, EPOCHS, BATCH = 5000, 10, 50


def build(rng, depth, kind, rate):
    layers = [Flatten()]
    for _ in range(depth):
        layers += [Dense(100, None, "lecun_normal"), Activation("selu")]
        layers += [kind(rate)] if kind else []
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)


def train(seed, depth, learning_rate, kind=None, rate=0.0):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    model_rng, data_rng = np.random.default_rng(seed).spawn(2)
    chosen = data_rng.permutation(len(data.images))[:EXAMPLES]
    x, y = (data.images[chosen] - mean) / std, data.labels[chosen]
    model = build(model_rng, depth, kind, rate)
    steps = EPOCHS * np.ceil(EXAMPLES / BATCH)
    model.fit(
        x,
        y,
        optimizer=Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps)),
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    scores = {}
    for prefix, (images, labels) in (("validation_", validation), ("", test)):
        loss, accuracy = model.evaluate((images - mean) / std, labels)
        scores |= {f"{prefix}loss": loss, f"{prefix}accuracy": accuracy}
    tops = {}
    for name, training in (("training", True), ("after", False)):
        model.forward(x[:1000], training)
        tops[name] = [layer.a for layer in model.layers if type(layer) is Activation][-1]
    return scores | {
        "train_loss": model.evaluate(x, y)[0],
        "std_training": tops["training"].std(),
        "std_after": tops["after"].std(),
    }


STUDY = Study(
    question="Does alpha dropout serve SELU networks better than plain dropout?",
    run=train,
    settings={"2 layers": {"depth": 2}, "10 layers": {"depth": 10}},
    variants={
        "none": {},
        "alpha 0.1": {"kind": AlphaDropout, "rate": 0.1},
        "plain 0.1": {"kind": Dropout, "rate": 0.1},
        "alpha 0.2": {"kind": AlphaDropout, "rate": 0.2},
        "plain 0.2": {"kind": Dropout, "rate": 0.2},
    },
    seeds=range(6),
    learning_rates=[0.003, 0.01, 0.03, 0.1, 0.3],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
