"""Measurements that contradict claims of chapter 4, and the verdicts to which they lead."""

from types import SimpleNamespace

import numpy as np

from companion.lab.experiments import Interval

BETTER = Interval(mean=0.03, low=0.02, high=0.04, n=20)
SIZES, MOMENTA = (8, 256), (0.5, 0.99, 0.999)
#: Accuracies that do not depend on how the moving statistics were collected.
ALIKE = {
    (text, size): dict.fromkeys((0.9, 0.99, 0.999, "exact"), 0.8)
    for text in ("2,000 images, 2 epochs", "the same, rate falling to 0")
    for size in (32, 256)
}
STEADY = {
    "noise": {(size, m): 0.1 / (1 - m) for size in SIZES for m in MOMENTA},
    "predicted_noise": {(size, m): 0.1 for size in SIZES for m in MOMENTA},
    "momentum_means": ALIKE,
    "run_steps": dict.fromkeys(ALIKE, 500),
    "tiny_epsilon": [0.8],
}

CONTRADICTIONS = {
    "bn-sigma-is-std": (
        {"stored": 4.0, "moving": np.array([16.0]), "average_std": 4.0},
        "confirmed",
    ),
    "bn-momentum-values": (STEADY, "refuted"),
    "bn-final-pass-alternative": (STEADY, "confirmed"),
    "bn-batch-stats-at-test-unreliable": (
        {
            "reference": 0.8,
            "by_size": dict.fromkeys((1, 2, 8, 256), 0.8),
            "one_class_accuracy": {256: 0.8},
            "alone_varies": 0.5,
        },
        "refuted",
    ),
    "bn-tf1-missing-updates": (
        {"stale_accuracy": 0.84, "trained_accuracy": 0.84},
        "refuted",
    ),
    "bn-tflite-fuses": (
        {
            "left_over": {"before": ["MUL", "ADD"], "behind": ["MUL", "ADD"]},
            "conversion_errors": {"before": 0.0, "behind": 0.0},
        },
        "refuted",
    ),
    "bn-regularizes": (
        {
            "few": "2,000 images",
            "training": SimpleNamespace(differences=lambda *arguments: {"2 layers": BETTER}),
            "roles": SimpleNamespace(differences=lambda *arguments: {"2,000 images": BETTER}),
            "points": lambda interval: f"{100 * interval.mean:+.1f}",
        },
        "confirmed",
    ),
}
