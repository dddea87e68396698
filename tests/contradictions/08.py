"""Measurements that contradict claims of chapter 8, and the verdicts to which they lead."""

import numpy as np

from companion.lab.experiments import Interval

REGULAR = dict.fromkeys(("elongated bowl", "plateau and cliff", "constant slope"), np.ones(20))
NO_DIFFERENCE = Interval(mean=0.0, low=-0.001, high=0.001, n=20)
HALF_A_POINT = Interval(mean=0.01, low=0.006, high=0.014, n=20)

CONTRADICTIONS = {
    "opt-gd-regular-steps": (
        {"step_lengths": REGULAR, "gradient_norms": REGULAR, "gd_error": 0.0},
        "confirmed",
    ),
    "opt-terminal-velocity": (
        {"velocities": {beta: np.ones(1000) for beta in (0.5, 0.9, 0.99)}},
        "unresolved",
    ),
    "opt-momentum-local-optima": (
        {
            "crossings": {
                (rate, beta): (0, 5 * (beta > 0)) for rate in (0.1, 0.3) for beta in (0, 1)
            }
        },
        "refuted",
    ),
    "opt-nag-rule": (
        {"gaps": {"theta": 1e-8, "look-ahead": 0.7, "companion": 0.7}},
        "confirmed",
    ),
    "opt-adam-rule": (
        {"matching": ["under the root"], "place_errors": {"beside the corrected root": 1.0}},
        "corrected",
    ),
    "opt-adamax-rule": (
        {
            "adamax_errors": {"corrected": 0.4, "printed": 1e-8},
            "p_norms": {2: 1.0, 512: 1.0},
            "maximum": 2.0,
        },
        "confirmed",
    ),
    "opt-rho-default-no-tuning": (
        {
            "momentum_default": 0.0,
            "adam_numbers": {"learning_rate": 0.001},
            "advantages": {
                default: {"other": HALF_A_POINT}
                for default in ("momentum 0.9", "rmsprop 0.9", "adam 0.9 0.999")
            },
            "somebody_better": lambda family: True,
            "nobody_better": lambda family: False,
            "best_of": str,
        },
        "refuted",
    ),
    "opt-adaptive-generalize-poorly": (
        {
            "wilson": {
                rule: [0.0, 0.0] for rule in ("gradient descent", "rmsprop", "adam", "nadam")
            },
            "band": {("adam", "2 layers"): NO_DIFFERENCE},
        },
        "refuted",
    ),
}
