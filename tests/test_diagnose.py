"""The diagnosis names every planted ailment, and blames no healthy network, by wide margins."""

import random

import numpy as np
import pytest
from patients import AILING, HEALTHY, mlp, ready, table

from companion.keras import _ailments, diagnose, diagnosis

# How much closer each threshold comes to the healthy; half as far (in logarithms) to the ailing.
HARSHER = {
    "LOUD_INPUT": 0.25, "QUIET_INPUT": 4, "LOUD_TARGET": 0.25, "GAIN": 0.5, "VANISHING": 5,
    "EXPLODING": 0.2, "SATURATED_SHARE": 0.5, "DEAD_SIGMAS": 0.75, "FAST": 0.33, "WORSE": 0.5,
    "OVERTHROW": 0.2, "SLOW": 10, "NOISE": 0.5, "PENALTY": 0.5, "PENALTY_GRADIENT": 0.7,
    "CONSTANT": 5, "INFERENCE": 0.75, "INFERENCE_SHARE": 0.5,
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded():
    """All draws are the same, and the global seeds are as they were afterwards."""
    import keras

    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(3)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002


@pytest.fixture
def seen(monkeypatch):
    """What diagnose observed, so that it can be judged by other thresholds too."""
    observe, observations = diagnosis.observe, []

    def remember(*arguments):
        observations.append(observe(*arguments))
        return observations[-1]

    monkeypatch.setattr(diagnosis, "observe", remember)
    return observations


def named(seen, monkeypatch, power):
    """Return what is named with thresholds moved towards the healthy."""
    with monkeypatch.context() as patch:
        for name, factor in HARSHER.items():
            patch.setattr(_ailments, name, factor**power * getattr(_ailments, name))
        return [finding.ailment for finding in _ailments.find(seen[0]) if finding.fault]


@pytest.mark.parametrize("name", AILING)
def test_ailment_is_named(name, seen, monkeypatch):
    make, expected = AILING[name]
    report = diagnose(*make())
    assert not report
    assert report.ailments[: len(expected)] == expected, str(report)
    for finding in report.findings:
        assert any(c.isdigit() for c in finding.symptom), finding
        assert finding.cause, finding
        assert finding.cure, finding
        assert finding.chapter[0].isdigit()
    assert set(expected) <= set(named(seen, monkeypatch, -0.5))


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_network_is_not_blamed(name, seen, monkeypatch):
    report = diagnose(*HEALTHY[name]())
    assert report, str(report)
    assert report.layers
    assert named(seen, monkeypatch, 1) == [], str(report)


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [
        ("relu", "he_normal"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("gelu", "he_uniform"),
        ("leaky_relu", "he_normal"),
    ],
)
@pytest.mark.parametrize(("width", "depth"), [(10, 1), (10, 10), (30, 20), (200, 3)])
def test_healthy_at_every_size(activation, initializer, width, depth, seen, monkeypatch):
    report = diagnose(ready(mlp(depth, width, activation, initializer)), *table(seed=depth))
    assert report, str(report)
    assert named(seen, monkeypatch, 1) == [], str(report)


def test_at_least_twelve_ailments_and_six_healthy_networks():
    assert len({expected[0] for _, expected in AILING.values()}) >= 12
    assert len(HEALTHY) >= 6
