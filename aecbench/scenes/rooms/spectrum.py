"""What depends on frequency in a room: octave bands of absorption, air, and the high-pass."""

import functools

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import butter, sosfilt

from aecbench.scenes.rooms.air import air_absorption
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.signals import Array

__all__ = ["band_weights", "centres", "finish", "octaves"]

LOWEST = 125.0  # centre of the first octave band [Hz]
CUT_OFF = 10.0  # of the high-pass [Hz]
RINGING = 0.1  # longer than the octave filters ring [s]


def octaves(rate: int) -> int:
    """How many octave bands have their centre at or below half the rate.

    >>> octaves(16_000), octaves(48_000)
    (7, 8)
    """
    return int(np.log2(rate / 2 / LOWEST)) + 1


def centres(bands: int) -> Array:
    """Centres of the octave bands: 125, 250, 500, ... Hz."""
    return np.asarray(LOWEST * 2.0 ** np.arange(bands))


def band_weights(frequencies: Array, bands: int) -> Array:
    """Amplitude response [B, F] of zero-phase octave filters; they add up to one at every frequency.

    From one centre c to the next, 2 c, a band fades into the next as (1 +- cos(pi (f - c) / c)) / 2. The first and the
    last band go on to all lower and higher frequencies.

    >>> band_weights(np.array([20.0, 125.0, 187.5, 8000.0]), 2).round(3).tolist()
    [[1.0, 1.0, 0.5, 0.0], [0.0, 0.0, 0.5, 1.0]]
    """
    from_here_up = 0.5 - 0.5 * np.cos(np.pi * np.clip(2 * frequencies / centres(bands)[:, None] - 1, 0, 1))
    from_here_up[0] = 1
    return np.asarray(from_here_up - np.pad(from_here_up[1:], ((0, 1), (0, 0))))


def finish(bands: Array, rate: int, *, humidity: float | None, high_pass: bool) -> Array:
    """One response from those of its octave bands, [..., B, L] -> float32 [..., L], through air and the high-pass."""
    if humidity is not None:
        known, last = octaves(rate), bands.shape[-2] - 1
        bands = bands[..., np.minimum(np.arange(max(known, last + 1)), last), :]
        loss = air_absorption(centres(bands.shape[-2]), humidity)[:, None]
        bands = bands * np.exp(-loss / 2 * SPEED_OF_SOUND / rate * np.arange(bands.shape[-1]))
    response = _merge(bands, rate) if bands.shape[-2] > 1 else bands[..., 0, :]
    return (_high_pass(response, rate) if high_pass else response).astype(np.float32, copy=False)


def _merge(bands: Array, rate: int) -> Array:
    """Each band through its filter, and the sum of them: [..., B, L] -> [..., L]."""
    size = next_fast_len(bands.shape[-1] + round(RINGING * rate), real=True)
    weights = band_weights(rfftfreq(size, 1 / rate), bands.shape[-2])
    return np.asarray(irfft((rfft(bands, size) * weights).sum(-2), size)[..., : bands.shape[-1]])


def _high_pass(x: Array, rate: int) -> Array:
    """A second-order Butterworth high-pass, run twice: -6 dB at 10 Hz.

    pyroomacoustics runs it forwards and backwards; run forwards twice it weighs frequencies alike, and nothing comes
    before the direct sound.
    """
    return np.asarray(sosfilt(_sections(rate), x))


@functools.cache
def _sections(rate: int) -> Array:
    return np.tile(butter(2, CUT_OFF, "highpass", fs=rate, output="sos"), (2, 1))
