"""Compiled functions that several adaptive filters share. They import nothing else from `cancellers/`.

A kernel receives signals, a state and settings, the last two as named tuples. It works on one signal, or on all signals
of a flat batch, and writes only to its output and to the state that it receives.
"""

import os

# The Fourier transforms run on one thread. If this is not set, the library reads OMP_NUM_THREADS and fails for values
# that are not a number, such as "" or "4,2", which OpenMP allows.
os.environ.setdefault("DUCC0_NUM_THREADS", "1")
