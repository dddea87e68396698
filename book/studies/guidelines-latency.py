"""What one prediction costs, and what accuracy it brings, in many forms of a network."""

import os
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO

import numpy as np
from scipy import sparse

from companion.activations import relu, softmax
from companion.batch_norm import batch_norm_inference, fold_batch_norm
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Activation, BatchNormalization, Dense, Flatten, Sequential
from companion.optimizers import Adam, Optimizer

EXAMPLES = 20_000
BATCHES = (1, 32, 1000)


def predictor(model):
    """Return the network's literal forward pass: a product, a bias and a function per layer."""
    steps = [
        (layer.weights["kernel"], layer.weights["bias"], layer.activation)
        for layer in model.layers[1:]
    ]

    def predict(x):
        for kernel, bias, activation in steps:
            x = x @ kernel + bias
            if activation is not None:
                x = activation(x)
        return x

    return predict, sum(kernel.nbytes + bias.nbytes for kernel, bias, _ in steps)


def normalized(seed, depth):
    """Build layers of 100 with batch normalization before each ReLU."""
    layers = [Flatten()]
    for _ in range(depth):
        layers += [Dense(100, None, "he_normal"), BatchNormalization(0.9), Activation("relu")]
    rng = np.random.default_rng(seed)
    return Sequential([*layers, Dense(10, "softmax")], (28, 28), rng, np.float32)


def parts(model):
    """Return the dense layers, and the normalizations behind all but the last."""
    return [
        [layer for layer in model.layers if isinstance(layer, kind)]
        for kind in (Dense, BatchNormalization)
    ]


def normalized_predictor(model):
    """Return the literal forward pass of a network with batch normalization."""
    dense, norms = parts(model)
    steps = [
        (
            *layer.weights.values(),
            partial(
                batch_norm_inference,
                gamma=norm.weights["gamma"],
                beta=norm.weights["beta"],
                moving_mean=norm.statistics["moving_mean"],
                moving_variance=norm.statistics["moving_variance"],
                epsilon=norm.epsilon,
            ),
        )
        for layer, norm in zip(dense, norms, strict=False)
    ]
    last_kernel, last_bias = dense[-1].weights.values()

    def predict(x):
        for kernel, bias, normalize in steps:
            x = relu(normalize(x @ kernel + bias))
        return softmax(x @ last_kernel + last_bias)

    return predict, model.weights.nbytes


def folded(model):
    """Return the same function without batch normalization."""
    dense, norms = parts(model)
    plain = mlp(
        np.random.default_rng(0),
        [layer.units for layer in dense[:-1]],
        "relu",
        "he_normal",
        dtype=np.float32,
    )
    for target, source, norm in zip(plain.layers[1:-1], dense, norms, strict=False):
        kernel, bias = fold_batch_norm(
            source.weights["kernel"],
            source.weights["bias"],
            *norm.weights.values(),
            *norm.statistics.values(),
            epsilon=norm.epsilon,
        )
        target.weights["kernel"][...], target.weights["bias"][...] = kernel, bias
    for name, value in dense[-1].weights.items():
        plain.layers[-1].weights[name][...] = value
    return plain


def prune(model, share):
    """Set the smallest weights of each kernel to zero, and train what is left for an epoch."""
    masks = {}
    for layer in model.layers[1:]:
        kernel = layer.weights["kernel"]
        masks[layer] = np.abs(kernel) >= np.quantile(np.abs(kernel), share)
        kernel *= masks[layer]
        layer.constraint = lambda w, mask=masks[layer]: w * mask
    data, _, _ = fashion_mnist()
    model.fit(
        data.images[:EXAMPLES],
        data.labels[:EXAMPLES],
        optimizer=Optimizer(Adam(), 0.001),
        epochs=1,
    )


def sparse_predictor(model):
    """Return the forward pass with kernels in compressed rows, and their bytes."""
    steps = [
        (
            sparse.csr_array(layer.weights["kernel"].T),
            layer.weights["bias"][:, None],
            layer.activation,
        )
        for layer in model.layers[1:]
    ]

    def predict(x):
        x = x.T
        for kernel, bias, activation in steps[:-1]:
            x = activation(kernel @ x + bias)
        kernel, bias, _ = steps[-1]
        return softmax((kernel @ x + bias).T)

    size = sum(k.data.nbytes + k.indices.nbytes + k.indptr.nbytes + b.nbytes for k, b, _ in steps)
    return predict, size


def half_predictor(model):
    """Return the forward pass in NumPy's float16."""
    _, size = predictor(model)
    steps = [
        (layer.weights["kernel"].astype("f2"), layer.weights["bias"].astype("f2"), layer.activation)
        for layer in model.layers[1:]
    ]

    def predict(x):
        x = x.astype("f2")
        for kernel, bias, activation in steps:
            x = activation(x @ kernel + bias)
        return x

    return predict, size // 2


def lite_predictor(model, precision):
    """Return TensorFlow Lite's forward pass on one thread, and the file's size."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    from companion.keras import to_keras

    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_keras_model(to_keras(model))
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    entry = interpreter.get_input_details()[0]["index"]
    exit_ = interpreter.get_output_details()[0]["index"]
    shape = None

    def predict(x):
        nonlocal shape
        x = x.reshape(-1, 28, 28)
        if shape != x.shape:
            shape = x.shape
            interpreter.resize_tensor_input(entry, shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry, x)
        interpreter.invoke()
        return interpreter.get_tensor(exit_)

    return predict, len(content)


def cpu_seconds(predict, x):
    """Return the least processor time per call, of blocks of some milliseconds."""
    predict(x)
    calls = max(1, 100 // len(x))
    times = []
    for _ in range(7):
        start = time.process_time()
        for _ in range(calls):
            predict(x)
        times.append((time.process_time() - start) / calls)
    return min(times)


def train(seed, hidden, activation="relu", form="dense", share=0.0):
    data, _, test = fashion_mnist()
    if form in ("normalized", "folded"):
        model = normalized(seed, len(hidden))
    else:
        rng = np.random.default_rng(seed)
        model = mlp(rng, hidden, activation, "he_normal", dtype=np.float32)
    model.fit(
        data.images[:EXAMPLES],
        data.labels[:EXAMPLES],
        optimizer=Optimizer(Adam(), 0.001),
        epochs=3,
    )
    before = model.predict(test.images)
    if share:
        prune(model, share)
    if form == "folded":
        model = folded(model)
    if form == "normalized":
        predict, size = normalized_predictor(model)
    elif form == "sparse":
        predict, size = sparse_predictor(model)
    elif form == "half":
        predict, size = half_predictor(model)
    elif form.startswith("lite"):
        predict, size = lite_predictor(model, form.split()[1])
    else:
        predict, size = predictor(model)
    x = test.images.reshape(-1, 784)
    after = np.concatenate([predict(part) for part in np.split(x, 10)])
    measured = {
        "accuracy": np.mean(after.argmax(1) == test.labels),
        "lost_accuracy": np.mean(before.argmax(1) == test.labels)
        - np.mean(after.argmax(1) == test.labels),
        "same_class": np.mean(before.argmax(1) == after.argmax(1)),
        "kilobytes": size / 1000,
    }
    return measured | {f"batch_{n}_seconds": cpu_seconds(predict, x[:n]) for n in BATCHES}


SOURCE = {"hidden": (300, 100)}
STUDY = Study(
    question="What does a prediction cost in many forms of a network, and what is it worth?",
    run=train,
    variants={
        **{
            f"{n} layer{'s' * (n > 1)} of 100": {"hidden": (100,) * n} for n in (1, 2, 3, 5, 10, 20)
        },
        "5 layers of 100, normalized": {"hidden": (100,) * 5, "form": "normalized"},
        "5 layers of 100, folded": {"hidden": (100,) * 5, "form": "folded"},
        "300-100": SOURCE,
        **{
            f"300-100, {name}": {**SOURCE, "activation": name}
            for name in ("leaky_relu", "elu", "sigmoid", "tanh", "swish", "gelu")
        },
        **{
            f"300-100, {share:.0%} pruned": {**SOURCE, "form": "sparse", "share": share}
            for share in (0.5, 0.9, 0.95, 0.98)
        },
        "300-100, float16": {**SOURCE, "form": "half"},
        **{
            f"300-100, Lite {name}": {**SOURCE, "form": f"lite {name}"}
            for name in ("float32", "float16", "int8")
        },
    },
    seeds=range(5),
    smallest={"accuracy": 0.005},
)
