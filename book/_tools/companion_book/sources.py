"""``{source} companion.initializers.fans``: a function, class or method as the package has it.

Docstrings are left out: the chapter says the same at more length. The file is parsed, not imported,
so that code which needs TensorFlow can be shown without it. The name of the file above the code
leads to the reference.
"""

import ast
from pathlib import Path
from textwrap import dedent

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


class SourceDirective(SphinxDirective):
    """Show an object's code, given its full name, or that of several objects of one file."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the code with the name of its file above it."""
        parts, names = [], self.arguments[0].split()
        for name in names:
            try:
                path, *steps = locate(Path(self.env.srcdir), name)
                parts.append(code(path, steps))
            except LookupError as error:
                raise self.error(
                    f"expected a function, class or method; received {name}"
                ) from error
        self.env.note_dependency(str(path))
        text = "\n\n\n".join(parts)
        file = path.relative_to(self.env.srcdir).as_posix()
        return [
            nodes.container(
                "",
                nodes.caption("", "", nodes.literal("", file), shows=names[0]),
                nodes.literal_block(text, text, language="python"),
                classes=["literal-block-wrapper"],
                literal_block=True,
            )
        ]


def locate(root: Path, name: str) -> tuple[Path, ...]:
    """Return an object's file and, within it, the names that lead to the object."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        path = root.joinpath(*parts[:length]).with_suffix(".py")
        if path.is_file():
            return path, *parts[length:]
    raise LookupError(name)


def code(path: Path, names: list[str]) -> str:
    """Return the code of the object to which the names lead, without docstrings."""
    text = path.read_text(encoding="utf-8")
    node = ast.parse(text)
    for name in names:
        members = {child.name: child for child in node.body if isinstance(child, DEFINITIONS)}
        node = members[name]
    lines = text.splitlines()
    hidden: set[int] = set()
    for definition in ast.walk(node):
        if isinstance(definition, DEFINITIONS) and ast.get_docstring(definition) is not None:
            docstring = definition.body[0]
            hidden.update(range(docstring.lineno, docstring.end_lineno + 1))
            if not lines[docstring.end_lineno].strip():
                hidden.add(docstring.end_lineno + 1)
    first = min(part.lineno for part in [node, *node.decorator_list])
    numbers = range(first, node.end_lineno + 1)
    return dedent("\n".join(lines[n - 1] for n in numbers if n not in hidden))


def link_to_reference(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let the file above a listing lead to the entry of what is shown, or of what holds it."""
    entries = app.env.get_domain("py").objects
    for caption in doctree.findall(lambda node: "shows" in getattr(node, "attributes", ())):
        name = caption["shows"]
        while name not in entries and "." in name:
            name = name.rpartition(".")[0]
        if name in entries:
            page, place = entries[name].docname, entries[name].node_id
            uri = f"{app.builder.get_relative_uri(docname, page)}#{place}"
            caption[0] = nodes.reference("", "", caption[0], refuri=uri, internal=True)


def setup(app: Sphinx) -> None:
    """Add the directive, and link what it shows when all pages are known."""
    app.add_directive("source", SourceDirective)
    app.connect("doctree-resolved", link_to_reference)
