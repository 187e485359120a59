"""Partitioned-block frequency-domain Kalman filter, with a shadow filter that starts it and lets it recover.

G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the state-space model and the diagonalised Kalman filter.
F. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014: the same with the echo path cut into partitions.
F. Yang, G. Enzner, J. Yang, "Frequency-domain adaptive Kalman filter with fast recovery of abrupt echo-path changes",
IEEE Signal Processing Letters 24(12), 2017: why a converged filter is slow to recover, and a shadow filter as the cure.

The main filter believes what it has learnt: its process noise is proportional to its own |w|². The shadow expects a new
echo path at any time, of the power that microphone and far end show and with the decay of a room. It is fast and noisy,
and its state replaces the main filter's when it cancels clearly better: after a change of the echo path, and at
the start, when the main filter is empty. So there is no initial covariance to choose.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import FlatStreaming, check_ranges
from aecbench.cancellers.kernels import coupling, overlap_save, two_filters
from aecbench.cancellers.kernels.compile import reassociated
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["Kalman", "State"]

TAKE_OVER = 0.8  # the shadow's error power has to be below this fraction (-1 dB) of the main filter's
MEMORY = 0.9  # smoothing of these error powers, per block
CUT = 2  # partitions per block and filter whose response is cut to `block` taps
FIT_MEMORY = 0.6  # of the least-squares fit of a filter's gain, per block
FIT = 0.5  # a new gain has to take this fraction off the error power,
AUDIBLE = 0.3  # while the echo estimate has this fraction of the power that the coupling leads to expect
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]


class State(NamedTuple):
    """Both filters after a block: F = main and shadow, P = taps / block partitions, K = block + 1 bins."""

    weights: Complex  # [..., F, P, K] echo path
    covariance: Float32  # [..., F, P, K] expected |error of weights|²
    disturbance: Float32  # [..., F, K] error power per bin
    error: Float32  # [..., F] error power, by which the filters are compared
    fit: Float32  # [..., F, 3] smooth products of echo estimate y and error e: y.e, y.y, e.e
    coupling: Float32  # [..., 2] see coupling.py
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Float32  # [..., block] previous block of the far end
    part: Float32  # [...] of the echo estimate that was subtracted, at the end of the block
    turn: NDArray[np.int64]  # [...] partition whose response is cut next


@dataclass(frozen=True, slots=True)
class Kalman(FlatStreaming[State]):
    """Two diagonalised Kalman filters on one far end, by overlap-save with transforms of 2 * block samples.

    Model, per partition and bin: w' = A w + process noise of power (1 - A²) E|w|², mic = sum(x w) + disturbance. The
    gain is large where the uncertainty of the echo is large against the disturbance, so near-end speech and noise slow
    the adaptation by themselves. The weights are carried over unshrunk, so that a pause of the far end does not fade
    them. The output is the a-posteriori error of the main filter.

    The responses of two partitions per block and filter, in turn, are cut to `block` taps. A filter whose error still
    holds its echo estimate y gets the least-squares gain <mic, y> / <y, y> at once, so sudden changes of volume are no
    matter; and where y makes the output louder than the microphone, as much of it is left out.
    """

    block: int = bounded(256, 1)  # hop, and taps per partition [samples]
    taps: int = bounded(4096, 1)  # length of the echo path, a multiple of block [samples]
    # A per block of the main filter
    transition: float = tunable(0.9995, low=0.99, high=0.9999, scale="complement", allowed=(0, 1))
    # A per block of the shadow filter
    shadow_transition: float = tunable(0.8, low=0.5, high=0.98, scale="complement", allowed=(0, 1))
    # of the disturbance, per block
    smoothing: float = tunable(0.7, low=0.3, high=0.95, scale="complement", allowed=(0, 0.999))
    # which the shadow expects of the echo path over its taps [dB]
    decay: float = tunable(15.0, low=5.0, high=40.0, allowed=(0, 120))

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.taps % self.block:
            raise UsageError(f"Kalman: taps is {self.taps}, expected a multiple of block = {self.block}")

    @property
    def latency(self) -> int:
        """The first sample of a block depends on the last one."""
        return self.block - 1

    @property
    def stride(self) -> int:
        """Return the samples of four blocks: to call compiled code takes as long as a tenth of a block."""
        return 4 * self.block

    def cost(self) -> Count:
        """Return the count.

        Per filter and bin of a partition: 4 echo, 6 prediction, 10 update; 2 far-end power, 4 the echo of the output.
        Transforms: far end and output 1 each; per filter 1 echo, 1 error, 2 for each constraint.
        """
        bins = self.taps // self.block * (self.block + 1)
        transforms = 2 + 2 * (2 + 2 * CUT)
        return Count(0, (transforms * transform(2 * self.block) + (2 * 20 + 6) * bins) / self.block)

    def start(self, signals: int) -> State:
        """Two empty filters that are certain of nothing."""
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
            part=np.ones(signals, np.float32),
            turn=np.zeros(signals, np.int64),
        )

    def impulse_response(self, state: State) -> Array:
        """The taps of the main filter [..., taps]; what its partitions have beyond theirs is left out."""
        partitions = np.fft.irfft(state.weights[..., 0, :, :])[..., : self.block].astype(np.float32)
        return partitions.reshape(*partitions.shape[:-2], self.taps)

    @cached_property
    def settings(self) -> "Settings":
        """The fields for compiled code."""
        return Settings(
            np.float32(self.transition),
            np.float32(self.shadow_transition),
            np.float32(self.smoothing),
            _room(np.float32(self.decay), self.taps // self.block),
        )

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Predict, update both filters, let the better one teach the other, cancel with the main one."""
        _step(mic, far, state, self.settings)
        return mic


class Settings(NamedTuple):
    """Fields of Kalman for compiled code."""

    transition: np.float32
    shadow_transition: np.float32
    smoothing: np.float32
    room: Float32  # [P] power of the echo path that the shadow expects, with the sum 1


@reassociated
def _room(decay: np.float32, partitions: int) -> Float32:
    """Return the power of the partitions [P] of an echo path that decays by `decay` dB over them, with the sum 1."""
    room = (np.float32(10) ** (-decay / 10 * np.arange(partitions) / partitions)).astype(np.float32)
    room /= room.sum()
    return room


@reassociated
def _step(out: Float32, far: Float32, state: State, p: Settings) -> None:
    """Some blocks of every signal: `out` holds the microphone and becomes the output; state is updated in place."""
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
        gain = coupling.power_gain(state.coupling[s], coupling.LOWEST)
        audible = np.float32(AUDIBLE * e.size) * gain * far_power
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
            expected = gain if f == two_filters.SHADOW else np.float32(0)
            _predict(w, c, x2, expected * p.room, transitions[f] * transitions[f], residual)
            _scale(e2, d, residual, p.smoothing, scale)
            _update(w, c, x, x2, spectrum, scale)
        overlap_save.constrain(weights, turn, cut, responses)
        state.turn[s] = (turn + 1) % partitions

        # Exchange: the better filter hands over its estimate; the shadow stays as uncertain as it was
        teacher = two_filters.better(error, TAKE_OVER, 1)
        if teacher == two_filters.SHADOW:
            two_filters.hand_over(covariance, teacher)
        elif teacher == two_filters.MAIN:
            for i in range(partitions):
                for k in range(bins):
                    covariance[1, i, k] = max(covariance[1, i, k], covariance[0, i, k])
        if teacher >= 0:
            two_filters.hand_over(weights, teacher)
            two_filters.hand_over(state.disturbance[s], teacher)
            two_filters.hand_over(error, teacher)
            two_filters.hand_over(fit, teacher)
        state.part[s] = overlap_save.subtract(mic, overlap_save.echo(weights[0], x, total, time), state.part[s])


@reassociated
def _predict(w: Complex, c: Float32, x2: Float32, expected: Float32, a2: np.float32, residual: Float32) -> None:
    """In place P <- A² P + (1 - A²) max(|w|², expected); set residual [K] = sum(|x|² P) / 2, the power of the echo.

    Half of the blocks of 2 * block samples is zero, hence the factor 1/2. `expected` [P] is the power of a new path.
    """
    residual[:] = 0
    for p in range(expected.size):
        least, wp, cp, xp = expected[p], w[p], c[p], x2[p]
        for k in range(residual.size):
            w2 = wp[k].real ** 2 + wp[k].imag ** 2
            cp[k] = a2 * cp[k] + (np.float32(1) - a2) * max(w2, least)
            residual[k] += np.float32(0.5) * xp[k] * cp[k]


@reassociated
def _scale(e2: Float32, disturbance: Float32, residual: Float32, smoothing: np.float32, scale: Float32) -> None:
    """Set scale [K] = 1 / (sum |x|² P + 2 psi), psi the power of near end and noise; smooth e2 into the disturbance."""
    last = e2.size - 1
    for k in range(e2.size):
        near = (e2[k - 1] + e2[k] + e2[k + 1]) / np.float32(3) if 0 < k < last else e2[k]
        disturbance[k] = smoothing * disturbance[k] + (np.float32(1) - smoothing) * near
        psi = two_filters.disturbance(disturbance[k], residual[k])
        scale[k] = np.float32(0.5) / (residual[k] + psi + TINY)


@reassociated
def _update(w: Complex, c: Float32, x: Complex, x2: Float32, spectrum: Complex, scale: Float32) -> None:
    """In place w <- w + K e and P <- (1 - K x / 2) P with the gain K = P x* scale."""
    for k in range(scale.size):
        spectrum[k] *= scale[k]
    for p in range(x.shape[0]):
        wp, cp, xp, x2p = w[p], c[p], x[p], x2[p]
        for k in range(scale.size):
            wp[k] += cp[k] * np.conj(xp[k]) * spectrum[k]
            cp[k] -= np.float32(0.5) * cp[k] * cp[k] * scale[k] * x2p[k]
