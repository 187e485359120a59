"""Short-time Fourier transform, frame by frame, and its inverse by weighted overlap-add.

R. E. Crochiere, "A weighted overlap-add method of short-time Fourier analysis/synthesis", IEEE Transactions on
Acoustics, Speech, and Signal Processing 28(1), 1980. The same window, the square root of a Hann window, is applied
before the transform and after the inverse. The squares of overlapping windows add up to one, so unmodified spectra
reconstruct the signal, delayed by `frame - hop` samples.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.signals import Array

__all__ = ["analyse", "synthesise", "window"]


@cache
def window(frame: int, hop: int) -> NDArray[np.float32]:
    """Return the window, float32 [frame]; `frame` has to be a multiple of `hop` and at least twice as long.

    >>> float(np.sum(window(512, 128)[::128] ** 2).round(6))
    1.0
    """
    periodic_hann = np.sin(np.pi * np.arange(frame) / frame) ** 2
    root = np.sqrt(2 * hop / frame * periodic_hann).astype(np.float32)
    root.setflags(write=False)
    return root


def analyse(past: Array, block: Array) -> tuple[Array, NDArray[np.complex64]]:
    """Return the next `past` [..., frame - hop] and the spectrum [..., frame // 2 + 1] of past and block [..., hop]."""
    frame, hop = past.shape[-1] + block.shape[-1], block.shape[-1]
    x = np.concatenate([past, block], -1, dtype=np.float32)
    return x[..., hop:], rfft(x * window(frame, hop))


def synthesise(pending: Array, spectrum: NDArray[np.complex64]) -> tuple[Array, Array]:
    """Add a frame to `pending` [..., frame - hop]; return the next `pending` and the completed block [..., hop]."""
    frame = 2 * (spectrum.shape[-1] - 1)
    hop = frame - pending.shape[-1]
    y = irfft(spectrum) * window(frame, hop)
    y[..., : frame - hop] += pending
    return y[..., hop:], y[..., :hop]
