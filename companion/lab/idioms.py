"""Old idioms of TensorFlow and Keras, what they do today, and their modern form: all of it run."""

import contextlib
import html
import io
import logging
import multiprocessing
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from companion.lab import BOOK
from companion.lab._reading import reading
from companion.lab.claims import Claim
from companion.lab.claims import load as load_claims

#: What code can do, the worst first. ``silent``: nothing is said, and the result is not the one
#: intended.
KINDS = ("error", "silent", "warning", "runs")

#: How many code cells each file of the source has.
CELLS = {"000": 9, "001": 13, "002": 8, "003": 42}


class Outcome(NamedTuple):
    """What some lines of code did."""

    kind: str  #: one of :data:`KINDS`
    message: str = ""  #: the first line of what was said; of a silent run, the check that failed


@dataclass(frozen=True)
class Idiom:
    """An old idiom and its modern form: an entry of the list ``book/from-tensorflow-1.yml``.

    Parameters
    ----------
    subject, name : str
        Under what it stands, and what it is called.
    cells : list of str
        The source's code cells that use it.
    old, new : str
        Both forms, as lines of code.
    v1 : str or None
        What to try under ``tf.compat.v1``.
    given, check : str
        What the lines find there, and an expression that should be true after them.
    note : str
        What a reader should know besides.
    """

    subject: str
    name: str
    cells: Sequence[str]
    old: str
    new: str
    v1: str | None
    given: str = ""
    check: str = "True"
    note: str = ""

    @property
    def anchor(self) -> str:
        """The idiom's place on a page."""
        return "idiom-" + re.sub(r"\W+", "-", self.name).strip("-").lower()


def load(path: Path = BOOK / "from-tensorflow-1.yml") -> list[Idiom]:
    """Return all idioms, in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, an entry lacks a field or has an unknown one, a name stands twice or
        a cell is none of the source's; the message names the file.

    Examples
    --------
    >>> load()[0].name
    'tf.placeholder'
    """
    with reading(path):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        idioms = [
            _idiom(subject, entry) for subject, entries in content.items() for entry in entries
        ]
        for name, times in Counter(idiom.name for idiom in idioms).items():
            if times > 1:
                raise ValueError(f"expected each name once; received {name!r} again")
        named = {cell for idiom in idioms for cell in idiom.cells}
        if unknown := named.difference(all_cells()):
            raise ValueError(f"expected cells of the source; received {sorted(unknown)}")
    return idioms


def _idiom(subject: str, entry: dict[str, Any]) -> Idiom:
    try:
        return Idiom(subject=subject, **{"new": entry["old"], "v1": entry["old"]} | entry)
    except (TypeError, KeyError) as error:
        raise ValueError(f"{error!r}, in the entry {str(entry)[:200]}") from error


def run(code: str, given: str = "", check: str = "True", v1: bool = False) -> Outcome:
    """Run lines of code in this process, in an empty folder, and say what they did.

    Parameters
    ----------
    code : str
        The lines; ``tf``, ``keras`` and ``np`` are there.
    given : str
        Lines that are run before, unobserved.
    check : str
        An expression that should be true afterwards.
    v1 : bool
        Whether ``tf`` is ``tf.compat.v1``, the behaviour of TensorFlow 2 switched off: for good,
        so leave such a run a process of its own, as :func:`run_all` does.

    Examples
    --------
    >>> run("optimizer = keras.optimizers.SGD(lr=0.1)")
    Outcome(kind='error', message="ValueError: Argument(s) not recognized: {'lr': 0.1}")
    """
    import keras
    import numpy as np
    import tensorflow as tf

    names = {"tf": tf.compat.v1 if v1 else tf, "keras": keras, "np": np}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        _notices() as notices,
    ):
        if v1:
            tf.compat.v1.disable_v2_behavior()
        exec(given, names)
        notices.clear()
        try:
            exec(code, names)
        except Exception as error:
            return Outcome("error", f"{type(error).__name__}: {_first_line(str(error))}")
        if notices:
            return Outcome("warning", _first_line(notices[0]))
        return Outcome("runs") if eval(check, names) else Outcome("silent", check)


@contextlib.contextmanager
def _notices() -> Iterator[list[str]]:
    """Collect what Python warns of, and what the loggers of TensorFlow and Keras warn of."""
    notices: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: notices.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    before = [(logger.level, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.level, logger.handlers, logger.propagate = logging.WARNING, [handler], False
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for unshown in (DeprecationWarning, PendingDeprecationWarning):  # as Python is without -W
            warnings.simplefilter("ignore", unshown)
        warnings.showwarning = lambda message, category, *_: notices.append(
            f"{category.__name__}: {message}"
        )
        try:
            yield notices
        finally:
            for logger, settings in zip(loggers, before, strict=True):
                logger.level, logger.handlers, logger.propagate = settings


def _first_line(message: str) -> str:
    """Return a message's first line, without what differs from run to run."""
    line = next(iter(message.strip().splitlines()), "")
    return re.sub(r"^From \S+ | at 0x[0-9a-f]+", "", line)  # the file that called; an address


@dataclass(frozen=True)
class Phrasebook:
    """Idioms and what running them showed; made by :func:`run_all`, shown part by part.

    Parameters
    ----------
    idioms : list of Idiom
    today : dict of str to Outcome
        What each old form did, by the idiom's name.
    v1 : dict of str to Outcome
        What it did under ``tf.compat.v1``, where that was tried.

    Examples
    --------
    >>> idioms = [idiom for idiom in load() if idiom.name == "setting optimizer.lr"]
    >>> Phrasebook(idioms, {"setting optimizer.lr": Outcome("silent")}, {}).names()
    SILENT setting optimizer.lr
    """

    idioms: Sequence[Idiom]
    today: dict[str, Outcome]
    v1: dict[str, Outcome]

    def cell_kind(self, cell: str) -> str:
        """Return the worst that an idiom of this cell of the source does."""
        kinds = {self.today[idiom.name].kind for idiom in self.idioms if cell in idiom.cells}
        return min(kinds, key=KINDS.index)

    def counts(self) -> "Page":
        """Return how many idioms and cells end in which way."""
        idioms = Counter(outcome.kind for outcome in self.today.values())
        cells = Counter(self.cell_kind(cell) for cell in all_cells())
        rows = [(kind, idioms[kind], cells[kind]) for kind in KINDS]
        body = "".join(
            f"<tr><td>{_badge(kind)}</td><td>{a}</td><td>{b}</td></tr>\n" for kind, a, b in rows
        )
        head = '<th scope="col">{}</th>'
        columns = ("what happens", "idioms", "cells of the source, by the worst in them")
        return Page(
            f"<table><thead><tr>{''.join(map(head.format, columns))}</tr></thead>"
            f"<tbody>{body}</tbody></table>",
            "\n".join(f"{kind}: {a} idioms, {b} cells" for kind, a, b in rows),
        )

    def names(self, *kinds: str) -> "Page":
        """Return the names of idioms in alphabetical order, each with a link to its entry.

        Parameters
        ----------
        *kinds : str
            Only idioms whose old form ends like that; default: all.
        """
        items, lines = [], []
        for idiom in sorted(self.idioms, key=lambda idiom: idiom.name.lower().lstrip("[")):
            kind = self.today[idiom.name].kind
            if kind in (kinds or KINDS):
                name = html.escape(idiom.name)
                items.append(f'<li><a href="#{idiom.anchor}">{name}</a> {_badge(kind)}</li>\n')
                lines.append(f"{kind.upper()} {idiom.name}")
        return Page(f'<ul class="idiom-names">{"".join(items)}</ul>', "\n".join(lines))

    def subject(self, subject: str) -> "Page":
        """Return the entries of one subject: the old form and what it does, the new form."""
        idioms = [idiom for idiom in self.idioms if idiom.subject == subject]
        if not idioms:
            subjects = dict.fromkeys(idiom.subject for idiom in self.idioms)
            raise ValueError(f"subject must be one of {', '.join(subjects)}; received {subject!r}")
        entries = "".join(map(self._entry, idioms))
        return Page(
            '<table class="idioms"><thead><tr><th scope="col">Then</th><th scope="col">Now</th>'
            f"</tr></thead>\n{entries}</table>",
            "\n".join(line for idiom in idioms for line in self._lines(idiom)),
        )

    def _outcomes(self, idiom: Idiom) -> list[tuple[str, Outcome]]:
        outcomes = [("today", self.today[idiom.name])]
        if idiom.name in self.v1:
            outcomes.append(("tf.compat.v1", self.v1[idiom.name]))
        return outcomes

    def _lines(self, idiom: Idiom) -> list[str]:
        return [
            f"{outcome.kind.upper()} {idiom.name}, {where}: {outcome.message}".rstrip(": ")
            for where, outcome in self._outcomes(idiom)
        ]

    def _entry(self, idiom: Idiom) -> str:
        outcomes = "".join(
            f"<p>{where} {_badge(outcome.kind)} {_message(outcome)}</p>"
            for where, outcome in self._outcomes(idiom)
        )
        same = "" if idiom.new != idiom.old else "<p>As it was.</p>"
        note = f"<p>{html.escape(idiom.note)}</p>" if idiom.note else ""
        cells = ", ".join(f'<a href="#{_anchor(cell)}">{cell}</a>' for cell in idiom.cells)
        cells = f"<p>in cell {cells}</p>" if len(idiom.cells) == 1 else f"<p>in cells {cells}</p>"
        return (
            f'<tbody id="{idiom.anchor}"><tr><th colspan="2" scope="rowgroup">'
            f"{html.escape(idiom.name)}</th></tr>\n"
            f"<tr><td>{_code(idiom.old)}{outcomes}{cells if idiom.cells else ''}</td>"
            f"<td>{same or _code(idiom.new)}{note}</td></tr></tbody>\n"
        )

    def cells(self) -> "Page":
        """Return every code cell of the source: its idioms, and the claims that speak of it."""
        claims = claims_by_cell()
        rows, lines = [], []
        for cell in all_cells():
            kind = self.cell_kind(cell)
            idioms = [idiom for idiom in self.idioms if cell in idiom.cells]
            links = ", ".join(f'<a href="#{i.anchor}">{html.escape(i.name)}</a>' for i in idioms)
            ledger = ", ".join(
                f'<a href="ledger.html#ledger-{claim.id}"><code>{claim.id}</code></a>'
                for claim in claims[cell]
            )
            rows.append(
                f'<tr id="{_anchor(cell)}"><td>{cell}</td><td>{_badge(kind)}</td>'
                f"<td>{links}</td><td>{ledger}</td></tr>\n"
            )
            names = ", ".join([i.name for i in idioms] + [claim.id for claim in claims[cell]])
            lines.append(f"{kind.upper()} {cell}: {names}")
        head = "".join(f'<th scope="col">{t}</th>' for t in ("cell", "today", "idioms", "claims"))
        return Page(
            f'<table class="idiom-cells"><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table>",
            "\n".join(lines),
        )


def run_all(idioms: Sequence[Idiom]) -> Phrasebook:
    """Run every form, each in a process of its own, for switches and warnings outlast their run.

    Raises
    ------
    RuntimeError
        If a modern form does not run in silence, with the result that it should have.

    Examples
    --------
    >>> idioms = [idiom for idiom in load() if idiom.name == "setting optimizer.lr"]
    >>> run_all(idioms).names()
    SILENT setting optimizer.lr
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "keras"])  # imported once, then inherited
    with context.Pool(1, maxtasksperchild=1) as pool:

        def outcomes(*jobs: tuple[str, str, str, bool]) -> list[Outcome]:
            return pool.starmap(run, jobs, chunksize=1)

        today = outcomes(*((i.old, i.given, i.check, False) for i in idioms))
        changed = [i for i in idioms if i.new != i.old]
        new = outcomes(*((i.new, i.given, i.check, False) for i in changed))
        stopped = [
            (i, i.v1)
            for i, outcome in zip(idioms, today, strict=True)
            if outcome.kind == "error" and i.v1 and re.search(r"\btf\.", i.v1)
        ]
        v1 = outcomes(*((code, i.given, "True", True) for i, code in stopped))
    found = _by_name(idioms, today)
    for name, outcome in (found | _by_name(changed, new)).items():
        if outcome.kind != "runs":
            raise RuntimeError(f"{name}: its modern form ends with {outcome}")
    return Phrasebook(idioms, found, _by_name([i for i, _ in stopped], v1))


def _by_name(idioms: Sequence[Idiom], outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    return {idiom.name: outcome for idiom, outcome in zip(idioms, outcomes, strict=True)}


def all_cells() -> list[str]:
    """Return the names of the source's code cells.

    Examples
    --------
    >>> all_cells()[:2]
    ['000#1', '000#2']
    """
    return [f"{file}#{n}" for file, count in CELLS.items() for n in range(1, count + 1)]


def claims_by_cell() -> dict[str, list[Claim]]:
    """Return, for each code cell of the source, the claims that name it.

    Examples
    --------
    >>> [claim.id for claim in claims_by_cell()["003#42"]]
    ['mn-cell']
    """
    found: dict[str, list[Claim]] = {cell: [] for cell in all_cells()}
    for claim in load_claims():
        for cell in cells_named(claim):
            found[cell].append(claim)
    return found


def cells_named(claim: Claim) -> list[str]:
    """Return the code cells of the source that a claim names.

    Examples
    --------
    >>> claims = {claim.id: claim for claim in load_claims()}
    >>> cells_named(claims["opt-cell-constructors"])
    ['003#17', '003#18', '003#19', '003#20']
    """
    cells: dict[str, None] = {}
    for file, first, last in re.findall(r"\b(\d{3})#(\d+)[a-c]?(?:-(\d+))?", claim.statement):
        cells |= {f"{file}#{n}": None for n in range(int(first), int(last or first) + 1)}
    return list(cells)


class Page(NamedTuple):
    """Something to show: as HTML where that can be, else as text."""

    page: str  #: as HTML
    text: str  #: as text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.page


def _anchor(cell: str) -> str:
    return f"cell-{cell.replace('#', '-')}"


def _badge(kind: str) -> str:
    return f'<span class="verdict outcome-{kind}">{kind}</span>'


def _message(outcome: Outcome) -> str:
    message = html.escape(outcome.message)
    return f"not so afterwards: <code>{message}</code>" if outcome.kind == "silent" else message


def _code(code: str) -> str:
    lines = highlight(code.strip(), PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()
    return f'<div class="highlight"><pre>{lines}</pre></div>'
