"""Learning rates that callbacks set, against Keras's callbacks."""

from types import SimpleNamespace

import numpy as np
import pytest

from companion.network import (
    Callback,
    Dense,
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
    Sequential,
    load,
)
from companion.optimizers import GradientDescent, Momentum, Optimizer
from companion.schedules import ExponentialDecay

X = np.random.default_rng(1).normal(size=(64, 6))
LABELS = np.random.default_rng(2).integers(0, 3, 64)


def network(seed=0):
    layers = [Dense(8, "tanh"), Dense(3, "softmax")]
    return Sequential(layers, (6,), np.random.default_rng(seed), np.float64)


def fit(*callbacks, model=None, rate=0.25, **arguments):
    """Train by the full batch; return the history."""
    optimizer = rate if isinstance(rate, Optimizer) else Optimizer(GradientDescent(), rate)
    model = network() if model is None else model
    arguments = {"epochs": 6, "batch_size": 64, "validation_data": (X, LABELS)} | arguments
    return model.fit(X, LABELS, optimizer=optimizer, callbacks=callbacks, **arguments).history


def decay(epoch, rate):
    return rate * 0.5 if epoch % 2 else rate


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 3},
        {"patience": 1, "factor": 0.5},
        {"patience": 2, "factor": 0.5, "cooldown": 3},
        {"patience": 2, "factor": 0.5, "min_delta": 0.0625, "min_lr": 0.125},
        {"patience": 2, "factor": 0.5, "min_lr": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["val_loss", "val_accuracy"])
def test_a_plateau_cuts_as_in_keras(keras, arguments, name):
    theirs = keras.callbacks.ReduceLROnPlateau(
        monitor=name, mode="max" if name.endswith("accuracy") else "min", **arguments
    )
    theirs.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
    theirs.on_train_begin()
    ours = ReduceLROnPlateau(name, **arguments)
    ours.optimizer = Optimizer(GradientDescent(), 0.5)
    ours.on_train_begin()
    rng = np.random.default_rng(1)
    losses = np.exp(-np.arange(60) / 10) + rng.choice([0, 0.125, 0.25], 60)
    for epoch, loss in enumerate(losses.tolist()):
        logs, metrics = {name: loss}, {name: loss}
        theirs.on_epoch_end(epoch, logs)
        ours.on_epoch_end(epoch, metrics)
        assert ours.optimizer.learning_rate == pytest.approx(
            theirs.model.optimizer.learning_rate, rel=1e-12
        )
        assert metrics == pytest.approx(logs)
    assert (ours.optimizer.learning_rate < 0.5) == (arguments.get("min_lr") != 1)


def test_both_record_the_rates_that_keras_records(keras):
    """By Keras's own fit, in two calls of which the second is told where it begins."""
    model = network()
    twin = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(3, "softmax")]
    )
    twin.set_weights(model.get_weights())
    twin.compile(
        keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    optimizer = Optimizer(GradientDescent(), 0.25)
    plateau = {"monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 0.02}
    for epochs, begin in ((3, 0), (7, 3), (2, 0)):
        theirs = twin.fit(
            X, LABELS, batch_size=64, verbose=0, epochs=epochs, initial_epoch=begin,
            callbacks=[
                keras.callbacks.LearningRateScheduler(decay),
                keras.callbacks.ReduceLROnPlateau(**plateau),
            ],
        ).history  # fmt: skip
        ours = fit(
            LearningRateScheduler(decay), ReduceLROnPlateau(**plateau),
            model=model, rate=optimizer, epochs=epochs, initial_epoch=begin, validation_data=None,
        )  # fmt: skip
        assert ours.keys() == theirs.keys()
        for name, values in theirs.items():
            np.testing.assert_allclose(ours[name], values, rtol=1e-6, err_msg=name)
        assert len(set(ours["learning_rate"])) > 1
    assert optimizer.learning_rate == pytest.approx(float(twin.optimizer.learning_rate))


def test_the_scheduled_rate_is_the_one_that_steps():
    model, start = network(), network().weights.copy()
    model.differentiate(X, LABELS)
    history = fit(
        LearningRateScheduler(lambda epoch, rate: 0.125), model=model, rate=99.0, epochs=1
    )
    np.testing.assert_allclose(model.weights, start - 0.125 * model.gradient, rtol=1e-12)
    assert history["learning_rate"] == [0.125]


def test_a_schedule_by_epoch_is_the_schedule_by_step():
    schedule = ExponentialDecay(0.5, steps=4)
    by_epoch, by_step = network(), network()
    fit(LearningRateScheduler(lambda epoch, rate: schedule(epoch)), model=by_epoch)
    history = fit(model=by_step, rate=Optimizer(GradientDescent(), schedule))
    np.testing.assert_array_equal(by_epoch.weights, by_step.weights)
    assert "learning_rate" not in history


def test_a_second_fit_counts_from_0_unless_it_is_told():
    def rates(*calls):
        model, optimizer, seen = network(), Optimizer(Momentum(), 0.25), []
        power = LearningRateScheduler(lambda epoch, rate: 0.25 / (1 + epoch))
        for call in calls:
            seen += fit(power, model=model, rate=optimizer, **call)["learning_rate"]
        return [0.25 / rate for rate in seen], model.weights

    whole, weights = rates({"epochs": 4})
    assert whole == [1, 2, 3, 4]
    assert rates({"epochs": 2}, {"epochs": 2})[0] == [1, 2, 1, 2]
    told, resumed = rates({"epochs": 2}, {"epochs": 4, "initial_epoch": 2})
    assert told == whole
    np.testing.assert_array_equal(weights, resumed)
    assert fit(epochs=2, initial_epoch=2) == {}  # nothing is left to do


def test_a_plateau_cuts_the_rate_that_another_callback_set():
    # The loss never gets better by 9: a cut after every epoch but the first; the rate is 8 anew
    plateau = ReduceLROnPlateau("loss", 0.5, 1, min_delta=9.0)
    once = LearningRateScheduler(lambda epoch, rate: 8.0 if epoch == 3 else rate)
    for callbacks in ((once, plateau), (plateau, once)):
        assert fit(*callbacks, rate=1.0)["learning_rate"] == [1, 1, 0.5, 8, 4, 2]


def test_a_rate_that_was_cut_is_saved(tmp_path):
    model, optimizer = network(), Optimizer(GradientDescent(), 1.0)
    plateau = ReduceLROnPlateau("loss", 0.5, 1, min_delta=9.0)
    fit(plateau, model=model, rate=optimizer, epochs=3)
    model.save(tmp_path / "model.npz", optimizer)
    _, again = load(tmp_path / "model.npz")
    assert again.learning_rate == optimizer.learning_rate == 0.25


def test_callbacks_see_epochs_and_add_to_the_history():
    seen = []

    class Watch(Callback):
        def on_epoch_begin(self, epoch):
            seen.append(("begin", epoch))

        def on_epoch_end(self, epoch, metrics):
            seen.append(("end", epoch))
            metrics["rate"] = self.optimizer.learning_rate

    history = fit(Watch(), epochs=7, initial_epoch=5)
    assert seen == [("begin", 5), ("end", 5), ("begin", 6), ("end", 6)]
    assert history["rate"] == [0.25, 0.25]


def test_early_stopping_waits_from_where_the_training_begins():
    stopping = EarlyStopping(monitor="loss", patience=2)
    history = fit(stopping, rate=1e200, epochs=99, initial_epoch=50)
    assert len(history["loss"]) == (stopping.best_epoch or 50) - 50 + 4


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (lambda gradients: None, "clip must return 4 arrays; received NoneType"),
        (lambda gradients: gradients[1:], "clip must return 4 arrays"),
        (lambda gradients: [0.0] * 4, "what clip returns must be an array of floats"),
        (lambda gradients: [g[:1] for g in gradients], r"shapes, \(6, 8\) for one; received \(1, "),
    ],
    ids=["nothing", "too few", "numbers", "slices"],
)
def test_a_clip_must_return_what_it_is_given(clip, message):
    model = network()
    before = model.weights.copy()
    with pytest.raises((ValueError, TypeError), match=message):
        fit(model=model, clip=clip)
    np.testing.assert_array_equal(model.weights, before)


def test_a_clip_may_replace_the_parts_of_its_list():
    def in_place(gradients):
        gradients[:] = [g * 0.5 for g in gradients]
        return gradients

    replaced, returned = network(), network()
    fit(model=replaced, clip=in_place)
    fit(model=returned, clip=lambda gradients: [g * 0.5 for g in gradients])
    np.testing.assert_array_equal(replaced.weights, returned.weights)
