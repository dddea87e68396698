"""Activations that learn or draw a parameter, on few and on many images."""

from functools import partial

import numpy as np

from companion.activations import leaky_relu, leaky_relu_grad, rrelu_slopes
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Activation, PReLU, Swish
from companion.optimizers import Momentum, Optimizer

LOWER, UPPER = 1 / 8, 1 / 3
MEAN = (LOWER + UPPER) / 2
BATCH = 32


class RReLU(Activation):
    """A leaky ReLU with random slopes in training, and their mean afterwards."""

    def __init__(self):
        super().__init__(None)
        self.activation = lambda z: leaky_relu(z, self.slopes)
        self.activation_gradient = lambda z: leaky_relu_grad(z, self.slopes)

    def forward(self, x, training, rng):
        """Draw new slopes for each batch."""
        self.slopes = MEAN
        if training:
            self.slopes = rrelu_slopes(rng, x.shape, LOWER, UPPER, dtype=x.dtype)
        return super().forward(x, training, rng)


def train(seed, examples, epochs, activation, learning_rate):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    model_rng, data_rng = np.random.default_rng(seed).spawn(2)
    chosen = data_rng.permutation(len(data.images))[:examples]
    x, y = (data.images[chosen] - mean) / std, data.labels[chosen]
    model = mlp(model_rng, [100, 100], activation, "he_normal", dtype=np.float32)
    steps = epochs * np.ceil(examples / BATCH)
    descent = Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps))
    model.fit(x, y, optimizer=descent, epochs=epochs, batch_size=BATCH)
    accuracy = {
        f"{prefix}accuracy": model.evaluate((images - mean) / std, labels)[1]
        for prefix, (images, labels) in (("validation_", validation), ("", test))
    }
    names = ("alpha", "beta")
    learned = [layer.weights[n] for layer in model.layers for n in names if n in layer.weights]
    low, high = np.quantile(learned, [0.05, 0.95]) if learned else (np.nan, np.nan)
    gap = model.evaluate(x[:5000], y[:5000])[1] - accuracy["accuracy"]
    return accuracy | {"gap": gap, "low": low, "high": high}


STUDY = Study(
    question="Do learned or random slopes help with many images, and hurt with few?",
    run=train,
    settings={
        "500 images": {"examples": 500, "epochs": 100},
        "50,000 images": {"examples": 50_000, "epochs": 3},
    },
    variants={
        name: {"activation": activation}
        for name, activation in (
            ("relu", partial(Activation, "relu")),
            ("elu", partial(Activation, "elu")),
            ("leaky 0.23", partial(Activation, partial(leaky_relu, alpha=MEAN))),
            ("rrelu", RReLU),
            ("prelu", PReLU),
            ("swish", partial(Activation, "swish")),
            ("swish, learned", Swish),
        )
    },
    seeds=range(10),
    learning_rates=[0.003, 0.01, 0.03],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005, "gap": 0.005},
)
