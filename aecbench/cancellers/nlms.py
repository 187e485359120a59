"""Normalised least mean squares in the time domain, regularised by the power of the error.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter.
J. Benesty, C. Paleologu, S. Ciochină, "On regularization in adaptive filtering", IEEE Transactions on Audio, Speech,
and Language Processing 19(6), 2011: the regularisation has to grow with the noise at the microphone.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import coupling
from aecbench.cancellers.base import Streaming, check_finite, check_range
from aecbench.signals import Array

__all__ = ["NLMS", "State"]

Float32 = NDArray[np.float32]


class State(NamedTuple):
    """What the filter knows after a block. Oldest sample first, in weights too."""

    weights: Float32  # [..., taps] echo path; the last tap belongs to the newest sample
    far: Float32  # [..., taps - 1] far end
    error: Float32  # [...] error power
    coupling: Float32  # [..., 2] see coupling.py


@dataclass(frozen=True, slots=True)
class NLMS(Streaming[State]):
    """Adapts sample by sample, so `block` only sets how many samples a step takes.

    e = mic - w.x,  w <- w + step_size e x / (|x|² + delta),  delta = regularisation * taps * power of e / g,

    where g is the power gain of the echo path (coupling.py). So delta is small against |x|² once an echo is well
    cancelled, and large while the microphone holds what the far end cannot explain: near-end speech, noise, or anything
    at all when the far end is next to silent. `regularisation` 0 leaves the plain NLMS, which diverges then.
    """

    taps: int = 1024  # length of the echo path [samples]
    step_size: float = 0.5  # 1 is fastest without noise, 2 the limit of stability
    regularisation: float = 1.0
    memory: float = 0.998  # smoothing of the error power, per sample
    block: int = 256  # samples per step

    def __post_init__(self) -> None:
        check_range(self, "taps", 1, whole=True)
        check_range(self, "step_size", 0, 2)
        check_range(self, "regularisation", 0)
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
            error=np.zeros(batch, np.float32),
            coupling=coupling.initial(batch),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Adapt over one block; the output is the a-priori error."""
        check_finite(self, mic, far)
        x = np.concatenate([state.far, far], -1, dtype=np.float32)
        out = mic.astype(np.float32, order="C")
        sums = coupling.observe(state.coupling, np.square(out).mean(-1), np.square(x).mean(-1), out.shape[-1])
        regularisation = self.regularisation * self.taps / coupling.power_gain(state.coupling)  # of the past: causal
        weights, error = state.weights.copy(), state.error.copy()
        _adapt(
            x.reshape(-1, x.shape[-1]),
            out.reshape(-1, mic.shape[-1]),
            weights.reshape(-1, self.taps),
            error.reshape(-1),
            np.float32(self.step_size),
            regularisation.astype(np.float32).reshape(-1),
            np.float32(self.memory),
        )
        return State(weights, x[..., mic.shape[-1] :], error, sums), out


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def _adapt(
    x: Float32,
    out: Float32,
    weights: Float32,
    error: Float32,
    step_size: np.float32,
    regularisation: Float32,
    memory: np.float32,
) -> None:
    """Filter and adapt every signal in place: `out` holds the microphone and becomes the error.

    x is [signals, taps - 1 + block]. Both inner loops run over contiguous memory, and the update of one sample shares
    its loop with the filtering of the next.
    """
    taps = weights.shape[1]
    for signal in range(x.shape[0]):
        w = weights[signal]
        power = error[signal]
        energy = 0.0  # |x|² in float64: a running sum of float32 drifts
        for tap in range(taps - 1):
            energy += np.float64(x[signal, tap]) ** 2
        update = np.float32(0)
        before = x[signal, :taps]
        for t in range(out.shape[1]):
            now = x[signal, t : t + taps]
            energy += np.float64(now[-1]) ** 2
            echo = np.float32(0)
            for tap in range(taps):
                w[tap] += update * before[tap]
                echo += w[tap] * now[tap]
            e = out[signal, t] - echo
            out[signal, t] = e
            power = memory * power + (np.float32(1) - memory) * e * e
            update = step_size * e / (np.float32(max(energy, 0.0)) + regularisation[signal] * power + np.float32(1e-20))
            energy -= np.float64(now[0]) ** 2
            before = now
        for tap in range(taps):
            w[tap] += update * before[tap]
        error[signal] = power
