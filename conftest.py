"""Settings of every test run: its environment, and the rule by which nbval compares outputs.

No test may need another before it: ``pytest -n 2 --dist loadfile --random-order-bucket=parent``
runs them in an order of its own. Only what a reader does in order stays in order.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "book" / "_tools"))

import pytest
from comparison import ENVIRONMENT, Output, differences
from nbval.plugin import IPyNbCell

# Libraries read it when they are loaded, and kernels inherit it.
os.environ.update(ENVIRONMENT)


def compare_outputs(
    cell: IPyNbCell, test: Sequence[Output], reference: Sequence[Output], skip_compare: None = None
) -> bool:
    """Compare the outputs of a cell with the stored ones, in place of nbval's own method."""
    cell.comparison_traceback = differences(reference, test)  # nbval prints it
    return not cell.comparison_traceback


IPyNbCell.compare_outputs = compare_outputs


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order of a notebook's cells, and of the tests that share a page in the browser."""
    for item in items:
        if isinstance(item, IPyNbCell) or item.path.name == "test_browser.py":
            item.add_marker(pytest.mark.random_order(disabled=True))
