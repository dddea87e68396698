"""Two classes from few labels, after telling apart pairs of images of the eight others."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Dense, Layer, Sequential
from companion.network.pretraining import autoencoder, encoder, initialize_from
from companion.optimizers import Adam, Optimizer

IMAGES, EPOCHS, BATCH = 8_000, 5, 50
LABELS, STEPS = (20, 50, 200), 300


def falling(rate, steps):
    """Return Adam with a rate that falls to 0, so that the last few steps do not decide."""
    return Optimizer(Adam(), lambda step: rate * max(0.0, 1 - step / steps))


class Apart(Layer):
    """From (n, 2, inputs) to (2n, inputs): both images of a pair go through the same layers."""

    def build(self, input_shape, rng, dtype):
        """Return the shape of one image."""
        return super().build(input_shape, rng, dtype)[1:]

    def forward(self, x, training, rng):
        """Put all images in a row."""
        return x.reshape(-1, x.shape[-1])


class Distance(Layer):
    """From (2n, units) to (n, units): how far the two codes of each pair are apart."""

    def forward(self, x, training, rng):
        """Return the absolute differences."""
        self.sign = np.sign(x[::2] - x[1::2])
        return np.abs(x[::2] - x[1::2])

    def backward(self, dy, input_gradient=True):
        """Send the gradient to both."""
        return np.stack([dy * self.sign, -dy * self.sign], axis=1).reshape(-1, dy.shape[1])


def hidden():
    return [Dense(300, "relu", "he_normal"), Dense(100, "relu", "he_normal")]


def pairs(images, labels, rng):
    """Learn from pairs, drawn anew for each epoch, half of them of one class."""
    draw_rng, pair_rng = rng.spawn(2)
    layers = hidden()
    model = Sequential([Apart(), *layers, Distance(), Dense(1, "sigmoid")], (2, 784), draw_rng)
    optimizer = falling(0.001, EPOCHS * len(images) // BATCH)
    for _ in range(EPOCHS):
        same = pair_rng.random(len(images)) < 0.5
        partner = np.empty(len(images), int)
        for c in np.unique(labels):
            mine, theirs = np.flatnonzero(labels == c), np.flatnonzero(labels != c)
            drawn = pair_rng.choice(mine, len(mine)), pair_rng.choice(theirs, len(mine))
            partner[mine] = np.where(same[mine], *drawn)
        both = np.stack([images, images[partner]], axis=1)
        model.fit(both, same, optimizer=optimizer, epochs=1, batch_size=BATCH)
    return layers


def reconstruct(images, labels, rng):
    """Learn from the same images, without their labels."""
    model = autoencoder((784, 300, 100), rng, initializer="he_normal")
    optimizer = falling(0.001, EPOCHS * len(images) // BATCH)
    model.fit(images, images, optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH)
    return encoder(model).layers


def run(seed, kind, learning_rate):
    train, validation, test = fashion_mnist()
    rng = np.random.default_rng(seed)
    kept_back = np.sort(rng.permutation(10)[:2])  # another two classes for each seed
    others = np.flatnonzero(~np.isin(train.labels, kept_back))[:IMAGES]
    images, labels = train.images[others].reshape(-1, 784), train.labels[others]
    learned = None if kind is None else kind(images, labels, rng.spawn(1)[0])

    def of_the_two(data):
        chosen = np.flatnonzero(np.isin(data.labels, kept_back))
        x, y = data.images[chosen].reshape(-1, 784), np.searchsorted(kept_back, data.labels[chosen])
        return x, y

    x, y = of_the_two(train)
    order = rng.permutation(len(y))
    metrics, found = {}, []
    for count in LABELS:
        few = np.concatenate([order[y[order] == c][: count // 2] for c in (0, 1)])
        layers = [*hidden(), Dense(2, "softmax")]
        model = Sequential(layers, (784,), np.random.default_rng(seed))
        if learned is None:
            steps = STEPS + EPOCHS * IMAGES // BATCH
        else:
            initialize_from(model, learned)
            steps = STEPS
        batch = min(count, BATCH)
        model.fit(
            x[few],
            y[few],
            optimizer=falling(learning_rate, steps),
            epochs=steps * batch // count,
            batch_size=batch,
        )
        metrics[f"accuracy {count}"] = model.evaluate(*of_the_two(test))[1]
        found.append(model.evaluate(*of_the_two(validation))[1])
    return metrics | {"validation_accuracy": float(np.mean(found))}


STUDY = Study(
    question="Does telling same from different among eight classes help to learn two others?",
    run=run,
    variants={
        "scratch": {"kind": None},
        "autoencoder": {"kind": reconstruct},
        "same or different": {"kind": pairs},
    },
    seeds=range(12),
    learning_rates=[0.0003, 0.001, 0.003],
    tuning_seeds=[100],
    tuning_metric="validation_accuracy",
    smallest={f"accuracy {count}": 0.005 for count in LABELS},
)
