"""Saving a model, with everything that its training needs to go on, in one ``.npz`` file.

The file holds arrays and one JSON text, nothing that is executed when it is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from companion import (
    activations,
    constraints,
    initializers,
    optimizers,
    regularizers,
    schedules,
)
from companion.network.layers import Activation, BatchNormalization, Dense, Flatten, Layer
from companion.network.learned import PReLU, Swish
from companion.network.model import Sequential
from companion.network.noise import AlphaDropout, Dropout
from companion.network.recurrent import SimpleRNN
from companion.optimizers import Optimizer

FORMAT = 1


def _own(*modules: ModuleType) -> dict[str, dict[str, Any]]:
    """Return what modules define, by name: no file can name anything else."""
    return {
        m.__name__: {k: v for k, v in vars(m).items() if getattr(v, "__module__", "") == m.__name__}
        for m in modules
    }


_FUNCTIONS = _own(activations, constraints, initializers, regularizers)
_LAYERS = {
    kind.__name__: kind
    for kind in (
        Activation,
        AlphaDropout,
        BatchNormalization,
        Dense,
        Dropout,
        Flatten,
        PReLU,
        SimpleRNN,
        Swish,
    )
}
_CLASSES = _own(optimizers, schedules)


def save(
    path: str | os.PathLike[str], model: Sequential, optimizer: Optimizer | None = None
) -> None:
    """Write a model, its random streams and, if given, its optimizer to one file.

    Parameters
    ----------
    path : path
        Where to; the file appears only when it is complete, and replaces an older one.
    model : Sequential
        Of the package's layers, with the package's functions.
    optimizer : Optimizer, optional
        With a rule and schedules of the package.

    Raises
    ------
    ValueError
        If a layer, function, rule or schedule is not one of the package's, so that a name could
        not stand for it.

    See Also
    --------
    load : reads the file.
    """
    if not hasattr(model, "layers"):
        raise TypeError(f"model must be a Sequential; received {model!r}")
    description: dict[str, Any] = {
        "format": FORMAT,
        "dtype": model.dtype.name,
        "input_shape": model.input_shape,
        "layers": [
            {
                "class": _name(layer),
                "trainable": layer.trainable,
                "configuration": {k: _encode(v) for k, v in layer.configuration().items()},
            }
            for layer in model.layers
        ],
        "streams": [g.bit_generator.state for g in (model.shuffle_rng, model.mask_rng)],
    }
    arrays = {f"weights_{i}": values for i, values in enumerate(model.get_weights())}
    if optimizer is not None:
        state = optimizer.state
        description["optimizer"] = {
            "rule": _encode(optimizer.rule),
            "learning_rate": _encode(optimizer.learning_rate),
            "schedules": {name: _encode(s) for name, s in optimizer.schedules.items()},
            "t": optimizer.t,
            "state": state and [None if isinstance(v, np.ndarray) else v for v in state],
        }
        for i, value in enumerate(state or ()):
            if isinstance(value, np.ndarray):
                arrays[f"state_{i}"] = value
    _write(Path(path), {"description": np.array(json.dumps(description)), **arrays})


def _write(path: Path, arrays: dict[str, Any]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def load(path: str | os.PathLike[str]) -> tuple[Sequential, Optimizer | None]:
    """Read what :meth:`Sequential.save` wrote; training goes on as if never interrupted.

    Parameters
    ----------
    path : path
        The ``.npz`` file.

    Returns
    -------
    model : Sequential
    optimizer : Optimizer or None
        None if it was not saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a model saved by this package, or is damaged.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from companion.network import Dense, Sequential, load
    >>> model = Sequential([Dense(2, "relu")], (3,), np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(pathlib.Path(folder) / "model.npz")
    ...     again, _ = load(pathlib.Path(folder) / "model.npz")
    >>> bool(np.all(again.weights == model.weights))
    True
    """
    try:
        with open(path, "rb") as stored, np.load(stored, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        description = json.loads(str(arrays["description"]))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"expected a model saved by companion; {path} is not: {error}") from error
    if description.get("format") != FORMAT:
        raise ValueError(
            f"expected a model file of format {FORMAT}; {path} has {description.get('format')}"
        )
    try:
        return _restore(description, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"expected a model saved by companion; {path} was changed: {error!r}"
        ) from error


def _restore(
    description: dict[str, Any], arrays: dict[str, Any]
) -> tuple[Sequential, Optimizer | None]:
    layers = []
    for entry in description["layers"]:
        kind = _LAYERS[entry["class"]]
        layers.append(kind(**{k: _decode(v) for k, v in entry["configuration"].items()}))
    model = Sequential(
        layers, tuple(description["input_shape"]), np.random.default_rng(0), description["dtype"]
    )
    for layer, entry in zip(layers, description["layers"], strict=True):
        layer.trainable = entry["trainable"]
    count = sum(name.startswith("weights_") for name in arrays)
    model.set_weights([arrays[f"weights_{i}"] for i in range(count)])
    for stream, state in zip(
        (model.shuffle_rng, model.mask_rng), description["streams"], strict=True
    ):
        stream.bit_generator.state = state
    return model, _optimizer(description.get("optimizer"), arrays)


def _optimizer(saved: dict[str, Any] | None, arrays: dict[str, Any]) -> Optimizer | None:
    if saved is None:
        return None
    optimizer = Optimizer(
        _decode(saved["rule"]),
        _decode(saved["learning_rate"]),
        schedules={name: _decode(s) for name, s in saved["schedules"].items()},
    )
    optimizer.t = saved["t"]
    if saved["state"] is not None:
        optimizer.state = tuple(
            arrays.get(f"state_{i}", value) for i, value in enumerate(saved["state"])
        )
    return optimizer


def _name(layer: Layer) -> str:
    name = type(layer).__name__
    if _LAYERS.get(name) is not type(layer):
        raise ValueError(
            f"expected layers of the package, to save them by name; received {layer!r}"
        )
    return name


def _encode(value: Any) -> Any:
    """Name a function or dataclass of the package; leave plain values as they are."""
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__ in _CLASSES:
        return {"class": [type(value).__module__, type(value).__name__], "fields": asdict(value)}
    if not callable(value):
        return value
    keywords: dict[str, Any] = {}
    if isinstance(value, partial) and not value.args:
        value, keywords = value.func, value.keywords
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if _FUNCTIONS.get(str(module), {}).get(str(name)) is not value:
        raise ValueError(
            f"expected a function, rule or schedule of the package, to save it by name; "
            f"received {value!r}"
        )
    return {"function": [module, name], "keywords": keywords}


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and "class" in value:
        module, name = value["class"]
        return _CLASSES[module][name](**value["fields"])
    if isinstance(value, dict) and "function" in value:
        module, name = value["function"]
        function = _FUNCTIONS[module][name]
        return partial(function, **value["keywords"]) if value["keywords"] else function
    return value
