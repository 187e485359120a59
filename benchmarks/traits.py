"""Measure what a recording of far-end single talk says about its echo: numbers that real and simulated ones share.

Everything is measured on microphone and far end alone, as nothing else is known of a real recording. The echo path is
the linear filter of least squares (autocorrelation method: the normal equations are Toeplitz). Powers in bands are sums
of squared Fourier coefficients.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.linalg import solve_toeplitz
from scipy.signal import fftconvolve, get_window, stft

from aecbench.dsp.correlation import WINDOW, Lags, correlation, peak
from aecbench.dsp.delay import delay
from aecbench.dsp.levels import active, active_power, db, frame_power, to_samples

__all__ = ["RATE", "TRAITS", "Trait", "measure"]

Array = NDArray[np.float64]

RATE = 16_000
LONG, SHORT = 4096, 1024  # taps of a filter for the whole recording, and for a window
STRETCH = 5 * RATE // 2  # samples of a window
LAGS = Lags(-RATE // 2, 2 * RATE)
AHEAD = 64  # taps before the lag that was found: the path may rise before its peak
LOADING = 1e-4  # of the far end's power, added to the diagonal of the normal equations
LOW, MIDDLE, HIGH = (100, 250), (1000, 2000), (4000, 7000)  # [Hz]
QUIET = 0.05  # share of frames that lie below the floor of a recording
SILENT = 1e-10  # power of a frame that a device has gated: -100 dBFS
FULL = 0.98  # of the largest sample: what is above it in runs of two is clipped


class Trait(NamedTuple):
    """A quantity by which recordings are compared."""

    title: str
    unit: str


TRAITS = {
    "removed": Trait("removed by least squares, 4096 taps, whole clip", "dB"),
    "removed_short": Trait("removed in 2.5 s windows, 1024 taps", "dB"),
    "removed_high": Trait("removed at 4-7 kHz", "dB"),
    "bass": Trait("path at 100-250 Hz over 1-2 kHz", "dB"),
    "treble": Trait("path at 4-7 kHz over 1-2 kHz", "dB"),
    "direct": Trait("path within 4 ms of its peak over the rest", "dB"),
    "decay": Trait("path decays by 20 dB in", "ms"),
    "above_floor": Trait("microphone above its floor", "dB"),
    "lag": Trait("lag", "ms"),
    "drift": Trait("clock drift, absolute", "ppm"),
    "peak": Trait("peak over rms of the cross-correlation", ""),
    "coupling": Trait("echo over far end", "dB"),
    "level": Trait("level of the echo", "dBFS"),
    "clipped": Trait("clipped samples of the microphone", "ppm"),
    "floor": Trait("level of the floor", "dBFS"),
    "floor_tilt": Trait("floor at 4-7 kHz over 100-1000 Hz", "dB"),
}


def measure(mic: Array, far: Array) -> dict[str, float]:
    """Measure the TRAITS of a recording at 16 kHz, mic and far [T]; NaN where one cannot be measured."""
    lag, height = _lag(mic, far), peak(correlation(mic[:WINDOW], far[:WINDOW], LAGS), LAGS).height
    x = delay(far, max(0, lag - AHEAD)).astype(np.float64)
    d = mic.astype(np.float64)
    path = fit(d, x, LONG)
    residual = d - fftconvolve(x, path)[: d.size]
    talk = to_samples(active(mic, RATE), RATE, mic.size)
    windows = [slice(start, start + STRETCH) for start in range(0, d.size - STRETCH + 1, STRETCH)]
    windows = [window for window in windows if np.mean(talk[window]) > 0.5] or [slice(0, d.size)]
    paths = [fit(d[window], x[window], SHORT) for window in windows]
    rests = [d[w] - fftconvolve(x[w], h)[: d[w].size] for w, h in zip(windows, paths, strict=True)]
    heard, rest = (np.sum([np.sum(np.square(part)) for part in parts]) for parts in ([d[w] for w in windows], rests))
    frames = frame_power(mic, RATE)
    floor = np.quantile(frames[frames > SILENT], QUIET)
    level = float(db(active_power(mic, RATE)))
    response = np.square(np.abs(rfft(path, 8192)))
    return {
        "removed": float(db(np.sum(d * d) / np.sum(residual * residual))),
        "removed_short": float(db(heard / rest)),
        "removed_high": float(db(band(d, HIGH) / band(residual, HIGH))),
        "bass": float(db(mean_band(response, LOW) / mean_band(response, MIDDLE))),
        "treble": float(db(mean_band(response, HIGH) / mean_band(response, MIDDLE))),
        "direct": _direct(path),
        "decay": _decay(path),
        "above_floor": level - float(db(floor)),
        "lag": 1000 * lag / RATE,
        "drift": round(abs(_drift(paths, windows)), 1),  # a 64th of a sample in 10 s
        "peak": height,
        "coupling": level - float(db(active_power(far, RATE))),
        "level": level,
        "clipped": _clipped(mic),
        "floor": float(db(floor)),
        "floor_tilt": _tilt(mic),
    }


def fit(d: Array, x: Array, taps: int) -> Array:
    """Return the filter [taps] that predicts d [T] from x [T] with the least squared error."""
    size = next_fast_len(d.size + taps, real=True)
    spectrum = rfft(x, size)
    power = irfft(np.square(np.abs(spectrum)), size)[:taps]
    if power[0] <= 0:
        return np.zeros(taps)
    cross = irfft(spectrum.conj() * rfft(d, size), size)[:taps]
    power[0] *= 1 + LOADING
    return np.asarray(solve_toeplitz(power, cross))


def band(x: Array, edges: tuple[int, int]) -> float:
    """Return the energy of x [T] between two frequencies."""
    frequency = rfftfreq(x.size, 1 / RATE)
    return float(np.sum(np.square(np.abs(rfft(x)[(frequency >= edges[0]) & (frequency < edges[1])]))))


def mean_band(power: Array, edges: tuple[int, int]) -> float:
    """Return the mean of a power spectrum [F] between two frequencies."""
    frequency = np.linspace(0, RATE / 2, power.size)
    return float(np.mean(power[(frequency >= edges[0]) & (frequency < edges[1])]))


def _lag(mic: Array, far: Array) -> int:
    """Where the path starts [samples], over all windows."""
    total = np.zeros((LAGS.latest - LAGS.earliest) // 2, np.float32)
    for start in range(0, max(1, mic.size - WINDOW // 2), WINDOW):
        total += correlation(mic[start : start + WINDOW], far[start : start + WINDOW], LAGS)
    return peak(total, LAGS).lag


def _direct(path: Array) -> float:
    top = int(np.argmax(np.abs(path)))
    near = slice(max(0, top - 32), top + 64)
    energy = np.square(path)
    return float(db(energy[near].sum() / (energy.sum() - energy[near].sum())))


def _decay(path: Array) -> float:
    """Time [ms] in which the energy that is still to come falls by 20 dB, less the floor that the fit leaves."""
    energy = np.square(path)
    floor = np.mean(energy[-512:])
    top = int(np.argmax(np.abs(path)))
    curve = np.cumsum((energy - floor)[top:][::-1])[::-1]
    below = np.flatnonzero(curve < 0.01 * curve[0])
    return 1000 * float(below[0]) / RATE if below.size else np.nan


def _drift(paths: list[Array], windows: list[slice]) -> float:
    """Slope [ppm] of the delays between the paths of all windows: the median over the pairs of windows."""
    slopes = []
    for i, one in enumerate(paths):
        for j in range(i + 1, len(paths)):
            shift = _shift(one, paths[j])
            if not np.isnan(shift):
                slopes.append(1e6 * shift / (windows[j].start - windows[i].start))
    return float(np.median(slopes)) if slopes else np.nan


def _shift(one: Array, other: Array) -> float:
    """By how many samples the second path is later, to a 64th; NaN where the two are not alike."""
    spectra = [rfft(path, 2 * path.size) for path in (one, other)]
    cross = irfft(spectra[0].conj() * spectra[1], 64 * 2 * one.size) * 64
    alike = cross.max() / np.sqrt(np.sum(one * one) * np.sum(other * other))
    at = int(np.argmax(cross))
    shift = (at if at < cross.size // 2 else at - cross.size) / 64
    return shift if alike > 0.5 and abs(shift) < 32 else np.nan


def _clipped(mic: Array) -> float:
    """Samples at the largest value in runs of two or more, per million."""
    top = np.abs(mic) >= FULL * np.abs(mic).max()
    runs = top[1:] & top[:-1] & (np.sign(mic[1:]) == np.sign(mic[:-1]))
    return 1e6 * float(np.mean(runs)) if np.sum(runs) > 8 else 0.0


def _tilt(mic: Array) -> float:
    """Spectrum of the quietest tenth of all frames."""
    spectrum = np.square(np.abs(stft(mic, RATE, get_window("hann", 512), 512, 256)[2]))
    spectrum = spectrum[:, spectrum.sum(0) > SILENT]
    quiet = spectrum[:, np.argsort(spectrum.sum(0))[: max(1, spectrum.shape[1] // 10)]].mean(1)
    return float(db(mean_band(quiet, HIGH) / mean_band(quiet, (100, 1000))))
