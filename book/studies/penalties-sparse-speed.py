"""The time of predictions of 784-300-100-10 with dense and with sparse kernels."""

import time
from functools import cache

import numpy as np
from scipy import sparse

from companion.lab.datasets import fashion_mnist
from companion.lab.studies import Study

SHAPES = ((784, 300), (300, 100), (100, 10))


@cache
def classifier():
    import keras

    layers = [keras.layers.Dense(300, "relu"), keras.layers.Dense(100, "relu")]
    model = keras.Sequential([keras.Input([784]), *layers, keras.layers.Dense(10)])
    import tensorflow as tf

    return model, tf.function(model)


def seconds(predict, x, times):
    predict(x)
    start = time.process_time()
    for _ in range(times):
        predict(x)
    return (time.process_time() - start) / times


def measure(seed, batch, times, share):
    rng = np.random.default_rng(seed)
    full = [rng.standard_normal(shape, dtype=np.float32) / shape[0] ** 0.5 for shape in SHAPES]
    cut = [kernel * (rng.random(kernel.shape) >= share) for kernel in full]
    cut = [kernel.astype(np.float32) for kernel in cut]
    compressed = [sparse.csr_array(kernel.T) for kernel in cut]  # (units, inputs)
    x = fashion_mnist()[2].images[:batch].reshape(batch, 784)

    def dense_network(kernels):
        def predict(a):
            for kernel in kernels[:-1]:
                a = np.maximum(a @ kernel, 0)
            return a @ kernels[-1]

        return predict

    def sparse_network(a):
        a = a.T
        for kernel in compressed[:-1]:
            a = np.maximum(kernel @ a, 0)
        return compressed[-1] @ a

    model, compiled = classifier()
    times_of = {}
    for name, kernels in (("full", full), ("cut", cut)):
        for layer, kernel in zip(model.layers, kernels, strict=True):
            layer.set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])
        times_of[f"keras_{name}_seconds"] = seconds(compiled, x, times)
        times_of[f"numpy_{name}_seconds"] = seconds(dense_network(kernels), x, times)
    times_of["csr_seconds"] = seconds(sparse_network, x, times)
    error = np.abs(sparse_network(x).T - dense_network(cut)(x)).max()
    return times_of | {"agrees": float(error < 1e-4)}


STUDY = Study(
    question="From which sparsity on does a network in a sparse format predict faster?",
    run=measure,
    settings={
        "1 image": {"batch": 1, "times": 400},
        "256 images": {"batch": 256, "times": 10},
    },
    variants={
        f"{share:g} zeros": {"share": share} for share in (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
    },
    seeds=range(7),
)
