"""The claims of the source material: cards, the ledger, corrections, totals, the role ``verdict``.

Verdicts and measurements are those that the stored notebooks printed; nothing is typed again. Each
decided claim links to the very cell that decided it, which ``notebooks`` makes the target
``claim-ID``.
"""

from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.writers.html5 import HTML5Translator

from companion.lab.claims import HARMS, VERDICTS, Claim, Decision, load, recorded_decisions
from companion.lab.idioms import cells_named

logger = logging.getLogger(__name__)

STATES = [*VERDICTS, "open"]

# Topics whose name is more than its id with spaces.
TOPICS = {
    "vanishing-exploding": "Vanishing and exploding gradients",
    "batch-norm": "Batch normalization",
    "lr-schedules": "Learning-rate schedules",
    "l1-l2": "ℓ1 and ℓ2 penalties",
    "max-norm": "Max-norm",
    "mc-dropout": "Monte Carlo dropout",
    "api-facts": "Names and functions of TensorFlow and Keras",
}


# How a faulty claim's harm is called where the corrections are listed.
HARM_TITLES = {
    "silent": "It runs, and does something else",
    "stops": "It never ran",
    "aged": "It ran once",
    "formula": "Wrong formulas, numbers and facts",
    "conclusion": "Wrong conclusions",
    "wording": "Imprecise words",
}
HARM_EXPLANATIONS = {
    "silent": "Nothing reports these. A network is trained, and it is not the one that was meant.",
    "stops": "An error says so at once, in every version: a name misspelled, something left out.",
    "aged": "These were right when they were written, and libraries have moved on since.",
    "formula": "Whoever computes with these gets another result.",
    "conclusion": "These lead to a choice that does not pay, or name the wrong cause of an effect.",
    "wording": "These are right in spirit, and mislead when taken by the letter.",
}

FILTERED = "ledger.html"  #: the page whose filters a link can set


def read_claims(env: BuildEnvironment) -> dict[str, Claim]:
    """Return the claims by id; the page being read is read again when they change."""
    path = Path(env.srcdir) / "book" / "claims.yml"
    env.note_dependency(str(path))
    return {claim.id: claim for claim in load(path)}


def read_decisions(env: BuildEnvironment, claims: dict[str, Claim]) -> dict[str, Decision]:
    """Return what the stored notebooks of the book's chapters decided, by the claim's id."""
    decisions: dict[str, Decision] = {}
    for chapter in dict.fromkeys(claim.chapter for claim in claims.values()):
        if chapter_page(chapter) in env.found_docs:
            notebook = env.doc2path(chapter_page(chapter))
            env.note_dependency(notebook)
            decisions |= recorded_decisions(Path(notebook))
    return decisions


def chapter_page(chapter: str) -> str:
    """Return the page of a chapter, given as its file's stem."""
    return f"book/{chapter}"


def badge(text: str) -> nodes.inline:
    """Return a text that ends with a verdict's word, such as "2 confirmed", as a coloured label."""
    return nodes.inline("", text, classes=["verdict", f"verdict-{text.split()[-1]}"])


def link(text: str, target: str) -> pending_xref:
    """Return a link to a named place, which the build checks."""
    return pending_xref(
        "",
        nodes.inline("", text),
        refdomain="std",
        reftype="ref",
        reftarget=target,
        refexplicit=True,
        refwarn=True,
    )


def card(claim: Claim, decision: Decision | None, target: str) -> nodes.container:
    """Return a claim with its verdict and what was measured; its id links to the target."""
    # texts stay as they are: a quotation mark in them belongs to code
    verbatim = {"support_smartquotes": False}
    facts = nodes.paragraph(classes=["claim-facts"], **verbatim)
    verdict = state(claim, decision)
    if decision is None:
        facts += nodes.inline("", claim.id)
    else:
        measured = "" if verdict == "untestable" else "Measured: "
        facts += [nodes.Text(f"{measured}{decision.measured} · "), link(claim.id, target)]
    facts += nodes.Text(f" · stated in {', '.join(files(claim))}")
    statement = nodes.paragraph("", "", badge(verdict), **verbatim)
    statement += nodes.Text(" ")
    if claim.faulty:  # beside "corrected", what is said could be taken for what is right
        statement += [nodes.strong("", "In the notes:"), nodes.Text(" ")]
    statement += nodes.Text(claim.statement)
    container = nodes.container("", statement, classes=["claim", f"verdict-{verdict}"])
    if claim.faulty:
        container["classes"].append("correction")
    if claim.note:
        note = nodes.paragraph(classes=["claim-note"], **verbatim)
        if claim.faulty:
            note += [nodes.strong("", "What is true:"), nodes.Text(" ")]
        note += nodes.Text(claim.note)
        container += note
    container += facts
    return container


def files(claim: Claim) -> list[str]:
    """Return the numbers of the source's files in which the claim stands."""
    return [source[:3] for source in claim.sources]


def state(claim: Claim, decision: Decision | None) -> str:
    """Return the verdict of the claim's run; what cannot be tested may do without a run."""
    if decision is not None:
        return decision.verdict
    return "untestable" if claim.verdict == "untestable" else "open"


class claims_filter(nodes.General, nodes.Element):  # noqa: N801  docutils names nodes so
    """The filters above a list of claims, hidden until the script that serves them has begun."""


def visit_filter(self: HTML5Translator, node: claims_filter) -> None:
    """Write the form; ``claims.js`` shows the claims that have every chosen class."""
    menus = "".join(
        f'<label>{escape(label)} <select name="{name}"><option value="">all</option>'
        + "".join(f'<option value="{value}">{escape(text)}</option>' for value, text in options)
        + "</select></label>\n"
        for name, label, options in node["menus"]
    )
    self.body.append(
        '<form class="claims-filter" aria-label="Filter the claims" autocomplete="off" hidden>\n'
        f'{menus}<label>Words <input type="search" name="text"></label>\n'
        '<button type="reset">Show all</button> <output></output>\n</form>\n'
    )
    raise nodes.SkipNode


class ClaimsDirective(SphinxDirective):
    """What the lists of claims share: filters, and cards that they can find."""

    #: What the id of a card begins with.
    prefix: str

    def filters(self, claims: Iterable[Claim], decisions: dict[str, Decision]) -> claims_filter:
        """Return filters that offer what occurs among the claims."""
        claims = list(claims)
        found = {state(claim, decisions.get(claim.id)) for claim in claims}
        sources = sorted({file for claim in claims for file in files(claim)})
        verdicts = [(word, word) for word in STATES if word in found]
        if {"corrected", "refuted"} < found:
            verdicts.append(("wrong", "corrected or refuted"))
        topics = dict.fromkeys(claim.topic for claim in claims)
        menus = [
            ("verdict", "Verdict", verdicts),
            ("topic", "Topic", [(topic, topic_title(topic)) for topic in topics]),
            ("source", "File", [(file, file) for file in sources]),
        ]
        return claims_filter(menus=menus)

    def entry(self, claim: Claim, decision: Decision | None) -> nodes.container:
        """Return a card with the classes that the filters look for, and its links."""
        entry = card(claim, decision, f"claim-{claim.id}")
        entry["classes"] += [f"topic-{claim.topic}", f"forecast-{forecast(claim, decision)}"]
        entry["classes"] += [f"source-{file}" for file in files(claim)]
        if claim.faulty:
            entry["classes"].append("verdict-wrong")
        facts = entry.children[-1]
        if forecast(claim, decision) in {"missed", "open"}:
            facts += nodes.Text(f" · the forecast was: {claim.forecast}")
        if "book/from-tensorflow-1" in self.env.found_docs:
            for cell in cells_named(claim):
                address = f"from-tensorflow-1.html#cell-{cell.replace('#', '-')}"
                facts += [nodes.Text(" · "), nodes.reference("", f"cell {cell}", refuri=address)]
        entry["names"].append(f"{self.prefix}-{claim.id}")
        self.state.document.note_explicit_target(entry, entry)
        return entry

    def section(self, title: str, name: str, *parts: nodes.Node) -> nodes.section:
        """Return a section that can be linked by its name."""
        section = nodes.section("", nodes.title("", title), *parts, names=[name])
        self.state.document.note_explicit_target(section, section)
        return section

    def parse(self, *lines: str) -> list[nodes.Node]:
        """Return what lines of MyST make."""
        parsed = nodes.Element()
        self.state.nested_parse(StringList(lines, self.name), self.content_offset, parsed)
        return parsed.children


class LedgerDirective(ClaimsDirective):
    """``{claims-ledger}``: every claim by topic, under a table of how many have which verdict."""

    prefix = "ledger"

    def run(self) -> list[nodes.Node]:
        """Return what was forecast, the table, the filters and one section a topic."""
        claims = read_claims(self.env)
        decisions = read_decisions(self.env, claims)
        self._compare(claims, decisions)
        topics: dict[str, list[Claim]] = {}
        for claim in claims.values():
            topics.setdefault(claim.topic, []).append(claim)
        filters = self.filters(claims.values(), decisions)
        forecasts = [("met", "came true"), ("missed", "did not"), ("open", "was open")]
        filters["menus"].append(("forecast", "Forecast", forecasts))
        return [
            *self._table(topics, decisions),
            self._forecasts(claims, decisions),
            filters,
            *(self._section(topic, topics[topic], decisions) for topic in topics),
        ]

    def _compare(self, claims: dict[str, Claim], decisions: dict[str, Decision]) -> None:
        for claim in claims.values():
            found = state(claim, decisions.get(claim.id))
            if found != (claim.verdict or "open"):
                logger.warning(
                    "%s: book/claims.yml says %s, the stored notebooks say %s",
                    claim.id,
                    claim.verdict or "nothing",
                    found,
                    location=self.env.docname,
                )

    def _table(
        self, topics: dict[str, list[Claim]], decisions: dict[str, Decision]
    ) -> list[nodes.Node]:
        rows = ["| topic | claims | of which |", "|---|--:|---|"]
        for topic, claims in topics.items():
            labels = " ".join(f"{{verdict}}`{text}`" for text in tally(claims, decisions))
            rows.append(f"| [{topic_title(topic)}](#claims-{topic}) | {len(claims)} | {labels} |")
        parsed = self.parse(*rows)
        body = next(parsed[0].findall(nodes.tbody))
        for topic, row in zip(topics, body.children, strict=True):
            for label in list(row.findall(is_badge)):
                label.parent.replace(label, filtered(label, topic=topic))
        return parsed

    def _forecasts(
        self, claims: dict[str, Claim], decisions: dict[str, Decision]
    ) -> nodes.paragraph:
        count = Counter(forecast(claim, decisions.get(claim.id)) for claim in claims.values())
        decided = count["met"] + count["missed"] + count["open"]
        return nodes.paragraph(
            "",
            "",
            nodes.Text(
                "A forecast was written down for each claim before anything was run. Of "
                f"{decided} verdicts {count['met']} are as forecast, "
            ),
            filtered(nodes.Text(f"{count['missed']} are not"), forecast="missed"),
            nodes.Text(", and for "),
            filtered(nodes.Text(f"{count['open']} the forecast was open"), forecast="open"),
            nodes.Text(". Where a verdict was not foreseen, the claim's entry says why."),
        )

    def _section(
        self, topic: str, claims: list[Claim], decisions: dict[str, Decision]
    ) -> nodes.section:
        section = self.section(topic_title(topic), f"claims-{topic}")
        page = chapter_page(claims[0].chapter)
        if page in self.env.found_docs:
            section += nodes.paragraph("", "Decided in ", document(page), nodes.Text("."))
        section += [self.entry(claim, decisions.get(claim.id)) for claim in claims]
        return section


class CorrectionsDirective(ClaimsDirective):
    """``{claims-corrections}``: the corrected and refuted claims, the most harmful first."""

    prefix = "correction"

    def run(self) -> list[nodes.Node]:
        """Return a list of how many there are, the filters and one section a harm."""
        claims = read_claims(self.env)
        decisions = read_decisions(self.env, claims)
        groups = {
            harm: [c for c in claims.values() if c.faulty and c.harm == harm] for harm in HARMS
        }
        groups = {harm: group for harm, group in groups.items() if group}
        rows = ["| what is wrong | how many | what it does |", "|---|--:|---|"]
        rows += [
            f"| [{HARM_TITLES[harm]}](#corrections-{harm}) | {len(group)} "
            f"| {HARM_EXPLANATIONS[harm]} |"
            for harm, group in groups.items()
        ]
        return [
            *self.parse(*rows),
            self.filters([c for group in groups.values() for c in group], decisions),
            *(self._section(harm, group, decisions) for harm, group in groups.items()),
        ]

    def _section(
        self, harm: str, claims: list[Claim], decisions: dict[str, Decision]
    ) -> nodes.section:
        section = self.section(HARM_TITLES[harm], f"corrections-{harm}")
        for claim in claims:
            entry = self.entry(claim, decisions.get(claim.id))
            entry.children[-1].extend(
                [nodes.Text(" · "), link("in the ledger", f"ledger-{claim.id}")]
            )
            section += entry
        return section


class TotalsDirective(SphinxDirective):
    """``{claims-totals}``: how many claims there are, and how many have which verdict."""

    def run(self) -> list[nodes.Node]:
        """Return one paragraph, whose labels lead to the ledger."""
        claims = read_claims(self.env)
        paragraph = nodes.paragraph("", f"{len(claims)} claims:")
        for text in tally(claims.values(), read_decisions(self.env, claims)):
            paragraph += [nodes.Text(" "), filtered(badge(text))]
        return [paragraph]


class VerdictRole(SphinxRole):
    """``{verdict}`confirmed``` or ``{verdict}`2 confirmed``` shows a verdict as the claims do."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the label, or an error when there is no such verdict."""
        if self.text.split()[-1] not in STATES:
            expected = f"verdict must be one of {', '.join(STATES)}; received {self.text!r}"
            return [], [self.inliner.reporter.error(expected, line=self.lineno)]
        return [badge(self.text)], []


def is_badge(node: nodes.Node) -> bool:
    """Tell whether a node is a verdict's label."""
    return isinstance(node, nodes.inline) and "verdict" in node["classes"]


def filtered(content: nodes.Node, **choice: str) -> nodes.reference:
    """Return a link to the ledger with filters set: those given, and the verdict of a label."""
    if is_badge(content):
        choice |= {"verdict": content.astext().split()[-1]}
    return nodes.reference("", "", content.deepcopy(), refuri=f"{FILTERED}#{urlencode(choice)}")


def document(page: str) -> pending_xref:
    """Return a link to a page, named by its title."""
    return pending_xref(
        "",
        nodes.inline(),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{page}",
        refexplicit=False,
        refwarn=True,
    )


def forecast(claim: Claim, decision: Decision | None) -> str:
    """Tell whether the forecast of a decided claim was met, missed or open; else nothing."""
    found = state(claim, decision)
    if found == "open":
        return "untried"
    if claim.forecast == "open":
        return "open"
    return "met" if found == claim.forecast else "missed"


def tally(claims: Iterable[Claim], decisions: dict[str, Decision]) -> list[str]:
    """Return how many of the claims have each verdict that occurs, such as "2 confirmed"."""
    counts = Counter(state(claim, decisions.get(claim.id)) for claim in claims)
    return [f"{counts[word]} {word}" for word in STATES if counts[word]]


def topic_title(topic: str) -> str:
    """Return the words for a topic's id."""
    return TOPICS.get(topic, topic.replace("-", " ").capitalize())


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script of the filters where there are filters."""
    if doctree is not None and any(doctree.findall(claims_filter)):
        app.add_js_file("claims.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Add the directives, the role and the filters."""
    app.add_directive("claims-ledger", LedgerDirective)
    app.add_directive("claims-corrections", CorrectionsDirective)
    app.add_directive("claims-totals", TotalsDirective)
    app.add_role("verdict", VerdictRole())
    app.add_node(claims_filter, html=(visit_filter, None))
    app.connect("html-page-context", add_script)
