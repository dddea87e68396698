"""Measurements that contradict claims of chapter 2, and the verdicts to which they lead."""

import numpy as np

CONTRADICTIONS = {
    "init-random-needed": (
        {"symmetry": {"all 0": ([250, 90], 0.8), "he_normal": ([300, 100], 0.8)}},
        "unresolved",
    ),
    "init-selu-lecun-normal": (
        {
            "selu_runs": dict.fromkeys(
                ("lecun_normal", "lecun_uniform", "glorot_uniform", "he_normal"),
                np.full((5, 2, 100), 3.0),
            )
        },
        "refuted",
    ),
    "init-001-square-for-gradient": (
        {"measured_gains": {"1/fan out": (3.0, 0.5), "Glorot, 1/fan avg": (1.5, 0.5)}},
        "confirmed",
    ),
    "init-microphone-chain": (
        {
            "chains": {gain: np.ones((10, 51)) for gain in (0.9, 1.0, 1.1)},
            "medians": dict.fromkeys((0.9, 1.0, 1.1), 1.0),
        },
        "unresolved",
    ),
}
