import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from companion.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    PiecewiseConstant,
    PowerDecay,
    ReduceOnPlateau,
)

SCHEDULES = [
    PowerDecay(0.25, steps=10),
    PowerDecay(0.25, steps=10, power=0.5),
    ExponentialDecay(0.25, steps=10),
    ExponentialDecay(0.25, steps=10, rate=2),
    PiecewiseConstant([3, 8], [0.25, 0.5, 0.125]),
    PiecewiseConstant([], [0.25]),
    OneCycle(0.25, 2.0, steps=30),
    OneCycle(0.25, 2.0, steps=30).momentum(),
    CosineDecay(0.25, steps=10),
    CosineDecay(0.25, steps=10, alpha=0.5),
    LinearWarmup(CosineDecay(0.25, steps=10), steps=5),
    LinearWarmup(PiecewiseConstant([], [0.25]), steps=5, initial=0.5),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


# ---- live comparison with Keras -------------------------------------------------------------

KERAS = {
    "power": (
        PowerDecay(0.25, steps=16),
        lambda s: s.InverseTimeDecay(0.25, decay_steps=16, decay_rate=1.0),
    ),
    "exponential": (
        ExponentialDecay(0.25, steps=16, rate=0.125),
        lambda s: s.ExponentialDecay(0.25, decay_steps=16, decay_rate=0.125),
    ),
    "piecewise": (
        PiecewiseConstant([4, 14], [0.25, 0.125, 0.0625]),
        lambda s: s.PiecewiseConstantDecay([4, 14], [0.25, 0.125, 0.0625]),
    ),
    "cosine": (
        CosineDecay(0.25, steps=16, alpha=0.125),
        lambda s: s.CosineDecay(0.25, decay_steps=16, alpha=0.125),
    ),
    "warm-up": (
        LinearWarmup(CosineDecay(0.25, steps=16), steps=8, initial=0.0625),
        lambda s: s.CosineDecay(0.0625, decay_steps=16, warmup_target=0.25, warmup_steps=8),
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_equals_keras(keras, name):
    ours, make = KERAS[name]
    rates = keras.optimizers.schedules
    theirs = make(rates)
    # Keras computes in the dtype of the initial rate: float32 for a Python float.
    for attribute in ("initial_learning_rate", "warmup_target"):
        if getattr(theirs, attribute, None) is not None:
            setattr(theirs, attribute, np.float64(getattr(theirs, attribute)))
    for step in range(40):
        assert_allclose(ours(step), float(theirs(step)), rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"factor": 0.5, "patience": 5},
        {"factor": 0.5, "patience": 1},
        {"factor": 0.25, "patience": 2, "min_delta": 0.125},
        {"factor": 0.5, "patience": 2, "cooldown": 3},
        {"factor": 0.5, "patience": 3, "cooldown": 1, "min_delta": 0.0},
        {"factor": 0.5, "patience": 1, "minimum": 0.03},
    ],
)
def test_plateau_equals_keras(keras, arguments):
    class Model:
        optimizer = keras.optimizers.SGD(0.5)

    names = {"minimum": "min_lr"}
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", mode="min", **{names.get(k, k): v for k, v in arguments.items()}
    )
    callback.set_model(Model())
    callback.on_train_begin()

    ours = ReduceOnPlateau(0.5, **arguments)
    state = ours.init()
    rng, cuts, before = np.random.default_rng(1), 0, 0.5
    metrics = np.exp(-np.arange(200) / 10) + rng.choice([0, 0.125, 0.25], 200)
    for epoch, metric in enumerate(metrics.tolist()):
        rate, state = ours.update(state, metric)
        callback.on_epoch_end(epoch, {"val_loss": metric})
        assert rate == pytest.approx(float(Model.optimizer.learning_rate), rel=1e-10)
        cuts, before = cuts + (rate < before), rate
    assert cuts > 0


# ---- hand-worked values ---------------------------------------------------------------------

WORKED = [
    # 0.6 / 1, 0.6 / 2, 0.6 / 3, 0.6 / 4
    (PowerDecay(0.6, steps=5), {0: 0.6, 5: 0.3, 10: 0.2, 15: 0.15}),
    # 0.6 / sqrt(4)
    (PowerDecay(0.6, steps=5, power=0.5), {0: 0.6, 15: 0.3}),
    # the source's epochs
    (ExponentialDecay(0.01, steps=20), {0: 0.01, 10: 0.01 / math.sqrt(10), 20: 0.001, 40: 1e-4}),
    (PiecewiseConstant([4, 14], [3, 2, 1]), {0: 3, 4: 3, 4.5: 2, 5: 2, 14: 2, 15: 1, 999: 1}),
    # 101 steps: the cycle is 0.9 of 100, its peak at 45; 0.1 up 0.9 / 45 = 0.02 a step;
    # then 0.1 (1 - 0.001) / 10 down a step
    (
        OneCycle(0.1, 1.0, steps=101),
        {0: 0.1, 1: 0.12, 45: 1, 46: 0.98, 90: 0.1, 95: 0.05005, 100: 1e-4, 101: 1e-4},
    ),
    # other shares: the cycle is half of 8, its peak at 2
    (
        OneCycle(1.0, 3.0, steps=9, final=0.0, last=0.5),
        {0: 1, 1: 2, 2: 3, 3: 2, 4: 1, 6: 0.5, 8: 0, 20: 0},
    ),
    (
        OneCycle(0.1, 1.0, steps=101).momentum(0.9, 0.45),
        {0: 0.9, 1: 0.89, 45: 0.45, 90: 0.9, 95: 0.9, 100: 0.9},
    ),
    # cos(pi/3) = 1/2
    (CosineDecay(0.4, steps=6), {0: 0.4, 2: 0.3, 3: 0.2, 4: 0.1, 6: 0, 7: 0}),
    (CosineDecay(0.4, steps=6, alpha=0.5), {0: 0.4, 2: 0.35, 6: 0.2, 7: 0.2}),
    # up 0.1 a step, then the decay from its start
    (LinearWarmup(PowerDecay(0.4, steps=5), steps=4), {0: 0, 1: 0.1, 4: 0.4, 9: 0.2}),
    (LinearWarmup(PowerDecay(0.4, steps=5), steps=4, initial=0.8), {0: 0.8, 1: 0.7, 4: 0.4}),
]


@pytest.mark.parametrize(("schedule", "values"), WORKED)
def test_hand_worked(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, rel=1e-12, abs=1e-16), step


def test_plateau_hand_worked():
    # patience 2: the wait is counted from the best, a cut starts it anew;
    # 0.95 is no improvement on 1 by more than 0.1
    schedule = ReduceOnPlateau(8, factor=0.5, patience=2, min_delta=0.1, minimum=3)
    state, rates = schedule.init(), []
    for metric in (1.0, 0.95, 1.5, 1.2, 0.8, 0.9, 0.9, 0.9, 0.9):
        rate, state = schedule.update(state, metric)
        rates.append(rate)
    assert rates == [8, 8, 4, 4, 4, 4, 3, 3, 3]
    assert state.best == 0.8


def test_a_rate_below_the_minimum_is_not_raised():
    schedule = ReduceOnPlateau(0.5, factor=0.5, patience=1, minimum=1.0)
    _, state = schedule.update(schedule.init(), 1.0)
    assert schedule.update(state, 1.0)[0] == 0.5


def test_a_plateau_is_cut_every_patience_measurements():
    schedule, cuts = ReduceOnPlateau(1.0, factor=0.5, patience=5), []
    state = schedule.init()
    for epoch in range(21):
        before = state.rate
        rate, state = schedule.update(state, 1.0)
        if rate < before:
            cuts.append(epoch)
    assert cuts == [5, 10, 15, 20]


# ---- properties -----------------------------------------------------------------------------


@each_schedule
def test_pure_and_frozen(schedule):
    """Asking twice, backwards or another instance changes nothing."""
    values = [schedule(step) for step in range(40)]
    assert [schedule(step) for step in reversed(range(40))] == values[::-1]
    assert [dataclasses.replace(schedule)(step) for step in range(40)] == values
    assert all(type(value) is float for value in values)
    assert all(value >= 0 for value in values)
    assert hash(schedule) == hash(dataclasses.replace(schedule))
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.steps = 3


@pytest.mark.parametrize(
    "schedule", [PowerDecay(0.25, 10), ExponentialDecay(0.25, 10), CosineDecay(0.25, 10)], ids=repr
)
def test_decays_fall(schedule):
    values = [schedule(step) for step in range(11)]
    assert values[0] == 0.25
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("schedule", [PowerDecay(0.1, 1), ExponentialDecay(0.1, 1)], ids=repr)
def test_very_late(schedule):
    assert 0 <= schedule(10**7) < 1e-7


@settings(deadline=None)
@given(
    initial=st.floats(1e-4, 1),
    steps=st.floats(1, 1e4),
    number=st.floats(0, 1),
    periods=st.tuples(st.floats(0, 20), st.floats(0, 20)),
)
def test_decays(initial, steps, number, periods):
    """Each starts at its initial rate, falls, and obeys the law that names it."""
    step, later = periods[0] * steps, periods[1] * steps
    power = PowerDecay(initial, steps, power=2 * number)
    exponential = ExponentialDecay(initial, steps, rate=0.05 + 0.95 * number)
    cosine = CosineDecay(initial, steps, alpha=number)
    for schedule in (power, exponential, cosine):
        assert schedule(0) == pytest.approx(initial)
        assert schedule(step + later) <= schedule(step) * (1 + 1e-12)
    # the same factor for the same time; the power law; symmetric about half of the way
    factor = exponential(step + later) / exponential(later)
    assert factor == pytest.approx(exponential(step) / initial, rel=1e-9)
    assert power(step) == pytest.approx(initial * (steps / (steps + step)) ** (2 * number))
    early, late = cosine(0.25 * steps), cosine(0.75 * steps)
    assert early + late == pytest.approx(initial * (1 + number))
    assert cosine(steps + later) == pytest.approx(initial * number)
    warm = LinearWarmup(power, steps, initial=initial / 2)
    assert warm(steps + step) == pytest.approx(power(step), rel=1e-9)
    assert warm(steps / 2) == pytest.approx(0.75 * initial)


@settings(deadline=None)
@given(
    boundaries=st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True).map(sorted),
    data=st.data(),
)
def test_piecewise_constant(boundaries, data):
    rates = st.lists(st.floats(0, 1), min_size=len(boundaries) + 1, max_size=len(boundaries) + 1)
    values = data.draw(rates)
    schedule = PiecewiseConstant(boundaries, values)
    for boundary, before, after in zip(boundaries, values, values[1:], strict=False):
        assert (schedule(boundary), schedule(boundary + 1e-6)) == (before, after)
    assert schedule(0 if boundaries[0] else -1) == values[0]
    assert schedule(10**9) == values[-1]


@settings(deadline=None)
@given(
    initial=st.floats(1e-4, 1),
    peak=st.floats(1e-4, 10),
    steps=st.integers(2, 10_000),
    last=st.floats(0.01, 0.99),
)
def test_one_cycle(initial, peak, steps, last):
    schedule = OneCycle(initial, peak, steps, last=last)
    end = steps - 1
    cycle = (1 - last) * end
    assert schedule(0) == initial
    assert schedule(cycle / 2) == pytest.approx(peak)
    assert schedule(cycle) == pytest.approx(initial)
    assert schedule(end) == schedule(steps + 5) == pytest.approx(initial / 1000)
    for share in (0.1, 0.5, 0.9):  # symmetric about the peak
        assert schedule(share * cycle) == pytest.approx(schedule((1 - share) * cycle))
    ends = initial / 1000, initial, peak
    assert all(min(ends) <= schedule(s) <= max(ends) for s in np.linspace(0, end, 50))
    momentum = schedule.momentum()
    assert momentum(0) == momentum(end) == 0.95
    assert momentum(cycle / 2) == pytest.approx(0.85)


@settings(deadline=None)
@given(
    metrics=st.lists(st.floats(0, 2), max_size=60),
    patience=st.integers(1, 4),
    cooldown=st.integers(0, 3),
)
def test_plateau(metrics, patience, cooldown):
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=patience, cooldown=cooldown)
    state, rates = schedule.init(), [1.0]
    for metric in metrics:
        old = state
        rate, state = schedule.update(state, metric)
        assert schedule.update(old, metric) == (rate, state)  # no memory but the state
        rates.append(rate)
    cuts = [i for i in range(len(metrics)) if rates[i + 1] < rates[i]]
    assert set(rates) == {0.5**k for k in range(len(cuts) + 1)}
    assert all(b - a >= patience for a, b in zip([0, *cuts], cuts, strict=False))
    if metrics:
        assert min(metrics) <= state.best <= min(metrics) + schedule.min_delta
