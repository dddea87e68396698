"""Every error that a docstring announces is raised, and says what was expected and what came."""

import math
from functools import partial

import numpy as np
import pytest
from public import announced, public

from companion import check, fused, initializers
from companion.activations import gelu, gelu_grad, rrelu_slopes
from companion.batch_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    fold_batch_norm,
    update_moving,
)
from companion.clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from companion.constraints import max_norm, soft_threshold
from companion.dropout import (
    alpha_dropout,
    alpha_dropout_grad,
    dropout,
    dropout_mask,
    mc_predict,
)
from companion.initializers import fans, orthogonal, variance_scaling
from companion.network import (
    Activation,
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    EarlyStopping,
    LearningRateScheduler,
    PReLU,
    ReduceLROnPlateau,
    Sequential,
    SimpleRNN,
    Swish,
    load,
)
from companion.network.pretraining import (
    RestrictedBoltzmannMachine,
    autoencoder,
    encoder,
    greedy_layerwise,
    initialize_from,
)
from companion.network.saving import save
from companion.optimizers import (
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    RMSProp,
)
from companion.regularizers import l1, l1_grad, l2, l2_grad
from companion.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    PiecewiseConstant,
    PowerDecay,
    ReduceOnPlateau,
)

RNG = np.random.default_rng(0)
X, ONE = np.ones((4, 3)), np.ones(3)
LABELS = np.array([0, 1, 2, 0])
MASK = np.ones((4, 3), bool)
BITS = np.eye(3)


def small(*layers):
    """Return a network with three inputs and, unless told otherwise, three classes."""
    return Sequential(layers or (Dense(3, "softmax"),), (3,), np.random.default_rng(0))


def fit(*callbacks, rate=0.1, y=LABELS, **settings):
    rate = rate if isinstance(rate, Optimizer) else Optimizer(GradientDescent(), rate)
    return small().fit(X, y, optimizer=rate, **{"epochs": 1, "callbacks": callbacks, **settings})


def machine():
    return RestrictedBoltzmannMachine(3, 2, np.random.default_rng(0))


def fit_machine(v=BITS, **settings):
    rng, optimizer = np.random.default_rng(0), Optimizer(GradientDescent(), 0.1)
    return machine().fit(v, **{"optimizer": optimizer, "epochs": 1, "rng": rng, **settings})


def encode(x, units, rng):
    return encoder(autoencoder((x.shape[1], units), rng))


def other_weights(other):
    optimizer = Optimizer(Momentum(), 0.1)
    optimizer.step(np.ones(3), np.ones(3))
    optimizer.step(other, other)


def own_initializer(rng, shape, *, dtype):
    return np.zeros(shape, dtype)


# For each public name of which a docstring announces errors, and for each condition that it
# names: a call, the error, and a pattern of its message.

NOT_RNG = r"rng must be a numpy.random.Generator; received rng="
NOT_A_SHAPE = r"shape must be a sequence of non-negative integers; received shape="
NOT_FLOATING = r"dtype must be a floating type; received dtype="
APPROXIMATION = r'approximation must be None, "tanh" or "sigmoid"; received approximation='
BOUNDS = r"lower and upper must satisfy 0 <= lower <= upper < 1; received "

ERRORS = {
    # ---- activations
    "activations.gelu": [(lambda: gelu(ONE, "erf"), ValueError, APPROXIMATION + "'erf'")],
    "activations.gelu_grad": [(lambda: gelu_grad(ONE, True), ValueError, APPROXIMATION + "True")],
    "activations.rrelu_slopes": [
        (lambda: rrelu_slopes(0, (2,)), TypeError, NOT_RNG + "0"),
        (lambda: rrelu_slopes(RNG, (2,), 0.5, 0.25), ValueError, BOUNDS + "0.5 and 0.25"),
        (lambda: rrelu_slopes(RNG, (2,), -0.1), ValueError, BOUNDS + "-0.1"),
        (lambda: rrelu_slopes(RNG, (2,), 0.1, 1.0), ValueError, BOUNDS + "0.1 and 1.0"),
        (lambda: rrelu_slopes(RNG, (2,), 0.1, math.nan), ValueError, BOUNDS + "0.1 and nan"),
    ],
    # ---- initializers
    "initializers.fans": [
        (lambda: fans((3, -1)), ValueError, NOT_A_SHAPE + r"\(3, -1\)"),
        (lambda: fans((3.0, 2)), ValueError, NOT_A_SHAPE + r"\(3.0, 2\)"),
        (lambda: fans(5), ValueError, NOT_A_SHAPE + "5"),
        (lambda: fans("34"), ValueError, NOT_A_SHAPE + "'34'"),
    ],
    "initializers.variance_scaling": [
        (
            lambda scale=scale: variance_scaling(RNG, (3, 2), scale=scale),
            ValueError,
            f"scale must be positive and finite; received scale={scale}",
        )
        for scale in (0, -1.0, math.nan, math.inf)
    ]
    + [
        (
            lambda: variance_scaling(RNG, (3, 2), mode="fan_sum"),
            ValueError,
            "mode must be one of fan_in, fan_out, fan_avg; received mode='fan_sum'",
        ),
        (
            lambda: variance_scaling(RNG, (3, 2), distribution="normal"),
            ValueError,
            "distribution must be one of truncated_normal, untruncated_normal, uniform; "
            "received distribution='normal'",
        ),
        (lambda: variance_scaling(RNG, (3, -1)), ValueError, NOT_A_SHAPE),
        (lambda: variance_scaling(np.random.RandomState(0), (3, 2)), TypeError, NOT_RNG),
        (lambda: variance_scaling(RNG, (3, 2), dtype="complex64"), TypeError, NOT_FLOATING),
    ],
    **{
        f"initializers.{name}": [
            (partial(getattr(initializers, name), RNG, (3, -1)), ValueError, NOT_A_SHAPE),
            (partial(getattr(initializers, name), 42, (3, 2)), TypeError, NOT_RNG + "42"),
            (
                partial(getattr(initializers, name), RNG, (3, 2), dtype=np.int64),
                TypeError,
                NOT_FLOATING + "<class 'numpy.int64'>",
            ),
        ]
        for name in (
            *("glorot_normal", "glorot_uniform", "he_normal"),
            *("he_uniform", "lecun_normal", "lecun_uniform"),
        )
    },
    "initializers.orthogonal": [
        (lambda: orthogonal(RNG, (3, -1)), ValueError, NOT_A_SHAPE),
        (
            lambda: orthogonal(RNG, (3,)),
            ValueError,
            r"shape must have at least two axes; received shape=\(3,\)",
        ),
        (lambda: orthogonal(RNG, (3, 3), gain=0.0), ValueError, "gain must be .*; .*gain=0.0"),
        (lambda: orthogonal(RNG, (3, 3), gain=math.inf), ValueError, "received gain=inf"),
        (lambda: orthogonal(np.random, (3, 2)), TypeError, NOT_RNG),
        (lambda: orthogonal(RNG, (3, 2), dtype=bool), TypeError, NOT_FLOATING),
    ],
    # ---- batch normalization
    "batch_norm.batch_norm": [
        (lambda: batch_norm(ONE, ONE, ONE), ValueError, r"at least 2 dim.*; received .*\(3,\)"),
        (lambda: batch_norm(X, ONE, ONE, axis=2), ValueError, r"axis must be in \[-2, 2\); .*=2"),
        (lambda: batch_norm(X, np.ones(4), ONE), ValueError, r"gamma must .* 3 .*; .*\(4,\)"),
        (lambda: batch_norm(X, ONE, np.ones((1, 3))), ValueError, r"beta must .*; .*\(1, 3\)"),
        (lambda: batch_norm(X, ONE, ONE, axis=0), ValueError, r"gamma must .* 4 .* \(axis 0\)"),
        (lambda: batch_norm(X[:0], ONE, ONE), ValueError, r"one instance; received .*\(0, 3\)"),
        (lambda: batch_norm(X, ONE, ONE, epsilon=-1), ValueError, "epsilon must .*epsilon=-1"),
    ],
    "batch_norm.batch_norm_backward": [
        (
            lambda: batch_norm_backward(X[:2], batch_norm(X, ONE, ONE)[1]),
            ValueError,
            r"dy must be shaped like the batch, \(4, 3\); received \(2, 3\)",
        ),
    ],
    "batch_norm.batch_norm_inference": [
        (
            lambda: batch_norm_inference(X, ONE, ONE, ONE, -ONE),
            ValueError,
            r"moving_variance must be non-negative; received a minimum of -1\.0",
        ),
        (
            lambda: batch_norm_inference(X, ONE, ONE, np.ones(1), ONE),
            ValueError,
            r"moving_mean must .*; received shape \(1,\)",
        ),
        (
            lambda: batch_norm_inference(X, ONE, ONE, ONE, ONE, axis=-3),
            ValueError,
            r"axis must be in \[-2, 2\); received axis=-3",
        ),
        (
            lambda: batch_norm_inference(X, ONE, ONE, ONE, ONE, epsilon=math.inf),
            ValueError,
            "epsilon must be non-negative and finite; received epsilon=inf",
        ),
    ],
    "batch_norm.update_moving": [
        (lambda: update_moving(ONE, ONE, 1.5), ValueError, r"in \[0, 1\]; .*momentum=1\.5"),
        (lambda: update_moving(ONE, np.ones(2)), ValueError, r"shape; received \(3,\) and \(2,\)"),
    ],
    "batch_norm.fold_batch_norm": [
        (
            lambda: fold_batch_norm(X, np.ones(4), ONE, ONE, ONE, ONE),
            ValueError,
            r"b must .*; received shape \(4,\)",
        ),
        (
            lambda: fold_batch_norm(X, ONE, ONE, ONE, ONE, -ONE),
            ValueError,
            "moving_variance must be non-negative",
        ),
        (
            lambda: fold_batch_norm(X, ONE, ONE, ONE, ONE, ONE, epsilon=-1),
            ValueError,
            "epsilon must be non-negative",
        ),
    ],
    # ---- clipping, constraints, regularizers, dropout
    **{
        f"clipping.{clip.__name__}": [
            (
                partial(clip, argument, limit),
                ValueError,
                f"limit must be positive and finite; received limit={limit}",
            )
            for limit in (0.0, -1.0, math.inf, math.nan)
        ]
        for clip, argument in (
            (clip_by_value, ONE),
            (clip_by_norm, ONE),
            (clip_by_global_norm, [ONE]),
        )
    },
    "constraints.max_norm": [
        (partial(max_norm, X, limit), ValueError, f"limit must be positive; .*limit={limit}")
        for limit in (0.0, -1.0, math.nan)
    ],
    "constraints.soft_threshold": [
        (
            partial(soft_threshold, X, threshold),
            ValueError,
            f"threshold must be non-negative and finite; received threshold={threshold}",
        )
        for threshold in (-0.1, math.inf, math.nan)
    ],
    **{
        f"regularizers.{penalty.__name__}": [
            (
                partial(penalty, ONE, strength),
                ValueError,
                f"strength must be non-negative and finite; received strength={strength}",
            )
            for strength in (-0.1, math.inf, math.nan)
        ]
        for penalty in (l1, l1_grad, l2, l2_grad)
    },
    "dropout.dropout_mask": [
        (lambda: dropout_mask(RNG, 3, 1.5), ValueError, r"rate must be in \[0, 1\); .*rate=1.5"),
        (lambda: dropout_mask(0, 3, 0.5), TypeError, NOT_RNG + "0"),
    ],
    **{
        f"dropout.{function.__name__}": [
            (partial(function, X, MASK, 1), ValueError, r"rate must be in \[0, 1\); .*rate=1"),
            (partial(function, X, MASK, -0.1), ValueError, "received rate=-0.1"),
            (partial(function, X, MASK, math.nan), ValueError, "received rate=nan"),
            (partial(function, X, MASK[:1], 0.5), ValueError, r"\(4, 3\); received \(1, 3\)"),
            (partial(function, X, MASK[0], 0.5), ValueError, r"\(4, 3\); received \(3,\)"),
            (partial(function, X, MASK.T, 0.5), ValueError, r"\(4, 3\); received \(3, 4\)"),
        ]
        for function in (dropout, alpha_dropout, alpha_dropout_grad)
    },
    "dropout.mc_predict": [
        (lambda: mc_predict(np.sin, X, samples=0), ValueError, "samples must be .*; .*samples=0"),
        (lambda: mc_predict(np.sin, X, samples=2.5), TypeError, "an integer; .*=2.5"),
    ],
    # ---- optimizers
    "optimizers.Momentum": [
        (lambda: Momentum(1.5), ValueError, r"beta must be in \[0, 1\]; received beta=1.5"),
    ],
    "optimizers.Nesterov": [
        (lambda: Nesterov(-0.5), ValueError, r"beta must be in \[0, 1\]; received beta=-0.5"),
    ],
    "optimizers.AdaGrad": [
        (
            lambda: AdaGrad(-0.1),
            ValueError,
            "initial_accumulator_value must be non-negative and finite; received .*=-0.1",
        ),
        (lambda: AdaGrad(epsilon=0), ValueError, "epsilon must be positive and finite; .*=0.0"),
    ],
    "optimizers.RMSProp": [
        (lambda: RMSProp(rho=1), ValueError, r"rho must be in \[0, 1\); received rho=1.0"),
        (lambda: RMSProp(epsilon=-1), ValueError, "epsilon must be positive and finite; .*=-1.0"),
    ],
    **{
        f"optimizers.{rule.__name__}": [
            (partial(rule, beta_1=1), ValueError, r"beta_1 must be in \[0, 1\); .*beta_1=1.0"),
            (partial(rule, beta_2=math.nan), ValueError, r"beta_2 must be .*; .*beta_2=nan"),
            (partial(rule, epsilon=0), ValueError, "epsilon must be positive .*; .*epsilon=0.0"),
        ]
        for rule in (Adam, AdaMax, Nadam)
    },
    "optimizers.AdamW": [
        (
            lambda: AdamW(weight_decay=-1),
            ValueError,
            "weight_decay must be non-negative and finite; received weight_decay=-1.0",
        ),
        (lambda: AdamW(beta_1=-0.1), ValueError, "beta_1 must be .*; received beta_1=-0.1"),
    ],
    "optimizers.Optimizer": [
        (
            lambda: Optimizer(Adam(), -1.0),
            ValueError,
            "learning_rate must be non-negative and finite; received learning_rate=-1.0",
        ),
        (lambda: Optimizer(Adam(), math.inf), ValueError, "learning_rate must be .*=inf"),
        (
            lambda: Optimizer(Adam(), 1.0, schedules={"beta": abs}),
            ValueError,
            r"hyperparameters of Adam, \['beta_1', 'beta_2', 'epsilon'\]; received 'beta'",
        ),
    ],
    "optimizers.Optimizer.step": [
        (
            lambda weights=weights, gradient=gradient: Optimizer(Adam(), 1).step(weights, gradient),
            error,
            message,
        )
        for weights, gradient, error, message in [
            (ONE, np.ones(4), ValueError, r"gradient must .* \(3,\) float64; received \(4,\)"),
            (ONE, np.ones((3, 1)), ValueError, r"gradient must .*; received \(3, 1\)"),
            (ONE, np.ones(3, np.float32), ValueError, "gradient must .*; received .* float32"),
            (X.T, X.T, ValueError, "weights must be C-contiguous; received a strided view"),
            (LABELS, LABELS, TypeError, "weights must be an array of floats; received int64"),
            ([1.0], ONE, TypeError, "weights must be an array of floats; received list"),
        ]
    ]
    + [
        (
            partial(other_weights, other),
            ValueError,
            rf"state must have the weights' shape and dtype, .*; received \(3,\) {dtype}",
        )
        for other, dtype in [
            (np.ones(4), "float64"),
            (np.ones((3, 1)), "float64"),
            (np.ones(3, np.float32), "float64"),
        ]
    ]
    + [
        (
            lambda: Optimizer(Adam(), lambda step: -1).step(np.ones(1), np.ones(1)),
            ValueError,
            "learning_rate must be .*; received learning_rate=-1",
        ),
        (
            lambda: Optimizer(Momentum(), 1.0, schedules={"beta": lambda step: 2}).step(ONE, ONE),
            ValueError,
            r"beta must be in \[0, 1\]; received beta=2.0",
        ),
    ],
    "fused.trace": [
        (lambda: fused.trace(Sorting(), (), 1, 0.1), TypeError, "a request for the array's values"),
    ],
    # ---- schedules
    "schedules.PowerDecay": [
        (lambda: PowerDecay(0, 10), ValueError, "initial must be positive .*; .*initial=0"),
        (lambda: PowerDecay(0.1, -1), ValueError, "steps must be positive .*; .*steps=-1"),
        (lambda: PowerDecay(0.1, 10, -1), ValueError, "power must be non-negative .*power=-1"),
    ],
    "schedules.ExponentialDecay": [
        (lambda: ExponentialDecay(math.inf, 10), ValueError, "initial must be .*initial=inf"),
        (lambda: ExponentialDecay(0.1, 0), ValueError, "steps must be positive .*; .*steps=0"),
        (lambda: ExponentialDecay(0.1, 10, 0), ValueError, "rate must be positive .*; .*rate=0"),
    ],
    "schedules.PiecewiseConstant": [
        (
            lambda: PiecewiseConstant([1, 2], [1, 2]),
            ValueError,
            "values must be one more than boundaries; received 2 values and 2 boundaries",
        ),
        (
            lambda: PiecewiseConstant([2, 1], [1, 2, 3]),
            ValueError,
            r"boundaries must increase; received boundaries=\(2, 1\)",
        ),
        (lambda: PiecewiseConstant([1], [1, -2]), ValueError, "values must be .*; .*values=-2"),
    ],
    "schedules.OneCycle": [
        (lambda: OneCycle(0, 1, 10), ValueError, "initial must be positive .*; .*initial=0"),
        (lambda: OneCycle(1, -1, 10), ValueError, "peak must be non-negative .*; .*peak=-1"),
        (lambda: OneCycle(1, 2, 1), ValueError, "steps must be at least 2; received steps=1"),
        (lambda: OneCycle(1, 2, 10, final=-1), ValueError, "final must be .*; .*final=-1"),
        (lambda: OneCycle(1, 2, 10, last=1), ValueError, r"last must be in \(0, 1\); .*last=1"),
    ],
    "schedules.CosineDecay": [
        (lambda: CosineDecay(-1, 10), ValueError, "initial must be positive .*; .*initial=-1"),
        (lambda: CosineDecay(1, math.nan), ValueError, "steps must be positive .*; .*steps=nan"),
        (lambda: CosineDecay(1, 10, 1.5), ValueError, r"alpha must be in \[0, 1\]; .*alpha=1.5"),
    ],
    "schedules.LinearWarmup": [
        (lambda: LinearWarmup(abs, 0), ValueError, "steps must be positive .*; .*steps=0"),
        (lambda: LinearWarmup(abs, 5, -1), ValueError, "initial must be .*; .*initial=-1"),
    ],
    "schedules.ReduceOnPlateau": [
        (lambda: ReduceOnPlateau(0), ValueError, "initial must be positive .*; .*initial=0"),
        (lambda: ReduceOnPlateau(1, factor=1), ValueError, r"factor must be in \(0, 1\); .*=1"),
        (lambda: ReduceOnPlateau(1, patience=0), ValueError, "patience must be at least 1; .*=0"),
        (lambda: ReduceOnPlateau(1, min_delta=-1), ValueError, "min_delta must be .*; .*=-1"),
        (lambda: ReduceOnPlateau(1, cooldown=-1), ValueError, "cooldown must be .*; .*=-1"),
        (lambda: ReduceOnPlateau(1, minimum=-1), ValueError, "minimum must be .*; .*=-1"),
    ],
    # ---- the engine
    "network.layers.Activation": [
        (lambda: Activation("rleu"), ValueError, "function of companion.activations.*'rleu'"),
        (lambda: Activation(np.sin), ValueError, "with a derivative in .*; received sin"),
        (
            lambda: small(Dense(3, "softmax"), Dense(3, "softmax")).differentiate(X, LABELS),
            ValueError,
            "expected softmax only as the output's activation; received it before",
        ),
    ],
    "network.layers.Dense": [
        (lambda: Dense(0), ValueError, "units must be a positive integer; received units=0"),
        (lambda: Dense(2.5), ValueError, "units must be a positive integer; received units=2.5"),
        (lambda: Dense(1, initializer="he"), ValueError, "companion.initializers .*; .*'he'"),
        (lambda: Dense(1, regularizer="l3"), ValueError, "companion.regularizers .*; .*'l3'"),
        (lambda: Dense(1, constraint="norm"), ValueError, "companion.constraints .*; .*'norm'"),
    ],
    "network.recurrent.SimpleRNN": [
        (lambda: SimpleRNN(0), ValueError, "units must be a positive integer; received units=0"),
        (lambda: SimpleRNN(1, "than"), ValueError, "companion.activations .*; received 'than'"),
        (lambda: SimpleRNN(1, "softmax"), ValueError, "softmax"),
        (lambda: small(SimpleRNN(1)), ValueError, r"one sequence of vectors .*\(3,\)"),
    ],
    "network.layers.BatchNormalization": [
        (lambda: BatchNormalization(momentum=1), ValueError, r"in \[0, 1\); .*momentum=1"),
    ],
    "network.learned.PReLU": [(lambda: PReLU(math.inf), ValueError, "alpha must be .*=inf")],
    "network.learned.Swish": [(lambda: Swish(math.nan), ValueError, "beta must be finite; .*=nan")],
    **{
        f"network.noise.{layer.__name__}": [
            (partial(layer, rate), ValueError, rf"rate must be in \[0, 1\); received rate={rate}")
            for rate in (1, -0.1, math.nan, 10)
        ]
        for layer in (Dropout, AlphaDropout)
    },
    "network.model.Sequential": [
        (lambda: Sequential([Dense(1)], (2,), 0), TypeError, NOT_RNG + "0"),
        (lambda: Sequential([], (2,), RNG), ValueError, "expected at least one layer; received"),
        (lambda: small(*small().layers), ValueError, "expected a new layer; received Dense"),
        (lambda: small(*[Dropout(0.5)] * 2), ValueError, "expected a new layer; received Dropout"),
        (lambda: Sequential([Dense(1)], (2, 2), RNG), ValueError, r"put Flatten .*\(2, 2\)"),
    ],
    "network.model.Sequential.set_weights": [
        (lambda: small().set_weights([ONE]), ValueError, r"\[\(3, 3\), \(3,\)\]; .*\[\(3,\)\]"),
    ],
    "network.model.Sequential.loss": [
        (
            lambda: small(Dense(3, "relu")).evaluate(X, LABELS),
            ValueError,
            "one of softmax, sigmoid, linear at the output, to know the loss; received relu",
        ),
        (lambda: small(Dense(3), PReLU()).loss, ValueError, "to know the loss; received prelu"),
    ],
    "network.model.Sequential.predict": [
        (lambda: small().predict(X[:, :2]), ValueError, r"examples of shape .*; .*\(4, 2\)"),
        (lambda: small().predict(X[:0]), ValueError, r"n at least 1; received \(0, 3\)"),
    ],
    "network.model.Sequential.evaluate": [
        (lambda: small().evaluate(X[:, :2], LABELS), ValueError, r"examples of shape .*\(4, 2\)"),
        (lambda: small().evaluate(X, LABELS[:-1]), ValueError, "as many targets .* 4; received 3"),
    ],
    "network.model.Sequential.fit": [
        (lambda: fit(epochs=-1), ValueError, "epochs must be at least 0; received epochs=-1"),
        (lambda: fit(initial_epoch=-1), ValueError, "initial_epoch must be .*=-1"),
        (lambda: fit(batch_size=0), ValueError, "batch_size must be at least 1; .*batch_size=0"),
        (lambda: fit(y=LABELS[:2]), ValueError, "as many targets as examples, 4; received 2"),
        (lambda: fit(validation_data=(X[0], LABELS)), ValueError, r"examples .*; received \(3,\)"),
    ],
    "network.model.Sequential.save": [
        (
            lambda: small(Dense(3, "softmax", own_initializer)).save("nowhere"),
            ValueError,
            "expected a function, rule or schedule of the package, .*own_initializer",
        ),
    ],
    "network.saving.save": [
        (lambda: save("nowhere", small(Own())), ValueError, "expected layers of the package, .*"),
        (
            lambda: save("nowhere", small(), Optimizer(Adam(), lambda step: 0.1)),
            ValueError,
            "expected a function, rule or schedule of the package, .*lambda",
        ),
    ],
    "network.saving.load": [
        (lambda: load("nowhere"), FileNotFoundError, "nowhere"),
        (lambda: load(__file__), ValueError, r"expected a model saved by companion; .*\.py is not"),
    ],
    "network.training.EarlyStopping": [
        (lambda: EarlyStopping(patience=-1), ValueError, "patience must be .*; .*patience=-1"),
        (lambda: fit(EarlyStopping()), ValueError, "one of loss, accuracy.*; .*'val_loss'"),
    ],
    "network.training.LearningRateScheduler": [
        (
            lambda: fit(
                LearningRateScheduler(lambda epoch, rate: rate),
                rate=Optimizer(GradientDescent(), ExponentialDecay(0.1, 5)),
            ),
            TypeError,
            "LearningRateScheduler changes the optimizer's learning_rate, which must be a float; "
            "received ExponentialDecay",
        ),
        (
            lambda: fit(LearningRateScheduler(lambda epoch, rate: -rate)),
            ValueError,
            "learning_rate must be non-negative and finite; received learning_rate=-0.1",
        ),
    ],
    "network.training.ReduceLROnPlateau": [
        (lambda: ReduceLROnPlateau(factor=1.0), ValueError, r"factor must be in \(0, 1\); .*=1.0"),
        (lambda: ReduceLROnPlateau(patience=0), ValueError, "patience must be at least 1; .*=0"),
        (lambda: ReduceLROnPlateau(min_lr=-1), ValueError, "minimum must be non-negative .*=-1"),
        (lambda: ReduceLROnPlateau(cooldown=-1), ValueError, "cooldown must be non-neg.*=-1"),
        (
            lambda: fit(ReduceLROnPlateau("val_los")),
            ValueError,
            "monitor must be one of loss, accuracy.*; received 'val_los'",
        ),
        (
            lambda: fit(
                ReduceLROnPlateau("loss"),
                rate=Optimizer(GradientDescent(), ExponentialDecay(0.1, 5)),
            ),
            TypeError,
            "ReduceLROnPlateau changes the optimizer's learning_rate",
        ),
    ],
    "network.pretraining.RestrictedBoltzmannMachine": [
        (lambda: RestrictedBoltzmannMachine(2, 2, 0), TypeError, NOT_RNG + "0"),
        (lambda: RestrictedBoltzmannMachine(0, 2, RNG), ValueError, "visible must be .*visible=0"),
        (lambda: RestrictedBoltzmannMachine(2, 2.5, RNG), ValueError, "hidden must .*hidden=2.5"),
        *(
            (partial(call, machine()), ValueError, rf"shape \(n, {n}\); received \(4,\)")
            for call, n in [
                (lambda rbm: rbm.energy(np.ones(4), np.ones((1, 2))), 3),
                (lambda rbm: rbm.free_energy(np.ones(4)), 3),
                (lambda rbm: rbm.hidden_probabilities(np.ones(4)), 3),
                (lambda rbm: rbm.visible_probabilities(np.ones(4)), 2),
                (lambda rbm: rbm.gibbs_step(np.ones(4), RNG), 3),
                (lambda rbm: rbm.reconstruct(np.ones(4)), 3),
            ]
        ),
    ],
    "network.pretraining.RestrictedBoltzmannMachine.contrastive_divergence": [
        (lambda: machine().contrastive_divergence(BITS, RNG, k=0), ValueError, "k must be .*k=0"),
        (
            lambda: machine().contrastive_divergence(BITS[:, :2], RNG),
            ValueError,
            r"shape \(n, 3\); received \(3, 2\)",
        ),
    ],
    "network.pretraining.RestrictedBoltzmannMachine.fit": [
        (lambda: fit_machine(255 * BITS), ValueError, "values from 0.* to 255"),
        (lambda: fit_machine(BITS * math.nan), ValueError, "from nan to nan"),
        (lambda: fit_machine(validation_data=-BITS), ValueError, "from -1.* to"),
        (lambda: fit_machine(BITS[:0]), ValueError, "at least one example; received none"),
        (lambda: fit_machine(BITS[:, :2]), ValueError, r"shape \(n, 3\); received \(3, 2\)"),
        (lambda: fit_machine(epochs=-1), ValueError, "epochs must be at least 0; .*epochs=-1"),
        (lambda: fit_machine(batch_size=0), ValueError, "batch_size must .*batch_size=0"),
        (lambda: fit_machine(k=0), ValueError, "k must be at least 1; received k=0"),
    ],
    "network.pretraining.autoencoder": [
        (lambda: autoencoder((9,), RNG), ValueError, r"the input and the code; received \[9\]"),
        (
            lambda: autoencoder((9, 3), RNG, output="softmax"),
            ValueError,
            "output must be sigmoid or linear; received 'softmax'",
        ),
    ],
    "network.pretraining.encoder": [
        (lambda: encoder(small(Dense(4), Dense(2))), ValueError, "expected an autoencoder"),
        (lambda: encoder(small()), ValueError, "as many Dense layers"),
    ],
    "network.pretraining.greedy_layerwise": [
        (lambda: greedy_layerwise(BITS, (), encode, RNG), ValueError, "at least one layer; rec"),
        (
            lambda: greedy_layerwise(BITS, (4,), lambda x, n, rng: encode(x, 2, rng), RNG),
            ValueError,
            r"output of shape \(4,\); received",
        ),
    ],
    "network.pretraining.initialize_from": [
        (
            lambda: initialize_from(small(), autoencoder((3, 2), RNG).layers),
            ValueError,
            "at most 1 layers",
        ),
        (
            lambda: initialize_from(small(), encode(BITS, 2, RNG).layers),
            ValueError,
            r"layer 0.*\(3, 2\)",
        ),
    ],
    # ---- check
    "check.activation": [
        (lambda: check.activation(np.tanh, None, "tangent"), ValueError, "sigmoid.*'tangent'"),
        (lambda: check.activation(np.exp, np.exp, "softmax"), ValueError, "f_grad must be None"),
    ],
    "check.initializer": [
        (lambda: check.initializer(np.ones, "he"), ValueError, "one of glorot_normal.*'he'"),
    ],
    "check.clipping": [
        (lambda: check.clipping(np.clip, "clip"), ValueError, "one of clip_by_value.*'clip'"),
    ],
    "check.dropout": [(lambda: check.dropout(np.clip, 0.5), ValueError, "one of dropout.*0.5")],
    "check.optimizer": [
        (lambda: check.optimizer(None, "adam"), ValueError, "one of GradientDescent.*'adam'"),
        (lambda: check.optimizer(None, Adam), ValueError, "instance of one of.*Adam"),
    ],
    "check.schedule": [
        (lambda: check.schedule(None, abs), ValueError, "instance of one of PowerDecay.*abs"),
    ],
}  # fmt: skip


class Sorting:
    """A rule that is more than arithmetic."""

    def init(self, weights):
        return ()

    def update(self, gradient, state, weights, t, learning_rate):
        return np.sort(gradient), ()


class Own(Dense):
    """A layer of the reader's."""

    def __init__(self):
        super().__init__(3, "softmax")


ROWS = {
    f"{name}, {number}": row for name, rows in ERRORS.items() for number, row in enumerate(rows, 1)
}


@pytest.mark.parametrize(("call", "error", "message"), ROWS.values(), ids=ROWS)
def test_the_error_is_raised(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_documented_error_has_a_row_and_every_row_is_documented():
    tried = {name: {error.__name__ for _, error, _ in rows} for name, rows in ERRORS.items()}
    documented = {
        name: errors for name, value in public({"lab", "keras"}) if (errors := announced(value))
    }
    assert tried == documented
    assert len(documented) > 60
