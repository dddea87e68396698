"""The same images as bytes, as shares and standardized: what becomes of training."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.optimizers import Adam, GradientDescent, Optimizer

EXAMPLES = 20_000
SCALES = {
    "0 to 255": lambda images, like: 255 * images,
    "0 to 1": lambda images, like: images,
    "standardized": lambda images, like: (images - like.mean(0)) / (like.std(0) + 1e-3),
}


def train(seed, rule, scale, learning_rate):
    """Train on inputs of a scale; mean and deviation come from the training images."""
    data, validation, test = fashion_mnist()
    like = data.images[:EXAMPLES]
    model = mlp(np.random.default_rng(seed), [300, 100], "relu", "he_normal", dtype=np.float32)
    model.fit(
        SCALES[scale](like, like),
        data.labels[:EXAMPLES],
        optimizer=Optimizer(rule, learning_rate),
        epochs=2,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        loss, held_out = model.evaluate(SCALES[scale](validation.images, like), validation.labels)
        _, accuracy = model.evaluate(SCALES[scale](test.images, like), test.labels)
    return {"validation_loss": loss, "validation_accuracy": held_out, "accuracy": accuracy}


STUDY = Study(
    question="What does the scale of the inputs do to training, at a usual rate and at its own?",
    run=train,
    settings={
        "gradient descent": {"rule": GradientDescent()},
        "adam": {"rule": Adam()},
    },
    variants={name: {"scale": name} for name in SCALES},
    seeds=range(5),
    learning_rates=[1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
