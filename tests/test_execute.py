"""The script that runs chapters: what it stores, and what it leaves alone when it fails."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import execute
import nbformat
import pytest

SCRIPT = [sys.executable, execute.__file__]


def chapter(folder, name, *cells):
    """Write a chapter with some text and these code cells."""
    code = [f"```{{code-cell}} ipython3\n{cell}\n```\n" for cell in cells]
    path = folder / f"{name}.md"
    path.write_text("\n".join(["# Title\n", "Text with $x$.\n", *code]))
    return path


def run(*arguments, **environment):
    return subprocess.run(
        [*SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def stale(tmp_path):
    """Notebooks of earlier runs: files that a run replaces whole, or leaves alone."""
    for name in ("01-good", "02-raises", "03-warns", "04-dies"):
        (tmp_path / f"{name}.ipynb").write_text("earlier")
    return tmp_path


def test_good_chapters_are_stored_and_the_others_left_alone(stale):
    good = chapter(
        stale,
        "01-good",
        "import os\nprint(os.environ['OMP_NUM_THREADS'], os.path.basename(os.getcwd()))",
        "print('a')\nprint('b', flush=True)\nprint('c')",
        "6 * 7",
    )
    raises = chapter(stale, "02-raises", "x = {}", "print('before')\nx['missing']", "print(1)")
    warns = chapter(stale, "03-warns", "import warnings\nwarnings.warn('look out')")
    dies = chapter(stale, "04-dies", "import os\nos._exit(1)")

    result = run(raises, good, warns, dies)

    assert result.returncode == 1
    stored = nbformat.read(good.with_suffix(".ipynb"), as_version=4)
    assert execute.defects(stored) == []
    assert [cell.source for cell in stored.cells if cell.cell_type == "code"][3] == "6 * 7"
    texts = [
        output.get("text") or output.data["text/plain"]
        for cell in stored.cells
        for output in cell.get("outputs", [])
    ]
    assert texts == [f"1 {stale.name}\n", "a\nb\nc\n", "42"]
    for failed in (raises, warns, dies):
        assert failed.with_suffix(".ipynb").read_text() == "earlier"
    assert "01-good  cell 4/4" in result.stdout
    for expected in (
        "02-raises FAILED",
        "x['missing']\n",  # the cell
        "KeyError: 'missing'\n",  # its traceback, without colours
        "03-warns FAILED",
        "UserWarning: look out",
        "04-dies FAILED",
        "os._exit(1)",
    ):
        assert expected in result.stderr
    assert "01-good FAILED" not in result.stderr
    assert [name for name in files(stale) if not name.endswith((".md", ".ipynb"))] == []


def test_same_outputs_give_the_same_bytes_under_any_kernel_installed(tmp_path):
    this = "import os, sys\nsys.prefix == os.environ['PREFIX']"
    path = chapter(tmp_path, "01-a", "print(1)", "print(1)", this)
    stored = path.with_suffix(".ipynb")
    assert run(path, PREFIX=sys.prefix).returncode == 0
    first = stored.read_bytes()
    assert b"True" in first
    assert sys.prefix.encode() not in first

    # another python3 kernel that the reader has installed
    kernel = tmp_path / "data" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["false"], "display_name": "broken", "language": "python"}')
    stored.unlink()
    assert run(path, PREFIX=sys.prefix, JUPYTER_DATA_DIR=str(tmp_path / "data")).returncode == 0
    assert stored.read_bytes() == first


def test_ids_change_only_with_the_text(tmp_path):
    def ids(*cells):
        return [cell.id for cell in execute.read(chapter(tmp_path, "01-a", *cells)).cells]

    before, after = ids("a", "b", "b", "c"), ids("a", "new", "b", "b", "d")
    assert len(set(before)) == len(before) == 6
    assert [id_ for id_ in after if id_ in before] == before[:5]


def slow(folder):
    """A chapter whose run can be interrupted, with the notebook of an earlier run."""
    folder.joinpath("01-slow.ipynb").write_text("earlier")
    mark = "import os, pathlib\n_ = pathlib.Path('pid').write_text(str(os.getpid()))"
    return chapter(folder, "01-slow", "print(1)", f"{mark}\nimport time; time.sleep(60)")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_interrupted(tmp_path, number):
    pid = tmp_path / "pid"
    # the tests may run in a background job, whose children ignore Ctrl-C
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        [*SCRIPT, slow(tmp_path)], stderr=subprocess.PIPE, text=True, preexec_fn=listen
    ) as process:
        wait(lambda: pid.exists() and pid.read_text())
        process.send_signal(number)
        _, message = process.communicate(timeout=30)
    assert process.returncode != 0
    if number != signal.SIGKILL:
        assert message == "interrupted: each notebook is complete or as it was\n"
    assert (tmp_path / "01-slow.ipynb").read_text() == "earlier"
    assert files(tmp_path) == ["01-slow.ipynb", "01-slow.md", "pid"]
    wait(lambda: gone(int(pid.read_text())))  # the kernel


def test_interrupted_while_it_writes(tmp_path, monkeypatch):
    path = tmp_path / "01-a.ipynb"
    path.write_text("earlier")
    notebook = execute.read(chapter(tmp_path, "01-a", "1"))

    def interrupt(*_):
        assert path.read_text() == "earlier"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute.write(notebook, path)
    assert path.read_text() == "earlier"
    assert files(tmp_path) == ["01-a.ipynb", "01-a.md"]


def test_killed_while_it_writes(tmp_path, monkeypatch):
    path = chapter(tmp_path, "01-a", "1")
    # as it would be if nothing could run any more: no replacing, no cleaning up
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: None)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        execute.write(execute.read(path), path.with_suffix(".ipynb"))
    assert len(files(tmp_path)) == 2
    assert list(tmp_path.glob("*.ipynb")) == []
    assert execute.chapters(tmp_path) == [path]
    assert run(path).returncode == 0
    assert files(tmp_path) == ["01-a.ipynb", "01-a.md"]


def test_unknown_chapter(tmp_path):
    result = run("99-nowhere")
    assert result.returncode == 2
    assert "received" in result.stderr
    assert "99-nowhere.md" in result.stderr
