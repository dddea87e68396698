"""The package holds without the repository: wheel and sdist are complete, and work elsewhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from comparison import ENVIRONMENT, differences

ROOT = Path(__file__).parents[1]
SITE = Path(metadata.distribution("numpy").locate_file(""))  # where this environment's packages lie
BOOK = ROOT / "book"
CHAPTER = "05-gradient-clipping.ipynb"  # the one that runs fastest
READ_BY_NOTEBOOKS = ["claims.yml", "from-tensorflow-1.yml", "references.bib"]

GROUND = """
import doctest, importlib, pkgutil
import companion, companion.check, companion.network
tried = 0
for package in (companion, companion.check, companion.network):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name not in ("companion.keras", "companion.lab"):
            found = doctest.testmod(
                importlib.import_module(module.name), optionflags=doctest.NORMALIZE_WHITESPACE
            )
            assert not found.failed, module
            tried += found.attempted
print(companion.__file__, tried)
"""

LAB = """
from companion.lab import BOOK, claims, datasets, idioms, studies
print(BOOK)
train, _, _ = datasets.fashion_mnist()
print(len(train.images), len(claims.load()), len(idioms.load()))
for path in sorted(BOOK.glob("studies/*.py")):
    print(path.stem, len(studies.load(path.stem).final))
"""


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source, target, *kinds):
    """Build without a network: this environment holds the backend."""
    run(sys.executable, "-m", "hatchling", "build", "-d", target, *kinds, cwd=source)


def content(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist):
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """An environment with this wheel and NumPy, and nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env")
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--no-index", "--no-deps", wheel)
    (site,) = (folder / "env" / "lib").glob("*/site-packages")
    for part in {Path(file).parts[0] for file in metadata.files("numpy")} - {".."}:
        (site / part).symlink_to(SITE / part)
    run(*pip, "check")
    return python, site


def test_the_wheel_holds_the_package_and_what_notebooks_read(wheel):
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "companion").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    lists = [BOOK / name for name in READ_BY_NOTEBOOKS]
    studies = [path for path in (BOOK / "studies").glob("*") if path.is_file()]
    read = {f"companion/lab/{path.relative_to(ROOT).as_posix()}" for path in [*lists, *studies]}
    info = f"companion-{metadata.version('companion')}.dist-info"
    about = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    licences = ("LICENSE", "THIRD-PARTY.md", "companion/lab/data/fashion-mnist/LICENSE")
    about |= {f"{info}/licenses/{name}" for name in licences}
    assert content(wheel).keys() == files | read | about
    assert {"companion/py.typed", "companion/lab/data/fashion-mnist/LICENSE"} <= files


def test_the_sdist_builds_the_same_wheel(dist, wheel, tmp_path):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path, "-t", "wheel")
    assert content(tmp_path / wheel.name) == content(wheel)


def test_formulas_engine_and_checks_work_with_numpy_alone(elsewhere, tmp_path):
    python, site = elsewhere
    where, tried = run(python, "-I", "-c", GROUND, cwd=tmp_path).split()
    assert Path(where) == site / "companion" / "__init__.py"
    assert int(tried) > 250


@pytest.fixture(scope="module")
def beside_the_rest(elsewhere):
    """The same, where all packages of this environment can be imported, but not the repository."""
    python, site = elsewhere
    (site / "rest.pth").write_text(f"{SITE}\n")  # .pth files that lie there are not read
    return python, site


def test_notebooks_find_what_they_read(beside_the_rest, tmp_path):
    python, site = beside_the_rest
    where, sizes, *results = run(python, "-I", "-c", LAB, cwd=tmp_path).splitlines()
    assert Path(where) == site / "companion" / "lab" / "book"
    assert sizes.split()[:2] == ["55000", "358"]
    assert len(results) == len(list(BOOK.glob("studies/*.csv")))


TESTS = ["test_optimizers.py", "test_initializers.py", "test_batch_norm.py", "test_network.py"]


def test_tests_pass_on_the_wheel(beside_the_rest, tmp_path):
    python, _ = beside_the_rest
    for name in ["conftest.py", "rendered.py", "slopes.py", *TESTS]:
        shutil.copy(ROOT / "tests" / name, tmp_path)
    printed = run(
        python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path, cwd=tmp_path
    )
    assert "passed" in printed


ALONE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=None, coalesce_streams=True).execute()
nbformat.write(notebook, sys.argv[1])
"""


def test_a_chapter_runs_alone(beside_the_rest, tmp_path):
    """The notebook, and no repository beside it, as in Colab."""
    python, _ = beside_the_rest
    stored = nbformat.read(BOOK / CHAPTER, as_version=4)
    shutil.copy(BOOK / CHAPTER, tmp_path)
    environment = os.environ | ENVIRONMENT | {"PYTEST_CURRENT_TEST": "alone"}
    run(python, "-I", "-c", ALONE, CHAPTER, cwd=tmp_path, env=environment)
    alone = nbformat.read(tmp_path / CHAPTER, as_version=4)
    for before, now in zip(stored.cells, alone.cells, strict=True):
        assert differences(before.get("outputs", []), now.get("outputs", [])) == [], now.source
