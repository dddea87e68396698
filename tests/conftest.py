"""What test files share: the rules, Keras in one precision, the count of what was tried."""

import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from companion import optimizers

sys.path.insert(0, str(Path(__file__).parent))  # zoo, patients, slopes, rendered

from rendered import built  # noqa: F401 - a fixture

RULES = [
    optimizers.GradientDescent(),
    optimizers.Momentum(),
    optimizers.Nesterov(),
    optimizers.AdaGrad(),
    optimizers.RMSProp(),
    optimizers.Adam(),
    optimizers.AdaMax(),
    optimizers.Nadam(),
    optimizers.AdamW(),
]


@pytest.fixture(scope="session", params=RULES, ids=lambda rule: type(rule).__name__)
def rule(request):
    """Each rule in turn: one list goes through every property test."""
    return request.param


@contextmanager
def precision(dtype):
    """Keras in one dtype, whatever another file left: the policy outlasts the type of inputs."""
    keras = pytest.importorskip("keras")
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    yield keras
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def keras():
    """Keras in float64."""
    with precision("float64") as keras:
        yield keras


@pytest.fixture
def single_precision():
    """Keras in float32, its own default."""
    with precision("float32"):
        yield


def pytest_terminal_summary(terminalreporter):
    """Add up what tests recorded that they tried, also when they ran in other processes."""
    tried = Counter()
    for report in terminalreporter.stats.get("", []):
        tried.update(dict(report.user_properties) if report.when == "teardown" else {})
    if tried:
        terminalreporter.section("tried")
        terminalreporter.line(", ".join(f"{count:,} {what}" for what, count in tried.items()))
