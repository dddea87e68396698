"""What is demanded of every stored notebook, beyond what nbval compares when it runs it again."""

import copy
import difflib
from types import SimpleNamespace

import execute
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
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
    installation, *code = notebook.cells[1:]
    installation.execution_count = 1
    for number, (made, executed) in enumerate(zip(code, good_notebook().cells[1:], strict=True), 2):
        made.update(outputs=executed.outputs, execution_count=number)
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


# Prose that changed where code did not


@pytest.fixture
def stored(pair):
    chapter, notebook = pair
    nbformat.write(notebook, chapter.with_suffix(".ipynb"))
    return chapter, notebook


def test_new_prose_keeps_the_outputs(stored, capsys):
    chapter, notebook = stored
    chapter.write_text(CHAPTER.replace("Text.", "Other text.").replace("hide-input", "hide-cell"))
    assert execute.asyncio.run(execute.execute_all([chapter], text=True))
    renewed = nbformat.read(chapter.with_suffix(".ipynb"), as_version=4)
    assert execute.defects(renewed) == []
    assert not out_of_step(chapter, renewed)
    assert [c.get("outputs") for c in renewed.cells] == [c.get("outputs") for c in notebook.cells]


def test_numbers_stay_in_order_when_the_first_cell_is_new(stored):
    chapter, notebook = stored
    notebook.cells[2].outputs.append(new_output("execute_result", {}, execution_count=1))
    del notebook.cells[1]  # the one that installs the package
    nbformat.write(notebook, chapter.with_suffix(".ipynb"))
    code = execute.renew_text(chapter).cells[1:]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert code[1].outputs[-1].execution_count == 2


def test_new_code_keeps_nothing(stored, capsys):
    chapter, _ = stored
    before = chapter.with_suffix(".ipynb").read_bytes()
    for changed in (CHAPTER.replace("0.31", "0.32"), CHAPTER[: CHAPTER.rindex("```{code-cell}")]):
        chapter.write_text(changed)
        assert not execute.asyncio.run(execute.execute_all([chapter], text=True))
        assert "its code is not what was run" in capsys.readouterr().err
    assert chapter.with_suffix(".ipynb").read_bytes() == before


# The cell that installs the package where it is missing

NOTHING, ADDRESS = "", "https://github.com/someone/somewhere"


@pytest.fixture
def installation(tmp_path):
    def with_address(url):
        config = tmp_path / "_config.yml"
        config.write_text(f"repository: {{url: '{url}', branch: main}}")
        return TransformerManager().transform_cell(execute.installation(config).source)

    return with_address


@pytest.mark.parametrize("url", [NOTHING, ADDRESS])
def test_where_the_package_is_nothing_is_installed(installation, url):
    exec(installation(url), {})


def test_where_the_package_is_missing_it_is_installed(installation, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    asked = []
    shell = SimpleNamespace(run_line_magic=lambda *arguments: asked.append(arguments))
    exec(installation(ADDRESS), {"get_ipython": lambda: shell})
    source = f"git+{ADDRESS}@main"
    assert asked == [("pip", f'install --quiet "companion[lab] @ {source}" tensorflow')]


def test_without_an_address_the_reader_is_told_where_the_package_is(installation, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package companion.*make lab"):
        exec(installation(NOTHING), {})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_package_is_installed_before_any_other_cell(path):
    first = next(c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    assert first.source == execute.installation().source
    assert first.metadata.tags == ["install-companion", "remove-cell"]


def test_binder_installs_what_that_cell_installs():
    root = execute.BOOK.parent
    constraint, *wanted = [
        line
        for line in (root / "binder" / "requirements.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert constraint == "-c ../requirements.txt"
    assert wanted == [".[lab]", "tensorflow"]
    assert '"companion[lab] @ {source}" tensorflow' in execute.INSTALL
    assert "\ntensorflow==" in (root / "requirements.txt").read_text("utf-8")
