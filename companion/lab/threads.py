"""One thread for every numerical library, for processes that share the machine."""

#: Environment that keeps BLAS, OpenMP, Numba and TensorFlow to one thread. It acts on
#: processes started with it: a library reads it once, when it is loaded.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
