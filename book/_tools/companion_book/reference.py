"""The reference: what autodoc reads from docstrings, with links from types, and the code folded.

In a docstring a type is words, such as "sequence of Layer, optional". A word that names a class of
the package becomes a link, which the build checks; the others stay words. A method that overrides
another of the package is not listed again.

``.. code-of:: companion.activations.relu``, which every function and class gets, shows its code.
"""

import inspect
import re
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import inspect as sphinx_inspect
from sphinx.util.docutils import SphinxDirective

from .folds import fold
from .sources import code

SECTION = re.compile(r"-{3,}")
INITIAL = re.compile(r"^(\s*)([A-Z])\.(?= )")  # "K. He" is no item of a list
TYPED = {"Parameters", "Returns", "Attributes"}


def complete(
    app: Sphinx, what: str, name: str, value: Any, options: object, lines: list[str]
) -> None:
    """Link the types of a docstring, and end that of a function or class with its code."""
    if what in {"class", "function", "method"}:
        link_types(lines, vars(sys.modules[value.__module__]))
    lines[:] = [INITIAL.sub(r"\1\2\\.", line) for line in lines]
    if what in {"class", "function"}:
        lines += ["", f".. code-of:: {value.__module__}.{value.__qualname__}"]


def signature(
    app: Sphinx, what: str, name: str, value: Any, options: object, arguments: str, result: object
) -> tuple[str, None] | None:
    """Show the constructor's arguments also where a mocked base hides them; none of a protocol."""
    if what != "class" or arguments != "(*args, **kwargs)":
        return None
    if getattr(value, "_is_protocol", False):
        return "", None
    own = sphinx_inspect.signature(value.__init__, bound_method=True)
    return sphinx_inspect.stringify_signature(own, show_annotation=False), None


def skip(
    app: Sphinx, what: str, name: str, value: Any, skipped: bool, options: object
) -> bool | None:
    """Leave out a method that does what the package's base class says it does."""
    owner, _, method = getattr(value, "__qualname__", "").rpartition(".")
    module = sys.modules.get(getattr(value, "__module__", ""))
    bases = inspect.getmro(getattr(module, owner, object))[1:]
    return any(method in vars(b) for b in bases if b.__module__.startswith("companion.")) or None


def link_types(lines: list[str], names: dict[str, Any]) -> None:
    """Mark, in place, the names of the package's classes in the types of a docstring."""

    def mark(word: re.Match[str]) -> str:
        found = names.get(word[0])
        if inspect.isclass(found) and found.__module__.startswith("companion."):
            return f":class:`~{found.__module__}.{found.__qualname__}`"
        return word[0]

    section = ""
    for index, line in enumerate(lines):
        if SECTION.fullmatch(line):
            section = lines[index - 1]
        elif section in TYPED and line and not line.startswith(" "):
            name, colon, words = line.rpartition(" : ")
            lines[index] = name + colon + re.sub(r"\w+", mark, words)


class Absent(MetaPathFinder):
    """Keeps what autodoc mocks from being imported where it happens to be installed."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Refuse the modules."""
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is not needed to build the book")


class CodeDirective(SphinxDirective):
    """Show a function's or class's code, folded."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the fold."""
        module, _, name = self.arguments[0].rpartition(".")
        path = Path(sys.modules[module].__file__)
        self.env.note_dependency(str(path))
        text = code(path, [name])
        file = path.relative_to(self.env.srcdir).as_posix()
        listing = nodes.literal_block(text, text, language="python")
        return [fold("", listing, summary=f"Code in {file}", classes=["code"])]


def setup(app: Sphinx) -> None:
    """Add the directive, and complete docstrings before napoleon reads them."""
    app.connect(
        "config-inited",
        lambda app, config: sys.meta_path.insert(0, Absent(config.autodoc_mock_imports)),
    )
    app.add_directive("code-of", CodeDirective)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", complete, priority=400)
