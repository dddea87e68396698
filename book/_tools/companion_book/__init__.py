"""The Sphinx extension that makes this book what Jupyter Book alone does not.

===============  ===============================================================
``numbering``    chapter, equation and figure numbers from the chapter's file name
``notebooks``    alternative text of figures; decided claims shown as cards
``claims``       the ledger of all claims, its totals, the ``verdict`` role
``figures``      a chapter's figure shown on another page
``sources``      code shown from the package's own files
``exercises``    numbered exercises and folded solutions that hold executed cells
``interactive``  figures whose parameters the reader can move, with a still picture for paper
===============  ===============================================================
"""

from sphinx.application import Sphinx

from . import claims, exercises, figures, interactive, notebooks, numbering, sources


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect every part to Sphinx."""
    for part in (numbering, notebooks, claims, figures, interactive, sources, exercises):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
