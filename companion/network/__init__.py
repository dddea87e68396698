"""A small engine that trains dense and recurrent networks with the formulas of the ground floor."""

from companion.network.layers import Activation, BatchNormalization, Dense, Flatten, Layer
from companion.network.model import Sequential
from companion.network.recurrent import SimpleRNN
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
    "SimpleRNN",
    "TerminateOnNaN",
    "load",
]
