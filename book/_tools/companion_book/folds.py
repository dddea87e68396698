"""What is folded until the reader opens it, with a click or a key, and without JavaScript."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


class fold(nodes.General, nodes.Element):  # noqa: N801  docutils names nodes so
    """An HTML ``details`` element; its ``summary`` stays visible."""


def visit_fold(self: HTML5Translator, node: fold) -> None:
    """Open the fold."""
    self.body.append(self.starttag(node, "details"))
    self.body.append(f"<summary>{self.encode(node['summary'])}</summary>\n")


def depart_fold(self: HTML5Translator, node: fold) -> None:
    """Close the fold."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Add the node."""
    app.add_node(fold, html=(visit_fold, depart_fold))
