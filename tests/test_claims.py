"""The list of claims, how a notebook decides them, and that the deciding cells can fail."""

import contextlib
import runpy
from pathlib import Path

import jupytext
import numpy as np
import pytest

from companion.lab.claims import VERDICTS, Claims, VerdictChangedError, load, recorded_decisions
from companion.lab.experiments import (
    mean_interval,
    paired_difference,
    verdict_from_intervals,
)
from companion.lab.plots import number

BOOK = Path(__file__).parents[1] / "book"
CLAIMS = {claim.id: claim for claim in load()}
#: What is written of the pages that decide claims.
NOTEBOOKS = [
    path
    for chapter in dict.fromkeys(claim.chapter for claim in CLAIMS.values())
    if (path := BOOK / f"{chapter}.ipynb").exists()
]


def test_the_list_is_whole():
    claims = load()
    assert len(claims) == 358
    assert len({claim.id for claim in claims}) == 358
    for claim in claims:
        assert claim.verdict is None or claim.verdict in VERDICTS
        if claim.verdict == "untestable":
            assert claim.note, f"{claim.id} does not say why it cannot be tested"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_decides_its_claims_as_the_list_records(notebook):
    recorded = {c.id: c.verdict for c in load() if c.chapter == notebook.stem and c.verdict}
    decided = {name: decision.verdict for name, decision in recorded_decisions(notebook).items()}
    without_run = {name for name, verdict in recorded.items() if verdict == "untestable"}
    assert decided.items() <= recorded.items()
    assert recorded.keys() - decided.keys() <= without_run


def test_no_claim_has_a_verdict_without_a_chapter():
    written = {path.stem for path in NOTEBOOKS}
    assert {claim.chapter for claim in load() if claim.verdict} <= written


LIST = """
chapters: {heights: 99-heights}
claims:
- {topic: heights, id: h-tall, sources: [a], statement: It is <tall>, kind: numeric, check: measure,
   expect: open, effort: small, verdict: confirmed}
- {topic: heights, id: h-new, sources: [a], statement: It is new, kind: numeric, check: look,
   expect: open, effort: small}
- {topic: heights, id: h-old, sources: [a], statement: It was there, kind: advice, check: none,
   expect: open, effort: small, verdict: untestable, note: nobody knows}
"""


@pytest.fixture
def claims(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(LIST)
    return Claims("heights", path=path)


def test_the_first_condition_that_holds_decides(claims, capsys):
    claims.decide("h-tall", "2.1 m", refuted=False, confirmed=True, corrected=True)
    assert capsys.readouterr().out == "CONFIRMED h-tall: 2.1 m\n"
    assert claims.decisions["h-tall"] == ("confirmed", "2.1 m")


def test_another_verdict_than_the_recorded_one_fails(claims, capsys):
    with pytest.raises(VerdictChangedError, match=r"this run says unresolved, .* says confirmed"):
        claims.decide("h-tall", "1.0 m", confirmed=False)
    assert capsys.readouterr().out == "UNRESOLVED h-tall: 1.0 m\n"
    with pytest.raises(VerdictChangedError, match="says nothing"):
        claims.decide("h-new", "1", "confirmed")


def test_unknown_claims_and_words_are_refused(claims, tmp_path):
    with pytest.raises(ValueError, match=r"such as \['h-tall'.*received 'h-tal'"):
        claims.decide("h-tal", "1", confirmed=True)
    with pytest.raises(ValueError, match="received 'proved'"):
        claims.decide("h-tall", "1", proved=True)
    with pytest.raises(ValueError, match="expected topics among heights"):
        Claims("widths", path=tmp_path / "claims.yml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("h-new", "h-tall", "each id once"),
        ("99-heights", "", "a chapter for each topic"),
        ("verdict: confirmed", "verdict: sure", "received 'sure' for h-tall"),
        ("verdict: confirmed", "harm: huge", "received 'huge' for h-tall"),
    ],
)
def test_a_faulty_list_is_refused(tmp_path, old, new, message):
    path = tmp_path / "claims.yml"
    path.write_text(LIST.replace(old, new))
    with pytest.raises(ValueError, match=message):
        load(path)


def test_the_table_shows_every_claim(claims):
    claims.decide("h-tall", "2 < 3", confirmed=True)
    table = claims.table()
    assert repr(table).splitlines() == [
        "CONFIRMED h-tall: 2 < 3",
        "OPEN h-new: not decided yet",
        "UNTESTABLE h-old: nobody knows",
    ]
    page = table._repr_html_()
    assert 'href="#claim-h-tall"' in page
    assert "It is &lt;tall&gt;" in page
    assert "2 &lt; 3" in page


# Each chapter's cells, fed with measurements that contradict what was recorded


class Undisturbed(Claims):
    """Claims that note a changed verdict without raising."""

    def decide(self, *args, **kwargs):
        with contextlib.suppress(VerdictChangedError):
            super().decide(*args, **kwargs)


def redecide(chapter, topic, claim_id, **measured):
    """Run the cell that decides a claim on other measurements; return its verdict."""
    cells = jupytext.read(BOOK / f"{chapter}.md").cells
    (cell,) = (c for c in cells if c.cell_type == "code" and f'"{claim_id}"' in c.source)
    claims = Undisturbed(topic)
    tools = {"np": np, "number": number, "claims": claims, "mean_interval": mean_interval}
    tools |= {
        "paired_difference": paired_difference,
        "verdict_from_intervals": verdict_from_intervals,
    }
    exec(cell.source, tools | measured)
    return claims.decisions[claim_id].verdict


#: By claim: measurements that contradict it, and the verdict to which they lead.
CONTRADICTIONS = {
    claim_id: entry
    for path in sorted(Path(__file__).with_name("contradictions").glob("*.py"))
    for claim_id, entry in runpy.run_path(str(path))["CONTRADICTIONS"].items()
}


@pytest.mark.parametrize("claim_id", CONTRADICTIONS)
def test_a_wrong_measurement_changes_the_verdict(claim_id):
    measured, verdict = CONTRADICTIONS[claim_id]
    claim = CLAIMS[claim_id]
    assert redecide(claim.chapter, claim.topic, claim_id, **measured) == verdict
    assert verdict != claim.verdict


@pytest.mark.parametrize("chapter", [path.stem for path in NOTEBOOKS])
def test_at_least_three_claims_of_a_chapter_are_contradicted(chapter):
    assert sum(CLAIMS[claim_id].chapter == chapter for claim_id in CONTRADICTIONS) >= 3
