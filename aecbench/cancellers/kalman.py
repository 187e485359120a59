"""Partitioned-block frequency-domain Kalman filter, with a shadow filter for start-up and recovery.

G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the state-space model and the diagonalised Kalman filter.
F. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014: the same for a partitioned echo path.
F. Yang, G. Enzner, J. Yang, "Frequency-domain adaptive Kalman filter with fast recovery of abrupt echo-path changes",
IEEE Signal Processing Letters 24(12), 2017: why a converged filter recovers slowly, and a shadow filter as the remedy.

The process noise of the main filter is proportional to its own |w|², so its adaptation slows down as it converges. The
shadow filter assumes that the echo path may change completely at any time, to one with the power gain estimated from
microphone and far end and the decay of a room. It adapts fast but is noisy. Its state replaces the main filter's when
it cancels clearly better: after a change of the echo path, and at the start, when the weights of the main filter are
zero. No initial covariance has to be chosen.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.kernels import coupling, overlap_save, two_filters
from aecbench.cancellers.kernels.compile import inlined, reassociated
from aecbench.cancellers.partitioned import Partitioned
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.signals import Array

__all__ = ["Kalman", "State"]

TAKE_OVER = 0.8  # the shadow replaces the main filter if its error power is below this fraction (-1 dB) of the other's
MEMORY = 0.9  # forgetting factor per block of these error powers
CUT = 2  # partitions per block and filter to which the gradient constraint is applied
FIT_MEMORY = 0.6  # forgetting factor per block of the least-squares fit of a filter's gain
FIT = 0.5  # a filter is rescaled only if that reduces the error power by more than this fraction,
AUDIBLE = 0.3  # and if the echo estimate has more than this fraction of the power that the coupling predicts
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]


class State(NamedTuple):
    """Both filters after a block: F = main and shadow, P = taps / block partitions, K = block + 1 bins."""

    weights: Complex  # [..., F, P, K] echo path
    covariance: Float32  # [..., F, P, K] expected squared error of the weights (diagonal of the error covariance)
    disturbance: Float32  # [..., F, K] smoothed error power per bin
    error: Float32  # [..., F] smoothed error power, by which the filters are compared
    fit: Float32  # [..., F, 3] smoothed products of echo estimate y and error e: y.e, y.y, e.e
    coupling: Float32  # [..., 2] see coupling.py
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Float32  # [..., block] previous block of the far end
    gain: Float32  # [...] gain of the echo estimate in the output at the end of the block, 0 to 1
    turn: NDArray[np.int64]  # [...] partition to which the gradient constraint is applied next


@dataclass(frozen=True, slots=True)
class Kalman(Partitioned[State]):
    """Two diagonalised Kalman filters with the same far end, by overlap-save with transforms of 2 * block samples.

    Model, per partition and bin: w' = A w + process noise of power (1 - A²) E|w|², mic = sum(x w) + disturbance. The
    Kalman gain is large where the expected residual echo is strong relative to the disturbance, so near-end speech and
    noise slow the adaptation down without a double-talk detector. The prediction does not multiply the weights by A,
    so they do not decay while the far end is silent. The output is the a-posteriori error of the main filter.

    The gradient constraint is applied to two partitions of each filter per block, in rotation. If the error of a filter
    is still correlated with its echo estimate y, its weights are multiplied at once by the least-squares gain
    <mic, y> / <y, y>, or by 0 if that is negative: weights in opposite phase are discarded, and their covariance with
    them. The filter thus follows sudden changes of the playback volume without having to adapt again. If subtracting y
    would make the output louder than the microphone, y is scaled down first.
    """

    block: int = bounded(256, 1)  # hop, and taps per partition [samples]
    taps: int = bounded(4096, 1)  # length of the filter, a multiple of block [samples]
    # transition factor A of the main filter, per block
    transition: float = tunable(0.9995, low=0.99, high=0.9999, scale="complement", allowed=(0, 1))
    # transition factor A of the shadow filter, per block
    shadow_transition: float = tunable(0.8, low=0.5, high=0.98, scale="complement", allowed=(0, 1))
    # forgetting factor of the error power from which the disturbance is estimated, per block
    smoothing: float = tunable(0.7, low=0.3, high=0.95, scale="complement", allowed=(0, 0.999))
    # decay over the length of the filter of the echo path that the shadow assumes [dB]
    decay: float = tunable(15.0, low=5.0, high=40.0, allowed=(0, 120))

    def cost(self) -> Count:
        """Return the count.

        Per filter and bin of a partition: 4 echo, 6 prediction, 10 update; and 2 far-end power, 4 a-posteriori echo.
        Transforms: far end and output 1 each; per filter 1 echo, 1 error, 2 for each gradient constraint.
        """
        bins = self.taps // self.block * (self.block + 1)
        transforms = 2 + 2 * (2 + 2 * CUT)
        return Count(0, (transforms * transform(2 * self.block) + (2 * 20 + 6) * bins) / self.block)

    def start(self, signals: int) -> State:
        """Return two filters with zero weights and zero covariance; the process noise of the shadow starts both."""
        partitions, bins = self.taps // self.block, self.block + 1
        return State(
            weights=np.zeros((signals, 2, partitions, bins), np.complex64),
            covariance=np.zeros((signals, 2, partitions, bins), np.float32),
            disturbance=np.zeros((signals, 2, bins), np.float32),
            error=np.zeros((signals, 2), np.float32),
            fit=np.zeros((signals, 2, 3), np.float32),
            coupling=np.zeros((signals, 2), np.float32),
            spectra=np.zeros((signals, partitions, bins), np.complex64),
            far=np.zeros((signals, self.block), np.float32),
            gain=np.ones(signals, np.float32),
            turn=np.zeros(signals, np.int64),
        )

    @cached_property
    def settings(self) -> "Settings":
        """The fields that compiled code needs."""
        return Settings(
            np.float32(self.transition),
            np.float32(self.shadow_transition),
            np.float32(self.smoothing),
            _room(float(np.float32(self.decay)), self.taps // self.block),  # float32 as before: the same output
        )

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Predict and update both filters, copy the better one over the other, and cancel with the main filter."""
        _step(mic, far, state, self.settings)
        return mic


class Settings(NamedTuple):
    """Fields of Kalman for compiled code."""

    transition: np.float32
    shadow_transition: np.float32
    smoothing: np.float32
    room: Float32  # [P] power of the partitions of the echo path that the shadow assumes, normalised to a sum of 1


def _room(decay: float, partitions: int) -> Float32:
    """Return the powers [P] of the partitions of an echo path that decays by `decay` dB, normalised to a sum of 1."""
    room = (10 ** (-decay / 10 * np.arange(partitions) / partitions)).astype(np.float32)
    room /= room.sum()
    return room


@reassociated
def _step(out: Float32, far: Float32, state: State, p: Settings) -> None:
    """Process one or more blocks of every signal in place: `out` contains the microphone and becomes the output."""
    signals, partitions, bins = state.spectra.shape
    block, blocks = bins - 1, out.shape[1] // (bins - 1)
    time, e = np.empty(2 * bins - 2, np.float32), np.empty(bins - 1, np.float32)
    total, spectrum = np.empty(bins, np.complex64), np.empty(bins, np.complex64)
    x2, e2 = np.empty((partitions, bins), np.float32), np.empty(bins, np.float32)
    residual, scale = np.empty(bins, np.float32), np.empty(bins, np.float32)
    cut, responses = np.empty((2 * CUT, bins), np.complex64), np.empty((2 * CUT, time.size), np.float32)
    transitions = (p.transition, p.shadow_transition)
    for n in range(signals * blocks):
        s, start = n // blocks, n % blocks * block
        mic, x, weights, covariance = (
            out[s, start : start + block],
            state.spectra[s],
            state.weights[s],
            state.covariance[s],
        )
        error, fit, turn = state.error[s], state.fit[s], state.turn[s]
        overlap_save.push(x, state.far[s], far[s, start : start + block], time)
        far_power, mic_energy = np.float32(0), np.float32(0)
        for i in range(partitions):
            overlap_save.power(x[i], x2[i])
            far_power += p.room[i] * x2[i].mean() / np.float32(time.size)
        for t in range(mic.size):
            mic_energy += mic[t] * mic[t]
        coupling.observe(state.coupling[s], mic_energy, far_power, mic.size)
        path_gain = coupling.power_gain(state.coupling[s], coupling.LOWEST)
        audible = np.float32(AUDIBLE * e.size) * path_gain * far_power
        for f in range(2):
            w, c, d = weights[f], covariance[f], state.disturbance[s, f]
            y = overlap_save.echo(w, x, total, time)
            factor = max(two_filters.fit_gain(mic, y, fit[f], FIT_MEMORY, FIT, audible), np.float32(0))
            if factor != 1:
                w *= factor
                c *= factor * factor
            mean = np.float32(0)
            for t in range(e.size):
                e[t] = mic[t] - factor * y[t]
                mean += e[t] ** 2 / np.float32(e.size)
            error[f] = np.float32(MEMORY) * error[f] + np.float32(1 - MEMORY) * mean
            if factor != 1:
                error[f] = min(error[f], mean)
            overlap_save.spectrum_of_end(e, spectrum, time)
            overlap_save.power(spectrum, e2)
            expected = path_gain if f == two_filters.SHADOW else np.float32(0)
            _predict(w, c, x2, expected * p.room, transitions[f] * transitions[f], residual)
            _scale(e2, d, residual, p.smoothing, scale)
            _update(w, c, x, x2, spectrum, scale)
        overlap_save.constrain(weights, turn, cut, responses)
        state.turn[s] = (turn + 1) % partitions

        # Exchange: the better filter passes its weights on; the covariance of the shadow never shrinks in the process
        source = two_filters.better(error, TAKE_OVER, 1)
        if source == two_filters.SHADOW:
            two_filters.transfer(covariance, source)
        elif source == two_filters.MAIN:
            for i in range(partitions):
                for k in range(bins):
                    covariance[1, i, k] = max(covariance[1, i, k], covariance[0, i, k])
        if source >= 0:
            two_filters.transfer(weights, source)
            two_filters.transfer(state.disturbance[s], source)
            two_filters.transfer(error, source)
            two_filters.transfer(fit, source)
        state.gain[s] = overlap_save.subtract(mic, overlap_save.echo(weights[0], x, total, time), state.gain[s])


@inlined
def _predict(w: Complex, c: Float32, x2: Float32, expected: Float32, a2: np.float32, residual: Float32) -> None:
    """Update P <- A² P + (1 - A²) max(|w|², expected) in place, and set residual [K] = sum(|x|² P) / 2.

    residual is the expected power of the residual echo. The factor 1/2 accounts for the zero half of the error frames
    of 2 * block samples. `expected` [P] is the power of a new echo path; `a2` is A².
    """
    residual[:] = 0
    for p in range(expected.size):
        least, wp, cp, xp = expected[p], w[p], c[p], x2[p]
        for k in range(residual.size):
            w2 = wp[k].real ** 2 + wp[k].imag ** 2
            cp[k] = a2 * cp[k] + (np.float32(1) - a2) * max(w2, least)
            residual[k] += np.float32(0.5) * xp[k] * cp[k]


@inlined
def _scale(e2: Float32, disturbance: Float32, residual: Float32, smoothing: np.float32, scale: Float32) -> None:
    """Smooth e2 into `disturbance` [K], and set scale [K] = 1 / (sum |x|² P + 2 psi).

    psi is the power of near end and noise; `residual` [K] is half of the sum.
    """
    last = e2.size - 1
    for k in range(e2.size):
        near = (e2[k - 1] + e2[k] + e2[k + 1]) / np.float32(3) if 0 < k < last else e2[k]
        disturbance[k] = smoothing * disturbance[k] + (np.float32(1) - smoothing) * near
        psi = two_filters.disturbance(disturbance[k], residual[k])
        scale[k] = np.float32(0.5) / (residual[k] + psi + TINY)


@inlined
def _update(w: Complex, c: Float32, x: Complex, x2: Float32, spectrum: Complex, scale: Float32) -> None:
    """Update w <- w + K e and P <- (1 - K x / 2) P in place, with the Kalman gain K = P x* scale."""
    for k in range(scale.size):
        spectrum[k] *= scale[k]
    for p in range(x.shape[0]):
        wp, cp, xp, x2p = w[p], c[p], x[p], x2[p]
        for k in range(scale.size):
            wp[k] += cp[k] * np.conj(xp[k]) * spectrum[k]
            cp[k] -= np.float32(0.5) * cp[k] * cp[k] * scale[k] * x2p[k]
