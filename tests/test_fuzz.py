"""Bad input: every public name is called with arguments that fit, and with one that does not.

A name's arguments come from one table by the parameter's name (`GOOD`), so that a new name with
new words fails until it has its row. A case draws all of them; in two of three cases one is
replaced by something wild: another shape or dtype, a list, a string, NaN, a huge number, an
object, a function that raises.

Arguments that fit must give a right result: of the shape and dtype that the docstring says, finite,
without a warning. Any others must give a result, or an error that is documented: a ValueError or
TypeError in the package's words, or what the docstring announces; never another exception, a hang
or a NaN out of finite numbers. In all cases the arguments stay as they were, and after an error
so does the object whose method it was.

Left out is what has no bounds of its own: a number of epochs, samples or repeats may be as large
as one wishes to wait for.

The cases are the same in every run (`derandomize`). More of them, and new ones each time:

    FUZZ=1000 python -m pytest tests/test_fuzz.py

How many there were, pytest says at the end.
"""

import contextlib
import copy
import inspect
import io
import math
import os
import re
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from public import announced, public

from companion import check, network, regularizers, schedules
from companion.activations import relu, relu_grad, tanh, tanh_grad
from companion.batch_norm import batch_norm, batch_norm_backward
from companion.lab import claims, diagnostics, experiments, studies, transfer
from companion.lab.datasets import Dataset
from companion.network import pretraining
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer

DEEP = int(os.environ.get("FUZZ", 0))
SECONDS = 30  # a call that takes longer hangs

each_name = partial(
    settings,
    derandomize=not DEEP,
    database=None,
    deadline=None,
    print_blob=False,
    phases=[Phase.generate],  # the failing call is in the message
    suppress_health_check=list(HealthCheck),
)


# ----------------------------------------------------------------------------------------------
# Arguments that fit

SIZES = (0, 5e-324, 1e-300, 1e-38, 1e-6, 0.5, 1, 3, 88.8, 104, 1e3, 1e4)
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "backwards": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


class Case:
    """The arguments of one call: those that fit share a shape and a dtype."""

    def __init__(self, draw):
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**20)))
        self.dtype = np.dtype(draw(st.sampled_from("ffddeg")))
        self.shape = draw(st.sampled_from([(4, 3), (1, 3), (5, 1), (2, 4, 3), (3, 3)]))

    def choose(self, *values):
        return self.draw(st.sampled_from(values))

    def array(self, shape=None, low=-1, high=1):
        """Numbers of all sizes, in some order in memory; small ones for half precision."""
        shape = self.shape if shape is None else shape
        values = self.rng.choice(SIZES, shape) * self.rng.uniform(low, high, shape)
        if self.dtype == np.float16:
            values = np.clip(values, -8, 8)
        return LAYOUTS[self.choose(*LAYOUTS)](np.asarray(values, self.dtype))

    def elementwise(self):
        shape = self.choose(self.shape, (), (0,), (7,), (2, 0, 3))
        return self.array(shape)

    def feature(self, low=-1, high=1):
        return self.array(self.shape[-1:], low, high)

    def positive(self):
        return self.choose(0.5, 1, 2.0, np.float32(0.25), np.float64(3.0), np.int64(2), 1e4, 1e-6)

    def share(self):
        return self.choose(0, 0.0, 0.25, np.float32(0.5), np.float64(0.9), np.array(0.1))

    def probabilities(self):
        p = self.rng.random((6, 3)) ** self.choose(1, 30) + 1e-9
        p[0] = 1, 0, 0
        return (p / p.sum(1, keepdims=True)).astype(self.choose("f", "d"))

    def examples(self, n=6, width=3):
        return self.rng.random((n, width)).astype(self.choose("f", "d"))


def model(c=None, *layers, shape=(3,)):
    layers = layers or (
        network.Dense(4, "relu"),
        network.BatchNormalization(),
        network.Dense(3, "softmax"),
    )
    return network.Sequential(layers, shape, np.random.default_rng(0))


def machine():
    return pretraining.RestrictedBoltzmannMachine(3, 2, np.random.default_rng(0))


def frame(c):
    rows = [(v, s) for v in ("a", "b", "c") for s in range(4)]
    table = pd.DataFrame(rows, columns=["variant", "seed"])
    return table.assign(
        learning_rate=0.1,
        accuracy=c.rng.random(12),
        **{f"loss[{i}]": c.rng.random(12) for i in (1, 2)},
    )


def look(c):
    return diagnostics.signals(model(), c.examples(), c.rng.integers(0, 3, 6))


def recorded(c):
    recorder = diagnostics.Recorder(c.examples(), c.rng.integers(0, 3, 6), every=1)
    model().fit(
        c.examples(), c.rng.integers(0, 3, 6),
        optimizer=sgd(), epochs=2, callbacks=[recorder],
    )  # fmt: skip
    return recorder.frame


def sgd(c=None):
    return Optimizer(GradientDescent(), 0.1)


def images(c=None, n=12):
    rng = np.random.default_rng(0)
    return Dataset(rng.random((n, 28, 28)).astype(np.float32), np.arange(n) % 10)


def pairs(c=None):
    data = images()
    return transfer.Task(*[Dataset(data.images, data.labels % 2)] * 3)


def measure(seed, **arguments):
    return {"accuracy": 0.5 + 0.1 * seed + arguments.get("learning_rate", 0)}


def encode(x, units, rng):
    return pretraining.encoder(pretraining.autoencoder((x.shape[1], units), rng))


def axes(c=None):
    return plt.figure().subplots()


def classifier(c=None):
    return transfer.classifier(np.random.default_rng(0), 10, [5])


ARRAY, FEATURE = Case.array, Case.feature
UNIT = partial(Case.feature, low=0.0)


def one_of(*values):
    return lambda c: c.choose(*values)


# By the parameter's name, or by the name of its owner and its own
GOOD = {
    # ---- the formulas
    "z": Case.elementwise,
    "activations.softmax.z": ARRAY,
    "activations.leaky_relu.alpha": one_of(0.01, 0, 1, np.float64(0.25)),
    "activations.leaky_relu_grad.alpha": one_of(0.01, 0, 1, np.float64(0.25)),
    "alpha": one_of(0.01, 0, 1, np.float64(0.25), np.array(0.3)),
    "activations.swish.beta": one_of(0.01, 0, 1, np.float64(1.702)),
    "activations.swish_grad.beta": one_of(0.01, 0, 1, np.float64(1.702)),
    "activations.swish_grad_beta.beta": one_of(0.01, 0, 1, np.float64(1.702)),
    "approximation": one_of(None, "tanh", "sigmoid"),
    "axis": one_of(-1, 0, np.int64(1)),
    "batch_norm.axis": one_of(-1),
    "rng": lambda c: np.random.default_rng(0),
    "shape": one_of((3, 4), [5, 2], (2, 3, 4), (2, 0)),
    "lower": one_of(0, 0.125),
    "upper": one_of(0.125, 1 / 3),
    "dtype": one_of("f", np.float64, np.dtype("e")),
    "scale": Case.positive,
    "gain": Case.positive,
    "mode": one_of("fan_in", "fan_out", "fan_avg"),
    "distribution": one_of("truncated_normal", "untruncated_normal", "uniform"),
    "x": ARRAY,
    "dropout.mc_predict.x": ARRAY,
    "gamma": FEATURE,
    "beta": FEATURE,
    "moving_mean": FEATURE,
    "moving_variance": UNIT,
    "moving": FEATURE,
    "batch": FEATURE,
    "momentum": one_of(0, 0.99, np.float32(0.5)),
    "epsilon": one_of(1e-3, 1e-5, np.float64(1e-2)),
    "dy": ARRAY,
    "cache": lambda c: batch_norm(c.array(), c.feature(), c.feature())[1],
    "W": lambda c: c.array((5, *c.shape[-1:])),
    "b": FEATURE,
    "gradient": ARRAY,
    "gradients": lambda c: [c.array(), c.feature()],
    "limit": Case.positive,
    "w": ARRAY,
    "threshold": Case.share,
    "strength": Case.share,
    "rate": Case.share,
    "mask": lambda c: c.rng.random(c.shape) > 0.5,
    "predict": lambda c: lambda x: np.ones((2, 3)),
    "samples": one_of(1, 3, np.int8(2)),
    # ---- optimizers and schedules
    "optimizers.Momentum.beta": Case.share,
    "optimizers.Nesterov.beta": Case.share,
    "initial_accumulator_value": Case.share,
    "rho": Case.share,
    "beta_1": Case.share,
    "beta_2": Case.share,
    "weight_decay": Case.share,
    "rule": lambda c: c.choose(Adam(), Momentum(), GradientDescent()),
    "learning_rate": one_of(0.1, 0, np.float32(0.5), schedules.PowerDecay(0.1, 5)),
    "schedules": one_of(None, {}),
    "weights": lambda c: np.array(c.array((4, 3)), order="C"),
    "optimizers.Optimizer.step.gradient": lambda c: c.array((4, 3)),
    "initial": Case.positive,
    "steps": one_of(2, 10, np.int64(20), 3.5),
    "step": one_of(0, 1, 19, np.int64(5), 0.5),
    "power": Case.share,
    "schedules.ExponentialDecay.rate": Case.positive,
    "boundaries": one_of([3, 6], (1.5, 2), np.array([2, 3])),
    "values": one_of([0.1, 0.05, 0], (1, 2, 3), np.array([0.1, 0.2, 0.3])),
    "peak": Case.positive,
    "final": one_of(None, 0, 0.5),
    "last": one_of(0.1, np.float64(0.5)),
    "schedules.CosineDecay.alpha": Case.share,
    "schedule": lambda c: schedules.PowerDecay(0.1, 5),
    "factor": one_of(0.1, np.float32(0.5)),
    "patience": one_of(1, 3, np.int64(2)),
    "min_delta": Case.share,
    "cooldown": one_of(0, 2),
    "minimum": Case.share,
    "metric": one_of(0.5, 0, -3, np.float32(1)),
    "state": lambda c: schedules.PlateauState(0.1, 1.0, 1, 0),
    "high": one_of(0.95, 1),
    "low": one_of(0.85, 0),
    # ---- the engine
    "units": one_of(1, 3, np.int64(2)),
    "activation": one_of(None, "relu", "linear", tanh),
    "initializer": one_of("glorot_uniform", "he_normal"),
    "recurrent_initializer": one_of("orthogonal"),
    "use_bias": one_of(True, False),
    "regularizer": one_of(None, partial(regularizers.l2, strength=0.1)),
    "constraint": one_of(None, "max_norm"),
    "network.learned.PReLU.alpha": Case.share,
    "network.learned.Swish.beta": Case.share,
    "layers": lambda c: [network.Dense(2, "relu"), network.Dense(3, "softmax")],
    "input_shape": one_of((3,), [4], (np.int64(2),)),
    "network.losses.z": lambda c: c.array((6, 3)),
    "network.losses.sparse_categorical_crossentropy.y": lambda c: c.rng.integers(0, 3, 6),
    "network.losses.y": lambda c: c.rng.integers(0, 2, (6, 3)).astype(c.choose("f", "d", "i")),
    "monitor": one_of("loss", "val_loss"),
    "restore_best_weights": one_of(True, False),
    "network.training.LearningRateScheduler.schedule": lambda c: lambda epoch, rate: rate,
    "min_lr": Case.share,
    "history": lambda c: {"loss": [0.5]},
    "network.model.Sequential.x": lambda c: c.choose(c.examples(), c.examples().tolist()),
    "y": lambda c: c.choose(c.rng.integers(0, 3, 6), [0, 1, 2, 0, 1, 2]),
    "optimizer": sgd,
    "epochs": one_of(0, 1, np.int64(2)),
    "initial_epoch": one_of(0, 1),
    "batch_size": one_of(1, 4, 10),
    "validation_data": lambda c: c.choose(None, (c.examples(), [0, 1, 2, 0, 1, 2])),
    "callbacks": lambda c: c.choose((), [network.TerminateOnNaN()]),
    "clip": one_of(None, list),
    "progress": one_of(False),
    "training": one_of(False, True),
    "network.model.Sequential.set_weights.weights": lambda c: model().get_weights(),
    # ---- pretraining
    "visible": one_of(3, np.int64(2)),
    "hidden": one_of(2, np.int64(3)),
    "v": lambda c: (c.rng.random((6, 3)) > 0.5).astype(c.choose("f", "d", "i")),
    "h": lambda c: c.examples(6, 2),
    "k": one_of(1, 2),
    "chains": lambda c: c.choose(None, c.examples(4, 2)),
    "persistent": one_of(False, True),
    "network.pretraining.RestrictedBoltzmannMachine.fit.validation_data": lambda c: c.choose(
        None, c.examples()
    ),
    "widths": one_of((3, 2), [3, 4, 2]),
    "output": one_of("sigmoid", "linear"),
    "noise": lambda c: c.choose(None, network.Dropout(0.5)),
    "autoencoder": lambda c: pretraining.autoencoder((3, 2), np.random.default_rng(0)),
    "network.pretraining.greedy_layerwise.x": Case.examples,
    "network.pretraining.greedy_layerwise.widths": one_of((2,), [2, 2]),
    "train": one_of(encode),
    "model": lambda c: model(None, network.Dense(2, "sigmoid"), network.Dense(3, "softmax")),
    "network.pretraining.initialize_from.layers": lambda c: (
        pretraining.encoder(pretraining.autoencoder((3, 2), np.random.default_rng(1))).layers
    ),
    # ---- uncertainty
    "probabilities": Case.probabilities,
    "labels": lambda c: c.rng.integers(0, 3, 6),
    "bins": one_of(1, 10),
    "passes": lambda c: np.stack([c.probabilities(), c.probabilities()]),
    "inside": lambda c: c.rng.random(5),
    "outside": lambda c: c.rng.random(4),
    "right": lambda c: c.rng.random(6) > 0.5,
    "doubt": lambda c: c.rng.random(6),
    "shares": lambda c: c.choose([1.0, 0.5], np.array([0.1])),
    "temperature": Case.positive,
    # ---- experiments
    "function": lambda c: measure,
    "variants": lambda c: {"a": {}, "b": {"more": 1}},
    "seeds": one_of(range(2), [5, 6, 7]),
    "n_jobs": one_of(1),
    "calls": lambda c: [({"name": "one"}, {"seed": 1})],
    "frame": frame,
    "lab.diagnostics.training_figure.frame": recorded,
    "lab.experiments.metric": one_of("accuracy"),
    "lab.experiments.curves.metric": one_of("loss"),
    "lab.experiments.mode": one_of("max", "min"),
    "a": one_of("a"),
    "lab.experiments.paired_difference.b": one_of("b"),
    "level": one_of(0.95, np.float64(0.5)),
    "lab.experiments.mean_interval.values": lambda c: c.rng.normal(size=5),
    "pairs": one_of(None, [("a", "b")]),
    "p_values": lambda c: c.choose(c.rng.random(5), [0.01, math.nan]),
    "pilot_differences": lambda c: c.rng.normal(1, 1, size=5),
    "smallest": one_of(0.5, 1),
    "lab.experiments.seeds_needed.power": one_of(0.9, 0.5),
    "intervals": lambda c: {"only": experiments.Interval(0.5, 0.1, 0.9, 5)},
    "rates": one_of([0.1, 1.0]),
    # ---- transfer
    "data": images,
    "pair": one_of((5, 6), [0, 1]),
    "examples": one_of(5, 100),
    "outputs": one_of(1, 3),
    "lab.transfer.classifier.hidden": one_of([4], (4, 3)),
    "filters": one_of(1, 4),
    "size": one_of(1, 3),
    "stride": one_of(1, 2),
    "source": classifier,
    "lab.transfer.layers": one_of(1, np.int64(1)),
    "lab.transfer.model": classifier,
    "taken": one_of(()),
    "lab.transfer.adapt.rate": one_of(0.1),
    "thawed": one_of(None, 0),
    "head_epochs": one_of(0, 1),
    "head_rate": one_of(0.1),
    "lab.transfer.best_of.train": lambda c: (
        lambda rate: transfer.classifier(np.random.default_rng(0), 1, [4])
    ),
    "task": pairs,
    # ---- diagnostics, networks, plots
    "lab.diagnostics.rms.values": lambda c: c.array((5,)),
    "lab.diagnostics.model": model,
    "lab.diagnostics.x": Case.examples,
    "lab.networks.StepsToReach.x": Case.examples,
    "every": one_of(1, 10),
    "looks": lambda c: {"relu": look(c)},
    "styles": one_of(None),
    "g": one_of(np.tanh, np.square),
    "std": one_of(1.0, 0.5),
    "lab.diagnostics.signal_theory.activation": one_of(relu, None),
    "activation_gradient": one_of(relu_grad),
    "weight_variances": one_of([0.1, 0.2], (1, 2)),
    "lab.diagnostics.signal_theory.widths": one_of([3, 4, 5]),
    "mean_square_input": one_of(1.0),
    "lab.networks.mlp.hidden": one_of([4], (4, 3)),
    "lab.networks.mlp.activation": one_of("relu", None, network.PReLU),
    "kind": one_of("value", "norm", "global norm", "none"),
    "accuracy": one_of(0.5),
    "resolution": one_of(0.05),
    "method": one_of("relu"),
    "axes": axes,
    "lab.plots.label_lines.labels": one_of({"one": (0.5, 0.5, "#0072B2")}),
    "gap": one_of(0.065),
    "color": one_of("#0072B2", "red"),
    "figure": lambda c: plt.figure(figsize=(1, 1)),
    "alt": one_of("1 line"),
    "rows": one_of([["relu", 1]]),
    "columns": one_of(["name", "count"]),
    "value": one_of(0.5, 12, np.float32(3e-9), 0),
    "digits": one_of(1, 4),
    "lab.plots.number.noise": one_of(0.0, 1e-12),
    # ---- claims, studies, files
    "path": one_of(claims.BOOK / "claims.yml"),
    "network.saving.path": lambda c: Path(os.devnull) / "nowhere",
    "claim_id": one_of("init-lecun-equals-glorot"),
    "measured": one_of("0.55"),
    "verdict": one_of("confirmed"),
    "notebook": one_of(claims.BOOK / "02-initialization.ipynb"),
    "question": one_of("Is it so?"),
    "run": lambda c: measure,
    "settings": one_of({"default": {}}),
    "learning_rates": one_of(None, [0.1]),
    "tuning_seeds": one_of([1, 2]),
    "tuning_metric": one_of("accuracy"),
    "tuning_mode": one_of("max", "min"),
    "lab.studies.Study.smallest": one_of({}, {"accuracy": 0.1}),
    "name": one_of("pretraining-order", "a-study-that-nobody-wrote"),
    "folder": one_of(studies.FOLDER),
    # ---- check
    "f": one_of(tanh),
    "f_grad": one_of(tanh_grad),
    "like": one_of("tanh"),
    "forward": one_of(batch_norm),
    "backward": one_of(batch_norm_backward),
    "inference": one_of(None),
    "update_moving": one_of(None),
}


def fitting(owner, parameter):
    """The row of a parameter: its own, its module's or the one that all share."""
    parts = owner.split(".")
    for depth in range(len(parts), -1, -1):
        row = GOOD.get(".".join([*parts[:depth], parameter]))
        if row:
            return row
    raise KeyError(f"GOOD has no row for the argument {parameter!r} of {owner}")


# Methods that are tried too, each with how to make the object
METHODS = {
    "optimizers.Optimizer.step": lambda c: Optimizer(c.choose(Adam(), Momentum()), 0.1),
    "network.model.Sequential.fit": model,
    "network.model.Sequential.predict": model,
    "network.model.Sequential.evaluate": model,
    "network.model.Sequential.differentiate": model,
    "network.model.Sequential.set_weights": model,
    **{
        f"network.pretraining.RestrictedBoltzmannMachine.{name}": lambda c: machine()
        for name in (
            *("energy", "free_energy", "hidden_probabilities", "visible_probabilities"),
            *("gibbs_step", "reconstruct", "contrastive_divergence", "fit"),
        )
    },
    "schedules.PowerDecay.__call__": lambda c: schedules.PowerDecay(0.1, 5, 2000),
    "schedules.ExponentialDecay.__call__": lambda c: schedules.ExponentialDecay(0.1, 5, 10),
    "schedules.PiecewiseConstant.__call__": lambda c: schedules.PiecewiseConstant([2], [1, 2]),
    "schedules.OneCycle.__call__": lambda c: schedules.OneCycle(0.1, 1, 10),
    "schedules.OneCycle.momentum": lambda c: schedules.OneCycle(0.1, 1, 10),
    "schedules.CosineDecay.__call__": lambda c: schedules.CosineDecay(0.1, 10),
    "schedules.LinearWarmup.__call__": lambda c: schedules.LinearWarmup(
        schedules.PowerDecay(0.1, 5), 5
    ),
    "schedules.ReduceOnPlateau.update": lambda c: schedules.ReduceOnPlateau(0.1),
    "lab.claims.Claims.decide": lambda c: claims.Claims("initialization"),
}

# Not called here, and why
LEFT_OUT = {
    r"lab\.bench\..*": "measures for minutes",
    r"lab\.idioms\..*": "runs the code that it is given",
    r"lab\..*\.main": "a command",
    r"lab\.studies\.(run_study|spot_check|Result)": "runs a study",
    r"lab\.networks\.train_and_score|lab\.transfer\.tasks": "on all of Fashion-MNIST",
    r"fused\..*": "is called by Optimizer.step, which has checked all",
    r"network\.training\.train": "is called by fit, which has checked all",
    r"network\.layers\.(find|gradient_of|initial)": "is called by layers, which are tried",
    r"lab\.claims\.Claims": "its topics are any number of words",
    r"network\.saving\..*": "its files are tried in test_network",
    r".*\.(Rule|Layer|Callback)": "is for others to fill in",
    r".*\.(BatchNormCache|PlateauState|Loss|Dataset|Task|Theory|Uncertainty|Interval|Tuning)"
    r"|.*\.(Claim|Decision|VerdictTable|VerdictChangedError|Property|Report|History)": "holds "
    "what it is given",
    r"check\..*": "is tried below with functions of a reader's",
}
NAMES = {
    name: value
    for name, value in public()
    if name.count(".") == 1 + (name.split(".")[0] in {"lab", "network"})
}
TRIED = [n for n in NAMES if not any(re.fullmatch(p, n) for p in LEFT_OUT)] + list(METHODS)

# Arguments that are changed when all goes well
IN_PLACE = {
    "optimizers.Optimizer.step": {"weights"},
    "network.model.Sequential.fit": {"optimizer"},
    "network.pretraining.RestrictedBoltzmannMachine.fit": {"optimizer"},
    "network.pretraining.initialize_from": {"model"},
    "network.model.Sequential": {"layers"},
    "network.pretraining.autoencoder": {"noise"},
    "lab.transfer.reuse": {"model"},
    "lab.transfer.adapt": {"model"},
    "lab.plots.label_lines": {"axes"},
}
# Arguments that nothing wild is put in for: how long it takes, or what only __init__ makes
TAME = {
    *("progress", "n_jobs", "training", "use_bias", "restore_best_weights", "persistent", "state"),
    *("cls", "conditions", "folder", "axes", "figure", "topics"),
}
# What takes long is tried less often
SLOW = r"lab\.(diagnostics\.(layer|training)_figure|transfer\..*|claims\..*|experiments\..*)"
# Arguments that others need
ALWAYS = {"limit", "tuning_seeds", "tuning_metric"}
UNBOUNDED = {
    *("epochs", "samples", "k", "seeds", "head_epochs", "digits", "initial_epoch", "units"),
    *("filters", "outputs", "rates", "batch_size", "tuning_seeds", "power", "smallest"),
}


# ----------------------------------------------------------------------------------------------
# Arguments that do not


class OopsError(Exception):
    """What a reader's function raises."""


class NoFloat:
    def __float__(self):
        raise OopsError

    def __repr__(self):
        return "NoFloat()"


def oops(*arguments, **options):
    raise OopsError


RECORD = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
HUGE = (10**18, 2**63, 10**400, 1e300, -(2**63), sys.maxsize)
# fmt: off
WILD = (
    *(None, True, False, -1, 0, -0.5, 0.5, 5e-324, math.nan, math.inf, -math.inf, 1 + 2j),
    *(np.float64("nan"), np.float32(0.5), np.int64(-3), np.bool_(True), np.complex64(1j)),
    *("", "x", "relu", b"bytes", object(), NoFloat(), float, slice(3), Ellipsis),
    *(np.array(0.5), np.array(3), np.array("x"), np.empty(0), np.empty((0, 3)), np.empty((3, 0))),
    *(np.ones((1,) * 12), np.ones(7), np.ones((3, 4, 5)), np.arange(6), np.eye(3, dtype=bool)),
    *(np.ones((4, 3), complex), np.array([1, None, "x"], object), np.array(["a", "b"])),
    *(np.array(["2020-01-01"], "M8[D]"), np.array([5], "m8[s]"), RECORD, RECORD.dtype),
    *(np.ma.masked_greater(np.arange(12.0).reshape(4, 3), 5), np.ones((4, 3), np.longdouble)),
    *(np.full((4, 3), np.nan), np.full((4, 3), -np.inf), np.full((4, 3), 1.7e308)),
    *(np.full((4, 3), -3e38, np.float32), np.full((4, 3), 6e4, np.float16), memoryview(b"abc")),
    *(np.full(3, 1.7e308), np.full(3, np.nan), -np.ones(3), np.ones((3, 3), np.int8)),
    *([], [1.0, 2.0], [[1], [2, 3]], [[1, 2], [3, 4]], ["a"], (None,), (3, -1)),
    *((10**18,), (2,) * 99, (10**12, 10**12), (2.5, 1), range(3)),
    *({}, {"a": 1}, {1, 2}, {"variant": {"seed": 1}}),
    *(len, oops, lambda *a, **o: None, lambda *a, **o: "nonsense", np.random),
    *(np.random.RandomState(0), Path("nowhere"), network.Dense, 42),
    *(GradientDescent(), schedules.PowerDecay(0.1, 5)),
    *(pd.Series([1.0, 2.0]), pd.Series(["a"]), pd.DataFrame({"a": [1]})),
)
# fmt: on


def wild(case, parameter):
    values = WILD if parameter in UNBOUNDED else WILD + HUGE
    value = case.choose(*values)
    with contextlib.suppress(Exception):
        return copy.deepcopy(value)
    return value


# ----------------------------------------------------------------------------------------------
# What must hold


def fixed(value):
    """Something that is equal only if the value is the same, to the last bit."""
    match value:
        case np.random.Generator():
            return None  # may be drawn from
        case np.ndarray() if value.dtype.hasobject:
            return value.shape, repr(value)
        case np.ndarray() | np.generic():
            return value.shape, value.dtype, value.tobytes()
        case list() | tuple():
            return type(value), [fixed(part) for part in value]
        case dict():
            return [(name, fixed(part)) for name, part in value.items()]
        case pd.DataFrame() | pd.Series():
            return value.to_csv()
        case network.Sequential():
            return fixed([*value.get_weights(), [layer.trainable for layer in value.layers]])
        case network.Layer():
            return fixed([value.weights, value.statistics, value.configuration()])
        case pretraining.RestrictedBoltzmannMachine():
            return fixed(value.weights)
        case Optimizer():
            return value.t, fixed(value.state), fixed(value.learning_rate)
    return repr(value) if isinstance(value, int | float | str | set) else id(value)


def arrays(value):
    """All arrays and numbers in a result or in arguments."""
    match value:
        case np.ndarray() | np.generic() | float() | int() | complex():
            yield np.asarray(value) if abs(size(value)) < 2**63 else np.asarray(1e300)
        case list() | tuple():
            for part in value:
                yield from arrays(part)
        case dict():
            yield from arrays(list(value.values()))
        case pd.DataFrame() | pd.Series():
            yield from (np.asarray(c) for c in np.asarray(value).T)
        case network.Sequential():
            yield from value.get_weights()


def size(value):
    return value if type(value) is int else 0


def finite(value):
    return all(np.isfinite(a).all() for a in arrays(value) if a.dtype.kind in "fc")


def without_nan(value):
    return not any(np.isnan(a).any() for a in arrays(value) if a.dtype.kind in "fc")


@contextlib.contextmanager
def time_limit(what):
    def stop(*_):
        pytest.fail(f"{what} hangs", pytrace=False)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


OWN_WORDS = re.compile(r"\b(received|must|expected|needs?|expects|argument should be)\b")


def documented(error, function, of_reader=False):
    """Whether an error says what came, is announced in the docstring, or a reader's function's."""
    if isinstance(error, OopsError) or (of_reader and isinstance(error, TypeError)):
        return True
    names = announced(function) - {"ValueError", "TypeError"}
    if type(error).__name__ in names or isinstance(error, OSError):  # the file is not there
        return True
    return isinstance(error, ValueError | TypeError) and bool(OWN_WORDS.search(str(error)))


def like(function):
    """The argument that the result is said to be an array like, or None."""
    section = re.search(
        r"^Returns\n-+\n(.*?)(?=\n\n|\Z)", inspect.getdoc(function) or "", re.M | re.S
    )
    found = re.match(r"array like (\w+)$", section[1].split("\n")[0]) if section else None
    return found[1] if found else None


def parameters(function):
    signature = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p for p in signature if p.name != "self" and p.kind not in kinds]


def arguments_for(owner, function, case):
    """Arguments that fit: all required ones, and some of the others."""
    return {
        p.name: fitting(owner, p.name)(case)
        for p in parameters(function)
        if p.default is p.empty or p.name in ALWAYS or case.draw(st.booleans())
    }


def attempt(name, function, arguments, target=None, owner=None):
    """Call a function, and see that all holds that must."""
    document, fits = NAMES.get(name) or function, target is None
    before, state = fixed(arguments), fixed(owner)
    shown = f"{name}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
    result, failed = None, False
    with (
        time_limit(shown),
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("always")
        try:
            result = function(**arguments)
            if isinstance(result, Iterator):
                result = list(result)
        except Exception as error:
            failed = True
            of_reader = callable(arguments.get(target))
            right = announced(document) - {"ValueError"} if fits else None
            if not documented(error, document, of_reader) or (
                right is not None and type(error).__name__ not in right
            ):
                pytest.fail(f"{shown} raises {type(error).__name__}: {error}")
    plt.close("all")
    alarms = [w for w in caught if not issubclass(w.category, DeprecationWarning)]
    if failed and target != "clip":  # which is called in the middle of a training
        assert fixed(owner) == state, f"{shown} fails and changes the object"
    changed = {} if failed else IN_PLACE.get(name, ())
    for (key, now), (_, old) in zip(fixed(arguments), before, strict=True):
        assert key in changed or now == old, f"{shown} changes {key}"
    if failed:
        return
    if fits:
        assert not alarms, f"{shown} warns: {alarms[0].message}"
        assert finite(result) or "NaN" in document.__doc__, f"{shown} returns {result!r}"
        if original := like(document):
            given = arguments[original]
            dtype = np.result_type(
                *[
                    a
                    for a in arguments.values()
                    if isinstance(a, np.ndarray | np.floating)
                    and np.ndim(a)
                    and a.dtype.kind == "f"
                ]
                or [given]
            )
            assert np.shape(result) == np.shape(given), f"{shown} has shape {np.shape(result)}"
            assert result.dtype == dtype, f"{shown} is {result.dtype}"
    elif finite(list(arguments.values())) and not alarms and "NaN" not in document.__doc__:
        assert without_nan(result), f"{shown} returns {result!r}"


@pytest.fixture
def count(record_property):
    """Count one more case at each call."""
    cases = Counter()
    yield lambda: cases.update(["fuzz cases"])
    for what, number in cases.items():
        record_property(what, number)


@pytest.mark.parametrize("name", TRIED)
def test_any_arguments(name, count):
    @each_name(max_examples=DEEP or (8 if re.fullmatch(SLOW, name) else 30))
    @given(st.data())
    def cases(data):
        case = Case(data.draw)
        if name in METHODS:
            owner = METHODS[name](case)
            function = getattr(owner, name.rpartition(".")[2])
        else:
            owner, function = None, NAMES[name]
        arguments = arguments_for(name, function, case)
        open_to = [None, *(key for key in arguments if key not in TAME)] * 2
        target = case.choose(*open_to[1:], None)
        if target is not None:
            arguments[target] = wild(case, target)
        count()
        attempt(name, function, arguments, target, owner)

    cases()


#: What only runs with FUZZ found, tried each time: the last argument does not fit, or hardly.
FOUND = {
    "activations.softmax": {"z": np.ones((4, 3)), "axis": True},
    "constraints.max_norm": {"w": np.ones((4, 3)), "limit": 10**400},
    "lab.claims.load": {"path": ""},
    "lab.claims.recorded_decisions": {"notebook": ""},
    "lab.diagnostics.signal_theory": {
        "activation": None,
        "activation_gradient": None,
        "weight_variances": [0.1],
        "widths": [3, 4],
        "mean_square_input": 10**400,
    },
    "lab.experiments.run_calls": {"function": measure, "calls": np.array("x")},
    "lab.experiments.tune": {
        "function": measure,
        "variants": {"a": {}},
        "rates": [0.1],
        "metric": "accuracy",
        "seeds": [],
    },
    "lab.studies.Study": {
        "question": "Is it so?",
        "run": measure,
        "variants": {"a": {}},
        "seeds": [1],
        "learning_rates": [0.1],
        "tuning_seeds": [2],
        "tuning_metric": np.ones(3),
    },
    "network.model.Sequential.fit": {
        "x": np.ones((6, 3)),
        "y": [0, 1, 2, 0, 1, 2],
        "optimizer": sgd(),
        "epochs": 1,
        "clip": lambda gradients: "nonsense",
    },
    "schedules.PowerDecay.__call__": {"step": -3},
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(name, count):
    owner = METHODS[name](None) if name in METHODS else None
    function = getattr(owner, name.rpartition(".")[2]) if owner else NAMES[name]
    count()
    attempt(name, function, FOUND[name], [*FOUND[name]][-1], owner)


# ----------------------------------------------------------------------------------------------
# check: a reader's function may do anything


def spoil(*arguments, **options):
    """Change every argument that can be changed."""
    for value in arguments:
        if isinstance(value, np.ndarray):
            value[...] = 7
    return arguments[0]


def endless(*arguments, **options):
    return endless(*arguments, **options)


class Anything:
    """Does not even say what it is."""

    def __getattr__(self, name):
        raise OopsError

    def __repr__(self):
        raise OopsError


NONSENSE = {
    **{
        f"returns {value!r}": lambda *a, _value=value, **o: _value
        for value in (
            *(None, "text", b"bytes", object, {}, {"a": None}, set(), (), [[1], [2, 3]], 1j, True),
            *(math.nan, math.inf, 10**400, -1, slice(2), Ellipsis, NoFloat()),
            *(np.empty(0), np.empty((0, 3)), np.ones((2, 2, 2)), np.ones(1, complex), RECORD),
            *(np.array(["a"]), np.array([None]), np.array("2020", "M8"), np.full(3, np.nan)),
        )
    },
    "returns its arguments": lambda *a, **o: a,
    "returns a generator": lambda *a, **o: (x for x in a),
    "returns itself": endless.__class__,
    "returns masked numbers": lambda x, *a, **o: np.ma.masked_invalid(np.ones(3)),
    "returns an object": lambda *a, **o: Anything(),
    "returns half": lambda x, *a, **o: np.asarray(x, np.float16),
    "returns a list": lambda x, *a, **o: np.asarray(x).tolist() if np.ndim(x) else [x],
    "raises": oops,
    "never ends": endless,
    "takes nothing": lambda: 1,
    "changes its arguments": spoil,
    "is no function": 42,
}


class Rule:
    """An optimizer's rule, or what should be one."""

    def __init__(self, init=None, update=None):
        self.init, self.update = init or (lambda w: ()), update or (lambda *a: (a[0], ()))


CHECKS = {
    "activation": [
        lambda f: check.activation(f, tanh_grad, "tanh"),
        lambda f: check.activation(tanh, f, "tanh"),
        lambda f: check.activation(f, None, "softmax"),
        lambda f: check.activation(f, f, "prelu"),
    ],
    "initializer": [
        lambda f: check.initializer(f, "he_normal"),
        lambda f: check.initializer(f, "orthogonal"),
    ],
    "batch_norm": [
        lambda f: check.batch_norm(f, batch_norm_backward),
        lambda f: check.batch_norm(batch_norm, f),
        lambda f: check.batch_norm(batch_norm, batch_norm_backward, inference=f),
        lambda f: check.batch_norm(batch_norm, batch_norm_backward, update_moving=f),
    ],
    "clipping": [
        lambda f: check.clipping(f, "clip_by_norm"),
        lambda f: check.clipping(f, "clip_by_global_norm"),
    ],
    "dropout": [
        lambda f: check.dropout(f, "dropout"),
        lambda f: check.dropout(f, "alpha_dropout"),
    ],
    "optimizer": [
        lambda f: check.optimizer(Rule(update=f), Adam()),
        lambda f: check.optimizer(Rule(init=f), Momentum()),
        lambda f: check.optimizer(f, Adam()),
    ],
    "schedule": [
        lambda f: check.schedule(f, schedules.PowerDecay(0.1, 5)),
        lambda f: check.schedule(f, schedules.OneCycle(0.1, 1, 10)),
        lambda f: check.schedule(f, schedules.ReduceOnPlateau(0.1)),
    ],
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_survives_any_function(name, count):
    for call in CHECKS[name]:
        for what, f in NONSENSE.items():
            count()
            with time_limit(f"check.{name} of a function that {what}"), warnings.catch_warnings():
                warnings.simplefilter("error")
                report = call(f)
                assert not report, f"check.{name}: a function that {what} is right:\n{report}"
                assert report._repr_html_()


@pytest.mark.parametrize("name", sorted(CHECKS.keys() - {"batch_norm"}))
def test_a_check_refuses_any_other_model(name, count):
    for value in WILD:
        if isinstance(value, GradientDescent | schedules.PowerDecay | str):
            continue
        count()
        with pytest.raises(ValueError, match="like must be"):
            getattr(check, name)(tanh, *([tanh] if name == "activation" else []), value)


# ----------------------------------------------------------------------------------------------
# keras: few cases, for each call takes long


def keras_names():
    import keras

    import companion.keras as ours
    from companion.initializers import he_normal

    def small(*layers):
        return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2)])

    return {
        "KerasInitializer": (ours.KerasInitializer, {"function": he_normal, "seed": 1}),
        "KerasRule": (ours.KerasRule, {"rule": Adam(), "learning_rate": 0.1}),
        "KerasSchedule": (
            ours.KerasSchedule,
            {"schedule": schedules.PowerDecay(0.1, 5), "steps": 3},
        ),
        "MCAlphaDropout": (ours.MCAlphaDropout, {"rate": 0.5}),
        "MCDropout": (ours.MCDropout, {"rate": 0.5}),
        "OneCycle": (ours.OneCycle, {"schedule": schedules.PowerDecay(0.1, 5), "momentum": None}),
        "Swish": (ours.Swish, {"beta": 1.0}),
        "to_keras": (ours.to_keras, {"model": model()}),
        "copy_weights": (ours.copy_weights, {"source": small(), "target": small()}),
        "fold_batch_norm": (ours.fold_batch_norm, {"model": small()}),
        "diagnose": (ours.diagnose, {"model": small(), "x": np.ones((8, 3)), "y": np.ones(8)}),
    }


def test_keras(count):
    import companion.keras

    names = keras_names()
    assert set(names) == set(companion.keras.__all__)
    for name, (function, arguments) in names.items():
        if hasattr(function, "from_config"):
            made = function(**arguments)
            again = function.from_config(made.get_config())
            assert again.get_config() == made.get_config()
        values = [v for v in WILD if not isinstance(v, bool)]
        for key in arguments:
            few = values[:: 40 if name == "diagnose" else 1]
            for value in few + (list(HUGE) if key not in ("steps", "x", "y") else []):
                shown = f"{name}({key}={value!r})"
                count()
                with warnings.catch_warnings(), time_limit(shown):
                    warnings.simplefilter("ignore")
                    try:
                        function(**{**arguments, key: value})
                    except Exception as error:
                        if not documented(error, function, callable(value)):
                            pytest.fail(f"{shown} raises {error!r}")
