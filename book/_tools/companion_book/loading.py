"""What a page need not load, or not before it shows.

The theme draws its icons twice: its style sheet has them as a font, and a script of 1.5 MB puts
drawings in their place. The font stays.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

DRAWN_ICONS = re.compile(r"\s*<script [^>]*scripts/fontawesome\.js[^>]*></script>")
MATHJAX = re.compile(r'\s*<script [^>]*"[^"]*mathjax/[^>]*></script>')
#: Scripts that hold up the page, but for the settings that others in the page read at once.
BLOCKING = re.compile(r"<script (?=[^>]*\bsrc=)(?![^>]*(?:\bdefer\b|documentation_options))")


def lighten(page: str) -> str:
    """Return a page without the scripts that it does not need, and with no other in its way."""
    page = DRAWN_ICONS.sub("", page)
    if 'class="math' not in page:
        page = MATHJAX.sub("", page)
    return BLOCKING.sub("<script defer ", page)


def lighten_pages(app: Sphinx, error: Exception | None) -> None:
    """Lighten the pages that were written; to the others it was done before."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text("utf-8")
        if (lighter := lighten(page)) != page:
            path.write_text(lighter, "utf-8")


def setup(app: Sphinx) -> None:
    """Do so when all pages are written."""
    app.connect("build-finished", lighten_pages)
