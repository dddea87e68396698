"""The code is formatted, linted, typed, built in floors, and light to import."""

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    ["ruff format --check .", "ruff check .", "mypy", "lint-imports", "zizmor --offline .github"],
)
def test_tools_find_nothing(command):
    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = ("tensorflow", "keras", "scipy", "pandas", "matplotlib", "numba", "torch")


def test_companion_is_light_to_import():
    """All formulas, the engine and the checks: NumPy alone, and 0.3 s beyond it."""
    modules = [f"companion.{path.stem}" for path in (ROOT / "companion").glob("[a-z]*.py")]
    assert len(modules) >= 9
    code = (
        "import sys, time, numpy\n"
        "start = time.process_time()\n"
        f"import {', '.join(modules)}, companion.network, companion.check\n"
        "print(time.process_time() - start)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    seconds, heavy = printed.splitlines()
    assert float(seconds) < 0.3
    assert heavy == "[]"


MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "companion").rglob("*.py"))
]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_run(name):
    """A decorator can hide a docstring from doctest; an option can skip it."""
    module = importlib.import_module(name)
    text = Path(module.__file__).read_text("utf-8")
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    written = [ast.get_docstring(n) for n in ast.walk(ast.parse(text)) if isinstance(n, holders)]
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert len(found) == sum(">>>" in (docstring or "") for docstring in written)
    assert "SKIP" not in text
