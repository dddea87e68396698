"""The race's RMSProp with eight layers, whose best rate lay at the lower edge: rates below it."""

import runpy
from pathlib import Path

from companion.lab.studies import Study
from companion.optimizers import RMSProp

STUDY = Study(
    question="Is there a better learning rate for RMSProp below the grid of the race?",
    run=runpy.run_path(str(Path(__file__).with_name("optimizers-race.py")))["train"],
    settings={"8 layers": {"hidden": [100] * 8, "falling": False}},
    variants={"rmsprop": {"rule": RMSProp()}},
    seeds=range(20),
    learning_rates=[0.00001, 0.000022, 0.000046, 0.0001, 0.00022],
    tuning_seeds=range(100, 103),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005},
)
