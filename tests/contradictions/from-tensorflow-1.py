"""Measurements that contradict claims of the phrasebook, and the verdicts to which they lead."""

NAMES = {
    "contrib": False,
    "contrib_idioms": ["error"] * 4,
    "names": ["placeholder", "Session"],
    "today": [False, False],
    "in_v1": [True, True],
    "v1_layers": "error",
    "constructors": ["error"] * 3,
}
FILES = {
    "same_answers": {".h5": True, ".keras": True},
    "same_state": {".h5": True, ".keras": True},
    "h5_advice": "warning",
    "h5_trap": "error",
    "same_network": True,
    "advice": ["Do not pass an `input_shape` argument to a layer."],
}
BATCHES = {"steps": 1719, "in_order": True, "tutorials": False, "once": 5, "count": 5}

CONTRADICTIONS = {
    "api-contrib": (NAMES | {"contrib": True}, "confirmed"),
    "api-tf1-graph": (NAMES | {"today": [True, True]}, "confirmed"),
    "api-lr-argument": (NAMES | {"constructors": ["runs"] * 3}, "confirmed"),
    "api-h5-format": (FILES | {"same_answers": {".h5": False, ".keras": True}}, "refuted"),
    "api-flatten-input-shape": (FILES | {"advice": []}, "confirmed"),
    "api-nonrunnable-cells": ({"said": {}, "mended": set()}, "refuted"),
    "api-seeding": (
        {
            "old_seeds": ["error", "error"],
            "repeated": {"set_random_seed": 1, "np.random.seed": 0, "no seed": 0},
        },
        "unresolved",
    ),
    "api-batch-size-32": (BATCHES | {"steps": 430}, "refuted"),
    "api-mnist-next-batch": (BATCHES | {"once": 4}, "unresolved"),
}
