"""The interactive figures, opened from disk: what they compute is what the package computes."""

import re
from itertools import product

import numpy as np
import pytest
from companion_book import pictures
from companion_book.interactive import SHARED
from playwright.sync_api import sync_playwright

from companion import activations, schedules
from companion.lab import plots
from companion.lab.diagnostics import gaussian_mean, signal_theory
from tests.test_browser import AXE, CHROMIUM, FLAGS, PHONE, ROOT, SCREEN

STATIC = ROOT / "book" / "_tools" / "static"
FOLDER = STATIC / "interactive"
FIGURES = sorted(pictures.PICTURES)
# Milliseconds from a slider's event to the finished layout: 50 are aimed at and, on a quiet machine
# kept with room to spare; tests may share theirs.
LONGEST = 150


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no browser is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def scripts_of(name):
    return [*SHARED, f"{name}.data.js", f"{name}.js"]


def page_of(name, folder):
    """Write the page that a figure needs at the least."""
    files = [path for path in map(FOLDER.joinpath, scripts_of(name)) if path.is_file()]
    scripts = "".join(f'<script defer src="{path}"></script>' for path in files)
    styles = [STATIC / "book.css", FOLDER / "interactive.css"]
    links = "".join(f'<link rel="stylesheet" href="{path}">' for path in styles)
    page = folder / f"{name}.html"
    page.write_text(
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{name}</title>{links}{scripts}'
        "</head><body><main><h1>A figure</h1><figure>"
        f'<div class="interactive" data-figure="{name}"></div><img alt="still"></figure></main>',
        encoding="utf-8",
    )
    return page.as_uri()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """Return the function that opens a figure's page from disk, once for each kind of window."""
    folder = tmp_path_factory.mktemp("interactive")
    tabs, complaints = {}, []

    def opened(name, kind=SCREEN):
        key = (name, kind["viewport"]["width"])
        if key not in tabs:
            tab = tabs[key] = browser.new_page(**kind)
            tab.on(
                "console", lambda m: m.type in {"error", "warning"} and complaints.append(m.text)
            )
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on(
                "request",
                lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url),
            )
            tab.goto(page_of(name, folder))
        return tabs[key]

    yield opened
    assert complaints == []


def numbers(tab, **values):
    """Set controls, and return what the figure then draws."""
    return tab.evaluate(
        """values => {
            const place = document.querySelector('.interactive');
            place.set(values);
            return place.numbers;
        }""",
        values,
    )


# What is computed


def functions(name):
    if name == "linear":
        return (lambda z: z), np.ones_like
    return getattr(activations, name), getattr(activations, f"{name}_grad")


def test_activations_are_those_of_the_package(opened):
    tab = opened("signal-through-depth")
    z = np.concatenate([np.linspace(-40, 40, 321) + 1e-3, [-700.0, 700.0]])
    ours = tab.evaluate(
        """z => Object.fromEntries(Object.entries(Formulas.activations).map(
            ([name, {f, slope}]) => [name, [z.map(v => f(v)), z.map(v => slope(v))]]))""",
        z.tolist(),
    )
    assert len(ours) == 11
    for name, values in ours.items():
        for function, value in zip(functions(name), values, strict=True):
            np.testing.assert_allclose(value, function(z), rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize(
    "name",
    ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "swish", "mish"],
)
def test_signal_through_depth_is_the_packages_theory(opened, name):
    tab = opened("signal-through-depth")
    f, slope = functions(name)
    for factor, width, layers in product((0.3, 1.0, 2**0.5, 4.0), (8, 128), (2, 7, 50)):
        drawn = numbers(tab, activation=name, factor=factor, width=width, layers=layers)
        assert [drawn["width"], drawn["layers"]] == [width, layers]
        variances = [drawn["factor"] ** 2 / width] * layers
        theory = signal_theory(f, slope, variances, [width] * (layers + 1))
        outputs = [gaussian_mean(lambda z: f(z) ** 2, q**0.5) for q in theory.forward]
        for kind, squares in (("activations", outputs), ("gradients", theory.backward)):
            # large floats come from the browser as integers
            np.testing.assert_allclose(np.array(drawn[kind], float), np.sqrt(squares), rtol=1e-6)


def test_a_random_network_scatters_around_the_theory(opened):
    tab = opened("signal-through-depth")
    for name in ("tanh", "relu", "gelu"):
        drawn = numbers(tab, activation=name, factor=2**0.5, width=128, layers=8, network=True)
        for kind in ("activations", "gradients"):
            distance = np.log(drawn["measured"][kind]) - np.log(drawn[kind])
            assert np.abs(distance).max() < 8 * (8 / 128) ** 0.5 / 2, (name, kind)
    numbers(tab, network=False)


PARAMETERS = [
    {},
    {"leaky_relu-parameter": 0.5, "elu-parameter": 0.1, "swish-parameter": 0, "z": -5},
    {"leaky_relu-parameter": 0, "elu-parameter": 3, "swish-parameter": 10, "z": 2.35},
]


@pytest.mark.parametrize("values", PARAMETERS, ids=range(len(PARAMETERS)))
def test_activation_functions_are_drawn_as_the_package_has_them(opened, values):
    tab = opened("activation-functions")
    names = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "swish", "mish"]
    drawn = numbers(tab, **dict.fromkeys(names, True), **values)
    assert [curve["name"] for curve in drawn["curves"]] == names
    # where two branches meet, the value is a matter of taste
    z, smooth = np.array(drawn["places"]), np.array(drawn["places"]) != 0
    for curve in drawn["curves"]:
        parameter = [] if curve.get("parameter") is None else [curve["parameter"]]
        for side, function in enumerate(functions(curve["name"])):
            pairs = np.array(curve["pairs"], float)
            expected = function(z, *parameter)
            np.testing.assert_allclose(
                pairs[smooth, side], expected[smooth], rtol=1e-6, atol=1e-12, err_msg=curve["name"]
            )
            here = function(np.array(float(drawn["z"])), *parameter)
            np.testing.assert_allclose(curve["here"][side], here, rtol=1e-6, atol=1e-12)


DESIGNS = ["power", "exponential", "piecewise", "cycle", "cosine", "warmup", "plateau"]
SHAPES = [
    {},
    {"rate": 0.0123, "total": 137, "power-c": 2.5, "exponential-r": 0.37, "piecewise-a": 0.13},
    {"rate": 1.0, "total": 10_000, "power-s": 0.02, "cycle-d": 25, "cycle-e": 0.43},
    {"rate": 1e-4, "total": 100, "cosine-s": 0.3, "cosine-a": 0.2, "warmup-w": 0.33},
    {"plateau-p": 2, "plateau-f": 0.3, "piecewise-b": 0.95, "piecewise-f": 0.9, "warmup-w": 0.01},
]


def rates(schedule, drawn):
    """Return a schedule's rates where the figure drew them."""
    if callable(schedule):
        return [schedule(step) for step in drawn["steps"]]
    state, after = schedule.init(), [schedule.initial]
    for loss in drawn["losses"]:
        rate, state = schedule.update(state, loss)
        after.append(rate)
    return [after[step * len(drawn["losses"]) // drawn["total"]] for step in drawn["steps"]]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_the_line_of_code_is_the_schedule_that_is_drawn(opened, shape):
    tab = opened("schedule-designer")
    tab.get_by_role("button", name="Reset").click()
    drawn = numbers(tab, **dict.fromkeys(DESIGNS, True), language="companion", **shape)
    assert {one["name"] for one in drawn["schedules"]} == set(schedules.__all__) - {"PlateauState"}
    assert drawn["code"].splitlines() == [one["line"] for one in drawn["schedules"]]
    for one in drawn["schedules"]:
        schedule = eval(one["line"], vars(schedules))
        np.testing.assert_allclose(one["rates"], rates(schedule, drawn), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_the_line_for_keras_is_the_schedule_that_is_drawn(opened, keras, shape):
    from companion.keras import KerasSchedule

    tab = opened("schedule-designer")
    tab.get_by_role("button", name="Reset").click()
    drawn = numbers(tab, **dict.fromkeys(DESIGNS, True), language="keras", **shape)
    names = {**vars(schedules), "keras": keras, "KerasSchedule": KerasSchedule}
    for one in drawn["schedules"]:
        schedule = eval(one["line"], names)
        if one["name"] == "ReduceOnPlateau":
            assert schedule.factor == one["options"]["factor"]
            assert schedule.patience == one["options"]["patience"]
            continue
        # a few steps only: each call is one of Keras's
        places = range(0, len(drawn["steps"]), 29)
        values = [float(schedule(drawn["steps"][place])) for place in places]
        expected = [one["rates"][place] for place in places]
        rounding = 1e-7 * max(expected)  # Keras computes schedules in float32
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=rounding, err_msg=one["line"])


# How it is used


@pytest.mark.parametrize("name", FIGURES)
def test_a_slider_is_answered_at_once(opened, name, record_property):
    tab = opened(name)
    if name == "signal-through-depth":  # at its slowest
        numbers(tab, activation="gelu", width=128, layers=50, network=True)
    times = tab.evaluate("""() => [...document.querySelectorAll('input[type=range]')].flatMap(
        slider => [0.2, 0.8, 0.5].map(share => {
            slider.value = +slider.min + share * (slider.max - slider.min);
            const start = performance.now();
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            document.body.getBoundingClientRect();
            return performance.now() - start;
        }))""")
    print(f"{name}: median {np.median(times):.1f} ms, longest {max(times):.1f} ms")
    record_property(f"slider moves of {name}", len(times))
    assert np.median(times) <= LONGEST
    tab.get_by_role("button", name="Reset").click()


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_answers_the_keyboard(opened, name):
    tab = opened(name)
    tab.get_by_role("button", name="Reset").click()
    tab.locator("h1").click()
    reached = set()
    for _ in range(80):
        tab.keyboard.press("Tab")
        focus = tab.evaluate(
            """() => {
                const {id, type, tagName, textContent, value} = document.activeElement;
                return {id, type, tagName, text: textContent, value};
            }"""
        )
        if focus["tagName"] == "BODY":
            break
        reached.add(focus["id"] or focus["text"])
        if focus["type"] == "range":
            texts = "[document.activeElement.value, document.activeElement.ariaValueText]"
            before = tab.evaluate(texts)
            tab.keyboard.press("ArrowRight")
            tab.keyboard.press("ArrowRight")
            if tab.evaluate(texts) == before:  # it stood at its end
                tab.keyboard.press("ArrowLeft")
            assert tab.evaluate(texts)[0] != before[0], focus["id"]
    wanted = tab.evaluate("""() => [...document.querySelectorAll('input, select, button')]
        .filter(part => part.checkVisibility()).map(part => part.id || part.textContent)""")
    assert set(wanted) <= reached
    tab.get_by_role("button", name="Reset").click()


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_is_accessible(opened, name, theme):
    tab = opened(name, PHONE)
    tab.add_script_tag(path=AXE)
    found = tab.evaluate(
        """async theme => {
            document.documentElement.dataset.theme = theme;
            const {violations} = await axe.run('figure', {preload: false});
            return violations.map(rule => [rule.id, rule.nodes[0].html]);
        }""",
        theme,
    )
    assert found == []


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_fits_a_phone_and_says_what_it_shows(opened, name):
    tab = opened(name, PHONE)
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= PHONE["viewport"]["width"]
    assert re.search(r"\d", tab.locator(".summary").inner_text())
    assert tab.locator("svg text").evaluate_all(
        "texts => texts.every(text => parseFloat(getComputedStyle(text).fontSize) >= 12)"
    )


@pytest.mark.parametrize("name", FIGURES)
def test_paper_shows_the_still_picture(opened, name):
    tab = opened(name)
    assert tab.locator(".interactive").is_visible()
    assert not tab.locator("img").is_visible()
    tab.emulate_media(media="print")
    shown = [tab.locator(part).evaluate("p => getComputedStyle(p).display") for part in
             (".interactive", "img")]  # fmt: skip
    tab.emulate_media(media="screen")
    assert shown[0] == "none"
    assert shown[1] != "none"


def test_colours_are_those_of_the_printed_figures():
    light = (FOLDER / "interactive.css").read_text("utf-8").split('[data-theme="dark"]')[0]
    colours = dict(re.findall(r"--plot-(\w+): (#\w+);", light))
    for name in ("blue", "orange", "green", "vermilion", "purple", "sky", "black", "grey"):
        assert colours[name] == getattr(plots, name.upper())
