"""Normalised least mean squares in the time domain, regularised by the power of the error.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter.
J. Benesty, C. Paleologu, S. Ciochină, "On regularization in adaptive filtering", IEEE Transactions on Audio, Speech,
and Language Processing 19(6), 2011: the regularisation has to grow with the noise at the microphone.
C. Paleologu, S. Ciochină, J. Benesty, S. L. Grant, "An overview on optimized NLMS algorithms for acoustic echo
cancellation", EURASIP Journal on Advances in Signal Processing 2015:97: and as the misalignment falls, which is
followed as in a Kalman filter of one variance for all taps.
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

FIT = 0.35  # a new gain for the weights has to take this fraction off the error power
BRIEF = 0.99  # memory of the products by which the output is kept from being louder than the microphone, per sample
TINY = np.float32(1e-20)
ONE = np.float32(1)

Float32 = NDArray[np.float32]
Constants = tuple[np.float32, np.float32, "Settings"]


class State(NamedTuple):
    """The filter after a block. Oldest sample first, in weights too."""

    weights: Float32  # [..., taps] echo path; the last tap belongs to the newest sample
    far: Float32  # [..., taps - 1] far end
    products: Float32  # [..., 5] smooth products of mic d, echo y and error e: d.y, y.y, e.e; d.y, y.y less smooth
    misalignment: Float32  # [...] expected |echo path - weights|² / |echo path|²
    coupling: Float32  # [..., 2] see coupling.py


@dataclass(frozen=True, slots=True)
class NLMS(FlatStreaming[State]):
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

    taps: int = bounded(1024, 1)  # length of the echo path [samples]
    # 1 is fastest without noise, 2 the limit of stability
    step_size: float = tunable(0.7, low=0.1, high=1.0, allowed=(0, 2))
    regularisation: float = tunable(1.5, low=0.3, high=3.0, scale="log", allowed=(0, math.inf))
    drift: float = tunable(2e-5, low=1e-6, high=1e-3, scale="log", allowed=(0, 1))  # of the echo path, per sample
    # of the products, per sample
    memory: float = tunable(0.998, low=0.99, high=0.9995, scale="complement", allowed=(0, 0.9999))
    block: int = bounded(256, 1)  # samples per step

    @property
    def latency(self) -> int:
        """None: every sample is cancelled with the past alone."""
        return 0

    def cost(self) -> Count:
        """Return the count: echo estimate and update, 1 per tap each."""
        return Count(0, 2.0 * self.taps)

    def start(self, signals: int) -> State:
        """An echo path of zeros."""
        return State(
            weights=np.zeros((signals, self.taps), np.float32),
            far=np.zeros((signals, self.taps - 1), np.float32),
            products=np.zeros((signals, 5), np.float32),
            misalignment=np.ones(signals, np.float32),
            coupling=np.zeros((signals, 2), np.float32),
        )

    def impulse_response(self, state: State) -> Array:
        """The taps [..., taps], starting with the newest sample."""
        return state.weights[..., ::-1]

    @cached_property
    def settings(self) -> "Settings":
        """The fields for compiled code."""
        settings: Settings = settings_of(self, Settings)
        return settings

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Adapt over one block; the output is the a-priori error, where that is not louder than the microphone."""
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
    """Filter and adapt every signal in place: `out` holds the microphone and becomes the output.

    x is [signals, taps - 1 + block]. Two samples share one pass over the weights, with their updates left for the next
    pass: what the first update adds to the second echo estimate is its size times the product of both inputs.
    """
    signals, taps = state.weights.shape
    for signal in range(signals):
        w, p, far = state.weights[signal], state.products[signal], x[signal]
        misalignment = state.misalignment[signal : signal + 1]
        gain = coupling.power_gain(state.coupling[signal], coupling.LOWEST)  # of the past: causal
        coupling.observe(state.coupling[signal], np.square(out[signal]).sum(), np.square(far).mean(), out.shape[1])
        constants = (gain, np.float32(taps), settings)

        # |x|² and the product with the next input, float64: running sums of float32 drift
        energy, lagged = 0.0, 0.0
        for tap in range(taps - 1):
            energy += np.float64(far[tap]) ** 2
            lagged += np.float64(far[tap]) * far[tap + 1]
        first, second = np.float32(0), np.float32(0)
        before, between = far[:taps], far[:taps]
        for t in range(0, out.shape[1], 2):
            last = min(t + 1, out.shape[1] - 1)  # t itself, where a lone sample is left
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
    """Output and size of the update, for a sample d of the microphone with echo estimate y; `p` and m follow.

    `constants` are the power gain of the echo path, the number of taps, and the settings.
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
    # Output: |d - a y|² <= |d|² up to a = 2 d.y / y.y
    p[3] += (ONE - np.float32(BRIEF)) * (d * y - p[3])
    p[4] += (ONE - np.float32(BRIEF)) * (y * y - p[4])
    share = ONE
    if p[4] > 2 * p[3]:
        share = max(2 * p[3] / p[4], np.float32(0))
    return d - share * y, mu * e / (x2 + TINY)
