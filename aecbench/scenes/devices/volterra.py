"""Nonlinearity with memory: a second-order Volterra filter with a short kernel.

A. Stenger, L. Trautmann and R. Rabenstein, "Nonlinear acoustic echo cancellation with 2nd order adaptive Volterra
filters", ICASSP 1999.
"""

import numpy as np

from aecbench.dsp.convolve import convolve
from aecbench.dsp.elementary import PI, cos, exp, sin
from aecbench.scenes.devices.device import Device, Range
from aecbench.scenes.devices.memoryless import block_dc
from aecbench.signals import Array

__all__ = ["DEVICE", "filters", "volterra"]


def volterra(x: Array, rate: int, strength: float, decay: float, frequency: float) -> Array:
    """Return y = x + quadratic part [..., T], without DC, with a kernel that rings at `frequency` Hz for `decay` s.

    The quadratic part is the sum over i and j of h[i, j] x[n - i] x[n - j], see `filters`, and at most `strength` times
    the square of the peak of x. It is computed at the plain rate: sums of frequencies above Nyquist alias, weakened by
    the kernel.
    """
    even, odd = filters(rate, strength, decay, frequency)
    return x + block_dc(np.square(convolve(x, even)) + np.square(convolve(x, odd))).astype(x.dtype)


def filters(rate: int, strength: float, decay: float, frequency: float) -> Array:
    """Two filters [2, N], N = 4 rate decay, whose squared outputs add up to the quadratic part.

    The kernel h[i, j] = c exp(-(i + j) / (rate decay)) cos(2 pi frequency (i - j) / rate) has rank two: it is the sum
    of f[i] f[j] over f[i] = sqrt(c) exp(-i / (rate decay)) times cos or sin(2 pi frequency i / rate). The magnitudes of
    h sum to `strength`.
    """
    i = np.arange(max(1, round(4 * rate * decay)))
    phase = 2 * PI * frequency * i / rate
    rows = exp(-i / (rate * decay)) * np.stack([cos(phase), sin(phase)])
    magnitude = np.abs(np.multiply.outer(rows[0], rows[0]) + np.multiply.outer(rows[1], rows[1])).sum()
    return np.asarray(np.sqrt(strength / magnitude) * rows)


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
