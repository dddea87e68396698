"""What the chapters run: data, experiments, diagnostics, claims and figures."""

import pathlib

_INSTALLED = pathlib.Path(__file__).parent / "book"

#: The book's folder, with the lists and studies that the chapters read: in an installed package
#: inside it, in the repository beside it.
BOOK = _INSTALLED if _INSTALLED.is_dir() else pathlib.Path(__file__).parents[2] / "book"
