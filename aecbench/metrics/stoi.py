"""Short-time objective intelligibility (STOI).

C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency
Weighted Noisy Speech", IEEE Transactions on Audio, Speech, and Language Processing 19(7), 2011.

Constants and resampling are those of the authors' implementation, as in the package pystoi, which gives the same values
but takes most of a second to import.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft

from aecbench.metrics.base import Inapplicable, each
from aecbench.signals import Array, Signals

__all__ = ["EPSILON", "Envelopes", "envelopes", "stoi"]

RATE = 10_000  # at which both signals are compared [Hz]
FRAME, HOP, FFT = 256, 128, 512  # samples
RANGE = 40.0  # frames further below the loudest frame of the near end are left out [dB]
BANDS, LOWEST = 15, 150.0  # third octaves, and the centre of the first [Hz]
SEGMENT = 30  # frames, 384 ms
CLIP = 1 + 10 ** (15 / 20)  # an envelope counts up to this multiple of the near end's: a distortion of -15 dB
REJECTION, ROLL_OFF = 60.0, 0.1  # of the low-pass [dB], and the width of its transition band relative to its cut-off
EPSILON = float(np.finfo(float).eps)

Float64 = NDArray[np.float64]


class Envelopes(NamedTuple):
    """Magnitudes of third octaves in all S segments of the speech of the near end."""

    near: Float64  # [S, BANDS, SEGMENT]
    estimate: Float64  # [S, BANDS, SEGMENT]


@each
def stoi(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the STOI of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]; 1 is best.

    It is a correlation. It does not depend on the gain, see `level` for that. For a single signal [T] with too little
    speech, raises Inapplicable. For a silent estimate or near end, it is NaN.
    """
    if not (signals.near.any() and estimate.any()):
        return np.nan
    near, degraded = envelopes(signals.near, estimate, rate)
    scale = np.linalg.norm(near, axis=2, keepdims=True) / (np.linalg.norm(degraded, axis=2, keepdims=True) + EPSILON)
    clipped = np.minimum(degraded * scale, near * CLIP)
    return float(np.mean(np.sum(_normalised(near) * _normalised(clipped), 2)))


def envelopes(near: Array, estimate: Array, rate: int) -> Envelopes:
    """Return the envelopes of two signals [T] at `rate` Hz. Raises Inapplicable with less speech than one segment."""
    both = np.stack([_resampled(x / np.abs(x).max(), rate) for x in (near.astype(float), estimate.astype(float))])
    magnitudes = _magnitudes(_speech(both))
    if magnitudes.shape[1] < SEGMENT:
        raise Inapplicable("STOI: less than 0.4 s of speech")
    return Envelopes(*sliding_window_view(magnitudes, SEGMENT, axis=1))


def _normalised(segments: Float64) -> Float64:
    """Return segments of mean 0 and norm 1."""
    centred: Float64 = segments - segments.mean(2, keepdims=True)
    centred /= np.linalg.norm(centred, axis=2, keepdims=True) + EPSILON
    return centred


def _speech(both: Float64) -> Float64:
    """Return both signals [2, T] without the frames in which the near end is silent."""
    frames = _frames(both)
    if not frames.shape[1]:
        return both
    level = 20 * np.log10(np.linalg.norm(frames[0], axis=1) + EPSILON)
    kept = frames[:, level > level.max() - RANGE]
    speech = np.zeros((2, kept.shape[1] + 1, HOP))
    speech[:, :-1] += kept[..., :HOP]
    speech[:, 1:] += kept[..., HOP:]
    return speech.reshape(2, -1)


def _magnitudes(both: Float64) -> Float64:
    """Return the magnitudes of the third octaves of both signals [2, T] in F frames: [2, F, BANDS]."""
    power = np.square(np.abs(rfft(_frames(both), FFT)))
    return np.asarray(np.sqrt(power @ _third_octaves()))


def _frames(x: Float64) -> Float64:
    """Return the weighted frames [..., F, FRAME] that begin and end before the last sample."""
    starts = slice(0, max(0, x.shape[-1] - FRAME), HOP)
    return np.asarray(sliding_window_view(np.pad(x, [(0, 0), (0, FRAME)]), FRAME, axis=-1)[:, starts] * _window())


@cache
def _window() -> Float64:
    return np.hanning(FRAME + 2)[1:-1]


@cache
def _third_octaves() -> Float64:
    """Return 1 where a bin is in a band, else 0: [FFT / 2 + 1, BANDS]. A band begins at the bin nearest to its edge."""
    bins = np.arange(FFT // 2 + 1)[:, None]
    edges = LOWEST * 2.0 ** ((2 * np.arange(BANDS + 1) - 1) / 6)
    first = np.abs(bins * RATE / FFT - edges).argmin(0)
    return np.where((bins >= first[:-1]) & (bins < first[1:]), 1.0, 0.0)


def _resampled(x: Float64, rate: int) -> Float64:
    """Return x [T] at RATE: [ceil(T RATE / rate)], filtered by a low-pass of linear phase without its delay."""
    common = math.gcd(rate, RATE)
    up, down = RATE // common, rate // common
    if up == down:
        return x
    taps = _low_pass(up, down)
    before, y = -(-taps.size // up), np.empty(-(-x.size * up // down))
    padded = np.pad(x, (before, before + down))
    for phase in range(min(up, y.size)):  # y[phase + up n] = sum over i of response[i] x[first + down n - i]
        first, tap = divmod(taps.size // 2 + phase * down, up)
        response = taps[tap::up]
        windows = sliding_window_view(padded, response.size)[before + first + 1 - response.size :: down]
        y[phase::up] = np.einsum("ni,i->n", windows[: y[phase::up].size], response[::-1])
    return y


@cache
def _low_pass(up: int, down: int) -> Float64:
    """Return a sinc under a Kaiser window, at `up` times the rate of its input, whose taps sum to `up`."""
    width = 1 / max(up, down)  # cut-off, relative to the Nyquist frequency
    half = math.ceil((REJECTION - 8) / (28.714 * ROLL_OFF * width / 2))
    taps = np.sinc(width * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, 0.1102 * (REJECTION - 8.7))
    return np.asarray(up / taps.sum() * taps)
