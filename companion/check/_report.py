"""What a check hands back: a report, made of properties."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Property:
    """One property that was tried.

    Attributes
    ----------
    name : str
        What must hold.
    holds : bool
    measured, expected : str
        What came, and what should have come.
    hint : str
        Where it does not hold, the likely mistake.

    Examples
    --------
    >>> print(Property("values", holds=True, measured="2 + 2 = 4"))
      ok    values: 2 + 2 = 4
    """

    name: str
    holds: bool
    measured: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        """Return the property as a line; where it fails, as several."""
        if self.holds:
            return f"  ok    {self.name}: {self.measured}"
        lines = [
            f"  FAILS {self.name}",
            f"        measured: {self.measured}",
            f"        expected: {self.expected}",
        ]
        return "\n".join(lines + ([f"        likely:   {self.hint}"] if self.hint else []))


@dataclass(frozen=True)
class Report:
    """What a check found; true when every property holds.

    Attributes
    ----------
    title : str
        What was checked, and against what.
    properties : tuple of Property
        All that was tried, in order.
    conventions : tuple of str
        Where the function follows another convention than ours, which is no mistake, its name.

    Examples
    --------
    >>> report = Report("my sum", (Property("values", False, "2 + 2 = 5", "4", "an odd sum"),))
    >>> bool(report), report.hints
    (False, ('an odd sum',))
    >>> print(report)
    my sum: 1 of 1 properties fails
      FAILS values
            measured: 2 + 2 = 5
            expected: 4
            likely:   an odd sum
    """

    title: str
    properties: tuple[Property, ...]
    conventions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether all properties hold."""
        return not self.failures

    @property
    def failures(self) -> tuple[Property, ...]:
        """The properties that do not hold."""
        return tuple(p for p in self.properties if not p.holds)

    @property
    def hints(self) -> tuple[str, ...]:
        """The likely mistakes."""
        return tuple(dict.fromkeys(p.hint for p in self.failures if p.hint))

    def __str__(self) -> str:
        """Return the report as text."""
        conventions = [f"  note  another convention, no mistake: {c}" for c in self.conventions]
        return "\n".join(
            [f"{self.title}: {self._verdict()}", *conventions, *map(str, self._sorted())]
        )

    __repr__ = __str__  # so that a notebook shows the text

    def _repr_html_(self) -> str:
        """Return the report as a table, for notebooks."""
        rows = [
            f"<tr><td>{'ok' if p.holds else '<b>fails</b>'}</td>"
            f"<td>{escape(p.name)}</td><td>{escape(p.measured)}</td>"
            f"<td>{escape(p.expected)}</td><td>{escape(p.hint)}</td></tr>"
            for p in self._sorted()
        ]
        notes = [f"<p>Another convention, no mistake: {escape(c)}</p>" for c in self.conventions]
        head = "".join(f"<th>{h}</th>" for h in ("", "property", "measured", "expected", "likely"))
        return (
            f"<p><b>{escape(self.title)}</b>: {self._verdict()}</p>{''.join(notes)}"
            f"<table><tr>{head}</tr>{''.join(rows)}</table>"
        )

    def _sorted(self) -> list[Property]:
        """Return the failures first."""
        return sorted(self.properties, key=lambda p: p.holds)

    def _verdict(self) -> str:
        number, failing = len(self.properties), len(self.failures)
        if not failing:
            return f"all {number} properties hold"
        return f"{failing} of {number} properties {'fails' if failing == 1 else 'fail'}"
