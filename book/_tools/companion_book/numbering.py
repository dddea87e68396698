"""Chapters keep the number in their file's name, whichever other chapters exist.

``book/02-initialization`` is chapter 2 and its sections are 2.1, 2.2, …; Sphinx numbers equations,
figures and exercises from that. (Sphinx itself can only count the pages in a table of contents.)
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

CHAPTER = re.compile(r"book/(\d\d)-[\w-]+")


def assign_section_numbers(self: TocTreeCollectorWithStyles, env: BuildEnvironment) -> list[str]:
    """Give every chapter and its sections their numbers; return the pages whose numbers changed."""
    before = env.toc_secnumbers
    env.toc_secnumbers = {}
    for docname, contents in env.tocs.items():
        if match := CHAPTER.fullmatch(docname):
            number = (int(match[1]),)
            env.titles[docname]["secnumber"] = number
            env.toc_secnumbers[docname] = _number_entries(contents, number)
    return [doc for doc, numbers in env.toc_secnumbers.items() if numbers != before.get(doc)]


def _number_entries(contents: nodes.Element, chapter: tuple[int]) -> dict[str, tuple[int, ...]]:
    """Write the numbers into a page's entries in the table of contents; return them by anchor."""
    title, *sections = contents.children[0].children
    entries = [(title, chapter)]
    for section_list in sections:
        for index, item in enumerate(section_list.children, start=1):
            entries.append((item[0], (*chapter, index)))
    numbers: dict[str, tuple[int, ...]] = {}
    for entry, number in entries:
        reference = next(entry.findall(nodes.reference))
        reference["secnumber"] = number
        numbers[reference["anchorname"]] = number
    # deeper sections bear no number of their own
    for entry in contents.findall(addnodes.compact_paragraph):
        numbers.setdefault(entry[0]["anchorname"], ())
    return numbers


def setup(app: Sphinx) -> None:
    """Replace the rule by which Sphinx numbers sections."""
    TocTreeCollectorWithStyles.assign_section_numbers = assign_section_numbers
