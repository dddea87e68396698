"""The book's formulas as Keras objects, to be used in one's own models.

================================  ==================================================================
:class:`KerasRule`                an optimizer rule, inside Keras's compiled ``fit``
:class:`KerasInitializer`         an initializer
:class:`KerasSchedule`            a learning-rate schedule
:class:`OneCycle`                 the 1cycle schedule of rate and momentum, a callback
:class:`MCDropout`                dropout that stays active in predictions
:class:`MCAlphaDropout`           the same for networks of SELU
:class:`Swish`                    the activation that learns its beta
:func:`to_keras`                  a companion network as a Keras model
:func:`copy_weights`              weights from one to the other, in both directions
:func:`fold_batch_norm`           a Keras model without the batch normalization after its layers
:func:`diagnose`                  what is wrong with a network that does not train
================================  ==================================================================

Importing this package imports Keras; ``import companion`` does not. All objects are saved in
``.keras`` files; import this package before ``keras.saving.load_model`` reads one. Keras writes
over an older file as it goes, and a full disk or an interruption leaves neither: save under another
name, then ``os.replace``.

Tested on Keras 3 with TensorFlow, one device and one precision (float32 or float64): mixed
precision and training on several devices are not supported.
"""

import importlib

try:
    importlib.import_module("keras")
except ImportError as error:
    raise ImportError(
        f"companion.keras needs Keras 3 and TensorFlow, its backend: {error}. "
        "Install them (pip install tensorflow); KERAS_BACKEND must be unset or tensorflow"
    ) from error

from companion.keras.conversion import copy_weights, fold_batch_norm, to_keras
from companion.keras.diagnosis import diagnose
from companion.keras.initializers import KerasInitializer
from companion.keras.layers import MCAlphaDropout, MCDropout, Swish
from companion.keras.rules import KerasRule
from companion.keras.schedules import KerasSchedule, OneCycle

__all__ = [
    "KerasInitializer",
    "KerasRule",
    "KerasSchedule",
    "MCAlphaDropout",
    "MCDropout",
    "OneCycle",
    "Swish",
    "copy_weights",
    "diagnose",
    "fold_batch_norm",
    "to_keras",
]
