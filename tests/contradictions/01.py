"""Measurements that contradict claims of chapter 1, and the verdicts to which they lead."""

import numpy as np
import pandas as pd

SPEEDS = {"signal": [2.0, 1.0], "gradient": [1.0, 1.0]}
GROWING = np.array([np.arange(10) + 30.0, np.full(10, 0.2), np.arange(10) / 10])

CONTRADICTIONS = {
    "vg-exploding-diverges": (
        {
            "explosions": {
                (factor, seed): (pd.DataFrame(SPEEDS), np.ones(50))
                for factor in (1.0, 2.0)
                for seed in range(5)
            },
            "stops": {2.0: [50] * 5},
            "blown": {1.0: [0] * 5, 2.0: [0] * 5},
        },
        "refuted",
    ),
    "vg-activation-choice-to-blame": (
        {"signal_ratio": lambda *arguments: 1.0},
        "refuted",
    ),
    "vg-variance-keeps-growing": (
        {
            "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
            "ways_up": dict.fromkeys(("sigmoid", "relu", "linear"), GROWING),
        },
        "confirmed",
    ),
}
