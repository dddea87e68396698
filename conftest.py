"""Settings of every test run: its environment, and the rule by which nbval compares outputs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "book" / "_tools"))

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
