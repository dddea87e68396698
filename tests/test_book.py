"""The rendered book: built as `make book` builds it, elsewhere, and read page by page."""

import ast
import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from companion_book.sources import code, locate
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from rendered import ROOT, build

from companion.lab.claims import HARMS, load, recorded_decisions


def read_pages(folder):
    return {
        path.relative_to(folder).as_posix(): BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="module")
def book(built):
    folder, said = built
    assert "build succeeded." in said, said
    return folder


@pytest.fixture(scope="module")
def pages(book):
    return read_pages(book)


def test_every_page_of_the_contents_is_there(pages):
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    files = re.findall(r"file: ([\w./-]+)\.(?:md|ipynb)", contents)
    assert files
    assert [file for file in files if f"{file}.html" not in pages] == []


def test_every_chapter_is_in_the_contents():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    assert [p.name for p in sorted((ROOT / "book").glob("*.ipynb")) if p.name not in contents] == []


def foreign(soup):
    """Return what a page would load from another host."""
    tags = [tag for tag in soup.find_all(True) if tag.name not in {"a", "meta"}]
    addresses = [tag[key] for tag in tags for key in ("src", "href", "data") if tag.has_attr(key)]
    # a script may name the namespaces of SVG and MathML, which nobody fetches
    scripts = re.findall(r"""["'](https?://[^"']+)""", "".join(s.text for s in soup("script")))
    return [a for a in addresses + scripts if re.match(r"(\w+:)?//", a) and "w3.org" not in a]


def test_no_script_is_loaded_in_vain_or_holds_up_a_page(pages):
    for name, soup in pages.items():
        scripts = soup.find_all("script", src=True)
        sources = " ".join(script["src"] for script in scripts)
        assert "fontawesome" not in sources
        assert ("mathjax" in sources) == bool(soup.select(".math")), name
        at_once = [script["src"] for script in scripts if not script.has_attr("defer")]
        assert [src for src in at_once if "documentation_options" not in src] == [], name


def test_no_page_asks_another_host(book, pages):
    assert {name: foreign(soup) for name, soup in pages.items() if foreign(soup)} == {}
    styles = {path.name: path.read_text("utf-8") for path in book.rglob("*.css")}
    assert [
        n for n, text in styles.items() if re.search(r"(url\(|@import)\W*(https?:)?//", text)
    ] == []


def test_foreign_addresses_are_found():
    page = (
        '<script src="//a.b/c.js"></script><img src="https://a.b/c.png"><a href="https://a.b">x</a>'
    )
    page += "<script>const THEBE_JS_URL = 'https://a.b/c.js'</script>"
    assert len(foreign(BeautifulSoup(page, "html.parser"))) == 3


def broken_links(pages, folder):
    """Return the links within the book that lead to no page, file or place."""
    ids = {name: {tag["id"] for tag in soup(id=True)} for name, soup in pages.items()}
    broken = []
    for name, soup in pages.items():
        for link in soup("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or link["href"] == "#":
                continue
            target = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
            page = target.resolve().relative_to(folder.resolve()).as_posix()
            place = unquote(parts.fragment)
            if "=" in place:  # a choice of claims, see below
                place = ""
            if not target.is_file() or (place and place not in ids[page]):
                broken.append((name, link["href"]))
    return broken


def test_every_link_within_the_book_leads_somewhere(book, pages):
    assert broken_links(pages, book) == []


def test_a_link_to_a_choice_of_claims_chooses_some(pages):
    links = {a["href"] for soup in pages.values() for a in soup.select('article a[href*="="]')}
    choices = {urlsplit(link).fragment for link in links if "ledger.html#" in link}
    assert len(choices) > 20
    for choice in choices:
        classes = [f".{name}-{value}" for name, value in parse_qsl(choice)]
        assert pages["book/ledger.html"].select("".join([".claim", *classes])), choice


def test_no_id_stands_twice_on_a_page(pages):
    for name, soup in pages.items():
        ids = [tag["id"] for tag in soup.select("article [id]")]
        assert len(ids) == len(set(ids)), name


def test_every_figure_is_described(book, pages):
    images = [(name, image) for name, soup in pages.items() for image in soup.select("article img")]
    assert images
    for name, image in images:
        assert any(c.isdigit() for c in image.get("alt", "")), (name, image)
        assert ((book / name).parent / image["src"]).is_file()


def test_the_ledger_shows_every_claim_and_leads_to_the_deciding_cell(pages):
    cards = {card["id"]: card for card in pages["book/ledger.html"].select("[id^=ledger-]")}
    notebooks = (ROOT / "book").glob("*.ipynb")
    decided = {
        name: decision
        for notebook in notebooks
        for name, decision in recorded_decisions(notebook).items()
    }
    for claim in load():
        card = cards[f"ledger-{claim.id}"]
        assert card.select_one(".verdict").text == (claim.verdict or "open")
        assert claim.statement in card.text
        assert claim.note in card.text
        if claim.id in decided:
            assert decided[claim.id].measured in card.text
        links = [a["href"] for a in card("a", href=True) if "#claim-" in a["href"]]
        assert len(links) == (claim.id in decided)
        for link in links:
            page, place = link.split("#")
            target = pages[f"book/{page}"].find(id=place)
            cell = next(tag for tag in (target, *target.parents) if "cell" in tag.get("class", []))
            assert re.search(rf'decide\w*\(\s*"{claim.id}"', cell.text), claim.id


def test_the_corrections_are_the_faulty_claims_the_most_harmful_first(pages):
    page = pages["book/corrections.html"]
    faulty = [claim for claim in load() if claim.faulty]
    in_order = sorted(faulty, key=lambda claim: list(HARMS).index(claim.harm))
    cards = page.select("div.claim")
    assert [card["id"] for card in cards] == [f"correction-{claim.id}" for claim in in_order]
    for claim, card in zip(in_order, cards, strict=True):
        assert f"In the notes: {claim.statement}" in card.text
        assert f"What is true: {claim.note}" in card.text
        links = {link["href"].partition("#")[2] for link in card("a", href=True)}
        assert {f"claim-{claim.id}", f"ledger-{claim.id}"} <= links
    shares = [int(row("td")[1].text) for row in page.select("table tbody tr")]
    assert sum(shares) == len(faulty)


def test_the_totals_are_those_of_the_list(pages):
    claims = load()
    article = pages["book/index.html"].article.text
    assert f"{len(claims)} claims:" in article
    undecided = sum(claim.verdict is None for claim in claims)
    assert (f"{undecided} open" in article) == (undecided > 0)


def test_chapters_keep_their_number(pages):
    chapters = {name: soup for name, soup in pages.items() if re.match(r"book/\d\d-", name)}
    assert chapters
    for name, soup in chapters.items():
        number = int(name[5:7])
        assert re.match(rf"{number}\. \D", soup.article.h1.text)
        labels = [tag.text for tag in soup.select(".eqno, figcaption .caption-number")]
        assert labels
        assert all(re.search(rf"\b{number}\.\d", label) for label in labels), labels
        assert soup.select(f'a[href$="{Path(name).stem}.ipynb"]'), "the notebook can be downloaded"


def test_mathematics_is_set_by_a_script_that_travels_with_the_book(book, pages):
    script = book / "_static" / "mathjax" / "tex-svg-full.js"
    assert script.stat().st_size > 2_000_000
    assert (script.parent / "LICENSE").is_file()
    for name, soup in pages.items():
        if soup.select("article .math"):
            assert soup.select('script[src*="mathjax/tex-svg-full.js"]'), name


def test_search_finds_what_the_chapters_say(book):
    index = (book / "searchindex.js").read_text("utf-8")
    assert re.search(r'\bglorot"?:', index)


# The reference

SCREENFUL = 45  # lines of code
MAKERS = {"companion.lab.bench", "companion.lab.threads"}  # what make's commands run


def public_names():
    """Return the full names of what the package offers to be imported."""
    files = [path.relative_to(ROOT) for path in sorted((ROOT / "companion").rglob("*.py"))]
    trees = {file: ast.parse((ROOT / file).read_text("utf-8")) for file in files}
    # where a package imports from its modules, it decides which of their names are public
    offered, behind = set(), set()
    for file, tree in trees.items():
        if file.name == "__init__.py":
            imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
            behind |= {node.module for node in imports}
            package = ".".join(file.parent.parts)
            offered |= {f"{package}.{alias.name}" for node in imports for alias in node.names}
    for file, tree in trees.items():
        module = ".".join(file.with_suffix("").parts)
        if file.name[0] != "_" and module not in behind | MAKERS:
            offered |= {f"{module}.{name}" for node in tree.body for name in defined(node)}
    return offered


def defined(node):
    """Return the public functions, classes and constants that a statement makes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name} if node.name[0] != "_" else set()
    names = {
        name.id
        for target in getattr(node, "targets", [getattr(node, "target", node)])
        for name in ast.walk(target)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(name, ast.Name)
    }
    return {name for name in names if re.fullmatch(r"[A-Z][A-Z0-9_]*", name)}


@pytest.fixture(scope="module")
def reference(pages):
    return {name: soup for name, soup in pages.items() if name.startswith("book/reference/")}


def test_every_public_name_is_in_the_reference(reference):
    entries = {tag["id"] for soup in reference.values() for tag in soup.select("dt.sig")}
    names = public_names()
    assert len(names) > 150
    assert sorted(names - entries) == []


def test_the_reference_starts_with_a_table_of_its_modules(reference):
    linked = {link["href"] for link in reference["book/reference/index.html"].select("table a")}
    assert linked == {name.removeprefix("book/reference/") for name in reference} - {"index.html"}


def test_every_entry_shows_its_code(reference):
    entries = [
        entry for soup in reference.values() for entry in soup.select("dl.class, dl.function")
    ]
    assert len(entries) > 100
    for entry in entries:
        name = entry.select_one(".descname").text
        code = entry.select_one("details.code pre").text
        assert re.search(rf"^(def|class) {name}\b", code, re.MULTILINE), name
        assert '"""' not in code


def test_listings_in_chapters_lead_to_the_reference(pages):
    chapter = pages["book/02-initialization.html"]
    links = {link["href"] for link in chapter.select(".code-block-caption a[href^=reference]")}
    assert "reference/initializers.html#companion.initializers.fans" in links
    assert "reference/initializers.html#module-companion.initializers" in links  # a helper


#: Entries without an example, in which nothing happens: records, an error, a table to look at.
PLAIN = {
    "companion.batch_norm.BatchNormCache",
    "companion.keras.diagnosis.Layer",
    "companion.lab.claims.Claim",
    "companion.lab.claims.Decision",
    "companion.lab.claims.VerdictChangedError",
    "companion.lab.claims.VerdictTable",
    "companion.lab.datasets.Dataset",
    "companion.lab.diagnostics.Theory",
    "companion.lab.idioms.Idiom",
    "companion.lab.idioms.Outcome",
    "companion.lab.idioms.Page",
    "companion.lab.transfer.Task",
    "companion.lab.uncertainty.Uncertainty",
    "companion.network.losses.Loss",
    "companion.schedules.PlateauState",
}


def test_every_entry_has_an_example(reference):
    entries = [
        entry
        for soup in reference.values()
        for entry in soup.select("dl.class, dl.function, dl.exception")
    ]
    without = {e.select_one("dt.sig")["id"] for e in entries if not e.select(".doctest .gp")}
    assert without == PLAIN


def test_docstrings_leave_no_markup_in_the_text(reference):
    for name, soup in reference.items():
        assert soup.select("cite, .system-message") == [], name  # `one backtick` is no code
        text = BeautifulSoup(str(soup.article), "html.parser")
        for part in text.select("pre, code, dt.sig, .math"):
            part.decompose()
        assert (
            re.findall(r".*(?:`|\*\*\w+\*\*|:\w+:|\.\. \w|-{3}|Alias for field).*", text.text) == []
        ), name


def shown():
    """Return the names of all code of the package that chapters show."""
    chapters = [path.read_text("utf-8") for path in (ROOT / "book").glob("[0-9][0-9]-*.md")]
    directives = re.findall(r"^```\{source\} (.+)", "\n".join(chapters), re.MULTILINE)
    return sorted({name for names in directives for name in names.split()})


@pytest.mark.parametrize("name", shown())
def test_what_a_chapter_shows_fits_on_a_screen(name):
    path, *names = locate(ROOT, name)
    lines = code(path, names).splitlines()
    assert len(lines) <= SCREENFUL
    assert max(map(len, lines)) <= 100


# Proofs, on a small book of the same machinery: what it makes, and each defect that it finds.

CONTENTS = """\
format: jb-book
root: book/index
chapters:
  - file: book/07-trial.ipynb
  - file: book/ledger.md
  - file: book/corrections.md
"""
CLAIMS = """\
chapters: {trial: 07-trial, other: 08-other}
claims:
- {topic: trial, id: one, sources: [000_a.txt], statement: One is one., verdict: confirmed,
   note: Nobody doubted it., kind: numeric, check: "", expect: confirmed, effort: small}
- {topic: trial, id: two, sources: [000_a.txt, 003_b.txt], statement: Two is three.,
   verdict: refuted, note: Two is two., kind: numeric, check: "",
   expect: 'confirmed: easily', effort: small}
- {topic: other, id: six, sources: [001_c.txt], statement: Six is six.,
   kind: numeric, check: "", expect: open, effort: small}
"""
INDEX = """\
# A book

```{chapter-figure} 07-trial/fig-line
See.
```

```{claims-totals}
```
"""
MODULE = '''\
"""A module."""


@decorated
def double(x):
    """Return twice the argument.

    Parameters
    ----------
    x : float
    """

    return 2 * x


class Rule:
    """A rule."""

    rate = 0.1

    def update(self, x):
        """Return a step."""
        return self.rate * x
'''
PNG = b64encode(b"\x89PNG\r\n\x1a\nno picture").decode()


def show(alt="", name="fig-line"):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    cell = new_code_cell(
        "show(figure)",
        outputs=[
            new_output("display_data", {"image/png": PNG, "text/plain": alt}, metadata=metadata)
        ],
        execution_count=1,
    )
    cell.metadata["mystnb"] = {"figure": {"name": name, "caption": "A line, as {eq}`eq-one` says."}}
    return cell


def decide(*lines):
    names = [line.split()[1].rstrip(":") for line in lines]
    return new_code_cell(
        "\n".join(f'decide("{name}")' for name in names),
        outputs=[
            new_output("stream", name="stdout", text="before\n" + "\n".join(lines) + "\nafter\n")
        ],
        execution_count=1,
    )


ADDRESS = "https://github.com/someone/somewhere"


def small_book(folder, *cells):
    """Build a book of one chapter with a public address; return its pages and what was said."""
    (folder / "book").mkdir(parents=True)
    (folder / "companion").mkdir()
    (folder / "companion" / "trial.py").write_text(MODULE)
    (folder / "book" / "_tools").symlink_to(ROOT / "book" / "_tools")
    for path, text in {
        "_config.yml": (ROOT / "_config.yml").read_text("utf-8").replace('""', f'"{ADDRESS}"'),
        "_toc.yml": CONTENTS,
        "book/claims.yml": CLAIMS,
        "book/references.bib": "",
        "book/index.md": INDEX,
        "book/ledger.md": "# The ledger\n\n```{claims-ledger}\n```\n",
        "book/corrections.md": "# Corrections\n\n```{claims-corrections}\n```\n",
    }.items():
        (folder / path).write_text(text, encoding="utf-8")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = new_notebook(
        cells=[cell if not isinstance(cell, str) else new_markdown_cell(cell) for cell in cells],
        metadata=metadata,
    )
    nbformat.write(notebook, folder / "book" / "07-trial.ipynb")
    built, said = build(folder, folder)
    return read_pages(built), said


TITLE = "# Trials\n\nAs {eq}`eq-one` says:\n\n$$1 = 1$$ (eq-one)"
GOOD_CELLS = (
    TITLE,
    "## First\n\n```{source} companion.trial.double companion.trial.Rule.update\n```",
    show("A line at 1."),
    "## Second\n\nSee {numref}`fig-line`.",
    "```{exercise} Add $1$\n:label: ex-add\n:level: warm-up\n\nHow much is it?\n```",
    "```{solution-start} ex-add\n:class: dropdown\n```",
    "It is 2.",
    new_code_cell(
        "1 + 1", outputs=[new_output("execute_result", {"text/plain": "2"})], execution_count=1
    ),
    "```{solution-end}\n```",
    "After {numref}`ex-add`.",
    decide("CONFIRMED one: 1.0", "REFUTED two: it is 2"),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    pages, said = small_book(tmp_path_factory.mktemp("good") / "small", *GOOD_CELLS)
    assert "build succeeded." in said, said
    return pages


@pytest.fixture(scope="module")
def chapter(good):
    return good["book/07-trial.html"].article


def test_a_chapter_is_numbered_by_its_file(chapter):
    assert chapter.h1.text.startswith("7. Trials")
    assert [h.text[:9] for h in chapter("h2")] == ["7.1. Firs", "7.2. Seco"]
    assert chapter.select_one(".eqno").text.startswith("(7.1)")
    assert "Figure 7.1 A line, as (7.1) says." in chapter.select_one("figcaption").text


def buttons(soup):
    return [link["href"] for link in soup.select(".article-header-buttons a[href]")]


def test_buttons_follow_the_address(good, pages):
    where = "someone/somewhere"
    assert {link for link in buttons(good["book/07-trial.html"]) if "://" in link} == {
        f"https://mybinder.org/v2/gh/{where}/main?urlpath=lab/tree/book/07-trial.ipynb",
        f"https://colab.research.google.com/github/{where}/blob/main/book/07-trial.ipynb",
        ADDRESS,
        f"{ADDRESS}/blob/main/book/07-trial.ipynb?plain=1",
        f"{ADDRESS}/issues/new?title=Issue%20on%20page%20%2Fbook/07-trial.html"
        "&body=Your%20issue%20content%20here.",
    }
    assert not any(foreign(soup) for soup in good.values())
    # without an address, as long as the book has none
    assert 'url: ""' in (ROOT / "_config.yml").read_text("utf-8")
    links = [link for soup in pages.values() for link in buttons(soup)]
    assert links
    assert not any("://" in link for link in links)


def test_a_figure_keeps_its_alternative_text_wherever_it_is_shown(good, chapter):
    assert chapter.select_one("figure img")["alt"] == "A line at 1."
    elsewhere = good["book/index.html"].article.figure
    assert elsewhere.img["alt"] == "A line at 1."
    assert elsewhere.img["src"] == chapter.select_one("figure img")["src"]
    assert elsewhere.a["href"] == "07-trial.html#fig-line"
    assert "Figure" not in elsewhere.text


def test_source_is_shown_without_docstrings(chapter):
    listing = chapter.select_one(".literal-block-wrapper")
    assert listing.select_one(".code-block-caption").text.startswith(
        "Listing 7.1 companion/trial.py"
    )
    assert listing.pre.text.splitlines() == [
        "@decorated",
        "def double(x):",
        "    return 2 * x",
        "",
        "",
        "def update(self, x):",
        "    return self.rate * x",
    ]


def test_a_solution_is_folded_with_its_cells(chapter):
    exercise = chapter.select_one("#ex-add")
    assert exercise.select_one(".admonition-title").text.startswith("Exercise 7.1 Add ")
    assert exercise.select_one(".admonition-title .level").text == "warm-up"
    solution = chapter.select_one("details#solution-ex-add")
    assert not solution.has_attr("open")
    assert solution.summary.text == "Solution"
    assert "It is 2." in solution.text
    assert solution.select_one(".cell_output").text.strip() == "2"
    assert "After Exercise 7.1." in chapter.text
    assert "After" not in solution.text


def test_a_decided_claim_is_a_card_in_its_cell(chapter):
    cell = chapter.select_one(".cell:has(#claim-one)")
    assert cell["id"] == "claim-two"
    output = chapter.select(".cell_output")[-1]
    assert [part.text.strip() for part in output.select("pre")] == ["before", "after"]
    first, second = output.select(".claim")
    assert first.select_one(".verdict").text == "confirmed"
    assert "One is one." in first.text
    assert "Nobody doubted it." in first.text
    assert "Measured: 1.0 · one · stated in 000" in first.text
    assert second.a["href"] == "ledger.html#ledger-two"
    assert 'decide("one")' in cell.text


def test_the_ledger_counts_and_links(good):
    ledger = good["book/ledger.html"].article
    assert [row.text.split() for row in ledger.select("tbody tr")] == [
        ["Trial", "2", "1", "confirmed", "1", "refuted"],
        ["Other", "1", "1", "open"],
    ]
    assert ledger.select_one("#ledger-two a")["href"] == "07-trial.html#claim-two"
    assert not ledger.select_one("#ledger-six a")
    assert [a["href"].partition("#")[2] for a in ledger.select("tbody td:last-child a")] == [
        "topic=trial&verdict=confirmed",
        "topic=trial&verdict=refuted",
        "topic=other&verdict=open",
    ]
    assert "Of 2 verdicts 1 are as forecast, 1 are not" in ledger.text
    assert ledger.select_one("#ledger-two.forecast-missed.source-003.topic-trial.verdict-wrong")
    assert "the forecast was: confirmed" in ledger.select_one("#ledger-two").text
    assert ledger.select_one(".claims-filter").has_attr("hidden")
    assert [m["name"] for m in ledger.select("select")] == [
        "verdict",
        "topic",
        "source",
        "forecast",
    ]
    totals = good["book/index.html"].article.text
    assert "3 claims: 1 confirmed 1 refuted 1 open" in totals


def test_the_corrections_say_what_is_true(good):
    corrections = good["book/corrections.html"].article
    (card,) = corrections.select(".claim")
    assert "correction" in card["class"]
    assert card["id"] == "correction-two"
    assert "refuted In the notes: Two is three." in card.text
    assert "What is true: Two is two." in card.text
    assert card.find_parent("section").h2.text.startswith("Wrong formulas")


BAD_CELLS = (
    TITLE,
    show(),
    show("A line at 1.", name="fig-other"),
    "## Second\n\n```{source} companion.trial.triple\n```",
    "```{exercise} Without a label\n:level: practice\n\nHow much is it?\n```",
    "```{exercise} Without a level\n:label: ex-flat\n\nHow much is it?\n```",
    "```{exercise} Of no level\n:label: ex-odd\n:level: hard\n\nHow much is it?\n```",
    "```{solution-start} ex-nowhere\n```\n\nText.\n\n```{solution-end}\n```",
    "```{exercise} Add\n:label: ex-add\n:level: warm-up\n\nHow much is it?\n```",
    "```{solution-start} ex-add\n```\n\nText.",
    "## Third\n\n```{solution-end}\n```\n\n{verdict}`perhaps`",
    decide("REFUTED one: 1.0"),
    new_code_cell(
        "warn()", outputs=[new_output("stream", name="stderr", text="a warning")], execution_count=1
    ),
)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    _, said = small_book(tmp_path_factory.mktemp("bad") / "small", *BAD_CELLS)
    assert "build succeeded." not in said
    return said


@pytest.mark.parametrize(
    "complaint",
    [
        "this figure has no alternative text",
        "expected a function, class or method; received companion.trial.triple",
        "an exercise needs a label",
        "an exercise needs a level",
        '"hard" unknown; choose from "warm-up", "practice", "project", or "research"',
        "there is no exercise 'ex-nowhere' on this page",
        "this solution does not end in its section",
        "no solution starts before this end in its section",
        "received 'perhaps'",
        "one: book/claims.yml says confirmed, the stored notebooks say refuted",
        "two: book/claims.yml says refuted, the stored notebooks say open",
        "stderr was found in the cell outputs",
    ],
)
def test_a_defect_stops_the_build(complaints, complaint):
    assert complaint in complaints
