"""Files that are read: what is wrong in one is said with its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DamagedError(ValueError):
    """A file's content is not what it should be."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Name the file, and the way out, in whatever error its content raises.

    A file that is not there, or cannot be opened, is not damaged: those errors stay as they are.

    Examples
    --------
    >>> with reading(Path("list.yml")):
    ...     {"id": "a"}["topic"]
    Traceback (most recent call last):
    companion.lab._reading.DamagedError: list.yml is damaged: KeyError: 'topic'
    `git diff list.yml` shows what changed, `git checkout -- list.yml` restores it
    """
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:
        raise DamagedError(
            f"{path} is damaged: {type(error).__name__}: {error}\n"
            f"`git diff {path}` shows what changed, `git checkout -- {path}` restores it"
        ) from error
