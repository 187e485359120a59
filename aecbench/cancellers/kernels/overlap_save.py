"""Partitioned convolution by overlap-save, for the kernels of frequency-domain adaptive filters.

J.-S. Soo, K. K. Pang, "Multidelay block frequency domain adaptive filter", IEEE Transactions on Acoustics, Speech, and
Signal Processing 38(2), 1990: the filter in partitions of one block, and the gradient constraint.

These functions process one signal and are compiled into the kernel that calls them. B = samples per block, K = B + 1
bins of a transform of 2 B samples, P = partitions. They write to arrays that the caller provides and allocate nothing.
`time`, float32 [2 B], is scratch space.
"""

import numpy as np
from numpy.typing import NDArray
from rocket_fft.lowlevel import c2r, r2c

from aecbench.cancellers.kernels.arrays import copy
from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["constrain", "echo", "forward", "inverse", "power", "push", "spectrum_of_end", "subtract"]

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]

FIRST, LAST = np.zeros(1, np.int64), np.ones(1, np.int64)  # axis of the transform of one signal, and of several rows
FADE = 64  # samples over which the gain of a subtracted echo estimate rises


@reassociated
def forward(time: Float32, spectrum: Complex) -> None:
    """Set spectrum [K] to the real transform of time [2 B]."""
    r2c(time, spectrum, FIRST, True, 1.0, 1)


@reassociated
def inverse(spectrum: Complex, time: Float32) -> None:
    """Set time [2 B] to the inverse of `forward` for spectrum [K]."""
    c2r(spectrum, time, FIRST, False, 1.0 / time.size, 1)


@reassociated
def push(spectra: Complex, past: Float32, far: Float32, time: Float32) -> None:
    """Shift the spectra [P, K] by one partition and set the first to the transform of past and far [B] in a row.

    Then copy far to past.
    """
    block = far.size
    for p in range(spectra.shape[0] - 1, 0, -1):
        copy(spectra[p - 1], spectra[p])
    copy(past, time[:block])
    copy(far, time[block:])
    copy(far, past)
    forward(time, spectra[0])


@reassociated
def echo(weights: Complex, spectra: Complex, total: Complex, time: Float32) -> Float32:
    """Return the output [B] of the filter, a view of the second half of time [2 B]; sets total [K] to sum(w x)."""
    total[:] = 0
    for p in range(spectra.shape[0]):
        w, x = weights[p], spectra[p]
        for k in range(total.size):
            total[k] += w[k] * x[k]
    inverse(total, time)
    return time[time.size // 2 :]


@reassociated
def spectrum_of_end(block: Float32, spectrum: Complex, time: Float32) -> None:
    """Set spectrum [K] to the transform of B zeros followed by the block [B], as the gradient requires."""
    time[: block.size] = 0
    copy(block, time[block.size :])
    forward(time, spectrum)


@reassociated
def constrain(weights: Complex, turn: int, spectra: Complex, time: Float32) -> None:
    """Apply the gradient constraint to C of the P partitions per filter: set all but their first B taps to zero.

    weights is [F, P, K]. The C partitions are evenly spaced, starting from `turn`. They are transformed together,
    because four vectorised transforms take half as long as four single ones. spectra [F C, K] and time [F C, 2 B] are
    scratch space.
    """
    filters, partitions, _ = weights.shape
    rows, cuts, block = time.shape[0], time.shape[0] // filters, time.shape[1] // 2
    for r in range(rows):
        copy(weights[r // cuts, (turn + r % cuts * partitions // cuts) % partitions], spectra[r])
    c2r(spectra, time, LAST, False, 1.0 / time.shape[1], 1)
    for r in range(rows):
        time[r, block:] = 0
    r2c(time, spectra, LAST, True, 1.0, 1)
    for r in range(rows):
        copy(spectra[r], weights[r // cuts, (turn + r % cuts * partitions // cuts) % partitions])


@reassociated
def power(x: Complex, out: Float32) -> None:
    """Set out [K] to |x|²."""
    for k in range(out.size):
        out[k] = x[k].real ** 2 + x[k].imag ** 2


@reassociated
def subtract(mic: Float32, y: Float32, before: np.float32) -> np.float32:
    """Subtract the echo estimate y [B] times a gain from mic [B] in place, and return the gain, 0 to 1.

    The gain is 1, or <mic, y> / <y, y> if subtracting all of y would make mic louder. It falls at once, and rises from
    the gain `before` of the previous block over FADE samples.
    """
    my, yy = np.float32(0), np.float32(0)
    for t in range(y.size):
        my += mic[t] * y[t]
        yy += y[t] * y[t]
    gain = np.float32(1)
    if yy > 2 * my:  # |mic - y|² > |mic|²
        gain = max(my / yy, np.float32(0))
    start = min(before, gain)
    for t in range(y.size):
        mic[t] -= (start + (gain - start) * min(np.float32(t + 1) / np.float32(FADE), np.float32(1))) * y[t]
    return gain
