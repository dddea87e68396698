"""The code is formatted, linted, typed, built in floors, and light to import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    ["ruff format --check .", "ruff check .", "mypy", "lint-imports"],
)
def test_tools_find_nothing(command):
    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = ("tensorflow", "keras", "scipy", "pandas", "matplotlib", "numba", "torch")


def test_the_ground_floor_imports_numpy_only():
    modules = [f"companion.{path.stem}" for path in (ROOT / "companion").glob("[a-z]*.py")]
    assert len(modules) >= 9
    code = (
        f"import sys, {', '.join(modules)}, companion.network\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert printed == "[]\n"
