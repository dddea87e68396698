"""What stored outputs become: figures with alternative text, decided claims as cards."""

import re
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from nbformat import NotebookNode
from sphinx.application import Sphinx

from companion.lab.claims import Claim, Decision, recorded_decisions

from . import unbroken
from .claims import card, read_claims

SENTENCE = re.compile(r"<td>[^<]{30,}[^\s<]\s*</td>")  # a cell with more than a number or a name


class BookRenderer(NbElementRenderer):
    """MyST-NB's renderer of one page, with what this book adds to it."""

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        """Give the image the alternative text that the run stored in the output's metadata."""
        images = super().render_image(data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        if alt:
            images[0]["alt"] = alt
        else:
            self.logger.warning("this figure has no alternative text", line=data.line)
        return images

    def render_text_html(self, data: MimeData) -> list[nodes.Element]:
        """Keep together in a table what a reader takes in as one, and give sentences room."""
        html = data.string
        if html.startswith(("<table>", '<table class="verdicts">')):
            if SENTENCE.search(html):
                html = html.replace("<table>", '<table class="sentences">', 1)
            html = unbroken.in_html(html)
        return super().render_text_html(MimeData(data.mime_type, html))

    def render_stdout(
        self, output: NotebookNode, cell_metadata: dict[str, Any], cell_index: int, source_line: int
    ) -> list[nodes.Element]:
        """Show each printed verdict as a card, and make its cell the target ``claim-ID``."""
        rendered: list[nodes.Element] = []
        lines = output["text"].splitlines(keepends=True)
        for decided, part in groupby(lines, key=lambda line: self._decided.get(line.rstrip("\n"))):
            text = "".join(part)
            if decided is not None:
                claim, decision = decided
                self._mark_cell(f"claim-{claim.id}")
                rendered.append(card(claim, decision, f"ledger-{claim.id}"))
            elif text.strip():
                output = NotebookNode(output, text=text)
                rendered += super().render_stdout(output, cell_metadata, cell_index, source_line)
        return rendered

    @cached_property
    def _decided(self) -> dict[str, tuple[Claim, Decision]]:
        """What this page decides, by the line that was printed."""
        env = self.renderer.sphinx_env
        claims = read_claims(env)
        return {
            f"{decision.verdict.upper()} {name}: {decision.measured}": (claims[name], decision)
            for name, decision in recorded_decisions(Path(env.doc2path(env.docname))).items()
        }

    def _mark_cell(self, name: str) -> None:
        """Make the cell whose outputs are being rendered a target of that name."""
        target = nodes.target("", "", names=[name])
        self.renderer.document.note_explicit_target(target, target)
        cell = self.renderer.current_node.parent
        cell.parent.insert(cell.parent.index(cell), target)


def setup(app: Sphinx) -> None:
    """Make MyST-NB use this renderer; it offers the choice only to installed packages."""
    myst_nb.sphinx_.load_renderer = lambda name: BookRenderer
