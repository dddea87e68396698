"""Nothing is unpickled, evaluated or passed to a shell, and nothing is fetched at run time."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Where text becomes code, and why that may be.
ALLOWED = {
    # the compiled loop: made of a table of forms and of names counted up
    ("companion/fused.py", "exec"),
    # a study is a file of the reader's own, as a module that is imported
    ("companion/lab/studies.py", "exec"),
    # old idioms are run to see what they do; they stand in the repository
    ("companion/lab/idioms.py", "exec"),
    ("companion/lab/idioms.py", "eval"),
    # the list of networks there, and one made without weights
    ("book/06-transfer-learning.ipynb", "keras.applications"),
}

BUILT_IN = {"eval", "exec", "__import__"}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "urllib.request"}
MODULES |= {"requests", "httpx", "aiohttp", "ftplib", "telnetlib", "socket", "http.client"}
MODULES |= {"tensorflow_datasets", "huggingface_hub", "keras.datasets", "keras.applications"}
ATTRIBUTES = {"system", "popen", "unsafe_load", "full_load", "load_data", "get_file", "read_pickle"}
ATTRIBUTES |= {"to_pickle", "urlopen", "urlretrieve", "enable_unsafe_deserialization"}


def dangers(tree):
    """Yield what code does that could run a stranger's code or ask another host."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in BUILT_IN:
                yield node.func.id
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", True)
                bad = {"shell": True, "allow_pickle": True, "safe_mode": False}
                if keyword.arg in bad and value is not (not bad[keyword.arg]):
                    yield f"{keyword.arg}={value}"
            if ast.unparse(node.func) == "yaml.load" and "Safe" not in ast.unparse(node):
                yield "yaml.load"
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            names = [ast.unparse(node)] if isinstance(node, ast.Attribute) else []
            if names and node.attr in ATTRIBUTES and names != ["platform.system"]:
                yield names[0]
        yield from MODULES.intersection(names)


def sources():
    """Yield every file of code with its text; a notebook's is that of its cells."""
    for folder in ("companion", "book"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        plain = [line for text in code for line in text.splitlines() if line[:1] not in {"%", "!"}]
        assert not any(line.startswith("!") for text in code for line in text.splitlines())
        yield path.relative_to(ROOT).as_posix(), "\n".join(plain)


def test_no_code_runs_what_a_file_or_a_host_says():
    found = {(name, what) for name, text in sources() for what in dangers(ast.parse(text))}
    assert found == ALLOWED  # and no permission outlives its need


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "from urllib import request",
        "eval('1')",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=chosen)",
        "yaml.load(text, Loader=yaml.Loader)",
        "keras.saving.load_model(f, safe_mode=False)",
        "keras.datasets.fashion_mnist.load_data()",
    ],
)
def test_a_danger_is_seen(line):
    assert list(dangers(ast.parse(line)))


#: Everything that the package can do, in a process whose sockets lead nowhere else.
OFFLINE = """
import socket, sys, tempfile
from pathlib import Path

def refuse(self, address, *rest):
    local = self.family == getattr(socket, "AF_UNIX", None) or str(address[0]).startswith("127.")
    if not local:
        raise AssertionError(f"a connection to {address}")
    return connect(self, address)

def nowhere(host, *rest, **more):
    if host not in {None, "localhost", "127.0.0.1", b"localhost"}:
        raise AssertionError(f"a look-up of {host}")
    return look_up(host, *rest, **more)

connect, look_up = socket.socket.connect, socket.getaddrinfo
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = nowhere
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except AssertionError:
    pass
else:
    raise SystemExit("the net is open")

import importlib, pkgutil
import numpy as np
import companion
for found in pkgutil.walk_packages(companion.__path__, "companion."):
    importlib.import_module(found.name)

from companion.keras import KerasRule, to_keras
from companion.lab import studies
from companion.lab.datasets import fashion_mnist, letters
from companion.lab.networks import mlp
from companion.optimizers import Adam, Optimizer
(x, y), _, _ = fashion_mnist()
letters()
model = mlp(np.random.default_rng(0), (20,), "relu", "he_normal", dtype=np.float32)
model.fit(x[:640], y[:640], optimizer=Optimizer(Adam(), 0.001), epochs=1)
twin = to_keras(model)
twin.compile(KerasRule(Adam()), "sparse_categorical_crossentropy")
twin.fit(x[:640], y[:640], verbose=0)
with tempfile.TemporaryDirectory() as folder:
    import keras
    twin.save(Path(folder, "twin.keras"))
    keras.saving.load_model(Path(folder, "twin.keras"))
report = studies.spot_check("penalties-sparsity", runs=1, rng=np.random.default_rng(0))
assert report["holds"].all(), report
print("nothing was fetched")
"""


def test_nothing_is_fetched(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stdout.endswith("nothing was fetched\n"), done.stderr
