"""A small engine that trains dense and recurrent networks with the formulas of this package."""

from companion.network.layers import Activation, BatchNormalization, Dense, Flatten, Layer
from companion.network.learned import PReLU, Swish
from companion.network.model import Sequential
from companion.network.noise import AlphaDropout, Dropout
from companion.network.recurrent import SimpleRNN
from companion.network.saving import load
from companion.network.training import (
    Callback,
    EarlyStopping,
    History,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

__all__ = [
    "Activation",
    "AlphaDropout",
    "BatchNormalization",
    "Callback",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Flatten",
    "History",
    "Layer",
    "LearningRateScheduler",
    "PReLU",
    "ReduceLROnPlateau",
    "Sequential",
    "SimpleRNN",
    "Swish",
    "TerminateOnNaN",
    "load",
]
