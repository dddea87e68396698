"""The compiled loop equals NumPy's evaluation to the last bit, or stands back."""

import dataclasses
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from companion import fused, optimizers
from companion.optimizers import (
    GradientDescent,
    Momentum,
    Optimizer,
)

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Compile before the first step, and begin each test with nothing known."""
    monkeypatch.setattr(fused, "WORTHWHILE", 0)
    monkeypatch.setattr(fused, "_stepped", defaultdict(float))


@pytest.fixture
def no_blocks(monkeypatch):
    def fail(*arguments):
        raise AssertionError("the step was taken in blocks")

    monkeypatch.setattr(optimizers, "_step_in_blocks", fail)


def wide(rng, shape, dtype):
    """Numbers from the denormals to where squares overflow, with zeros, infinities and NaN."""
    limit = np.log10(np.finfo(dtype).max)
    values = rng.choice([-1, 1], shape) * 10 ** rng.uniform(-limit - 5, 0.6 * limit, shape)
    values[:4] = 0, -0.0, np.inf, np.nan
    return values.astype(dtype)


def bits(array):
    return np.where(np.isnan(array), np.nan, array).tobytes()  # NaN has many


# ---- equality -------------------------------------------------------------------------------


@each_dtype
def test_the_loop_is_the_rule_to_the_last_bit(rule, dtype, no_blocks):
    rng = np.random.default_rng(0)
    weights = wide(rng, 10_001, dtype)
    whole, state = weights.copy(), rule.init(weights)
    rates = [0.1, 0.1, 1e-3, 1e4, 0.0, 1 / 3]
    optimizer = Optimizer(rule, lambda step: rates[step])
    with np.errstate(all="ignore"):
        for t, rate in enumerate(rates, start=1):
            gradient = wide(rng, weights.shape, dtype)
            step, state = rule.update(gradient, state, whole, t, rate)
            whole -= step
            optimizer.step(weights, gradient)
            assert bits(weights) == bits(whole)
            for ours, expected in zip(optimizer.state, state, strict=True):
                assert type(ours) is type(expected)
                assert bits(np.asarray(ours)) == bits(np.asarray(expected))
    assert np.isfinite(weights).sum() > 1000


def test_blocks_then_the_loop_are_all_blocks(rule, monkeypatch):
    rng = np.random.default_rng(1)
    first, second = (np.ones(50, np.float32) for _ in range(2))
    mixed, blocks = Optimizer(rule, 0.01), Optimizer(rule, 0.01)
    for t in range(6):
        gradient = rng.standard_normal(50).astype(np.float32)
        monkeypatch.setattr(fused, "WORTHWHILE", 0 if t >= 3 else np.inf)
        mixed.step(first, gradient)
        monkeypatch.setattr(fused, "WORTHWHILE", np.inf)
        blocks.step(second, gradient)
        assert_array_equal(first, second)


def test_the_gradient_may_be_strided_or_the_weights_themselves(no_blocks):
    weights, gradients = np.zeros((3, 2)), np.arange(6.0).reshape(2, 3)
    Optimizer(GradientDescent(), 1.0).step(weights, gradients.T)
    assert_array_equal(weights, -gradients.T)
    Optimizer(Momentum(), 0.5).step(weights, weights)
    assert_array_equal(weights, -gradients.T / 2)


@pytest.mark.parametrize("shape", [(), (0,), (2, 1, 3)])
def test_any_shape(shape, no_blocks):
    weights = np.full(shape, 3.0)
    Optimizer(GradientDescent(), 0.5).step(weights, np.full(shape, 2.0))
    assert_array_equal(weights, np.full(shape, 2.0))


class Rule:
    """A reader's own rule, with one array as its state, written as a function."""

    def __init__(self, function):
        self.function = function

    def init(self, weights):
        return (np.ones_like(weights),)

    def update(self, gradient, state, weights, t, learning_rate):
        return self.function(gradient, state[0], weights, t)


def take_steps(function, dtype=np.float64, steps=3):
    """Weights and state after some steps."""

    class Own(Rule):  # a type of its own: what is known of one rule says nothing of another
        pass

    weights = np.array([0.25, -1.0, 8.0], dtype)
    optimizer = Optimizer(Own(function), 1.0)
    for _ in range(steps):
        optimizer.step(weights, np.array([1.0, -2.0, 0.5], dtype))
    return weights, optimizer.state[0]


TRACED = {
    "keeps the old weights": lambda g, s, w, t: (g + s, (w,)),
    "keeps the gradient": lambda g, s, w, t: (s, (g,)),
    "leaves the state": lambda g, s, w, t: (s * w, (s,)),
    "every operator": lambda g, s, w, t: (abs(1 - (2 + g)) / (-w - 3) * (4 / s), (s + 1,)),
    "every function": lambda g, s, w, t: (
        np.maximum(np.absolute(g), np.sqrt(np.square(w))),
        (np.negative(np.subtract(np.divide(s, 3), np.multiply(g, w))),),
    ),
    "NumPy's number of its dtype": lambda g, s, w, t: (np.sqrt(np.abs(g)) * 0.3, (s,)),
    "depends on t": lambda g, s, w, t: (g if t == 1 else g * s, (s * 0.1**t,)),
}


@pytest.mark.parametrize("name", TRACED)
def test_own_rules(name, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fused, "WORTHWHILE", np.inf)
        expected = take_steps(TRACED[name])
    monkeypatch.setattr(optimizers, "_step_in_blocks", None)
    for ours, blocks in zip(take_steps(TRACED[name]), expected, strict=True):
        assert_array_equal(ours, blocks)


# ---- standing back --------------------------------------------------------------------------


def branch(g, s, w, t):
    return (g, (s,)) if g is w or (g * s) is None or bool((g < 0).any()) else (w, (s,))


def in_place(g, s, w, t):
    np.multiply(s, 2, out=s)
    return g * s, (s,)


NOT_TRACED = {
    "another function": lambda g, s, w, t: (np.sign(g), (np.exp(s),)),
    "a condition": branch,
    "a choice": lambda g, s, w, t: (np.where(g > 0, g, w), (s,)),
    "a sum": lambda g, s, w, t: (g * np.add.reduce(np.ones(2)) + 0 * np.sum(s), (s,)),
    "a size": lambda g, s, w, t: (g / g.ndim, (s,)),
    "values": lambda g, s, w, t: (np.asarray(g) * 2, (s,)),
    "truth": lambda g, s, w, t: (g, (s,)) if g is not None and s[:1] else (w, (s,)),
    "a cube": lambda g, s, w, t: (g**3, (s,)),
    "in place": in_place,
    "NumPy's number": lambda g, s, w, t: (np.float64(0.1) * g, (s,)),
    "an array of its own": lambda g, s, w, t: (np.full(3, 2.0) * g, (s,)),
    "a number for an array": lambda g, s, w, t: (0.5, (s,)),
}


@pytest.mark.parametrize("name", NOT_TRACED)
def test_what_is_more_than_arithmetic_is_left_to_numpy(name, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fused, "WORTHWHILE", np.inf)
        expected = take_steps(NOT_TRACED[name])
    for ours, blocks in zip(take_steps(NOT_TRACED[name]), expected, strict=True):
        assert_array_equal(ours, blocks)
    assert list(fused._stepped.values())[-1] == -np.inf  # and is not tried again


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f8"])
def test_other_dtypes_are_left_to_numpy(dtype):
    weights = np.array([1.0, 2.0], dtype)
    Optimizer(GradientDescent(), 0.5).step(weights, weights.copy())
    assert weights.tolist() == [0.5, 1.0]
    assert set(fused._stepped.values()) == {-np.inf}


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    fused._compile.cache_clear()
    weights = np.ones(2)
    Optimizer(GradientDescent(), 0.5).step(weights, np.ones(2))
    assert weights.tolist() == [0.5, 0.5]


def test_the_rules_own_errors_are_raised():
    def wrong(g, s, w, t):
        raise ArithmeticError("of its own")

    with pytest.raises(ArithmeticError, match="of its own"):
        take_steps(wrong)


# ---- cost -----------------------------------------------------------------------------------


def test_compiled_once_whatever_changes(rule, no_blocks):
    fused._compile.cache_clear()
    schedules = {
        field.name: lambda step, default=field.default: default / (1 + step)
        for field in dataclasses.fields(rule)
    }
    for size, rate in ((5, 0.1), (7, 0.2)):
        optimizer = Optimizer(rule, lambda step, rate=rate: rate / (1 + step), schedules=schedules)
        weights = np.ones(size)
        for _ in range(4):
            optimizer.step(weights, weights.copy())
    assert fused._compile.cache_info().misses == 1


def test_short_trainings_do_not_import_numba():
    code = """
import sys
import numpy as np
from companion import fused
from companion.optimizers import Adam, Optimizer
fused.WORTHWHILE = 30
optimizer, weights = Optimizer(Adam(), 0.1), np.ones(10)
for _ in range(4):
    print("numba" in sys.modules)
    optimizer.step(weights, np.ones(10))
"""
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.split() == ["False", "False", "False", "True"]
