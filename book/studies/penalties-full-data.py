"""The mildest and best weight penalties of the study on 2,000 images, with all 55,000."""

import runpy
from pathlib import Path

from companion.lab.studies import Study

STUDY = Study(
    question="Do weight penalties and max-norm still help with all training images?",
    run=runpy.run_path(str(Path(__file__).with_name("penalties-small-data.py")))["train"],
    settings={"55,000 images": {"examples": 55_000, "epochs": 4}},
    variants={
        "none": {},
        "l2 0.0001": {"l2_strength": 1e-4},
        "l1 1e-05": {"l1_strength": 1e-5},
        "max-norm 2": {"limit": 2},
    },
    seeds=range(5),
    learning_rates=[0.015, 0.04, 0.1],
    tuning_seeds=range(100, 101),
    tuning_metric="validation_accuracy",
    smallest={"accuracy": 0.005, "gap": 0.005, "loss": 0.01},
)
