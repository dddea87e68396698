"""Measurements that contradict claims of chapter 13, and the verdicts to which they lead."""

import numpy as np

from companion.lab.experiments import mean_interval

SAME = mean_interval([-0.001, 0.001, 0.0, 0.001, -0.001])
WORSE = mean_interval([-0.05, -0.06, -0.055])
BETTER = mean_interval([0.05, 0.06, 0.055])
RATIOS = {name: np.array([1.1, 1.1, 1.1]) for name in ("leaky_relu", "elu", "gelu")}

CONTRADICTIONS = {
    "guide-default-config": (
        {
            "better": [],
            "unharmed": ["2 layers", "10 layers"],
            "DEPTHS": ["2 layers", "10 layers"],
            "beats_old": False,
            "against_default": {"before 2010": {"2 layers": BETTER, "10 layers": BETTER}},
            "self_normalizing": {"2 layers": SAME, "10 layers": SAME},
            "in_points": str,
        },
        "refuted",
    ),
    "guide-reuse-and-pretrain": (
        {
            "helped": {"transfer, 50 labels": WORSE, "autoencoder, 50 labels": SAME},
            "supporting": [],
            "winners": {"50 labels": "scratch"},
            "smallest": 0.005,
        },
        "refuted",
    ),
    "guide-latency-layers-activation": (
        {
            "lines": {1: {"off": 0.8}, 32: {"off": 0.1}},
            "normalized": np.array([1.0, 1.0]),
            "fold": np.array([1.5, 1.5]),
            "plain": np.array([1.0, 1.0]),
            "of_relu": {name: np.array([0.5, 0.5]) for name in RATIOS},
            "linear": False,
            "folding": False,
            "relu_first": False,
            "times": str,
        },
        "refuted",
    ),
    "guide-latency-precision": (
        {
            "short": {
                name: {"size": 0.9, "time": [2.0, 2.0, 2.0], "lost": 3.0}
                for name in ("float16", "Lite float16", "Lite int8")
            },
            "times": str,
        },
        "refuted",
    ),
    "guide-sparse-use-l1": (
        {
            "exact": {"l1": 90.0},
            "L1": "l1",
            "kept_retrained": WORSE,
            "kept": WORSE,
            "pruned": {90: [2.0, 2.0, 2.0], 50: [3.0, 3.0, 3.0]},
            "BATCHES": (1, 32, 1000),
            "times": str,
            "in_points": str,
        },
        "refuted",
    ),
    "guide-mc-dropout-risk-sensitive": (
        {
            "answers": {
                question: {"dropout": SAME, "alpha dropout": SAME}
                for question in (
                    "accuracy",
                    "log loss",
                    "calibration error",
                    "error on the surest 80 %",
                    "the same, sorted by spread",
                )
            },
        },
        "refuted",
    ),
}
