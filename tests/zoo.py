"""The zoo: implementations as readers write them, with one mistake each, and correct ones.

``MISTAKES`` are (name, check, fragment of the hint), ``CORRECT`` (name, check, fragment of the
convention, or None where there is nothing to remark). A check is a function without arguments.
"""

import math
from functools import partial

import numpy as np

from companion import batch_norm as bn
from companion import check
from companion.activations import gelu_grad, relu, selu, sigmoid
from companion.dropout import dropout
from companion.optimizers import (
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Momentum,
    Nadam,
    Nesterov,
    RMSProp,
)
from companion.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    PiecewiseConstant,
    PowerDecay,
    ReduceOnPlateau,
)

MISTAKES, CORRECT = [], []


def planted(check, fragment, *args, **kwargs):
    """Register what is decorated, with a mistake that ``check`` should explain."""

    def register(thing):
        MISTAKES.append((thing.__name__, partial(check, thing, *args, **kwargs), fragment))
        return thing

    return register


def correct(check, remark, *args, **kwargs):
    def register(thing):
        CORRECT.append((thing.__name__, partial(check, thing, *args, **kwargs), remark))
        return thing

    return register


# --- Activations: f is right where its derivative is wrong, and the other way round


def only_f(f, like):
    return check.activation(f, None, like)


def with_grad(f):
    return lambda f_grad, like: check.activation(f, f_grad, like)


@planted(with_grad(sigmoid), "expects the output f(z)", like="sigmoid")
def sigmoid_grad_of_the_output(s):
    return s * (1 - s)


@planted(with_grad(np.tanh), "not squared", like="tanh")
def tanh_grad_not_squared(z):
    return 1 - np.tanh(z)


@planted(with_grad(np.tanh), "expects the output f(z)", like="tanh")
def tanh_grad_of_the_output(y):
    return 1 - y * y


@planted(only_f, "overflows", like="sigmoid")
def sigmoid_that_overflows(z):
    return 1 / (1 + np.exp(-z))


@planted(only_f, "overflows", like="softplus")
def softplus_that_overflows(z):
    return np.log(1 + np.exp(z))


@planted(only_f, "overflows", like="elu")
def elu_whose_unused_branch_overflows(z):
    return np.where(z > 0, z, np.exp(z) - 1)


@planted(only_f, "in place", like="relu")
def relu_in_place(z):
    z[z < 0] = 0
    return z


@planted(with_grad(relu), "z where z > 0, not 1", like="relu")
def relu_grad_that_returns_z(z):
    return np.where(z > 0, z, 0)


@planted(with_grad(relu), "float64", like="relu")
def relu_grad_that_forgets_the_dtype(z):
    grad = np.zeros(z.shape)
    grad[z > 0] = 1
    return grad


@planted(only_f, "negative side", like="leaky_relu")
def leaky_relu_on_the_wrong_side(z):
    return np.minimum(0.01 * z, z)


@planted(only_f, "1 is not subtracted", like="elu")
def elu_without_minus_one(z):
    return np.where(z > 0, z, np.exp(np.minimum(z, 0)))


@planted(only_f, "lambda multiplies only the positive side", like="selu")
def selu_without_brackets(z):
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return np.where(z > 0, scale * z, alpha * np.expm1(np.minimum(z, 0)))


@planted(only_f, "z / sqrt(2)", like="gelu")
def gelu_of_erf_z(z):
    erf = np.vectorize(math.erf, otypes=[z.dtype])
    return z * (1 + erf(z)) / 2


@planted(only_f, "0.044715", like="gelu")
def gelu_with_a_mistyped_constant(z):
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi).astype(z.dtype) * (z + 0.44715 * z**3)))


@planted(check.activation, "which f is not", f_grad=gelu_grad, like="gelu")
def gelu_by_tanh_with_the_exact_derivative(z):
    return 0.5 * z * (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3)))


@planted(with_grad(lambda z: z * sigmoid(z)), "product rule", like="swish")
def swish_grad_without_the_product_rule(z):
    return sigmoid(z)


@planted(only_f, "softplus is missing", like="mish")
def mish_without_softplus(z):
    return z * np.tanh(z)


@planted(only_f, "alpha is not used", like="prelu")
def prelu_of_fixed_slope(z, alpha):
    return np.where(z > 0, z, 0.25 * z)


@planted(only_f, "wrong axis", like="softmax")
def softmax_over_the_batch(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


@planted(only_f, "overflows", like="softmax")
def softmax_that_overflows(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


# --- Initializers


@planted(check.initializer, "fan_out instead of 2 / fan_in", like="he_normal")
def he_with_fan_out(rng, shape):
    *_, units = shape
    field = math.prod(shape[:-2])
    return rng.normal(0, math.sqrt(2 / (field * units)), shape)


@planted(check.initializer, "variance is used as the standard deviation", like="he_normal")
def he_with_the_variance_as_stddev(rng, shape):
    return rng.normal(0, 2 / math.prod(shape[:-1]), shape)


@planted(check.initializer, "variance 1 / fan_in instead of 2 / fan_in", like="he_normal")
def he_that_is_lecun(rng, shape):
    return rng.normal(0, math.prod(shape[:-1]) ** -0.5, shape)


@planted(check.initializer, "height and width count", like="he_normal")
def he_without_the_receptive_field(rng, shape):
    return rng.standard_normal(shape) * (2 / shape[-2]) ** 0.5


@planted(check.initializer, "not widened", like="lecun_normal")
def lecun_truncated_without_correction(rng, shape):
    w = rng.standard_normal(shape)
    while (far := abs(w) > 2).any():
        w[far] = rng.standard_normal(far.sum())
    return w / math.prod(shape[:-1]) ** 0.5


@planted(check.initializer, "third of the variance", like="glorot_uniform")
def glorot_whose_limit_is_the_stddev(rng, shape):
    fan_in, fan_out = (math.prod(shape[:-2]) * n for n in shape[-2:])
    limit = (2 / (fan_in + fan_out)) ** 0.5
    return rng.uniform(-limit, limit, shape)


@planted(check.initializer, "from 0 up", like="glorot_uniform")
def glorot_of_positive_numbers(rng, shape):
    fan_in, fan_out = (math.prod(shape[:-2]) * n for n in shape[-2:])
    return rng.random(shape) * (6 / (fan_in + fan_out)) ** 0.5


@planted(check.initializer, "2 of the mean", like="glorot_normal")
def glorot_without_the_two(rng, shape):
    fan_in, fan_out = (math.prod(shape[:-2]) * n for n in shape[-2:])
    return rng.normal(0, (fan_in + fan_out) ** -0.5, shape)


@planted(check.initializer, "not in its arguments", like="lecun_uniform")
def lecun_from_a_generator_of_its_own(rng, shape, mine=np.random.default_rng(5)):  # noqa: B008
    limit = (3 / math.prod(shape[:-1])) ** 0.5
    return mine.uniform(-limit, limit, shape)


@planted(check.initializer, "a fixed seed", like="lecun_uniform")
def lecun_from_a_fixed_seed(rng, shape):
    limit = (3 / math.prod(shape[:-1])) ** 0.5
    return np.random.default_rng(0).uniform(-limit, limit, shape)


@planted(check.initializer, "signs of R", like="orthogonal")
def orthogonal_with_lapacks_signs(rng, shape):
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, _ = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    return (q.T if rows < columns else q).reshape(shape)


@planted(check.initializer, "not orthogonal to each other", like="orthogonal")
def orthogonal_that_only_normalizes(rng, shape):
    w = rng.standard_normal((math.prod(shape[:-1]), shape[-1]))
    axis = 0 if w.shape[0] >= w.shape[1] else 1
    return (w / np.linalg.norm(w, axis=axis, keepdims=True)).reshape(shape)


# --- Optimizers


class Reader:
    """A rule with two averages, of the hyperparameters that most have."""

    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7

    def init(self, w):
        return np.zeros_like(w), np.zeros_like(w)

    def averages(self, g, state):
        m = self.beta_1 * state[0] + (1 - self.beta_1) * g
        s = self.beta_2 * state[1] + (1 - self.beta_2) * g * g
        return m, s

    def hats(self, m, s, t):
        return m / (1 - self.beta_1**t), s / (1 - self.beta_2**t)


def rule(fragment, like, base=Reader):
    """Plant an update as a rule of class ``base``."""

    def register(update):
        kind = type(update.__name__, (base,), {"update": update})
        MISTAKES.append((update.__name__, lambda: check.optimizer(kind(), like), fragment))
        return update

    return register


@rule("added to the parameter, not to the denominator", Adam())
def adam_translated_with_epsilon_on_the_parameter(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t)
    new = w - lr * m_hat / np.sqrt(s_hat) + self.epsilon
    return w - new, (m, s)


@rule("second moment lacks its bias correction", Adam())
def adam_without_the_second_correction(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, _ = self.hats(m, s, t)
    return lr * m_hat / (np.sqrt(s) + self.epsilon), (m, s)


@rule("first moment lacks its bias correction", Adam())
def adam_without_the_first_correction(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    _, s_hat = self.hats(m, s, t)
    return lr * m / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("both moments lack", Adam())
def adam_without_corrections(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    return lr * m / (np.sqrt(s) + self.epsilon), (m, s)


@rule("t starts at 0", Adam())
def adam_that_counts_from_zero(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    with np.errstate(all="ignore"):
        m_hat, s_hat = m / np.float64(1 - 0.9 ** (t - 1)), s / np.float64(1 - 0.999 ** (t - 1))
        return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("t is one too high", Adam())
def adam_that_counts_once_more(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t + 1)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("overwrites the moments", Adam())
def adam_that_keeps_the_corrected_moments(self, g, state, w, t, lr):
    m, s = self.hats(*self.averages(g, state), t)
    return lr * m / (np.sqrt(s) + self.epsilon), (m, s)


@rule("lacks its square root", Adam())
def adam_without_the_root(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / (s_hat + self.epsilon), (m, s)


@rule("epsilon is inside the root", Adam())
def adam_with_epsilon_inside_the_root(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / np.sqrt(s_hat + self.epsilon), (m, s)


@rule("AMSGrad", Adam())
def adam_that_is_amsgrad(self, g, state, w, t, lr):
    m, s = self.averages(g, state[:2])
    top = np.maximum(state[2] if len(state) > 2 else 0, s)
    m_hat, top_hat = self.hats(m, top, t)
    return lr * m_hat / (np.sqrt(top_hat) + self.epsilon), (m, s, top)


@rule("its first argument is changed|in place", Adam())
def adam_that_changes_its_state(self, g, state, w, t, lr):
    m, s = state
    m *= self.beta_1
    m += (1 - self.beta_1) * g
    s *= self.beta_2
    s += (1 - self.beta_2) * g * g
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("np.sqrt(2.0)", Adam())
def adam_that_turns_float32_into_float64(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    rate = lr * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
    return rate * m / (np.sqrt(s) + self.epsilon), (m, s)


@rule("a counter of its own", Adam())
def adam_with_its_own_counter(self, g, state, w, t, lr):
    self.count = 1 if t == 1 else getattr(self, "count", t - 1) + 1
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, self.count)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("one for all weights", Adam())
def adam_with_a_norm(self, g, state, w, t, lr):
    m, _ = self.averages(g, state)
    s = self.beta_2 * state[1] + (1 - self.beta_2) * np.sum(g * g)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("added to the gradient", AdamW(weight_decay=0.01))
def adamw_with_an_l2_penalty(self, g, state, w, t, lr):
    m, s = self.averages(g + 0.01 * w, state)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


@rule("weights grow", AdamW(weight_decay=0.01))
def adamw_that_grows(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * (m_hat / (np.sqrt(s_hat) + self.epsilon) - 0.01 * w), (m, s)


@rule("absolute value", AdaMax())
def adamax_without_the_absolute_value(self, g, state, w, t, lr):
    m, _ = self.averages(g, state)
    s = np.maximum(self.beta_2 * state[1], g)
    return lr / (1 - self.beta_1**t) * m / (s + self.epsilon), (m, s)


@rule("look-ahead is missing", Nadam())
def nadam_without_nesterov(self, g, state, w, t, lr):
    m, s = self.averages(g, state)
    m_hat, s_hat = self.hats(m, s, t)
    return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


class Accumulator(Reader):
    def init(self, w):
        return (np.zeros_like(w),)


@rule("rho and 1 - rho are swapped", RMSProp(), Accumulator)
def rmsprop_with_the_shares_swapped(self, g, state, w, t, lr):
    s = 0.1 * state[0] + 0.9 * g**2
    return lr * g / np.sqrt(s + self.epsilon), (s,)


@rule("lacks its square root", RMSProp(), Accumulator)
def rmsprop_without_the_root(self, g, state, w, t, lr):
    s = 0.9 * state[0] + 0.1 * g**2
    return lr * g / (s + self.epsilon), (s,)


@rule("it is a moving average", AdaGrad(initial_accumulator_value=0.0), Accumulator)
def adagrad_that_forgets(self, g, state, w, t, lr):
    s = 0.9 * state[0] + 0.1 * g**2
    return lr * g / np.sqrt(s + self.epsilon), (s,)


@rule("dampening", Momentum(), Accumulator)
def momentum_with_dampening(self, g, state, w, t, lr):
    v = 0.9 * state[0] + 0.1 * g
    return lr * v, (v,)


@rule("wrong sign", Momentum(), Accumulator)
def momentum_that_climbs(self, g, state, w, t, lr):
    v = 0.9 * state[0] - lr * g
    return v, (v,)


@rule("not kept", Momentum(), Accumulator)
def momentum_that_forgets(self, g, state, w, t, lr):
    v = 0.9 * state[0] + lr * g
    return v, state


@rule("plain momentum", Nesterov(), Accumulator)
def nesterov_that_is_momentum(self, g, state, w, t, lr):
    v = 0.9 * state[0] - lr * g
    return -v, (v,)


@rule("it was given momentum", GradientDescent(), Accumulator)
def sgd_given_momentum(self, g, state, w, t, lr):
    v = 0.9 * state[0] - lr * g
    return -v, (v,)


@rule("new weights, not the step", GradientDescent(), Accumulator)
def sgd_that_returns_the_weights(self, g, state, w, t, lr):
    return w - lr * g, state


@rule("in place", GradientDescent(), Accumulator)
def sgd_that_changes_the_weights(self, g, state, w, t, lr):
    w -= lr * g
    return lr * g, state


# --- Schedules


def planted_schedule(fragment, like):
    return planted(check.schedule, fragment, like=like)


@planted_schedule("stairs", ExponentialDecay(0.01, 20))
def exponential_in_stairs(step):
    return 0.01 * 0.1 ** (step // 20)


@planted_schedule("steps is missing", ExponentialDecay(0.01, 20))
def exponential_in_every_step(step):
    return 0.01 * 0.1**step


@planted_schedule("counted from 1", PowerDecay(0.01, 20))
def power_one_step_late(step):
    return 0.01 / (1 + (step - 1) / 20)


class Mutating:
    """A schedule that multiplies its own rate, as its caller may draw it only once."""

    __name__ = "exponential_that_mutates_itself"
    rate = 0.01

    def __call__(self, step):
        if step:
            self.rate *= 0.1 ** (1 / 20)
        return self.rate


planted_schedule("changes itself", ExponentialDecay(0.01, 20))(Mutating())


@planted_schedule("whole period", CosineDecay(0.1, 100))
def cosine_of_a_whole_period(step):
    return 0.05 * (1 + math.cos(2 * math.pi * min(step, 100) / 100))


@planted_schedule("subtract the ramp", LinearWarmup(CosineDecay(0.1, 90), 10))
def warmup_before_a_schedule_that_went_on(step):
    after = 0.05 * (1 + math.cos(math.pi * min(step, 90) / 90))
    return 0.1 * step / 10 if step < 10 else after


@planted_schedule("last part", OneCycle(0.01, 0.1, 101))
def one_cycle_without_its_end(step):
    return float(np.interp(step, [0, 50, 100], [0.01, 0.1, 0.01]))


@planted_schedule("steps - 1, not steps", OneCycle(0.01, 0.1, 101))
def one_cycle_one_step_too_long(step):
    return float(np.interp(step, [0, 45.45, 90.9, 101], [0.01, 0.1, 0.01, 0.01 / 1000]))


@planted_schedule("from the one before", PiecewiseConstant([4, 14, 20], [8.0, 4.0, 2.0, 1.0]))
def piecewise_by_durations(step):
    for duration, value in ((4, 8.0), (14, 4.0), (20, 2.0)):
        if step <= duration:
            return value
        step -= duration
    return 1.0


class LastLoss:
    """Performance scheduling that compares with the measurement before."""

    __name__ = "plateau_that_compares_with_the_last_loss"

    def init(self):
        return 0.1, math.inf, 0

    def update(self, state, loss):
        rate, last, wait = state
        wait = 0 if loss < last - 1e-4 else wait + 1
        if wait >= 3:
            rate, wait = 0.5 * rate, 0
        return rate, (rate, loss, wait)


planted_schedule("not with the best one", ReduceOnPlateau(0.1, 0.5, 3))(LastLoss())


# --- Clipping


@planted(check.clipping, "from above only", like="clip_by_value")
def clip_from_above(g, limit):
    return np.minimum(g, limit)


@planted(check.clipping, "scale only what exceeds it", like="clip_by_norm")
def clip_always(g, limit):
    return g * limit / np.linalg.norm(g)


@planted(check.clipping, "lacks its square root", like="clip_by_norm")
def clip_by_the_squared_norm(g, limit):
    norm = np.sum(g**2)
    return g * limit / norm if norm > limit else g


@planted(check.clipping, "each row or column", like="clip_by_norm")
def clip_each_column(g, limit):
    norm = np.linalg.norm(g, axis=0, keepdims=True)
    return g * np.minimum(1, limit / norm)


@planted(check.clipping, "own norm", like="clip_by_global_norm")
def clip_each_by_its_own_norm(gradients, limit):
    return [g * min(1, limit / np.sqrt(np.sum(g**2))) for g in gradients]


@planted(check.clipping, "norms are added", like="clip_by_global_norm")
def clip_by_the_sum_of_norms(gradients, limit):
    total = sum(np.linalg.norm(g) for g in gradients)
    return [g * min(1, limit / total) for g in gradients]


@planted(check.clipping, "in place", like="clip_by_global_norm")
def clip_in_place(gradients, limit):
    total = np.sqrt(sum(np.sum(g**2) for g in gradients))
    if total > limit:
        for g in gradients:
            g *= limit / total
    return gradients


# --- Dropout


@planted(check.dropout, "1 / rate instead of 1 / (1 - rate)", like="dropout")
def dropout_divided_by_the_rate(x, mask, rate):
    return x * mask / rate


@planted(check.dropout, "mask is missing", like="dropout")
def dropout_backward_without_the_mask(dy, mask, rate):
    return dy / (1 - rate)


@planted(check.dropout, "wrong way round", like="dropout")
def dropout_with_the_inverted_mask(x, mask, rate):
    return np.where(mask, 0, x / (1 - rate))


@planted(check.dropout, "scaled by 1 - rate in training", like="dropout")
def dropout_that_shrinks_twice(x, mask, rate):
    return x * mask * (1 - rate)


@planted(check.dropout, "random numbers that are not in its arguments", like="dropout")
def dropout_with_a_mask_of_its_own(x, mask, rate, rng=np.random.default_rng(0)):  # noqa: B008
    return dropout(x, rng.random(x.shape) >= rate, rate)


@planted(check.dropout, "probability rate instead of 1 - rate", like="dropout_mask")
def mask_with_the_wrong_share(rng, shape, rate):
    return rng.random(shape) < rate


@planted(check.dropout, "whole rows or columns", like="dropout_mask")
def mask_of_whole_columns(rng, shape, rate):
    return np.broadcast_to(rng.random(shape[-1]) >= rate, shape)


@planted(check.dropout, "a and b are missing", like="alpha_dropout")
def alpha_dropout_without_a_and_b(x, mask, rate):
    return np.where(mask, x, selu(np.array([-1e4]))).astype(x.dtype)


@planted(check.dropout, "it is plain dropout", like="alpha_dropout")
def alpha_dropout_that_is_dropout(x, mask, rate):
    return dropout(x, mask, rate)


@planted(check.dropout, "mask is missing", like="alpha_dropout_grad")
def alpha_dropout_backward_without_the_mask(dy, mask, rate):
    floor = -1.7580993408473766
    return dy * ((1 - rate) * (1 + rate * floor**2)) ** -0.5


# --- Batch normalization


def normalize(x, gamma, beta, axes, epsilon):
    std = np.sqrt(x.var(axes, keepdims=True) + epsilon)
    x_hat = (x - x.mean(axes, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, axes)


def backward_of(dy, cache):
    x_hat, std, gamma, axes = cache
    dx = dy - dy.mean(axes, keepdims=True) - x_hat * (dy * x_hat).mean(axes, keepdims=True)
    return gamma / std * dx, (dy * x_hat).sum(axes), dy.sum(axes)


def forward_only(forward):
    return check.batch_norm(forward, backward_of)


def backward_only(backward):
    def forward(x, gamma, beta, *, epsilon):
        return normalize(x, gamma, beta, tuple(range(x.ndim - 1)), epsilon)

    return check.batch_norm(forward, backward)


@planted(forward_only, "layer normalization")
def batch_norm_over_the_features(x, gamma, beta, *, epsilon):
    return normalize(x, gamma, beta, (x.ndim - 1,), epsilon)


@planted(forward_only, "each pixel")
def batch_norm_of_each_pixel(x, gamma, beta, *, epsilon):
    return normalize(x, gamma, beta, (0,), epsilon)


@planted(forward_only, "over all of them")
def batch_norm_over_everything(x, gamma, beta, *, epsilon):
    return normalize(x, gamma, beta, tuple(range(x.ndim)), epsilon)


@planted(forward_only, "added to the standard deviation")
def batch_norm_with_epsilon_outside(x, gamma, beta, *, epsilon):
    axes = tuple(range(x.ndim - 1))
    std = x.std(axes, keepdims=True) + epsilon
    x_hat = (x - x.mean(axes, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, axes)


@planted(forward_only, "digits are lost")
def batch_norm_by_a_difference_of_squares(x, gamma, beta, *, epsilon):
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes, keepdims=True)
    variance = np.maximum((x**2).mean(axes, keepdims=True) - mean**2, 0)
    std = np.sqrt(variance + epsilon)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, axes)


@planted(backward_only, "a test whose upstream gradient is ones hides it")
def batch_norm_backward_without_the_variance(dy, cache):
    x_hat, std, gamma, axes = cache
    dx = gamma / std * (dy - dy.mean(axes, keepdims=True))
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@planted(backward_only, "taken for constants")
def batch_norm_backward_with_constant_statistics(dy, cache):
    x_hat, std, gamma, axes = cache
    return gamma / std * dy, (dy * x_hat).sum(axes), dy.sum(axes)


@planted(backward_only, "the mean over the batch, not the sum")
def batch_norm_backward_with_means(dy, cache):
    x_hat, _, _, axes = cache
    return backward_of(dy, cache)[0], (dy * x_hat).mean(axes), dy.mean(axes)


@planted(backward_only, "1 / n is missing")
def batch_norm_backward_with_sums(dy, cache):
    x_hat, std, gamma, axes = cache
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    return gamma / std * (dy - dbeta - x_hat * dgamma), dgamma, dbeta


def after_training(**functions):
    return check.batch_norm(bn.batch_norm, bn.batch_norm_backward, **functions)


@planted(lambda f: after_training(inference=f), "taken for a standard deviation")
def batch_norm_inference_by_the_variance(x, gamma, beta, mean, variance, *, epsilon):
    return gamma * (x - mean) / (variance + epsilon) + beta


@planted(lambda f: after_training(inference=f), "batch's statistics are used")
def batch_norm_inference_by_the_batch(x, gamma, beta, mean, variance, *, epsilon):
    return bn.batch_norm(x, gamma, beta, epsilon=epsilon)[0]


@planted(lambda f: after_training(update_moving=f), "not weighted by 1 - momentum")
def moving_sum(moving, batch, momentum):
    return momentum * moving + batch


# ------------------------------------------------------------------------------------------------
# Correct: other formulations, conventions, slower code


@correct(check.activation, None, f_grad=lambda z: 0.25 / np.cosh(z / 2) ** 2, like="sigmoid")
def sigmoid_by_tanh(z):
    return 0.5 + 0.5 * np.tanh(0.5 * z)


CORRECT[-1] = (
    "sigmoid_by_tanh",
    lambda: check.activation(
        sigmoid_by_tanh, lambda z: sigmoid_by_tanh(z) * (1 - sigmoid_by_tanh(z)), "sigmoid"
    ),
    None,
)


def gelu_number_by_number(z):
    values = [x * (1 + math.erf(x / 2**0.5)) / 2 for x in z.ravel().tolist()]
    return np.array(values, z.dtype).reshape(z.shape)


def gelu_grad_number_by_number(z):
    def slope(x):
        density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return (1 + math.erf(x / 2**0.5)) / 2 + x * density

    return np.array([slope(x) for x in z.ravel().tolist()], z.dtype).reshape(z.shape)


correct(check.activation, None, f_grad=gelu_grad_number_by_number, like="gelu")(
    gelu_number_by_number
)


@correct(
    check.activation,
    '"tanh" approximation',
    f_grad=lambda z: gelu_grad(z, "tanh"),
    like="gelu",
)
def gelu_by_tanh(z):
    return 0.5 * z * (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3)))


@correct(
    check.activation,
    "Keras's layer",
    f_grad=lambda z, alpha=0.3: np.where(z > 0, np.ones_like(z), alpha),
    like="leaky_relu",
)
def leaky_relu_with_keras_slope(z, alpha=0.3):
    return np.maximum(alpha * z, z)


@correct(
    check.activation,
    "at the kink",
    f_grad=lambda z: np.heaviside(z, np.ones_like(z)),
    like="relu",
)
def relu_with_slope_one_at_the_kink(z):
    return (abs(z) + z) / 2


@correct(check.activation, "rounded", f_grad=None, like="selu")
def selu_with_rounded_constants(z, scale=1.0507, alpha=1.6733):
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


@correct(check.initializer, "not truncated", like="he_normal")
def he_as_in_pytorch(rng, shape):
    return rng.normal(0, math.sqrt(2 / math.prod(shape[:-1])), shape).astype(np.float32)


@correct(check.initializer, None, like="he_normal")
def he_by_rejection(rng, shape, *, dtype=np.float32):
    draws = rng.standard_normal(4 * math.prod(shape))
    kept = draws[abs(draws) < 2][: math.prod(shape)].reshape(shape)
    return (kept * math.sqrt(2 / math.prod(shape[:-1])) / 0.8796256610342398).astype(dtype)


@correct(check.initializer, None, like="glorot_uniform")
def glorot_by_stretching(rng, shape):
    fan_in, fan_out = (math.prod(shape[:-2]) * n for n in shape[-2:])
    return (2 * rng.random(shape) - 1) * math.sqrt(6 / (fan_in + fan_out))


@correct(check.initializer, None, like="orthogonal")
def orthogonal_by_singular_vectors(rng, shape):
    u, _, vt = np.linalg.svd(
        rng.standard_normal((math.prod(shape[:-1]), shape[-1])), full_matrices=False
    )
    return (u @ vt).reshape(shape)


class PapersAdam(Reader):
    def update(self, g, state, w, t, lr):
        m, s = self.averages(g, state)
        m_hat, s_hat = self.hats(m, s, t)
        return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


class PyTorchAdam(PapersAdam):
    epsilon = 1e-8


class KerasAdam(Reader):
    """The averages by differences, as in Keras, and a list as the state."""

    def update(self, g, state, w, t, lr):
        m, s = state
        m = m + (g - m) * (1 - self.beta_1)
        s = s + (np.square(g) - s) * (1 - self.beta_2)
        alpha = lr * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return m * alpha / (np.sqrt(s) + self.epsilon), [m, s]


class SlowAdam(Reader):
    """Weight by weight."""

    def update(self, g, state, w, t, lr):
        m, s = (np.empty_like(w) for _ in range(2))
        step = np.empty_like(w)
        for i in np.ndindex(w.shape):
            m[i] = self.beta_1 * state[0][i] + (1 - self.beta_1) * g[i]
            s[i] = self.beta_2 * state[1][i] + (1 - self.beta_2) * g[i] ** 2
            rate = lr * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
            step[i] = rate * m[i] / (math.sqrt(s[i]) + self.epsilon)
        return step, (m, s)


class PyTorchAdamW(PapersAdam):
    def update(self, g, state, w, t, lr):
        step, state = super().update(g, state, w, t, lr)
        return step + lr * 0.01 * w, state


class PyTorchMomentum(Accumulator):
    def update(self, g, state, w, t, lr):
        v = 0.9 * state[0] + g
        return lr * v, (v,)


class PyTorchNesterov(Accumulator):
    def update(self, g, state, w, t, lr):
        v = 0.9 * state[0] + g
        return lr * (g + 0.9 * v), (v,)


class PyTorchRMSProp(Accumulator):
    def update(self, g, state, w, t, lr):
        s = 0.9 * state[0] + 0.1 * g * g
        return lr * g / (np.sqrt(s) + 1e-8), (s,)


class PyTorchAdaGrad(Accumulator):
    def update(self, g, state, w, t, lr):
        s = state[0] + g * g
        return lr * g / (np.sqrt(s) + 1e-10), (s,)


class PyTorchAdaMax(Reader):
    def update(self, g, state, w, t, lr):
        m, _ = self.averages(g, state)
        s = np.maximum(self.beta_2 * state[1], abs(g) + self.epsilon)
        return lr * m / (1 - self.beta_1**t) / s, (m, s)


class TextbookNadam(Reader):
    def update(self, g, state, w, t, lr):
        m, s = self.averages(g, state)
        m_hat = self.beta_1 * m / (1 - self.beta_1 ** (t + 1)) + 0.1 * g / (1 - self.beta_1**t)
        s_hat = s / (1 - self.beta_2**t)
        return lr * m_hat / (np.sqrt(s_hat) + self.epsilon), (m, s)


for kind, like, remark in (
    (PapersAdam, Adam(), "the paper's epsilon"),
    (PyTorchAdam, Adam(), "epsilon is 1e-08"),
    (KerasAdam, Adam(), None),
    (SlowAdam, Adam(), None),
    (PyTorchAdamW, AdamW(weight_decay=0.01), "the paper's epsilon"),
    (PyTorchMomentum, Momentum(), "PyTorch's momentum"),
    (PyTorchNesterov, Nesterov(), "PyTorch's momentum"),
    (PyTorchRMSProp, RMSProp(), "PyTorch's epsilon"),
    (PyTorchAdaGrad, AdaGrad(), "starts at 0"),
    (PyTorchAdaMax, AdaMax(), "within the maximum"),
    (TextbookNadam, Nadam(), "no warm-up"),
):
    CORRECT.append((kind.__name__, partial(check.optimizer, kind(), like), remark))


@correct(check.schedule, None, like=ExponentialDecay(0.01, 20))
def exponential_by_the_exponential(step):
    return 0.01 * math.exp(math.log(0.1) * step / 20)


@correct(check.schedule, "MultiStepLR", like=PiecewiseConstant([4, 14], [1.0, 0.5, 0.25]))
def piecewise_as_in_pytorch(step):
    return 1.0 if step < 4 else 0.5 if step < 14 else 0.25


@correct(check.schedule, "CosineAnnealingLR", like=CosineDecay(0.1, 100))
def cosine_as_in_pytorch(step):
    return 0.1 * (1 + np.cos(np.pi * step / 100)) / 2


class PatientPlateau(LastLoss):
    """PyTorch's, with its relative threshold."""

    __name__ = "plateau_as_in_pytorch"

    def update(self, state, loss):
        rate, best, bad = state
        best, bad = (loss, 0) if loss < best * (1 - 1e-4) else (best, bad + 1)
        if bad > 3:
            rate, bad = 0.5 * rate, 0
        return rate, (rate, best, bad)


correct(check.schedule, "one measurement more patient", like=ReduceOnPlateau(0.1, 0.5, 3))(
    PatientPlateau()
)


@correct(check.clipping, None, like="clip_by_norm")
def clip_by_norm_with_a_branch(g, limit):
    norm = np.sqrt((g * g).sum())
    if norm <= limit:
        return g
    return g / norm * limit


@correct(check.clipping, "1e-6", like="clip_by_global_norm")
def clip_as_in_pytorch(gradients, limit):
    total = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    return tuple(g * min(1.0, limit / (total + 1e-6)) for g in gradients)


@correct(check.dropout, "the papers' dropout", like="dropout")
def dropout_of_the_paper(x, mask, rate):
    return x * mask


@correct(check.dropout, None, like="dropout")
def dropout_by_indices(x, mask, rate):
    y = np.zeros_like(x)
    y[mask] = x[mask] / (1 - rate)
    return y


@correct(check.dropout, "numbers 0 and 1", like="dropout_mask")
def mask_of_numbers(rng, shape, rate):
    return rng.binomial(1, 1 - rate, size=shape).astype(np.float32)


def graph_forward(x, gamma, beta, *, epsilon=1e-5):
    """Batch normalization step by step, as a computational graph."""
    flat = x.reshape(-1, x.shape[-1])
    mean = flat.sum(0) / len(flat)
    centred = flat - mean
    variance = (centred**2).sum(0) / len(flat)
    root = np.sqrt(variance + epsilon)
    x_hat = centred / root
    y = (gamma * x_hat + beta).reshape(x.shape)
    return y, {"centred": centred, "root": root, "gamma": gamma, "x_hat": x_hat, "shape": x.shape}


def graph_backward(dy, cache):
    centred, root, shape = cache["centred"], cache["root"], cache["shape"]
    dy = dy.reshape(centred.shape)
    dx_hat = dy * cache["gamma"]
    droot = -(dx_hat * centred).sum(0) / root**2
    dvariance = droot / (2 * root)
    dcentred = dx_hat / root + 2 * centred * dvariance / len(dy)
    dx = dcentred - dcentred.mean(0)
    return dx.reshape(shape), (dy * cache["x_hat"]).sum(0), dy.sum(0)


correct(check.batch_norm, None, graph_backward)(graph_forward)


def channels_second(x, gamma, beta, *, epsilon):
    """Batch normalization of (instances, channels, ...)."""
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y, cache = normalize(x, gamma.reshape(shape), beta.reshape(shape), axes, epsilon)
    return y, cache


correct(check.batch_norm, "PyTorch's order of axes", backward_of)(channels_second)


def unbiased(x, gamma, beta, *, epsilon):
    axes = tuple(range(x.ndim - 1))
    std = np.sqrt(x.var(axes, ddof=1, keepdims=True) + epsilon)
    x_hat = (x - x.mean(axes, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, axes, x.size // gamma.size)


def unbiased_backward(dy, cache):
    x_hat, std, gamma, axes, n = cache
    along = (dy * x_hat).sum(axes, keepdims=True) / (n - 1)
    dx = gamma / std * (dy - dy.mean(axes, keepdims=True) - x_hat * along)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


correct(check.batch_norm, "unbiased variance", unbiased_backward)(unbiased)


@correct(lambda f: after_training(update_moving=f), "PyTorch's momentum")
def moving_average_as_in_pytorch(moving, batch, momentum):
    return moving + momentum * (batch - moving)
