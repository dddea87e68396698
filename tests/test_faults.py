"""Bad luck: a message says what happened, where and what to do; nothing is lost.

More faults stand beside what they befall: test_datasets (damaged images), test_execute and
test_studies (interrupted runs), test_setup (what is missing before an installation), test_notebooks
(a chapter or a notebook edited alone), test_book (defects of pages).
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import execute
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from companion_book import turns

from companion.lab import BOOK, bench, claims, idioms, studies
from companion.network import Dense, Sequential, load

ROOT = Path(__file__).parents[1]

CHAPTER = "# Title\n\nText.\n\n```{code-cell} ipython3\nprint('é')\n```\n"

STUDY = """
from companion.lab.studies import Study

def run(seed, factor):
    return {"y": factor * seed + 0.5, "z": float(seed)}

STUDY = Study(question="?", run=run, variants={"a": {"factor": 1}, "b": {"factor": 2}},
              seeds=range(4))
"""


@pytest.fixture(autouse=True)
def counted(record_property):
    """Count this fault: pytest says at the end how many there were."""
    record_property("faults", 1)


@contextlib.contextmanager
def full_disk(bytes_left=1000):
    """Let no file grow beyond a size: the error that root meets, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def everything(folder):
    """Return the content of each file below a folder."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Damaged text: fault -> how it is made of the good file -> what the message says

CLAIMS, IDIOMS = (
    (BOOK / name).read_text("utf-8") for name in ("claims.yml", "from-tensorflow-1.yml")
)
MARKS = "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> theirs\n"


def replace(old, new):
    def damage(text):
        assert old in text
        return text.replace(old, new, 1)

    return damage


def conflict(line):
    """Leave the marks of a merge around a line that begins so."""
    return lambda text: re.sub(
        rf"^{line}.*\n", lambda found: MARKS.format(found[0]), text, count=1, flags=re.M
    )


DAMAGE = {
    "claims.yml": {
        "cut off": (lambda text: text[: len(text) // 2], r"Scanner|Parser"),
        "empty": (lambda text: "", "NoneType"),
        "another file": (lambda text: "- a\n- b\n", "list indices"),
        "marks of a merge": (conflict("chapters:"), "ScannerError"),
        "unknown field": (replace("kind: ", "color: red\n  kind: "), "'color'.*in the entry"),
        "missing field": (replace("  kind: ", "  kynd: "), r"KeyError\('kind'\).*in the entry"),
        "unknown kind": (replace("kind: numeric", "kind: number"), r"'number'.*in the entry"),
        "no word": (replace("verdict: confirmed", "verdict: yes"), "received True for"),
        "not UTF-8": (lambda text: text.encode() + b"# \xe9\n", "UnicodeDecodeError"),
        "an entry that is none": (lambda text: text.rstrip() + "\n- hello\n", "the entry hello"),
    },
    "from-tensorflow-1.yml": {
        "empty": (lambda text: "", "NoneType"),
        "cut off": (lambda text: text[: text.index("old:")] + "\n", r"KeyError\('old'\).*entry"),
        "marks of a merge": (conflict("  old:"), "ScannerError|ParserError"),
        "unknown field": (replace("  note:", "  noot:"), "'noot'.*in the entry"),
        "doubled name": (
            lambda text: text + re.search(r"^- name.*?(?=^- )", text, re.M | re.S)[0],
            "each name once",
        ),
        "unknown cell": (replace("000#2", "000#99"), r"cells of the source; .*'000#99'"),
    },
    "02-initialization.ipynb": {
        "cut off": (lambda text: text[:20_000], "JSONDecodeError"),
        "empty": (lambda text: "", "JSONDecodeError"),
        "marks of a merge": (conflict(' "cells"'), "JSONDecodeError"),
        "another file": (lambda text: "{}", "KeyError: 'cells'"),
    },
    "toy.csv": {
        "empty": (lambda text: "", "KeyError: 'fingerprint'"),
        "no table": (lambda text: text[: text.index("stage")], "No columns"),
        "no runs": (lambda text: text[: text.index("final")], "each of 8 runs once"),
        "a line cut off": (lambda text: text[:-2], "last line is cut off"),
        "lines missing": (lambda text: text[: text.rindex("final")], "'b', 3"),
        "a line twice": (lambda text: text + text[text.rindex("final") :], "'b', 3"),
        "column missing": (replace("variant,", ""), "expected columns"),
        "a word for a number": (replace("0.5", "half"), "a number in every line of y"),
        "marks of a merge": (conflict("final,default,b"), "runs once"),
        "marks in the header": (conflict("# numpy"), "ParserError|expected columns"),
    },
}
READERS = {
    "claims.yml": claims.load,
    "from-tensorflow-1.yml": idioms.load,
    "02-initialization.ipynb": claims.recorded_decisions,
    "toy.csv": lambda path: studies.load("toy", path.parent),
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Text of a study's result."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy.py").write_text(STUDY)
    studies.run_study("toy", folder, n_jobs=1)
    return (folder / "toy.csv").read_text()


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in DAMAGE.items() for fault in faults]
)
def test_a_damaged_file_is_named_with_its_cure(tmp_path, result, name, fault):
    path = tmp_path / name
    (tmp_path / "toy.py").write_text(STUDY)
    text = result if name == "toy.csv" else (BOOK / name).read_text("utf-8")
    damage, message = DAMAGE[name][fault]
    path.write_text(text, "utf-8")
    READERS[name](path)  # it was good
    damaged = damage(text)
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(ValueError, match=message) as error:
        READERS[name](path)
    for part in (f"{path} is damaged", "git diff", "git checkout"):
        assert part in str(error.value)


def test_a_damaged_result_costs_no_hour(tmp_path, result, capsys):
    (tmp_path / "toy.py").write_text(STUDY)
    (tmp_path / "toy.csv").write_text(result[:-12])
    before = everything(tmp_path)
    assert studies.main(["--folder", str(tmp_path)]) == 1
    assert "toy.csv is damaged" in capsys.readouterr().out
    assert everything(tmp_path) == before
    assert studies.main(["--folder", str(tmp_path), "--again", "--jobs", "1"]) == 0
    assert len(studies.load("toy", tmp_path).frame) == 8


# Nowhere to write: what writes -> with which disk -> what it says, and what is still there


def save_network(folder):
    layers = [Dense(50, "relu"), Dense(2, "softmax")]
    Sequential(layers, (20,), np.random.default_rng(0)).save(folder / "model.npz")


def write_notebook(folder):
    (folder / "01-a.md").write_text(CHAPTER[:50], "utf-8")
    notebook = execute.read(folder / "01-a.md")
    notebook.cells[0].source *= 100
    execute.write(notebook, folder / "model.npz")


def write_result(folder):
    frame = pd.DataFrame({"y": np.arange(2000.0)})
    studies._write(folder / "model.npz", {}, frame)


@pytest.mark.parametrize("write", [save_network, write_notebook, write_result])
@pytest.mark.parametrize("disk", ["full", "a folder in its place"])
def test_what_was_there_stays(tmp_path, write, disk):
    path = tmp_path / "model.npz"
    if disk == "full":
        path.write_bytes(b"older")
        with full_disk(), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            write(tmp_path)
        assert path.read_bytes() == b"older"
    else:
        (path / "kept").mkdir(parents=True)
        with pytest.raises(IsADirectoryError, match=re.escape(str(path))):
            write(tmp_path)
        assert (path / "kept").is_dir()


def test_no_half_of_a_network_stays_beside_it(tmp_path):
    with full_disk(), pytest.raises(OSError):  # noqa: PT011  as above
        save_network(tmp_path)
    assert everything(tmp_path) == {}


def test_a_bench_knows_at_once_that_it_cannot_write(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(bench, "measure", lambda plan: pytest.fail("it has measured"))
    with pytest.raises((NotADirectoryError, FileExistsError), match="file"):
        bench.main(["--quick", "--output", str(tmp_path / "file" / "speed")])


def test_the_files_of_a_bench_change_together(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "tables", lambda results: {"summary": 30_000 * "x"})
    monkeypatch.setattr(bench, "draw", lambda results: (plt.figure(), "1 line"))
    (tmp_path / "seconds.json").write_text("older")
    with full_disk(20_000), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        bench.write({}, tmp_path)
    assert everything(tmp_path) == {Path("seconds.json"): b"older"}
    bench.write({}, tmp_path)
    assert set(map(str, everything(tmp_path))) == {
        *("summary.md", "seconds.json", "figure.md", "growth.png")
    }


def test_a_study_on_a_full_disk_continues_later(tmp_path, capsys):
    (tmp_path / "toy.py").write_text(STUDY)
    with full_disk(700):
        assert studies.main(["--folder", str(tmp_path), "--jobs", "1"]) == 1
    said = capsys.readouterr().out
    assert os.strerror(errno.EFBIG) in said
    assert "Finished runs are kept; the same command continues" in said
    assert studies.main(["--folder", str(tmp_path), "--jobs", "1"]) == 0
    done = re.search(r"8 runs, (\d) of them done", capsys.readouterr().out)
    assert 0 < int(done[1]) < 8
    assert len(studies.load("toy", tmp_path).frame) == 8


def test_two_processes_do_not_run_one_study(tmp_path, capsys):
    (tmp_path / "toy.py").write_text(STUDY)
    with (tmp_path / "toy.py").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert studies.main(["--folder", str(tmp_path), "--jobs", "1"]) == 1
        assert "another process is running" in capsys.readouterr().out
        assert not (tmp_path / ".partial").exists()
    assert studies.main(["--folder", str(tmp_path), "--jobs", "1"]) == 0


def test_a_study_file_without_a_study_is_named(tmp_path):
    (tmp_path / "toy.py").write_text("study = 1\n")
    with pytest.raises(TypeError, match=r"toy\.py must define STUDY"):
        studies.load("toy", tmp_path)


# A saved network that was changed: what -> what the message says


def change(key, value):
    def damage(description, arrays):
        description[key] = value

    return damage


def first_layer(**values):
    return lambda description, arrays: description["layers"][0].update(values)


SYSTEM = {"activation": {"function": ["os", "system"], "keywords": {}}}
NUMPY = {"activation": {"function": ["companion.activations", "np"], "keywords": {}}}
CHANGED = {
    "another format": (change("format", 2), "format 1; .* has 2"),
    "unknown layer": (first_layer(**{"class": "Conv"}), r"was changed: KeyError\('Conv'\)"),
    "no streams": (lambda d, a: d.pop("streams"), "was changed.*streams"),
    "weights missing": (lambda d, a: a.pop("weights_1"), "was changed.*weights"),
    "weights of another shape": (lambda d, a: a.update(weights_1=np.ones(3)), "was changed.*shape"),
    "a function of the system": (first_layer(configuration=SYSTEM), "was changed.*os"),
    "a module for a function": (first_layer(configuration=NUMPY), "was changed.*np"),
}


@pytest.mark.parametrize("fault", CHANGED)
def test_a_changed_network_is_refused(tmp_path, fault):
    save_network(tmp_path)
    path = tmp_path / "model.npz"
    with np.load(path) as file:
        arrays = dict(file)
    description = json.loads(str(arrays["description"]))
    damage, message = CHANGED[fault]
    damage(description, arrays)
    np.savez(path, **arrays | {"description": np.array(json.dumps(description))})
    with pytest.raises(ValueError, match=message) as error:
        load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_network_cut_off_is_refused(tmp_path, size):
    save_network(tmp_path)
    path = tmp_path / "model.npz"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"saved by companion; .*model\.npz is not"):
        load(path)


# Another machine: what is set or missing -> what still works, or what is said


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        check=False,
    )


ODD = [
    {"TZ": "Pacific/Kiritimati"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "tr_TR.UTF-8"},
    {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error::UserWarning", "KERAS_BACKEND": "torch"},
    {"HOME": "/nowhere", "COLUMNS": "20", "NO_COLOR": "1", "MPLBACKEND": "qtagg", "DISPLAY": ""},
]


def test_a_chapter_runs_alike_wherever_it_runs(tmp_path):
    """A folder with a space and an accent; other zones, locales and settings; all at once."""
    text = CHAPTER.replace("print('é')", "from companion.lab import claims, plots\nprint('é')")
    processes = []
    for number, environment in enumerate(ODD):
        folder = tmp_path / f"x y é {number}"
        folder.mkdir()
        (folder / "01-a.md").write_text(text, "utf-8")
        os.utime(folder / "01-a.md", (4e9, 4e9))  # the clock has gone back
        processes.append(
            subprocess.Popen(
                [sys.executable, execute.__file__, folder / "01-a.md"],
                env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
                stderr=subprocess.PIPE,
            )
        )
    said = [process.communicate()[1] for process in processes]
    for process, environment, words in zip(processes, ODD, said, strict=True):
        if "PYTHONUTF8" in environment and not sys.prefix.isascii():
            continue  # without UTF-8 Python itself does not find its environment there
        assert process.returncode == 0, (environment, words)
    stored = {path.read_bytes() for path in tmp_path.rglob("*.ipynb")}
    assert len(stored) == 1
    assert "é\\n".encode() in stored.pop()


WITHOUT = """
import sys

class Without:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == {0!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Without())
"""


@pytest.mark.parametrize("name", ["keras", "tensorflow"])
def test_without_tensorflow_the_wing_says_what_it_needs(name):
    done = python(WITHOUT.format(name) + "import companion.keras")
    assert f"needs Keras 3 and TensorFlow, its backend: No module named '{name}'" in done.stderr
    assert "pip install tensorflow" in done.stderr


def test_without_numba_numpy_steps():
    done = python(
        WITHOUT.format("numba") + "import numpy as np\n"
        "from companion import fused\nfrom companion.optimizers import Adam, Optimizer\n"
        "fused.WORTHWHILE = 0\nweights = np.ones(3)\n"
        "Optimizer(Adam(), 0.5).step(weights, np.ones(3))\nprint(weights.round(3))"
    )
    assert done.stdout == "[0.5 0.5 0.5]\n", done.stderr


def test_a_kernel_that_does_not_start_can_be_asked_why(tmp_path):
    (tmp_path / "01-a.md").write_text(CHAPTER, "utf-8")
    (tmp_path / "01-a.ipynb").write_text("earlier")
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')")
    done = subprocess.run(
        [sys.executable, execute.__file__, tmp_path / "01-a.md"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "its stored notebook stays as it was" in done.stderr
    assert f"this command says why: {sys.executable} -m ipykernel_launcher" in done.stderr
    assert (tmp_path / "01-a.ipynb").read_text() == "earlier"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (conflict("Text"), "01-a.md holds the marks of an unfinished merge, '<<<<<<< HEAD'"),
        (lambda text: text.encode("latin-1"), "'utf-8' codec can't decode"),
    ],
)
def test_a_damaged_chapter_is_not_run(tmp_path, damage, message):
    damaged = damage(CHAPTER)
    path = tmp_path / "01-a.md"
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(ValueError, match=message):
        execute.read(path)


# Unfinished builds and installations: what is left -> what the next command does


@pytest.fixture
def built(tmp_path, monkeypatch):
    """What a build left in a folder."""
    monkeypatch.setattr(turns, "_held", [])
    doctrees = tmp_path / "x y é" / "_build" / ".doctrees"
    doctrees.mkdir(parents=True)
    yield doctrees
    for lock in turns._held:
        lock.close()


@pytest.mark.parametrize(
    ("error", "warnings", "read_again"),
    [(None, 0, False), (None, 1, True), (OSError("full"), 0, True), ("killed", 0, True)],
)
def test_an_unfinished_build_is_begun_again(built, error, warnings, read_again):
    turns.begin(built)
    assert built.exists()
    if error != "killed":
        turns.end(SimpleNamespace(doctreedir=built, _warncount=warnings), error)
    turns._held.pop().close()
    turns.begin(built)
    assert built.exists() is not read_again


def test_a_second_build_waits_for_the_first(built):
    turns.begin(built)
    first = turns._held.pop()
    second = Thread(target=turns.begin, args=[built])
    second.start()
    second.join(0.2)
    assert second.is_alive()
    first.close()
    second.join(10)
    assert not second.is_alive()


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_broken_off_installation_is_begun_again(tmp_path, goes_on):
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    (tmp_path / "book").symlink_to(ROOT / "book")
    environment = tmp_path / ".venv"
    (environment / "half").mkdir(parents=True)
    (environment / ".begun").write_text(f"{os.getpid()}\n" if goes_on else "99999999\n")
    program = tmp_path / "python"  # makes an environment in which pip only fails
    program.write_text(
        '#!/bin/sh\ncase "$1" in -m) mkdir -p .venv/bin; ln -sf "$(command -v false)" '
        ".venv/bin/python;; esac\n"
    )
    program.chmod(0o755)
    command = ["make", "-C", tmp_path, "-f", ROOT / "Makefile", f"PYTHON={program}", "book"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert ("Another make is installing" in done.stdout) == goes_on
    assert (environment / "half").exists() == goes_on
    assert (environment / ".begun").exists()
    assert not (environment / ".book").exists()
