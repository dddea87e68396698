"""The book's formulas in a reader's Keras network, and a diagnosis of one that does not train."""

from companion.keras._report import Finding, Layer, Report
from companion.keras.diagnosis import diagnose

__all__ = ["Finding", "Layer", "Report", "diagnose"]
