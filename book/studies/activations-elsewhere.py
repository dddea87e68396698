"""SELU against ELU where layers do not stand in a plain row."""

import numpy as np

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study
from companion.network import Dense, Flatten, Layer, Sequential, SimpleRNN
from companion.optimizers import Momentum, Optimizer

EXAMPLES, EPOCHS, BATCH = 10_000, 3, 32


class Skip(Layer):
    """Layers with a way around them, which is added to their output or put beside it."""

    def __init__(self, layers, join):
        super().__init__()
        self.layers, self.join = layers, join

    def build(self, input_shape, rng, dtype):
        """Build the inner layers; their weights are this layer's."""
        shape = super().build(input_shape, rng, dtype)
        layer_rngs = rng.spawn(len(self.layers))
        for i, (layer, layer_rng) in enumerate(zip(self.layers, layer_rngs, strict=True)):
            shape = layer.build(shape, layer_rng, dtype)
            self.weights |= {f"{i} {name}": values for name, values in layer.weights.items()}
        return shape if self.join == "add" else (shape[0] + input_shape[0],)

    def forward(self, x, training, rng):
        """Go through the inner layers, and around them."""
        y = x
        for i, layer in enumerate(self.layers):
            for name in layer.weights:  # the model's views
                layer.weights[name] = self.weights[f"{i} {name}"]
                layer.gradients[name] = self.gradients[f"{i} {name}"]
            y = layer.forward(y, training, rng)
        return x + y if self.join == "add" else np.concatenate([y, x], axis=1)

    def backward(self, dy, input_gradient=True):
        """Add the gradients of both ways."""
        around = dy
        if self.join == "beside":
            dy, around = np.split(dy, [dy.shape[1] - self.input_shape[0]], axis=1)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy + around


def network(kind, dense, units):
    if kind == "residual":
        blocks = [Skip([dense(), dense()], "add") for _ in range(10)]
        return [Flatten(), dense(), *blocks]
    if kind == "wide and deep":
        return [Flatten(), Skip([dense() for _ in range(8)], "beside")]
    return [units]


def train(seed, kind, activation, initializer, learning_rate):
    data, validation, test = fashion_mnist()
    mean, std = data.images.mean(), data.images.std()
    recurrent = SimpleRNN(100, activation, initializer)
    layers = network(kind, lambda: Dense(100, activation, initializer), recurrent)
    rng = np.random.default_rng(seed)
    model = Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)
    steps = EPOCHS * np.ceil(EXAMPLES / BATCH)
    model.fit(
        (data.images[:EXAMPLES] - mean) / std,
        data.labels[:EXAMPLES],
        optimizer=Optimizer(Momentum(0.9), lambda step: learning_rate * (1 - step / steps)),
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            f"{prefix}accuracy": model.evaluate((images - mean) / std, labels)[1]
            for prefix, (images, labels) in (("validation_", validation), ("", test))
        }


STUDY = Study(
    question="Does SELU do better than ELU in residual, wide-and-deep and recurrent networks?",
    run=train,
    settings={kind: {"kind": kind} for kind in ("residual", "wide and deep", "recurrent")},
    variants={
        "selu": {"activation": "selu", "initializer": "lecun_normal"},
        "elu": {"activation": "elu", "initializer": "he_normal"},
    },
    seeds=range(8),
    learning_rates=[0.0003, 0.001, 0.003, 0.01],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
