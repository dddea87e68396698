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
BUILT = ROOT / "_build" / "html"

#: Pages that are used on the screen, and are not printed.
ON_SCREEN = re.compile(r"book/(playground|reference/.*)")
#: What printed pages leave out.
LEFT_OUT = ".headerlink, .interactive, .claims-filter, .cell > details, script"
ON_PAPER = """
<section id="on-paper"><h2>On paper</h2>
<p>Solutions follow their exercises, and figures that move on the screen stand still. Three things
are left out: code that is folded on the screen, because it draws a figure or decides a claim; the
playground; and the reference of <code>companion</code>. The pages that <code>make book</code>
builds have all three, and each chapter's notebook, in the folder <code>book</code> of the
repository, has all of its code.</p></section>
"""


def contents(root: Path) -> dict[str, list[str]]:
    """Return the pages to be printed, such as ``book/index``, by the caption of their part."""
    table = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    parts = {"": [table["root"]]}
    for part in table["parts"]:
        files = [os.path.splitext(chapter["file"])[0] for chapter in part["chapters"]]
        parts[part["caption"]] = [file for file in files if not ON_SCREEN.fullmatch(file)]
    return parts


def join(html: Path, parts: dict[str, list[str]]) -> str:
    """Return all pages as one, for a place beside their folder: title, contents, chapters."""
    names = [name for part in parts.values() for name in part]
    pages = {name: read(html, name, set(names)) for name in names}
    first = pages[names[0]]
    name = first.title.text.partition(" — ")[2]  # the page's title, then the book's
    title = title_page(first, name)
    lines, running = [], []
    for caption, part in parts.items():
        lines.append(f'<p class="part">{caption}</p>')
        for page in part:
            article = pages[page].article
            lines += [line(heading) for heading in article(["h1", "h2"])]
            # each page has its own kind of sheet, with its title at the top
            article["style"] = f"page: sheet{len(running)}"
            head = json.dumps(article.h1.text, ensure_ascii=False)
            running.append(f"@page sheet{len(running)} {{ @top-left {{ content: {head} }} }}")
    styles = first.head("link", rel="stylesheet")
    # a page loads MathJax only where it has formulas
    mathjax = max((page.head(is_mathjax) for page in pages.values()), key=len)
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">',
            f"<title>{name}</title>",
            *map(str, [*styles, *mathjax]),
            f'<link rel="stylesheet" href="{html.name}/_static/pdf.css">',
            f"<style>{' '.join(running)}</style>",
            f'</head><body><main class="bd-content">{title}',
            f'<nav class="book-contents"><h1>Contents</h1>{"".join(lines)}</nav>',
            *(str(page.article) for page in pages.values()),
            "</main></body></html>",
        ]
    )


def is_mathjax(tag: Tag) -> bool:
    """Tell whether a tag is MathJax, or its settings."""
    return tag.name == "script" and "mathjax" in str(tag).lower()


def read(html: Path, name: str, printed: set[str]) -> BeautifulSoup:
    """Return a built page, its ids, links and addresses made for a place among the others."""
    soup = BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")
    article = soup.article
    for part in article.select(LEFT_OUT):
        part.decompose()
    for tag in article(id=True):
        tag["id"] = place(name, tag["id"])
    article["id"] = place(name)
    for fold in article("details"):
        fold["open"] = ""
    for tag in soup(["img", "link", "script"]):
        for key in {"src", "href"} & set(tag.attrs):
            tag[key] = f"{html.name}/{beside(name, urlsplit(tag[key]).path)}"
    for link in article("a", href=True):
        address = urlsplit(link["href"])
        if address.scheme:
            continue
        target = beside(name, address.path).removesuffix(".html") if address.path else name
        if target in printed:
            fragment = unquote(address.fragment)
            # a choice of claims is made on the screen
            link["href"] = "#" + place(target, "" if "=" in fragment else fragment)
        else:
            link.unwrap()
    return soup


def place(page: str, fragment: str = "") -> str:
    """Return the id that a place of a page has in the printed book."""
    return ":".join(filter(None, [posixpath.basename(page), fragment]))


def beside(page: str, path: str) -> str:
    """Return where an address on a page leads, seen from the folder of all pages."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path))


def title_page(first: BeautifulSoup, name: str) -> str:
    """Return the title page, made of the book's first page, which becomes the preface."""
    title, _, kind = name.partition(": ")
    article = first.article
    image, promise = article.figure.extract().img, article.select_one("h1 + p").extract()
    article.h1.string = "About this book"
    chapters = article.find(id=place("index", "contents"))
    chapters.replace_with(BeautifulSoup(ON_PAPER, "html.parser"))
    imprint = "".join(
        f"<p>{first.select_one(f'footer .{part}').get_text(' ', strip=True)}</p>"
        for part in ("component-author", "copyright", "extra_footer")
    )
    return (
        f'<header class="title"><p class="name">{title}</p><p class="kind">{kind}</p>'
        f'{image}{promise}<div class="imprint">{imprint}</div></header>'
    )


def line(heading: Tag) -> str:
    """Return a heading's line in the table of contents, without the number of its page."""
    target, text = heading.find_parent("section")["id"], heading.decode_contents()
    return f'<a class="to-{heading.name}" href="#{target}"><span>{text}</span><b></b></a>'


def write(html: Path, parts: dict[str, list[str]], target: Path) -> int:
    """Print the pages into a file; return how many sheets they take."""
    paper = {"prefer_css_page_size": True, "outline": True, "tagged": True}
    document = html.with_name(f"{target.stem}.html")
    try:
        document.write_text(join(html, parts), encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page()
            page.goto(document.as_uri(), timeout=0)
            page.evaluate("window.MathJax?.startup?.promise")
            if unset := page.locator(".math:not(:has(mjx-container))").count():
                raise RuntimeError(f"{unset} formulas are not set: MathJax did not load")
            numbers = sheets(page.pdf(**paper))
            page.evaluate(
                """numbers => document.querySelectorAll('.book-contents a').forEach(line => {
                    line.lastChild.textContent = numbers[decodeURIComponent(line.hash.slice(1))];
                })""",
                numbers,
            )
            printed = page.pdf(**paper)
            browser.close()
    finally:
        document.unlink(missing_ok=True)
    temporary = target.with_suffix(".part")
    temporary.write_bytes(printed)
    os.replace(temporary, target)
    return len(PdfReader(target).pages)


def sheets(printed: bytes) -> dict[str, int]:
    """Return the number of the sheet on which each place stands that is linked to."""
    reader = PdfReader(BytesIO(printed))
    numbers = {page.indirect_reference.idnum: n for n, page in enumerate(reader.pages, 1)}
    return {
        name.removeprefix("/"): numbers[destination.page.idnum]
        for name, destination in reader.named_destinations.items()
    }


def main() -> None:
    """Print the book."""
    if CHROMIUM is None:
        sys.exit(
            f"Chromium prints the book, and none of {', '.join(BROWSERS)} is installed. "
            "On Debian and Ubuntu: apt-get install chromium"
        )
    target = BUILT.with_name("training-deep-neural-networks.pdf")
    number = write(BUILT, contents(ROOT), target)
    print(f"{number} pages, {target.stat().st_size / 1e6:.0f} MB: {target}")


if __name__ == "__main__":
    main()
