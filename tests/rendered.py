"""The book built once for all test files that read it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]


def build(source, target):
    """Build a book without TensorFlow; return the folder of its pages and what the build said."""
    without = target / "without"
    without.mkdir()
    for name in ("tensorflow", "keras", "torch"):
        (without / f"{name}.py").write_text(f"raise ImportError('a book needs no {name}')")
    paths = [str(without), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [Path(sys.executable).with_name("jupyter-book"), "build", source, "-W", "-n"]
    command += ["--keep-going", "--path-output", target]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return target / "_build" / "html", run.stdout + run.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """Build the book; return the folder of its pages and what the build said."""
    folder = tmp_path_factory.getbasetemp()
    # the processes of one test run share the folder above their own
    target = (folder if worker_id == "master" else folder.parent) / "book"
    said = target / "said.txt"
    with FileLock(f"{target}.lock"):
        if not said.exists():
            target.mkdir()
            said.write_text(build(ROOT, target)[1], encoding="utf-8")
    return target / "_build" / "html", said.read_text(encoding="utf-8")
