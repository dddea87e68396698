"""Measurements that contradict claims of chapter 6, and the verdicts to which they lead."""

import numpy as np
import pandas as pd

from companion.lab.experiments import Interval

GAIN = Interval(mean=0.02, low=0.015, high=0.025, n=8)
NOTHING = Interval(mean=0.0, low=-0.001, high=0.001, n=8)
EASY, HARD = "sandal or shirt", "T-shirt or pullover"
STEPS = {
    "EASY": EASY,
    "HARD": HARD,
    "points": str,
    "norms": {"start": 4.0, "after_head": 1.0},
    "head_first": {(EASY, 0.001): GAIN, (HARD, 0.1): GAIN},
    "lower": {f"{EASY}, 0.0001": GAIN, f"{HARD}, 0.001": GAIN},
    "raised": {HARD: GAIN},
    "easier": {(EASY, 0.001): GAIN, (HARD, 0.1): GAIN},
    "lost": {"moving": 0, "fixed": 0},
    "both": lambda metric, task: np.zeros((8, 3)),
}
TOPS = {
    "EASY": EASY,
    "HARD": HARD,
    "points": str,
    "thaw_by_task": {EASY: NOTHING, HARD: NOTHING},
    "more": NOTHING,
    "best_ways": {("thaw", task): [3, 3] for task in (EASY, HARD)},
    "tops": {"dropping 1": NOTHING, "adding 1": NOTHING},
}

CONTRADICTIONS = {
    "tl-task-b-definition": ({"easy": 0.94, "hard": 0.94}, "unresolved"),
    "tl-compile-after-freezing": (
        {
            "moves": dict.fromkeys(
                (
                    "after compile, before the first fit",
                    "after a fit",
                    "after a fit, then compile again",
                ),
                False,
            )
        },
        "refuted",
    ),
    "tl-feed-intermediate-tensor": (
        {
            "calls_with_X": 1,
            "calls_with_h": 1,
            "fed_X": np.ones(2),
            "fed_h": np.ones(2),
            "feed_gap": 0.0,
        },
        "refuted",
    ),
    "tl-publication-bias": (
        {"noise": 0.001, "simulated": np.full(45, 0.002), "chance": 0.0},
        "refuted",
    ),
    "tl-improvement-fragile": (
        {
            "by_pair": pd.DataFrame({"gain": np.full(45, 0.02)}),
            "pairs": pd.DataFrame({"setting": np.arange(135) % 45, "gain": np.full(135, 0.02)}),
            "best": 0.02,
            "points": str,
        },
        "refuted",
    ),
    "tl-freeze-first": (STEPS, "confirmed"),
    "tl-lower-rate-after-unfreezing": (STEPS, "confirmed"),
    "tl-frozen-easier-upper": (STEPS, "confirmed"),
    "tl-unfreeze-gradually": (TOPS, "refuted"),
    "tl-drop-or-add-top-layers": (TOPS, "refuted"),
}
