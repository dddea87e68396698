"""Numbered exercises, and folded solutions that may hold executed cells.

The syntax is that of MyST's exercises, with a level beside the label: warm-up, practice, project
or research::

    ```{exercise} The title
    :label: ex-init-orthogonal
    :level: practice

    What to do, and when it is done.
    ```

    ```{solution-start} ex-init-orthogonal
    ```

    Text and code cells.

    ```{solution-end}
    ```
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from .folds import fold

logger = logging.getLogger(__name__)

#: What an exercise asks for, in the order in which a chapter's exercises rise.
LEVELS = ("warm-up", "practice", "project", "research")


class exercise(nodes.Admonition, nodes.Element):  # noqa: N801  docutils names nodes so
    """An exercise; its first child is its title."""


class solution_start(nodes.Invisible, nodes.Element):  # noqa: N801
    """Where a solution begins."""


class solution_end(nodes.Invisible, nodes.Element):  # noqa: N801
    """Where a solution ends."""


class ExerciseDirective(SphinxDirective):
    """``{exercise}``; its argument is the title."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {  # noqa: RUF012
        "label": directives.unchanged_required,
        "level": lambda argument: directives.choice(argument, LEVELS),
    }

    def run(self) -> list[nodes.Node]:
        """Return the exercise, named so that it is numbered and can be referred to."""
        for option in self.option_spec:
            if option not in self.options:
                raise self.error(f"an exercise needs a {option}")
        title, messages = self.state.inline_text(self.arguments[0], self.lineno)
        title += [nodes.Text(" "), nodes.inline("", self.options["level"], classes=["level"])]
        node = exercise("", nodes.title("", "", *title), classes=["exercise"])
        node["names"].append(self.options["label"])
        self.state.document.note_explicit_target(node, node)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node, *messages]


class SolutionStartDirective(SphinxDirective):
    """``{solution-start}``; its argument is the exercise's label."""

    required_arguments = 1
    option_spec = {"class": directives.class_option}  # noqa: RUF012  other tools want "dropdown"

    def run(self) -> list[nodes.Node]:
        """Return the mark."""
        mark = solution_start(label=self.arguments[0])
        self.set_source_info(mark)
        return [mark]


class SolutionEndDirective(SphinxDirective):
    """``{solution-end}``."""

    def run(self) -> list[nodes.Node]:
        """Return the mark."""
        mark = solution_end()
        self.set_source_info(mark)
        return [mark]


class FoldSolutions(SphinxTransform):
    """Put what lies between a solution's two marks into one node."""

    default_priority = 20

    def apply(self) -> None:
        """Fold every solution of the page."""
        for start in list(self.document.findall(solution_start)):
            label, parent = start["label"], start.parent
            if label not in self.document.nameids:
                logger.warning("there is no exercise %r on this page", label, location=start)
            first = last = parent.index(start)
            for index, node in enumerate(parent[first + 1 :], first + 1):
                if isinstance(node, solution_start | solution_end):
                    last = index if isinstance(node, solution_end) else first
                    break
            if last == first:
                logger.warning("this solution does not end in its section", location=start)
            content = parent[first + 1 : last]
            parent[first : last + 1] = [
                fold(
                    "",
                    *content,
                    summary="Solution",
                    classes=["solution"],
                    ids=[f"solution-{label}"],
                )
            ]
        for end in list(self.document.findall(solution_end)):
            logger.warning("no solution starts before this end in its section", location=end)
            end.parent.remove(end)


def setup(app: Sphinx) -> None:
    """Add the directives, their nodes and the transform."""
    app.add_enumerable_node(
        exercise,
        "exercise",
        lambda node: node[0].astext(),
        html=(HTML5Translator.visit_admonition, HTML5Translator.depart_admonition),
    )
    app.add_directive("exercise", ExerciseDirective)
    app.add_directive("solution-start", SolutionStartDirective)
    app.add_directive("solution-end", SolutionEndDirective)
    app.add_transform(FoldSolutions)
