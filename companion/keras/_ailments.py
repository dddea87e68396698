"""What can be wrong with a network, each ailment with its threshold, cause, cure and chapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from companion.keras._observation import SATURATED, Call, Observation, Target
from companion.keras._report import Finding, Layer

Array = NDArray[Any]

# Thresholds. Healthy networks stay well inside: tests/test_diagnose.py prints by how much.

# Inputs have a root mean square of about 1 in all rules of initialization; pixels to 255 have 100.
LOUD_INPUT = 10.0
# Pixels divided by 255 twice reach 0.004.
QUIET_INPUT = 0.02
# Targets: a start near 0 has to travel that far in steps of about the learning rate.
LOUD_TARGET = 100.0
# sqrt(fan_in) times the RMS of a kernel: 1 (LeCun, Glorot), 1.4 (He), 4 (the logistic's own rule).
GAIN = 5.0
# The signal, bottom over top. Ten logistic layers under Glorot's rule leave 4e-6.
VANISHING = 1e-3
# The same the other way. Batch normalization alone gives 1.2 a layer, 45 in twenty.
EXPLODING = 1e3
# Deep ReLU layers: all examples look alike there, a unit is off for all by the toss of a coin.
DEAD = 0.5
DEAD_SIGMAS = 4.0
# Half of the outputs without a slope halve what passes, in every such layer.
SATURATED_SHARE = 0.5
# Steps over weights: about 1e-3 is healthy. Three steps of a third leave nothing of the start;
# a step as large as the weights (or as LeCun's would be) leaves nothing at once.
FAST = 0.3
OVERTHROW = 1.0
# A million steps to move the weights by their own size.
SLOW = 1e-6
# What a fast step may make of the loss on its own batch: it should fall.
WORSE = 4.0
# Noise over signal, in power: rate / (1 - rate) in a dropout layer, 1 at a rate of 0.5.
NOISE = 3.0
# SELU's fixed point is mean 0, variance 1, for weights of variance 1 / fan_in.
SELU_GAIN = 1.15
SELU_STD = (0.5, 2.0)
SELU_MEAN = 0.5
# Penalty: over the loss, and its gradient over the loss's. In a trained network the latter is 1.
PENALTY = 1.0
PENALTY_GRADIENT = 2.0
# Moving statistics: off by one standard deviation of the batch, or a factor 3 in scale, and
# the loss in inference this many times that in training, or that share of guessing if more.
MOVING_MEAN = 1.0
MOVING_STD = 3.0
INFERENCE = 2.0
INFERENCE_SHARE = 0.5
# Outputs that differ by less than this share of their size among examples are one.
CONSTANT = 1e-4
# A loss below this share of what guessing gives: the network has learned.
LEARNED = 0.7
# So few labels may all be the same by chance.
FEW = 20

# Losses that compare outputs and labels one by one.
_ELEMENTWISE = (
    "binary_crossentropy", "mean_squared_error", "mean_absolute_error", "huber", "log_cosh",
)  # fmt: skip

CHAPTERS = {
    1: "1 Vanishing and exploding gradients",
    2: "2 Initialization",
    3: "3 Activation functions",
    4: "4 Batch normalization",
    5: "5 Gradient clipping",
    6: "6 Transfer learning",
    8: "8 Optimizers",
    9: "9 Learning-rate schedules",
    10: "10 Weight penalties",
    11: "11 Dropout",
    13: "13 Practical guidelines",
}


def find(seen: Observation) -> tuple[Finding, ...]:
    """Return what is wrong: causes first, hints last."""
    ruined = [*_not_finite_data(seen), *_not_finite_weights(seen)]
    if ruined:
        return tuple(ruined)
    searches: list[Callable[[Observation], Iterator[Finding]]] = [
        _labels, _outputs, _inputs, _targets, _frozen
    ]  # fmt: skip
    if seen.error is None:
        searches += [_symmetric, _scale, _selu, _dead, _saturated, _vanishing, _exploding]
        searches += [_not_finite_loss, _dropout, _penalty, _moving_statistics]
        searches += [_too_fast, _too_slow, _constant, _hints]
    found = [finding for search in searches for finding in search(seen)]
    return tuple(sorted(found, key=lambda finding: not finding.fault))


# Data and labels


def _not_finite_data(seen: Observation) -> Iterator[Finding]:
    arrays = [("x", a) for a in seen.inputs] + [("y", t.all_labels) for t in seen.targets]
    for name, array in arrays:
        bad = int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
        if bad:
            yield Finding(
                "NaN or Inf in the data",
                f"{bad} of {array.size} values in {name} are not finite.",
                "Missing values, a division by 0 or the logarithm of 0 in the preprocessing.",
                "Remove or impute them; one such example turns all weights to NaN in one step.",
                CHAPTERS[13],
            )


def _not_finite_weights(seen: Observation) -> Iterator[Finding]:
    bad = [w for w in seen.model.weights if not np.isfinite(seen.weights[id(w)]).all()]
    if bad:
        yield Finding(
            "NaN or Inf in the weights",
            f"{len(bad)} of {len(seen.model.weights)} weight arrays are not finite, "
            f"{bad[0].path} first.",
            "An earlier step exploded: the learning rate was too high, or the loss not finite.",
            "Build the model anew, lower the rate or clip the gradient, stop on a NaN loss.",
            CHAPTERS[1],
        )


def _labels(seen: Observation) -> Iterator[Finding]:
    for target in seen.targets:
        yield from _labels_of(target)


def _labels_of(target: Target) -> Iterator[Finding]:
    y, shape, kind = target.all_labels, target.prediction.shape, target.kind
    units = shape[-1] if len(shape) > 1 else 1
    sparse = kind.startswith("sparse_categorical")
    one_hot = y.ndim == len(shape) and y.shape[-1] == units > 1
    one_each = shape[1:-1] if sparse else shape[1:]
    compared = sparse or kind in _ELEMENTWISE
    if compared and not one_hot and np.prod(y.shape[1:]) != np.prod(one_each):
        yield Finding(
            "labels of the wrong shape",
            f"Labels of shape {y.shape} for outputs of shape {(len(y), *shape[1:])}; the loss is "
            f"{kind}.",
            "Each output needs its label. Keras repeats the smaller side where it can, and "
            "compares what does not belong together.",
            "Bring the labels into the shape of the outputs, or change the output layer.",
            CHAPTERS[13],
        )
    elif sparse and one_hot:
        yield Finding(
            "one-hot labels with the sparse loss",
            f"Labels of shape {y.shape} for {units} outputs; the loss is {kind}.",
            "The sparse loss takes one class number for each example.",
            "Use categorical_crossentropy, or labels y.argmax(-1).",
            CHAPTERS[13],
        )
    elif sparse and units > 1:
        wrong = (y < 0) | (y >= units) | (y != np.floor(y))
        if wrong.any():
            yield Finding(
                "labels outside the classes",
                f"{wrong.mean():.0%} of the labels are not among 0 to {units - 1}: they go from "
                f"{y.min():g} to {y.max():g} for {units} outputs.",
                "Labels that count from 1, or an output layer with too few units.",
                "Number the classes from 0, with one unit for each.",
                CHAPTERS[13],
            )
    elif kind.startswith("categorical") and units > 1 and not one_hot:
        yield Finding(
            "class numbers with the one-hot loss",
            f"Labels of shape {y.shape} for {units} outputs; the loss is {kind}.",
            "This loss takes one probability for each class.",
            "Use sparse_categorical_crossentropy, or keras.utils.to_categorical(y).",
            CHAPTERS[13],
        )
    elif kind.startswith("categorical") and units > 1:
        sums = y.sum(-1, dtype=float)
        if y.min() < 0 or not np.allclose(sums, 1, atol=1e-3):
            yield Finding(
                "labels outside the classes",
                f"Rows of the labels add up to {sums.min():.3g} to {sums.max():.3g}, not to 1.",
                "Several classes for an example, or none.",
                "With several labels an example, use sigmoid outputs and binary_crossentropy.",
                CHAPTERS[13],
            )
    elif kind.startswith("binary") and (y.min() < 0 or y.max() > 1):
        yield Finding(
            "labels outside the classes",
            f"The labels go from {y.min():g} to {y.max():g}; {kind} takes 0 to 1.",
            "Classes written as -1 and 1, or 1 and 2, or as numbers of many classes.",
            "Write them as 0 and 1; for more classes use softmax and the sparse loss.",
            CHAPTERS[13],
        )
    if len(y) >= FEW and (y == y[:1]).all():
        yield Finding(
            "labels are all the same",
            f"All {len(y)} labels are {np.ravel(y[0])[:3].tolist()}.",
            "Sorted data of which a part was taken, or a faulty conversion of the labels.",
            "Shuffle the data before splitting it, and count the labels.",
            CHAPTERS[13],
        )


def _outputs(seen: Observation) -> Iterator[Finding]:
    for target in seen.targets:
        yield from _output_of(target)


def _output_of(target: Target) -> Iterator[Finding]:
    kind, p = target.kind, target.prediction
    if "crossentropy" not in kind:
        return
    units = p.shape[-1] if p.ndim > 1 else 1
    binary = kind.startswith("binary")
    last = target.activation or "none"
    if units == 1 and target.activation == "softmax":
        yield Finding(
            "softmax on one unit",
            "The only output is 1 for every example: softmax divides it by itself.",
            "Two classes were given one softmax unit.",
            "Use sigmoid with binary_crossentropy, or two softmax units.",
            CHAPTERS[3],
        )
        return
    if units == 1 and not binary:
        yield Finding(
            "categorical loss on one unit",
            f"The output has 1 unit ({last}), and the loss, {kind}, compares several with one "
            "another.",
            "A loss for several classes was taken for two.",
            "Use binary_crossentropy, or one softmax unit for each class.",
            CHAPTERS[3],
        )
        return
    function = "sigmoid" if binary else "softmax"
    squashed = target.activation == function
    if not binary:
        squashed |= bool((p >= 0).all() and np.allclose(p.sum(-1), 1, atol=1e-3))
    if binary and target.activation == "softmax":
        return
    if target.from_logits and squashed:
        yield Finding(
            f"{function} twice",
            f"Outputs are probabilities ({p.min():.2g} to {p.max():.2g}, {function}), and the loss "
            "has from_logits=True.",
            f"The loss applies {function} itself to what it takes for logits. (On TensorFlow "
            "Keras notices it in many cases, and warns; it does not elsewhere.)",
            f"Leave {function} out of the last layer, or from_logits=True out of the loss.",
            CHAPTERS[3],
        )
    outside = p.min() < 0 or p.max() > 1 or not (binary or squashed)
    if not target.from_logits and not squashed and (outside or last in ("none", "relu")):
        yield Finding(
            "logits without from_logits",
            f"Outputs go from {p.min():.2g} to {p.max():.2g} (last activation function: {last}), "
            f"and {kind} takes them for probabilities.",
            f"{function} is missing, or from_logits=True.",
            f"Give the loss from_logits=True, or the last layer {function}.",
            CHAPTERS[3],
        )


def _inputs(seen: Observation) -> Iterator[Finding]:
    for name, values in _raw_inputs(seen):
        size, largest = _rms(values), float(np.abs(values).max())
        numbers = (
            f"{name} go from {values.min():.3g} to {values.max():.3g}, with a root mean square "
            f"of {size:.2g}"
        )
        if size > LOUD_INPUT:
            yield Finding(
                "unscaled inputs",
                f"{numbers}; rules of initialization assume about 1.",
                "Pixels up to 255, or features in their own units.",
                "Divide pixels by 255, standardize features (keras.layers.Normalization).",
                CHAPTERS[2],
            )
        elif 0 < largest < QUIET_INPUT:
            yield Finding(
                "inputs scaled away",
                f"{numbers}; rules of initialization assume about 1.",
                "The inputs were scaled twice.",
                "Scale once, or standardize (keras.layers.Normalization).",
                CHAPTERS[2],
            )


def _raw_inputs(seen: Observation) -> Iterator[tuple[str, Array]]:
    """Yield what the first layers with kernels get, after rescaling layers."""
    first = [call for call in seen.calls if call.raw and call.layer.weights]
    known = set()
    for call in first:
        if isinstance(call.layer, keras.layers.Embedding) or _normalizes(call.layer):
            continue
        for tensor in call.inputs[:1]:
            if id(tensor) not in known:
                known.add(id(tensor))
                yield f"inputs of {call.name}", np.asarray(tensor.numpy(), float)
    if not first and not any(isinstance(c.layer, keras.layers.Embedding) for c in seen.calls):
        for values in seen.inputs:
            if values.dtype.kind == "f":
                yield "inputs", values.astype(float)


def _targets(seen: Observation) -> Iterator[Finding]:
    for target in seen.targets:
        y = target.all_labels
        if "error" not in target.kind and "huber" not in target.kind:
            continue
        size, off = _rms(y), _rms(y[: FEW * 10].mean() - target.prediction)
        if size > LOUD_TARGET and off > 0.5 * size:
            yield Finding(
                "unscaled targets",
                f"Targets have a root mean square of {size:.3g}, outputs of "
                f"{_rms(target.prediction):.2g}.",
                "Targets in their own units, which the outputs reach only after many steps.",
                "Standardize the targets, and scale the predictions back.",
                CHAPTERS[2],
            )


# Weights


def _frozen(seen: Observation) -> Iterator[Finding]:
    model = seen.model
    if model.weights and not model.trainable_weights:
        yield Finding(
            "everything is frozen",
            f"None of the {len(model.weights)} weight arrays is trainable.",
            "trainable = False was set on the whole model, or on all its layers.",
            "Set model.trainable = True, freeze the lower layers only, and compile again.",
            CHAPTERS[6],
        )
        return
    calls = [c for c in seen.calls if c.kernels and not _normalizes(c.layer)]
    tops = [c for c in calls[-1:] if not c.trains]
    new = [
        c for c in calls
        if not c.trains and (biases := _biases(seen, c.layer)) and not any(b.any() for b in biases)
    ]  # fmt: skip
    odd = list(dict.fromkeys(c.name for c in [*new, *tops]))
    if odd:
        why = "their biases are all 0, as drawn" if new else "it is the output layer"
        yield Finding(
            "frozen by accident",
            f"{_some(odd)}: not trainable, and {why}.",
            "trainable = False reached layers that have learned nothing yet.",
            "Freeze only layers with pretrained weights; set trainable = True on the others and "
            "compile again.",
            CHAPTERS[6],
        )


def _symmetric(seen: Observation) -> Iterator[Finding]:
    """Equal units with equal gradients stay equal; only the output layer may start so."""
    alike = []
    for call in _hidden(seen):
        for w in call.kernels:
            kernel, gradient = seen.weights[id(w)], seen.data_gradients.get(id(w))
            if kernel.shape[-1] < 2 or gradient is None or _gates(call.layer):
                continue
            equal = _same_columns(kernel) and _same_columns(gradient)
            if equal or (_same_columns(kernel) and np.ptp(kernel) == 0 and kernel.any()):
                alike.append(call.name)
    if alike:
        yield Finding(
            "symmetric initialization",
            f"{_some(alike)}: all units have equal weights and equal gradients.",
            "A constant initializer; units that start equal stay equal, a layer is one unit.",
            "Draw the weights at random: he_normal with ReLU, glorot_uniform with tanh.",
            CHAPTERS[2],
        )


def _same_columns(values: Array) -> bool:
    spread = np.abs(values - values[..., :1]).max()
    return bool(spread <= 1e-4 * np.abs(values).max())


def _scale(seen: Observation) -> Iterator[Finding]:
    if not _fresh(seen):
        return
    loud = [
        (gain, call)
        for call in _hidden(seen)
        if (gain := _gain(seen, call)) > GAIN and not _normalized_after(seen, call)
    ]
    if loud:
        gain, call = max(loud, key=lambda pair: pair[0])
        yield Finding(
            "weights are too large",
            f"{_some([c.name for _, c in loud])}: sqrt(fan_in) times the RMS of the kernel is "
            f"{gain:.3g} in {call.name}, where LeCun's rule has 1 and He's 1.4.",
            "A standard deviation, such as 1, that does not know the number of inputs.",
            "he_normal with ReLU, lecun_normal with SELU, glorot_uniform with tanh.",
            CHAPTERS[2],
        )


def _selu(seen: Observation) -> Iterator[Finding]:
    calls = [c for c in seen.calls if c.activation == "selu"]
    dense = [c for c in calls if c.kernels]
    if not dense or not _fresh(seen) or any(_normalizes(c.layer) for c in seen.calls):
        return
    off = []
    for call in dense:
        gain, size = _gain(seen, call), sum(seen.weights[id(w)].size for w in call.kernels)
        # The RMS of `size` draws scatters by 1 / sqrt(2 size)
        slack = SELU_GAIN * (1 + 3 / (2 * size) ** 0.5)
        if gain and not 1 / slack < gain < slack:
            off.append((abs(np.log(gain)), gain, call.name))
    if off:
        _, gain, name = max(off)
        yield Finding(
            "SELU without lecun_normal",
            f"{_some([n for *_, n in off])}: sqrt(fan_in) times the RMS of the kernel is "
            f"{gain:.3g} in {name}; SELU normalizes itself at 1.",
            "Keras's default, Glorot's rule, or He's.",
            'kernel_initializer="lecun_normal" in every SELU layer.',
            CHAPTERS[2],
        )
    for call in dense[:1]:
        if not call.raw:
            continue
        values = call.inputs[0].numpy().astype(float)
        mean, std = float(values.mean()), float(values.std())
        if abs(mean) > SELU_MEAN or not SELU_STD[0] < std < SELU_STD[1]:
            yield Finding(
                "SELU on inputs that are not standardized",
                f"Inputs of {call.name} have mean {mean:.2g} and standard deviation {std:.2g}; "
                "SELU keeps 0 and 1.",
                "Inputs were scaled to another range, or not at all.",
                "Standardize the inputs: subtract the mean, divide by the standard deviation.",
                CHAPTERS[3],
            )


# What flows


def _dead(seen: Observation) -> Iterator[Finding]:
    found = []
    for call in _hidden(seen, kernels=False):
        share, units = _dead_share(call), _units(call)
        if (share == 1 and units > 1) or share > DEAD + DEAD_SIGMAS * 0.5 / units**0.5:
            found.append((share, units, call))
    if found:
        _, units, call = found[0]
        names = [c.name for *_, c in found]
        more = f" So it is in {len(names)} layers." if len(names) > 1 else ""
        fresh = _fresh(seen)
        yield Finding(
            "dead units",
            f"{call.name}: {found[0][0]:.0%} of the {units} units are 0 for all "
            f"{seen.examples} examples.{more}",
            "Large negative biases or shifted inputs." if fresh else
            "A step at too high a learning rate threw biases or weights far down.",
            "Start with biases of 0, lower the learning rate, use leaky ReLU or ELU, or batch "
            "normalization before the activation function.",
            CHAPTERS[3],
        )  # fmt: skip


def _saturated(seen: Observation) -> Iterator[Finding]:
    found = [
        (share, call)
        for call in _hidden(seen, kernels=False)
        if (share := _saturated_share(call)) > SATURATED_SHARE
    ]
    if found:
        share, call = max(found, key=lambda pair: pair[0])
        yield Finding(
            "saturated units",
            f"{_some([c.name for _, c in found])}: {share:.0%} of the outputs of {call.name} lie "
            f"on the flat parts of {call.activation}.",
            "Weights, biases or inputs so large that the sums leave the steep part.",
            "Scale the inputs, start with glorot_uniform and biases of 0, lower the learning "
            "rate, or use ReLU.",
            CHAPTERS[3],
        )


def _norms(seen: Observation) -> tuple[list[tuple[float, Call]], float]:
    """Return the length of each layer's signal, an example's own, and that of the top."""
    norms = [
        (float(np.sqrt(np.square(call.signal).sum() / seen.examples)), call)
        for call in seen.calls
        if call.signal is not None and call.kernels and not _normalizes(call.layer)
    ]
    trained = [(norm, call) for norm, call in norms[:-1] if call.trains]
    return trained, norms[-1][0] if norms else 0.0


def _vanishing(seen: Observation) -> Iterator[Finding]:
    norms, top = _norms(seen)
    if not norms or not 0 < top < np.inf:
        return
    # A layer above one that learns may be shut on purpose: the last of a residual branch
    bottom = [(norm, call) for norm, call in norms if call.raw] or norms[:1]
    faint = [(norm, call) for norm, call in bottom if norm < VANISHING * top]
    silenced = any(True for _ in _dead(seen)) or any(True for _ in _symmetric(seen))
    faint = [(norm, call) for norm, call in faint if norm > 0 or not silenced]
    if faint:
        norm, call = faint[0]
        cause, cure = _why_vanishing(seen)
        yield Finding(
            "vanishing gradients",
            f"The signal of {call.name} is {norm / top:.1g} times that of the output layer; "
            f"{sum(n < VANISHING * top for n, _ in norms)} of {len(norms)} layers get less than "
            f"{VANISHING:g} of it.",
            cause,
            cure,
            CHAPTERS[1],
        )


def _why_vanishing(seen: Observation) -> tuple[str, str]:
    hidden = _hidden(seen)
    gains = [gain for call in hidden if (gain := _gain(seen, call))]
    functions = [c.activation for c in seen.calls if c.activation]
    if gains and np.median(gains) < 0.6:
        return (
            f"The weights are too small: sqrt(fan_in) times their RMS is {np.median(gains):.2g}, "
            "where LeCun's rule has 1 and He's 1.4.",
            "he_normal with ReLU, lecun_normal with SELU, glorot_uniform with tanh.",
        )
    if functions.count("sigmoid") > len(functions) / 2:
        return (
            "The slope of the sigmoid is at most 1/4: each layer weakens the signal.",
            "Use ReLU with he_normal, or another function that is not flat; batch normalization.",
        )
    if functions.count("relu") > len(functions) / 2:
        return (
            "ReLU halves the signal's power in each layer, which Glorot's rule does not make up.",
            "he_normal, batch normalization, or connections that skip layers.",
        )
    return (
        "Each layer weakens the signal, and there are many.",
        "Batch normalization, connections that skip layers, or an initialization that fits.",
    )


def _exploding(seen: Observation) -> Iterator[Finding]:
    norms, top = _norms(seen)
    if not norms or not 0 < top < np.inf:
        return
    norm, call = max(norms, key=lambda pair: pair[0])
    if norm > EXPLODING * top:
        gains = [gain for c in _hidden(seen) if (gain := _gain(seen, c))]
        size = f": sqrt(fan_in) times their RMS is {np.median(gains):.2g}" if gains else ""
        too_large = f"The weights are too large{size}, where LeCun's rule has 1 and He's 1.4."
        grown = " They grew in training: the learning rate was too high."
        yield Finding(
            "exploding gradients",
            f"The signal of {call.name} is {norm / top:.1g} times that of the output layer.",
            too_large if _fresh(seen) else too_large + grown,
            "he_normal with ReLU, lecun_normal with SELU; batch normalization; a lower rate; clip "
            "the gradient's norm (clipnorm=1) against what is left.",
            f"{CHAPTERS[1]}; {CHAPTERS[5]}",
        )


def _not_finite_loss(seen: Observation) -> Iterator[Finding]:
    bad = [c for c in seen.calls if not np.isfinite(c.a.numpy()).all()]
    if bad or not np.isfinite(seen.loss) or not np.isfinite(seen.penalty):
        where = ""
        if bad:
            share = 1 - np.isfinite(bad[0].a.numpy()).mean()
            where = (
                f"; {bad[0].name} is the first layer, with {share:.0%} of its outputs not finite"
            )
        yield Finding(
            "NaN or Inf on the way up",
            f"The loss is {seen.loss:g}, the penalty {seen.penalty:g}{where}.",
            "Sums beyond what the dtype can hold, or a logarithm or division by 0 in a layer.",
            "Scale inputs and weights; add an epsilon where a layer divides.",
            CHAPTERS[1],
        )


def _dropout(seen: Observation) -> Iterator[Finding]:
    noisy = [(noise, name) for name, noise in _noise(seen) if noise > NOISE]
    if noisy:
        noise, name = max(noisy)
        yield Finding(
            "dropout drowns the signal",
            f"{_some([n for _, n in noisy])}: {noise:.2g} parts of noise to one of signal in "
            f"{name} (0.5 gives 1).",
            "The rate is too high. It is the share that is dropped; TensorFlow 1 asked for the "
            "share that is kept.",
            "A rate of 0.1 to 0.5.",
            CHAPTERS[11],
        )


def _noise(seen: Observation) -> Iterator[tuple[str, float]]:
    for call in seen.calls:
        if "Dropout" in type(call.layer).__name__ and call.inputs:
            before = call.inputs[0].numpy().astype(float)
            power = np.square(before).mean()
            if power:
                yield call.name, float(np.square(call.a.numpy() - before).mean() / power)
        elif isinstance(call.layer, keras.layers.RNN):
            for name in ("dropout", "recurrent_dropout"):
                rate = float(getattr(call.layer, name, 0) or 0)
                if rate:
                    yield call.name, rate / (1 - rate) if rate < 1 else np.inf


def _penalty(seen: Observation) -> Iterator[Finding]:
    own = np.sqrt(sum(np.square(g).sum() for g in seen.data_gradients.values()))
    pull = np.sqrt(sum(np.square(g).sum() for g in seen.penalty_gradients.values()))
    if seen.penalty > PENALTY * seen.loss and pull > PENALTY_GRADIENT * own:
        yield Finding(
            "the penalty dominates the loss",
            f"The penalty is {seen.penalty:.3g}, the loss without it {seen.loss:.3g}; the "
            f"penalty's gradient is {_times(pull, own)} the loss's.",
            "The strength of the regularizers is too high: the weights shrink and learn nothing.",
            "Start with l2(1e-4), and watch the loss without the penalty. (The string 'l2' "
            "means 0.01.)",
            CHAPTERS[10],
        )


def _moving_statistics(seen: Observation) -> Iterator[Finding]:
    norms = [(c, *_moving(seen, c)) for c in seen.calls if _moving_pair(c.layer)]
    off = [
        (call, mean, std) for call, mean, std in norms
        if mean > MOVING_MEAN or not 1 / MOVING_STD < std < MOVING_STD
    ]  # fmt: skip
    layers = dict.fromkeys(c.layer for c, *_ in norms)
    if not off or (_fresh(seen) and all(_as_built(seen, layer) for layer in layers)):
        return
    bound = max(INFERENCE * seen.loss, INFERENCE_SHARE * (guessing(seen) or 0.0))
    if not seen.inference_loss > bound:
        return
    call, mean, std = max(off, key=lambda row: max(row[1], abs(np.log(row[2]))))
    momentum = getattr(call.layer, "momentum", 0.99)
    untouched = all(_untouched(seen, c.layer) for c, *_ in off)
    frozen = not call.layer.trainable
    if untouched and not frozen:
        cause = (
            "The moving statistics were never updated: the model was called without training=True."
        )
    elif untouched:
        cause = "Frozen before the moving statistics were learned; a frozen layer uses them as is."
    else:
        cause = (
            f"Too few steps for a momentum of {momentum:g}, or data that differ from those they "
            "were taken from."
        )
    yield Finding(
        "moving statistics differ from the batch's",
        f"{call.name}: the moving mean is {mean:.2g} standard deviations off, the moving "
        f"standard deviation {std:.2g} times the batch's; the loss is {seen.loss:.3g} in training "
        f"and {seen.inference_loss:.3g} in inference.",
        cause,
        "Train with fit or training=True, with a lower momentum for short runs; scale the "
        "inputs in inference as in training.",
        CHAPTERS[4],
    )


def _untouched(seen: Observation, layer: Any) -> bool:
    mean, variance = (seen.weights[id(v)] for v in (layer.moving_mean, layer.moving_variance))
    return bool((mean == 0).all() and (variance == 1).all())


def _as_built(seen: Observation, layer: Any) -> bool:
    gamma, beta = getattr(layer, "gamma", None), getattr(layer, "beta", None)
    started = (gamma is None or len(np.unique(seen.weights[id(gamma)])) == 1) and (
        beta is None or not seen.weights[id(beta)].any()
    )
    return started and _untouched(seen, layer)


def _moving_pair(layer: Any) -> bool:
    return getattr(layer, "moving_mean", None) is not None


def _moving(seen: Observation, call: Call) -> tuple[float, float]:
    """Return how far the moving mean is off, and the ratio of the standard deviations."""
    layer, x = call.layer, call.inputs[0].numpy().astype(float)
    axis = getattr(layer, "axis", -1)
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = x.mean(others), x.var(others)
    moving_mean = seen.weights[id(layer.moving_mean)]
    moving_variance = seen.weights[id(layer.moving_variance)]
    epsilon = getattr(layer, "epsilon", 1e-3)
    off = _rms((moving_mean - mean) / np.sqrt(variance + epsilon))
    ratio = np.sqrt((moving_variance + epsilon) / (variance + epsilon))
    return off, float(np.exp(np.log(ratio).mean()))


# Steps


def _too_fast(seen: Observation) -> Iterator[Finding]:
    ratios = _update_ratios(seen)
    if not ratios or seen.warming_up:
        return
    ratio, name = max(ratios)
    # Weights that start near 0 on purpose are compared with LeCun's
    gains = {call.name: _gain(seen, call) or 1.0 for call in seen.calls}
    far = max(ratio * min(1.0, gains[name]) for ratio, name in ratios)
    worse = seen.loss_after / (seen.loss + seen.penalty) if seen.loss + seen.penalty else 1.0
    if far > OVERTHROW or (far > FAST and not worse < WORSE):
        after = f"{seen.loss_after:.3g}" if np.isfinite(seen.loss_after) else "NaN or Inf"
        yield Finding(
            "learning rate too high",
            f"One step at {seen.rate:.3g} changes the weights of {name} by {ratio:.2g} of their "
            f"size, and takes the loss on the same batch from {seen.loss + seen.penalty:.3g} to "
            f"{after}.",
            "The step leaves the region in which the gradient tells the way.",
            "Divide the rate by 10 to 100; a healthy step changes weights by about 1e-3.",
            f"{CHAPTERS[8]}; {CHAPTERS[9]}",
        )


def _too_slow(seen: Observation) -> Iterator[Finding]:
    ratios = _update_ratios(seen)
    known = guessing(seen)
    learned = known is not None and seen.loss < LEARNED * known
    flows = any(_ratio(seen, call, seen.gradients) > 0 for call in seen.calls)
    if not ratios or learned or not flows:
        return
    rate = seen.peak_rate if seen.warming_up else seen.rate
    ratio = max(ratios)[0] * (seen.peak_rate / rate if rate else 1.0)
    if ratio < SLOW:
        yield Finding(
            "learning rate too low",
            f"One step at {seen.peak_rate:.2g} changes no kernel by more than {ratio:.1g} of its "
            "size.",
            "At this pace a million steps do not move the weights.",
            "Raise the rate until a step changes the weights by about 1e-3 of their size.",
            f"{CHAPTERS[8]}; {CHAPTERS[9]}",
        )


def _update_ratios(seen: Observation) -> list[tuple[float, str]]:
    ratios = [
        (ratio, call.name)
        for call in seen.calls
        if not np.isnan(ratio := _ratio(seen, call, seen.updates))
    ]
    return [(r if np.isfinite(r) else np.inf, name) for r, name in ratios]


def _constant(seen: Observation) -> Iterator[Finding]:
    for target in seen.targets:
        p = target.prediction.reshape(len(target.prediction), -1)
        y = target.labels.reshape(len(target.labels), -1)
        top = [c for c in seen.calls if c.kernels][-1:]
        blank = any(not seen.weights[id(w)].any() for c in top for w in c.kernels)
        if len(p) < 2 or (y == y[:1]).all() or (blank and _fresh(seen)):
            continue
        if target.activation == "softmax" and p.shape[1] == 1:
            continue
        sums = [c.z.numpy() for c in seen.calls if c.a is target.output]
        # Softmax and sigmoid may hide a difference where they are flat
        differ = any(np.ptp(z, axis=0).max() > CONSTANT * _rms(z) for z in sums)
        spread, size = float(p.std(0).max()), _rms(p)
        if spread <= CONSTANT * size and not differ:
            same = all((x == x[:1]).all() for x in seen.inputs)
            yield Finding(
                "constant predictions",
                f"Outputs differ by {spread:.1g} among {len(p)} examples, at a size of "
                f"{size:.2g}.",
                "All inputs are the same." if same else
                "Nothing of the input reaches the output: dead or saturated units, vanishing "
                "activations, or weights that a penalty took to 0.",
                "Look at the data, just before they enter the model." if same else
                "See the first layer in the table whose activations have no spread.",
                CHAPTERS[13] if same else CHAPTERS[1],
            )  # fmt: skip


# Hints


def _hints(seen: Observation) -> Iterator[Finding]:
    by_output = {id(c.a): c for c in seen.calls}
    useless = [
        before.name
        for c in seen.calls
        if _moving_pair(c.layer) and c.inputs and (before := by_output.get(id(c.inputs[0])))
        and before.kernels and not before.activation and getattr(before.layer, "use_bias", False)
        and getattr(c.layer, "center", False)
    ]  # fmt: skip
    if useless:
        yield Finding(
            "bias before batch normalization",
            f"{_some(useless)}: a bias, and batch normalization right after it.",
            "The normalization subtracts the mean, and the bias with it; its beta does the job.",
            "use_bias=False in these layers saves parameters; nothing else changes.",
            CHAPTERS[4],
            fault=False,
        )
    selu = any(c.activation == "selu" for c in seen.calls)
    plain = [c.name for c in seen.calls if type(c.layer) is keras.layers.Dropout]
    if selu and plain:
        yield Finding(
            "plain dropout with SELU",
            f"{_some(plain)}: sets units to 0, which changes mean and variance.",
            "SELU normalizes itself only if both stay.",
            "keras.layers.AlphaDropout.",
            CHAPTERS[11],
            fault=False,
        )


# Measures


def layers(seen: Observation) -> Iterator[Layer]:
    """Yield what flowed through each layer that has weights or an activation function."""
    for call in seen.calls:
        if not (call.layer.weights or call.activation):
            continue
        a = call.a.numpy().astype(float)
        # A layer's kernels taken together
        gradient = _pooled([seen.gradients.get(id(w)) for w in call.kernels])
        weight = _pooled([seen.weights[id(w)] for w in call.kernels])
        moving = _moving(seen, call) if _moving_pair(call.layer) else (np.nan, np.nan)
        yield Layer(
            name=call.name,
            activation=call.activation,
            a_mean=float(a.mean()),
            a_std=float(a.std()),
            saturated=_saturated_share(call),
            dead=_dead_share(call),
            signal=np.nan if call.signal is None else _rms(call.signal),
            gradient=gradient,
            weight=weight,
            gradient_to_weight=_ratio(seen, call, seen.gradients),
            update_to_weight=_ratio(seen, call, seen.updates),
            moving_mean=moving[0],
            moving_std=moving[1],
        )


def guessing(seen: Observation) -> float | None:
    """Return the loss of the best constant prediction; None where it is not known."""
    total = 0.0
    for target in seen.targets:
        y, kind = target.labels.astype(float), target.kind
        if kind == "sparse_categorical_crossentropy":
            _, counts = np.unique(y, return_counts=True)
            loss = _entropy(counts / counts.sum())
        elif kind == "categorical_crossentropy":
            loss = _entropy(y.reshape(-1, y.shape[-1]).mean(0))
        elif kind == "binary_crossentropy":
            p = y.mean(0)
            loss = float(np.mean([_entropy(np.array([q, 1 - q])) for q in np.ravel(p)]))
        elif kind == "mean_squared_error":
            loss = float(y.var(0).mean())
        else:
            return None
        total += target.weight * loss
    return total


def _entropy(p: Array) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def _hidden(seen: Observation, kernels: bool = True) -> list[Call]:
    """Return the calls below the output: of layers with kernels, or also of functions alone."""
    outputs = {id(call.a) for call in seen.calls[-1:]}
    with_kernels = [c for c in seen.calls if c.kernels and not _normalizes(c.layer)]
    top = with_kernels[-1:]
    above = seen.calls[seen.calls.index(top[0]) :] if top else []
    outputs |= {id(call.a) for call in above}
    pool = with_kernels if kernels else [c for c in seen.calls if c.activation]
    return [c for c in pool if id(c.a) not in outputs]


def _fresh(seen: Observation) -> bool:
    """Return whether nothing has been trained: no step taken, all biases at 0 or 1."""
    biases = [seen.weights[id(w)] for w in seen.model.weights if w.name == "bias"]
    gates = [b for b in biases if b.any()]
    return seen.iterations == 0 and all(len(np.unique(b)) <= 2 for b in gates)


def _biases(seen: Observation, layer: Any) -> list[Array]:
    return [seen.weights[id(w)] for w in layer.weights if w.name == "bias"]


def _gain(seen: Observation, call: Call) -> float:
    """Return sqrt(fan_in) times the RMS of the kernel, its largest; 0 where fans are unclear."""
    gains = [0.0]
    if isinstance(call.layer, keras.layers.Embedding | keras.layers.EinsumDense):
        return 0.0
    for w in call.kernels:
        kernel = seen.weights[id(w)]
        fan_in = np.prod(kernel.shape[: -2 if "depthwise" in w.name else -1])
        if "kernel" in w.name and fan_in > 1:
            gains.append(float(fan_in**0.5) * _rms(kernel))
    return max(gains)


def _normalizes(layer: Any) -> bool:
    return "Norm" in type(layer).__name__


def _gates(layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional)


def _normalized_after(seen: Observation, call: Call) -> bool:
    return any(_normalizes(c.layer) and any(t is call.a for t in c.inputs) for c in seen.calls)


def _by_unit(call: Call) -> Array:
    """Return the outputs as (examples and places, units)."""
    a = call.a.numpy()
    if getattr(call.layer, "data_format", "") == "channels_first":
        a = np.moveaxis(a, 1, -1)
    return np.asarray(a.reshape(-1, a.shape[-1]))


def _units(call: Call) -> int:
    return int(_by_unit(call).shape[-1])


def _dead_share(call: Call) -> float:
    if call.activation in ("", "softmax"):
        return np.nan
    return float((_by_unit(call) == 0).all(0).mean())


def _saturated_share(call: Call) -> float:
    if call.activation not in SATURATED:
        return np.nan
    low, high = SATURATED[call.activation]
    a = call.a.numpy()
    return float(((a < low) | (a > high)).mean())


def _ratio(seen: Observation, call: Call, changes: dict[int, Array]) -> float:
    """Return the RMS of the changes of a layer's kernels over the kernels' own."""
    moved = [w for w in call.kernels if id(w) in changes]
    own = _pooled([seen.weights[id(w)] for w in moved])
    return _pooled([changes[id(w)] for w in moved]) / own if own > 0 else np.nan


def _pooled(arrays: Sequence[Array | None]) -> float:
    there = [np.ravel(a) for a in arrays if a is not None]
    return _rms(np.concatenate(there)) if there else np.nan


def _rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def _times(value: float, of: float) -> str:
    return f"{value / of:.2g} times" if of else "infinitely many times"


def _some(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    if len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:2])} and {len(names) - 2} more layers"
