"""At the end of a run, say how much of the rendered book was tried."""

from collections import Counter


def pytest_terminal_summary(terminalreporter):
    """Add up what the browser tests recorded, also when they ran in other processes."""
    tried = Counter()
    for report in terminalreporter.stats.get("passed", []):
        tried.update(dict(report.user_properties) if report.when == "call" else {})
    if tried:
        terminalreporter.section("tried in a browser")
        terminalreporter.line(", ".join(f"{count:,} {what}" for what, count in tried.items()))
