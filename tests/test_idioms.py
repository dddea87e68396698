"""The phrasebook of old idioms: it is whole, and what it says comes from runs."""

import multiprocessing
from dataclasses import replace

import pytest
import yaml
from bs4 import BeautifulSoup

from companion.lab import idioms
from companion.lab.claims import BOOK
from companion.lab.idioms import Idiom, Outcome, Phrasebook

IDIOMS = idioms.load()


def test_every_code_cell_of_the_source_has_its_idioms_and_its_claims():
    cells = idioms.all_cells()
    assert len(cells) == 72
    assert {cell for idiom in IDIOMS for cell in idiom.cells} == set(cells)
    claims = idioms.claims_by_cell()
    assert list(claims) == cells
    assert all(claims.values())
    assert [claim.id for claim in claims["003#18"]] == ["opt-cell-constructors"]
    assert [claim.id for claim in claims["001#7"]] == ["bn-cell-keras-model"]


def test_names_and_anchors_stand_once():
    assert len({idiom.name for idiom in IDIOMS}) == len(IDIOMS)
    assert len({idiom.anchor for idiom in IDIOMS}) == len(IDIOMS)


def test_the_page_shows_every_subject():
    text = (BOOK / "from-tensorflow-1.md").read_text("utf-8")
    for subject in yaml.safe_load((BOOK / "from-tensorflow-1.yml").read_text("utf-8")):
        assert f'phrasebook.subject("{subject}")' in text


# What a run reports, in processes of their own as the page does it

CASES = {
    "x = 1": Outcome("runs"),
    "raise ValueError('first\\nsecond')": Outcome("error", "ValueError: first"),
    "raise TypeError('<f at 0x7f00>')": Outcome("error", "TypeError: <f>"),
    "import warnings; warnings.warn('look\\nout')": Outcome("warning", "UserWarning: look"),
    "import warnings; warnings.warn('later', DeprecationWarning)": Outcome("runs"),
    "import logging; logging.getLogger('absl').warning('old %s', 'file')": Outcome(
        "warning", "old file"
    ),
    "x = 3": Outcome("silent", "x == 1"),
    "print(1))": Outcome("error", "SyntaxError: unmatched ')' (<string>, line 1)"),
}


@pytest.fixture(scope="module")
def pool():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "keras"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        yield pool


@pytest.mark.parametrize("code", CASES)
def test_what_a_run_reports(pool, code):
    given = "import warnings; warnings.warn('unobserved'); x = 1"
    assert pool.apply(idioms.run, (code, given, "x == 1")) == CASES[code]


def test_the_first_version_is_switched_on_where_it_is_asked_for(pool):
    code = "tf.placeholder(tf.float32)"
    assert pool.apply(idioms.run, (code,)).kind == "error"
    assert pool.apply(idioms.run, (code, "", "True", True)).kind == "runs"


def idiom(**fields):
    entry = {"subject": "A", "name": "a", "cells": [], "old": "x = 1", "new": "x = 1", "v1": None}
    return Idiom(**entry | fields)


def test_a_modern_form_that_does_not_work_is_refused():
    with pytest.raises(RuntimeError, match=r"a: its modern form ends with .*NameError"):
        idioms.run_all([idiom(new="missing")])
    with pytest.raises(RuntimeError, match=r"b: its modern form ends with .*silent"):
        idioms.run_all([idiom(name="b", check="x == 2")])


# The pages, without a run

BOOKLET = Phrasebook(
    [
        idiom(name="f(lr=...)", cells=["000#1"], old="f(lr=1)", new="f(rate=1)", note="x < y"),
        idiom(name="g", cells=["000#1", "000#2"], subject="B"),
    ],
    {"f(lr=...)": Outcome("error", "TypeError: <lr>"), "g": Outcome("silent", "x > 0")},
    {"f(lr=...)": Outcome("runs")},
)


def test_an_entry():
    page = BeautifulSoup(BOOKLET.subject("A")._repr_html_(), "html.parser")
    then, now = page.select("tbody#idiom-f-lr td")
    assert [code.text for code in page.select("pre")] == ["f(lr=1)", "f(rate=1)"]
    assert "today error TypeError: <lr>" in then.text
    assert "tf.compat.v1 runs" in then.text
    assert then.a["href"] == "#cell-000-1"
    assert "x < y" in now.text
    assert repr(BOOKLET.subject("A")).splitlines() == [
        "ERROR f(lr=...), today: TypeError: <lr>",
        "RUNS f(lr=...), tf.compat.v1",
    ]
    assert "not so afterwards: <code>x &gt; 0</code>" in BOOKLET.subject("B")._repr_html_()
    assert "As it was." in BOOKLET.subject("B")._repr_html_()
    with pytest.raises(ValueError, match="subject must be one of A, B; received 'C'"):
        BOOKLET.subject("C")


def test_names_lead_to_entries():
    page = BeautifulSoup(BOOKLET.names()._repr_html_(), "html.parser")
    assert [a["href"] for a in page("a")] == ["#idiom-f-lr", "#idiom-g"]
    assert repr(BOOKLET.names("silent")) == "SILENT g"


def test_cells_and_counts_tell_the_worst():
    every = [replace(BOOKLET.idioms[1], cells=idioms.all_cells()), BOOKLET.idioms[0]]
    booklet = Phrasebook(every, BOOKLET.today, {})
    page = BeautifulSoup(booklet.cells()._repr_html_(), "html.parser")
    assert page.select_one("#cell-000-1 .verdict").text == "error"
    assert page.select_one("#cell-000-2 .verdict").text == "silent"
    links = [a["href"] for a in page.select("#cell-000-1 a")]
    assert links == ["#idiom-g", "#idiom-f-lr", "ledger.html#ledger-act-cell-tf1-leaky"]
    assert repr(booklet.counts()).splitlines()[:2] == [
        "error: 1 idioms, 1 cells",
        "silent: 1 idioms, 71 cells",
    ]
