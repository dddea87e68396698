"""The commands say what is missing before they begin, and list themselves."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PREFLIGHT = ROOT / "book" / "_tools" / "preflight.py"


def check():
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(PREFLIGHT))
    return stop.value.code


def test_this_machine_will_do():
    assert check() == 0


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    assert "Python 3.11 or later is needed; this is" in check()


def test_a_missing_venv_module_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "apt-get install python3-venv" in check()


def test_a_full_disk_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1.23e9))
    assert "5 GB of free disk are needed; there are 1.2 GB" in check()


def test_make_lists_its_commands():
    listed = subprocess.check_output(["make", "--no-print-directory"], cwd=ROOT, text=True)
    commands = {line.split()[0] for line in listed.splitlines()}
    assert commands == {
        *("help", "book", "pdf", "test", "lab", "execute", "serve", "studies", "bench"),
        *("matrix", "clean"),
    }


def test_the_readme_and_the_makefile_agree():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for command in ("jupyter-book build . -W -n --keep-going", "pytest -n 2 --dist loadfile"):
        assert command in readme
        assert command in makefile


def test_every_requirement_is_pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 100
    assert all("==" in pin for pin in pins)
