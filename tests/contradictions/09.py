"""Measurements that contradict claims of chapter 9, and the verdicts to which they lead."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from companion.lab.experiments import Interval

BUDGETS = ["2 epochs", "25 epochs"]


def exponential(epoch):
    return 0.01 * 0.1 ** (epoch / 20)


def race(mean):
    """A race in which every difference is the same, and sure."""
    interval = Interval(mean, mean - 0.001, mean + 0.001, 20)
    return SimpleNamespace(differences=lambda *arguments: dict.fromkeys(BUDGETS, interval))


def run(rates):
    return SimpleNamespace(history={"learning_rate": list(rates), "val_loss": [1.0] * 25})


def nadam(accuracy, cost):
    """Both rates with one accuracy, and what the high one costs in the first epoch."""
    return {
        "history": run(exponential(epoch) for epoch in range(5)),
        "exponential_values": [exponential(epoch) for epoch in range(25)],
        "nadam_means": pd.DataFrame(
            {"validation_accuracy[25]": [accuracy] * 2}, index=["0.01", "0.001"]
        ),
        "nadam_costs": {"1st epoch": Interval(cost, cost - 0.001, cost + 0.001, 5)},
    }


CONTRADICTIONS = {
    "lr-large-then-small": (
        {"race": race(-0.02), "budgets": BUDGETS, "falling": ("cosine", "power")},
        "refuted",
    ),
    "lr-cell-model-and-fit": (nadam(accuracy=0.85, cost=0.05), "refuted"),
    "lr-callback-epoch-begin": (
        {
            "race": race(0.02),
            "watch": SimpleNamespace(rates=[[0.01] * 32] * 3),
            "exponential_decay_fn": exponential,
            "show_table": lambda *arguments: None,
        },
        "refuted",
    ),
    "lr-fn-epoch-and-lr": (
        {
            "first": run(exponential(epoch) for epoch in range(3)),
            "second": run(exponential(epoch) for epoch in range(2)),
            "exponential_decay_fn": exponential,
        },
        "refuted",
    ),
    "lr-cell-plateau": (
        {
            "plateau_run": run([0.1] * 25),
            "our_cuts": lambda losses, patience: [5, 10],
            "constant_cuts": [5, 10, 15, 20],
        },
        "unresolved",
    ),
    "lr-1cycle-shape": (
        {"OneCycle": lambda *arguments: lambda step: np.interp(step, [0, 1000], [0.01, 0.1])},
        "unresolved",
    ),
}
