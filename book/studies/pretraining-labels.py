"""Few labels and many images: a network from scratch, and after seven kinds of pretraining."""

import time
from functools import partial

import numpy as np

from companion import initializers
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Dense, Layer, Sequential
from companion.network.pretraining import (
    RestrictedBoltzmannMachine,
    autoencoder,
    encoder,
    greedy_layerwise,
    initialize_from,
)
from companion.optimizers import Adam, Optimizer

IMAGES, BATCH = 10_000, 50
STEPS = {50: 300, 200: 400, 1_000: 800, 5_000: 1_500}  # of fine-tuning, by the number of labels


def falling(rate, steps, beta_1=0.9):
    """Return Adam with a rate that falls to 0, so that the last few steps do not decide."""
    return Optimizer(Adam(beta_1), lambda step: rate * max(0.0, 1 - step / steps))


# Pretraining: each kind sees the images, some of them their labels, and takes as many steps


class Task:
    """What all kinds of pretraining are given: images, hidden layers, epochs and rate."""

    def __init__(self, hidden, activation, initializer, epochs, rate, rng):
        train, _, _ = fashion_mnist()
        self.images = train.images[:IMAGES].reshape(IMAGES, -1)
        self.labels = train.labels[:IMAGES]
        self.hidden, self.activation, self.initializer = hidden, activation, initializer
        self.epochs, self.rate, self.rng = epochs, rate, rng

    def dense(self):
        """Return new hidden layers."""
        return [Dense(units, self.activation, self.initializer) for units in self.hidden]

    def network(self, layers, shape):
        """Return a network with the task's streams."""
        return Sequential(layers, shape, self.rng, np.float32)

    def optimizer(self, epochs):
        """Return what takes so many epochs."""
        return falling(self.rate, epochs * IMAGES // BATCH)

    def fit(self, model, x, y, epochs):
        """Train on the same examples in all epochs."""
        model.fit(x, y, optimizer=self.optimizer(epochs), epochs=epochs, batch_size=BATCH)

    def fit_drawn(self, model, draw):
        """Train on examples that are drawn anew for each epoch."""
        (rng,) = self.rng.spawn(1)
        optimizer = self.optimizer(self.epochs)
        for _ in range(self.epochs):
            model.fit(*draw(rng), optimizer=optimizer, epochs=1, batch_size=BATCH)


def boltzmann_stack(task):
    epochs = task.epochs // len(task.hidden)

    def train(v, units, rng):
        rbm = RestrictedBoltzmannMachine(v.shape[1], units, rng)
        rbm.fit(v, optimizer=task.optimizer(epochs), epochs=epochs, batch_size=BATCH, rng=rng)
        return rbm.encoder()

    return greedy_layerwise(task.images, task.hidden, train, task.rng).layers


def greedy_autoencoders(task):
    def train(x, units, rng):
        output = "sigmoid" if x.max() <= 1 else "linear"  # codes of ReLU are not in [0, 1]
        model = autoencoder(
            (x.shape[1], units),
            rng,
            activation=task.activation,
            output=output,
            initializer=task.initializer,
        )
        task.fit(model, x, x, task.epochs // len(task.hidden))
        return encoder(model)

    return greedy_layerwise(task.images, task.hidden, train, task.rng).layers


def one_autoencoder(task, noise=None):
    model = autoencoder(
        (784, *task.hidden),
        task.rng,
        activation=task.activation,
        initializer=task.initializer,
        noise=noise,
    )
    task.fit(model, task.images, task.images, task.epochs)
    return encoder(model).layers


class HideSquare(Layer):
    """Black out a square of 14 by 14 pixels, somewhere in each image, in training."""

    def forward(self, x, training, rng):
        """Hide pixels whose row and column both lie in the square."""
        if not training:
            return x
        first = rng.integers(0, 15, (2, len(x), 1))
        row, column = (first <= np.arange(28)) & (np.arange(28) < first + 14)
        hidden = row[:, :, None] & column[:, None, :]
        return np.where(hidden.reshape(x.shape), x.dtype.type(0), x)


def masked_squares(task):
    return one_autoencoder(task, HideSquare())


def rotations(task):
    """Tell by how many quarters an image is turned."""

    def draw(rng):
        turns = rng.integers(0, 4, IMAGES)
        turned = task.images.reshape(-1, 28, 28).copy()
        for k in range(1, 4):
            turned[turns == k] = np.rot90(turned[turns == k], k, (1, 2))
        return turned.reshape(IMAGES, 784), turns

    hidden = task.dense()
    task.fit_drawn(task.network([*hidden, Dense(4, "softmax")], (784,)), draw)
    return hidden


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


def same_or_different(task):
    """Tell whether two images are of one class; half of the pairs are."""
    ours = [np.flatnonzero(task.labels == c) for c in range(10)]
    others = [np.flatnonzero(task.labels != c) for c in range(10)]

    def draw(rng):
        same = rng.random(IMAGES) < 0.5
        partner = np.empty(IMAGES, int)
        for mine, theirs in zip(ours, others, strict=True):
            drawn = rng.choice(mine, len(mine)), rng.choice(theirs, len(mine))
            partner[mine] = np.where(same[mine], *drawn)
        return np.stack([task.images, task.images[partner]], axis=1), same

    hidden = task.dense()
    layers = [Apart(), *hidden, Distance(), Dense(1, "sigmoid")]
    task.fit_drawn(task.network(layers, (2, 784)), draw)
    return hidden


def discriminator(task):
    """Tell images from those that a generator makes, which learns to pass for them."""
    (rng,) = task.rng.spawn(1)
    hidden = task.dense()
    judge = task.network([*hidden, Dense(1, "sigmoid")], (784,))
    forger = [Dense(units, "relu", "he_normal") for units in task.hidden[::-1]]
    forger += [Dense(784, "sigmoid")]
    mirror = [*task.dense(), Dense(1, "sigmoid")]  # copies the judge, to send gradients down
    for layer in mirror:
        layer.trainable = False
    chain = task.network([*forger, *mirror], (50,))
    steps = task.epochs * IMAGES // BATCH
    judges, forgers = (falling(task.rate, steps, beta_1=0.5) for _ in range(2))
    real_or_not = np.repeat([1, 0], BATCH)
    for _ in range(task.epochs):
        for batch in rng.permutation(IMAGES).reshape(-1, BATCH):
            for mine, theirs in zip(mirror, judge.layers, strict=True):
                for name, values in theirs.weights.items():
                    mine.weights[name][...] = values
            chain.differentiate(rng.standard_normal((BATCH, 50), np.float32), np.ones(BATCH))
            forged = forger[-1].a
            forgers.step(chain.weights, chain.gradient)
            judge.differentiate(np.concatenate([task.images[batch], forged]), real_or_not)
            judges.step(judge.weights, judge.gradient)
    return hidden


KINDS = {
    "RBM stack": boltzmann_stack,
    "greedy autoencoders": greedy_autoencoders,
    "one autoencoder": one_autoencoder,
    "masked squares": masked_squares,
    "rotations": rotations,
    "GAN's discriminator": discriminator,
    "same or different": same_or_different,
}


def labelled(count, seed):
    """Return as many images of each class, drawn from all 55,000."""
    train, _, _ = fashion_mnist()
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(train.labels == c))[: count // 10] for c in range(10)]
    return train.images[np.concatenate(chosen)], train.labels[np.concatenate(chosen)]


def run(seed, hidden, activation, initializer, epochs, pretraining_rate, kind, learning_rate):
    _, validation, test = fashion_mnist()
    metrics, found = {}, []
    start = time.process_time()
    if kind is not None:
        (rng,) = np.random.default_rng(seed + 1_000).spawn(1)
        task = Task(hidden, activation, initializer, epochs, pretraining_rate, rng)
        learned = KINDS[kind](task)
        if kind == "RBM stack":
            activation = "sigmoid"  # the units that its weights are for
    metrics["pretraining_seconds"] = time.process_time() - start
    for count, steps in STEPS.items():
        x, y = labelled(count, seed)
        model = mlp(np.random.default_rng(seed), hidden, activation, initializer, dtype=np.float32)
        if kind is not None:
            initialize_from(model, learned)
        else:
            steps += epochs * IMAGES // BATCH  # as many as all others took in all
        passes = steps * BATCH // count
        optimizer = falling(learning_rate, steps)
        model.fit(x, y, optimizer=optimizer, epochs=passes, batch_size=BATCH)
        metrics[f"accuracy {count}"] = model.evaluate(*test)[1]
        found.append(model.evaluate(*validation)[1])
    metrics["fine_tuning_seconds"] = time.process_time() - start - metrics["pretraining_seconds"]
    return metrics | {"validation_accuracy": float(np.mean(found))}


STUDY = Study(
    question="From how few labels does a network learn, after which kind of pretraining?",
    run=run,
    settings={
        "then: 6 x 100 sigmoid": {
            "hidden": [100] * 6,
            "activation": "sigmoid",
            "initializer": partial(
                initializers.variance_scaling, scale=1 / 3, distribution="uniform"
            ),
            "epochs": 12,
            "pretraining_rate": 0.003,
        },
        "now: 300-100 ReLU": {
            "hidden": [300, 100],
            "activation": "relu",
            "initializer": "he_normal",
            "epochs": 6,
            "pretraining_rate": 0.001,
        },
    },
    variants={"scratch": {"kind": None}} | {kind: {"kind": kind} for kind in KINDS},
    seeds=range(7),
    learning_rates=[0.001, 0.003, 0.01],
    tuning_seeds=[100],
    tuning_metric="validation_accuracy",
    smallest={f"accuracy {count}": 0.005 for count in STEPS},
)
