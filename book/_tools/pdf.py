"""Print the built book: ``_build/training-deep-neural-networks.pdf``.

    python book/_tools/pdf.py

The pages of ``_toc.yml`` become one long page, which Chromium prints: so the outline, the links
within the book and the page numbers are its own. It prints twice, because only the first print
tells on which page a chapter begins. The earlier file stays until the new one is complete.
"""

import json
import os
import posixpath
import re
import sys
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from chromium import BROWSERS, CHROMIUM, FLAGS
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ROOT = Path(__file__).parents[2]
TITLE = "training-deep-neural-networks"

#: Pages that need a screen.
ON_SCREEN = re.compile(r"book/(playground|reference/.*)")
#: Within a page, what needs a screen, or paper has no use for.
LEFT_OUT = ".headerlink, .interactive, .claims-filter, .cell > details, details.code, script"
ON_PAPER = """
<section id="on-paper"><h2>On paper</h2>
<p>Left out here: code that is folded on the screen, because it only draws a figure or decides a
claim; the playground; the reference of <code>companion</code>. <code>make book</code> builds
the pages that have them, and each chapter's notebook in <code>book/</code> has all its code. Figures that move on the
screen stand still. Solutions follow their exercises.</p></section>
"""


def contents(root: Path) -> dict[str, list[str]]:
    """Return the pages that are printed, such as ``book/index``, by the part of the book."""
    table = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    parts = {"": [table["root"]]}
    for part in table["parts"]:
        files = [os.path.splitext(chapter["file"])[0] for chapter in part["chapters"]]
        parts[part["caption"]] = [file for file in files if not ON_SCREEN.fullmatch(file)]
    return parts


def place(page: str, fragment: str = "") -> str:
    """Return the id that a place of a page has in the printed book."""
    return f"{posixpath.basename(page)}:{fragment}".rstrip(":")


def read(html: Path, page: str, printed: set[str]) -> BeautifulSoup:
    """Return a built page, with ids, links and addresses for a place among the printed pages."""
    soup = BeautifulSoup((html / f"{page}.html").read_text("utf-8"), "html.parser")
    article = soup.article
    for part in article.select(LEFT_OUT):
        part.decompose()
    for tag in article(id=True):
        tag["id"] = place(page, tag["id"])
    article["id"] = place(page)
    for fold in article("details"):
        fold["open"] = ""
    for tag in soup(["img", "link", "script"]):
        for key in {"src", "href"} & set(tag.attrs):
            tag[key] = f"{html.name}/{beside(page, urlsplit(tag[key]).path)}"
    for link in article("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme:
            continue
        target = beside(page, parts.path).removesuffix(".html") if parts.path else page
        if target in printed:
            fragment = unquote(parts.fragment)
            link["href"] = "#" + place(target, "" if "=" in fragment else fragment)
        else:
            link.unwrap()
    return soup


def beside(page: str, path: str) -> str:
    """Return where an address on a page leads, from the folder of the book."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path))


def join(html: Path, parts: dict[str, list[str]]) -> str:
    """Return all pages as one: a title page, the table of contents, the chapters."""
    names = [name for part in parts.values() for name in part]
    pages = {name: read(html, name, set(names)) for name in names}
    first = pages[names[0]]
    title = title_page(first)
    table, running = [], []
    for caption, part in parts.items():
        table.append(f'<p class="part">{caption}</p>' if caption else "")
        for number, name in enumerate(part, len(running)):
            article = pages[name].article
            table += [entry(heading) for heading in article(["h1", "h2"])]
            article["style"] = f"page: p{number}"
            head = json.dumps(article.h1.get_text(), ensure_ascii=False)
            running.append(f"@page p{number} {{ @top-left {{ content: {head}; }} }}")
    scripts = [tag for tag in first.head("script") if "mathjax" in str(tag).lower()]
    styles = [tag for tag in first.head("link", rel="stylesheet")]
    return "".join(
        [
            f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">',
            f"<title>{first.title.text.partition(' — ')[2]}</title>",
            *map(str, styles),
            f'<link rel="stylesheet" href="{html.name}/_static/pdf.css">',
            f"<style>{' '.join(running)}</style>",
            *map(str, scripts),
            f'</head><body><main class="bd-content">{title}',
            f'<nav class="book-contents"><h1>Contents</h1>{"".join(table)}</nav>',
            *(str(page.article) for page in pages.values()),
            "</main></body></html>",
        ]
    )


def title_page(first: BeautifulSoup) -> str:
    """Return the title page, and make of the book's first page the preface."""
    article = first.article
    title, kind = first.title.text.partition(" — ")[2].split(": ")
    figure, claim = article.figure.extract(), article.select_one("h1 + p").extract()
    article.h1.string = "About this book"
    contents = article.find(id=place("index", "contents"))
    contents.replace_with(BeautifulSoup(ON_PAPER, "html.parser"))
    footer = [
        first.select_one(f"footer .{name}").get_text(" ", strip=True)
        for name in ("component-author", "copyright", "extra_footer")
    ]
    lines = "".join(f"<p>{line}</p>" for line in footer)
    return (
        f'<header class="title"><p class="name">{title}</p><p class="kind">{kind[0].upper()}{kind[1:]}</p>'
        f"{figure.img}{claim}<div>{lines}</div></header>"
    )


def entry(heading: Tag) -> str:
    """Return a heading's line in the table of contents, with a place for the number of its page."""
    target, text = heading.find_parent(["section", "article"])["id"], heading.decode_contents()
    return f'<a class="to-{heading.name}" href="#{target}"><span>{text}</span><b></b></a>'


def write(html: Path, parts: dict[str, list[str]], target: Path) -> int:
    """Print the pages into the file, which is replaced in the end; return their number."""
    document = html.with_name(f"{target.stem}.html")
    document.write_text(join(html, parts), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(document.as_uri(), timeout=0)
        page.evaluate("window.MathJax?.startup?.promise")
        printed = page.pdf(prefer_css_page_size=True, outline=True, tagged=True)
        page.evaluate(
            """numbers => document.querySelectorAll('.book-contents a').forEach(line => {
                line.lastChild.textContent = numbers[decodeURIComponent(line.hash.slice(1))];
            })""",
            page_numbers(printed),
        )
        printed = page.pdf(prefer_css_page_size=True, outline=True, tagged=True)
        browser.close()
    temporary = target.with_suffix(".part")
    temporary.write_bytes(printed)
    os.replace(temporary, target)
    return len(PdfReader(BytesIO(printed)).pages)


def page_numbers(printed: bytes) -> dict[str, int]:
    """Return the page on which each place that is linked to stands."""
    reader = PdfReader(BytesIO(printed))
    numbers = {page.indirect_reference.idnum: n for n, page in enumerate(reader.pages, 1)}
    return {
        name: numbers[destination.page.idnum]
        for name, destination in reader.named_destinations.items()
    }


def main() -> None:
    """Print the book."""
    if CHROMIUM is None:
        sys.exit(f"The book is printed by Chromium; none of {', '.join(BROWSERS)} is installed.")
    html = ROOT / "_build" / "html"
    target = html.with_name(f"{TITLE}.pdf")
    number = write(html, contents(ROOT), target)
    print(f"{number} pages, {target.stat().st_size / 1e6:.0f} MB: {target}")


if __name__ == "__main__":
    main()
