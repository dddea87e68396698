"""What is wrong with a Keras network that does not train."""

from __future__ import annotations

from typing import Any

from companion.keras import _ailments
from companion.keras._observation import observe
from companion.keras._report import Finding, Layer, Report

__all__ = ["Finding", "Layer", "Report", "diagnose"]


def diagnose(model: Any, x: Any, y: Any) -> Report:
    r"""Look at what flows through a Keras network, and name what keeps it from training.

    A batch of at most 256 examples, evenly spread over the data, runs through the model in
    training mode and back, once more after one step with a copy of its optimizer, and once in
    inference mode. Each call of a layer with sums :math:`z_l = a_{l-1} W_l` and output
    :math:`a_l = f(z_l)` is measured with the book's six dials:

    .. math:: \mathrm{std}(a_l),\quad \text{saturated share},\quad \text{dead share}, \\
              \mathrm{RMS}\Big(n \frac{\partial \mathcal L}{\partial z_l}\Big),\quad
              \frac{\mathrm{RMS}(\partial \mathcal L / \partial W_l)}{\mathrm{RMS}(W_l)},\quad
              \frac{\mathrm{RMS}(\Delta W_l)}{\mathrm{RMS}(W_l)},

    :math:`n` being the number of examples and :math:`\Delta W_l` the step of the optimizer.

    Parameters
    ----------
    model : keras.Model
        Sequential, functional or subclassed, on the TensorFlow backend. Without a compiled loss,
        the usual one for its last activation function is taken; without an optimizer nothing is
        said about steps. It is left as it was, weights, moving statistics, optimizer and random
        seeds included; one that is not built yet gets built, as ``fit`` would do.
    x : array of shape (n, ...), or list or dict of arrays
        What ``model.fit`` gets. All of it is searched for defects, the batch is taken from it.
    y : array of shape (n, ...), or list or dict of arrays
        The labels or targets.

    Returns
    -------
    Report
        True when nothing is wrong; with findings, each with its symptom, likely cause, cure and
        chapter, a table of the layers, and ``figure()``.

    Raises
    ------
    TypeError
        If ``model`` is no Keras model, or ``x`` or ``y`` no arrays.
    ValueError
        If ``x`` and ``y`` differ in length, or the model has no loss and its output tells none.

    Notes
    -----
    The thresholds are rules of thumb, far from what healthy networks show. A layer that Keras
    calls inside another's loop, such as a recurrent cell, is seen as one with the outer layer.
    Losses that are made in an overridden ``train_step`` or ``compute_loss`` are not seen.

    References
    ----------
    Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks; Karpathy (2022), Neural networks: zero to hero, part 4 (the ratios).

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    >>> y = (x[:, 0] > 0).astype(int)
    >>> far_down = keras.initializers.Constant(-20)
    >>> model = keras.Sequential([
    ...     keras.Input((8,)),
    ...     keras.layers.Dense(16, "relu", bias_initializer=far_down, name="hidden"),
    ...     keras.layers.Dense(2, "softmax"),
    ... ])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> report = diagnose(model, x, y)
    >>> bool(report), report.findings[0].ailment, report.findings[0].symptom
    (False, 'dead units', 'hidden: 100% of the 16 units are 0 for all 64 examples.')
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a keras.Model; received {type(model).__name__}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"needs Keras on TensorFlow; received {keras.backend.backend()}")
    seen = observe(model, x, y)
    findings = _ailments.find(seen)
    if seen.error is not None and not findings:
        raise seen.error
    return Report(_title(model, seen), findings, tuple(_ailments.layers(seen)))


def _title(model: Any, seen: Any) -> str:
    title = f"{model.name}, {seen.examples} examples"
    if seen.error is None:
        title += f", loss {seen.loss:.3g}"
        guessing = _ailments.guessing(seen)
        if guessing is not None:
            title += f" (guessing: {guessing:.3g})"
    return title
