import random
import time
from functools import partial

import numpy as np
import pytest
from zoo import CORRECT, MISTAKES

from companion import (
    activations,
    check,
    clipping,
    dropout,
    initializers,
    optimizers,
    schedules,
)
from companion import batch_norm as bn
from companion.check import _activation, _clipping, _dropout
from companion.check._activation import NAMES as ACTIVATIONS
from companion.check._clipping import NAMES as CLIPS
from companion.check._dropout import NAMES as DROPOUTS
from companion.check._initializer import SCALINGS
from companion.check._optimizer import _walk, walk
from companion.check._optimizer_variants import _GENERAL, RULES, variants
from companion.check._schedule import SCHEDULES
from companion.check._schedule import variants as schedule_variants
from companion.check._trial import agree, evaluate

SCHEDULES_TRIED = [
    schedules.PowerDecay(0.01, steps=20),
    schedules.PowerDecay(0.01, steps=20, power=0.5),
    schedules.ExponentialDecay(0.01, steps=2000),
    schedules.ExponentialDecay(1e-5, steps=20, rate=2.0),
    schedules.PiecewiseConstant([4, 14], [0.01, 0.005, 0.001]),
    schedules.OneCycle(0.01, 0.1, steps=101),
    schedules.OneCycle(0.01, 0.1, steps=33, final=0.0, last=0.25),
    schedules.OneCycle(0.01, 0.1, steps=101).momentum(),
    schedules.CosineDecay(0.1, steps=100),
    schedules.CosineDecay(0.1, steps=100, alpha=0.1),
    schedules.LinearWarmup(schedules.CosineDecay(0.1, steps=90), steps=10),
    schedules.LinearWarmup(schedules.PowerDecay(0.1, steps=90), steps=10, initial=0.01),
    schedules.ReduceOnPlateau(0.1, factor=0.5, patience=3),
    schedules.ReduceOnPlateau(0.1, patience=1, min_delta=0.0),
    schedules.ReduceOnPlateau(0.1, factor=0.5, patience=4, cooldown=3, minimum=0.02),
]

OURS = {
    **{
        name: lambda name=name: check.activation(
            getattr(activations, name), getattr(activations, f"{name}_grad", None), name
        )
        for name in ACTIVATIONS
    },
    **{
        name: lambda name=name: check.initializer(getattr(initializers, name), name)
        for name in (*SCALINGS, "orthogonal")
    },
    **{
        str(rule): lambda rule=rule: check.optimizer(rule, rule)
        for rule in [
            *(kind() for kind in RULES),
            optimizers.Momentum(0.5),
            optimizers.Adam(beta_1=0.5, beta_2=0.75, epsilon=1e-3),
            optimizers.AdaGrad(initial_accumulator_value=0.0),
            optimizers.AdamW(weight_decay=0.0),
        ]
    },
    **{str(s): lambda s=s: check.schedule(s, s) for s in SCHEDULES_TRIED},
    **{name: lambda name=name: check.clipping(getattr(clipping, name), name) for name in CLIPS},
    **{name: lambda name=name: check.dropout(getattr(dropout, name), name) for name in DROPOUTS},
    "batch_norm": lambda: check.batch_norm(
        bn.batch_norm,
        bn.batch_norm_backward,
        inference=bn.batch_norm_inference,
        update_moving=bn.update_moving,
    ),
}


@pytest.mark.parametrize("tried", OURS.values(), ids=OURS)
def test_ours_hold(tried):
    report = tried()
    assert report, report
    assert not report.conventions


def test_everything_of_ours_is_tried():
    public = {
        name
        for module in (activations, initializers, clipping, dropout, optimizers, schedules)
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }
    tried = {*OURS, *(f"{name}_grad" for name in ACTIVATIONS)}
    tried |= {kind.__name__ for kind in (*RULES, *SCHEDULES)}
    helpers = {
        "fans", "variance_scaling", "rrelu_slopes", "prelu_grad_alpha", "swish_grad_beta",
        "mc_predict", "Optimizer", "Rule", "PlateauState",
    }  # fmt: skip
    assert public - tried == helpers


@pytest.mark.parametrize(
    ("tried", "fragment"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_caught_and_named(tried, fragment):
    report = tried()
    assert not report
    assert any(part in hint for hint in report.hints for part in fragment.split("|")), report


@pytest.mark.parametrize(("tried", "remark"), [c[1:] for c in CORRECT], ids=[c[0] for c in CORRECT])
def test_what_is_correct_gives_no_alarm(tried, remark):
    report = tried()
    assert report, report
    if remark is None:
        assert not report.conventions
    else:
        assert any(remark in convention for convention in report.conventions), report


def test_the_zoo_is_large():
    assert len(MISTAKES) >= 40
    assert len(CORRECT) >= 12
    assert len({m[0] for m in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("tried", [MISTAKES[i][1] for i in range(0, len(MISTAKES), 5)])
def test_reports_are_deterministic_and_touch_no_global_state(tried):
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    before = np.random.get_state()[1].copy(), random.getstate(), np.geterr()  # noqa: NPY002
    first = str(tried())
    assert str(tried()) == first or "generator_of_its_own" in first or "second call" in first
    after = np.random.get_state()[1], random.getstate(), np.geterr()  # noqa: NPY002
    assert np.array_equal(before[0], after[0])
    assert before[1:] == after[1:]


def broken(*args, **kwargs):
    raise RuntimeError("broken")


def nothing(*args, **kwargs):
    return None


def text(*args, **kwargs):
    return "a text"


class Broken:
    init = update = broken


@pytest.mark.parametrize("f", [broken, nothing, text, lambda: 0, lambda *_, **__: np.zeros(0)])
def test_whatever_the_function_does_there_is_a_report(f):
    class Rule:
        init = update = staticmethod(f)

    reports = [
        *(check.activation(f, None if name == "softmax" else f, name) for name in ACTIVATIONS),
        *(check.initializer(f, name) for name in (*SCALINGS, "orthogonal")),
        *(check.clipping(f, name) for name in CLIPS),
        *(check.dropout(f, name) for name in DROPOUTS),
        *(check.optimizer(thing, kind()) for kind in RULES for thing in (Rule(), Broken(), None)),
        *(check.schedule(f, s) for s in SCHEDULES_TRIED[:-3]),
        *(check.schedule(thing, SCHEDULES_TRIED[-1]) for thing in (Rule(), None)),
        check.batch_norm(f, f, inference=f, update_moving=f),
        check.batch_norm(bn.batch_norm, f),
        check.batch_norm(f, bn.batch_norm_backward),
    ]
    for report in reports:
        assert not report
        assert "FAILS" in str(report)


def test_an_error_is_reported_with_how_the_function_is_called():
    report = check.clipping(lambda g: g, like="clip_by_norm")
    assert "TypeError" in report.failures[0].measured
    assert report.hints[0] == "it is called as f(gradient, limit)"


def test_an_unknown_mistake_has_no_hint_but_a_factor():
    assert not check.activation(lambda z: np.sin(z), None, like="mish").failures[0].hint
    report = check.activation(lambda z: 3 * np.tanh(z), None, like="tanh")
    assert report.hints[0] == "every number is 3 times what it should be"


def test_wrong_hyperparameters_are_named():
    report = check.optimizer(optimizers.Adam(beta_1=0.99), optimizers.Adam())
    assert report.hints[0] == "beta_1 is 0.99 (like has 0.9)"
    report = check.optimizer(optimizers.Adam(beta_1=0.999, beta_2=0.9), optimizers.Adam())
    assert report.hints[0] == "beta_1 and beta_2 are swapped"


def test_one_mistake_is_reported_once():
    """A wrong value must not make the shapes and the extremes fail, too."""
    report = check.optimizer(optimizers.RMSProp(rho=0.99), optimizers.RMSProp())
    assert len(report.failures) == 1


@pytest.mark.parametrize("kind", RULES)
def test_variants_differ_from_the_rule(kind):
    """A variant that gives the same as the rule itself could never be a hint."""
    like, case = kind(), _walk()
    right = evaluate(walk(like), case)
    same = {v.text for v in variants(like) if agree(evaluate(walk(v.function), case), right, 1e-9)}
    # what concerns t and the state changes nothing in a rule that has none
    assert same <= {v.text for v in _GENERAL}


# with numbers that make all variants differ
GENERIC = [
    schedules.PowerDecay(0.01, steps=20, power=0.5),
    schedules.ExponentialDecay(0.01, steps=20),
    schedules.PiecewiseConstant([4, 14, 20], [0.01, 0.005, 0.001, 0.0]),
    schedules.OneCycle(0.01, 0.1, steps=101),
    schedules.CosineDecay(0.2, steps=100, alpha=0.1),
    schedules.LinearWarmup(schedules.PowerDecay(0.1, steps=90), steps=10, initial=0.01),
]

AMBIGUOUS = (
    "no epsilon",  # the paper's AdaMax divides 0 by 0 where a gradient is zero: a mistake
    "AdaGrad(initial_accumulator_value=0.1, epsilon=1e-07): epsilon is missing",  # as 1e-10
    "PiecewiseConstant: it runs one step ahead",  # the same as PyTorch's, for whole steps
    "and it goes up again",  # a convention that is two, of which one is enough
    *(v.text for v in _GENERAL),  # t and the state are nothing to a rule that has none
)


def tables():
    """Yield every row of the tables of variants, with the check that should recognize it."""
    for rule in (kind() for kind in RULES):
        for v in (v for v in variants(rule) if "like has" not in v.text):  # too many for each
            yield f"{rule}: {v.text}", v, partial(check.optimizer, v.function, rule)
    for like in GENERIC:
        for v in schedule_variants(like):
            yield f"{type(like).__name__}: {v.text}", v, partial(check.schedule, v.function, like)
    for module, tried in ((_clipping, check.clipping), (_dropout, check.dropout)):
        for name, rows in module.VARIANTS.items():
            for v in rows:
                yield f"{name}: {v.text}", v, partial(tried, v.function, name)
    for name, rows in _activation.MISTAKES.items():
        for v in rows:
            yield f"{name}: {v.text}", v, partial(check.activation, v.function, None, name)
    for name, rows in _activation.GRAD_MISTAKES.items():
        f = getattr(activations, name)
        for v in rows:
            yield f"{name}_grad: {v.text}", v, partial(check.activation, f, v.function, name)


def test_every_variant_is_recognized():
    """A mistake in a table is a failure with a hint, a convention in it holds and is named."""
    wrong, rows = [], list(tables())
    for name, variant, tried in rows:
        report = tried()
        if variant.convention:
            fine = report and variant.text in report.conventions
        else:
            fine = not report and report.hints
        if not fine and not any(text in name for text in AMBIGUOUS):
            wrong.append(f"{name}: {report.conventions} {report.hints}")
    assert len(rows) > 400
    assert not wrong, "\n".join(wrong)


def test_a_report_reads_well():
    report = check.optimizer(optimizers.Momentum(), optimizers.Nesterov())
    assert repr(report) == str(report)
    lines = str(report).splitlines()
    assert lines[0] == "optimizer like Nesterov(beta=0.9): 1 of 8 properties fails"
    assert lines[1] == "  FAILS steps"
    assert "t = " in lines[2]
    assert lines[4] == "        likely:   the look-ahead is missing: it is plain momentum"
    page = report._repr_html_()
    assert page.count("<tr>") == 9
    assert "look-ahead" in page
    noted = check.dropout(lambda x, mask, rate: x * mask, like="dropout")
    assert "another convention, no mistake: the papers' dropout" in str(noted)
    assert "no mistake" in noted._repr_html_()


def test_a_check_is_quick():
    slow = [*OURS.values(), *(m[1] for m in MISTAKES)]
    for tried in slow:
        start = time.process_time()
        tried()
        assert time.process_time() - start < 0.9, tried  # 0.3 s, with room for a busy machine
