"""The benchmark runs, compares like with like, and the book shows what it stored."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from companion.lab import bench
from companion.lab.datasets import fashion_mnist
from companion.optimizers import Rule


@pytest.fixture(scope="module", autouse=True)
def forget_kerass_dtype():
    """Keras fixes its default dtype with its first layer; other files set their own."""
    yield
    import keras

    keras.utils.clear_session()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed")
    bench.main(["--quick", "--output", str(folder)])
    return folder


def test_it_measures_every_contender(folder):
    results = json.loads((folder / "seconds.json").read_text("utf-8"))
    contenders = {"companion", "in blocks", "products", "Keras", "Keras, jit_compile"}
    for training in ("training", "training on one thread"):
        assert contenders <= set(results[training]["GradientDescent"])
    for size in bench.QUICK.sizes:
        seconds = results["updates"]["GradientDescent"][str(size)]
        assert contenders - {"products"} | {"copies"} <= set(seconds)
        assert all(0 < value < 60 for values in seconds.values() for value in values)
    assert set(results["growth"]) == {"layers", "batch size", "images", "seeds"}
    assert results["machine"]["numpy"] == np.__version__


def test_it_draws_and_describes_how_cost_grows(folder):
    with Image.open(folder / "growth.png") as image:
        alt = image.text["Description"]
    assert "layers 5 to 20: " in alt
    assert f":alt: {alt}\n" in (folder / "figure.md").read_text("utf-8")


def test_the_quick_run_leaves_the_book_alone(monkeypatch, capsys):
    monkeypatch.setattr(bench, "measure", lambda plan: RESULTS)
    monkeypatch.setattr(bench, "write", lambda *arguments: pytest.fail("it writes"))
    bench.main(["--quick"])
    assert "| Adam" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["GradientDescent", "Adam"])
def test_the_contenders_learn_alike(name):
    x, y = (values[:3200] for values in fashion_mnist()[0])
    ours = bench.companion_epoch(name, x, y)
    theirs = bench.keras_epoch(name, x, y, "auto")
    for _ in range(2):
        histories = [train(len(x)).history for train in (ours, theirs)]
    (loss,), (keras_loss,) = (history["loss"] for history in histories)
    assert loss == pytest.approx(keras_loss, rel=0.2)
    assert all(0 < history["accuracy"][0] < 1 for history in histories)


def test_every_rule_competes():
    from companion import optimizers

    rules = set(optimizers.__all__) - {"Optimizer", Rule.__name__}
    assert set(bench.RULES) == rules
    for name, contest in bench.RULES.items():
        assert type(contest.rule).__name__ == name
        arrays = [v for v in contest.rule.init(np.zeros(1)) if isinstance(v, np.ndarray)]
        assert contest.arrays == 3 + 2 * len(arrays)


# Companion takes 2 s; what is measured in turn has three repeats, one of them disturbed.
RESULTS = {
    "machine": {"cores": "2"},
    "images": 1000,
    "training": {
        "Adam": {
            "companion": [2.0, 2.0, 9.0],
            "in blocks": [3.0],
            "products": [1.6],
            "Keras": [8.0, 7.0, 30.0],
            "Keras, jit_compile": [6.5],
        }
    },
    "training on one thread": {
        "Adam": {
            "companion": [3.0],
            "in blocks": [6.0],
            "products": [2.0],
            "Keras": [9.0],
            "Keras, jit_compile": [12.0],
            "PyTorch": [4.5],
        }
    },
    "updates": {
        "Adam": {
            "1000": {
                "companion": [1.0],
                "in blocks": [5.0],
                "copies": [0.5],
                "Keras": [7.0],
                "Keras, jit_compile": [3.0],
            }
        }
    },
    "growth": {
        "layers": {"10": [0.1], "100": [1.0]},
        "images": {"10": [0.1], "1000": [0.5]},
        "batch size": {"1": [0.1], "32": [0.01]},
        "seeds": {
            "2 in a row": [1.0],
            "2 over the cores": [0.55],
            "2 in one process": [0.8],
        },
    },
}


def test_tables_hold_ratios_of_medians():
    tables = bench.tables(RESULTS)

    def cells(name):
        return [cell.strip() for cell in tables[name].splitlines()[-1].strip("|").split("|")]

    # 2 / 1.6, 3 / 2, 8 / 2, 6.5 / 2; no PyTorch
    assert cells("training") == ["Adam", "2.00", "1.25", "1.50", "4.00", "3.25", "-", "-"]
    one_thread = ["Adam", "3.00", "1.50", "2.00", "3.00", "4.00", "1.50", "-"]
    assert cells("training-one-thread") == one_thread
    assert cells("updates-keras") == ["Adam", "3.00"]  # the better of its two modes
    assert cells("updates-blocks") == ["Adam", "5.00"]
    assert cells("updates-copies") == ["Adam", "2.00"]
    # 5 times the seconds for 100 times the images: ln 5 / ln 100
    assert cells("growth") == ["images", "10", "1,000", f"{math.log(5) / math.log(100):.2f}"]
    assert cells("seeds") == ["2", "0.55", "0.69"]


measured = pytest.mark.skipif(
    not (bench.FOLDER / "seconds.json").exists(),
    reason="make bench has not yet been run on a quiet machine",
)


@measured
def test_nothing_disturbed_what_the_book_shows():
    results = json.loads((bench.FOLDER / "seconds.json").read_text("utf-8"))
    assert set(results["training"]) == set(results["training on one thread"]) == set(bench.RULES)
    spreads = [
        max(values) / min(values)
        for training in ("training", "training on one thread")
        for seconds in results[training].values()
        for values in seconds.values()
    ]
    assert np.median(spreads) < 1.1
    assert np.quantile(spreads, 0.9) < 1.5


@measured
def test_the_book_shows_what_was_measured():
    results = json.loads((bench.FOLDER / "seconds.json").read_text("utf-8"))
    for name, table in bench.tables(results).items():
        assert (bench.FOLDER / f"{name}.md").read_text("utf-8") == table + "\n"
    page = (bench.FOLDER.parent / "speed.md").read_text("utf-8")
    for name in [*bench.tables(results), "figure"]:
        assert f"{{include}} speed/{name}.md" in page
