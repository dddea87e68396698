"""What batch normalization can stand in for: scaled inputs, and dropout on few images."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import (
    Activation,
    BatchNormalization,
    Callback,
    Dense,
    Dropout,
    Flatten,
    Sequential,
)
from companion.optimizers import GradientDescent, Optimizer


def build(rng, hidden, first, logits, drop):
    layers = [Flatten()]
    if first:
        layers.append(BatchNormalization(momentum=0.9))
    for units in (100, 100):
        layers.append(Dense(units, None, "he_normal"))
        if hidden:
            layers.append(BatchNormalization(momentum=0.9))
        layers.append(Activation("relu"))
        if drop:
            layers.append(Dropout(0.2))
    layers.append(Dense(10, None))
    if logits:
        layers.append(BatchNormalization(momentum=0.9))
    return Sequential([*layers, Activation("softmax")], (28, 28), rng, np.float32)


class Losses(Callback):
    """Loss on images seen and not seen, after each epoch; the weights of the best epoch."""

    def __init__(self, seen, unseen):
        self.data = seen, unseen

    def on_train_begin(self):
        """Start with nothing."""
        self.losses, self.accuracies, self.best = [], [], np.inf
        self.weights = self.model.get_weights()

    def on_epoch_end(self, epoch, metrics):
        """Evaluate, and keep what is best."""
        with np.errstate(all="ignore"):
            (seen, _), (unseen, accuracy) = (self.model.evaluate(*data) for data in self.data)
        self.losses.append((seen, unseen))
        self.accuracies.append(accuracy)
        if unseen < self.best:
            self.best, self.weights = unseen, self.model.get_weights()


def unseen_loss_at(losses, seen_loss):
    """Loss on unseen images at the moment when that on seen ones first falls to a value."""
    seen, unseen = np.array(losses).T
    below = np.flatnonzero(seen <= seen_loss)
    if not below.size or below[0] == 0:
        return np.nan
    k = below[0]
    share = (seen[k - 1] - seen_loss) / (seen[k - 1] - seen[k])
    return unseen[k - 1] + share * (unseen[k] - unseen[k - 1])


def train(
    seed,
    learning_rate,
    examples,
    epochs,
    pixels,
    standardize=False,
    hidden=False,
    first=False,
    logits=False,
    drop=False,
):
    images, validation, test = fashion_mnist()
    rng = np.random.default_rng(seed)
    factor = np.full((28, 28), pixels, np.float32)
    if pixels == 0:  # scales between 0.01 and 100, another draw for each seed
        factor = 10 ** rng.spawn(1)[0].uniform(-2, 2, (28, 28)).astype(np.float32)
    x, unseen, tested = (factor * data.images for data in (images, validation, test))
    x, y = x[:examples], images.labels[:examples]
    if standardize:  # as Keras's Normalization layer does
        mean, std = x.mean(0), np.maximum(x.std(0), 1e-7)
        x, unseen, tested = ((part - mean) / std for part in (x, unseen, tested))
    model = build(rng, hidden, first, logits, drop)
    losses = Losses((x[:1000], y[:1000]), (unseen[:1000], validation.labels[:1000]))
    # The rate falls to 0, so that the last few steps do not decide the accuracy
    steps = epochs * -(-examples // 32)
    optimizer = Optimizer(GradientDescent(), lambda step: learning_rate * (1 - step / steps))
    model.fit(x, y, optimizer=optimizer, epochs=epochs, callbacks=[losses])
    model.set_weights(losses.weights)
    loss, accuracy = model.evaluate(tested, test.labels)
    return {
        "accuracy": accuracy,
        "loss": loss,
        "validation_loss": losses.best,
        "validation_accuracy": max(losses.accuracies),
        "best_epoch": int(np.argmin([loss for _, loss in losses.losses])) + 1,
        "loss_at_equal_training": unseen_loss_at(losses.losses, 0.3),
    }


STUDY = Study(
    question="Can batch normalization replace the scaling of inputs, and dropout?",
    run=train,
    settings={
        "2,000 images": {"examples": 2_000, "epochs": 30, "pixels": 1.0},
        "pixels to 255": {"examples": 10_000, "epochs": 3, "pixels": 255.0},
        "wild scales": {"examples": 10_000, "epochs": 3, "pixels": 0.0},
    },
    variants={
        "none": {},
        "Normalization": {"standardize": True},
        "BN first": {"first": True},
        "BN hidden": {"hidden": True},
        "BN first, hidden": {"first": True, "hidden": True},
        "BN hidden, logits": {"hidden": True, "logits": True},
        "dropout": {"drop": True},
        "BN hidden, dropout": {"hidden": True, "drop": True},
    },
    seeds=range(20),
    learning_rates=[0.0001, 0.001, 0.01, 0.03, 0.1, 0.3],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_loss",
    tuning_mode="min",
    smallest={"accuracy": 0.005, "loss": 0.01, "loss_at_equal_training": 0.01},
)
