"""Measurements that contradict claims of chapter 12, and the verdicts to which they lead."""

import pandas as pd

from companion.lab.experiments import Interval

COUNTS = (1, 10, 30, 50, 100)
WORSE = Interval(mean=-3.0, low=-4.0, high=-2.0, n=10)
BETTER = Interval(mean=3.0, low=2.0, high=4.0, n=10)
NAMES = [f"{shoe}: {what}" for what in ("mean", "std") for shoe in ("boot", "sandal", "sneaker")]
COLUMNS = {name: (f"column {name}", 0.74) for name in NAMES}
FIVE = pd.DataFrame(
    {score: [0.80, 0.81, 0.80, 0.81, 0.80] for score in ("average_accuracy", "off_accuracy")}
    | dict.fromkeys(("boot_off", "boot_mean[10]", "boot_mean[6]", "boot_mean[8]"), (0.2,) * 5)
    | dict.fromkeys(("footwear", "boot_most_sandal"), (0.5,) * 5)
)
#: A source's run far from five others, whose first image is no boot
PROTOCOL = {
    "five": FIVE,
    "expected": dict.fromkeys(["accuracy, 100 passes", *NAMES], (0.19, 0.21)),
    "reported": COLUMNS,
    "names": NAMES,
}
#: A Keras in which every way to keep dropout on works, in which the class needs no help
API = {
    "api": {
        "Sequential, the source's class": (True, True),
        "Sequential, MCDropout": (True, True),
        "functional, MCDropout": (True, True),
        "functional, Dropout(...)(x, training=True)": (True, True),
    },
    "loading": {
        "the source's class": True,
        "the source's class, with custom_objects": True,
        "MCDropout, registered": True,
    },
    "is_subclass": True,
    "varies_with": {"MCDropout for Dropout only": True, "MCAlphaDropout too": True},
    "mean_distance": 1.0,
}
BATCH_NORM = {"before": 0.8, "after": 0.8}

CONTRADICTIONS = {
    "mc-sample-count": (
        {
            "slope": -0.5,
            "accuracy_of": dict(zip(COUNTS, (0.1, 0.3, 0.5, 0.6, 0.8), strict=True)),
            "loss_of": dict(zip(COUNTS, (2.0, 1.5, 1.2, 1.0, 0.8), strict=True)),
        },
        "refuted",
    ),
    "mc-accuracy-8635": (PROTOCOL, "refuted"),
    "mc-first-image-off-certain": (PROTOCOL, "refuted"),
    "mc-first-image-74": (PROTOCOL, "refuted"),
    "mc-boosts-model": (
        {
            "gain": {"a": WORSE, "b": WORSE},
            "likelier": [],
            "more_accurate": [],
            "better_calibrated": [],
            "worse_calibrated": ["a", "b"],
            "accuracy_range": [-0.01],
            "loss_range": [0.1],
            "ece_range": [0.1],
        },
        "refuted",
    ),
    "mc-more-reliable-than-single": (
        {
            "reliable": {"a": BETTER, "b": BETTER},
            "found": [],
            "trained": {},
            "selected": [0.01],
            "calibrated": {"a": -0.03},
        },
        "confirmed",
    ),
    "mc-class-all-apis": (API, "confirmed"),
    "mc-class-misses-alpha": (API, "confirmed"),
    "mc-class-for-bn-models": (
        BATCH_NORM
        | {
            "distance": {"training=True": 1.0, "MCDropout layers": 1.0},
            "moved": {"training=True": False, "MCDropout layers": False},
        },
        "refuted",
    ),
}
