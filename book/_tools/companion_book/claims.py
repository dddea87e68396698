"""The claims of the source material: cards, the ledger page, totals and the role ``verdict``.

Verdicts and measurements are those that the stored notebooks printed; nothing is typed again. Each
decided claim links to the very cell that decided it, which ``notebooks`` makes the target
``claim-ID``.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from companion.lab.claims import VERDICTS, Claim, Decision, load, recorded_decisions

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
    files = ", ".join(source[:3] for source in claim.sources)
    facts = nodes.paragraph(classes=["claim-facts"], **verbatim)
    verdict = state(claim, decision)
    if decision is None:
        facts += nodes.inline("", claim.id)
    else:
        measured = "" if verdict == "untestable" else "Measured: "
        facts += [nodes.Text(f"{measured}{decision.measured} · "), link(claim.id, target)]
    facts += nodes.Text(f" · stated in {files}")
    statement = nodes.paragraph("", "", badge(verdict), **verbatim)
    statement += nodes.Text(f" {claim.statement}")
    container = nodes.container("", statement, classes=["claim", f"verdict-{verdict}"])
    if claim.note:
        container += nodes.paragraph("", claim.note, **verbatim)
    container += facts
    return container


def state(claim: Claim, decision: Decision | None) -> str:
    """Return the verdict of the claim's run; what cannot be tested may do without a run."""
    if decision is not None:
        return decision.verdict
    return "untestable" if claim.verdict == "untestable" else "open"


class LedgerDirective(SphinxDirective):
    """``{claims-ledger}``: every claim by topic, under a table of how many have which verdict."""

    def run(self) -> list[nodes.Node]:
        """Return the table and one section a topic."""
        claims = read_claims(self.env)
        decisions = read_decisions(self.env, claims)
        self._compare(claims, decisions)
        topics: dict[str, list[Claim]] = {}
        for claim in claims.values():
            topics.setdefault(claim.topic, []).append(claim)
        sections = [self._section(topic, topics[topic], decisions) for topic in topics]
        return [*self._table(topics, decisions), *sections]

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
        parsed = nodes.Element()
        self.state.nested_parse(StringList(rows, "claims-ledger"), self.content_offset, parsed)
        return parsed.children

    def _section(
        self, topic: str, claims: list[Claim], decisions: dict[str, Decision]
    ) -> nodes.section:
        section = nodes.section("", nodes.title("", topic_title(topic)), names=[f"claims-{topic}"])
        self.state.document.note_explicit_target(section, section)
        page = chapter_page(claims[0].chapter)
        if page in self.env.found_docs:
            chapter = pending_xref(
                "",
                nodes.inline(),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{page}",
                refexplicit=False,
                refwarn=True,
            )
            section += nodes.paragraph("", "Decided in ", chapter, nodes.Text("."))
        for claim in claims:
            entry = card(claim, decisions.get(claim.id), f"claim-{claim.id}")
            entry["names"].append(f"ledger-{claim.id}")
            self.state.document.note_explicit_target(entry, entry)
            section += entry
        return section


class TotalsDirective(SphinxDirective):
    """``{claims-totals}``: how many claims there are, and how many have which verdict."""

    def run(self) -> list[nodes.Node]:
        """Return one paragraph."""
        claims = read_claims(self.env)
        paragraph = nodes.paragraph("", f"{len(claims)} claims:")
        for text in tally(claims.values(), read_decisions(self.env, claims)):
            paragraph += [nodes.Text(" "), badge(text)]
        return [paragraph]


class VerdictRole(SphinxRole):
    """``{verdict}`confirmed``` or ``{verdict}`2 confirmed``` shows a verdict as the claims do."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the label, or an error when there is no such verdict."""
        if self.text.split()[-1] not in STATES:
            expected = f"verdict must be one of {', '.join(STATES)}; received {self.text!r}"
            return [], [self.inliner.reporter.error(expected, line=self.lineno)]
        return [badge(self.text)], []


def tally(claims: Iterable[Claim], decisions: dict[str, Decision]) -> list[str]:
    """Return how many of the claims have each verdict that occurs, such as "2 confirmed"."""
    counts = Counter(state(claim, decisions.get(claim.id)) for claim in claims)
    return [f"{counts[word]} {word}" for word in STATES if counts[word]]


def topic_title(topic: str) -> str:
    """Return the words for a topic's id."""
    return TOPICS.get(topic, topic.replace("-", " ").capitalize())


def setup(app: Sphinx) -> None:
    """Add the directives and the role."""
    app.add_directive("claims-ledger", LedgerDirective)
    app.add_directive("claims-totals", TotalsDirective)
    app.add_role("verdict", VerdictRole())
