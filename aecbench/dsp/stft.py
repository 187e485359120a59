"""Short-time Fourier transform, frame by frame, and its inverse by weighted overlap-add.

R. E. Crochiere, "A weighted overlap-add method of short-time Fourier analysis/synthesis", IEEE Transactions on
Acoustics, Speech, and Signal Processing 28(1), 1980. The same window, the square root of a Hann window, is applied
before the transform and after the inverse. The squares of overlapping windows add up to one, so unmodified spectra
reconstruct the signal, delayed by `frame - hop` samples.
"""

from functools import cache
from typing import Any

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


def analyse(past: Array, signal: Array, hop: int) -> tuple[Array, NDArray[np.complex64]]:
    """Return the next `past` [..., frame - hop] and the spectra [H, ..., frame // 2 + 1] of the frames that end in it.

    `signal` [..., H * hop] follows `past`; a frame ends every `hop` samples.
    """
    frame, x = past.shape[-1] + hop, np.concatenate([past, signal], -1, dtype=np.float32)
    frames = np.empty((signal.shape[-1] // hop, *signal.shape[:-1], frame), np.float32)
    for n, weighed in enumerate(frames):
        np.multiply(x[..., n * hop : n * hop + frame], window(frame, hop), out=weighed)
    spectra: Any = rfft(frames)
    return x[..., signal.shape[-1] :], spectra


def synthesise(pending: Array, spectra: NDArray[np.complex64]) -> tuple[Array, Array]:
    """Add frames of spectra [H, ..., frame // 2 + 1] to `pending` [..., frame - hop], one every `hop` samples.

    Return the next `pending` and the completed signal [..., H * hop].
    """
    count, frame = len(spectra), 2 * (spectra.shape[-1] - 1)
    hop = frame - pending.shape[-1]
    y = np.zeros((*pending.shape[:-1], frame + (count - 1) * hop), np.float32)
    y[..., : frame - hop] = pending
    for n, samples in enumerate(irfft(spectra)):
        samples *= window(frame, hop)
        y[..., n * hop : n * hop + frame] += samples
    return y[..., count * hop :], y[..., : count * hop]
