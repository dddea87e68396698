"""Without dropout, with it off, and averaged over passes: accuracy, likelihood, calibration."""

from functools import partial

import numpy as np

from companion.dropout import alpha_dropout_grad, mc_predict
from companion.lab.datasets import fashion_mnist, letters
from companion.lab.studies import Study
from companion.lab.uncertainty import (
    accuracy_of_surest,
    at_temperature,
    auroc,
    brier,
    entropy,
    expected_calibration_error,
    negative_log_likelihood,
    temperature,
    uncertainty,
)
from companion.network import AlphaDropout, Dense, Dropout, Flatten, Sequential
from companion.optimizers import Nesterov, Optimizer

PASSES, MEMBERS = 30, 5


def build(rng, drop, rate):
    """Two hidden layers; dropout before each dense layer, as in the source."""
    alpha = drop == "alpha"
    units = partial(
        Dense,
        100,
        "selu" if alpha else "relu",
        "lecun_normal" if alpha else "he_normal",
    )
    layers = [Flatten(), units(), units(), Dense(10, "softmax")]
    if drop:
        layer = AlphaDropout if alpha else Dropout
        for place in (3, 2, 1):
            layers.insert(place, layer(rate))
    return Sequential(layers, (28, 28), rng, np.float32)


def centre(model):
    """Scale kernels so that, switched off, alpha dropout passes on its mean over the masks."""
    for below, layer in zip(model.layers, model.layers[1:], strict=False):
        if isinstance(below, AlphaDropout):
            kept = np.ones(1), np.ones(1, bool)
            mean = (1 - below.rate) * alpha_dropout_grad(*kept, below.rate).item()
            layer.weights["kernel"][...] *= mean


def scores(name, p, labels):
    right, doubt = p.argmax(1) == labels, entropy(p)
    return {
        f"{name}_accuracy": right.mean(),
        f"{name}_loss": negative_log_likelihood(p, labels),
        f"{name}_brier": brier(p, labels),
        f"{name}_ece": expected_calibration_error(p, labels),
        f"{name}_surest": accuracy_of_surest(right, doubt, [0.8])[0],
    }


def train(seed, examples, epochs, drop, rate, learning_rate):
    images, validation, test = fashion_mnist()
    x, y = images.images[:examples], images.labels[:examples]
    mean, std = x.mean(), x.std()
    x = (x - mean) / std

    def trained(rng):
        model = build(rng, drop, rate)
        steps = epochs * -(-examples // 32)
        optimizer = Optimizer(Nesterov(0.9), lambda step: learning_rate * (1 - step / steps))
        model.fit(x, y, optimizer=optimizer, epochs=epochs)
        return model

    model = trained(np.random.default_rng(seed))
    unseen = model.predict((validation.images - mean) / std)
    result = {"validation_loss": negative_log_likelihood(unseen, validation.labels)}
    if seed >= 100:  # the search needs no more
        return result

    # What the predictions are averaged over: passes of one network, or several networks
    if drop:
        draw = partial(model.predict, training=True, rng=np.random.default_rng(seed))
    else:
        others = [trained(np.random.default_rng([seed, k])) for k in range(1, MEMBERS)]

    def passes(rows):
        if drop:
            return mc_predict(draw, rows, samples=PASSES)
        return np.stack([member.predict(rows) for member in (model, *others)])

    blocks = np.split((test.images[:5000] - mean) / std, 5)
    labels = test.labels[:5000]
    off = np.concatenate([model.predict(rows) for rows in blocks])
    every = np.concatenate([passes(rows) for rows in blocks], axis=1)
    result |= scores("off", off, labels) | scores("average", every.mean(0), labels)
    result |= scores("cooled", at_temperature(off, temperature(unseen, validation.labels)), labels)
    result["pass_accuracy"] = np.mean(every.argmax(2) == labels)
    result["pass_loss"] = np.mean([negative_log_likelihood(p, labels) for p in every])

    rng = np.random.default_rng(seed)
    clean = test.images[:500]
    noisy = np.clip(clean + rng.normal(0, 0.5, clean.shape).astype(np.float32), 0, 1)
    strange = {
        "rotated": np.rot90(clean, axes=(1, 2)),
        "noisy": noisy,
        "shuffled": clean.reshape(-1, 784)[:, rng.permutation(784)].reshape(-1, 28, 28),
        "letters": letters(),
    }
    inside = uncertainty(every[:, :500])
    for name, pixels in strange.items():
        rows = (pixels - mean) / std
        alone, outside = entropy(model.predict(rows)), uncertainty(passes(rows))
        result[f"off_{name}"] = auroc(entropy(off[:500]), alone)
        result[f"average_{name}"] = auroc(inside.total, outside.total)
        result[f"disagreement_{name}"] = auroc(
            inside.mutual_information, outside.mutual_information
        )

    centre(model)
    result |= scores("centred", model.predict(np.concatenate(blocks)), labels)
    return result


STUDY = Study(
    question="What does averaging over dropout masks add to a network trained with dropout?",
    run=train,
    settings={
        "5,000 images": {"examples": 5_000, "epochs": 12},
        "20,000 images": {"examples": 20_000, "epochs": 3},
    },
    variants={
        "no dropout": {"drop": "", "rate": 0.0},
        "dropout 0.2": {"drop": "plain", "rate": 0.2},
        "alpha 0.2": {"drop": "alpha", "rate": 0.2},
    },
    seeds=range(10),
    learning_rates=[0.001, 0.003, 0.01, 0.03, 0.1],
    tuning_seeds=range(100, 102),
    tuning_metric="validation_loss",
    tuning_mode="min",
    smallest={
        "average_accuracy": 0.005,
        "average_loss": 0.01,
        "average_brier": 0.005,
        "average_ece": 0.01,
        "average_surest": 0.005,
        "average_letters": 0.01,
    },
)
