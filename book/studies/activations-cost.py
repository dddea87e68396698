"""The time of activation functions there and back; the column ``seconds`` is the result."""

from functools import cache, partial

import numpy as np

from companion import activations
from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study

TIMES, ELEMENTS = 100, 100_000


def in_numpy(name):
    arguments = {"approximation": name[5:]} if name.startswith("gelu ") else {}
    name = name.split()[0]
    f, f_grad = getattr(activations, name), getattr(activations, f"{name}_grad")
    z = np.random.default_rng(0).standard_normal(ELEMENTS).astype(np.float32)
    for _ in range(TIMES):
        f(z, **arguments)
        z * f_grad(z, **arguments)


def of_keras(name):
    import keras

    if name == "gelu sigmoid":
        return lambda z: z * keras.ops.sigmoid(1.702 * z)
    if name == "gelu tanh":
        return partial(keras.activations.gelu, approximate=True)
    return keras.activations.get("silu" if name == "swish" else name)


@cache
def there_and_back(name):
    import tensorflow as tf

    f, z = of_keras(name), tf.random.stateless_normal([ELEMENTS], [1, 2])

    @tf.function
    def repeated():
        total = tf.zeros_like(z)
        for _ in tf.range(TIMES):
            with tf.GradientTape() as tape:
                tape.watch(z)
                a = f(z)
            total += tape.gradient(a, z, output_gradients=z)
        return total

    return repeated


def in_keras(name):
    there_and_back(name)().numpy()


@cache
def classifier(name):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    f = of_keras(name)
    layers = [keras.layers.Dense(300, f), keras.layers.Dense(100, f), keras.layers.Dense(10)]
    return tf.function(keras.Sequential([keras.Input([784]), *layers]))


def predict(name):
    images = fashion_mnist()[2].images.reshape(10, 1000, 784)
    for _ in range(2):
        for batch in images:
            classifier(name)(batch).numpy()


MEASURED = {"NumPy": in_numpy, "Keras": in_keras, "Keras network": predict}


def measure(seed, where, name):
    MEASURED[where](name)
    return {"times": TIMES}


STUDY = Study(
    question="What do activation functions cost, alone and in a network's predictions?",
    run=measure,
    settings={where: {"where": where} for where in MEASURED},
    variants={
        name: {"name": name}
        for name in (
            "relu",
            "leaky_relu",
            "elu",
            "selu",
            "gelu",
            "gelu tanh",
            "gelu sigmoid",
            "swish",
            "mish",
            "tanh",
            "sigmoid",
        )
    },
    seeds=range(8),
)
