"""Figures are described, tables say their digits, methods can be told apart."""

import inspect
import re

import matplotlib.pyplot as plt
import pytest

from companion.lab import plots


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(plots, "display", lambda data, **options: outputs.append((data, options)))
    return outputs


def test_a_figure_carries_its_description(shown):
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    plots.show(figure, "a line from 1 to 2")
    ((data, options),) = shown
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == "a line from 1 to 2"
    assert options["metadata"] == {"image/png": {"alt": "a line from 1 to 2"}}
    assert figure.number not in plt.get_fignums()


def test_a_description_without_data_is_refused():
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="in numbers"):
        plots.show(figure, "a nice line")
    plt.close(figure)


def test_a_table_takes_no_bare_floats(shown):
    with pytest.raises(TypeError, match=r"received the float 0\.5"):
        plots.show_table([["a", 0.5]], ["name", "value"])
    plots.show_table([["a <b>", "0.50", 3]], ["name", "value", "count"])
    ((table, _),) = shown
    assert repr(table).splitlines()[-1].split() == ["a", "<b>", "0.50", "3"]
    assert "a &lt;b&gt;" in table._repr_html_()


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0.00"),
        (1.0, 1, "1"),
        (0.999, 2, "1.0"),
        (9.996, 3, "10.0"),
        (99.96, 3, "100"),
        (1234.5, 2, "1.2e+03"),
        (123456.0, 6, "123456"),
        (-0.05, 2, "-0.050"),
        (1e-5, 2, "0.000010"),
        (9.9e-6, 2, "9.9e-06"),
        (float("nan"), 3, "nan"),
        (float("inf"), 3, "inf"),
    ],
)
def test_numbers_have_the_digits_that_are_asked_for(value, digits, text):
    assert plots.number(value, digits) == text


def test_methods_can_be_told_apart_without_colour():
    table = inspect.getsource(plots).split("_STYLES: ")[1].split("\n}\n")[0]
    families = [re.findall(r'^    "(.+?)":', part, re.M) for part in table.split("    # ")[1:]]
    assert [name for family in families for name in family] == list(plots._STYLES)
    for family in families:
        looks = [plots.style(method) for method in family]
        assert len({look["marker"] for look in looks}) == len(family)
        assert len({look["color"] for look in looks}) == len(family)
    with pytest.raises(ValueError, match="received 'magic'"):
        plots.style("magic")


def test_labels_do_not_overlap():
    figure, axes = plt.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    plots.label_lines(axes, {"a": (1, 0.50, "k"), "b": (1, 0.51, "k"), "c": (1, 0.9, "k")})
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert heights == pytest.approx([0.505 - 0.0325, 0.505 + 0.0325, 0.9])
    plt.close(figure)
