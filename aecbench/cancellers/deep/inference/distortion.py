"""Distorted far ends, of parts/distortion.py, for some frames."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers.deep.inference.layers import Float32
from aecbench.cancellers.kernels.compile import reassociated
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
        self._inverse: Float32 = np.reciprocal(np.maximum(window, np.float32(EDGE**2)))
        self._inside = int(inside[0]), int(inside[-1]) + 1

    def start(self, signals: int, bins: int) -> State:
        """Return the state before the first frame."""
        zeros = np.zeros((signals, KINDS, bins), np.complex64)
        return State(np.zeros(signals, np.float32), np.zeros((signals, 1, bins), np.float32), zeros)

    def __call__(self, far: Complex, state: State) -> Complex:
        """Return the distortions [T, N, KINDS, F] of frames of the far end [T, N, F]; carry the state on in place."""
        weighed: Float32 = irfft(far)
        kinds: Float32 = np.empty((*far.shape[:-1], KINDS, weighed.shape[-1]), np.float32)
        _distort(weighed, self._inverse, self._inside, state.peak, kinds)
        distortions: Complex = rfft(kinds)
        _subtract_linear(far, state.power, state.cross, distortions)
        return distortions


@reassociated
def _distort(weighed: Float32, inverse: Float32, inside: tuple[int, int], peak: Float32, kinds: Float32) -> None:
    """Set `kinds` [T, N, KINDS, L] to functions of windowed samples [T, N, L]; carry their peaks [N] on in place.

    `inverse` [L] is one divided by the window. Peaks are looked for `inside` it.
    """
    for t in range(weighed.shape[0]):
        for n in range(weighed.shape[1]):
            x, magnitude, cube = weighed[t, n], kinds[t, n, 0], kinds[t, n, 1]
            top = np.float32(RELEASE) * peak[n]
            for i in range(inside[0], inside[1]):
                top = max(top, abs(x[i] * inverse[i]))
            peak[n] = top
            scale = np.float32(1) / max(top, np.float32(QUIET))
            for i in range(x.size):
                relative = scale * inverse[i] * x[i]
                magnitude[i] = abs(x[i])  # times the sign of the sample, which has the sign of the weighed one
                cube[i] = x[i] * relative * relative


@reassociated
def _subtract_linear(far: Complex, power: Float32, cross: Complex, distortions: Complex) -> None:
    """Subtract from distortions [T, N, KINDS, F] what is linear in the far end; carry both averages on in place."""
    kept, new, tiny = np.float32(MEMORY), np.float32(1 - MEMORY), np.float32((1 - MEMORY) * TINY)
    for t in range(far.shape[0]):
        for n in range(far.shape[1]):
            x, p = far[t, n], power[n, 0]
            for k in range(x.size):
                p[k] = new * (x[k].real * x[k].real + x[k].imag * x[k].imag) + kept * p[k]
            for i in range(cross.shape[1]):
                y, c = distortions[t, n, i], cross[n, i]
                for k in range(x.size):
                    c[k] = new * (y[k] * x[k].conjugate()) + kept * c[k]
                    y[k] -= c[k] * (x[k] / (p[k] + tiny))
