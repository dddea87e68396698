"""Measurements that contradict claims of chapter 7, and the verdicts to which they lead."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from companion.lab.experiments import mean_interval

NOTHING = mean_interval([-0.001, 0.001, 0.0, 0.001, -0.001])
LOST = mean_interval([-0.1, -0.11, -0.12])
NAMES = {"THEN": "then: old", "NOW": "now: new", "SMALLEST": 0.005, "FEW": [50, 200]}
NAMES |= {"GAN": "GAN", "IMAGES_ONLY": ["one autoencoder", "GAN"], "in_points": str}
REPAIRS = SimpleNamespace(
    final=pd.DataFrame({"variant": ["sigmoid, old start, Adam"], "learning_rate": [0.01]}),
    study=SimpleNamespace(rates=[0.01]),
)
RIVALS = ("greedy autoencoders", "RBM stack")


def no_gain(*_):
    """Every kind of pretraining changes nothing."""
    return NOTHING


def better_than_labels(setting, kind, count):
    """Pretraining beats any number of labels."""
    return np.array([0.5, 0.51, 0.52]) + 0.2 * (kind != "scratch")


STACKS = NAMES | {
    "one_shot": {
        (setting, rival): LOST for setting in ("then: old", "now: new") for rival in RIVALS
    },
    "errors": dict.fromkeys(
        ("one autoencoder", "greedy autoencoders", "the mean image, whatever the input"), 0.08
    ),
    "frozen": False,
    "falls": [True],
    "gain": no_gain,
}

CONTRADICTIONS = {
    "pre-unsupervised-helps": (NAMES | {"every": 0.95, "gain": no_gain}, "refuted"),
    "pre-more-labels-first": (
        NAMES
        | {
            "every": 0.95,
            "scores": better_than_labels,
            "matters": lambda interval: interval.low > 0,
        },
        "refuted",
    ),
    "pre-one-shot-vs-greedy": (STACKS, "refuted"),
    "pre-greedy-layerwise": (STACKS, "refuted"),
    "pre-history": (
        NAMES
        | {
            "repairs": REPAIRS,
            "against_rescue": {
                "sigmoid, old start, momentum": NOTHING,
                "ReLU, He, momentum": NOTHING,
            },
        },
        "refuted",
    ),
    "pre-auxiliary-task": (
        NAMES
        | {
            "from_pairs": {("same or different", n): NOTHING for n in (20, 50, 200)},
            "gain": no_gain,
        },
        "refuted",
    ),
    "pre-masking-self-supervised": (
        NAMES | {"right": 0.08, "baseline": 0.08, "gain": no_gain},
        "refuted",
    ),
}
