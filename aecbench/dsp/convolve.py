"""Convolution of a signal with an impulse response."""

import numpy as np
from scipy.signal import oaconvolve

from aecbench.signals import Array

__all__ = ["convolve"]


def convolve(x: Array, response: Array) -> Array:
    """The signal x [..., T] through a filter `response` [..., L]: float32 [..., T], the tail after T cut off.

    Leading dimensions broadcast. Overlap-add by FFT, in float32: errors are about 120 dB below the peak of the output.

    >>> convolve(np.array([1.0, 2.0, 0.0]), np.array([0.0, 1.0, 0.5])).round(5).tolist()
    [0.0, 1.0, 2.5]
    """
    x, response = np.asarray(x, np.float32), np.asarray(response, np.float32)
    length, batch = x.shape[-1], np.broadcast_shapes(x.shape[:-1], response.shape[:-1])
    if length == 0 or response.shape[-1] == 0:
        return np.zeros((*batch, length), np.float32)
    dims = len(batch) + 1
    x, response = (a.reshape((1,) * (dims - a.ndim) + a.shape) for a in (x, response))
    return np.asarray(oaconvolve(x, response, axes=-1)[..., :length])
