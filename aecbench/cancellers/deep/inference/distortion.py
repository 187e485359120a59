"""Distorted far ends, of parts/distortion.py, for some frames."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers.deep.inference.layers import Float32
from aecbench.dsp import stft

__all__ = ["EDGE", "KINDS", "MEMORY", "QUIET", "RELEASE", "TINY", "Distortion", "State"]

KINDS = 2  # magnitude and cube
RELEASE = 0.9998  # of the peak, per frame
QUIET = 1e-3  # peak below which nothing is distorted any more
MEMORY = 0.999  # per frame, of the powers that linear parts are estimated from
EDGE = 0.1  # of the highest value of the window, below which samples do not count as peaks
TINY = 1e-3  # power

Complex = NDArray[np.complex64]


class State(NamedTuple):
    """The state after a frame."""

    peak: Float32  # [N]
    power: Float32  # [N, 1, F] of the far end, smooth
    cross: Complex  # [N, KINDS, F] distortions times the conjugate far end, smooth


class Distortion:
    """From frames of the far end to their distortions."""

    def __init__(self, n_fft: int, hop: int) -> None:
        window = stft.window(n_fft, hop)
        inside = np.flatnonzero(window > EDGE * window.max())
        self._window, self._inside = np.maximum(window, np.float32(EDGE**2)), slice(inside[0], inside[-1] + 1)

    def start(self, signals: int, bins: int) -> State:
        """Return the state before the first frame."""
        zeros = np.zeros((signals, KINDS, bins), np.complex64)
        return State(np.zeros(signals, np.float32), np.zeros((signals, 1, bins), np.float32), zeros)

    def __call__(self, far: Complex, state: State) -> Complex:
        """Return the distortions [T, N, KINDS, F] of frames of the far end [T, N, F]; carry the state on in place."""
        weighed: Float32 = irfft(far)
        samples = weighed / self._window
        peaks = np.abs(samples[..., self._inside]).max(-1)
        for peak in peaks:
            np.maximum(peak, RELEASE * state.peak, out=state.peak)
            peak[:] = state.peak
        samples /= np.maximum(peaks, QUIET)[..., None]
        kinds: Float32 = np.empty((*far.shape[:-1], KINDS, weighed.shape[-1]), np.float32)
        np.abs(weighed, out=kinds[..., 0, :])  # times the sign of the sample, which has the sign of the weighed one
        np.multiply(weighed, np.square(samples), out=kinds[..., 1, :])
        distortions: Complex = rfft(kinds)
        far = far[..., None, :]
        power = (1 - MEMORY) * (np.square(far.real) + np.square(far.imag))
        cross = distortions * ((1 - MEMORY) * far.conj())
        _average(power, state.power)
        _average(cross, state.cross)
        distortions -= cross * (far / (power + (1 - MEMORY) * TINY))
        return distortions


def _average(values: NDArray[Any], average: NDArray[Any]) -> None:
    """Replace each of T weighted values by the average after it; carry the average on in place."""
    for value in values:
        average *= MEMORY
        average += value
        value[:] = average
