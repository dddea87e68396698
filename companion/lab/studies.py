r"""Studies: experiments too long for a notebook, run once, their result stored beside them.

A study is a short file, ``book/studies/NAME.py``, that needs nothing beside it::

    from companion.lab.studies import Study

    def train(seed, depth, initializer, learning_rate):
        ...
        return {"accuracy": accuracy, "validation_accuracy": validation_accuracy}

    STUDY = Study(
        question="Does He initialization train deeper ReLU networks than Glorot's?",
        run=train,
        settings={"5 layers": {"depth": 5}, "30 layers": {"depth": 30}},
        variants={"he": {"initializer": "he_normal"}, "glorot": {"initializer": "glorot_normal"}},
        seeds=range(20),
        learning_rates=[1e-3, 1e-2, 1e-1],
        tuning_seeds=range(100, 103),
        tuning_metric="validation_accuracy",
        smallest={"accuracy": 0.005},
    )

``python -m companion.lab.studies NAME`` makes ``book/studies/NAME.csv`` of it; interrupted, it
continues where it was. :func:`load` reads the result, :func:`spot_check` tests it.
"""

import argparse
import ast
import hashlib
import json
import os
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache, partial
from io import StringIO
from itertools import chain, product
from math import ceil
from numbers import Integral
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy import stats
from tqdm import tqdm

import companion
from companion._checks import (
    check_function,
    check_instance,
    check_one_of,
    check_variants,
    numbers,
)
from companion.lab import BOOK
from companion.lab._machine import processor
from companion.lab._reading import DamagedError, reading
from companion.lab.experiments import (
    Experiment,
    Interval,
    best_rates,
    paired_difference,
    run_calls,
)

if sys.platform != "win32":
    import fcntl

#: Where the book's studies and their results lie.
FOLDER = BOOK / "studies"

#: The columns that say which run a row is.
LABELS = ("stage", "setting", "variant", "learning_rate", "seed")

_Call = tuple[dict[str, Any], dict[str, Any]]  # labels, and what Study.arguments is asked for


@dataclass(frozen=True, kw_only=True)
class Study:
    """The definition of a study, fixed before it runs.

    Parameters
    ----------
    question
        What it answers, in one sentence.
    run
        One run, as in :func:`companion.lab.experiments.run`: called with ``seed``, the arguments
        of its setting and variant and, where rates are searched, ``learning_rate``.
    variants
        What is compared: arguments by name.
    seeds
        The seeds of the final runs, the same for all variants.
    settings
        Where it is compared: arguments by name. Every setting runs every variant.
    learning_rates
        The grid searched for each variant in each setting; None: no search.
    tuning_seeds, tuning_metric, tuning_mode
        The search's seeds, its metric on validation data, and which is best: ``"max"``, ``"min"``.
    smallest
        By metric, the smallest difference that matters.

    Raises
    ------
    ValueError
        When a seed is given twice, a search lacks its seeds or metric, or an argument has the
        name of a column.

    Examples
    --------
    >>> study = Study(question="Is double more?", run=lambda seed, factor: {"y": factor * seed},
    ...               variants={"single": {"factor": 1}, "double": {"factor": 2}}, seeds=range(10))
    >>> study.size
    20
    """

    question: str
    run: Experiment
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"default": {}})
    learning_rates: Sequence[float] | None = None
    tuning_seeds: Sequence[int] = ()
    tuning_metric: str = ""
    tuning_mode: str = "max"
    smallest: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_function("run", self.run)
        check_variants(self.variants)
        check_variants(self.settings)
        check_instance("tuning_metric", self.tuning_metric, str)
        check_one_of("tuning_mode", self.tuning_mode, ("max", "min"))
        if self.learning_rates is not None and numbers("rates", self.learning_rates).ndim != 1:
            raise ValueError(f"learning_rates must be a row; received {self.learning_rates}")
        for seeds in (self.seeds, self.tuning_seeds):
            if not isinstance(seeds, Sequence) or not all(isinstance(s, Integral) for s in seeds):
                raise TypeError(f"seeds must be a sequence of integers; received {seeds!r}")
            if len(set(seeds)) < len(seeds):
                raise ValueError(f"each seed must be given once; received {list(seeds)}")
        if self.rates and not (len(self.tuning_seeds) and self.tuning_metric):
            raise ValueError("learning_rates need tuning_seeds and tuning_metric")
        owners = [*self.settings.values(), *self.variants.values()]
        names = {name for arguments in owners for name in arguments}
        reserved = set(LABELS) if self.rates else set(LABELS) - {"learning_rate"}
        if clash := sorted(names & reserved):
            raise ValueError(f"arguments must not have the names of columns; received {clash}")

    @property
    def rates(self) -> list[float]:
        """The learning rates that are searched; none without a search."""
        return [] if self.learning_rates is None else [float(rate) for rate in self.learning_rates]

    @property
    def size(self) -> int:
        """The number of runs, those of the search included."""
        each = len(self.rates) * len(self.tuning_seeds) + len(self.seeds)
        return len(self.settings) * len(self.variants) * each

    def arguments(
        self, setting: str, variant: str, seed: int, learning_rate: float | None = None
    ) -> dict[str, Any]:
        """Return what ``run`` is called with; the learning rate counts where rates are searched."""
        searched = {"learning_rate": learning_rate} if self.rates else {}
        return {**self.settings[setting], **self.variants[variant], **searched, "seed": seed}


@dataclass(frozen=True)
class Result:
    """A study's result, as :func:`load` returns it.

    Parameters
    ----------
    study
        The definition.
    frame
        One row a run: ``stage`` (tuning or final), ``setting``, ``variant``, their arguments,
        ``learning_rate``, ``seed``, the metrics, ``seconds``.
    provenance
        Name, question, fingerprint of the definition, versions, processor, wall time, number of
        workers, date.

    Examples
    --------
    >>> study = Study(question="Is double more?", run=dict, seeds=range(2),
    ...               variants={"single": {}, "double": {}})
    >>> frame = pd.DataFrame({"stage": "final", "setting": "default", "seed": [0, 1, 0, 1],
    ...                       "variant": ["single", "single", "double", "double"],
    ...                       "y": [1.0, 2.0, 2.1, 3.9]})
    >>> print(Result(study, frame, {}).differences("y", "double", "single")["default"])
    1.5000 [-3.5825, 6.5825]
    """

    study: Study
    frame: pd.DataFrame
    provenance: dict[str, str]

    @property
    def final(self) -> pd.DataFrame:
        """The final runs."""
        return self.frame[self.frame["stage"] == "final"]

    def differences(self, metric: str, a: str, b: str, level: float = 0.95) -> dict[str, Interval]:
        """Return the paired difference a - b of two variants by setting."""
        return {
            setting: paired_difference(
                self.final[self.final["setting"] == setting], metric, a, b, level
            )
            for setting in self.study.settings
        }

    @property
    def at_edge(self) -> list[tuple[str, str]]:
        """Setting and variant of each chosen learning rate at an edge of the grid."""
        rates = sorted(self.study.rates)
        edge = self.final[self.final["learning_rate"].isin(rates[:1] + rates[-1:])]
        return list(dict.fromkeys(zip(edge["setting"], edge["variant"], strict=True)))


# Definition


def _open(path: Path) -> tuple[Study, str]:
    """Execute a study file; return its study and the fingerprint of its definition."""
    if not path.exists():
        known = sorted(other.stem for other in path.parent.glob("*.py"))
        raise FileNotFoundError(f"no study {path.stem!r} in {path.parent}; there are {known}")
    source = path.read_text(encoding="utf-8")
    module = ModuleType(f"study_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, path, "exec"), module.__dict__)
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise TypeError(f"{path} must define STUDY, a Study; received {study!r}")
    declared = {f.name: _plain(getattr(study, f.name)) for f in fields(study) if f.name != "run"}
    text = json.dumps([_code(ast.parse(source)), declared])
    return study, hashlib.sha256(text.encode()).hexdigest()[:16]


def _code(node: Any) -> Any:
    """Code without comments, layout and docstrings, the same in all versions of Python."""
    if isinstance(node, ast.AST):
        parts = {k: _code(v) for k, v in ast.iter_fields(node) if v is not None and v != []}
        return [type(node).__name__, parts]
    if isinstance(node, list):
        return [_code(item) for item in node if not _is_docstring(item)]
    return repr(node)


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it; a function as its name, an object less its address."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | float | None):
        return value
    return getattr(value, "__name__", re.sub(r" at 0x\w+", "", repr(value)))


@lru_cache
def _opened(path: Path, fingerprint: str) -> Study:
    study, found = _open(path)
    if found != fingerprint:
        raise RuntimeError(f"{path} changed while it was running")
    return study


def _run(path: Path, fingerprint: str, **place: Any) -> Mapping[str, Any]:
    """One run, in a worker, which opens the study file itself: its functions could not travel."""
    study = _opened(path, fingerprint)
    return study.run(**study.arguments(**place))


# Running


def run_study(name: str, folder: Path = FOLDER, *, n_jobs: int = -1) -> Result:
    r"""Run a study, or what is left of it, and store its result.

    Every finished run is stored at once in ``.partial/NAME.jsonl``: an interruption loses only
    those that were running. The result appears in one step, when all runs are done.

    Parameters
    ----------
    name, folder
        The study is ``folder/NAME.py``, its result ``folder/NAME.csv``.
    n_jobs
        As in :func:`companion.lab.experiments.run`.

    Returns
    -------
    Result
        What :func:`load` returns from now on.

    Raises
    ------
    FileNotFoundError
        When there is no such study.
    RuntimeError
        When a run fails; the message names it.
    BlockingIOError
        When another process is running the study.
    TypeError
        When the file defines no study.
    ValueError
        When every learning rate of a variant diverged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> definition = '''
    ... from companion.lab.studies import Study
    ... STUDY = Study(question="Is double more?", run=lambda seed, factor: {"y": factor * seed},
    ...               variants={"single": {"factor": 1}, "double": {"factor": 2}}, seeds=range(2))
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "toy.py").write_text(definition)
    ...     result = run_study("toy", Path(folder), n_jobs=1)
    toy: 4 runs, 0 of them done. Is double more?
    >>> result.final[["variant", "factor", "seed", "y"]]
      variant  factor  seed    y
    0  single       1     0  0.0
    1  single       1     1  1.0
    2  double       2     0  0.0
    3  double       2     1  2.0
    """
    path = Path(folder).resolve() / f"{name}.py"
    study, fingerprint = _open(path)
    identity = {"study": name, "question": " ".join(study.question.split())}
    identity |= {"fingerprint": fingerprint} | _environment()
    with _alone(path):
        return _run_what_is_left(path, study, identity, n_jobs)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from running the same study; the lock ends with its process."""
    with path.open("rb+") as definition:
        if sys.platform != "win32":  # where there is no such lock
            try:
                fcntl.flock(definition, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(f"another process is running {path}") from None
        yield


def _run_what_is_left(path: Path, study: Study, identity: dict[str, str], n_jobs: int) -> Result:
    name, fingerprint = path.stem, identity["fingerprint"]
    store = path.parent / ".partial" / f"{name}.jsonl"
    rows = _finished(store, identity)
    print(f"{name}: {study.size} runs, {len(rows)} of them done. {study.question}", flush=True)

    with store.open("a", encoding="utf-8") as file, tqdm(total=study.size, unit="run") as bar:
        bar.initial = bar.n = len(rows)

        def complete(calls: Iterator[_Call]) -> None:
            """Do those of the calls that are not done; store each run as it finishes."""
            done = {_key(row) for row in rows}
            left = [call for call in calls if _key(call[0]) not in done]
            before = time.perf_counter()
            for row in run_calls(partial(_run, path, fingerprint), left, n_jobs=n_jobs):
                now = time.perf_counter()
                rows.append({**row, "wall": now - before})
                before = now
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
                os.fsync(file.fileno())
                bar.update()

        complete(_tuning_calls(study))
        complete(_final_calls(study, rows))

    identity["wall_seconds"] = f"{sum(row['wall'] for row in rows):.0f}"
    identity["workers"] = str(effective_n_jobs(n_jobs))
    identity["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    _write(path.with_suffix(".csv"), identity, _table(study, rows))
    store.unlink()
    return load(name, path.parent)


def _tuning_calls(study: Study) -> Iterator[_Call]:
    for setting in study.settings:
        for seed in study.tuning_seeds:
            for variant in study.variants:
                for rate in study.rates:
                    yield _call(study, "tuning", setting, variant, seed, rate)


def _final_calls(study: Study, rows: list[dict[str, Any]]) -> Iterator[_Call]:
    for setting in study.settings:
        best: dict[str, float] = {}
        if study.rates:
            tried = [row for row in rows if row["setting"] == setting and row["stage"] == "tuning"]
            best = best_rates(pd.DataFrame(tried), study.tuning_metric, study.tuning_mode)
        for seed in study.seeds:
            for variant in study.variants:
                yield _call(study, "final", setting, variant, seed, best.get(variant))


def _call(
    study: Study, stage: str, setting: str, variant: str, seed: int, rate: float | None
) -> _Call:
    """Labels of one run, and its place in the study."""
    place: dict[str, Any] = {
        "setting": setting,
        "variant": variant,
        "seed": seed,
        "learning_rate": rate,
    }
    labels = {"stage": stage, "setting": setting, "variant": variant, "learning_rate": None}
    for name, value in study.arguments(**place).items():
        simple = isinstance(value, str | int | float | None)
        labels[name] = value if simple else str(_plain(value))
    return labels, place


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in LABELS)


def _finished(store: Path, identity: dict[str, str]) -> list[dict[str, Any]]:
    """Return the runs that an interrupted study finished; begin a store where there is none."""
    lines: list[dict[str, Any]] = []
    size = 0
    if store.exists():
        for line in store.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"}\n"):
                break  # torn by the interruption
            lines.append(json.loads(line))
            size += len(line)
        os.truncate(store, size)
    if lines and lines[0] == identity:
        return lines[1:]
    if lines:
        print("What was interrupted had another definition or environment: starting anew.")
    store.parent.mkdir(exist_ok=True)
    store.write_text(json.dumps(identity) + "\n", encoding="utf-8")
    return []


def _environment() -> dict[str, str]:
    return {
        "companion": companion.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": processor(),
    }


# The result


def _table(study: Study, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the runs in the order of the definition, labels first, seconds last."""
    settings, variants = list(study.settings), list(study.variants)
    rows = sorted(
        rows,
        key=lambda row: (
            row["stage"] == "final",
            settings.index(row["setting"]),
            variants.index(row["variant"]),
            row["learning_rate"] or 0,
            row["seed"],
        ),
    )
    frame = pd.DataFrame(rows)
    first = _first_columns(study)
    metrics = [name for name in frame if name not in {*first, "seconds", "wall"}]
    return frame[[*first, *metrics, "seconds"]]


def _first_columns(study: Study) -> list[str]:
    """Return the columns that say what a run was, before those that say what it gave."""
    owners = [*study.settings.values(), *study.variants.values()]
    parameters = [name for name in dict.fromkeys(chain(*owners)) if name not in LABELS]
    return ["stage", "setting", "variant", *parameters, "learning_rate", "seed"]


def _write(path: Path, provenance: Mapping[str, str], frame: pd.DataFrame) -> None:
    """Write a result; whoever reads it meanwhile sees the whole old or the whole new one."""
    draft = path.with_suffix(".csv.draft")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in provenance.items())
        frame.to_csv(file, index=False, na_rep="nan", lineterminator="\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(name: str, folder: Path = FOLDER) -> Result:
    """Return the result of a study.

    Parameters
    ----------
    name, folder
        The study is ``folder/NAME.py``, its result ``folder/NAME.csv``.

    Returns
    -------
    Result
        Definition, table and provenance.

    Raises
    ------
    FileNotFoundError
        When there is no such study, or no result of it yet.
    ValueError
        When the definition changed after the result was made, or the result is damaged: runs of
        the definition are missing, or stand twice, or hold what is no number.

    Examples
    --------
    >>> load("a-study-that-nobody-wrote")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no study 'a-study-that-nobody-wrote' in ...
    """
    path = Path(folder).resolve() / f"{name}.py"
    study, fingerprint = _open(path)
    command = f"python -m companion.lab.studies {name}"
    if not path.with_suffix(".csv").exists():
        raise FileNotFoundError(f"study {name!r} has no result yet; run: {command}")
    with reading(path.with_suffix(".csv")):
        lines = path.with_suffix(".csv").read_text(encoding="utf-8").splitlines(keepends=True)
        header = [line[2:].strip().partition(": ") for line in lines if line.startswith("# ")]
        provenance = {key: value for key, _, value in header}
        made_of = provenance["fingerprint"]
        if not lines[-1].endswith("\n"):
            raise ValueError(f"its last line is cut off, {lines[-1]!r}")
    if made_of != fingerprint:
        raise ValueError(f"study {name!r} changed after its result was made; run: {command}")
    with reading(path.with_suffix(".csv")):
        frame = pd.read_csv(
            StringIO("".join(lines[len(header) :])),
            dtype={"stage": str, "setting": str, "variant": str},
            keep_default_na=False,
            na_values=["nan"],
        )
        _check(frame, study)
    return Result(study, frame, provenance)


def _check(frame: pd.DataFrame, study: Study) -> None:
    """Refuse a table that is not one of this study's runs, each once, and their numbers."""
    first = _first_columns(study)
    if (found := list(frame)[: len(first)]) != first or "seconds" not in frame:
        raise ValueError(f"expected columns {first}, metrics and seconds; it begins with {found}")
    expected = Counter(
        (stage, setting, variant, seed)
        for stage, seeds, times in (
            ("tuning", study.tuning_seeds, len(study.rates)),
            ("final", study.seeds, 1),
        )
        for setting, variant, seed in product(study.settings, study.variants, seeds)
        for _ in range(times)
    )
    columns = (frame[name] for name in ("stage", "setting", "variant", "seed"))
    runs = Counter(zip(*columns, strict=True))
    if wrong := (expected - runs) + (runs - expected):
        raise ValueError(
            f"expected each of {study.size} runs once; missing, too many or unknown: "
            f"{sum(wrong.values())}, first {next(iter(wrong))}"
        )
    measured = frame.drop(columns=first)
    if words := [str(name) for name in measured.select_dtypes(exclude=["number", "bool"])]:
        raise ValueError(f"expected a number in every line of {', '.join(words)}")


def spot_check(
    name: str, *, runs: int = 2, rng: np.random.Generator, folder: Path = FOLDER
) -> pd.DataFrame:
    r"""Repeat a few random runs of a study, and compare them with the stored ones.

    A metric holds when it equals that of the stored run (to :math:`10^{-6}`, as on the same
    processor), or lies in the prediction interval of the n stored runs of its variant and setting,

    .. math:: \bar x \pm t_{n-1,\,1-\alpha/2}\, s \sqrt{1 + 1/n}

    where :math:`\alpha` is 0.001 divided by the number of metrics compared, so that all intervals
    hold at once with 99.9 %. A metric that is not finite holds when a stored run diverged too.
    Metrics whose names end in "seconds" are the machine's, and not compared.

    Parameters
    ----------
    name, folder
        As in :func:`load`, whose errors are raised here.
    runs
        How many final runs to repeat, drawn from the fastest third.
    rng
        The source of the draw.

    Returns
    -------
    pandas.DataFrame
        One row a metric and run: ``setting``, ``variant``, ``seed``, ``metric``, ``stored``,
        ``repeated``, ``low``, ``high``, ``holds``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> definition = '''
    ... from companion.lab.studies import Study
    ... STUDY = Study(question="?", run=lambda seed: {"y": seed}, variants={"only": {}}, seeds=[2])
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "toy.py").write_text(definition)
    ...     _ = run_study("toy", Path(folder), n_jobs=1)
    ...     report = spot_check("toy", rng=np.random.default_rng(0), folder=Path(folder))
    toy: 1 runs, 0 of them done. ?
    >>> report[["stored", "repeated", "holds"]]
       stored  repeated  holds
    0     2.0       2.0   True
    """
    result = load(name, folder)
    final = result.final
    columns = [str(name) for name in final]
    metrics = [m for m in columns[columns.index("seed") + 1 :] if not m.endswith("seconds")]
    quick = final.nsmallest(max(ceil(len(final) / 3), min(runs, len(final))), "seconds")
    drawn = quick.sample(min(runs, len(quick)), random_state=rng)
    alpha = 0.001 / (len(drawn) * len(metrics))
    compared = []
    for run in drawn.to_dict("records"):
        labels = {key: run[key] for key in ("setting", "variant", "seed")}
        arguments = result.study.arguments(**labels, learning_rate=run["learning_rate"])
        (repeated,) = run_calls(result.study.run, [(labels, arguments)], n_jobs=1)
        alike = final[(final["setting"] == run["setting"]) & (final["variant"] == run["variant"])]
        for metric in metrics:
            new, stored = repeated.get(metric, np.nan), alike[metric].to_numpy(dtype=float)
            low, high = _prediction_interval(stored[np.isfinite(stored)], alpha)
            if np.isfinite(new):
                holds = low <= new <= high or np.isclose(new, run[metric], rtol=1e-6, atol=0)
            else:
                holds = not np.isfinite(stored).all()
            compared.append(
                labels
                | {"metric": metric, "stored": run[metric], "repeated": new}
                | {"low": low, "high": high, "holds": bool(holds)}
            )
    return pd.DataFrame(compared)


def _prediction_interval(values: np.ndarray, alpha: float) -> tuple[float, float]:
    """Where one more value is expected; a single value does not tell its spread."""
    if values.size == 0:
        return np.nan, np.nan
    mean, half = float(values.mean()), 0.0
    if values.size > 1:
        spread = float(values.std(ddof=1)) * (1 + 1 / values.size) ** 0.5
        half = float(stats.t.isf(alpha / 2, values.size - 1)) * spread
    return mean - half, mean + half


# The command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run studies from the command line: ``python -m companion.lab.studies --help``.

    Parameters
    ----------
    arguments
        What follows the command; None: those of the process.

    Returns
    -------
    int
        The exit status: 0; 1 if a result is damaged or the disk is full, say; 130 after an
        interruption.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     main(["--list", "--folder", folder])
    0
    """
    parser = argparse.ArgumentParser(
        prog="python -m companion.lab.studies",
        description="Run the studies that have no result or whose definition changed since.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a study (default: all)")
    parser.add_argument(
        "--jobs", type=int, default=-1, help="worker processes (default: one a core)"
    )
    parser.add_argument("--again", action="store_true", help="also run those that are up to date")
    parser.add_argument("--list", action="store_true", help="only say what there is to do")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    status = 0
    for name in options.names or sorted(path.stem for path in options.folder.glob("*.py")):
        try:
            done = load(name, options.folder).provenance
            state = f"{name}: up to date, made on {done['date']} in {done['wall_seconds']} s"
        except DamagedError as error:  # to restore it takes a second, to repeat it an hour
            done, state = {"date": "damaged"}, f"{error}, `--again` repeats the study"
            status = status if options.again else 1
        except (FileNotFoundError, ValueError) as error:
            done, state = {}, str(error)
        if options.list or (done and not options.again):
            print(state)
            continue
        try:
            result = run_study(name, options.folder, n_jobs=options.jobs)
        except KeyboardInterrupt:
            print(f"\n{name}: interrupted; finished runs are kept. The same command continues.")
            return 130
        except FileNotFoundError:
            raise
        except OSError as error:
            print(f"\n{name}: {error}. Finished runs are kept; the same command continues.")
            status = 1
            continue
        for setting, variant in result.at_edge:
            print(f"{name}: {variant} ({setting}) chose a rate at the edge of the grid: widen it.")
    return status


if __name__ == "__main__":
    from companion.lab import studies  # the module that study files import, not this __main__

    sys.exit(studies.main())
