"""Time each chapter's notebook, alone on one thread, for the page "How fast is it".

    python book/_tools/times.py

Nothing is stored but the table of seconds, ``book/speed/chapters.md``.
"""

import asyncio
import time

from execute import BOOK, chapters, read, run
from tabulate import tabulate


async def measure() -> list[list[str]]:
    """Run the chapters one after another; return a row for each."""
    rows = []
    for chapter in chapters():
        notebook = read(chapter)
        start = time.perf_counter()
        await run(notebook, chapter.stem, chapter.parent)
        seconds = time.perf_counter() - start
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        rows.append([f"{{doc}}`{chapter.stem}`", f"{cells}", f"{seconds:.0f}"])
    return rows


if __name__ == "__main__":
    table = tabulate(
        asyncio.run(measure()),
        ["chapter", "cells of code", "seconds"],
        "github",
        disable_numparse=True,
        colalign=["left", "right", "right"],
    )
    print(table)  # first: no full disk takes it away
    path = BOOK / "speed" / "chapters.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(table + "\n", encoding="utf-8")
