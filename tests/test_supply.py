"""What comes from others: each work is listed with its licence, each package is as pinned."""

import ast
import hashlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = ROOT / "companion" / "lab" / "data"
ROW = re.compile(r"^\| `(.+?)` \| .+ \| .+ \| .+ \| `(.+?)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)

PINS = dict(
    line.split("==")
    for line in (ROOT / "requirements.txt").read_text("utf-8").split()
    if "==" in line
)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = SETTINGS["project"]["optional-dependencies"]


def test_every_work_of_others_is_listed_as_it_lies_here():
    listed = ROW.findall((ROOT / "THIRD-PARTY.md").read_text("utf-8"))
    vendored = {*ROOT.glob("tests/vendor/*.js"), *DATA.rglob("*.gz")}
    vendored |= {*ROOT.glob("book/_tools/static/mathjax/*.js")}
    vendored |= {*ROOT.glob("book/_tools/static/**/*.min.js")}
    fonts = {path for kind in ("woff*", "ttf", "otf") for path in ROOT.glob(f"book/**/*.{kind}")}
    assert {ROOT / file for file, _, _ in listed} == vendored | fonts
    for file, licence, digest in listed:
        assert hashlib.sha256((ROOT / file).read_bytes()).hexdigest() == digest, file
        assert (ROOT / licence).stat().st_size > 500, licence


@pytest.mark.parametrize("name", PINS)
def test_what_is_installed_is_what_is_pinned(name):
    assert metadata.version(name) == PINS[name]


#: Licences under which packages may be used and passed on, by words of their names.
FREE = re.compile(r"\b(MIT|BSD|0BSD|Apache|ISC|ISCL|MPL|Mozilla|PSF|Python Software|Zlib|CC0)\b")
#: Packages whose metadata do not say it: what their source says.
SAID_ELSEWHERE = {"namex": "Apache-2.0"}


def licence(package):
    about = metadata.metadata(package)
    if expression := about.get("License-Expression"):
        return expression
    classifiers = [c for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    named = " / ".join(c.split(" :: ")[-1] for c in classifiers).replace("OSI Approved", "")
    first_line = (about.get("License") or "").partition("\n")[0]
    return named or first_line or SAID_ELSEWHERE.get(package, "none is named")


@pytest.mark.parametrize("name", PINS)
def test_its_licence_is_a_free_one(name):
    found = licence(name)
    parts = found.split(" AND ")
    assert all(FREE.search(part.replace("-", " ")) for part in parts), found


def test_packages_agree_with_each_other():
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True, capture_output=True)


#: Modules whose package has another name.
PACKAGES = {"IPython": "ipython", "PIL": "pillow", "yaml": "pyyaml"}
#: Used only where it happens to be there: to compare speeds.
NOT_DECLARED = {"torch"}


def declared(*extras):
    names = (re.match(r"[\w-]+", text)[0].lower() for extra in extras for text in EXTRAS[extra])
    return {"numpy", *names}


def test_every_lowest_version_is_one_that_was_tried():
    """What pyproject.toml allows at least is what `tox -e oldest` installs."""
    lowest = SETTINGS["project"]["dependencies"] + [
        requirement for extra in ("fast", "keras", "lab") for requirement in EXTRAS[extra]
    ]
    tried = SETTINGS["tool"]["tox"]["env"]["oldest"]["deps"]
    assert {text.replace(">=", "==") for text in lowest} == {t for t in tried if "==" in t}


def imported(folder):
    """Return the packages that the files of a folder import, anywhere in their code."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    others = found - sys.stdlib_module_names - {"companion"}
    return {PACKAGES.get(name, name).lower() for name in others}


def test_the_package_imports_only_what_an_extra_declares():
    package = ROOT / "companion"
    assert imported(package) - NOT_DECLARED <= declared("fast", "lab", "keras")
    assert imported(package / "check") <= declared()
    assert imported(package / "network") <= declared()
    assert imported(package / "keras") <= declared("keras")
