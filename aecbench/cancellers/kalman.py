"""Partitioned-block frequency-domain Kalman filter, with a shadow filter that starts it and lets it recover.

G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the state-space model and the diagonalised Kalman filter.
F. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014: the same with the echo path cut into partitions.
F. Yang, G. Enzner, J. Yang, "Frequency-domain adaptive Kalman filter with fast recovery of abrupt echo-path changes",
IEEE Signal Processing Letters 24(12), 2017: why a converged filter is slow to recover, and a shadow filter as the cure.

The main filter believes what it has learnt: its process noise is proportional to its own |w|². The shadow expects a new
echo path at any time, of the power that microphone and far end show and with the decay of a room. It is fast and noisy,
and its state replaces that of the main filter when it cancels clearly better: after a change of the echo path, and at
the start, when the main filter is empty. So there is no initial covariance to choose.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import coupling, overlap_save
from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import Streaming, check_finite, check_range
from aecbench.cancellers.tunable import tunable
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["Kalman", "State"]

TAKE_OVER = 0.8  # the shadow's error power has to be below this fraction (-1 dB) of the main filter's
MEMORY = 0.9  # smoothing of these error powers, per block
CERTAIN = 0.1  # of the error power is never counted as residual echo
CUT = 2  # partitions per block and filter of which the response is cut to `block` taps
FIT_MEMORY = 0.6  # of the least-squares fit of a filter's gain, per block
FIT = 0.5  # a new gain has to take this fraction off the error power,
AUDIBLE = 0.3  # while the echo estimate has this fraction of the power that the coupling leads to expect
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]


class State(NamedTuple):
    """What both filters know after a block: F = main and shadow, P = taps / block partitions, K = block + 1 bins."""

    weights: Complex  # [F, ..., P, K] echo path
    covariance: Float32  # [F, ..., P, K] expected |error of weights|²
    disturbance: Float32  # [F, ..., K] error power per bin
    error: Float32  # [F, ...] error power, by which the filters are compared
    fit: Float32  # [F, ..., 3] smooth products of echo estimate y and error e: y.e, y.y, e.e
    coupling: Float32  # [..., 2] see coupling.py
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Float32  # [..., block] previous block of the far end
    part: Float32  # [...] of the echo estimate that was subtracted, at the end of the block
    turn: NDArray[np.int64]  # [...] partition whose response is cut next


@dataclass(frozen=True, slots=True)
class Kalman(Streaming[State]):
    """Two diagonalised Kalman filters on one far end, by overlap-save with transforms of 2 * block samples.

    Model, per partition and bin: w' = A w + process noise of power (1 - A²) E|w|², mic = sum(x w) + disturbance. The
    gain is large where the uncertainty of the echo is large against the disturbance, so near-end speech and noise slow
    the adaptation by themselves. The weights are carried over unshrunk, so that a pause of the far end does not fade
    them. The output is the a-posteriori error of the main filter.

    The responses of two partitions per block and filter, in turn, are cut to `block` taps. A filter whose error still
    holds its echo estimate y gets the least-squares gain <mic, y> / <y, y> at once, so sudden changes of volume are no
    matter; and where y makes the output louder than the microphone, as much of it is left out.
    """

    block: int = 256  # hop, and taps per partition [samples]
    taps: int = 4096  # length of the echo path, a multiple of block [samples]
    transition: float = tunable(0.9995, low=0.99, high=0.9999, scale="complement")  # A per block of the main filter
    shadow_transition: float = tunable(0.8, low=0.5, high=0.98, scale="complement")  # A per block of the shadow filter
    smoothing: float = tunable(0.7, low=0.3, high=0.95, scale="complement")  # of the disturbance, per block
    decay: float = tunable(15.0, low=5.0, high=40.0)  # which the shadow expects of the echo path over its taps [dB]

    def __post_init__(self) -> None:
        check_range(self, "block", 1, whole=True)
        check_range(self, "taps", 1, whole=True)
        if self.taps % self.block:
            raise UsageError(f"Kalman: taps is {self.taps}, expected a multiple of block = {self.block}")
        check_range(self, "transition", 0, 1)
        check_range(self, "shadow_transition", 0, 1)
        check_range(self, "smoothing", 0, 0.999)
        check_range(self, "decay", 0, 120)

    @property
    def latency(self) -> int:
        """The first sample of a block depends on the last one."""
        return self.block - 1

    def cost(self) -> Count:
        """Return the count.

        Per filter and bin of a partition: 4 echo, 6 prediction, 10 update; 2 far-end power, 4 the echo of the output.
        Transforms: far end and output 1 each; per filter 1 echo, 1 error, 2 for each constraint.
        """
        bins = self.taps // self.block * (self.block + 1)
        transforms = 2 + 2 * (2 + 2 * CUT)
        return Count(0, (transforms * transform(2 * self.block) + (2 * 20 + 6) * bins) / self.block)

    def init(self, batch: tuple[int, ...]) -> State:
        """Two empty filters that are certain of nothing."""
        partitions = (*batch, self.taps // self.block, self.block + 1)
        return State(
            weights=np.zeros((2, *partitions), np.complex64),
            covariance=np.zeros((2, *partitions), np.float32),
            disturbance=np.zeros((2, *batch, self.block + 1), np.float32),
            error=np.zeros((2, *batch), np.float32),
            fit=np.zeros((2, *batch, 3), np.float32),
            coupling=coupling.initial(batch),
            spectra=np.zeros(partitions, np.complex64),
            far=np.zeros((*batch, self.block), np.float32),
            part=np.ones(batch, np.float32),
            turn=np.zeros(batch, np.int64),
        )

    def impulse_response(self, state: State) -> Array:
        """The taps of the main filter [..., taps]; what its partitions have beyond theirs is left out."""
        partitions = np.fft.irfft(state.weights[0])[..., : self.block].astype(np.float32)
        return partitions.reshape(*partitions.shape[:-2], self.taps)

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Predict, update both filters, let the better one teach the other, cancel with the main one."""
        check_finite(self, mic, far)
        out = mic.astype(np.float32, order="C")
        far = far.astype(np.float32, order="C")
        new = State._make(value.copy() for value in state)
        partitions, bins = state.spectra.shape[-2:]
        _step(
            out.reshape(-1, self.block),
            far.reshape(-1, self.block),
            new.weights.reshape(2, -1, partitions, bins),
            new.covariance.reshape(2, -1, partitions, bins),
            new.disturbance.reshape(2, -1, bins),
            new.error.reshape(2, -1),
            new.fit.reshape(2, -1, 3),
            new.coupling.reshape(-1, 2),
            new.spectra.reshape(-1, partitions, bins),
            new.far.reshape(-1, self.block),
            new.part.reshape(-1),
            new.turn.reshape(-1),
            np.float32(self.transition),
            np.float32(self.shadow_transition),
            np.float32(self.smoothing),
            np.float32(self.decay),
        )
        return new, out


compiled = numba.njit(cache=True, fastmath={"reassoc", "contract"})


@compiled
def _step(
    out: Float32,
    far: Float32,
    weights: Complex,
    covariance: Float32,
    disturbance: Float32,
    error: Float32,
    fit: Float32,
    sums: Float32,
    spectra: Complex,
    past: Float32,
    part: Float32,
    turn: NDArray[np.int64],
    transition: np.float32,
    shadow_transition: np.float32,
    smoothing: np.float32,
    decay: np.float32,
) -> None:
    """One block of every signal: `out` holds the microphone and becomes the output, all of the state goes on in place.

    Shapes are those of State, with the batch as one axis.
    """
    signals, partitions, bins = spectra.shape
    time, e = np.empty(2 * bins - 2, np.float32), np.empty(bins - 1, np.float32)
    total, spectrum, x2 = (
        np.empty(bins, np.complex64),
        np.empty(bins, np.complex64),
        np.empty(spectra[0].shape, np.float32),
    )
    e2, residual, scale = np.empty(bins, np.float32), np.empty(bins, np.float32), np.empty(bins, np.float32)
    room = (np.float32(10) ** (-decay / 10 * np.arange(partitions) / partitions)).astype(np.float32)
    room /= room.sum()
    for s in range(signals):
        mic, x = out[s], spectra[s]
        overlap_save.push(x, past[s], far[s], time)
        far_power = np.float32(0)
        for p in range(partitions):
            overlap_save.power(x[p], x2[p])
            far_power += room[p] * x2[p].mean() / np.float32(time.size)
        gain = _couple(sums[s], mic, far_power)
        for f in range(2):
            w, c, d = weights[f, s], covariance[f, s], disturbance[f, s]
            y = overlap_save.echo(w, x, total, time)
            factor = _fit_gain(mic, y, gain * far_power, fit[f, s])
            if factor != 1:
                w *= factor
                c *= factor * factor
            mean = np.float32(0)
            for t in range(e.size):
                e[t] = mic[t] - factor * y[t]
                mean += e[t] ** 2 / np.float32(e.size)
            error[f, s] = np.float32(MEMORY) * error[f, s] + np.float32(1 - MEMORY) * mean
            if factor != 1:
                error[f, s] = min(error[f, s], mean)
            overlap_save.spectrum_of_end(e, spectrum, time)
            overlap_save.power(spectrum, e2)
            if f == 0:
                _predict(w, c, x2, np.float32(0), room, transition * transition, residual)
            else:
                _predict(w, c, x2, gain, room, shadow_transition * shadow_transition, residual)
            _scale(e2, d, residual, smoothing, scale)
            _update(w, c, x, x2, spectrum, scale)
            for i in range(CUT):
                overlap_save.constrain(w[(turn[s] + i * partitions // CUT) % partitions], time)
        turn[s] = (turn[s] + 1) % partitions
        _exchange(weights[:, s], covariance[:, s], disturbance[:, s], error[:, s], fit[:, s])
        part[s] = overlap_save.subtract(mic, overlap_save.echo(weights[0, s], x, total, time), part[s])


@compiled
def _couple(sums: Float32, mic: Float32, far_power: np.float32) -> np.float32:
    """The power gain of the echo path, after the sums [2] of coupling.py have taken in this block."""
    mic_energy = np.float32(0)
    for t in range(mic.size):
        mic_energy += mic[t] * mic[t]
    sums *= np.float32(coupling.FORGET**mic.size)
    sums[0] += mic_energy * far_power
    sums[1] += np.float32(mic.size) * far_power * far_power
    return np.float32(min(max(sums[0] / (sums[1] + coupling.DOUBT), coupling.LOWEST), coupling.HIGHEST))


@compiled
def _fit_gain(mic: Float32, y: Float32, expected: np.float32, fit: Float32) -> np.float32:
    """The factor 1 + <y, e> / <y, y> of the echo estimate y [B] where that takes much off the error, or else 1.

    An estimate far below the `expected` power is the beginning or the end of an echo and says nothing about the rest.
    """
    ye, yy, ee = np.float32(0), np.float32(0), np.float32(0)
    for t in range(y.size):
        e = mic[t] - y[t]
        ye += y[t] * e
        yy += y[t] * y[t]
        ee += e * e
    fit *= np.float32(FIT_MEMORY)
    fit[0] += ye
    fit[1] += yy
    fit[2] += ee
    explains = fit[0] ** 2 > np.float32(FIT) * fit[1] * fit[2] and ye * fit[0] > 0
    factor = np.float32(1)
    if explains and fit[1] > TINY and yy > np.float32(AUDIBLE * y.size) * expected:
        factor = max(np.float32(1) + fit[0] / fit[1], np.float32(0))
        fit[:] = 0
    return factor


@compiled
def _predict(
    w: Complex, c: Float32, x2: Float32, gain: np.float32, room: Float32, a2: np.float32, residual: Float32
) -> None:
    """In place P <- A² P + (1 - A²) max(|w|², gain room); set residual [K] = sum(|x|² P) / 2, the power of the echo.

    Half of the blocks of 2 * block samples is zero, hence the factor 1/2.
    """
    residual[:] = 0
    for p in range(room.size):
        least, wp, cp, xp = gain * room[p], w[p], c[p], x2[p]
        for k in range(residual.size):
            w2 = wp[k].real ** 2 + wp[k].imag ** 2
            cp[k] = a2 * cp[k] + (np.float32(1) - a2) * max(w2, least)
            residual[k] += np.float32(0.5) * xp[k] * cp[k]


@compiled
def _scale(e2: Float32, disturbance: Float32, residual: Float32, smoothing: np.float32, scale: Float32) -> None:
    """Set scale [K] = 1 / (sum |x|² P + 2 psi), psi the power of near end and noise; smooth e2 into the disturbance."""
    last = e2.size - 1
    for k in range(e2.size):
        near = (e2[k - 1] + e2[k] + e2[k + 1]) / np.float32(3) if 0 < k < last else e2[k]
        disturbance[k] = smoothing * disturbance[k] + (np.float32(1) - smoothing) * near
        # The error holds residual echo too. To deduct all of it is fast but fragile, none of it slow: deduct half
        psi = max(disturbance[k] - np.float32(0.5) * residual[k], np.float32(CERTAIN) * disturbance[k])
        scale[k] = np.float32(0.5) / (residual[k] + psi + TINY)


@compiled
def _update(w: Complex, c: Float32, x: Complex, x2: Float32, spectrum: Complex, scale: Float32) -> None:
    """In place w <- w + K e and P <- (1 - K x / 2) P with the gain K = P x* scale."""
    for k in range(scale.size):
        spectrum[k] *= scale[k]
    for p in range(x.shape[0]):
        wp, cp, xp, x2p = w[p], c[p], x[p], x2[p]
        for k in range(scale.size):
            wp[k] += cp[k] * np.conj(xp[k]) * spectrum[k]
            cp[k] -= np.float32(0.5) * cp[k] * cp[k] * scale[k] * x2p[k]


@compiled
def _exchange(w: Complex, c: Float32, disturbance: Float32, error: Float32, fit: Float32) -> None:
    """The better filter hands over its estimate. The shadow stays as uncertain as it was."""
    if error[1] < np.float32(TAKE_OVER) * error[0]:
        teacher, pupil = 1, 0
        c[0] = c[1]
    elif error[0] < error[1]:
        teacher, pupil = 0, 1
        c[1] = np.maximum(c[1], c[0])
    else:
        return
    w[pupil], disturbance[pupil], error[pupil], fit[pupil] = (
        w[teacher],
        disturbance[teacher],
        error[teacher],
        fit[teacher],
    )
