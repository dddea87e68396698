"""Run the notebooks as other processors would, and compare: ``make matrix``.

    python book/_tools/matrix.py [configuration ...] [--notebook 02-initialization ...]

A configuration is an environment in which OpenBLAS, NumPy, oneDNN and Numba take the code that
they have for another processor, or another number of threads. Each notebook runs in each of them,
under the rule by which nbval compares outputs. What has run is stored in
``book/machines/matrix.csv`` and not run again while the notebook, the machine and the versions are
the same; rows of a notebook that has changed are dropped; an interrupted run keeps what it has. No
configuration is taken on trust: the libraries say what they use, in a process of their own before
the first notebook, and in the kernel after a notebook's last cell.
"""

import argparse
import asyncio
import copy
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from comparison import ENVIRONMENT, differences, parts
from execute import BOOK, INSTALLS, run
from joblib import cpu_count
from nbformat.v4 import new_code_cell
from numpy._core import _multiarray_umath as numpy_core
from tabulate import tabulate

from companion.lab.bench import machine
from companion.lab.threads import ONE_THREAD

FOLDER = BOOK / "machines"
KEY = ["configuration", "notebook"]
COLUMNS = [*KEY, "content", "machine", "cells", "differing", "seconds"]

#: What NumPy finds on this machine beyond what every machine has, the oldest instructions first.
FEATURES = [f for f in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__[f]]
TWO_THREADS = dict.fromkeys(ONE_THREAD, "2")
BASELINE = {"NPY_DISABLE_CPU_FEATURES": " ".join(FEATURES)}
OLDEST = {
    "OPENBLAS_CORETYPE": "Prescott",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    **BASELINE,
}

#: Environments by name, in the order in which they run: one thread unless they say otherwise.
CONFIGURATIONS: dict[str, dict[str, str]] = {
    "all as on an old processor": OLDEST,
    "this processor": {},
    "oneDNN SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "NumPy baseline": BASELINE,
    "NumPy without AVX-512": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(f for f in FEATURES if f not in {"X86_V2", "X86_V3"})
    },
    **{
        f"OpenBLAS {core}{', 2 threads' * bool(threads)}": {"OPENBLAS_CORETYPE": core, **threads}
        for threads in ({}, TWO_THREADS)
        for core in ("Prescott", "Haswell", "SkylakeX", "Zen")
    },
}

# Runs where the libraries are loaded, and prints one line: what they say that they use.
PROBE = r"""
import ctypes, json, os, sys
from pathlib import Path
from numpy._core import _multiarray_umath as core

seen = {"features": [f for f in core.__cpu_dispatch__ if core.__cpu_features__[f]], "blas": {}}
seen["environment"] = dict(os.environ)
seen["seconds"] = sum(os.times()[:4])  # this process and the workers that it waited for
for package, suffix in (("numpy", "64_"), ("scipy", "")):  # each wheel brings its own OpenBLAS
    if package in sys.modules:
        libraries = Path(sys.modules[package].__file__).parents[1] / f"{package}.libs"
        for file in libraries.glob("*openblas*"):
            library = ctypes.CDLL(str(file))
            name = getattr(library, f"scipy_openblas_get_corename{suffix}")
            name.restype = ctypes.c_char_p
            threads = getattr(library, f"scipy_openblas_get_num_threads{suffix}")
            seen["blas"][package] = [name().decode(), threads()]
if "tensorflow" in sys.modules:
    from tensorflow.python.util import _pywrap_util_port
    seen["onednn"] = _pywrap_util_port.IsMklEnabled()
if "llvmlite" in sys.modules:
    from numba.core.registry import cpu_target
    seen["numba"] = cpu_target.target_context.codegen().magic_tuple()[1]
print(json.dumps(seen))
"""
# oneDNN says what it uses when it first computes.
LOAD = """
import numba, scipy.linalg, tensorflow as tf
tf.nn.relu(tf.matmul(tf.zeros((64, 784)), tf.zeros((784, 300))))
"""

#: Kernels that are another's under a second name: OpenBLAS reports the first name that fits.
REPORTED_AS = {"Prescott": {"Prescott", "Katmai"}, "Zen": {"Zen", "Haswell"}}
INSTRUCTIONS = {"SSE41": "Intel SSE4.1", "AVX2": "Intel AVX2"}


def without_effect(environment: Mapping[str, str], seen: Mapping[str, Any]) -> Iterator[str]:
    """Say which settings of a configuration a process did not follow, given what it reported."""
    for name, value in environment.items():
        if seen["environment"].get(name) != value:
            yield f"{name} is {seen['environment'].get(name)!r} in the process"
    core, threads = environment.get("OPENBLAS_CORETYPE"), environment["OPENBLAS_NUM_THREADS"]
    if core and not seen["blas"]:
        yield "NumPy does not use OpenBLAS"
    for package, (reported, used) in seen["blas"].items():
        if core and reported not in REPORTED_AS.get(core, {core}):
            yield f"{package}'s OpenBLAS uses its {reported} kernels"
        if used != int(threads):
            yield f"{package}'s OpenBLAS uses {used} threads"
    disabled = environment.get("NPY_DISABLE_CPU_FEATURES", "").split()
    if left := [feature for feature in disabled if feature in seen["features"]]:
        yield f"NumPy uses {', '.join(left)}"
    if seen.get("onednn", True) != (environment.get("TF_ENABLE_ONEDNN_OPTS") != "0"):
        yield f"TensorFlow's use of oneDNN is {seen['onednn']}"
    if "instructions" in seen:
        limit = environment.get("ONEDNN_MAX_CPU_ISA")
        if limit and seen["instructions"] != INSTRUCTIONS.get(limit):
            yield f"oneDNN uses {seen['instructions']}"
        if seen["onednn"] and seen["threads"] != threads:
            yield f"oneDNN uses {seen['threads']} threads"
    if "numba" in seen and seen["numba"] != environment.get("NUMBA_CPU_NAME", seen["numba"]):
        yield f"Numba compiles for {seen['numba']}"


def prove(environment: Mapping[str, str]) -> None:
    """Load the libraries in a process of their own; fail where they do not follow."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD + PROBE],
        env=os.environ | ENVIRONMENT | environment | {"ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, report = done.stdout.splitlines()
    seen = json.loads(report)
    for line in lines:  # onednn_verbose,v1,info,cpu,isa:Intel AVX2
        for name, key in (("isa", "instructions"), ("nthr", "threads")):
            if line.startswith("onednn_verbose") and f"{name}:" in line and ",info,cpu," in line:
                seen[key] = line.partition(f"{name}:")[2]
    demand(environment, seen)


def demand(environment: Mapping[str, str], seen: Mapping[str, Any]) -> None:
    """Fail where a process did not follow its configuration."""
    if found := list(without_effect(ONE_THREAD | environment, seen)):
        raise RuntimeError(f"{dict(environment)} has no effect here: {'; '.join(found)}")


async def compare(
    path: Path, title: str, environment: Mapping[str, str]
) -> tuple[dict[int, list[str]], float]:
    """Run a notebook; say by cell where it differs from its stored run, and the seconds of CPU."""
    stored = nbformat.read(path, as_version=4)
    fresh = copy.deepcopy(stored)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            cell.metadata["tags"] = ["raises-exception"]  # go on: an error is a difference
    fresh.cells.append(new_code_cell(PROBE))
    await run(fresh, title, path.parent, environment)
    seen = json.loads(fresh.cells.pop().outputs[0]["text"])
    demand(environment, seen)
    outputs = [
        (before.outputs, now.outputs)
        for before, now in zip(stored.cells, fresh.cells, strict=True)
        if before.cell_type == "code"
    ]
    found = {
        number: differences(before, now) + [text for name, text in parts(now) if name == "error"]
        for number, (before, now) in enumerate(outputs, 1)
    }
    return found, seen["seconds"]


def package() -> str:
    """Return a fingerprint of the package's files."""
    files = sorted((BOOK.parent / "companion").rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def content(path: Path) -> str:
    """Return a fingerprint of what is run and compared: code and outputs, not the prose."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    compared = [
        [cell.source, *parts(cell.outputs)]
        for cell in cells
        if INSTALLS not in cell.metadata.get("tags", [])
    ]
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()[:12]


class Matrix:
    """The table of what has run, and the file that holds it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.path = folder / "matrix.csv"
        packages = ("numpy", "scipy", "numba", "keras", "tensorflow")
        versions = [f"{name} {metadata.version(name)}" for name in packages]
        here = machine()
        self.machine = ", ".join([here["processor"], f"Python {here['Python']}", *versions])

    def rows(self) -> list[dict[str, Any]]:
        """Read the file."""
        if not self.path.exists():
            return []
        return pd.read_csv(self.path, dtype={"differing": str}, keep_default_na=False).to_dict(
            "records"
        )

    def row(self, configuration: str, notebook: Path) -> dict[str, Any]:
        """Return what a finished row says first: what ran, and on what."""
        names = {"configuration": configuration, "notebook": notebook.stem}
        return names | {"content": content(notebook), "machine": self.machine}

    def finished(self, configuration: str, notebook: Path) -> bool:
        """Tell whether this has run: the same notebook, machine and versions, no difference."""
        row = self.row(configuration, notebook)
        return any(row.items() <= old.items() and not old["differing"] for old in self.rows())

    def store(self, row: Mapping[str, Any]) -> None:
        """Replace one row."""
        names = list(CONFIGURATIONS)
        rows = [old for old in self.rows() if any(old[key] != row[key] for key in KEY)]
        self._write(
            sorted([*rows, row], key=lambda r: (names.index(r["configuration"]), r["notebook"]))
        )

    def forget(self, notebooks: Iterable[Path]) -> None:
        """Drop the rows of notebooks that are not, or no longer, among these as they now are."""
        now = {path.stem: content(path) for path in notebooks}
        self._write([row for row in self.rows() if row["content"] == now.get(row["notebook"])])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        """Write the file in one step."""
        self.path.parent.mkdir(exist_ok=True)
        temporary = self.path.with_suffix(".part")
        pd.DataFrame(rows, columns=COLUMNS).to_csv(temporary, index=False)
        temporary.replace(self.path)


async def fill(matrix: Matrix, configurations: list[str], notebooks: list[Path]) -> bool:
    """Run what has not yet run, as many at a time as there are cores; tell whether all agreed."""
    proofs: dict[str, asyncio.Task[None]] = {}

    async def one(configuration: str, notebook: Path) -> bool:
        environment, title = CONFIGURATIONS[configuration], f"{notebook.stem} ({configuration})"
        async with cores:
            row, code = matrix.row(configuration, notebook), package()
            if configuration not in proofs:
                proof = asyncio.to_thread(prove, environment)
                proofs[configuration] = asyncio.create_task(proof)
            try:
                await proofs[configuration]
                found, seconds = await compare(notebook, title, environment)
                if (row, code) != (matrix.row(configuration, notebook), package()):
                    raise RuntimeError("the notebook or the package was edited while it ran")
            except RuntimeError as error:
                print(f"{title}: {error}")
                return False
        differing = [str(number) for number, texts in found.items() if texts]
        row |= {"cells": len(found), "differing": " ".join(differing), "seconds": round(seconds)}
        matrix.store(row)
        for number in differing:
            print(f"{title}, cell {number}:", *found[int(number)], sep="\n")
        return not differing

    missing = [(c, n) for c in configurations for n in notebooks if not matrix.finished(c, n)]
    good = True
    for threads in (1, 2):
        cores = asyncio.Semaphore(max(1, cpu_count() // threads))
        turn = [p for p in missing if threads == 1 + ("2 threads" in p[0])]
        good &= all(await asyncio.gather(*(one(*pair) for pair in turn)))
    return good


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the results out: a row a configuration, a column a notebook, by its number."""
    results = pd.DataFrame(rows, columns=COLUMNS)
    results["notebook"] = [
        name.replace("from-tensorflow-1", "TF1").split("-")[0] for name in results["notebook"]
    ]
    results["found"] = [len(numbers.split()) or "✓" for numbers in results["differing"]]
    by_notebook = results.pivot(index="configuration", columns="notebook", values="found")
    by_notebook = by_notebook.reindex([c for c in CONFIGURATIONS if c in by_notebook.index])
    by_notebook["seconds"] = results.groupby("configuration")["seconds"].sum().round()
    return tabulate(by_notebook.fillna(""), headers="keys", tablefmt="github", floatfmt=".0f")


def summary(rows: list[dict[str, Any]]) -> str:
    """Say in a sentence what was compared and what differed, and on what it ran."""
    results = pd.DataFrame(rows, columns=COLUMNS)
    differing = results["differing"].str.split().str.len().sum()
    machines = "; ".join(results["machine"].unique())
    ran, notebooks = results["configuration"].value_counts(), len(list(BOOK.glob("*.ipynb")))
    missing = [
        f"{name} ({notebooks - ran.get(name, 0)} of {notebooks} notebooks)"
        for name in CONFIGURATIONS
        if ran.get(name, 0) < notebooks
    ]
    return (
        f"{results['cells'].sum():,} cells were run and compared, in notebooks: "
        f"{results['notebook'].nunique()}, in configurations: {len(ran)} of {len(CONFIGURATIONS)}; "
        f"{differing or 'none'} differed. This was on: {machines}. "
        f"Not yet run: {'; '.join(missing) or 'nothing'}."
    )


def main() -> int:
    """Run what is missing; print the table and write it for the book."""
    stems = [path.stem for path in sorted(BOOK.glob("*.ipynb"))]
    parser = argparse.ArgumentParser(
        description="Run the notebooks as other processors would, and compare."
    )
    parser.add_argument("configuration", nargs="*", help="default: all")
    parser.add_argument("--notebook", nargs="+", default=stems, help="e.g. 02-initialization")
    parser.add_argument("--forget", action="store_true", help="drop what has changed, run nothing")
    given = parser.parse_args()
    for kind, names, known in (
        ("configuration", given.configuration, CONFIGURATIONS),
        ("notebook", given.notebook, stems),
    ):
        if unknown := set(names) - set(known):
            parser.error(f"expected a {kind} ({'; '.join(known)}); received {sorted(unknown)}")
    matrix = Matrix()
    matrix.forget(BOOK.glob("*.ipynb"))
    notebooks = [] if given.forget else [BOOK / f"{stem}.ipynb" for stem in given.notebook]
    try:
        good = asyncio.run(fill(matrix, given.configuration or list(CONFIGURATIONS), notebooks))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted: what has run is stored", file=sys.stderr)
        return 1
    rows = matrix.rows()
    for name, text in (("table", table(rows)), ("summary", summary(rows))):
        (FOLDER / f"{name}.md").write_text(text + "\n", encoding="utf-8")
        print(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
