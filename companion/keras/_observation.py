"""Look at one batch on its way through a Keras network and back, and leave no trace in it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[Any]

# As many examples as make shares and standard deviations certain to a few percent.
EXAMPLES = 256
# As in the book's `saturated`: where the slope is below 4 % of the steepest.
SATURATED = {"sigmoid": (0.01, 0.99), "tanh": (-0.98, 0.98)}
# float16 has no numbers below 6e-8, where gradients of healthy networks lie.
FLOAT16_SCALE = 2.0**10

# The loss that a network without one would be compiled with, by its last activation function.
_CROSSENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy")


@dataclass(eq=False)
class Call:
    """One call of one layer while the model trains on the batch."""

    layer: Any
    name: str
    activation: str
    inputs: list[Any]
    z: Any
    a: Any
    raw: bool  # whether it sees the model's inputs, scaled or flattened at most
    signal: Array | None = None

    @property
    def kernels(self) -> list[Any]:
        """The layer's matrices: what is multiplied with its inputs, or looked up."""
        return [w for w in self.layer.weights if len(w.shape) > 1]

    @property
    def trains(self) -> bool:
        """Whether a step changes its kernels."""
        trainable = {id(w) for w in self.layer.trainable_weights}
        return any(id(w) in trainable for w in self.kernels)


@dataclass(eq=False)
class Target:
    """One output of the model with its loss and labels."""

    output: Any  # in training
    prediction: Array  # in inference
    labels: Array  # of the batch
    all_labels: Array
    loss: Any
    weight: float
    activation: str

    @property
    def kind(self) -> str:
        """The name of the loss function, as in ``keras.losses``."""
        return str(getattr(self.loss.fn, "__name__", "") if hasattr(self.loss, "fn") else "")

    @property
    def from_logits(self) -> bool:
        """Whether the loss expects logits."""
        return bool(getattr(self.loss, "from_logits", False))


@dataclass(eq=False)
class Observation:
    """All that was measured."""

    model: Any
    inputs: list[Array]  # all examples
    examples: int = 0
    calls: list[Call] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    loss: float = np.nan  # in training, without penalties
    inference_loss: float = np.nan
    penalty: float = 0.0
    loss_after: float = np.nan  # the same batch after one step of the optimizer, with penalties
    error: Exception | None = None  # what kept the loss from being computed
    weights: dict[int, Array] = field(default_factory=dict)
    gradients: dict[int, Array] = field(default_factory=dict)  # of loss and penalties
    data_gradients: dict[int, Array] = field(default_factory=dict)
    penalty_gradients: dict[int, Array] = field(default_factory=dict)
    updates: dict[int, Array] = field(default_factory=dict)
    rate: float = np.nan  # at which the step was taken
    peak_rate: float = np.nan  # the largest of the schedule
    warming_up: bool = False  # the rate is 0 now; the step was taken at the peak
    iterations: int = 0


def observe(model: Any, x: Any, y: Any) -> Observation:
    """Run the batch in inference and in training, back, and one step on; then undo everything."""
    inputs, labels = _examples("x", x), _examples("y", y)
    lengths = {len(a) for a in keras.tree.flatten((inputs, labels))}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"x and y must have the same number of examples, at least one; received {lengths}"
        )
    (length,) = lengths
    seen = Observation(model, [np.asarray(a) for a in keras.tree.flatten(inputs)])
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        seen.iterations = int(_numpy(optimizer.iterations))
    with warnings.catch_warnings(), _kept_random_state():
        warnings.simplefilter("ignore")
        size = _fixed_batch(model) or min(length, EXAMPLES)
        if size > length:
            raise ValueError(f"the model takes batches of {size} examples; received {length}")
        # Evenly spread, since data is often sorted
        chosen = np.linspace(0, length - 1, size).round().astype(int)
        batch = _tensors(model, keras.tree.map_structure(lambda a: a[chosen], inputs))
        if not model.built:
            model(batch)  # draws the weights, as `fit` would
        with _kept(model) as restore:
            seen.examples = size
            _run(seen, batch, chosen, labels, restore)
    return seen


def _run(
    seen: Observation, x: Any, chosen: Array, labels: Any, restore: Callable[[], None]
) -> None:
    model = seen.model
    seen.weights = {id(w): _numpy(w) for w in model.weights}
    inference = model(x, training=False)
    predictions = _in_order(model, inference)
    restore()
    mixed = any(layer.compute_dtype == "float16" for _, layer in leaves(model))
    scale = FLOAT16_SCALE if mixed else 1.0
    with tf.GradientTape(persistent=True) as tape:
        with _tapped(model, x, seen.calls, tape):
            outputs = _in_order(model, model(x, training=True))
        _find_targets(seen, outputs, predictions, chosen, labels)
        penalties = [tf.cast(p, tf.float32) for p in model.losses]
        penalty = tf.add_n(penalties) if penalties else tf.constant(0.0)
        try:
            loss = _total(seen.targets, outputs)
            seen.inference_loss = float(_total(seen.targets, predictions))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            seen.error = error
            return
        total = scale * (loss + tf.cast(penalty, loss.dtype))
        scaled = scale * loss
    seen.loss, seen.penalty = float(loss), float(penalty)
    sums = [call.z for call in seen.calls]
    weights = [w.value for w in model.trainable_weights]
    signals, gradients = tape.gradient(total, (sums, weights))
    for call, signal in zip(seen.calls, signals, strict=True):
        if signal is not None:
            call.signal = _numpy(signal) * seen.examples / scale
    both = (gradients, tape.gradient(scaled, weights), tape.gradient(penalty, weights))
    kept = (seen.gradients, seen.data_gradients, seen.penalty_gradients)
    for store, own, factor in zip(kept, both, (scale, scale, 1.0), strict=True):
        for weight, gradient in zip(model.trainable_weights, own, strict=True):
            if gradient is not None:
                store[id(weight)] = _numpy(gradient) / factor
    restore()
    if getattr(model, "optimizer", None) is not None and seen.gradients:
        _step(seen, x)


def _step(seen: Observation, x: Any) -> None:
    """Take one step with a copy of the optimizer, and look at the same batch again."""
    model = seen.model
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    seen.rate, seen.peak_rate = _rates(optimizer)
    seen.warming_up = seen.rate == 0 < seen.peak_rate
    config = optimizer.get_config() | {
        "learning_rate": seen.peak_rate if seen.warming_up else seen.rate,
        "gradient_accumulation_steps": None,
    }
    try:
        copy = type(optimizer).from_config(config)
    except Exception:  # somebody's own optimizer, which need not allow copies
        copy = keras.optimizers.SGD(config["learning_rate"])
    weights = model.trainable_weights
    copy.build(weights)
    _copy_state(optimizer, copy)
    zeros = {id(w): np.zeros(w.shape, "float32") for w in weights}
    gradients = [tf.constant((zeros | seen.gradients)[id(w)], w.dtype) for w in weights]
    copy.apply_gradients(zip(gradients, weights, strict=True))
    seen.updates = {id(w): _numpy(w) - seen.weights[id(w)] for w in weights}
    loss = _total(seen.targets, _in_order(model, model(x, training=True)))
    seen.loss_after = float(loss) + float(sum(float(p) for p in model.losses))


def _rates(optimizer: Any) -> tuple[float, float]:
    """Return the learning rate now and the largest to come."""
    now = float(_numpy(optimizer.learning_rate))
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return now, now
    steps = np.unique(np.geomspace(1, 1e6, 61).astype(int))
    later = [float(_numpy(schedule(int(step)))) for step in steps]
    return now, max(now, *later)


def _copy_state(optimizer: Any, copy: Any) -> None:
    """Give the copy the moments and the step count; a rate and accumulators it has not."""

    def state(of: Any) -> list[Any]:
        passed_over = ("learning_rate", "gradient_accumulator")
        return [v for v in of.variables if not any(name in v.name for name in passed_over)]

    own, others = state(copy), state(optimizer)
    if [v.shape for v in own] == [v.shape for v in others]:
        for variable, other in zip(own, others, strict=True):
            variable.assign(other)


# Inputs and outputs


def _examples(name: str, data: Any) -> Any:
    """Return arrays in the structure of `data`."""
    if data is None or isinstance(data, tf.data.Dataset) or hasattr(data, "__next__"):
        raise TypeError(f"{name} must be an array, or a list or dict of arrays; received {data!r}")
    if isinstance(data, list | tuple) and not any(hasattr(part, "shape") for part in data):
        return np.asarray(data)  # numbers
    arrays = keras.tree.map_structure(np.asarray, data)
    for array in keras.tree.flatten(arrays):
        if array.ndim == 0:
            raise TypeError(f"{name} must be an array of examples; received {array!r}")
    return arrays


def _fixed_batch(model: Any) -> int | None:
    inputs = getattr(model, "inputs", None) if model.built else None
    return inputs[0].shape[0] if inputs else None


def _tensors(model: Any, arrays: Any) -> Any:
    """Return tensors of the dtypes that the model takes, so that layers see these very ones."""
    inputs = getattr(model, "inputs", None) if model.built else None
    flat = keras.tree.flatten(arrays)
    if inputs and len(inputs) == len(flat) and not isinstance(arrays, dict):
        dtypes = [i.dtype for i in inputs]
    else:
        dtypes = [keras.config.floatx() if a.dtype.kind == "f" else a.dtype.name for a in flat]
    tensors = [
        tf.convert_to_tensor(a if a.dtype.kind in "OUS" else a.astype(dtype))
        for a, dtype in zip(flat, dtypes, strict=True)
    ]
    return keras.tree.pack_sequence_as(arrays, tensors)


def _names(model: Any, outputs: Any) -> list[str]:
    if isinstance(outputs, dict):
        return sorted(outputs)
    return list(getattr(model, "output_names", None) or [])


def _in_order(model: Any, outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        return [outputs[name] for name in sorted(outputs)]
    return list(keras.tree.flatten(outputs))


def _find_targets(
    seen: Observation, outputs: list[Any], predictions: list[Any], chosen: Array, labels: Any
) -> None:
    model = seen.model
    names = _names(model, getattr(model, "output", None)) or _names(model, None)
    named = isinstance(labels, dict)
    flat = [labels[n] for n in names if n in labels] if named else keras.tree.flatten(labels)
    if len(flat) != len(outputs):
        raise ValueError(
            f"expected labels for {len(outputs)} outputs {names or ''}; received {len(flat)}"
        )
    activations = [
        next((c.activation for c in reversed(seen.calls) if c.a is output), "")
        for output in outputs
    ]
    losses = _for_outputs("loss", model.loss if model.compiled else None, names, len(outputs))
    weighting = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    weights = _for_outputs("loss_weights", weighting, names, len(outputs))
    if all(loss is None for loss in losses):
        losses = [
            _inferred(activation, a, prediction)
            for activation, a, prediction in zip(activations, flat, predictions, strict=True)
        ]
    for output, activation, loss, weight, a, prediction in zip(
        outputs, activations, losses, weights, flat, predictions, strict=True
    ):
        factor = (0.0 if loss is None else 1.0) if weight is None else float(weight)
        function = _as_loss("mse" if loss is None else loss, a, prediction)
        shown = a[chosen], a, function, factor, activation
        seen.targets.append(Target(output, _numpy(prediction), *shown))


def _for_outputs(what: str, given: Any, names: Sequence[str], number: int) -> list[Any]:
    if isinstance(given, dict):
        unknown = set(given) - set(names)
        if unknown:
            raise ValueError(f"{what} names no output of {list(names)}: {sorted(unknown)}")
        return [given.get(name) for name in names]
    if isinstance(given, list | tuple):
        if len(given) != number:
            raise ValueError(f"expected a {what} for {number} outputs; received {len(given)}")
        return list(given)
    return [given] * number


def _inferred(activation: str, labels: Array, prediction: Any) -> str | Any:
    """Return the loss that goes with the output; raise if nothing tells."""
    units = prediction.shape[-1] if len(prediction.shape) > 1 else 1
    whole = labels.dtype.kind in "iub" and labels.ndim < len(prediction.shape) + (units == 1)
    if activation == "sigmoid":
        return "binary_crossentropy"
    if activation == "softmax":
        same = labels.shape[1:] == tuple(prediction.shape[1:])
        return _CROSSENTROPIES[0] if same else _CROSSENTROPIES[1]
    if activation in ("", "linear") and labels.dtype.kind == "f":
        return "mse"
    if activation in ("", "linear") and whole and units > 1:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, name="loss")
    raise ValueError(
        "the model has no loss, and its output tells none (expected softmax, sigmoid, or linear "
        f"with float labels; received {activation or 'none'} with {labels.dtype} labels): "
        "compile it with a loss first"
    )


class _Function(keras.losses.Loss):
    """A loss function as a Loss, whose name does not count up Keras's automatic names."""

    def __init__(self, fn: Callable[[Any, Any], Any]) -> None:
        super().__init__(name="loss")
        self.fn = fn

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Labels (n,) for outputs (n, 1), as `fit` takes them
        if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
            y_true = keras.ops.expand_dims(y_true, -1)
        return self.fn(y_true, y_pred)


def _as_loss(loss: Any, labels: Array, prediction: Any) -> Any:
    if isinstance(loss, keras.losses.Loss):
        return loss
    if loss in ("crossentropy", "ce"):
        if prediction.shape[-1] == 1:
            loss = "binary_crossentropy"
        else:
            loss = _CROSSENTROPIES[labels.shape[1:] != tuple(prediction.shape[1:])]
    found = keras.losses.get(loss)
    return found if isinstance(found, keras.losses.Loss) else _Function(found)


def _total(targets: Sequence[Target], outputs: Sequence[Any]) -> Any:
    """Return the loss, without penalties."""
    for target, output in zip(targets, outputs, strict=True):
        classes = output.shape[-1]
        sparse = target.kind.startswith("sparse_categorical") and classes > 1
        if sparse and not ((target.labels >= 0) & (target.labels < classes)).all():
            # TensorFlow would print all of them before it raises
            raise ValueError(f"expected labels from 0 to {classes - 1}")
    terms = [
        target.weight * target.loss(target.labels, output)
        for target, output in zip(targets, outputs, strict=True)
        if target.weight
    ]
    return tf.reduce_mean(tf.add_n([tf.reduce_mean(tf.cast(t, tf.float32)) for t in terms]))


# Taps


def leaves(layer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the layers that compute, with their names inside nested models.

    What calls its inner layers step by step, as recurrent layers call their cells, is one layer.
    """
    if isinstance(layer, keras.Model):
        children = layer.layers
    else:
        children = list(layer._flatten_layers(include_self=False, recursive=False))
    whole = (keras.layers.RNN, keras.layers.Wrapper, keras.layers.Bidirectional)
    if isinstance(layer, whole) or hasattr(layer, "kernel") or not children:
        yield path + layer.name, layer
        return
    inside = path if not path and isinstance(layer, keras.Model) else f"{path}{layer.name}/"
    for child in children:
        yield from leaves(child, inside or "./")


@contextmanager
def _tapped(model: Any, x: Any, calls: list[Call], tape: Any) -> Iterator[None]:
    """Let each layer note its calls; instance attributes shadow the methods and go again."""
    raw = {id(tensor): tensor for tensor in keras.tree.flatten(x)}
    undo: list[Callable[[], None]] = []
    known = set()
    try:
        for name, layer in leaves(model):
            if id(layer) not in known:
                known.add(id(layer))
                _tap(layer, name.removeprefix("./"), calls, raw, tape, undo)
        yield
    finally:
        for back in reversed(undo):
            back()


def _tap(
    layer: Any,
    name: str,
    calls: list[Call],
    raw: dict[int, Any],
    tape: Any,
    undo: list[Callable[[], None]],
) -> None:
    call, activation = layer.call, layer.__dict__.get("activation")
    sums: list[Any] = []
    number = 0

    def noting_call(*args: Any, **kwargs: Any) -> Any:
        nonlocal number
        sums.clear()
        out = call(*args, **kwargs)
        a = keras.tree.flatten(out)[0]
        if not _eager_float(a):
            return out
        inputs = [t for t in keras.tree.flatten((args, kwargs)) if tf.is_tensor(t)]
        function = _activation_name(layer)
        own_function = not layer.weights and function
        z = sums[-1] if sums else inputs[0] if own_function and inputs else a
        tape.watch(a)  # also where everything is frozen
        number += 1
        fed = any(id(t) in raw for t in inputs)
        label = name if number == 1 else f"{name} (call {number})"
        calls.append(Call(layer, label, function, inputs, z, a, fed))
        if fed and (not layer.weights or isinstance(layer, keras.layers.Normalization)):
            raw[id(a)] = a
        return out

    def noting_activation(z: Any, *args: Any, **kwargs: Any) -> Any:
        if _eager_float(z):
            tape.watch(z)
            sums.append(z)
        return activation(z, *args, **kwargs)

    _shadow(layer, "call", noting_call, undo)
    if callable(activation):
        _shadow(layer, "activation", noting_activation, undo)
        # The name is asked for while the function is shadowed
        noting_activation.__name__ = _name_of(activation)


def _shadow(layer: Any, name: str, value: Any, undo: list[Callable[[], None]]) -> None:
    """Set an attribute past Keras's tracking, which would remember it."""
    before = layer.__dict__.get(name)
    if name in layer.__dict__:
        undo.append(lambda: layer.__dict__.__setitem__(name, before))
    else:
        undo.append(lambda: layer.__dict__.pop(name, None))
    layer.__dict__[name] = value


def _eager_float(tensor: Any) -> bool:
    eager = tf.is_tensor(tensor) and tf.executing_eagerly() and hasattr(tensor, "numpy")
    return bool(eager and tensor.dtype.is_floating)


def _name_of(activation: Any) -> str:
    named = getattr(activation, "__name__", None) or getattr(activation, "name", "")
    return str(named or type(activation).__name__)


_OWN_FUNCTION = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax"
}  # fmt: skip


def _activation_name(layer: Any) -> str:
    """Return the name of a layer's activation function, or nothing."""
    name = _OWN_FUNCTION.get(type(layer).__name__, "")
    if not name and callable(getattr(layer, "activation", None)):
        name = _name_of(layer.activation)
    if not name and isinstance(layer, keras.layers.Wrapper | keras.layers.Bidirectional):
        inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
        name = _activation_name(inner) if inner is not None else ""
    return "" if name == "linear" else name


# Nothing is left behind


@contextmanager
def _kept(model: Any) -> Iterator[Callable[[], None]]:
    """Give back all variables as they were, random seeds among them; yield what does it."""
    variables = {id(v): v for v in [*model.variables, *model.metrics_variables]}
    values = {key: v.value.numpy() for key, v in variables.items()}
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "_losses")]
    losses = [list(layer._losses) for layer in layers]
    # Keras numbers what is made without a name
    names = keras.src.backend.common.global_state.get_global_attribute("object_name_uids", {})
    numbers = dict(names)

    def restore() -> None:
        for key, variable in variables.items():
            # Past `assign`, which would apply the optimizer's or the dtype policy's ideas
            variable.value.assign(values[key])

    try:
        yield restore
    finally:
        restore()
        for layer, before in zip(layers, losses, strict=True):
            layer._losses[:] = before
        names.clear()
        names.update(numbers)


@contextmanager
def _kept_random_state() -> Iterator[None]:
    """Give back the state of Python's, NumPy's and Keras's global generators."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    everywhere = keras.src.backend.common.global_state
    seeds = everywhere.get_global_attribute("global_seed_generator")
    state = None if seeds is None else seeds.state.value.numpy()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        if seeds is None:
            everywhere.set_global_attribute("global_seed_generator", None)
        else:
            seeds.state.value.assign(state)


def _numpy(value: Any) -> Array:
    tensor = value.value if isinstance(value, keras.Variable) else value
    array = keras.ops.convert_to_numpy(tf.convert_to_tensor(tensor))
    return array.astype("float64") if array.dtype.kind == "f" else array
