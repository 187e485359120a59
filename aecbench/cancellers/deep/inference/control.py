"""The network of parts/control.py for some frames."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference import layers
from aecbench.cancellers.deep.inference.layers import Float32, Spread, linear, lstm, relu
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.parts.bands import between, triangles
from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["CONTEXT", "DETAIL", "FLOOR", "Control", "Memory"]

FLOOR = 1e-6  # power of a bin that is almost silent
CONTEXT = 4  # numbers for each band from all bands together
DETAIL = 12  # numbers in which a band and a bin are combined

Pairs = tuple[tuple[int, int], ...]


class Memory(NamedTuple):
    """The memory of both LSTM layers after a frame."""

    all: layers.Memory  # [N, hidden, 1]
    band: layers.Memory  # [N, small, bands]


class Control:
    """From spectra, their powers and the coherences of some pairs of them to `outputs` numbers per bin."""

    def __init__(
        self,
        weights: Weights,
        spectra: int,
        pairs: Pairs,
        outputs: int,
        bins: int,
        *,
        bands: int,
        hidden: int,
        small: int,
    ) -> None:
        """`pairs` are indices of spectra. `hidden` units for all `bands` together, `small` along each."""
        channels = spectra + 2 * len(pairs)
        self._pairs = np.array(pairs)
        self._gather = triangles(bins, bands)
        self._spread = Spread(*between(self._gather))
        self._all_in = linear(weights.part("all_in"), bands * channels, hidden, smooth=True)
        self._all = lstm(weights.part("all"), hidden, hidden)
        self._all_out = linear(weights.part("all_out"), hidden, bands * CONTEXT)
        self._band_in = linear(weights.part("band_in"), 3 * channels + CONTEXT, small, shared=True)
        self._band = lstm(weights.part("band"), small, small, shared=True)
        self._band_out = linear(weights.part("band_out"), small, DETAIL, shared=True)
        self._bin_in = weights.take("bin_in.weight", DETAIL, spectra)
        self._bin_bias = np.ascontiguousarray(weights.take("bin_bias", bins, DETAIL).T)
        self._bin_out = linear(weights.part("bin_out"), DETAIL, outputs, shared=True)
        self._memories = (hidden, 1), (small, bands)

    def start(self, signals: int) -> Memory:
        """Return the memory before the first frame."""
        every, band = (np.zeros((2, signals, *shape), np.float32) for shape in self._memories)
        return Memory(layers.Memory(*every), layers.Memory(*band))

    def __call__(self, spectra: NDArray[np.complex64], memory: Memory) -> Float32:
        """Map the spectra [T, N, S, F] of T frames to numbers [T, N, outputs, F]; carry the memory on in place."""
        *frames, count, bins = spectra.shape
        channels, bands = count + 2 * len(self._pairs), self._gather.shape[1]
        products = np.empty((*frames, channels, bins), np.float32)
        _cross_spectra(spectra.reshape(-1, count, bins), self._pairs, products.reshape(-1, channels, bins))
        banded = products @ self._gather
        local = np.zeros((*frames, 3 * channels + CONTEXT, bands), np.float32)
        local[..., :count, :] = _level(banded[..., :count, :])
        _describe(banded.reshape(-1, channels, bands), self._pairs, local.reshape(-1, *local.shape[2:]))
        everything = relu(self._all_in(local[..., :channels, :].reshape(*frames, channels * bands, 1)))
        context = self._all_out(self._all(everything, memory.all))
        local[..., 3 * channels :, :] = context.reshape(*frames, CONTEXT, bands)
        x = self._spread(self._band_out(self._band(relu(self._band_in(local)), memory.band)))
        x += self._bin_in @ _level(products[..., :count, :])
        x += self._bin_bias
        return self._bin_out(relu(x))


def _level(power: Float32) -> Float32:
    """Return a logarithm of powers, in units of 20 dB."""
    level: Float32 = np.log10(power + FLOOR)
    level *= 0.5
    level += 1
    return level


@reassociated
def _cross_spectra(spectra: NDArray[np.complex64], pairs: NDArray[np.int64], out: Float32) -> None:
    """Set `out` [M, channels, F] to powers of spectra [M, S, F], and real, then imaginary parts of cross-spectra."""
    count, bins = spectra.shape[1:]
    for m in range(len(spectra)):
        for s in range(count):
            x, power = spectra[m, s], out[m, s]
            for k in range(bins):
                power[k] = x[k].real * x[k].real + x[k].imag * x[k].imag
        for p in range(len(pairs)):
            x, y = spectra[m, pairs[p, 0]], spectra[m, pairs[p, 1]]
            real, imaginary = out[m, count + p], out[m, count + len(pairs) + p]
            for k in range(bins):
                real[k] = x[k].real * y[k].real + x[k].imag * y[k].imag
                imaginary[k] = x[k].imag * y[k].real - x[k].real * y[k].imag


@reassociated
def _describe(banded: Float32, pairs: NDArray[np.int64], out: Float32) -> None:
    """Complete `out` [M, 3 channels + ..., B], which has the levels of each band, by its coherences.

    And by the features of the band below and of the band above. `banded` [M, channels, B] is what `_cross_spectra`
    gives, summed over bands.
    """
    channels, bands = banded.shape[1:]
    count, floor = channels - 2 * len(pairs), np.float32(FLOOR)
    for m in range(len(banded)):
        for p in range(len(pairs)):
            x, y = banded[m, pairs[p, 0]], banded[m, pairs[p, 1]]
            for c in (count + p, count + len(pairs) + p):
                for b in range(bands):
                    out[m, c, b] = banded[m, c, b] / np.sqrt((x[b] + floor) * (y[b] + floor))
        for c in range(channels):
            for b in range(bands - 1):
                out[m, channels + c, b + 1] = out[m, c, b]
                out[m, 2 * channels + c, b] = out[m, c, b + 1]
