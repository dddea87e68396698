"""A small engine that trains dense networks with the formulas of this package."""

from companion.network.layers import Activation, BatchNormalization, Dense, Flatten, Layer
from companion.network.model import Sequential
from companion.network.saving import load
from companion.network.training import Callback, EarlyStopping, History, TerminateOnNaN

__all__ = [
    "Activation",
    "BatchNormalization",
    "Callback",
    "Dense",
    "EarlyStopping",
    "Flatten",
    "History",
    "Layer",
    "Sequential",
    "TerminateOnNaN",
    "load",
]
