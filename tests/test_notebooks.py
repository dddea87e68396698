"""What is demanded of every stored notebook, beyond what nbval compares when it runs it again."""

import copy
import difflib

import execute
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted(execute.BOOK.glob("*.ipynb"))


def test_chapters_and_notebooks_come_in_pairs():
    stems = [chapter.stem for chapter in execute.chapters()]
    assert stems, "no chapter found"
    assert [notebook.stem for notebook in NOTEBOOKS] == stems


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    assert not execute.defects(notebook)
    assert not out_of_step(path.with_suffix(".md"), notebook)


def out_of_step(chapter, notebook):
    """Return the lines in which a notebook, outputs aside, is not what its chapter's text makes."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    texts = (execute.serialize(n).splitlines() for n in (execute.read(chapter), notebook))
    return "\n".join(difflib.unified_diff(*texts, chapter.name, "notebook", n=0, lineterm=""))


# Proofs: one good notebook, and each defect found in it.

ALT = "A curve that ends at 0.31."
CHAPTER = """\
# A chapter

Text.

```{code-cell} ipython3
:tags: [hide-input]

print("loss 0.31")
```

```{code-cell} ipython3
show(curve)
```
"""


def good_notebook():
    stream = new_output("stream", name="stdout", text="loss 0.31, see https://a.b/home/work\n")
    figure = new_output(
        "display_data",
        {"image/png": "iVBORw0KGgo=", "text/plain": ALT},
        metadata={"image/png": {"alt": ALT}},
    )
    cells = [
        new_markdown_cell("# A chapter\n\nText."),
        new_code_cell('print("loss 0.31")', execution_count=1, outputs=[stream]),
        new_code_cell("show(curve)", execution_count=2, outputs=[figure]),
    ]
    cells[1].metadata["tags"] = ["hide-input"]
    return new_notebook(cells=cells)


def never_executed(notebook, text, figure):
    for cell in (text, figure):
        cell.update(outputs=[], execution_count=None)


def silent_cell_not_executed(notebook, text, figure):
    notebook.cells.append(new_code_cell("x = 1"))


def cells_in_another_order(notebook, text, figure):
    notebook.cells.reverse()


def executed_twice(notebook, text, figure):
    text.execution_count, figure.execution_count = 3, 4


def comparison_switched_off_by_tag(notebook, text, figure):
    text.metadata.tags = ["hide-input", "nbval-ignore-output"]


def comparison_switched_off_by_comment(notebook, text, figure):
    text.source = "# NBVAL_IGNORE_OUTPUT\n" + text.source


def allowed_error(notebook, text, figure):
    text.metadata.tags = ["raises-exception"]


def error(notebook, text, figure):
    text.outputs.append(new_output("error", ename="ValueError", evalue="no", traceback=[]))


def stderr(notebook, text, figure):
    text.outputs.append(new_output("stream", name="stderr", text="a warning"))


def no_alt_text(notebook, text, figure):
    figure.outputs[0].metadata.clear()


def alt_text_without_number(notebook, text, figure):
    figure.outputs[0].metadata["image/png"]["alt"] = "A curve."
    figure.outputs[0].data["text/plain"] = "A curve."


def text_beside_the_figure_is_not_its_alt_text(notebook, text, figure):
    figure.outputs[0].data["text/plain"] = "<Figure size 640x480 with 1 Axes>"


def vector_graphics(notebook, text, figure):
    figure.outputs[0].data["image/svg+xml"] = "<svg/>"


def widget(notebook, text, figure):
    figure.outputs[0].data["application/vnd.jupyter.widget-view+json"] = {"model_id": "1"}


def absolute_path_in_text(notebook, text, figure):
    text.outputs[0].text = "loss 0.31, saved as /tmp/model.keras\n"


def absolute_path_in_html(notebook, text, figure):
    figure.outputs[0].data["text/html"] = '<a href="file:///home/reader/book">0.31</a>'


def too_large(notebook, text, figure):
    figure.outputs[0].data["image/png"] = "A" * 1_500_000


DEFECTS = [
    never_executed,
    silent_cell_not_executed,
    cells_in_another_order,
    executed_twice,
    comparison_switched_off_by_tag,
    comparison_switched_off_by_comment,
    allowed_error,
    error,
    stderr,
    no_alt_text,
    alt_text_without_number,
    text_beside_the_figure_is_not_its_alt_text,
    vector_graphics,
    widget,
    absolute_path_in_text,
    absolute_path_in_html,
    too_large,
]


def test_good_notebook_has_no_defect():
    assert execute.defects(good_notebook()) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_defect_is_found(defect):
    notebook = good_notebook()
    defect(notebook, *notebook.cells[1:])
    assert execute.defects(notebook)


@pytest.fixture
def pair(tmp_path):
    chapter = tmp_path / "01-a.md"
    chapter.write_text(CHAPTER)
    notebook = execute.read(chapter)
    for made, executed in zip(notebook.cells, good_notebook().cells, strict=True):
        if made.cell_type == "code":
            made.update(outputs=executed.outputs, execution_count=executed.execution_count)
    return chapter, notebook


def test_pair_in_step(pair):
    assert not out_of_step(*pair)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Text.", "Other text."),
        ("0.31", "0.32"),
        ("[hide-input]", "[hide-cell]"),
        ("show(curve)\n", "show(curve)\n```\n\n```{code-cell} ipython3\nx = 1\n"),
        ("# A chapter", "---\nsubstitutions: {n: 2}\n---\n\n# A chapter"),
    ],
)
def test_edited_chapter_is_out_of_step(pair, old, new):
    chapter, notebook = pair
    assert old in CHAPTER
    chapter.write_text(CHAPTER.replace(old, new))
    assert out_of_step(chapter, notebook)


def test_edited_notebook_is_out_of_step(pair):
    chapter, notebook = pair
    notebook.cells[2].source += "\n"
    assert out_of_step(chapter, notebook)
