"""The source's claims: read from the book's list, decided by a notebook's own run.

``book/claims.yml`` holds every statement of the source material with the verdict that the book
came to. A notebook decides a claim anew each time it runs, and a verdict other than the
recorded one is an error.
"""

import difflib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from companion.lab import BOOK
from companion.lab._reading import reading

#: Every verdict there is, with what it means.
VERDICTS = {
    "confirmed": "it holds as stated",
    "conditional": "it holds in some settings; the condition is named",
    "corrected": "a fact or form was wrong; the right one is given",
    "refuted": "the measurement contradicts it",
    "unresolved": "the measurement cannot tell; its interval is given",
    "untestable": "nothing that a run could decide",
}

#: What harm a faulty claim does to those who trust it, the worst first.
HARMS = {
    "silent": "code runs and does something else than it says",
    "stops": "code stops, and did so in every version",
    "aged": "it was right once and is so no longer",
    "formula": "a formula, a number or a fact is wrong",
    "conclusion": "an explanation or an advice is contradicted by the runs",
    "wording": "it is right once it is said more precisely",
}

#: The harm of a faulty claim whose entry names none, by its kind.
HARM_OF_KIND = {
    "code-cell": "aged",
    "api": "aged",
    "equation": "formula",
    "numeric": "formula",
    "empirical": "conclusion",
    "advice": "conclusion",
}


@dataclass(frozen=True)
class Claim:
    """One statement or code cell of the source material.

    Attributes
    ----------
    id, topic, chapter : str
        Its name, what it is about, and the chapter (a file's stem) that decides it.
    sources : list of str
        The note files in which it stands.
    statement : str
        What they say.
    kind : str
        equation, numeric, api, empirical, code-cell or advice.
    check, expect, effort : str
        How to test it, a forecast made before any run, and how long the test takes.
    harm : str
        What harm it does if it is faulty, one of :data:`HARMS`.
    verdict : str or None
        What the book found, one of :data:`VERDICTS`; None while the claim is open.
    note : str
        What is true instead, why a verdict differs from the forecast, or why nothing can be
        tested.
    """

    id: str
    topic: str
    chapter: str
    sources: Sequence[str]
    statement: str
    kind: str
    check: str
    expect: str
    effort: str
    harm: str = "wording"
    verdict: str | None = None
    note: str = ""

    @property
    def forecast(self) -> str:
        """The verdict that was forecast, one of :data:`VERDICTS`, or open."""
        words = self.expect.partition(":")[0]
        return {
            "confirmed with conditions": "conditional",
            "not testable here": "untestable",
        }.get(words, words)

    @property
    def faulty(self) -> bool:
        """Whether the source is wrong, the claim corrected or refuted."""
        return self.verdict in {"corrected", "refuted"}


class Decision(NamedTuple):
    """A verdict and what led to it."""

    verdict: str  #: one of :data:`VERDICTS`
    measured: str  #: the measurement in words


class VerdictChangedError(AssertionError):
    """A run came to another verdict than the recorded one."""


def load(path: Path = BOOK / "claims.yml") -> list[Claim]:
    """Return all claims, in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, an entry lacks a field or has an unknown one, an id stands twice, a
        topic has no chapter, a verdict is not one of :data:`VERDICTS` or a harm not one of
        :data:`HARMS`; the message names the file.

    Examples
    --------
    >>> [claim] = [claim for claim in load() if claim.id == "init-lecun-equals-glorot"]
    >>> claim.topic, claim.chapter
    ('initialization', '02-initialization')
    """
    with reading(path):
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        claims = [_claim(entry, content["chapters"]) for entry in content["claims"]]
        _check(claims)
    return claims


def _claim(entry: dict[str, Any], chapters: dict[str, str]) -> Claim:
    try:
        harm = HARM_OF_KIND[entry["kind"]]
        return Claim(chapter=chapters.get(entry["topic"], ""), **{"harm": harm} | entry)
    except (TypeError, KeyError) as error:
        raise ValueError(f"{error!r}, in the entry {str(entry)[:200]}") from error


def _check(claims: Sequence[Claim]) -> None:
    """Refuse what no entry alone shows to be wrong, and words that do not exist."""
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ValueError(f"expected each id once; received {claim.id!r} again")
        seen.add(claim.id)
        if not claim.chapter:
            raise ValueError(f"expected a chapter for each topic; {claim.topic!r} has none")
        if claim.verdict is not None and claim.verdict not in VERDICTS:
            raise ValueError(
                f"verdict must be one of {', '.join(VERDICTS)}; "
                f"received {claim.verdict!r} for {claim.id}"
            )
        if claim.harm not in HARMS:
            raise ValueError(
                f"harm must be one of {', '.join(HARMS)}; received {claim.harm!r} for {claim.id}"
            )


@dataclass
class Claims:
    """The claims of a chapter, to be decided by its notebook.

    Parameters
    ----------
    *topics : str
        The topics whose claims the chapter decides.

    Raises
    ------
    ValueError
        If there is no such topic.

    Examples
    --------
    >>> claims = Claims("initialization")
    >>> ratio = 300 / ((784 + 300) / 2)
    >>> claims.decide("init-lecun-equals-glorot", f"784 to 300: ratio {ratio:.2f}",
    ...               confirmed=ratio != 1)
    CONFIRMED init-lecun-equals-glorot: 784 to 300: ratio 0.55
    """

    claims: dict[str, Claim] = field(init=False)
    decisions: dict[str, Decision] = field(init=False, default_factory=dict)

    def __init__(self, *topics: str, path: Path = BOOK / "claims.yml") -> None:
        every = load(path)
        known = {claim.topic for claim in every}
        if not topics or set(topics) - known:
            raise ValueError(f"expected topics among {', '.join(sorted(known))}; received {topics}")
        self.claims = {claim.id: claim for claim in every if claim.topic in topics}
        self.decisions = {}

    def decide(
        self, claim_id: str, measured: str, verdict: str | None = None, **conditions: bool
    ) -> None:
        """Decide a claim by a measurement, and print the verdict in one line.

        Parameters
        ----------
        claim_id : str
            Which claim.
        measured : str
            What was measured, in words and numbers.
        verdict : str, optional
            The verdict, where a function found it.
        **conditions : bool
            Otherwise: what must hold for each verdict, such as ``confirmed=error < 0.02``. The
            first that is true gives the verdict; if none is, the claim is unresolved.

        Raises
        ------
        ValueError
            If the claim is not one of the chapter's, or a verdict is none of :data:`VERDICTS`.
        VerdictChangedError
            If the verdict is not the recorded one. The line is printed before.
        """
        if not isinstance(claim_id, str) or claim_id not in self.claims:
            near = difflib.get_close_matches(str(claim_id), self.claims, n=3)
            raise ValueError(
                f"expected a claim of this chapter, such as {near}; received {claim_id!r}"
            )
        for word in (*conditions, *([] if verdict is None else [verdict])):
            if not isinstance(word, str) or word not in VERDICTS:
                raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}; received {word!r}")
        if verdict is None:
            verdict = next((word for word, holds in conditions.items() if holds), "unresolved")
        self.decisions[claim_id] = Decision(verdict, measured)
        print(f"{verdict.upper()} {claim_id}: {measured}")
        recorded = self.claims[claim_id].verdict
        if verdict != recorded:
            raise VerdictChangedError(
                f"{claim_id}: this run says {verdict}, book/claims.yml says {recorded or 'nothing'}"
            )

    def table(self) -> "VerdictTable":
        """Return the table of the chapter's claims, as far as this run has decided them."""
        return VerdictTable(list(self.claims.values()), self.decisions)


@dataclass
class VerdictTable:
    """Claims and their decisions, as a table of a notebook."""

    claims: list[Claim]
    decisions: dict[str, Decision]

    def __repr__(self) -> str:
        return "\n".join(
            f"{verdict.upper()} {claim.id}: {measured}" for claim, verdict, measured in self._rows()
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{self._name(claim)}<br>{html.escape(claim.statement)}</td>"
            f'<td><span class="verdict verdict-{verdict}">{verdict}</span></td>'
            f"<td>{html.escape(measured)}</td></tr>\n"
            for claim, verdict, measured in self._rows()
        )
        return (
            '<table class="verdicts"><thead><tr><th scope="col">The source says</th>'
            '<th scope="col">Verdict</th><th scope="col">Measured here</th></tr></thead>\n'
            f"<tbody>{rows}</tbody></table>"
        )

    def _name(self, claim: Claim) -> str:
        """Return the claim's id, which links to the cell that decided it, if one did."""
        name = f"<code>{claim.id}</code>"
        decided = claim.id in self.decisions
        return f'<a href="#claim-{claim.id}">{name}</a>' if decided else name

    def _rows(self) -> list[tuple[Claim, str, str]]:
        return [
            (claim, *self.decisions.get(claim.id, _without_run(claim))) for claim in self.claims
        ]


def _without_run(claim: Claim) -> Decision:
    if claim.verdict == "untestable":
        return Decision("untestable", claim.note)
    return Decision("open", "not decided yet")


_LINE = re.compile(
    rf"^({'|'.join(word.upper() for word in VERDICTS)}) ([\w-]+): (.*)$", re.MULTILINE
)


def recorded_decisions(notebook: Path) -> dict[str, Decision]:
    """Return the decisions that a stored notebook's cells printed, by the claim's id.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a claim is decided twice, or the file is damaged; the message names it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> cell = {
    ...     "source": ['claims.decide("two", "2 + 2 = 4", confirmed=2 + 2 == 4)'],
    ...     "outputs": [{"name": "stdout", "text": ["CONFIRMED two: 2 + 2 = 4"]}],
    ... }
    >>> with TemporaryDirectory() as folder:
    ...     notebook = Path(folder, "chapter.ipynb")
    ...     _ = notebook.write_text(json.dumps({"cells": [cell]}))
    ...     recorded_decisions(notebook)
    {'two': Decision(verdict='confirmed', measured='2 + 2 = 4')}
    """
    with reading(notebook):
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        printed = [
            "".join(output["text"])
            for cell in cells
            if "decide(" in "".join(cell["source"])
            for output in cell.get("outputs", [])
            if output.get("name") == "stdout"
        ]
    decisions: dict[str, Decision] = {}
    for text in printed:
        for verdict, claim_id, measured in _LINE.findall(text):
            if claim_id in decisions:
                raise ValueError(f"expected one decision on {claim_id}; received another")
            decisions[claim_id] = Decision(verdict.lower(), measured)
    return decisions
