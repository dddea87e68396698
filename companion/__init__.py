"""Reference implementations for training deep neural networks, in NumPy.

The package has floors, and each imports only from the floors below it: the modules directly
in it are the formulas, :mod:`companion.network` trains with them, :mod:`companion.lab` runs
the experiments of the book. :mod:`companion.check` tries a reader's own formulas,
:mod:`companion.keras` puts ours into Keras.
"""

__version__ = "0.1.0"
