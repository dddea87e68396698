"""The public names of the package, and what their docstrings announce."""

import importlib
import inspect
import pkgutil
import re

import companion


def public(without=frozenset({"keras"})):
    """Yield the public functions, classes and methods, by full name.

    What a package takes from a private module of its own is a name of the package.
    """
    for found in pkgutil.walk_packages(companion.__path__, "companion."):
        parts = found.name.split(".")[1:]
        if parts[0] in without or parts[-1].startswith("_"):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            origin = getattr(value, "__module__", None) or ""
            ours = origin == found.name or origin.startswith(f"{found.name}._")
            if ours and callable(value) and not name.startswith("_"):
                full = ".".join([*parts, name])
                yield full, value
                members = vars(value).items() if inspect.isclass(value) else ()
                yield from ((f"{full}.{m}", v) for m, v in members if not m.startswith("_"))


def announced(value):
    """Return the names of the errors in the section "Raises" of a docstring."""
    section = re.search(r"^Raises\n-+\n(.*?)(?=\n\n|\Z)", inspect.getdoc(value) or "", re.M | re.S)
    return set(re.findall(r"^(\w+)$", section[1], re.M)) if section else set()
