"""The book on paper: its pages, how they refer to each other, what Chromium prints of them."""

import shutil

import pdf
import pytest
from bs4 import BeautifulSoup
from chromium import CHROMIUM, FLAGS
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader

from tests.test_browser import ROOT, cut_on_paper

CONTENTS = """\
format: jb-book
root: book/index
parts:
  - caption: Learning
    chapters:
      - file: book/01-one.ipynb
  - caption: Appendices
    chapters:
      - file: book/playground.md
      - file: book/reference/index.md
        sections:
          - {file: book/reference/keras.md, title: keras}
      - file: book/glossary.md
"""
PAGE = """\
<!DOCTYPE html><html><head><title>{title} — Small Book: an example</title>
<link rel="stylesheet" href="../_static/book.css?v=1">{scripts}</head>
<body><article class="bd-article"><section id="{id}">
<h1>{title}<a class="headerlink" href="#{id}">#</a></h1>{body}</section></article>
<footer><p class="component-author">By A</p><p class="copyright">© B</p>
<p class="extra_footer">C</p></footer></body></html>"""
MATHJAX = '<script defer src="../_static/mathjax/tex-svg-full.js"></script>'
ONE = """\
<p>See <a href="#equation-eq">1.1</a>, <a href="glossary.html#term">a term</a>,
<a href="glossary.html">all</a>, <a href="glossary.html#verdict=open">some</a>,
<a href="playground.html#x">play</a> and <a href="https://a.b/c#d">elsewhere</a>.</p>
<div class="interactive"></div><img src="../_images/a.png" alt="A line.">
<div class="cell"><details class="hide"><summary>Show</summary><pre>draw()</pre></details></div>
<details class="solution" id="solution"><summary>Solution</summary><p>solved</p></details>
<section id="equations"><h2>Equations</h2><div id="equation-eq" class="math">\\[1 = 1\\]</div>
<pre>{code}</pre><table><tr>{cells}</tr></table></section>"""
PAGES = {
    "index": (
        "Small Book",
        '<p>It is small.</p><figure><img alt="A line." src="../_images/a.png"></figure>'
        '<section id="contents"><h2>Contents</h2></section>',
    ),
    "01-one": (
        "1. One and only",
        ONE.format(code="line " * 40 + "\nline" * 100, cells="<td>some entry</td>" * 8),
    ),
    "glossary": ("Glossary", '<p id="term">A term, as in <a href="01-one.html">one</a>.</p>'),
}


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """Return the folder of a built book of three pages."""
    folder = tmp_path_factory.mktemp("paper") / "html"
    (folder / "book").mkdir(parents=True)
    shutil.copytree(ROOT / "book" / "_tools" / "static", folder / "_static", symlinks=True)
    for name, (title, body) in PAGES.items():
        scripts = MATHJAX if 'class="math"' in body else ""
        page = PAGE.format(title=title, id=f"start-{name}", body=body, scripts=scripts)
        (folder / "book" / f"{name}.html").write_text(page, encoding="utf-8")
    (folder.parent / "_toc.yml").write_text(CONTENTS)
    return folder


@pytest.fixture(scope="module")
def parts(html):
    return pdf.contents(html.parent)


@pytest.fixture(scope="module")
def joined(html, parts):
    return BeautifulSoup(pdf.join(html, parts), "html.parser")


def test_what_needs_a_screen_is_left_out(parts):
    assert parts == {
        "": ["book/index"],
        "Learning": ["book/01-one"],
        "Appendices": ["book/glossary"],
    }


def test_the_book_s_pages_are_printed_in_order():
    pages = [page for part in pdf.contents(ROOT).values() for page in part]
    chapters = sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]-*.md"))
    assert pages[: len(chapters) + 1] == ["book/index", *(f"book/{c}" for c in chapters)]
    assert pages[-1] == "book/bibliography"
    assert not any("reference" in page or "playground" in page for page in pages)


def test_links_lead_to_places_in_the_joined_page(joined):
    links = {link.text: link["href"] for link in joined.select("article a")}
    assert links == {
        "1.1": "#01-one:equation-eq",
        "a term": "#glossary:term",
        "all": "#glossary",
        "some": "#glossary",
        "elsewhere": "https://a.b/c#d",
        "one": "#01-one",
    }
    ids = [tag["id"] for tag in joined(id=True)]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in joined("a") if link["href"][0] == "#"} <= set(ids)


def test_paper_shows_solutions_and_leaves_out_folded_code(joined):
    assert "draw()" not in joined.text
    assert "play and" in joined.text  # the words of a link that leads nowhere on paper
    assert [fold["id"] for fold in joined("details", open=True)] == ["01-one:solution"]
    assert joined.select(".interactive, .headerlink") == []
    assert {image["src"] for image in joined("img")} == {"html/_images/a.png"}


def test_the_first_page_becomes_title_page_and_preface(joined):
    words = joined.header.get_text(" ", strip=True)
    assert words == "Small Book an example It is small. By A © B C"
    assert [h.text for h in joined("h1")] == [
        "Contents",
        *("About this book", "1. One and only"),
        "Glossary",
    ]
    assert joined.find(id="on-paper")


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")


@pytest.fixture(scope="module")
def target(html, parts):
    target = html.with_name("book.pdf")
    assert pdf.write(html, parts, target) == len(PdfReader(target).pages)
    return target


@needs_chromium
def test_the_file_is_a_book(target):
    reader = PdfReader(target)
    texts = [page.extract_text() for page in reader.pages]
    assert reader.metadata.title == "Small Book: an example"
    assert {(round(p.mediabox.width), round(p.mediabox.height)) for p in reader.pages} == {
        (595, 842)  # A4 in points
    }
    outline = [entry for entry in reader.outline if not isinstance(entry, list)]
    assert [entry.title for entry in outline] == [
        "Contents",
        "About this book",
        "1. One and only",
        "Glossary",
    ]
    # the contents name the sheet on which a chapter begins; each of its sheets names both
    for entry in outline[1:]:
        number = reader.get_destination_page_number(entry) + 1
        assert f"{entry.title} {number}" in " ".join(texts[1].split())
        assert texts[number - 1].startswith(f"{entry.title}\n{number}\n{entry.title}")
    assert texts[4].startswith("1. One and only\n5\nline")


@needs_chromium
def test_links_work_in_the_file(target):
    reader = PdfReader(target)
    places = reader.named_destinations
    links = [link.get_object() for page in reader.pages for link in page.get("/Annots", [])]
    inside = [link["/Dest"] for link in links if "/Dest" in link]
    assert {"/glossary", "/glossary:term", "/01-one", "/01-one:equation-eq"} < set(inside)
    assert set(inside) <= set(places)
    assert [link["/A"]["/URI"] for link in links if "/A" in link] == ["https://a.b/c#d"]


@needs_chromium
def test_nothing_is_cut_at_the_edge(html, parts):
    page = html.with_name("joined.html")
    page.write_text(pdf.join(html, parts), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page()
        tab.emulate_media(media="print")
        tab.set_viewport_size({"width": 642, "height": 956})  # A4 within its margins
        tab.goto(page.as_uri())
        assert cut_on_paper(tab) == []
        browser.close()
    page.unlink()


@needs_chromium
def test_formulas_that_are_not_set_are_no_book(html, parts, monkeypatch):
    monkeypatch.setattr(pdf, "is_mathjax", lambda tag: False)
    with pytest.raises(RuntimeError, match="1 formulas are not set"):
        pdf.write(html, parts, html.with_name("other.pdf"))
    assert not html.with_name("other.pdf").exists()


@needs_chromium
def test_an_interrupted_print_leaves_the_earlier_file(html, parts, target, monkeypatch):
    before, prints, whole = target.read_bytes(), [], Page.pdf

    def interrupted(self, **options):
        prints.append(options)
        if len(prints) == 2:
            raise KeyboardInterrupt
        return whole(self, **options)

    monkeypatch.setattr(Page, "pdf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pdf.write(html, parts, target)
    assert target.read_bytes() == before
    assert {path.name for path in target.parent.iterdir()} == {"_toc.yml", "book.pdf", "html"}


def test_a_missing_browser_is_named(monkeypatch):
    monkeypatch.setattr(pdf, "CHROMIUM", None)
    with pytest.raises(SystemExit, match=r"none of chromium, .* is installed"):
        pdf.main()
