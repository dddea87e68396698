"""``{chapter-figure}``: a figure of a chapter's stored notebook, shown on another page.

The argument is the chapter's file stem and the figure's name (``mystnb: figure: name`` in its
cell), as in ``02-initialization/fig-gain``. The content is the text under it. The figure bears no
number and links to its place in the chapter.
"""

from base64 import b64decode
from hashlib import sha256
from os.path import relpath
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from .claims import chapter_page, link


class ChapterFigure(SphinxDirective):
    """Show a chapter's figure with its alternative text."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the figure, or an error when the notebook holds none of that name."""
        chapter, _, name = self.arguments[0].partition("/")
        notebook = Path(self.env.doc2path(chapter_page(chapter)))
        self.env.note_dependency(str(notebook))
        output = find_figure(notebook, name)
        if output is None:
            raise self.error(f"expected a figure in {notebook.name}; received {name!r}")
        # that a figure lacks alternative text is said where its chapter is read
        alt = output.metadata.get("image/png", {}).get("alt", "")
        image = nodes.image(uri=store(self.env, b64decode(output.data["image/png"])), alt=alt)
        legend = nodes.legend()
        self.state.nested_parse(self.content, self.content_offset, legend)
        legend[-1] += [nodes.Text(" "), link("See it in its chapter.", name)]
        return [nodes.figure("", image, legend)]


def store(env: BuildEnvironment, png: bytes) -> str:
    """Store an image where, and as, MyST-NB stores the chapters': one file for each picture."""
    folder = Path(env.mystnb_config.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{sha256(png).hexdigest()}.png"
    if not path.exists():
        path.write_bytes(png)
    return "/" + relpath(path, env.srcdir)


def find_figure(notebook: Path, name: str) -> nbformat.NotebookNode | None:
    """Return the image output of the cell whose figure has that name."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return output
    return None


def setup(app: Sphinx) -> None:
    """Add the directive."""
    app.add_directive("chapter-figure", ChapterFigure)
