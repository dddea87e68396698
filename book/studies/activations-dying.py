"""Silent units: two epochs at a high rate, then two at a low one."""

from functools import partial

import numpy as np

from companion.activations import leaky_relu
from companion.clipping import clip_by_global_norm
from companion.lab.datasets import fashion_mnist
from companion.lab.networks import mlp
from companion.lab.studies import Study
from companion.network import Dense
from companion.optimizers import GradientDescent, Optimizer

EXAMPLES = 10_000


def look(model, images):
    """Which hidden units have no positive sum, and which no slope above 1e-7, for any image."""
    model.forward(images)
    layers = [layer for layer in model.layers if isinstance(layer, Dense)][:-1]
    silent = [layer.z.max(axis=0) <= 0 for layer in layers]
    flat = [layer.activation_gradient(layer.z).max(axis=0) < 1e-7 for layer in layers]
    return np.concatenate(silent), np.concatenate(flat)


def train(seed, depth, rate, activation, clip):
    data, _, test = fashion_mnist()
    images, labels = data.images[:EXAMPLES], data.labels[:EXAMPLES]
    rng = np.random.default_rng(seed)
    model = mlp(rng, [100] * depth, activation, "he_normal", dtype=np.float32)
    looks = [look(model, images)]
    with np.errstate(over="ignore", invalid="ignore"):
        for eta in (rate, rate, 0.01, 0.01):
            descent = Optimizer(GradientDescent(), eta)
            model.fit(images, labels, optimizer=descent, epochs=1, clip=clip)
            looks.append(look(model, images))
        accuracy = model.evaluate(*test)[1]
    silent, flat = np.array(looks).transpose(1, 0, 2)
    later = silent[4][silent[2]]  # after the calm, of those that were silent after the storm
    return {
        "silent": silent.mean(axis=1),
        "no_slope": flat.mean(axis=1),
        "woken": 1 - later.mean() if later.size else np.nan,
        "accuracy": accuracy,
        "finite": np.isfinite(model.weights).all(),
    }


STUDY = Study(
    question="How many units fall silent at a high learning rate, and how many come back?",
    run=train,
    settings={
        f"{depth} layers, rate {rate}": {"depth": depth, "rate": rate}
        for depth, rate in ((2, 0.1), (2, 0.3), (2, 0.5), (8, 0.05))
    },
    variants={
        "relu": {"activation": "relu", "clip": None},
        "leaky 0.01": {"activation": partial(leaky_relu, alpha=0.01), "clip": None},
        "leaky 0.2": {"activation": partial(leaky_relu, alpha=0.2), "clip": None},
        "elu": {"activation": "elu", "clip": None},
        "relu, clipped": {"activation": "relu", "clip": partial(clip_by_global_norm, limit=1.0)},
    },
    seeds=range(8),
)
