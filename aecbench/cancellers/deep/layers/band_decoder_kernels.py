"""The layer of band_decoder.py in numba, forward and backward pass; see there for the equations.

A kernel processes the signals `first` to `last` - 1. The backward pass computes the hidden numbers again, which is
faster than storing them. N signals, T frames, D numbers of a band, S features and O outputs of a bin.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["Bands", "Gradients", "Input", "Parameters", "bands_of", "decode", "decode_back"]

Real = Any  # a NumPy array here, a tensor in band_decoder.py: float32, or float64 throughout


class Bands(NamedTuple):
    """Triangles that overlap only their neighbours, so every bin is in two bands at most: a lower one and the next."""

    edges: NDArray[np.int64]  # [B + 1] the first bin that has a band as its lower one
    share: Real  # [F] weight of the lower band in a bin; the weight of the next band is 1 - share


class Input(NamedTuple):
    """The numbers of bands and the features of bins."""

    bands: Real  # [N, T, D, B]
    bins: Real  # [N, T, S, F]


class Parameters(NamedTuple):
    """The parameters V, a, W and w of the layer."""

    into: Real  # [D, S]
    bias: Real  # [D, F]
    out: Real  # [O, D]
    out_bias: Real  # [O]


class Gradients(NamedTuple):
    """The gradients. Those of the parameters are separate for every signal, and must be zero before the call."""

    result: Real  # [N, T, O, F] input; the other fields are outputs
    bands: Real  # [N, T, D, B]
    into: Real  # [N, D, S]
    bias: Real  # [N, D, F]
    out: Real  # [N, O, D]
    out_bias: Real  # [N, O]


def bands_of(triangles: Real) -> Bands:
    """Return the bands of triangles [F, B]."""
    lower = (triangles > 0).argmax(1)
    edges = np.searchsorted(lower, np.arange(triangles.shape[1] + 1))
    return Bands(edges, np.take_along_axis(triangles, lower[:, None], 1)[:, 0])


@reassociated
def _hide(bands: Real, bins: Real, shape: Bands, parameters: Parameters, d: int, hidden: Real) -> None:
    """Set hidden [F] to the hidden numbers of row d in one frame, before the rectifier."""
    edges, share = shape
    one = bins.dtype.type(1)
    into, bias, count = parameters.into, parameters.bias, bands.shape[1]
    for b in range(count):
        low, high = bands[d, b], bands[d, min(b + 1, count - 1)]
        for k in range(edges[b], edges[b + 1]):
            hidden[k] = bias[d, k] + share[k] * low + (one - share[k]) * high
    for i in range(bins.shape[0]):
        weight = into[d, i]
        for k in range(hidden.size):
            hidden[k] += weight * bins[i, k]


@reassociated
def decode(signals: Input, shape: Bands, parameters: Parameters, result: Real, first: int, last: int) -> None:
    """Set the result [N, T, O, F] for signals `first` to `last` - 1."""
    bands, bins = signals
    out, out_bias = parameters.out, parameters.out_bias
    zero = bins.dtype.type(0)
    hidden = np.empty(bins.shape[3], bins.dtype)
    for s in range(first, last):
        for t in range(bins.shape[1]):
            y = result[s, t]
            for o in range(y.shape[0]):
                for k in range(hidden.size):
                    y[o, k] = out_bias[o]
            for d in range(bands.shape[2]):
                _hide(bands[s, t], bins[s, t], shape, parameters, d, hidden)
                for k in range(hidden.size):
                    hidden[k] = max(hidden[k], zero)
                for o in range(y.shape[0]):
                    weight = out[o, d]
                    for k in range(hidden.size):
                        y[o, k] += weight * hidden[k]


@reassociated
def decode_back(signals: Input, shape: Bands, parameters: Parameters, grads: Gradients, first: int, last: int) -> None:
    """Set the gradients of bands and parameters for signals `first` to `last` - 1."""
    bands, bins = signals
    grad = grads.result
    edges, share = shape
    out = parameters.out
    real = bins.dtype.type
    zero, one = real(0), real(1)
    hidden, slope = np.empty(bins.shape[3], bins.dtype), np.empty(bins.shape[3], bins.dtype)
    count = bands.shape[3]
    for s in range(first, last):
        for t in range(bins.shape[1]):
            for o in range(grad.shape[2]):
                total = zero
                for k in range(hidden.size):
                    total += grad[s, t, o, k]
                grads.out_bias[s, o] += total
            for d in range(bands.shape[2]):
                _hide(bands[s, t], bins[s, t], shape, parameters, d, hidden)
                slope[:] = 0
                for o in range(grad.shape[2]):
                    weight, total = out[o, d], zero
                    for k in range(hidden.size):
                        total += grad[s, t, o, k] * max(hidden[k], zero)
                        slope[k] += weight * grad[s, t, o, k]
                    grads.out[s, o, d] += total
                for k in range(hidden.size):
                    slope[k] = slope[k] if hidden[k] > zero else zero
                    grads.bias[s, d, k] += slope[k]
                for i in range(bins.shape[2]):
                    total = zero
                    for k in range(hidden.size):
                        total += slope[k] * bins[s, t, i, k]
                    grads.into[s, d, i] += total
                row = grads.bands[s, t, d]
                row[:] = 0
                for b in range(count):
                    low, high = zero, zero
                    for k in range(edges[b], edges[b + 1]):
                        low += share[k] * slope[k]
                        high += (one - share[k]) * slope[k]
                    row[b] += low
                    row[min(b + 1, count - 1)] += high
