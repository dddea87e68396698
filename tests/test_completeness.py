"""Nothing of the source is forgotten: each claim and each code cell is accounted for.

A chapter counts from the moment on which the contents list it; then all its claims must be decided.
When the contents list every chapter, no claim may be open.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from companion.lab import idioms
from companion.lab.claims import BOOK, HARMS, VERDICTS, load, recorded_decisions

CONTENTS = (BOOK.parent / "_toc.yml").read_text("utf-8")
CLAIMS = load()
#: The pages that decide claims, as far as they are written.
PAGES = [
    chapter
    for chapter in dict.fromkeys(claim.chapter for claim in CLAIMS)
    if f"book/{chapter}.ipynb" in CONTENTS
]
WRITTEN = [claim for claim in CLAIMS if claim.chapter in PAGES]
DECISIONS = {page: recorded_decisions(BOOK / f"{page}.ipynb") for page in PAGES}


def test_the_ledger_holds_the_ids_that_were_agreed_upon():
    agreed = Path(__file__).with_name("claim_ids.txt").read_text("utf-8").split()
    assert len(agreed) == 358
    assert Counter(claim.id for claim in CLAIMS) == Counter(agreed)


def test_every_claim_of_a_written_chapter_is_decided():
    assert [claim.id for claim in WRITTEN if claim.verdict is None] == []


def test_no_claim_has_a_verdict_before_its_chapter_is_written():
    waiting = [claim for claim in CLAIMS if claim not in WRITTEN]
    assert [claim.id for claim in waiting if claim.verdict is not None] == []


def test_a_claim_is_decided_in_exactly_one_cell():
    # recorded_decisions refuses a page that decides one twice
    counts = Counter(name for decisions in DECISIONS.values() for name in decisions)
    assert [name for name, count in counts.items() if count > 1] == []
    untestable = {claim.id for claim in WRITTEN if claim.verdict == "untestable"}
    assert {claim.id for claim in WRITTEN} - counts.keys() <= untestable


def test_no_verdict_without_a_run():
    for claim in WRITTEN:
        decision = DECISIONS[claim.chapter].get(claim.id)
        if decision is None:
            assert (claim.verdict, bool(claim.note)) == ("untestable", True), claim.id
        else:
            assert (claim.verdict, bool(decision.measured)) == (decision.verdict, True), claim.id


@pytest.mark.parametrize("page", PAGES)
def test_a_chapter_shows_its_claims_in_a_table_that_agrees_with_the_ledger(page):
    # line by line, as the stored notebook shows them
    ledger = {
        claim.id: (claim.verdict, getattr(DECISIONS[page].get(claim.id), "measured", claim.note))
        for claim in WRITTEN
        if claim.chapter == page
    }
    assert tables(BOOK / f"{page}.ipynb") == ledger


def tables(notebook):
    """Return what a stored notebook's tables of claims say, by the claim's id."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = [
        "".join(output["data"]["text/plain"])
        for output in outputs
        if '<table class="verdicts">' in "".join(output.get("data", {}).get("text/html", ""))
    ]
    words = "|".join([*VERDICTS, "open"])
    line = re.compile(rf"^({words}) ([\w-]+): (.*)$", re.MULTILINE | re.IGNORECASE)
    found = [match for text in texts for match in line.findall(text)]
    rows = {name: (verdict.lower(), measured) for verdict, name, measured in found}
    assert len(rows) == len(found), "a claim stands twice"
    return rows


def test_what_the_source_has_wrong_is_put_right():
    faulty = [claim for claim in CLAIMS if claim.faulty]
    assert [claim.id for claim in faulty if not claim.note] == []
    assert {claim.harm for claim in faulty} <= set(HARMS)


def test_a_verdict_that_was_not_forecast_is_explained():
    surprising = [c for c in CLAIMS if c.verdict is not None and c.verdict != c.forecast]
    assert [claim.id for claim in surprising if not claim.note] == []


def test_every_forecast_is_one_of_the_verdicts_or_open():
    assert {claim.forecast for claim in CLAIMS} <= {*VERDICTS, "open"}


def test_what_is_unresolved_has_an_interval_and_a_number_of_runs():
    for claim in WRITTEN:
        if claim.verdict == "unresolved":
            measured = DECISIONS[claim.chapter][claim.id].measured
            assert re.search(r"\[\S+, \S+\]", measured), claim.id
            assert re.search(r"\b(seeds|runs|pairs|n =)", f"{measured} {claim.note}"), claim.id


@pytest.mark.parametrize("cell", idioms.all_cells())
def test_a_code_cell_has_its_counterpart(cell):
    """The phrasebook runs a modern form, and a chapter decides the claim that names the cell."""
    assert any(cell in idiom.cells for idiom in idioms.load())
    claims = idioms.claims_by_cell()[cell]
    assert any(claim.kind == "code-cell" for claim in claims)
    for claim in claims:
        if claim.chapter in PAGES:
            assert claim.id in DECISIONS[claim.chapter]
