"""Pretraining against distributions that are small enough to list, and against its promises."""

from functools import partial

import numpy as np
import pytest

from companion.lab.datasets import fashion_mnist
from companion.network import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Sequential,
)
from companion.network.pretraining import (
    RestrictedBoltzmannMachine,
    autoencoder,
    encoder,
    greedy_layerwise,
    initialize_from,
)
from companion.optimizers import Adam, GradientDescent, Momentum, Optimizer

VISIBLE = np.array(list(np.ndindex(*[2] * 4)), float)
HIDDEN = np.array(list(np.ndindex(*[2] * 3)), float)
# Weights of the data's 16 states
DATA = np.random.default_rng(4).dirichlet(np.full(16, 0.3))
# 3 x 3 images of horizontal or of vertical lines: 14 rows of 9 pixels
LINES = HIDDEN[:, :, None] * np.ones((3, 3))
BARS = np.unique(np.concatenate([LINES, LINES.swapaxes(1, 2)]).reshape(-1, 9), axis=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def sgd(rate=0.1):
    return Optimizer(GradientDescent(), rate)


def tiny(dtype=np.float64, scale=1.0):
    """A machine with 4 visible and 3 hidden units, far from its initial weights."""
    rbm = RestrictedBoltzmannMachine(4, 3, rng(), dtype)
    rbm.weights[:] = scale * rng(1).normal(size=rbm.weights.size)
    return rbm


def joint(rbm):
    """The probability of each of the 16 x 8 states, term by term from the energy's definition."""
    p = np.zeros((16, 8))
    for s, v in enumerate(VISIBLE):
        for t, h in enumerate(HIDDEN):
            energy = -sum(rbm.visible_bias[i] * v[i] for i in range(4))
            energy -= sum(rbm.hidden_bias[j] * h[j] for j in range(3))
            energy -= sum(v[i] * rbm.kernel[i, j] * h[j] for i in range(4) for j in range(3))
            p[s, t] = np.exp(-energy)
    return p / p.sum()


def averages(p):
    """The means of v h, v and h under probabilities of the 16 x 8 states, as one vector."""
    vh = np.einsum("st,si,tj->ij", p, VISIBLE, HIDDEN)
    return np.concatenate([vh.ravel(), p.sum(axis=1) @ VISIBLE, p.sum(axis=0) @ HIDDEN])


def expected_gradient(rbm, k):
    """What CD-k estimates: the chain's transition matrix is multiplied out; k None: the truth."""
    p = joint(rbm)
    h_given_v, v_given_h = p / p.sum(axis=1, keepdims=True), p / p.sum(axis=0)
    reached = p.sum(axis=1)
    if k is not None:
        reached = DATA @ np.linalg.matrix_power(h_given_v @ v_given_h.T, k)
    return averages(reached[:, None] * h_given_v) - averages(DATA[:, None] * h_given_v)


def log_likelihood(rbm, v):
    """The exact mean of log p(v), by listing all visible states."""
    states = np.array(list(np.ndindex(*[2] * rbm.visible)), float)
    return float((-rbm.free_energy(v)).mean() - np.logaddexp.reduce(-rbm.free_energy(states)))


# The machine's distribution


def test_energy_free_energy_and_conditionals_are_those_of_the_listed_distribution():
    rbm = tiny()
    p = joint(rbm)
    v, h = np.repeat(VISIBLE, 8, axis=0), np.tile(HIDDEN, (16, 1))
    boltzmann = np.exp(-rbm.energy(v, h)).reshape(16, 8)
    np.testing.assert_allclose(boltzmann / boltzmann.sum(), p, rtol=1e-12)
    np.testing.assert_allclose(rbm.free_energy(VISIBLE), -np.log(boltzmann.sum(axis=1)), rtol=1e-12)
    np.testing.assert_allclose(
        rbm.hidden_probabilities(VISIBLE), p @ HIDDEN / p.sum(axis=1)[:, None], rtol=1e-12
    )
    np.testing.assert_allclose(
        rbm.visible_probabilities(HIDDEN), p.T @ VISIBLE / p.sum(axis=0)[:, None], rtol=1e-12
    )


def test_an_energy_worked_by_hand():
    rbm = RestrictedBoltzmannMachine(2, 1, rng(), np.float64)
    rbm.kernel[:], rbm.visible_bias[:], rbm.hidden_bias[:] = [[2.0], [-3.0]], [0.5, 1.0], -1.0
    # v = (1, 0), h = 1: -0.5 * 1 - 1.0 * 0 - (-1) * 1 - 1 * 2 * 1 = -1.5
    assert rbm.energy([[1, 0]], [[1]]).tolist() == [-1.5]
    # both states of h: exp(0.5) + exp(1.5)
    assert rbm.free_energy([[1, 0]])[0] == pytest.approx(-np.log(np.exp(0.5) + np.exp(1.5)))
    assert rbm.hidden_probabilities([[1, 0]])[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_gibbs_steps_end_in_the_machines_own_distribution():
    rbm, steps, n = tiny(), rng(2), 20_000
    v = np.zeros((n, 4))
    for _ in range(30):
        v = rbm.gibbs_step(v, steps)
    counts = np.bincount((v @ [8, 4, 2, 1]).astype(int), minlength=16)
    p = joint(rbm).sum(axis=1)
    assert (np.abs(counts / n - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_free_energy_and_probabilities_hold_at_the_extremes(scale):
    rbm = tiny(scale=scale)
    with np.errstate(under="ignore"):
        values = [rbm.free_energy(VISIBLE), rbm.reconstruct(VISIBLE)]
    assert all(np.isfinite(value).all() for value in values)


# Contrastive divergence


def monte_carlo(rbm, k, n=40_000):
    """CD-k on the 16 states, each as often as the data have it; and its standard error."""
    v = VISIBLE[rng(7).choice(16, n, p=DATA)]
    batches = [
        rbm.contrastive_divergence(rows, rng(s), k=k)[0] for s, rows in enumerate(np.split(v, 100))
    ]
    return np.mean(batches, axis=0), np.std(batches, axis=0) / 10


@pytest.mark.parametrize("k", [1, 2, 10])
def test_contrastive_divergence_has_the_expectation_of_k_gibbs_steps(k):
    rbm = tiny()
    mean, error = monte_carlo(rbm, k)
    assert (np.abs(mean - expected_gradient(rbm, k)) < 5 * error).all()


def test_contrastive_divergence_approaches_the_gradient_of_the_likelihood():
    rbm = tiny(scale=2.0)
    truth = expected_gradient(rbm, None)
    bias = [np.linalg.norm(expected_gradient(rbm, k) - truth) for k in (1, 2, 5, 20)]
    bias /= np.linalg.norm(truth)
    assert bias[0] == pytest.approx(0.18, abs=0.01)  # CD-1 misses by 18 %
    assert bias[1] == pytest.approx(0.06, abs=0.01)
    assert bias[2] < 0.01
    assert bias[3] < 1e-6
    # and what is sampled shows it: CD-1 is off by many standard errors, CD-20 by none
    for k, off in ((1, True), (20, False)):
        mean, error = monte_carlo(rbm, k, 10_000)
        assert (np.abs(mean - truth) > 6 * error).any() == off


def test_the_truth_that_it_approaches_is_the_slope_of_the_likelihood():
    rbm = tiny()
    gradient, start = expected_gradient(rbm, None), rbm.weights.copy()
    for i in range(start.size):
        values = []
        for step in (1e-5, -1e-5):
            rbm.weights[:] = start
            rbm.weights[i] += step
            values.append(-DATA @ np.log(joint(rbm).sum(axis=1)))
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[i], abs=1e-9)


def test_one_update_worked_element_by_element():
    # the same draws, and the sums of the textbook written out
    rbm, n = tiny(), 16
    draws = rng(3)
    u_data, u_visible = draws.random((n, 3)), draws.random((n, 4))
    gradient, _ = rbm.contrastive_divergence(VISIBLE, rng(3))
    expected = np.zeros((4, 3))
    for v, u, w in zip(VISIBLE, u_data, u_visible, strict=True):
        on = [1 / (1 + np.exp(-rbm.hidden_bias[j] - v @ rbm.kernel[:, j])) for j in range(3)]
        h = [float(u[j] < on[j]) for j in range(3)]
        back = [1 / (1 + np.exp(-rbm.visible_bias[i] - rbm.kernel[i] @ h)) for i in range(4)]
        model = np.array([float(w[i] < back[i]) for i in range(4)])
        again = [1 / (1 + np.exp(-rbm.hidden_bias[j] - model @ rbm.kernel[:, j])) for j in range(3)]
        expected += (np.outer(model, again) - np.outer(v, on)) / n
    np.testing.assert_allclose(gradient[:12].reshape(4, 3), expected, rtol=1e-12, atol=1e-15)


def test_persistent_chains_remove_the_bias():
    rbm, steps = tiny(scale=2.0), rng(3)
    p, uniform = joint(rbm), np.full((16, 1), 1 / 16)
    truth = averages(p) - averages(uniform * p / p.sum(axis=1, keepdims=True))
    chains = np.zeros((40_000, 3))
    for _ in range(30):
        gradient, chains = rbm.contrastive_divergence(VISIBLE, steps, chains=chains)
    # a mean of 40,000 zeros and ones has a standard error of at most 0.0025
    assert np.abs(gradient - truth).max() < 0.0125
    assert chains.shape == (40_000, 3)
    assert set(np.unique(chains)) == {0.0, 1.0}


def test_grey_values_count_as_probabilities():
    rbm = tiny()
    grey = np.full((1, 4), 0.5)
    rbm.kernel[:] = 0
    gradient, _ = rbm.contrastive_divergence(np.repeat(grey, 20_000, axis=0), rng())
    # without weights the model's v_i has the mean sigma(a_i)
    expected = 1 / (1 + np.exp(-rbm.visible_bias)) - 0.5
    assert gradient[12:16] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("settings", "reached"), [({}, -3.5), ({"k": 5}, -3.1), ({"persistent": True}, -4.2)]
)
def test_training_raises_the_exact_likelihood(settings, reached):
    rbm = RestrictedBoltzmannMachine(9, 12, rng(), np.float64)
    assert log_likelihood(rbm, BARS) == pytest.approx(-9 * np.log(2), abs=0.01)
    data = np.tile(BARS, (4, 1))
    history = rbm.fit(
        data, optimizer=sgd(0.2), epochs=2000, batch_size=56, rng=rng(1), **settings
    ).history
    # the best there is: 14 images of equal probability, -log 14 = -2.64
    assert -np.log(14) > log_likelihood(rbm, BARS) > reached
    assert history["reconstruction_error"][-1] < history["reconstruction_error"][0] / 2


def test_the_history_shows_overfitting():
    data = rng(5).integers(0, 2, (220, 12))
    rbm = RestrictedBoltzmannMachine(12, 40, rng(), np.float64)
    history = rbm.fit(
        data[:20], optimizer=sgd(0.5), epochs=400, rng=rng(1), validation_data=data[20:]
    ).history
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("reconstruction_error", "val_reconstruction_error", "free_energy_gap"), 400
    )
    assert history["free_energy_gap"][-1] > history["free_energy_gap"][0] + 2
    assert log_likelihood(rbm, data[:20]) > log_likelihood(rbm, data[20:]) + 2
    gap = rbm.free_energy(data[20:]).mean() - rbm.free_energy(data[:20]).mean()
    assert history["free_energy_gap"][-1] == pytest.approx(gap)


def test_same_streams_same_machine_and_the_data_are_left_alone():
    data = BARS.astype(np.float32)
    data.flags.writeable = False
    machines = []
    for k in (2, 2, 3):
        rbm = RestrictedBoltzmannMachine(9, 5, rng())
        rbm.fit(data, optimizer=sgd(), epochs=3, batch_size=4, k=k, rng=rng(1))
        machines.append(rbm.weights)
    np.testing.assert_array_equal(machines[0], machines[1])
    assert not np.array_equal(machines[0], machines[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_machine_keeps_its_dtype(dtype):
    rbm = RestrictedBoltzmannMachine(4, 3, rng(), dtype)
    rbm.fit(VISIBLE, optimizer=Optimizer(Momentum(), np.float64(0.1)), epochs=2, rng=rng())
    gradient, states = rbm.contrastive_divergence(VISIBLE, rng())
    arrays = [
        rbm.weights, rbm.kernel, gradient, states, rbm.energy(VISIBLE, np.ones((16, 3))),
        rbm.free_energy(VISIBLE), rbm.gibbs_step(VISIBLE, rng()), rbm.reconstruct(VISIBLE),
        rbm.encoder().predict(VISIBLE),
    ]  # fmt: skip
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    for view in (rbm.kernel, rbm.visible_bias, rbm.hidden_bias):
        assert np.shares_memory(view, rbm.weights)


# Autoencoders


class Blackout(Layer):
    """Noise for the tests: every other input goes dark in training."""

    def forward(self, x, training, rng):
        return x * ([0, 1] * (x.shape[1] // 2)) if training else x

    def backward(self, dy, input_gradient=True):
        raise AssertionError("noise at the bottom needs no gradient")


@pytest.mark.parametrize("output", ["sigmoid", "linear"])
def test_an_autoencoders_gradient_is_the_slope_of_its_loss(output):
    model = autoencoder((9, 6, 3), rng(), activation="tanh", output=output, dtype=np.float64)
    x = 0.8 * BARS + 0.1  # grey: targets need not be 0 or 1
    model.differentiate(x, x)
    gradient, start = model.gradient.copy(), model.weights.copy()
    direction = rng(1).normal(size=start.size)
    losses = []
    for step in (1e-5, -1e-5):
        model.weights[:] = start + step * direction
        losses.append(model.differentiate(x, x))
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(direction @ gradient, rel=1e-6)


def test_an_autoencoder_mirrors_its_widths_and_gives_its_encoder():
    model = autoencoder((9, 6, 4, 2), rng(), activation="elu", noise=Dropout(0.3))
    assert [layer.units for layer in model.layers[1:]] == [6, 4, 2, 4, 6, 9]
    assert model.loss.value_and_gradient.__name__ == "binary_crossentropy"
    half = encoder(model)
    x = BARS.astype(np.float32)
    for layer in model.layers[:4]:
        x = layer.forward(x, False, rng())
    np.testing.assert_array_equal(half.predict(BARS), x)
    half.weights[:] = 0
    assert model.weights.any()


def test_noise_acts_in_training_only_and_the_target_stays_clean():
    model = autoencoder((10, 8), rng(), noise=Blackout())
    pairs = np.repeat(rng(1).integers(0, 2, (200, 5)), 2, axis=1)  # each pixel twice
    assert not np.array_equal(model.predict(pairs), model.predict(pairs, training=True))
    model.fit(pairs, pairs, optimizer=Optimizer(Adam(), 0.02), epochs=30)
    # of each pair one is dark in training, and is restored from the other
    restored = model.predict(pairs, training=True)
    assert (np.round(restored) == pairs).mean() > 0.99


# Stacks


def images():
    train, _, _ = fashion_mnist()
    return train.images[:1000].reshape(-1, 784)


def boltzmann(x, units, rng, histories=None):
    rbm = RestrictedBoltzmannMachine(x.shape[1], units, rng)
    history = rbm.fit(x, optimizer=sgd(0.1), epochs=5, batch_size=20, rng=rng).history
    if histories is not None:
        histories.append(history["reconstruction_error"])
    return rbm.encoder()


def shallow(x, units, rng, histories=None):
    model = autoencoder((x.shape[1], units), rng, activation="sigmoid")
    history = model.fit(x, x, optimizer=Optimizer(Adam(), 3e-3), epochs=5).history
    if histories is not None:
        histories.append(history["loss"])
    return encoder(model)


@pytest.mark.parametrize("train", [boltzmann, shallow])
def test_a_greedy_stack_learns_layer_by_layer_and_is_handed_over(train):
    x, histories = images(), []
    stack = greedy_layerwise(x, (64, 32), partial(train, histories=histories), rng())
    assert len(histories) == 2
    for errors in histories:
        assert errors[-1] < 0.95 * errors[0]
    network = Sequential(
        [
            Flatten(),
            Dense(64),
            Activation("sigmoid"),
            Dropout(0.2),
            Dense(32, "sigmoid"),
            Dense(10, "softmax"),
        ],
        (28, 28),
        rng(1),
    )
    head = network.layers[-1].weights["kernel"].copy()
    initialize_from(network, stack.layers)
    network.forward(x.reshape(-1, 28, 28))
    np.testing.assert_array_equal(network.layers[4].a, stack.predict(x))
    np.testing.assert_array_equal(network.layers[-1].weights["kernel"], head)
    assert network.weights[0] == stack.layers[0].weights["kernel"][0, 0]


def test_the_lower_layers_of_a_stack_stay_as_they_are():
    x = images()[:100]
    one, two = (greedy_layerwise(x, widths, boltzmann, rng()) for widths in [(20,), (20, 10)])
    for name, values in one.layers[0].weights.items():
        np.testing.assert_array_equal(values, two.layers[0].weights[name])
    codes = one.predict(x)
    alone = boltzmann(codes, 10, rng().spawn(2)[1])
    np.testing.assert_array_equal(two.predict(x), alone.predict(codes))


def test_initialize_from_copies_moving_statistics_and_keeps_the_networks_dtype():
    def network(dtype, seed):
        layers = [Dense(5), BatchNormalization(), Activation("relu"), Dense(2, "softmax")]
        return Sequential(layers, (9,), rng(seed), dtype)

    source, model = network(np.float64, 0), network(np.float32, 1)
    source.fit(BARS, np.arange(14) % 2, optimizer=sgd(), epochs=3)
    source.layers[0].trainable = False
    initialize_from(model, source.layers)
    for mine, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_array_equal(mine, theirs.astype(np.float32))


def test_a_mismatch_changes_nothing():
    model = Sequential([Dense(6), Dense(3)], (9,), rng())
    before = model.weights.copy()
    with pytest.raises(ValueError, match="layer 1"):
        initialize_from(model, encoder(autoencoder((9, 6, 4), rng(1))).layers)
    np.testing.assert_array_equal(model.weights, before)
