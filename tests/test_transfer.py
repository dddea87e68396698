"""Two tasks out of one set of images, and what passes between two networks."""

import numpy as np
import pytest

from companion.lab.datasets import Dataset, fashion_mnist
from companion.lab.transfer import (
    Conv2D,
    Task,
    adapt,
    best_of,
    classifier,
    convolutional,
    draw,
    part,
    reuse,
    split,
    tasks,
)
from companion.network import Dense, Flatten, Sequential
from companion.optimizers import GradientDescent, Optimizer

HIDDEN = (20, 10, 5)


def small(seed, outputs, dtype=np.float64):
    return classifier(np.random.default_rng(seed), outputs, HIDDEN, dtype=dtype)


@pytest.fixture(scope="module")
def labelled():
    return Dataset(*(values[:200] for values in tasks((5, 6), 3000)[1].train))


@pytest.mark.parametrize("pair", [(5, 6), (0, 2), (9, 8)])
def test_a_split_loses_and_mixes_nothing(pair):
    data = fashion_mnist()[1]
    a, b = split(data, pair)
    assert len(a.images) + len(b.images) == len(data.images)
    others = [label for label in range(10) if label not in pair]
    assert (np.take(others, a.labels) == data.labels[~np.isin(data.labels, pair)]).all()
    assert (np.take(pair, b.labels) == data.labels[np.isin(data.labels, pair)]).all()
    assert (b.images == data.images[np.isin(data.labels, pair)]).all()


def test_split_is_that_of_the_source():
    data = fashion_mnist()[1]
    y_5_or_6 = (data.labels == 5) | (data.labels == 6)
    y_a = data.labels[~y_5_or_6]
    y_a[y_a > 6] -= 2
    a, b = split(data, (5, 6))
    assert (a.labels == y_a).all()
    assert (b.labels == (data.labels[y_5_or_6] == 6)).all()


def test_tasks_part_the_first_training_images_and_all_others():
    a, b = tasks((0, 2), 1000)
    assert len(a.train.images) + len(b.train.images) == 1000
    assert len(a.test.images) + len(b.test.images) == 10_000


def test_draw_keeps_images_with_their_labels():
    data = Dataset(np.arange(50.0)[:, None, None] * np.ones((1, 28, 28)), np.arange(50))
    drawn = draw(np.random.default_rng(3), data, 20)
    assert len(set(drawn.labels.tolist())) == 20
    assert (drawn.images[:, 0, 0] == drawn.labels).all()


@pytest.mark.parametrize("layers", range(4))
def test_reuse_copies_the_lowest_layers_and_freezes_them(layers, labelled):
    source, model = small(0, 8), small(1, 1)
    before, own = source.get_weights(), model.get_weights()
    taken = reuse(model, source, layers)
    assert len(taken) == layers
    assert all(map(np.array_equal, model.get_weights()[: 2 * layers], before))
    assert all(map(np.array_equal, model.get_weights()[2 * layers :], own[2 * layers :]))
    adapt(model, taken, labelled, rate=0.03, epochs=2, thawed=0)
    assert all(map(np.array_equal, model.get_weights()[: 2 * layers], before))
    assert not np.array_equal(model.get_weights()[-2], own[-2])
    assert all(map(np.array_equal, source.get_weights(), before))


@pytest.mark.parametrize(("thawed", "moving"), [(0, 1), (1, 2), (2, 3), (None, 4)])
def test_adapt_thaws_from_the_top(thawed, moving, labelled):
    source, model = small(0, 8), small(1, 1)
    taken = reuse(model, source, 3)
    adapt(model, taken, labelled, rate=0.03, epochs=2, thawed=thawed, head_epochs=1)
    before = source.get_weights()[:6]
    kept = [np.array_equal(*both) for both in zip(before, model.get_weights()[:6], strict=True)]
    assert kept == [True] * (8 - 2 * moving) + [False] * (2 * moving - 2)


@pytest.mark.parametrize("head_epochs", [0, 1, 3])
def test_all_ways_take_the_same_number_of_steps(head_epochs, labelled, monkeypatch):
    steps = []
    step = Optimizer.step
    monkeypatch.setattr(Optimizer, "step", lambda *a: steps.append(1) or step(*a))
    model = small(1, 1)
    taken = reuse(model, small(0, 8), 3)
    adapt(model, taken, labelled, rate=0.01, epochs=4, head_epochs=head_epochs)
    assert len(steps) == 4 * 7


def test_best_of_chooses_on_validation_and_scores_on_test():
    class Guess(Sequential):
        def __init__(self, rate):
            self.rate = rate

        def evaluate(self, images, labels):
            return 0.0, {"validation": [0.7, 0.9, 0.8], "test": [0.99, 0.6, 0.7]}[images][self.rate]

    task = Task(*(Dataset(name, None) for name in ("train", "validation", "test")))
    assert best_of(Guess, range(3), task) == (0.6, 1)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(
    "make", [lambda: small(0, 1), lambda: convolutional(np.random.default_rng(0), 1)]
)
def test_the_parts_predict_together_what_the_whole_does(layers, make, labelled):
    model = make()
    base, top = part(model, layers)
    base_out = base.predict(labelled.images)
    np.testing.assert_allclose(top.predict(base_out), model.predict(labelled.images), atol=1e-5)
    top.weights[:] = 0
    assert (model.get_weights()[-2] != 0).any()


def test_training_on_the_cache_is_training_through_frozen_layers(labelled):
    whole = small(1, 1)
    base, top = part(whole, 2)
    for layer in whole.layers[1:3]:
        layer.trainable = False
    for model, x in ((whole, labelled.images), (top, base.predict(labelled.images))):
        rule = Optimizer(GradientDescent(), 0.03)
        model.fit(x, labelled.labels, optimizer=rule, epochs=3, rng=np.random.default_rng(5))
    for a, b in zip(top.get_weights(), whole.get_weights()[4:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize(
    ("size", "stride", "shape"), [(3, 1, (6, 7)), (5, 2, (9, 9, 2)), (2, 3, (8, 5, 3))]
)
def test_a_convolution_is_that_of_keras(size, stride, shape, keras):
    layer = Conv2D(4, size, stride, "tanh")
    model = Sequential([layer, Flatten(), Dense(1)], shape, np.random.default_rng(0), np.float64)
    rng = np.random.default_rng(1)
    model.weights[:] = rng.normal(size=model.weights.size)
    x, y = rng.normal(size=(3, *shape)), rng.normal(size=(3, 1))
    theirs = keras.layers.Conv2D(4, size, strides=stride, activation="tanh")
    pixels = x if x.ndim == 4 else x[..., None]
    theirs.build(pixels.shape)
    theirs.set_weights(list(layer.weights.values()))
    np.testing.assert_allclose(
        layer.forward(x, False, rng), np.asarray(theirs(pixels)), rtol=1e-10, atol=1e-12
    )
    model.differentiate(x, y)
    gradient = model.gradient.copy()
    for i in rng.choice(gradient.size, 8, replace=False):
        losses = []
        for step in (1e-6, -2e-6):
            model.weights[i] += step
            losses.append(model.evaluate(x, y)[0])
        model.weights[i] += 1e-6
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(gradient[i], rel=1e-5, abs=1e-8)


def test_a_convolution_sends_the_gradient_to_each_pixel():
    layer = Conv2D(4, 3, 2, "tanh")
    model = Sequential(
        [layer, Flatten(), Dense(1)], (8, 9, 2), np.random.default_rng(0), np.float64
    )
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 8, 9, 2)), rng.normal(size=(2, 1))
    model.differentiate(x, y)
    sent = layer.backward_preactivation(layer.dz)
    for place in [(0, 0, 0, 0), (1, 3, 4, 1), (0, 6, 8, 0), (1, 7, 2, 1)]:
        losses = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += step
            losses.append(model.evaluate(moved, y)[0])
        slope = (losses[0] - losses[1]) / 2e-6
        assert sent[place] == pytest.approx(slope, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_keep_their_dtype(dtype):
    for model in (
        classifier(np.random.default_rng(0), 8, dtype=dtype),
        convolutional(np.random.default_rng(0), 1, dtype=dtype),
    ):
        assert model.predict(np.zeros((2, 28, 28))).dtype == dtype
        assert [half.dtype for half in part(model, 2)] == [dtype, dtype]
