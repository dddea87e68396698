"""The studies of the optimizers: no two names stand for the same run."""

import numpy as np
import pandas as pd
import pytest

from companion.lab.studies import load

STUDIES = ["optimizers-race", "optimizers-long", "optimizers-hyperparameters", "optimizers-scales"]


def same_runs(frame):
    """Pairs of variants with a run that is equal in every metric."""
    columns = list(frame)
    metrics = columns[columns.index("seed") + 1 : -1]
    # a run that diverged early looks like any other that did
    trained = frame[np.isfinite(frame[metrics]).all(axis=1)]
    groups = trained.groupby(["setting", "seed", *metrics])["variant"].unique()
    return {tuple(sorted(names)) for names in groups if len(names) > 1}


@pytest.mark.parametrize("name", STUDIES)
def test_no_two_differently_named_curves_are_the_same_run(name):
    assert same_runs(load(name).frame) == set()


def test_a_curve_drawn_twice_under_two_names_is_found():
    frame = load("optimizers-race").frame
    others = frame[frame["variant"] != "momentum"]
    copies = frame[frame["variant"] == "gradient descent"].assign(variant="momentum")
    assert same_runs(pd.concat([others, copies])) == {("gradient descent", "momentum")}
