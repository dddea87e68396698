import dataclasses
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from companion import fused, optimizers
from companion.optimizers import (
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    RMSProp,
)

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def in_blocks(monkeypatch):
    """Keep to NumPy, however much other files have stepped; test_fused.py has the compiled loop."""
    monkeypatch.setattr(fused, "WORTHWHILE", math.inf)


def spread(rng, shape, dtype=np.float64):
    """Numbers of both signs from 1e-6 to 1."""
    return (rng.choice([-1, 1], shape) * 10 ** rng.uniform(-6, 0, shape)).astype(dtype)


# ---- live comparison with Keras -------------------------------------------------------------

# Keras rounds hyperparameters to float32; these are exact there.
BETAS = {"beta_1": 0.875, "beta_2": 0.984375, "epsilon": 2.0**-20}

KERAS = {
    "GradientDescent": (GradientDescent(), "SGD", {}),
    "Momentum": (Momentum(0.875), "SGD", {"momentum": 0.875}),
    "Nesterov": (Nesterov(0.875), "SGD", {"momentum": 0.875, "nesterov": True}),
    "AdaGrad": (
        AdaGrad(initial_accumulator_value=0.125, epsilon=2.0**-10),
        "Adagrad",
        {"initial_accumulator_value": 0.125, "epsilon": 2.0**-10},
    ),
    "AdaGrad, small accumulator": (
        AdaGrad(initial_accumulator_value=2.0**-20, epsilon=2.0**-20),
        "Adagrad",
        {"initial_accumulator_value": 2.0**-20, "epsilon": 2.0**-20},
    ),
    "RMSProp": (
        RMSProp(rho=0.875, epsilon=2.0**-20),
        "RMSprop",
        {"rho": 0.875, "epsilon": 2.0**-20},
    ),
    "Adam": (Adam(**BETAS), "Adam", BETAS),
    "AdaMax": (AdaMax(**BETAS), "Adamax", BETAS),
    "Nadam": (Nadam(**BETAS), "Nadam", BETAS),
    "AdamW": (AdamW(**BETAS, weight_decay=0.25), "AdamW", {**BETAS, "weight_decay": 0.25}),
    "AdamW, no decay": (AdamW(**BETAS, weight_decay=0), "AdamW", {**BETAS, "weight_decay": 0.0}),
}


@pytest.mark.parametrize("name", KERAS)
def test_equals_keras(keras, name, monkeypatch):
    rule, keras_name, arguments = KERAS[name]
    if name == "Nadam":
        cast_floats_exactly(keras, monkeypatch)
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(300)
    scale = 10 ** rng.uniform(-6, 0, weights.shape)  # one size of gradients for each weight

    variable = keras.Variable(weights, dtype="float64")
    theirs = getattr(keras.optimizers, keras_name)(learning_rate=0.5, **arguments)
    rates = [2.0 ** -(step % 7) for step in range(50)]
    ours = Optimizer(rule, lambda step: rates[step])

    for rate in rates:
        gradient = scale * rng.standard_normal(weights.shape)
        before = weights.copy()
        ours.step(weights, gradient)
        theirs.learning_rate = rate
        theirs.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        step, expected = weights - before, variable.numpy() - before
        assert_allclose(step, expected, rtol=1e-10, atol=1e-14)
        assert_allclose(weights, variable.numpy(), rtol=1e-10)


def cast_floats_exactly(keras, monkeypatch):
    """Keep Keras from rounding Nadam's constant 0.96 to float32: 2.5e-7 after these 50 steps."""
    ops = keras.src.optimizers.nadam.ops
    cast = ops.cast

    def exact_cast(x, dtype):
        return ops.convert_to_tensor(x, dtype) if isinstance(x, float) else cast(x, dtype)

    monkeypatch.setattr(ops, "cast", exact_cast)


def test_defaults_are_keras_defaults(keras, rule):
    name = type(rule).__name__
    if name in {"GradientDescent", "Momentum", "Nesterov"}:
        name = "SGD"  # whose momentum is 0
    names = {"AdaGrad": "Adagrad", "RMSProp": "RMSprop", "AdaMax": "Adamax"}
    config = getattr(keras.optimizers, names.get(name, name))().get_config()
    for field, value in dataclasses.asdict(rule).items():
        assert value == config.get(field, value), (name, field)


# ---- hand-worked arithmetic -----------------------------------------------------------------

WORKED = [
    # step = rate g
    (GradientDescent(), [1, -2], 0.5, [0.5, -1]),
    # v = -0.25, then 0.5 (-0.25) - 0.25 = -0.375; step = -v
    (Momentum(0.5), [1, 1], 0.25, [0.25, 0.375]),
    # as v; step = 0.25 - 0.5 v: 0.25 + 0.125, then 0.25 + 0.1875
    (Nesterov(0.5), [1, 1], 0.25, [0.375, 0.4375]),
    # s + epsilon = 0 + 9 + 16 = 25, then 25 + 144 = 169; step = 10 g / root
    (AdaGrad(initial_accumulator_value=0, epsilon=16), [3, 12], 10, [30 / 5, 120 / 13]),
    # s = 0.75 4 = 3, + 1 = 4: 2/2; then s = 0.25 3 + 0.75 19 = 15, + 1 = 16: sqrt(19)/4
    (RMSProp(rho=0.25, epsilon=1), [2, math.sqrt(19)], 1, [1, math.sqrt(19) / 4]),
    # m = 0.5 4 = 2, s = 0.25 16 = 4; rate = sqrt(1/4) / (1/2) = 1: 2 / (2 + 2)
    # m = 1 + 2 = 3, s = 3 + 4 = 7; rate = sqrt(7/16) / (3/4) = sqrt(7) / 3: sqrt(7) / (sqrt(7) + 2)
    (Adam(0.5, 0.75, epsilon=2), [4, 4], 1, [0.5, math.sqrt(7) / (math.sqrt(7) + 2)]),
    # m = 2, s = 4: 2 / (1/2) / (4 + 4); then m = 1 - 1 = 0
    # a smaller gradient leaves the maximum decayed: m = 1 + 0.5 = 1.5, s = max(2, 1) = 2:
    # 1.5 / (3/4) / (2 + 4)
    (AdaMax(0.5, 0.5, epsilon=4), [4, 1], 1, [0.5, 2 / 6]),
    # mu_1 = 0.52 / 2 = 0.26, mu_2 = (1 - 0.4608) / 2 = 0.2696; m = 2, s = 4, s_hat = 16:
    # m_hat = 0.2696 2 / (1 - 0.26 0.2696) + 0.74 4 / 0.74; step = m_hat / (4 + 4)
    (Nadam(0.5, 0.75, epsilon=4), [4], 1, [(0.5392 / (1 - 0.070096) + 4) / 8]),
    # Adam's step, and 0.5 0.25 times the weight 8
    (AdamW(0.5, 0.75, epsilon=2, weight_decay=0.25), [4], 0.5, [0.25 + 1]),
]


@pytest.mark.parametrize(("rule", "gradients", "rate", "steps"), WORKED)
def test_hand_worked(rule, gradients, rate, steps):
    weights = np.array([8.0])
    state = rule.init(weights)
    for t, (gradient, expected) in enumerate(zip(gradients, steps, strict=True), start=1):
        step, state = rule.update(np.array([float(gradient)]), state, weights, t, rate)
        assert step.item() == pytest.approx(expected, rel=1e-14)


def test_numbers_of_the_docstrings():
    def first_step(rule, g):
        g = np.array([g])
        return rule.update(g, rule.init(g), g, 1, 1.0)[0].item()

    # PyTorch's AdaGrad; RMSProp and Adam with epsilon = 1e-7 added to the root, the latter's
    # corrected
    g = 1e-3
    assert g / (math.sqrt(g**2) + 1e-10) == pytest.approx(1, abs=1e-6)
    assert first_step(AdaGrad(), g) == pytest.approx(0.0032, abs=5e-5)
    g = 1e-4
    assert g / (math.sqrt(0.1 * g**2) + 1e-7) == pytest.approx(3.15, abs=5e-3)
    assert first_step(RMSProp(), g) == pytest.approx(0.31, abs=5e-3)
    g = 1e-6
    assert g / (math.sqrt(g**2) + 1e-7) == pytest.approx(0.91, abs=5e-3)
    assert first_step(Adam(), g) == pytest.approx(0.24, abs=5e-3)
    assert 1 / math.sqrt(1 - 0.999) == pytest.approx(32, abs=0.5)
    # Nadam's momentum at t = 100, in Keras and in PyTorch
    beta_1 = Nadam().beta_1
    assert beta_1 * (1 - 0.5 * 0.96**100) == pytest.approx(0.892, abs=5e-4)
    assert beta_1 * (1 - 0.5 * 0.96**0.4) == pytest.approx(0.457, abs=5e-4)


def test_momentum_reaches_its_terminal_velocity():
    weights, gradient = np.zeros(1), np.ones(1)
    optimizer = Optimizer(Momentum(0.75), 0.5)
    for _ in range(200):
        before = weights.copy()
        optimizer.step(weights, gradient)
    assert before - weights == pytest.approx(0.5 / (1 - 0.75))


def test_nesterov_is_the_textbooks_form_at_the_look_ahead_point():
    curvature = np.array([1.0, 25.0])
    rates = [0.01, 0.03, 0.005] * 10
    theta, m, beta = np.array([1.0, 1.0]), np.zeros(2), 0.75
    weights, optimizer = theta.copy(), Optimizer(Nesterov(beta), lambda step: rates[step])
    for rate in rates:
        m = beta * m - rate * curvature * (theta + beta * m)
        theta = theta + m
        optimizer.step(weights, curvature * weights)
        assert_allclose(weights, theta + beta * m, rtol=1e-12, atol=1e-15)


def test_adam_and_adamw_differ_by_the_decay_alone():
    rng = np.random.default_rng(2)
    weights, gradient = rng.standard_normal((2, 50))
    state = Adam().init(weights)
    adam, _ = Adam().update(gradient, state, weights, 1, 0.01)
    adamw, _ = AdamW(weight_decay=0.5).update(gradient, state, weights, 1, 0.01)
    assert_allclose(adamw - adam, 0.01 * 0.5 * weights, rtol=1e-12)


# ---- properties of every rule ---------------------------------------------------------------


@each_dtype
def test_dtype_and_shape_are_kept(rule, dtype):
    rng = np.random.default_rng(3)
    weights, gradient = spread(rng, (5, 3), dtype), spread(rng, (5, 3), dtype)
    state = rule.init(weights)
    for t in (1, 2):
        step, state = rule.update(gradient, state, weights, t, 0.01)
        assert step.dtype == dtype
        assert step.shape == weights.shape
        for value in state:
            if isinstance(value, np.ndarray):
                assert value.dtype == dtype
                assert value.shape == weights.shape
            else:
                assert type(value) is float


def test_numpy_scalars_do_not_turn_float32_into_float64(rule):
    fields = {name: np.float64(value) for name, value in dataclasses.asdict(rule).items()}
    rule = dataclasses.replace(rule, **fields)
    weights, gradient = np.ones(3, np.float32), np.ones(3, np.float32)
    optimizer = Optimizer(rule, np.float64(0.01))
    for _ in range(2):
        optimizer.step(weights, gradient)
        optimizer.t = np.int64(optimizer.t)
        step, _ = rule.update(gradient, optimizer.state, weights, 2, 0.01)
        assert step.dtype == np.float32
        assert {v.dtype for v in optimizer.state if isinstance(v, np.ndarray)} <= {step.dtype}


def test_arguments_are_not_mutated(rule):
    rng = np.random.default_rng(4)
    weights, gradient = spread(rng, (2, 40))
    _, state = rule.update(gradient, rule.init(weights), weights, 1, 0.5)
    arrays = [weights, gradient, *(v for v in state if isinstance(v, np.ndarray))]
    copies = [array.copy() for array in arrays]
    rule.update(gradient, state, weights, 2, 0.5)
    for array, copy in zip(arrays, copies, strict=True):
        assert_array_equal(array, copy)
    Optimizer(rule, 0.5).step(weights.copy(), gradient)
    assert_array_equal(gradient, copies[1])


def test_initial_state_depends_on_shape_and_dtype_alone(rule):
    rng = np.random.default_rng(5)
    for ours, zeros in zip(
        rule.init(rng.standard_normal((4, 2))), rule.init(np.zeros((4, 2))), strict=True
    ):
        assert_array_equal(ours, zeros)


@each_dtype
@pytest.mark.parametrize("block", [1, 7, 50, 1000])
def test_block_by_block_is_the_whole_to_the_last_bit(rule, dtype, block, monkeypatch):
    monkeypatch.setattr(optimizers, "_BLOCK", block)
    rng = np.random.default_rng(6)
    weights = spread(rng, (10, 15), dtype)
    whole, state, optimizer = weights.copy(), rule.init(weights), Optimizer(rule, 0.01)
    for t in range(1, 6):
        gradient = spread(rng, weights.shape, dtype)
        step, state = rule.update(gradient, state, whole, t, 0.01)
        whole -= step
        optimizer.step(weights, gradient)
        assert_array_equal(weights, whole)
        for ours, expected in zip(optimizer.state, state, strict=True):
            assert_array_equal(ours, expected)
            assert type(ours) is type(expected)


def test_more_weights_than_a_block(rule):
    rng = np.random.default_rng(7)
    weights = spread(rng, 2 * optimizers._BLOCK + 11, np.float32)
    whole, state, optimizer = weights.copy(), rule.init(weights), Optimizer(rule, 0.01)
    for t in (1, 2):
        gradient = spread(rng, weights.shape, np.float32)
        step, state = rule.update(gradient, state, whole, t, 0.01)
        whole -= step
        optimizer.step(weights, gradient)
    assert_array_equal(weights, whole)


def test_zero_gradient_leaves_the_weights(rule):
    weights = np.array([2.0, -0.5, 0.0])
    expected = weights.copy()
    optimizer = Optimizer(rule, 0.5)
    for _ in range(3):
        optimizer.step(weights, np.zeros(3))
        if isinstance(rule, AdamW):
            expected -= 0.5 * rule.weight_decay * expected
    assert_allclose(weights, expected, rtol=1e-15)


def test_zero_rate_leaves_the_weights(rule):
    weights = np.array([2.0, -0.5])
    Optimizer(rule, 0).step(weights, np.ones(2))
    assert_array_equal(weights, [2.0, -0.5])


@each_dtype
@pytest.mark.parametrize("size", [1e4, 1.0, 1e-30, 1e-42, 0.0])
def test_finite_for_large_and_tiny_gradients(rule, dtype, size):
    weights = np.ones(2, dtype)
    optimizer = Optimizer(rule, 0.01)
    for sign in (1, -1, 1, 1, -1):
        optimizer.step(weights, np.array([size, -size], dtype) * dtype(sign))
    assert np.isfinite(weights).all()


def test_descends_a_bowl(rule):
    curvature = np.array([1.0, 10.0])
    weights = np.array([1.0, -1.0])
    optimizer = Optimizer(rule, 0.05)
    loss = [np.sum(curvature * weights**2) / 2]
    for _ in range(100):
        optimizer.step(weights, curvature * weights)
        loss.append(np.sum(curvature * weights**2) / 2)
    assert loss[10] < loss[0]
    assert loss[100] < 0.25 * loss[0]


def test_a_rule_is_a_frozen_value(rule):
    assert rule == type(rule)()
    assert hash(rule) == hash(type(rule)())
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.beta = 0.5


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 5))
def test_elementwise_and_odd(rule, seed, steps):
    """Shuffled weights are shuffled alike, and a mirrored loss is descended mirrored."""
    rng = np.random.default_rng(seed)
    order, sign = rng.permutation(12), rng.choice([-1.0, 1.0], 12)
    weights = spread(rng, 12)
    mirrored = (sign * weights)[order]
    first, second = Optimizer(rule, 0.1), Optimizer(rule, 0.1)
    for _ in range(steps):
        gradient = spread(rng, 12)
        first.step(weights, gradient)
        second.step(mirrored, (sign * gradient)[order])
    assert_array_equal(mirrored, (sign * weights)[order])


@pytest.mark.parametrize("rule", [Adam(), AdaMax(), Nadam()], ids=lambda r: type(r).__name__)
@settings(deadline=None, max_examples=25)
@given(exponent=st.integers(-3, 20))
def test_steps_do_not_depend_on_the_gradients_scale(rule, exponent):
    """A power of two changes nothing but epsilon's share."""
    rng = np.random.default_rng(8)
    rule = dataclasses.replace(rule, epsilon=1e-30)
    weights, scaled = np.zeros(20), np.zeros(20)
    first, second = Optimizer(rule, 0.1), Optimizer(rule, 0.1)
    for _ in range(4):
        gradient = spread(rng, 20)
        first.step(weights, gradient)
        second.step(scaled, 2.0**exponent * gradient)
    assert_allclose(scaled, weights, rtol=1e-12)


def test_state_and_t_continue_a_training_exactly(rule):
    rng = np.random.default_rng(9)
    gradients = spread(rng, (8, 30), np.float32)
    weights = spread(rng, 30, np.float32)
    first = Optimizer(rule, 0.1)
    for gradient in gradients[:4]:
        first.step(weights, gradient)

    file = io.BytesIO()
    np.savez(file, *first.state)
    file.seek(0)
    stored = np.load(file)
    second, copy = Optimizer(rule, 0.1), weights.copy()
    second.t = first.t
    second.state = tuple(
        stored[name] if isinstance(value, np.ndarray) else float(stored[name])
        for name, value in zip(stored.files, first.state, strict=True)
    )
    for gradient in gradients[4:]:
        first.step(weights, gradient)
        second.step(copy, gradient)
    assert_array_equal(copy, weights)


# ---- the driver -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 1, 3)])
def test_any_shape(shape):
    weights = np.ones(shape)
    Optimizer(Adam(), 0.5).step(weights, np.full(shape, 1e6))
    assert_allclose(weights, np.full(shape, 0.5))


def test_strided_gradient():
    weights, gradients = np.zeros((3, 2)), np.arange(6.0).reshape(2, 3)
    Optimizer(GradientDescent(), 1.0).step(weights, gradients.T)
    assert_array_equal(weights, -gradients.T)


def test_schedules_see_the_steps_taken_before():
    seen = []

    def schedule(step):
        seen.append(step)
        return 1 / (1 + step)

    optimizer, weights = Optimizer(GradientDescent(), schedule), np.zeros(1)
    for _ in range(3):
        optimizer.step(weights, np.ones(1))
    assert seen == [0, 1, 2]
    assert optimizer.t == 3
    assert weights.item() == pytest.approx(-(1 + 1 / 2 + 1 / 3))


def test_a_hyperparameters_schedule():
    betas = [0.5, 0.25, 0.875]
    optimizer = Optimizer(Momentum(), 1.0, schedules={"beta": lambda step: betas[step]})
    weights, velocity, expected = np.zeros(1), 0.0, 0.0
    for beta in betas:
        velocity = beta * velocity - 1.0
        expected += velocity
        optimizer.step(weights, np.ones(1))
        assert weights.item() == expected
    assert optimizer.rule == Momentum()


def test_rules_are_given_python_numbers():
    """NumPy's would turn float32 into float64."""
    seen = []

    class Recorder:
        def init(self, weights):
            return (1.0,)

        def update(self, gradient, state, weights, t, learning_rate):
            seen.extend([(type(t), t), (type(learning_rate), learning_rate), (type(state[0]), t)])
            return learning_rate * gradient, (np.float64(1.0),)

    optimizer, weights = Optimizer(Recorder(), lambda step: np.float64(0.25)), np.ones(1)
    for t in (1, 2):
        optimizer.step(weights, weights)
        assert seen == [(int, t), (float, 0.25), (float, t)]
        assert type(optimizer.state[0]) is float
        seen.clear()
        optimizer.t = np.int64(optimizer.t)  # as read from a file
        optimizer.state = (np.float64(1.0),)


def test_the_rate_can_be_changed_between_steps():
    optimizer, weights = Optimizer(GradientDescent(), 1.0), np.zeros(1)
    optimizer.step(weights, np.ones(1))
    optimizer.learning_rate = 0.25
    optimizer.step(weights, np.ones(1))
    assert weights.item() == -1.25


def test_any_object_with_the_two_methods_is_a_rule():
    class SignDescent:
        def init(self, weights):
            return ()

        def update(self, gradient, state, weights, t, learning_rate):
            return learning_rate * np.sign(gradient), ()

    weights = np.array([1.0, -1.0])
    Optimizer(SignDescent(), 0.25).step(weights, np.array([5.0, -7.0]))
    assert weights.tolist() == [0.75, -0.75]


# ---- errors, which test_errors.py provokes ----------------------------------------------------


@pytest.mark.parametrize("other", [np.ones(4), np.ones((3, 1)), np.ones(3, np.float32)])
def test_a_step_that_fails_changes_nothing(other):
    optimizer, weights = Optimizer(Momentum(), 0.1), np.ones(3)
    with pytest.raises(ValueError, match="gradient must have"):
        optimizer.step(weights, other)
    assert optimizer.t == 0
    optimizer.step(weights, np.ones(3))
    before = weights.copy()
    with pytest.raises(ValueError, match="state must have"):
        optimizer.step(other, other)
    optimizer.learning_rate = -1
    with pytest.raises(ValueError, match="learning_rate must be"):
        optimizer.step(weights, np.ones(3))
    assert optimizer.t == 1
    assert_array_equal(weights, before)
