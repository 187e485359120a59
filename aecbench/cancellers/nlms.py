"""Normalised least mean squares (NLMS) in the time domain, regularised by the power of the error.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter.
J. Benesty, C. Paleologu, S. Ciochină, "On regularization in adaptive filtering", IEEE Transactions on Audio, Speech,
and Language Processing 19(6), 2011: the regularisation has to grow with the noise at the microphone.
C. Paleologu, S. Ciochină, J. Benesty, S. L. Grant, "An overview on optimized NLMS algorithms for acoustic echo
cancellation", EURASIP Journal on Advances in Signal Processing 2015:97: the regularisation also has to grow as the
misalignment falls. The misalignment is estimated as in a Kalman filter with one variance for all taps.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count
from aecbench.cancellers.base import FlatStreaming, settings_of
from aecbench.cancellers.kernels import coupling, two_filters
from aecbench.cancellers.kernels.compile import reassociated
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.signals import Array

__all__ = ["NLMS", "State"]

FIT = 0.35  # the weights are rescaled only if that reduces the error power by more than this fraction
BRIEF = 0.99  # forgetting factor per sample of the products that limit the output to the microphone's power
TINY = np.float32(1e-20)
ONE = np.float32(1)

Float32 = NDArray[np.float32]
Constants = tuple[np.float32, np.float32, "Settings"]


class State(NamedTuple):
    """The filter after a block. The far end is stored oldest sample first, and the weights in the same order."""

    weights: Float32  # [..., taps] echo path in reversed order: the last weight belongs to the newest sample
    far: Float32  # [..., taps - 1] last samples of the far end
    products: Float32  # [..., 5] means of d y, y², e² (`memory`) and of d y, y² (BRIEF): mic d, echo y, error e
    misalignment: Float32  # [...] expected |echo path - weights|² / |echo path|²
    coupling: Float32  # [..., 2] see coupling.py


@dataclass(frozen=True, slots=True)
class NLMS(FlatStreaming[State]):
    """An NLMS filter that adapts sample by sample; `block` only sets how many samples a step processes.

    e = mic - w.x,  w <- w + step_size e x / (|x|² + delta),  delta = regularisation * taps * E[v²] / (g m),

    where g is the power gain of the echo path (coupling.py), m the expected misalignment |h - w|² / |h|², and E[v²]
    the power of the error that g and m do not explain. For white x, step_size 1 and regularisation 1 give the optimal
    step. m is 1 at first, falls by mu m / taps with every step mu = step_size |x|² / (|x|² + delta), and rises by
    `drift` per sample. Thus delta is small during initial convergence. It is large once the echo is well cancelled,
    and whenever the microphone picks up something that the far end does not explain: near-end speech, noise, or any
    sound while the far end is nearly silent. With `regularisation` 0 the filter is a plain NLMS, which diverges in
    these cases.

    At the end of a block, if the error is still correlated with the echo estimate y, the weights are multiplied by the
    least-squares gain <mic, y> / <y, y>. The filter thus follows sudden changes of the playback volume without having
    to adapt again. If subtracting y would make the output louder than the microphone, y is scaled down until it does
    not.
    """

    taps: int = bounded(1024, 1)  # length of the filter [samples]
    # without noise, 1 converges fastest and 2 is the limit of stability
    step_size: float = tunable(0.7, low=0.1, high=1.0, allowed=(0, 2))
    regularisation: float = tunable(1.5, low=0.3, high=3.0, scale="log", allowed=(0, math.inf))  # factor of delta
    # growth of the expected misalignment m per sample, because the echo path may change
    drift: float = tunable(2e-5, low=1e-6, high=1e-3, scale="log", allowed=(0, 1))
    # forgetting factor of the averaged products (`State.products`), per sample
    memory: float = tunable(0.998, low=0.99, high=0.9995, scale="complement", allowed=(0, 0.9999))
    block: int = bounded(256, 1)  # samples per step

    @property
    def latency(self) -> int:
        """0: the output depends on the present and past samples only."""
        return 0

    def cost(self) -> Count:
        """Return the count: 1 MAC per tap for the echo estimate and 1 for the update."""
        return Count(0, 2.0 * self.taps)

    def start(self, signals: int) -> State:
        """Return a filter with zero weights."""
        return State(
            weights=np.zeros((signals, self.taps), np.float32),
            far=np.zeros((signals, self.taps - 1), np.float32),
            products=np.zeros((signals, 5), np.float32),
            misalignment=np.ones(signals, np.float32),
            coupling=np.zeros((signals, 2), np.float32),
        )

    def impulse_response(self, state: State) -> Array:
        """Return the taps [..., taps], lag 0 first."""
        return state.weights[..., ::-1]

    @cached_property
    def settings(self) -> "Settings":
        """The fields that compiled code needs."""
        return settings_of(self, Settings)

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Filter and adapt over one block; the output is the a-priori error, limited to the microphone's power."""
        x = np.concatenate([state.far, far], -1)
        state.far[...] = x[:, mic.shape[-1] :]
        _adapt(x, mic, state, self.settings)
        return mic


class Settings(NamedTuple):
    """Fields of NLMS for compiled code."""

    step_size: np.float32
    regularisation: np.float32
    drift: np.float32
    memory: np.float32


@reassociated
def _adapt(x: Float32, out: Float32, state: State, settings: Settings) -> None:
    """Filter and adapt every signal in place: `out` contains the microphone and is overwritten with the output.

    x is [signals, taps - 1 + block]. Two samples share one pass over the weights, and their updates are applied in the
    next pass. The second echo estimate is therefore corrected by the effect of the first update: the size of the update
    times the inner product of the two input vectors.
    """
    signals, taps = state.weights.shape
    for signal in range(signals):
        w, p, far = state.weights[signal], state.products[signal], x[signal]
        misalignment = state.misalignment[signal : signal + 1]
        gain = coupling.power_gain(state.coupling[signal], coupling.LOWEST)  # from earlier blocks only, to stay causal
        coupling.observe(state.coupling[signal], np.square(out[signal]).sum(), np.square(far).mean(), out.shape[1])
        constants = (gain, np.float32(taps), settings)

        # |x|² and the inner product with the next input, as float64: running sums in float32 accumulate rounding errors
        energy, lagged = 0.0, 0.0
        for tap in range(taps - 1):
            energy += np.float64(far[tap]) ** 2
            lagged += np.float64(far[tap]) * far[tap + 1]
        first, second = np.float32(0), np.float32(0)
        before, between = far[:taps], far[:taps]
        for t in range(0, out.shape[1], 2):
            last = min(t + 1, out.shape[1] - 1)  # t itself if it is the only sample left
            now, after = far[t : t + taps], far[last : last + taps]
            y, z = np.float32(0), np.float32(0)
            for tap in range(taps):
                w[tap] += first * before[tap] + second * between[tap]
                y += w[tap] * now[tap]
                z += w[tap] * after[tap]
            energy += np.float64(now[-1]) ** 2
            out[signal, t], first = _cancel(out[signal, t], y, energy, p, misalignment, constants)
            energy -= np.float64(now[0]) ** 2
            second = np.float32(0)
            if last > t:
                lagged += np.float64(now[-1]) * after[-1]
                z += np.float32(first * lagged)
                energy += np.float64(after[-1]) ** 2
                out[signal, last], second = _cancel(out[signal, last], z, energy, p, misalignment, constants)
                energy -= np.float64(after[0]) ** 2
                lagged -= np.float64(now[0]) * after[0]
                if last + 1 < out.shape[1]:
                    lagged += np.float64(after[-1]) * far[last + taps] - np.float64(after[0]) * far[last + 1]
            before, between = now, after
        for tap in range(taps):
            w[tap] += first * before[tap] + second * between[tap]
        dy, yy, ee = p[0], p[1], p[2]
        if (dy - yy) ** 2 > FIT * yy * ee:
            fit = dy / yy
            w *= fit
            p[0], p[1] = dy * fit, yy * fit * fit
            p[2] = max(ee - 2 * (fit - 1) * dy + (fit * fit - 1) * yy, np.float32(0))


@reassociated
def _cancel(
    d: np.float32, y: np.float32, energy: float, p: Float32, misalignment: Float32, constants: Constants
) -> tuple[np.float32, np.float32]:
    """Return the output and the size of the update for a microphone sample d with echo estimate y.

    Updates the products `p` [5] and the misalignment [1] in place. `energy` is |x|²; `constants` are the power gain of
    the echo path, the number of taps, and the settings.
    """
    gain, taps, (step_size, regularisation, drift, memory) = constants
    m, e = misalignment[0], d - y
    p[0] += (ONE - memory) * (d * y - p[0])
    p[1] += (ONE - memory) * (y * y - p[1])
    p[2] += (ONE - memory) * (e * e - p[2])
    # Step
    x2 = np.float32(max(energy, 0.0))
    residual = gain * m * x2 / taps
    v2 = two_filters.disturbance(p[2], residual)
    mu = step_size * residual / (residual + regularisation * v2 + TINY)
    misalignment[0] = min(m + drift - mu * m / taps, ONE)
    # Output: |d - a y|² <= |d|² for 0 <= a <= 2 d.y / y.y
    p[3] += (ONE - np.float32(BRIEF)) * (d * y - p[3])
    p[4] += (ONE - np.float32(BRIEF)) * (y * y - p[4])
    share = ONE
    if p[4] > 2 * p[3]:
        share = max(2 * p[3] / p[4], np.float32(0))
    return d - share * y, mu * e / (x2 + TINY)
