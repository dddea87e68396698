"""Measurements that contradict claims of chapter 5, and the verdicts to which they lead."""

from types import SimpleNamespace

import numpy as np

from companion.lab.experiments import mean_interval

# A clip that changes nothing: every interval lies within half a point of 0
NOTHING = {name: mean_interval([-0.001, 0.001, 0.0, 0.001, -0.001]) for name in ("deep", "through")}
LOST = {name: mean_interval([-0.1, -0.11, -0.12]) for name in ("deep", "through")}

CONTRADICTIONS = {
    "clip-mitigates-explosion": (
        {
            "held_back": NOTHING,
            "failures": {"none": (1, 64), "global norm 1": (1, 64)},
            "in_points": str,
            "through": SimpleNamespace(study=SimpleNamespace(smallest={"accuracy": 0.005})),
        },
        "refuted",
    ),
    "clip-compare-on-validation": (
        {"held_by_value": LOST, "normalized": LOST, "in_points": str},
        "refuted",
    ),
    "clip-value-direction": (
        {
            "vector": np.array([0.9, 100.0]),
            "by_value": np.array([0.009, 1.0]),
            "angle": lambda vector: 89.48,
        },
        "unresolved",
    ),
    "clip-value-range": (
        {
            "several": [np.array([-7.0, 7.0])],
            "step_by_value": [np.array([-3.0, 3.0])],
            "as_tensorflow": True,
        },
        "unresolved",
    ),
    "clip-norm-numbers": (
        {"three": [np.array([0.9, 1.0])], "errors": [0.9], "by_norm": np.array([0.9, 1.0])},
        "unresolved",
    ),
    "clip-norm-whole-gradient": (
        {"cosines": {"clipnorm": 1.0, "global_clipnorm": 1.0}, "short": np.array([0.3, 0.4])},
        "confirmed",
    ),
    "clip-before-apply": (
        {"apart": 0.1, "old_step": np.array([0.9, 1.0]), "no_minimize": True},
        "refuted",
    ),
    "clip-cell-keras": (
        {"complaint": "", "with_clipvalue": 0.5, "plain": np.inf},
        "confirmed",
    ),
    "clip-tensorboard": (
        {"options": ["self", "write_grads"], "offers": ["write_grads"], "norms_read": []},
        "confirmed",
    ),
}
