"""The notebooks as other processors run them: differences are found, and settings take effect."""

import asyncio
import os
import platform
import re
import sys

import execute
import matrix
import pytest

from companion.lab.threads import ONE_THREAD

OPENBLAS = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="NumPy's own OpenBLAS can stand in for other processors on Linux, x86-64, alone",
)

CHAPTER = """\
# A chapter

```{code-cell} ipython3
import os
import numpy as np
print(6 * 7)
```

```{code-cell} ipython3
# sums of float32 to their last digit, whose order the kernels choose
x = np.random.default_rng(1).normal(size=(8, 1003)).astype(np.float32)
print(*(x @ x.T).ravel().tolist())
```

```{code-cell} ipython3
print(os.environ["OMP_NUM_THREADS"], "thread")
```

```{code-cell} ipython3
print(os.environ.get("NPY_DISABLE_CPU_FEATURES"))
```
"""
AGREES, KERNEL, THREADS, FEATURES = "this processor", "kernel", "a pair, 2 threads", "features"
DIFFERS = {AGREES: "", KERNEL: "3", THREADS: "4", FEATURES: "5"}  # the first installs the package


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A stored notebook, run as it is run everywhere but under another kernel of OpenBLAS."""
    chapter = tmp_path_factory.mktemp("book") / "01-a.md"
    chapter.write_text(CHAPTER)
    notebook = execute.read(chapter)
    asyncio.run(execute.run(notebook, "01-a", chapter.parent))
    execute.write(notebook, chapter.with_suffix(".ipynb"))
    return chapter.with_suffix(".ipynb")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """An empty table of some configurations; that TensorFlow follows them is tried elsewhere."""
    environments = {
        AGREES: {},
        KERNEL: {"OPENBLAS_CORETYPE": "Prescott"},
        THREADS: matrix.TWO_THREADS,
        FEATURES: matrix.BASELINE,
    }
    monkeypatch.setattr(matrix, "CONFIGURATIONS", environments)
    monkeypatch.setattr(matrix, "prove", lambda environment: None)
    return matrix.Matrix(tmp_path)


def fill(table, notebook, names=tuple(DIFFERS)):
    return asyncio.run(matrix.fill(table, list(names), [notebook]))


def differing(table):
    return {row["configuration"]: row["differing"] for row in table.rows()}


@OPENBLAS
@pytest.mark.skipif(os.cpu_count() < 2, reason="two threads need two cores")
def test_differences_are_found(table, notebook, capsys):
    assert not fill(table, notebook)
    assert differing(table) == DIFFERS
    assert {row["cells"] for row in table.rows()} == {5}
    printed = capsys.readouterr().out
    assert "01-a (kernel), cell 3:" in printed
    assert "-1 thread\n+2 thread" in printed


@pytest.fixture
def ran(monkeypatch):
    """The configurations that run, in place of running them: a kernel's cell 2 differs."""
    names = []

    async def compare(path, title, environment):
        names.append(title.partition("(")[2].rstrip(")"))
        found = ["-1\n+2"] if names[-1] == KERNEL else []
        return {1: [], 2: found}, 1.0

    monkeypatch.setattr(matrix, "compare", compare)
    return names


def test_what_has_run_is_not_run_again(table, notebook, ran, tmp_path, monkeypatch):
    path = tmp_path / notebook.name
    path.write_bytes(notebook.read_bytes())
    assert fill(table, path, [AGREES])
    assert not fill(table, path, [AGREES, KERNEL])
    assert ran == [AGREES, KERNEL]
    assert not fill(table, path, [AGREES, KERNEL])  # a difference is looked at again
    assert ran[2:] == [KERNEL]
    path.write_text(path.read_text().replace("A chapter", "Prose"))
    assert fill(table, path, [AGREES])
    assert ran[3:] == []
    path.write_text(path.read_text().replace("42", "43"))
    assert fill(table, path, [AGREES])
    assert ran[3:] == [AGREES]
    monkeypatch.setattr(table, "machine", "another")
    assert fill(table, path, [AGREES])
    assert ran[4:] == [AGREES]
    assert differing(table) == {AGREES: "", KERNEL: "2"}


def test_what_has_changed_is_forgotten(table, notebook, ran, tmp_path):
    path = tmp_path / notebook.name
    path.write_bytes(notebook.read_bytes())
    assert fill(table, path, [AGREES])
    table.forget([path])
    assert differing(table) == {AGREES: ""}
    path.write_text(path.read_text().replace("42", "43"))
    table.forget([path])
    assert table.rows() == []
    assert matrix.table([])
    assert matrix.summary([]).startswith("0 cells")


def test_an_interrupted_run_keeps_what_it_has(table, notebook, ran, monkeypatch):
    whole = matrix.compare

    async def compare(path, title, environment):
        if THREADS in title:
            raise KeyboardInterrupt
        return await whole(path, title, environment)

    monkeypatch.setattr(matrix, "compare", compare)
    with pytest.raises(KeyboardInterrupt):
        fill(table, notebook)
    assert differing(table) == {AGREES: "", KERNEL: "2", FEATURES: ""}
    assert [path.name for path in table.path.parent.iterdir()] == ["matrix.csv"]


def test_a_run_whose_code_was_edited_is_no_result(table, notebook, ran, monkeypatch, capsys):
    monkeypatch.setattr(matrix, "package", iter("ab").__next__)
    assert not fill(table, notebook, [AGREES])
    assert "edited while it ran" in capsys.readouterr().out
    assert table.rows() == []


def test_a_kernel_that_does_not_follow_is_no_result(table, notebook, capsys, monkeypatch):
    monkeypatch.setitem(matrix.CONFIGURATIONS, KERNEL, {"OPENBLAS_CORETYPE": "Pentium 9"})
    assert not fill(table, notebook, [KERNEL])
    assert "numpy's OpenBLAS uses its" in capsys.readouterr().out
    assert table.rows() == []


@OPENBLAS
def test_the_libraries_follow_all_but_a_kernel_made_up():
    with pytest.raises(RuntimeError) as error:
        matrix.prove(matrix.OLDEST | {"OPENBLAS_CORETYPE": "Pentium 9"})
    reason = str(error.value).partition("has no effect here: ")[2]
    assert re.fullmatch(
        r"numpy's OpenBLAS uses its \w+ kernels; scipy's OpenBLAS uses its \w+ kernels", reason
    )


#: Of those that train, the ones that run fastest: all of them would take minutes more.
SHORT = ["05-gradient-clipping", "06-transfer-learning", "13-practical-guidelines"]


@OPENBLAS
def test_notebooks_that_train_hold_on_an_old_processor(tmp_path):
    table = matrix.Matrix(tmp_path)
    notebooks = [execute.BOOK / f"{stem}.ipynb" for stem in SHORT]
    assert asyncio.run(matrix.fill(table, ["all as on an old processor"], notebooks))
    assert {row["notebook"]: row["differing"] for row in table.rows()} == dict.fromkeys(SHORT, "")


def seen(settings, **reported):
    """What a process reports that follows its configuration, but for what is given."""
    return {
        "environment": ONE_THREAD | settings,
        "blas": {"numpy": ["Katmai", 1]},
        "features": [],
        "onednn": True,
        "instructions": "Intel SSE4.1",
        "threads": "1",
        "numba": "generic",
    } | reported


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ({}, ""),
        ({"blas": {"numpy": ["Haswell", 1]}}, "numpy's OpenBLAS uses its Haswell kernels"),
        ({"blas": {"scipy": ["Katmai", 2]}}, "scipy's OpenBLAS uses 2 threads"),
        ({"blas": {}}, "NumPy does not use OpenBLAS"),
        ({"features": ["A", "B"]}, "NumPy uses B"),
        ({"onednn": False}, "TensorFlow's use of oneDNN is False"),
        ({"instructions": "Intel AVX2"}, "oneDNN uses Intel AVX2"),
        ({"threads": "2"}, "oneDNN uses 2 threads"),
        ({"numba": "znver5"}, "Numba compiles for znver5"),
        ({"environment": ONE_THREAD}, "OPENBLAS_CORETYPE is None in the process"),
    ],
)
def test_each_setting_is_looked_at(reported, said):
    environment = {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "B C",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NUMBA_CPU_NAME": "generic",
    }
    found = list(matrix.without_effect(ONE_THREAD | environment, seen(environment, **reported)))
    assert found[:1] == ([said] if said else [])


def test_a_kernel_is_asked_for_what_it_has_loaded():
    numpy_alone = {"environment": ONE_THREAD | matrix.OLDEST, "blas": {"numpy": ["Katmai", 1]}}
    assert not list(
        matrix.without_effect(ONE_THREAD | matrix.OLDEST, numpy_alone | {"features": []})
    )


def test_the_configurations_are_what_they_are_called():
    for name, environment in matrix.CONFIGURATIONS.items():
        threads = (ONE_THREAD | environment)["OPENBLAS_NUM_THREADS"]
        assert threads == ("2" if "2 threads" in name else "1")
        assert set(environment.get("NPY_DISABLE_CPU_FEATURES", "").split()) <= set(matrix.FEATURES)


def test_the_table_counts_what_differs():
    row = {"notebook": "01-a", "cells": 20, "machine": "a machine"}
    rows = [
        row | {"configuration": "oneDNN off", "differing": "", "seconds": 3},
        row | {"configuration": "oneDNN AVX2", "differing": "2 19", "seconds": 4},
    ]
    *_, first, second = (" ".join(line.split()) for line in matrix.table(rows).splitlines())
    assert first == "| oneDNN AVX2 | 2 | 4 |"
    assert second == "| oneDNN off | ✓ | 3 |"
    assert "40 cells" in matrix.summary(rows)
    assert "; 2 differed" in matrix.summary(rows)
    assert "Not yet run: all as on an old processor (14 of 14 notebooks); " in matrix.summary(rows)


def test_the_book_shows_what_ran():
    rows = matrix.Matrix().rows()
    for name, text in (("table", matrix.table(rows)), ("summary", matrix.summary(rows))):
        assert (matrix.FOLDER / f"{name}.md").read_text("utf-8") == text + "\n"
    assert "; none differed" in matrix.summary(rows)
    now = {path.stem: matrix.content(path) for path in execute.BOOK.glob("*.ipynb")}
    old = {row["notebook"] for row in rows if row["content"] != now.get(row["notebook"])}
    assert not old, "changed since they ran: python book/_tools/matrix.py --forget"
