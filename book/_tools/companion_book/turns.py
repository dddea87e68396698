"""One build at a time in a folder, and none that goes on where another broke off.

Two builds that write the same files mix them. One that was interrupted, or that warned, leaves
pages which the next would take for up to date: what it read is then read again.
"""

import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)


def begin(doctrees: Path) -> None:
    """Wait for another build in the folder to end; forget what an unfinished one has read."""
    doctrees.parent.mkdir(parents=True, exist_ok=True)
    lock = doctrees.with_name(".lock").open("w")
    _held.append(lock)  # until this process ends, in whatever way
    if sys.platform != "win32":  # where there is no such lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("another process is building in %s: waiting for it", doctrees.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
    begun = doctrees.with_name(".begun")
    if begun.exists():
        shutil.rmtree(doctrees, ignore_errors=True)
    begun.touch()


_held: list[object] = []


def end(app: Sphinx, error: Exception | None) -> None:
    """Note that all is done, if it is."""
    if error is None and not app._warncount:
        Path(app.doctreedir).with_name(".begun").unlink(missing_ok=True)


def setup(app: Sphinx) -> None:
    """Begin before anything is read."""
    begin(Path(app.doctreedir))
    app.connect("build-finished", end)
