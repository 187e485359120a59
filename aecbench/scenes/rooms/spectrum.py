"""The frequency dependence of a room: octave bands of absorption, air, and the high-pass."""

import functools

import numpy as np

from aecbench.dsp import fourier
from aecbench.dsp.elementary import PI, cos, exp
from aecbench.dsp.recursive import butterworth_high_pass, filtered
from aecbench.scenes.rooms.air import air_absorption
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.signals import Array

__all__ = ["band_weights", "centres", "finish", "octaves"]

LOWEST = 125.0  # centre of the first octave band [Hz]
CUT_OFF = 10.0  # of the high-pass [Hz]
RINGING = 0.1  # longer than the octave filters ring [s]


def octaves(rate: int) -> int:
    """Return how many octave bands have their centre at or below half the rate.

    >>> octaves(16_000), octaves(48_000)
    (7, 8)
    """
    return int(rate / 2 / LOWEST).bit_length()


def centres(bands: int) -> Array:
    """Centres of the octave bands: 125, 250, 500, ... Hz."""
    return np.asarray(LOWEST * (1 << np.arange(bands)))


def band_weights(frequencies: Array, bands: int) -> Array:
    """Amplitude response [B, F] of zero-phase octave filters; they add up to one at every frequency.

    From one centre c to the next, 2 c, a band fades into the next as (1 +- cos(pi (f - c) / c)) / 2. The first and the
    last band go on to all lower and higher frequencies.

    >>> band_weights(np.array([20.0, 125.0, 187.5, 8000.0]), 2).round(3).tolist()
    [[1.0, 1.0, 0.5, 0.0], [0.0, 0.0, 0.5, 1.0]]
    """
    from_here_up = 0.5 - 0.5 * cos(PI * np.clip(2 * frequencies / centres(bands)[:, None] - 1, 0, 1))
    from_here_up[0] = 1
    return np.asarray(from_here_up - np.pad(from_here_up[1:], ((0, 1), (0, 0))))


def finish(bands: Array, rate: int, *, humidity: float | None, high_pass: bool) -> Array:
    """Combine the responses of octave bands: [..., B, L] -> float32 [..., L], through air and the high-pass."""
    if humidity is not None:
        count, last = octaves(rate), bands.shape[-2] - 1
        bands = bands[..., np.minimum(np.arange(max(count, last + 1)), last), :]
        loss = air_absorption(centres(bands.shape[-2]), humidity)[:, None]
        bands = bands * exp(-loss / 2 * SPEED_OF_SOUND / rate * np.arange(bands.shape[-1]))
    response = _merge(bands, rate) if bands.shape[-2] > 1 else bands[..., 0, :]
    return (_high_pass(response, rate) if high_pass else response).astype(np.float32, copy=False)


def _merge(bands: Array, rate: int) -> Array:
    """Each band through its filter, and the sum of them: [..., B, L] -> [..., L]."""
    *batch, count, length = bands.shape
    size = 1 << (length + round(RINGING * rate) - 1).bit_length()
    padded = np.zeros((*batch, count, max(size, fourier.SHORTEST)), np.float32)
    padded[..., :length] = bands
    weights, silence = _weights(padded.shape[-1], rate, count), np.zeros(padded.shape[-1], np.float32)
    response = np.empty((*batch, length), np.float32)
    for i in np.ndindex(*batch):
        total = np.zeros_like(weights[0])
        for b, weight in enumerate(weights):
            if b == 0 or not np.array_equal(bands[i][b], bands[i][b - 1]):  # neighbours are often alike
                spectrum = fourier.forward(padded[i][b], silence)
            total += weight * spectrum
        response[i] = fourier.inverse(total)[0][:length]
    return response


@functools.lru_cache(maxsize=8)
def _weights(size: int, rate: int, count: int) -> Array:
    """Return the octave filters [B, ...] at the frequencies of a spectrum, divided by the size of its transform."""
    cycles = fourier.frequencies(size)
    distance = np.minimum(cycles, size - cycles) * (rate / size)
    weights = band_weights(distance.ravel(), count).reshape(count, *distance.shape) / size
    return np.concatenate([weights, weights], axis=-1, dtype=np.float32)


def _high_pass(x: Array, rate: int) -> Array:
    """Return a second-order Butterworth high-pass, run twice: -6 dB at 10 Hz.

    pyroomacoustics runs it forwards and backwards; run forwards twice it weighs frequencies alike, and nothing comes
    before the direct sound.
    """
    return filtered(2 * butterworth_high_pass(2, CUT_OFF, rate), x)
