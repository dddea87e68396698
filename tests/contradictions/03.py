"""Measurements that contradict claims of chapter 3, and the verdicts to which they lead."""

import numpy as np

from companion.lab.experiments import Interval

NOTHING, GAIN = Interval(0.0, -0.001, 0.001, 20), Interval(0.02, 0.015, 0.025, 20)
LOSS = Interval(-0.02, -0.025, -0.015, 20)
CHAIN = {"in order": ["elu > relu"], "too close": [], "reversed": []}
PLAIN = "plain, layer 1", "plain, layer 2"


def points(interval):
    return ""


CONTRADICTIONS = {
    "act-dead-no-gradient": (
        {
            "trials": dict.fromkeys(
                (*PLAIN, "momentum 0.9, layer 1", "Adam, layer 1"), (0.0, 0.0, -1.0)
            )
        },
        "confirmed",
    ),
    "act-kink-bounce": (
        {
            "swing": {("|x|", 0.09): 0.0, ("x squared / 2", 0.09): 0.0},
            "curve_rates": (0.003,),
            "curve_fits": {(name, 0.003): np.zeros((5, 2)) for name in ("relu", "elu")},
        },
        "unresolved",
    ),
    "act-elu-mean-near-zero": (
        {
            "averages": {"relu": 0.4, "leaky 0.2": 0.3, "elu": 0.16},
            "left_over": {("elu", 0.5): 0.5},
        },
        "confirmed",
    ),
    "act-ranking-elu-chain": (
        {"chains": dict.fromkeys(("2 layers", "8 layers"), CHAIN)},
        "confirmed",
    ),
    "act-relu-better-than-sigmoid-deep": (
        {
            "gain": lambda a, b: {"2 layers": NOTHING, "8 layers": NOTHING},
            "deep": "8 layers",
            "points": points,
        },
        "refuted",
    ),
    "act-choose-by-cv": (
        {"hits": 0, "chosen": [""] * 10, "regret": GAIN, "bonus": LOSS, "points": points},
        "refuted",
    ),
}
