"""Measurements that contradict claims of chapter 11, and the verdicts to which they lead."""

import numpy as np

SETTINGS = ("20 wide", "100 wide", "300 wide", "full")
MEASURES = {name: (name, -1, 0.01) for name in ("likeness", "noise")}
ONES = np.ones((1000, 100))
DROPPED = {
    "ones": ONES,
    "finished": ONES,
    "first": ONES,
    "again": 0 * ONES,
    "other": 0 * ONES,
    "dropped_share": 0.2,
    "kept_value": 1.25,
    "slopes": {"nothing scaled": 0.5, "older form": 1.0, "inverted": 1.0},
    "deviations": np.zeros(300),
    "bend": 0.1,
}


def silently(*arguments):
    """Show nothing."""


def better_everywhere(setting, variant, metric="accuracy"):
    """Accuracies that fall with the rate in every setting alike."""
    rate = float(variant.split(",")[0])
    return 0.8 - 0.1 * rate + 0.001 * np.arange(6)


CONTRADICTIONS = {
    "do-algorithm": (DROPPED | {"dropped_share": 0.3}, "unresolved"),
    "do-scaling": (DROPPED | {"kept_value": 5.0}, "unresolved"),
    "do-ensemble": (
        {
            "divergences": {"trained, seed 0": {"geometric": 0.01}},
            "exact_error": 1e-16,
            "agreement": [0.98],
            "mean_accuracy": {"mean of 200": 0.85, "scaled": 0.80},
        },
        "refuted",
    ),
    "do-rate-range": (
        {
            "column": better_everywhere,
            "chosen": dict.fromkeys(SETTINGS, "0"),
            "names": ["0", "0.1", "0.2", "0.3", "0.5", "0.7"],
            "settings": SETTINGS,
            "mean_accuracies": {
                s: {f"{r:g}": 0.8 - 0.1 * r for r in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)}
                for s in SETTINGS
            },
            "points": str,
            "show_table": silently,
        },
        "refuted",
    ),
    "do-adjust-rate": (
        {
            "column": better_everywhere,
            "settings": SETTINGS,
            "points": str,
            "show_table": silently,
        },
        "unresolved",
    ),
    "do-less-coadaptation": (
        {"found": dict.fromkeys(MEASURES, "refuted"), "measures": MEASURES},
        "refuted",
    ),
    "do-alpha-preserves-moments": (
        {
            "moments": {
                (kind, rate, mean, std): (mean, 1.4 * std)
                for kind in ("alpha", "plain")
                for rate in (0.1, 0.2, 0.5)
                for mean, std in ((0, 1), (1, 1))
            },
            "inputs": [(0, 1), (1, 1)],
            "tops": {"alpha 0.2": 1.0, "plain 0.2": 1.0},
        },
        "refuted",
    ),
}
