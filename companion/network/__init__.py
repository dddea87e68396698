"""A small engine that trains dense networks with the formulas of the ground floor."""

from companion.network.layers import Activation, BatchNormalization, Dense, Flatten, Layer
from companion.network.learned import PReLU, Swish
from companion.network.model import Sequential
from companion.network.noise import AlphaDropout, Dropout
from companion.network.saving import load
from companion.network.training import Callback, EarlyStopping, History, TerminateOnNaN

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
    "PReLU",
    "Sequential",
    "Swish",
    "TerminateOnNaN",
    "load",
]
