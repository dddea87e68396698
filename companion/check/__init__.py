"""Checks for a reader's own implementation, which say what is wrong with it.

Each check tries a function or a rule against the mathematics (finite differences, invariants)
and against ours, and returns a :class:`Report`: true when every property holds; its text names
each property, what was measured, what was expected and the likely mistake. Another convention,
such as PyTorch's momentum or the paper's epsilon, is recognized by name and is no mistake.

=====================  ============================================  ==========================
check                  the function is called as                     ``like``
=====================  ============================================  ==========================
:func:`activation`     ``f(z)`` and ``f_grad(z)``                    "gelu", "relu", ...
:func:`initializer`    ``f(rng, shape)``                             "he_normal", ...
:func:`batch_norm`     ``forward(x, gamma, beta, epsilon=...)``,
                       ``backward(dy, cache)``
:func:`clipping`       ``f(gradient, limit)``                        "clip_by_norm", ...
:func:`optimizer`      ``init(weights)``, ``update(gradient,         ``Adam()``, ...
                       state, weights, t, learning_rate)``
:func:`schedule`       ``f(step)``                                   ``OneCycle(...)``, ...
:func:`dropout`        ``f(x, mask, rate)``                          "dropout", ...
=====================  ============================================  ==========================

A hint is a hypothesis that was computed: a table of known mistakes is evaluated, and the one
that gives what the reader's function gave is named. A function that raises is reported.

Examples
--------
>>> import numpy as np
>>> from companion import check
>>> def relu(z):
...     z[z < 0] = 0
...     return z
>>> def relu_grad(z):
...     return np.where(z > 0, np.ones_like(z), 0)
>>> report = check.activation(relu, relu_grad, like="relu")
>>> bool(report)
False
>>> print(report.failures[0])
  FAILS arguments are not changed
        measured: float32: changed by the call
        expected: as before
        likely:   an operator in place (+=, *=, out=, an assignment to a slice) works on an argument
"""

from companion.check._activation import activation
from companion.check._batch_norm import batch_norm
from companion.check._clipping import clipping
from companion.check._dropout import dropout
from companion.check._initializer import initializer
from companion.check._optimizer import optimizer
from companion.check._report import Property, Report
from companion.check._schedule import schedule

__all__ = [
    "Property",
    "Report",
    "activation",
    "batch_norm",
    "clipping",
    "dropout",
    "initializer",
    "optimizer",
    "schedule",
]
