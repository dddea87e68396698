"""Show the book in a browser while its text is being written: each change is built and reloaded.

What is shown is the text as it stands, with the stored outputs of the cells that did not change.
A changed cell shows no output until ``make execute`` has run its chapter again. Nothing in
``book/`` is written: what is built is a second tree, in ``_build/serve``, of links to the first.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from execute import BOOK, chapters, serialize, with_stored_outputs
from livereload import Server

ROOT = BOOK.parent
TREE = ROOT / "_build" / "serve"
PAGES = TREE / "_build" / "html"

LINKED = ["_config.yml", "_toc.yml", "companion"]  # besides the files in book/


def main() -> None:
    """Build, serve and watch."""
    parser = argparse.ArgumentParser(description="Serve the book; rebuild and reload on change.")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    build()
    server = Server()
    for path in [*(ROOT / name for name in LINKED), BOOK]:
        server.watch(str(path), build, delay=0.5)
    server.serve(root=str(PAGES), host="127.0.0.1", port=port)


def build() -> None:
    """Build the text as it stands; what is wrong with it is said, and the last good page stays."""
    mirror()
    command = [Path(sys.executable).with_name("jupyter-book"), "build", TREE]
    subprocess.run([*command, "-n", "--keep-going", "--quiet"], check=False)
    # Sphinx brings a changed stylesheet only along with a changed page
    shutil.copytree(BOOK / "_tools" / "static", PAGES / "_static", dirs_exist_ok=True)


def mirror() -> None:
    """Link the book's files into the second tree, and write its notebooks there."""
    (TREE / "book").mkdir(parents=True, exist_ok=True)
    files = [ROOT / name for name in LINKED] + [p for p in BOOK.iterdir() if p.suffix != ".ipynb"]
    for file in files:
        link = TREE / file.relative_to(ROOT)
        if not link.is_symlink():
            link.symlink_to(file)
    for link in (TREE / "book").iterdir():
        if not link.exists():  # what it stood for is gone
            link.unlink()
    for chapter in chapters():
        text = serialize(with_stored_outputs(chapter))
        notebook = TREE / "book" / f"{chapter.stem}.ipynb"
        if not notebook.exists() or notebook.read_text("utf-8") != text:
            notebook.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
