"""What stored outputs become: figures with alternative text, decided claims as cards."""

from itertools import groupby
from pathlib import Path
from typing import Any

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from nbformat import NotebookNode
from sphinx.application import Sphinx

from companion.lab.claims import recorded_decisions

from .claims import card, read_claims


class BookRenderer(NbElementRenderer):
    """MyST-NB's renderer, with what this book adds to it."""

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        """Give the image the alternative text that the run stored in the output's metadata."""
        images = super().render_image(data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        if alt:
            images[0]["alt"] = alt
        else:
            self.logger.warning("this figure has no alternative text", line=data.line)
        return images

    def render_stdout(
        self, output: NotebookNode, cell_metadata: dict[str, Any], cell_index: int, source_line: int
    ) -> list[nodes.Element]:
        """Show each printed verdict as a card, and make its cell the target ``claim-ID``."""
        env, document = self.renderer.sphinx_env, self.renderer.document
        decisions = recorded_decisions(Path(env.doc2path(env.docname)))
        printed = {
            f"{d.verdict.upper()} {name}: {d.measured}": name for name, d in decisions.items()
        }
        rendered: list[nodes.Element] = []
        lines = output["text"].splitlines(keepends=True)
        for claim_id, part in groupby(lines, key=lambda line: printed.get(line.rstrip("\n"))):
            text = "".join(part)
            if claim_id is not None:
                target = nodes.target("", "", names=[f"claim-{claim_id}"])
                document.note_explicit_target(target, target)
                cell = self.renderer.current_node.parent
                cell.parent.insert(cell.parent.index(cell), target)
                claim = read_claims(env)[claim_id]
                rendered.append(card(claim, decisions[claim_id], f"ledger-{claim_id}"))
            elif text.strip():
                output = NotebookNode(output, text=text)
                rendered += super().render_stdout(output, cell_metadata, cell_index, source_line)
        return rendered


def setup(app: Sphinx) -> None:
    """Make MyST-NB use this renderer; it offers the choice only to installed packages."""
    myst_nb.sphinx_.load_renderer = lambda name: BookRenderer
