r"""A rule of :mod:`companion.optimizers` as a Keras optimizer.

Keras compiles a training step once, from symbolic tensors, which NumPy's functions do not take.
An :class:`_Array` takes them: it hands every operation of NumPy's on it to the function of the
same name in ``keras.ops``. So the very ``update`` that steps arrays is what Keras compiles:

>>> import keras
>>> import numpy as np
>>> tensor = keras.ops.convert_to_tensor([-9.0, 16.0])
>>> root = np.sqrt(np.abs(_Array(tensor))) + 1
>>> keras.ops.convert_to_numpy(root.tensor).tolist()
[4.0, 5.0]
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from companion._checks import check_learning_rate
from companion.keras._saving import decode, encode
from companion.optimizers import Momentum, Nesterov, Rule


class KerasRule(keras.optimizers.Optimizer):
    r"""A rule of :mod:`companion.optimizers` as a Keras optimizer.

    .. math:: \theta \leftarrow \theta - \text{step}(g, \text{state}, \theta, t, \eta)

    for each variable :math:`\theta` of the model, in ``fit`` as Keras compiles it, with and
    without ``jit_compile=True``.

    Parameters
    ----------
    rule : Rule
        The update rule, such as ``Adam()``, or a dataclass of your own with the same two methods,
        made of arithmetic and of NumPy functions that ``keras.ops`` has, too.
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule, default 0.001
        :math:`\eta`, at least 0, or a schedule such as :class:`KerasSchedule`.
    **options
        Those of every Keras optimizer: ``name``, ``clipnorm``, ``clipvalue``,
        ``global_clipnorm``, ``use_ema``, ``gradient_accumulation_steps``. The ``weight_decay``
        among them comes on top of that of :class:`~companion.optimizers.AdamW`.

    Attributes
    ----------
    rule : Rule
        As given.

    Raises
    ------
    TypeError
        When ``rule`` has no ``init`` and ``update``, or ``learning_rate`` is neither a number nor
        a schedule of Keras's; while the step is compiled, when the rule asks a tensor for its
        values (a condition, ``float()``) or for a function that ``keras.ops`` lacks.
    ValueError
        When ``learning_rate`` is negative or not finite.

    Notes
    -----
    Everything is computed in the variable's dtype, also :math:`t`, :math:`\eta` and the powers of
    the :math:`\beta`, as in Keras's own optimizers. In float32 :math:`1 - \beta_2^t` thereby has
    a relative error of up to 2e-5 (at :math:`t` = 2, with :math:`\beta_2` = 0.999), which
    :class:`companion.optimizers.Optimizer` has not; in float64 the two agree to 1e-12. Gradients
    of embeddings are made dense.

    A file of a rule of your own is read with ``load_model(path, custom_objects={"Name": Name})``.

    Examples
    --------
    >>> from companion.optimizers import Adam
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(KerasRule(Adam(beta_1=0.8), learning_rate=0.01), loss="mse")
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=3, verbose=0)
    >>> int(model.optimizer.iterations)
    3
    """

    def __init__(self, rule: Rule, learning_rate: Any = 0.001, **options: Any) -> None:
        if isinstance(rule, type) or not (hasattr(rule, "init") and hasattr(rule, "update")):
            raise TypeError(f"rule must have init and update, as Adam() has; received {rule!r}")
        super().__init__(_check_rate(learning_rate), **options)
        self.rule = rule
        if isinstance(rule, Momentum | Nesterov):
            self._momentum = self.add_variable((), _constant(rule.beta), name="momentum")

    @property
    def momentum(self) -> Any:
        r"""The momentum :math:`\beta` of ``Momentum`` and ``Nesterov``, a variable.

        Like ``learning_rate`` it may be set during the training, by :class:`OneCycle` for
        example. (The momentum of Keras's ``SGD`` is a constant in the compiled step.)
        """
        return self._momentum

    @momentum.setter
    def momentum(self, beta: float) -> None:
        rule: Any = self.rule
        self._momentum.assign(replace(rule, beta=beta).beta)  # the rule checks it

    def build(self, variables: list[Any]) -> None:
        """Make the state of each variable."""
        if self.built:
            return
        super().build(variables)
        self._states = [self._init(variable) for variable in variables]

    def _init(self, variable: Any) -> tuple[Any, ...]:
        # A number in the state (Nadam's) becomes a scalar variable. What is assigned in ``build``
        # is lost when ``fit`` calls it; what an initializer gives is not.
        state = self.rule.init(np.zeros(variable.shape, variable.dtype))
        return tuple(
            self.add_variable(
                np.shape(value),
                _constant(value),
                variable.dtype,
                name=f"{variable.path.replace('/', '_')}_state_{i}",
            )
            for i, value in enumerate(state)
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take one step of one variable."""

        def array(value: Any) -> _Array:
            tensor = keras.ops.convert_to_tensor(value)
            return _Array(keras.ops.cast(tensor, variable.dtype))

        rule: Any = self.rule
        if isinstance(rule, Momentum | Nesterov):
            rule = copy.copy(rule)
            object.__setattr__(rule, "beta", array(self._momentum))  # past its check for numbers
        state = self._states[self._get_variable_index(variable)]
        step, new = rule.update(
            array(gradient),
            tuple(array(value) for value in state),
            array(variable),
            array(self.iterations + 1),
            array(learning_rate),
        )
        for old, value in zip(state, new, strict=True):
            self.assign(old, _tensor(value))
        self.assign_sub(variable, _tensor(step))

    def get_config(self) -> dict[str, Any]:
        """Return what a ``.keras`` file stores."""
        return {**super().get_config(), "rule": encode(self.rule)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> KerasRule:
        """Return the optimizer that a ``.keras`` file describes."""
        return super().from_config({**config, "rule": decode(config["rule"])}, custom_objects)


keras.saving.register_keras_serializable("companion")(KerasRule)


class _Array(np.lib.mixins.NDArrayOperatorsMixin):
    """A tensor that NumPy takes for an array."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented  # NumPy raises a TypeError
        return _call(ufunc, *inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, inputs: Any, options: Any
    ) -> Any:
        return _call(function, *inputs, **options)

    def _refuse(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("expected arithmetic; received a request for a symbolic tensor's values")

    __array__ = __bool__ = __float__ = __int__ = _refuse


def _call(function: Callable[..., Any], *inputs: Any, **options: Any) -> _Array:
    """Call Keras's function of the same name as NumPy's."""
    counterpart = getattr(keras.ops, function.__name__, None)
    if counterpart is None:
        raise TypeError(f"expected a function of keras.ops; received {function.__name__}")
    return _Array(counterpart(*map(_tensor, inputs), **options))


def _tensor(value: Any) -> Any:
    return value.tensor if isinstance(value, _Array) else value


def _constant(value: Any) -> Any:
    return keras.initializers.Constant(np.asarray(value))  # a bare 0.9 becomes float32's 0.9


def _check_rate(rate: Any) -> Any:
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate
    if callable(rate):
        raise TypeError(
            "learning_rate must be a number or a schedule of Keras's, such as "
            f"KerasSchedule(schedule, steps); received {rate!r}"
        )
    return check_learning_rate(rate)
