"""Convolution of signals with impulse responses."""

import math

import numpy as np

from aecbench.dsp import fourier
from aecbench.dsp.compile import compiled
from aecbench.signals import Array

__all__ = ["convolve", "convolve_channels"]

BLOCK = 2.5  # smallest FFT in lengths of the response, before rounding up to a power of two: fastest per sample
SHORTEST = 8192  # smallest FFT [samples]


def convolve(x: Array, response: Array) -> Array:
    """Return the signal x [..., T] convolved with a filter `response` [..., L]: float32 [..., T], without the tail.

    Leading dimensions broadcast. The method is overlap-save by FFT in float32; errors are about 120 dB below the peak
    of the output.

    >>> abs(convolve(np.array([1.0, 2.0, 0.0]), np.array([0.0, 1.0, 0.5]))).round(5).tolist()
    [0.0, 1.0, 2.5]
    """
    length = np.shape(x)[-1]
    batch = np.broadcast_shapes(np.shape(x)[:-1], np.shape(response)[:-1])
    signals, responses = (np.broadcast_to(a, (*batch, np.shape(a)[-1])) for a in (x, response))
    y = np.zeros((*batch, length), np.float32)
    for i in np.ndindex(batch):
        y[i] = convolve_channels(signals[i][None], responses[i][None, None])[0]
    return y


def convolve_channels(x: Array, responses: Array, start: int = 0) -> Array:
    """Filter M inputs [M, T] by responses [M, K, L] to K outputs, float32 [K, T], which are sums over the inputs.

    The outputs begin with sample `start` of the convolution, so filters whose time 0 is tap `start` add no delay.
    """
    (inputs, length), (_, outputs, taps) = x.shape, responses.shape
    y = np.zeros((outputs, length), np.float32)
    if length == 0 or taps == 0:
        return y
    size = min(_power_of_two(max(BLOCK * taps, SHORTEST)), _power_of_two(length + taps - 1))
    new = size - taps + 1  # output samples per block
    pairs = (math.ceil(length / new) + 1) // 2
    padded = np.zeros((inputs, taps - 1 + 2 * pairs * new), np.float32)
    room = padded[:, taps - 1 - start :][:, :length]
    room[:] = x[:, : room.shape[1]]
    factors, silence = fourier.twiddles(size), np.zeros(size, np.float32)
    transfers, padded_response = fourier.empty_spectrum(size, inputs, outputs), np.zeros(size, np.float32)
    for m, k in np.ndindex(inputs, outputs):
        padded_response[:taps] = responses[m, k]
        padded_response[:taps] /= np.float32(size)
        fourier.transform(padded_response, silence, transfers[m, k], *factors)
    _filter(padded, transfers, y, new, *factors)
    return y


@compiled
def _filter(padded: Array, transfers: Array, y: Array, new: int, first: Array, turn: Array, second: Array) -> None:
    """Filter by overlap-save. Two blocks share a complex transform: real responses do not mix its two parts."""
    size = transfers[0, 0].size // 2
    spectra, total = np.empty_like(transfers[:, 0]), np.empty_like(transfers[0, 0])
    one, other = np.empty(size, np.float32), np.empty(size, np.float32)
    for start in range(0, y.shape[1], 2 * new):
        for m in range(padded.shape[0]):
            a, b = padded[m, start : start + size], padded[m, start + new : start + new + size]
            fourier.transform(a, b, spectra[m], first, turn, second)
        for k in range(y.shape[0]):
            total[:] = 0
            for m in range(padded.shape[0]):
                fourier.add_product(total, spectra[m], transfers[m, k])
            fourier.transform_back(total, one, other, first, turn, second)
            left = y[k, start : start + new]
            for i in range(left.size):  # assignments to slices take seconds to compile
                left[i] = one[size - new + i]
            right = y[k, start + new : start + 2 * new]
            for i in range(right.size):
                right[i] = other[size - new + i]


def _power_of_two(least: float) -> int:
    """Return the smallest valid FFT size, a power of two, of at least `least` samples."""
    return max(1 << (math.ceil(least) - 1).bit_length(), fourier.SHORTEST)
