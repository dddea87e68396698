"""What no line ends within: a number and its sign, an interval, "3 of 12"."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

NUMBER = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?"
WHOLE = re.compile(
    rf"\[{NUMBER} {NUMBER}\]|{NUMBER} (?:%|\(\d+\)|(?:±|/|to|of) {NUMBER})|\d[\d.]*e-\d+"
)
BETWEEN_TAGS = re.compile(r">[^<]+<")
#: Texts that other pages copy, or whose lines are their author's.
KEPT = (nodes.title, nodes.FixedTextElement, nodes.literal, nodes.math, nodes.raw, nodes.Invisible)


def in_html(html: str) -> str:
    """Mark what stays whole between the tags of some HTML."""
    whole = r'<span class="whole">\g<0></span>'
    return BETWEEN_TAGS.sub(lambda text: WHOLE.sub(whole, text[0]), html)


class Unbroken(SphinxPostTransform):
    """Mark what stays whole in the text of a page."""

    default_priority = 500
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Split each text where it matches."""
        for text in list(self.document.findall(nodes.Text)):
            if not WHOLE.search(text) or any(isinstance(n, KEPT) for n in ancestors(text)):
                continue
            parts: list[nodes.Node] = []
            end = 0
            for match in WHOLE.finditer(text):
                parts.append(nodes.Text(text[end : match.start()]))
                parts.append(nodes.inline("", match[0], classes=["whole"]))
                end = match.end()
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def ancestors(node: nodes.Node) -> list[nodes.Node]:
    """Return what a node stands in, the nearest first."""
    found = []
    while (node := node.parent) is not None:
        found.append(node)
    return found


def setup(app: Sphinx) -> None:
    """Do so in every page."""
    app.add_post_transform(Unbroken)
