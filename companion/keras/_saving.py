"""How rules, schedules and functions stand in the configuration of a Keras object."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import keras

from companion import initializers, optimizers, schedules

_OWN = {
    name: value
    for module in (initializers, optimizers, schedules)
    for name, value in vars(module).items()
    if getattr(value, "__module__", None) == module.__name__
}


def encode(value: Any) -> Any:
    """Name a dataclass or function, with its arguments; leave plain values as they are."""
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        named: Any = type(value)
        arguments = {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    elif isinstance(value, partial) and not value.args:
        named, arguments = value.func, {k: encode(v) for k, v in value.keywords.items()}
    elif callable(value):
        named, arguments = value, {}
    else:
        return value
    if not hasattr(named, "__name__"):
        raise TypeError(f"expected a dataclass or a function, to save its name; received {value!r}")
    return {"name": keras.saving.get_registered_name(named), "arguments": arguments}


def decode(value: Any) -> Any:
    """Return what was encoded; names that are not the package's are Keras's custom objects."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = keras.saving.get_registered_object(value["name"], module_objects=_OWN)
    if named is None:
        raise ValueError(
            f"expected a rule, schedule or initializer of companion; received {value['name']!r} "
            f"(pass your own to load_model: custom_objects={{{value['name']!r}: ...}})"
        )
    arguments = {name: decode(argument) for name, argument in value["arguments"].items()}
    if isinstance(named, type):
        return named(**arguments)
    return partial(named, **arguments) if arguments else named
