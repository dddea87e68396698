"""Run chapters: ``NN-title.md`` becomes ``NN-title.ipynb``, with its outputs.

    python book/_tools/execute.py [--text] [chapter ...]

A chapter is named by its stem (02-initialization) or its file; without names, all of them run,
as many at a time as there are cores. A notebook is stored only when it ran to the end and
nothing is wrong with it; else the one stored before stays as it was. The notebook follows from
the chapter's text and the outputs alone: the same outputs give the same bytes. Where prose changed
and code did not, ``--text`` keeps the stored outputs instead of running anything.
"""

import argparse
import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import jupytext
import nbformat
import yaml
from comparison import ENVIRONMENT, Output, parts
from joblib import cpu_count
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager
from nbval.plugin import find_comment_markers, find_metadata_tags
from tqdm import tqdm

BOOK = Path(__file__).parents[1]

#: Kinds of output that the book can show and the tests can compare.
MIME_TYPES = {
    "application/papermill.record/text/plain",  # a value glued into the prose
    "image/png",
    "text/html",
    "text/latex",
    "text/markdown",
    "text/plain",
}
LARGEST = 1_500_000  # bytes of a stored notebook
INSTALLS = "install-companion"  # tag of the cell that installs the package where it is missing
MISSING = """\
# Opened alone, in Colab say, the notebook lacks the book's package.
from importlib.util import find_spec

if find_spec("companion") is None:
"""
INSTALL = '    %pip install --quiet "companion[lab] @ {source}" tensorflow'
EXPLAIN = """\
    raise ModuleNotFoundError(
        "this notebook needs the package companion; in a copy of the book's repository,"
        " `make lab` opens it with all that it needs"
    )"""
ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(home|mnt|opt|private|root|tmp|usr|var|work|Users)\b")
CONFLICT = re.compile(r"^(<{7}|>{7})( .*)?$", re.MULTILINE)
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def chapters(book: Path = BOOK) -> list[Path]:
    """List the text files that are notebooks: chapters, and other pages with code cells."""
    return [
        path for path in sorted(book.glob("*.md")) if "\n```{code-cell}" in path.read_text("utf-8")
    ]


def installation(config: Path = BOOK.parent / "_config.yml") -> NotebookNode:
    """Return the cell with which a notebook that was opened alone can run.

    It installs the package from the repository whose address stands in the book's settings. While
    there is no address, it says where the package is. The rendered book leaves the cell out.
    """
    repository = yaml.safe_load(config.read_text("utf-8"))["repository"]
    source = "git+{url}@{branch}".format(**repository)
    cure = INSTALL.format(source=source) if repository["url"] else EXPLAIN
    return new_code_cell(MISSING + cure, metadata={"tags": [INSTALLS, "remove-cell"]})


def read(chapter: Path) -> NotebookNode:
    """Make a notebook without outputs from a chapter's text.

    Before its first code cell comes the one that installs the package where it is missing. Cell
    ids are made from the cells' text, so that they change only where the text does, and the
    metadata names no version, so that the notebook does not depend on who runs it.
    """
    if marks := CONFLICT.search(chapter.read_text("utf-8")):
        raise ValueError(f"{chapter} holds the marks of an unfinished merge, {marks[0]!r}")
    notebook = jupytext.read(chapter, fmt="md:myst")
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    first = [cell.cell_type for cell in notebook.cells].index("code")
    notebook.cells.insert(first, installation())
    repeats: Counter[str] = Counter()
    for cell in notebook.cells:
        repeats[cell.source] += 1
        text = f"{repeats[cell.source]} {cell.source}"
        cell["id"] = hashlib.sha256(text.encode()).hexdigest()[:8]
    return notebook


def with_stored_outputs(chapter: Path) -> NotebookNode:
    """Return a chapter's text as a notebook, with the stored outputs of its unchanged cells."""
    notebook = read(chapter)
    stored = chapter.with_suffix(".ipynb")
    if stored.exists():
        # a cell's id follows from its text
        known = {cell.id: cell for cell in nbformat.read(stored, as_version=4).cells}
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.id in known:
                cell.update(
                    outputs=known[cell.id].outputs,
                    execution_count=known[cell.id].execution_count,
                )
    return notebook


def renew_text(chapter: Path) -> NotebookNode:
    """Return a chapter's text with the stored outputs of its code, if that is all unchanged.

    Prose has no part in a run, nor has the cell that installs the package: it was not missing.
    """
    notebook = with_stored_outputs(chapter)
    stored = nbformat.read(chapter.with_suffix(".ipynb"), as_version=4)
    if _code(notebook) != _code(stored):
        raise ValueError("its code is not what was run: execute it without --text")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number
    return notebook


def _code(notebook: NotebookNode) -> list[str]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if INSTALLS not in cell.metadata.get("tags", [])]


async def run(
    notebook: NotebookNode, title: str, folder: Path, environment: Mapping[str, str] = {}
) -> None:
    """Execute a notebook's cells in a fresh kernel of this interpreter, and show progress."""
    kernel = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    client = NotebookClient(
        notebook,
        kernel,
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
    )
    progress = asyncio.create_task(report(notebook, title))
    # as nbval does: what a library writes past Python, TensorFlow's first log lines say, goes
    # nowhere (ipykernel would put it into the cell's output, except under pytest)
    process = {
        "cwd": str(folder),
        "env": os.environ | ENVIRONMENT | {"PYTEST_CURRENT_TEST": title} | environment,
        "stderr": subprocess.DEVNULL,
    }
    # nbclient's own loop over the cells would take the signal handlers from its neighbours
    try:
        try:
            await client.async_start_new_kernel(**process)
            await client.async_start_new_kernel_client()
        except RuntimeError as error:  # what the kernel said went nowhere
            command = f"{sys.executable} -m ipykernel_launcher"
            raise RuntimeError(f"{error}; this command says why: {command}") from error
        for index, cell in enumerate(notebook.cells):
            await client.async_execute_cell(
                cell, index, execution_count=client.code_cells_executed + 1
            )
    except DeadKernelError:
        if asyncio.current_task().cancelling():  # which nbclient takes for a dead kernel
            raise asyncio.CancelledError from None
        raise RuntimeError(f"the kernel died while it executed the cell\n{cell.source}") from None
    finally:
        progress.cancel()
        if kernel.has_kernel:
            await kernel.shutdown_kernel(now=True)
        if client.kc is not None:
            client.kc.stop_channels()


async def report(notebook: NotebookNode, title: str) -> None:
    """Show until cancelled how far a run is: on a terminal a bar, else a line every ten seconds."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    layout = "{desc}  cell {n_fmt}/{total_fmt}  {elapsed}"
    start = time.monotonic()
    with tqdm(desc=title, total=len(cells), bar_format=layout, disable=None) as bar:

        def show() -> None:
            bar.n = sum(cell.execution_count is not None for cell in cells)
            bar.refresh()
            if bar.disable:
                seconds = time.monotonic() - start
                print(f"{title}  cell {bar.n}/{len(cells)}  {seconds:.0f} s", flush=True)

        try:
            while True:
                await asyncio.sleep(10 if bar.disable else 0.2)
                show()
        finally:
            show()


def defects(notebook: NotebookNode) -> list[str]:
    """Say what is wrong with an executed notebook; nothing is an empty list."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        mine = []
        if cell.execution_count != number:
            mine.append(f"its execution count is {cell.execution_count}")
        if [*find_comment_markers(cell.source), *find_metadata_tags(cell.metadata)]:
            mine.append("a tag or comment hides its outputs from nbval")
        for output in cell.outputs:
            mine.extend(_output_defects(output))
        first_line = cell.source.partition("\n")[0]
        found += [f"code cell {number} ({first_line}): {defect}" for defect in mine]
    size = len(serialize(notebook).encode())
    if size >= LARGEST:
        found.append(f"the notebook has {size:,} bytes; the limit is {LARGEST:,}")
    return found


def _output_defects(output: Output) -> Iterator[str]:
    kind = output["output_type"]
    if kind == "error":
        yield f"it raises {output['ename']}: {output['evalue']}"
    elif kind == "stream" and output["name"] == "stderr":
        yield f"it writes to stderr: {output['text']}"
    elif kind != "stream":
        for mime in sorted(output["data"].keys() - MIME_TYPES):
            yield f"its output is {mime}"
        if "image/png" in output["data"]:
            alt = output["metadata"].get("image/png", {}).get("alt", "")
            if not re.search(r"\d", alt):
                yield f"its figure's alt text has no number: {alt!r}"
            if output["data"].get("text/plain") != alt:
                yield "its figure's text/plain is not its alt text"
    for _, text in parts([output]):
        if path := ABSOLUTE_PATH.search(text):
            yield f"its output holds an absolute path, {text[path.start() :][:60]!r}"


def serialize(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file."""
    return nbformat.writes(notebook) + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Replace a stored notebook in one step: whatever interrupts it, no half of one remains."""
    temporary = path.with_name(f".{path.name}.part")  # not .ipynb: no tool takes it for one
    try:
        temporary.write_text(serialize(notebook), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


async def execute(chapter: Path, cores: asyncio.Semaphore, text: bool) -> bool:
    """Run a chapter, or renew its text alone, and store its notebook; if that fails, say why."""
    async with cores:
        try:
            if text:
                notebook = renew_text(chapter)
            else:
                notebook = read(chapter)
                await run(notebook, chapter.stem, chapter.parent)
            if found := defects(notebook):
                raise ValueError("\n".join(["the notebook is not in order", *found]))
            write(notebook, chapter.with_suffix(".ipynb"))
        except Exception as error:
            reason = "".join(traceback.format_exception_only(error))
            if not sys.stderr.isatty():
                reason = COLOR.sub("", reason)
            tqdm.write(f"{chapter.stem} FAILED, its stored notebook stays as it was", sys.stderr)
            tqdm.write(reason, sys.stderr)
            return False
    return True


async def execute_all(paths: list[Path], text: bool) -> bool:
    """Run chapters side by side; tell whether all are stored."""
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, this.cancel)  # asyncio does so for SIGINT
    cores = asyncio.Semaphore(cpu_count())
    return all(await asyncio.gather(*(execute(path, cores, text) for path in paths)))


def main() -> int:
    """Run the chapters named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description="Run chapters and store them with their outputs as notebooks."
    )
    parser.add_argument("chapter", nargs="*", help="e.g. 02-initialization; default: all")
    parser.add_argument(
        "--text", action="store_true", help="run nothing: only prose changed, outputs are kept"
    )
    arguments = parser.parse_args()
    names = arguments.chapter
    paths = [Path(n) if n.endswith(".md") else BOOK / f"{n}.md" for n in names] or chapters()
    for path in paths:
        if not path.is_file():
            known = ", ".join(chapter.stem for chapter in chapters())
            parser.error(f"expected a chapter ({known}); received {path}")
    try:
        return 0 if asyncio.run(execute_all(paths, arguments.text)) else 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted: each notebook is complete or as it was", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
