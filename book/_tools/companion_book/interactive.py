"""``{interactive} signal-through-depth``: a figure whose parameters the reader can move.

The page holds a picture, drawn from the package at build time by the function of the same name in
``pictures``, with its alternative text; readers on paper and without scripts see that. The script
of the same name in ``static/interactive`` takes its place; numbers that it needs lie beside it in a
``.data.js``. The content is the caption. Scripts are loaded only by the pages that use them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from . import pictures
from .figures import store

FOLDER = "interactive"
SCRIPTS = Path(__file__).parents[1] / "static" / FOLDER
SHARED = ("d3.min.js", "formulas.js", "interactive.js")


class interactive(nodes.General, nodes.Element):  # noqa: N801  docutils names nodes so
    """The place where a script builds its figure."""


class InteractiveDirective(SphinxDirective):
    """``{interactive}``; its argument is the name of the script and of the picture."""

    required_arguments = 1
    has_content = True
    option_spec = {"name": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the figure: the script's place, the picture and the caption."""
        name = self.arguments[0]
        if name not in pictures.PICTURES:
            raise self.error(f"expected one of {', '.join(pictures.PICTURES)}; received {name!r}")
        if "name" not in self.options or not self.content:
            raise self.error("an interactive figure needs a name and a caption")
        self.env.note_dependency(pictures.__file__)
        png, alt = pictures.draw(name)
        image = nodes.image(uri=store(self.env, png), alt=alt)
        text = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, text)
        caption = nodes.caption("", "", *text[0].children)
        figure = nodes.figure("", interactive(figure=name), image, caption)
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]


def visit_interactive(self: HTML5Translator, node: interactive) -> None:
    """Write the place with the name by which its script finds it."""
    attributes = {"data-figure": node["figure"]}
    self.body.append(self.starttag(node, "div", CLASS="interactive", **attributes))


def depart_interactive(self: HTML5Translator, node: interactive) -> None:
    """Close the place."""
    self.body.append("</div>\n")


def load_scripts(
    app: Sphinx, page: str, template: str, context: Mapping[str, Any], doctree: nodes.document
) -> None:
    """Load what a page's interactive figures need, in that order, once the page is there."""
    names = [node["figure"] for node in doctree.findall(interactive)] if doctree else []
    if names:
        app.add_css_file(f"{FOLDER}/interactive.css")
        own = [script for name in names for script in (f"{name}.data.js", f"{name}.js")]
        for script in (script for script in (*SHARED, *own) if (SCRIPTS / script).is_file()):
            app.add_js_file(f"{FOLDER}/{script}", loading_method="defer")


def check_scripts(app: Sphinx) -> None:
    """Stop when a picture has no script."""
    missing = [name for name in pictures.PICTURES if not (SCRIPTS / f"{name}.js").is_file()]
    if missing:
        raise FileNotFoundError(f"expected a script in {SCRIPTS} for each of {', '.join(missing)}")


def setup(app: Sphinx) -> None:
    """Add the directive, its node and the scripts."""
    app.add_node(interactive, html=(visit_interactive, depart_interactive))
    app.add_directive("interactive", InteractiveDirective)
    app.connect("builder-inited", check_scripts)
    app.connect("html-page-context", load_scripts)
