"""The network of parts/control.py for some frames."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference import layers
from aecbench.cancellers.deep.inference.layers import Float32, linear, lstm, relu
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.parts.bands import triangles

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
        self._first, self._second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        self._gather = triangles(bins, bands)
        self._spread = np.ascontiguousarray(self._gather.T)
        self._all_in = linear(weights.part("all_in"), bands * channels, hidden)
        self._all = lstm(weights.part("all"), hidden, hidden)
        self._all_out = linear(weights.part("all_out"), hidden, bands * CONTEXT)
        self._band_in = linear(weights.part("band_in"), 3 * channels + CONTEXT, small)
        self._band = lstm(weights.part("band"), small, small)
        self._band_out = linear(weights.part("band_out"), small, DETAIL)
        self._bin_in = weights.take("bin_in.weight", DETAIL, spectra)
        self._bin_bias = np.ascontiguousarray(weights.take("bin_bias", bins, DETAIL).T)
        self._bin_out = linear(weights.part("bin_out"), DETAIL, outputs)
        self._memories = (hidden, 1), (small, bands)

    def start(self, signals: int) -> Memory:
        """Return the memory before the first frame."""
        every, band = (np.zeros((2, signals, *shape), np.float32) for shape in self._memories)
        return Memory(layers.Memory(*every), layers.Memory(*band))

    def __call__(self, spectra: NDArray[np.complex64], memory: Memory) -> Float32:
        """Map the spectra [T, N, S, F] of T frames to numbers [T, N, outputs, F]; carry the memory on in place."""
        power = np.square(spectra.real)
        power += np.square(spectra.imag)
        features = self._features(spectra, power)
        *frames, channels, bands = features.shape
        everything = relu(self._all_in(features.reshape(*frames, channels * bands, 1)))
        context = self._all_out(self._all(everything, memory.all)).reshape(*frames, CONTEXT, bands)
        local = relu(self._band_in(_with_neighbours(features, context)))
        x = self._band_out(self._band(local, memory.band)) @ self._spread
        x += self._bin_in @ _level(power)
        x += self._bin_bias
        return self._bin_out(relu(x))

    def _features(self, spectra: NDArray[np.complex64], power: Float32) -> Float32:
        """Return levels of bands, and coherences, real parts before imaginary parts: [T, N, channels, bands]."""
        banded = power @ self._gather
        cross = spectra[..., self._first, :] * spectra[..., self._second, :].conj()
        coherence = np.concatenate([cross.real, cross.imag], -2) @ self._gather
        norm = np.sqrt((banded[..., self._first, :] + FLOOR) * (banded[..., self._second, :] + FLOOR))
        coherence /= np.concatenate([norm, norm], -2)
        return np.concatenate([_level(banded), coherence], -2)


def _level(power: Float32) -> Float32:
    """Return a logarithm of powers, in units of 20 dB."""
    level: Float32 = np.log10(power + FLOOR)
    level *= 0.5
    level += 1
    return level


def _with_neighbours(features: Float32, context: Float32) -> Float32:
    """Return features of a band, of the band below and the band above, and its context: [T, N, channels, bands]."""
    *frames, channels, bands = features.shape
    local = np.zeros((*frames, 3 * channels + CONTEXT, bands), np.float32)
    local[..., :channels, :] = features
    local[..., channels : 2 * channels, 1:] = features[..., :-1]
    local[..., 2 * channels : 3 * channels, :-1] = features[..., 1:]
    local[..., 3 * channels :, :] = context
    return local
