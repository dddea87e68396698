"""The Sphinx extension that makes this book what Jupyter Book alone does not.

===============  ===================================================================
``turns``        one build at a time in a folder
``numbering``    chapter, equation and figure numbers from the chapter's file name
``notebooks``    alternative text of figures; decided claims shown as cards
``claims``       the ledger of all claims, its totals, the ``verdict`` role
``figures``      a chapter's figure shown on another page
``interactive``  figures that the reader can move, with a still picture for paper
``sources``      code shown from the package's own files
``exercises``    numbered exercises and folded solutions that hold executed cells
``reference``    links from types in docstrings, and the code of each entry, folded
``folds``        what is folded until the reader opens it
``navigation``   names for the arrows in the list of contents
``launch``       buttons for Colab, Binder and the repository, if there is one
``unbroken``     numbers and intervals that stay in one line
``loading``      which scripts a page loads, and when
===============  ===================================================================
"""

from sphinx.application import Sphinx

from . import (
    claims,
    exercises,
    figures,
    folds,
    interactive,
    launch,
    loading,
    navigation,
    notebooks,
    numbering,
    reference,
    sources,
    turns,
    unbroken,
)

PARTS = (
    turns,
    numbering,
    notebooks,
    claims,
    figures,
    interactive,
    sources,
    folds,
    exercises,
    reference,
    navigation,
    launch,
    unbroken,
    loading,
)
ENV_VERSION = 5  # higher when the nodes change: pages read before are then read again


def setup(app: Sphinx) -> dict[str, bool | int]:
    """Connect every part to Sphinx."""
    for part in PARTS:
        part.setup(app)
    return {
        "env_version": ENV_VERSION,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
