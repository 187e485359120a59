"""Normalised least mean squares in the time domain, regularised by the power of the error.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter.
J. Benesty, C. Paleologu, S. Ciochină, "On regularization in adaptive filtering", IEEE Transactions on Audio, Speech,
and Language Processing 19(6), 2011: the regularisation has to grow with the noise at the microphone.
C. Paleologu, S. Ciochină, J. Benesty, S. L. Grant, "An overview on optimized NLMS algorithms for acoustic echo
cancellation", EURASIP Journal on Advances in Signal Processing 2015:97: and as the misalignment falls, which is
followed as in a Kalman filter of one variance for all taps.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import coupling
from aecbench.cancellers.base import Streaming, check_finite, check_range
from aecbench.cancellers.tunable import tunable
from aecbench.signals import Array

__all__ = ["NLMS", "State"]

FIT = 0.35  # a new gain for the weights has to take this fraction off the error power
BRIEF = 0.99  # memory of the products by which the output is kept from being louder than the microphone, per sample
TINY = np.float32(1e-20)

Float32 = NDArray[np.float32]


class State(NamedTuple):
    """What the filter knows after a block. Oldest sample first, in weights too."""

    weights: Float32  # [..., taps] echo path; the last tap belongs to the newest sample
    far: Float32  # [..., taps - 1] far end
    products: Float32  # [..., 5] smooth products of mic d, echo y and error e: d.y, y.y, e.e; d.y, y.y less smooth
    misalignment: Float32  # [...] expected |echo path - weights|² / |echo path|²
    coupling: Float32  # [..., 2] see coupling.py


@dataclass(frozen=True, slots=True)
class NLMS(Streaming[State]):
    """Adapts sample by sample, so `block` only sets how many samples a step takes.

    e = mic - w.x,  w <- w + step_size e x / (|x|² + delta),  delta = regularisation * taps * E[v²] / (g m),

    where g is the power gain of the echo path (coupling.py), m the expected misalignment |h - w|² / |h|², and E[v²]
    that power of the error which they do not explain; step_size 1 and regularisation 1 are the best step for white x.
    m is 1 at first, falls by mu m / taps with every step mu = step_size |x|² / (|x|² + delta), and rises by `drift` per
    sample. So delta is small while there is much to learn, and large once an echo is well cancelled or
    when the microphone holds what the far end cannot explain: near-end speech, noise, or anything at all when the far
    end is next to silent. `regularisation` 0 leaves the plain NLMS, which diverges then.

    Weights whose error still holds the echo estimate y get the least-squares gain <mic, y> / <y, y> at the end of a
    block, so sudden changes of volume are no matter; and where y makes the output louder than the microphone, as much
    of it is left out.
    """

    taps: int = 1024  # length of the echo path [samples]
    step_size: float = tunable(0.7, low=0.1, high=1.0)  # 1 is fastest without noise, 2 the limit of stability
    regularisation: float = tunable(1.0, low=0.3, high=3.0, scale="log")
    drift: float = tunable(2e-5, low=1e-6, high=1e-3, scale="log")  # of the echo path, per sample
    memory: float = tunable(0.998, low=0.99, high=0.9995, scale="complement")  # of the products, per sample
    block: int = 256  # samples per step

    def __post_init__(self) -> None:
        check_range(self, "taps", 1, whole=True)
        check_range(self, "step_size", 0, 2)
        check_range(self, "regularisation", 0)
        check_range(self, "drift", 0, 1)
        check_range(self, "memory", 0, 0.9999)
        check_range(self, "block", 1, whole=True)

    @property
    def latency(self) -> int:
        """None: every sample is cancelled with the past alone."""
        return 0

    def init(self, batch: tuple[int, ...]) -> State:
        """An echo path of zeros."""
        return State(
            weights=np.zeros((*batch, self.taps), np.float32),
            far=np.zeros((*batch, self.taps - 1), np.float32),
            products=np.zeros((*batch, 5), np.float32),
            misalignment=np.ones(batch, np.float32),
            coupling=coupling.initial(batch),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Adapt over one block; the output is the a-priori error, where that is not louder than the microphone."""
        check_finite(self, mic, far)
        x = np.concatenate([state.far, far], -1, dtype=np.float32)
        out = mic.astype(np.float32, order="C")
        sums = coupling.observe(state.coupling, np.square(out).mean(-1), np.square(x).mean(-1), out.shape[-1])
        gain = coupling.power_gain(state.coupling)  # of the past: causal
        weights, products, misalignment = state.weights.copy(), state.products.copy(), state.misalignment.copy()
        _adapt(
            x.reshape(-1, x.shape[-1]),
            out.reshape(-1, mic.shape[-1]),
            weights.reshape(-1, self.taps),
            products.reshape(-1, 5),
            misalignment.reshape(-1),
            gain.astype(np.float32).reshape(-1),
            np.float32(self.step_size),
            np.float32(self.regularisation),
            np.float32(self.drift),
            np.float32(self.memory),
        )
        return State(weights, x[..., mic.shape[-1] :], products, misalignment, sums), out


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def _adapt(
    x: Float32,
    out: Float32,
    weights: Float32,
    products: Float32,
    misalignment: Float32,
    gain: Float32,
    step_size: np.float32,
    regularisation: np.float32,
    drift: np.float32,
    memory: np.float32,
) -> None:
    """Filter and adapt every signal in place: `out` holds the microphone and becomes the output.

    x is [signals, taps - 1 + block]. Both inner loops run over contiguous memory, and the update of one sample shares
    its loop with the filtering of the next.
    """
    one, taps = np.float32(1), weights.shape[1]
    for signal in range(x.shape[0]):
        w, m = weights[signal], misalignment[signal]
        dy, yy, ee, dy_now, yy_now = products[signal]
        energy = 0.0  # |x|² in float64: a running sum of float32 drifts
        for tap in range(taps - 1):
            energy += np.float64(x[signal, tap]) ** 2
        update = np.float32(0)
        before = x[signal, :taps]
        for t in range(out.shape[1]):
            now = x[signal, t : t + taps]
            energy += np.float64(now[-1]) ** 2
            y = np.float32(0)
            for tap in range(taps):
                w[tap] += update * before[tap]
                y += w[tap] * now[tap]
            d = out[signal, t]
            e = d - y
            dy += (one - memory) * (d * y - dy)
            yy += (one - memory) * (y * y - yy)
            ee += (one - memory) * (e * e - ee)
            # Step: of the residual echo expected, half is deducted from the error for the disturbance v
            x2 = np.float32(max(energy, 0.0))
            residual = gain[signal] * m * x2 / taps
            v2 = max(ee - np.float32(0.5) * residual, np.float32(0.1) * ee)
            mu = step_size * residual / (residual + regularisation * v2 + TINY)
            update = mu * e / (x2 + TINY)
            m = min(m + drift - mu * m / taps, one)
            # Output: |d - a y|² <= |d|² up to a = 2 d.y / y.y
            dy_now += (one - np.float32(BRIEF)) * (d * y - dy_now)
            yy_now += (one - np.float32(BRIEF)) * (y * y - yy_now)
            share = one
            if yy_now > 2 * dy_now:
                share = max(2 * dy_now / yy_now, np.float32(0))
            out[signal, t] = d - share * y
            energy -= np.float64(now[0]) ** 2
            before = now
        for tap in range(taps):
            w[tap] += update * before[tap]
        if (dy - yy) ** 2 > FIT * yy * ee:
            fit = dy / yy
            w *= fit
            ee = max(ee - 2 * (fit - one) * dy + (fit * fit - one) * yy, np.float32(0))
            dy, yy = dy * fit, yy * fit * fit
        misalignment[signal] = m
        products[signal] = np.array([dy, yy, ee, dy_now, yy_now], np.float32)
