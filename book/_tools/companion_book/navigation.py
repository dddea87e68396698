"""Names for the arrows in the list of contents, of which the theme shows only an icon."""

from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx


def name_arrows(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Let each arrow say, to those who do not see it, whose pages it shows and hides."""
    generate = context["generate_toctree_html"]

    def named(*arguments: Any, **options: Any) -> BeautifulSoup:
        contents = generate(*arguments, **options)
        for item in contents.select("li.has-children"):
            item.summary["aria-label"] = f"Pages of {item.a.get_text(strip=True)}"
        return contents

    context["generate_toctree_html"] = named


def setup(app: Sphinx) -> None:
    """Do so after the theme."""
    app.connect("html-page-context", name_arrows, priority=900)
