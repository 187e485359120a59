"""Nonlinearity with memory: a second-order Volterra filter with a short kernel.

A. Stenger, L. Trautmann and R. Rabenstein, "Nonlinear acoustic echo cancellation with 2nd order adaptive Volterra
filters", ICASSP 1999.
"""

import numpy as np

from aecbench.dsp.convolve import convolve
from aecbench.scenes.devices.device import Device
from aecbench.scenes.loudspeaker import block_dc
from aecbench.scenes.loudspeaker.model import Range
from aecbench.signals import Array

__all__ = ["DEVICE", "kernel", "quadratic", "volterra"]

SMALLEST = 1e-6  # eigenvalues of a kernel, relative to the largest one, that are left out


def volterra(x: Array, rate: int, strength: float, decay: float, frequency: float) -> Array:
    """The signal y = x + quadratic(x) [..., T] without DC, with a `kernel` that rings at `frequency` Hz for `decay` s.

    The quadratic part is at most `strength` times the square of the peak of x. It is computed at the plain rate:
    sums of frequencies above Nyquist alias, weakened by the kernel.
    """
    return x + block_dc(quadratic(x, kernel(rate, strength, decay, frequency)))


def kernel(rate: int, strength: float, decay: float, frequency: float) -> Array:
    """h[i, j] = c exp(-(i + j) / (rate decay)) cos(2 pi frequency (i - j) / rate), symmetric [N, N], N = 4 rate decay.

    c makes the magnitudes sum to `strength`.
    """
    i = np.arange(max(1, round(4 * rate * decay)))
    h = np.exp(-(i[:, None] + i) / (rate * decay)) * np.cos(2 * np.pi * frequency * (i[:, None] - i) / rate)
    return np.asarray(strength * h / np.abs(h).sum())


def quadratic(x: Array, h: Array) -> Array:
    """y[n] = sum over i and j of h[i, j] x[n - i] x[n - j], for a symmetric kernel h [N, N]: [..., T].

    The kernel's eigenvectors are filters and its eigenvalues weigh the squares of their outputs.
    """
    values, vectors = np.linalg.eigh(h)
    y = np.zeros_like(x)
    for value, vector in zip(values, vectors.T, strict=True):
        if abs(value) > SMALLEST * np.abs(values).max():
            y += x.dtype.type(value) * convolve(x, vector) ** 2
    return y


DEVICE = Device(
    volterra,
    {
        "strength": Range(0.3, 0.0, 2.0),
        "decay": Range(0.0005, 0.0001, 0.002),
        "frequency": Range(500.0, 0.0, 3500.0),
    },
    source="A. Stenger, L. Trautmann and R. Rabenstein, Nonlinear acoustic echo cancellation with 2nd order adaptive"
    " Volterra filters, ICASSP 1999 (structure; the kernel is ours)",
)
