"""Reference implementations for training deep neural networks, in NumPy.

The package has floors, and each imports only from the floors below it: the modules directly
in it are the formulas, :mod:`companion.network` trains with them, :mod:`companion.lab` runs
the experiments of the book. :mod:`companion.check` tries a reader's own formulas,
:mod:`companion.keras` puts ours into Keras.

Arrays are NumPy arrays of floats; the network also takes lists and integers. What makes no sense
is refused before anything is done: a ``ValueError``, or a ``TypeError`` where the kind is wrong,
says which argument it was, what was expected and what came.
"""

__version__ = "0.1.0"
