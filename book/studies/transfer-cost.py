"""What an epoch costs with frozen lower layers, and with their outputs cached.

CPU seconds of this process on one thread, the shortest of three rounds in which all ways take
turns, for 3,200 images in batches of 32. That both ways learn the same is measured, too.
"""

import time

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import classifier, convolutional, part, tasks
from companion.optimizers import GradientDescent, Optimizer

IMAGES, ROUNDS = 3200, 3
HIDDEN = {"dense": (300, 100, 50, 50, 50), "wide": (1000, 1000, 1000), "convolutional": None}


def build(kind, seed):
    rng = np.random.default_rng(seed)
    hidden = HIDDEN[kind]
    return convolutional(rng, 1) if hidden is None else classifier(rng, 1, hidden)


class Ours:
    """Our engine."""

    def __init__(self, kind, seed, frozen):
        self.seed, self.frozen, self.whole = seed, frozen, build(kind, seed)
        if frozen:
            self.base, self.top = part(self.whole, frozen)
        for layer in [layer for layer in self.whole.layers if layer.weights][:frozen]:
            layer.trainable = False

    def fit(self, model, x, y):
        """Train for one epoch."""
        optimizer, order = Optimizer(GradientDescent(), 0.01), np.random.default_rng(self.seed)
        model.fit(x, y, optimizer=optimizer, epochs=1, rng=order)

    def outputs(self, x):
        """Return what the frozen layers make of the images."""
        return self.base.predict(x)


class InKeras:
    """The same networks as Keras trains them."""

    def __init__(self, kind, seed, frozen):
        import keras

        keras.utils.set_random_seed(seed)
        hidden = HIDDEN[kind]
        if hidden is None:
            layers = [
                keras.layers.Reshape((28, 28, 1)),
                keras.layers.Conv2D(16, 5, strides=2, activation="relu"),
                keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(64, activation="relu"),
            ]
        else:
            layers = [keras.layers.Flatten()]
            layers += [keras.layers.Dense(units, activation="selu") for units in hidden]
        output = keras.layers.Dense(1, activation="sigmoid")
        self.whole = keras.Sequential([keras.Input((28, 28)), *layers, output])
        weighted = [i for i, layer in enumerate(self.whole.layers) if layer.weights]
        if frozen:
            at = weighted[frozen]
            copy = keras.models.clone_model(self.whole)
            copy.set_weights(self.whole.get_weights())
            self.base = keras.Sequential([keras.Input((28, 28)), *copy.layers[:at]])
            shape = self.base.output_shape[1:]
            self.top = keras.Sequential([keras.Input(shape), *copy.layers[at:]])
            self.top.compile(loss="binary_crossentropy", optimizer="sgd")
        for i in weighted[:frozen]:
            self.whole.layers[i].trainable = False
        self.whole.compile(loss="binary_crossentropy", optimizer="sgd")

    def fit(self, model, x, y):
        """Train for one epoch."""
        model.fit(x, y, batch_size=32, shuffle=False, verbose=0)

    def outputs(self, x):
        """Return what the frozen layers make of the images."""
        return self.base.predict(x, batch_size=1000, verbose=0)


def measure(seed, kind, framework):
    task, _ = tasks((0, 2), 5000)
    x, y = task.train.images[:IMAGES], task.train.labels[:IMAGES] % 2
    make = {"ours": Ours, "Keras": InKeras}[framework]
    depth = 3 if HIDDEN[kind] is None else len(HIDDEN[kind])
    ways = {frozen: make(kind, seed, frozen) for frozen in range(depth + 1)}
    work = {}
    for frozen, way in ways.items():
        work[f"frozen_{frozen}_seconds"] = lambda way=way: way.fit(way.whole, x, y)
        if frozen:
            cache = way.outputs(x)
            work[f"pass_{frozen}_seconds"] = lambda way=way: way.outputs(x)
            work[f"cached_{frozen}_seconds"] = lambda way=way, c=cache: way.fit(way.top, c, y)
    shortest = dict.fromkeys(work, np.inf)
    for _ in range(ROUNDS):
        for name, task in work.items():
            start = time.process_time()
            task()
            shortest[name] = min(shortest[name], time.process_time() - start)
    gaps = []
    for frozen, way in ways.items():
        if frozen:
            top = way.top.get_weights()
            same = way.whole.get_weights()[-len(top) :]
            gaps += [np.abs(a - b).max() for a, b in zip(top, same, strict=True)]
    return shortest | {"difference": float(max(gaps))}


STUDY = Study(
    question="How much time do frozen layers save, and how much more does caching them?",
    run=measure,
    settings={"ours": {"framework": "ours"}, "Keras": {"framework": "Keras"}},
    variants={kind: {"kind": kind} for kind in HIDDEN},
    seeds=range(2),
)
