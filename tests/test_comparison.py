"""The rule by which a run of a notebook is compared with its stored outputs, and nbval under it."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest
from comparison import differences, same
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval.plugin import coalesce_streams

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        ("0.23", "0.24"),
        ("0.87", "0.88"),
        ("0.88", "0.87"),
        ("9.99", "10.00"),
        ("10.0", "9.9"),
        ("9.9e-4", "1.0e-3"),
        ("1.0e-3", "9.9e-4"),
        ("1.0e-3", "1.1e-3"),
        ("4.1e2", "4.2e2"),
        ("1e-3", "2e-3"),
        ("1.5E+04", "1.6E+04"),
        ("0.00", "-0.00"),
        ("-0.01", "0.00"),
        ("\N{MINUS SIGN}0.21", "\N{MINUS SIGN}0.22"),
        ("\N{MINUS SIGN}0.00", "0.00"),
        (".5", ".6"),
        ("1e400", "2e400"),
        ("1.0e-9999", "1.1e-9999"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.13"),
        ("a  b\n\tc ", " a b c"),
        ("  loss   0.23\n", "loss 0.24"),
        ("loss is 0.23.", "loss is 0.24."),
        ("0.87±0.02, 12.3%", "0.88±0.01, 12.4%"),
        ("[0.1, 0.2]-(0.3)", "[0.2, 0.1]-(0.4)"),
        ("between 0.2-0.5", "between 0.2-0.6"),
        ("<td>0.23</td>", "<td>0.24</td>"),
        ("rate=0.50", "rate=0.51"),
        ("nan inf -inf", "nan inf -inf"),
        ("", " \n"),
    ],
)
def test_agrees(reference, test):
    assert same(reference, test)


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        ("0.23", "0.25"),
        ("0.23", "0.21"),
        ("0.230", "0.232"),
        ("0.230", "0.24"),  # the reference's unit counts, not the run's
        ("9.99", "10.01"),
        ("1.0e-3", "1.2e-3"),
        ("1.0e-3", "1.0e-2"),
        ("9.9e-4", "1.1e-3"),
        ("1e-3", "3e-3"),
        ("1e400", "3e400"),
        ("0.1", "-0.1"),
        ("\N{MINUS SIGN}0.2", "0.2"),
        ("0.3+0.1", "0.3-0.1"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.14"),
        ("12", "13"),
        ("55,000", "55,001"),
        ("12", "12.0"),
        ("12.0", "12"),
        ("Section 3.", "Section 4."),
        ("2.21.0", "2.22.0"),
        ("2.21.0", "2.21.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("v3.15", "v3.16"),
        ("keras-3.15", "keras-3.16"),
        ("1.0-beta", "1.1-beta"),
        ("1.0.4.post1", "1.0.5.post1"),
        ("2026-11-22", "2026-11-23"),
        ("22.11.2026", "23.11.2026"),
        ("conv2d_1", "conv2d_2"),
        ("x_0.5", "x_0.6"),
        ("0.5_x", "0.6_x"),
        ("0.40ms", "0.41ms"),
        ("1.5j", "1.6j"),
        ("0x1e5", "0x1e6"),
        ("model.0.5.keras", "model.0.6.keras"),
        ("1e12345", "2e12345"),  # no float prints it
        ("nan", "0.00"),
        ("inf", "nan"),
        ("inf", "1.0e308"),
        ("-inf", "inf"),
        ("0.1 0.2", "0.2"),
        ("0.2", "0.2 0.2"),
        ("0.10.2", "0.1 0.2"),
        ("ab", "a b"),
        ("Loss 0.23", "loss 0.23"),
    ],
)
def test_differs(reference, test):
    assert not same(reference, test)


@given(st.text())
def test_every_text_agrees_with_itself(text):
    assert same(text, text)


@given(st.floats(-1e12, 1e12), st.integers(1, 6), st.sampled_from("fe"), st.integers(-3, 3))
def test_one_unit_of_the_last_digit_agrees_and_two_do_not(value, places, form, units):
    reference = Decimal(f"{value:.{places}{form}}")
    test = reference + units * Decimal((0, (1,), reference.as_tuple().exponent))
    stored, computed = f"loss {value:.{places}{form}}, really", f"loss {test:.9{form}}, really"
    assert same(stored, computed) == (abs(units) <= 1)


@given(st.integers(), st.integers())
def test_integers_are_exact(a, b):
    assert same(f"{a} steps", f"{b} steps") == (a == b)


@given(st.lists(st.floats(-1e6, 1e6), max_size=5), st.text(" \t\n", min_size=1))
def test_only_the_presence_of_white_space_counts(values, space):
    words = ["values:", *(f"{value:.3f}" for value in values)]
    assert same(" ".join(words), space.join(words))


# A notebook of which each cell has, stored, one thing that a run of it does not give.

PNG = "iVBORw0KGgo="
OTHER_PNG = "iVBORw0KGgoAAA=="
ALT = "Two curves; sgd ends at 0.31, adam ends at 0.12."
SOURCE = f"""\
import sys
from IPython.display import display

print("loss 0.2345 after 12 steps, TensorFlow 2.21.0")
print("a library's log line", file=sys.stderr)
ends = {{"sgd": 0.31, "adam": 0.12}}
alt = "Two curves; " + ", ".join(f"{{k}} ends at {{v:.2f}}" for k, v in ends.items()) + "."
figure = {{"image/png": "{PNG}", "text/plain": alt}}
display(figure, metadata={{"image/png": {{"alt": alt}}}}, raw=True)
display({{"text/html": "<b>0.50</b>", "text/plain": "0.50"}}, raw=True)
3
"""


def outputs():
    """Return what the cell above puts out."""
    display = "display_data"
    return [
        new_output("stream", name="stdout", text="loss 0.2345 after 12 steps, TensorFlow 2.21.0\n"),
        new_output(
            display,
            {"image/png": PNG, "text/plain": ALT},
            metadata={"image/png": {"alt": ALT}},
        ),
        new_output(display, {"text/html": "<b>0.50</b>", "text/plain": "0.50"}),
        new_output("execute_result", {"text/plain": "3"}, execution_count=1),
    ]


def stdout(text):
    def edit(stored):
        stored[0].text = text

    return edit


def alt(text):
    def edit(stored):
        stored[1].data["text/plain"] = text
        stored[1].metadata["image/png"]["alt"] = text

    return edit


SWAPPED = "Two curves; sgd ends at 0.12, adam ends at 0.31."

ALLOWED = {
    "nothing": lambda stored: None,
    "white space": stdout("loss 0.2345  after 12 steps,\nTensorFlow 2.21.0"),
    "a digit by one unit": stdout("loss 0.2346 after 12 steps, TensorFlow 2.21.0\n"),
    "a digit of the alt text by one unit": alt(ALT.replace("0.31", "0.32")),
    "the pixels": lambda stored: stored[1].data.update({"image/png": OTHER_PNG}),
    "a log line on stderr": lambda stored: stored.insert(
        0, new_output("stream", name="stderr", text="another log line")
    ),
    "stdout in two pieces": lambda stored: stored.insert(
        1, new_output("stream", name="stdout", text="\n")
    ),
}
NOT_ALLOWED = {
    "a digit by two units": stdout("loss 0.2347 after 12 steps, TensorFlow 2.21.0\n"),
    "an integer": stdout("loss 0.2345 after 13 steps, TensorFlow 2.21.0\n"),
    "a version": stdout("loss 0.2345 after 12 steps, TensorFlow 2.22.0\n"),
    "a missing output": lambda stored: stored.pop(),
    "a missing output of a kind that is there twice": lambda stored: stored.pop(2),
    "one output too many": lambda stored: stored.append(stored[2]),
    "no output": lambda stored: stored.clear(),
    "two outputs in each other's place": lambda stored: stored.insert(1, stored.pop(2)),
    "two swapped curves": alt(SWAPPED),
    "two swapped curves in the metadata": lambda stored: stored[1].metadata.update(
        {"image/png": {"alt": SWAPPED}}
    ),
    "no alt text": lambda stored: stored[1].metadata.clear(),
    "a missing image": lambda stored: stored[1].data.pop("image/png"),
    "HTML": lambda stored: stored[2].data.update({"text/html": "<b>0.52</b>"}),
    "a result": lambda stored: stored[3].data.update({"text/plain": "4"}),
    "an error": lambda stored: stored.append(
        new_output("error", ename="ValueError", evalue="", traceback=[])
    ),
}
CHANGES = ALLOWED | NOT_ALLOWED


def changed(name):
    stored = outputs()
    CHANGES[name](stored)
    return stored


@pytest.mark.parametrize("name", CHANGES)
def test_differences(name):
    stored = coalesce_streams(changed(name))  # as nbval does on both sides
    assert bool(differences(stored, outputs())) == (name in NOT_ALLOWED)


def test_only_the_lines_at_fault_are_shown():
    stored, computed = outputs(), outputs()
    stored[0].text, computed[0].text = "a 0.10\nb 0.20\nc 0.30", "a 0.11\nb 0.29\nc 0.30"
    (message,) = differences(stored, computed)
    assert "b 0.20" in message
    assert "b 0.29" in message
    assert "a 0.1" not in message
    assert "c 0.3" not in message


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Whether nbval, with this project's settings, passes a cell for each change."""
    folder = tmp_path_factory.mktemp("book")
    cells = [
        new_code_cell(SOURCE, execution_count=n, outputs=changed(name))
        for n, name in enumerate(CHANGES, start=1)
    ]
    nbformat.write(new_notebook(cells=cells), folder / "changed.ipynb")
    settings = ["-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, f"--junit-xml={folder}/report.xml", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    cases = ET.parse(folder / "report.xml").iter("testcase")
    return dict(zip(CHANGES, [case.find("failure") is None for case in cases], strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_nbval(verdicts, name):
    assert verdicts[name] == (name in ALLOWED)
