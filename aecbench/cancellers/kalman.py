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

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers import coupling
from aecbench.cancellers.base import Streaming, check_finite, check_range
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["Kalman", "State"]

TAKE_OVER = 0.8  # the shadow's error power has to be below this fraction (-1 dB) of the main filter's
MEMORY = 0.9  # smoothing of these error powers, per block
CERTAIN = 0.1  # of the error power is never counted as residual echo
TINY = np.float32(1e-10)

Complex = NDArray[np.complex64]


class State(NamedTuple):
    """What both filters know after a block: F = main and shadow, P = taps / block partitions, K = block + 1 bins."""

    weights: Complex  # [F, ..., P, K] echo path
    covariance: Array  # [F, ..., P, K] expected |error of weights|²
    disturbance: Array  # [F, ..., K] error power per bin
    error: Array  # [F, ...] error power, by which the filters are compared
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Array  # [..., block] previous block of the far end
    coupling: Array  # [..., 2] see coupling.py


@dataclass(frozen=True, slots=True)
class Kalman(Streaming[State]):
    """Two diagonalised Kalman filters on one far end, by overlap-save with transforms of 2 * block samples.

    Model, per partition and bin: w' = A w + process noise of power (1 - A²) E|w|², mic = sum(x w) + disturbance. The
    gain is large where the uncertainty of the echo is large against the disturbance, so near-end speech and noise slow
    the adaptation by themselves. The weights are carried over unshrunk, so that a pause of the far end does not fade
    them. The output is the a-posteriori error of the main filter.
    """

    block: int = 256  # hop, and taps per partition [samples]
    taps: int = 4096  # length of the echo path, a multiple of block [samples]
    transition: float = 0.999  # A per block of the main filter
    shadow_transition: float = 0.9  # A per block of the shadow filter
    smoothing: float = 0.7  # of the disturbance, per block
    decay: float = 15.0  # which the shadow expects of the echo path over its taps [dB]

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

    def init(self, batch: tuple[int, ...]) -> State:
        """Two empty filters that are certain of nothing."""
        partitions = (*batch, self.taps // self.block, self.block + 1)
        return State(
            weights=np.zeros((2, *partitions), np.complex64),
            covariance=np.zeros((2, *partitions), np.float32),
            disturbance=np.zeros((2, *batch, self.block + 1), np.float32),
            error=np.zeros((2, *batch), np.float32),
            spectra=np.zeros(partitions, np.complex64),
            far=np.zeros((*batch, self.block), np.float32),
            coupling=coupling.initial(batch),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Predict, update both filters, let the better one teach the other, cancel with the main one."""
        check_finite(self, mic, far)
        mic, far = mic.astype(np.float32), far.astype(np.float32)
        newest = rfft(np.concatenate([state.far, far], -1))[..., None, :]
        x = np.concatenate([newest, state.spectra[..., :-1, :]], -2)
        x2 = _power(x)

        # Prediction: P <- A² P + (1 - A²) E|w|²
        sums, room = self._expect(state.coupling, mic, x2)
        w = state.weights
        w2 = _power(w)
        np.maximum(w2[1], room, out=w2[1])
        a2 = np.array([self.transition, self.shadow_transition], np.float32).reshape(2, *(1,) * x.ndim) ** 2
        p = a2 * state.covariance + (1 - a2) * w2

        # Innovation. Half of the blocks of 2 * block samples is zero, hence the factors 1/2 for the power of the echo
        e = self._cancel(mic, w, x)
        error = MEMORY * state.error + (1 - MEMORY) * np.square(e).mean(-1)
        spectrum = rfft(np.concatenate([np.zeros_like(e), e], -1))
        disturbance = self.smoothing * state.disturbance + (1 - self.smoothing) * _smooth(_power(spectrum))
        residual = 0.5 * (x2 * p).sum(-2)
        # The error holds residual echo too. To deduct all of it is fast but fragile, none of it slow: deduct half
        psi = np.maximum(disturbance - 0.5 * residual, CERTAIN * disturbance)

        # Update: w <- w + [K e] cut to `block` taps,  K = P x* / (sum |x|² P + 2 psi),  P <- (1 - K x / 2) P
        gain = p / (2 * (residual + psi) + TINY)[..., None, :]
        gradient = irfft(gain * x.conj() * spectrum[..., None, :])
        gradient[..., self.block :] = 0
        w = w + rfft(gradient)
        p *= 1 - 0.5 * gain * x2

        # Exchange. A teacher hands over its estimate; the shadow stays as uncertain as it was
        take_over = error[1] < TAKE_OVER * error[0]
        give = error[0] < error[1]
        wide = np.maximum(p[1], p[0])
        w = np.stack([_choose(take_over, w[1], w[0]), _choose(give, w[0], w[1])])
        p = np.stack([_choose(take_over, p[1], p[0]), _choose(give, wide, p[1])])
        disturbance = _exchange(take_over, give, disturbance)
        error = _exchange(take_over, give, error)
        return State(w, p, disturbance, error, x, far, sums), self._cancel(mic, w[0], x)

    def _cancel(self, mic: Array, w: Complex, x: Complex) -> Array:
        """Mic less echo, [..., block]: overlap-save keeps the second half of the convolution."""
        return mic - irfft((w * x).sum(-2))[..., self.block :]

    def _expect(self, sums: Array, mic: Array, x2: Array) -> tuple[Array, Array]:
        """The sums of the coupling after this block, and the E|w|² [..., P, 1] that a new echo path would have."""
        partitions = x2.shape[-2]
        room = 10 ** (-self.decay / 10 * np.arange(partitions, dtype=np.float32) / partitions)
        room /= room.sum()
        echo_at_unit_gain = x2.mean(-1) @ room / (2 * self.block)
        sums = coupling.observe(sums, np.square(mic).mean(-1), echo_at_unit_gain, self.block)
        return sums, coupling.power_gain(sums)[..., None, None] * room[:, None]


def _power(x: Complex) -> Array:
    return np.square(x.real) + np.square(x.imag)


def _smooth(power: Array) -> Array:
    """Mean of three neighbouring bins; the outermost stay."""
    smooth = power.copy()
    smooth[..., 1:-1] = (power[..., :-2] + power[..., 1:-1] + power[..., 2:]) / 3
    return smooth


def _choose(where: NDArray[np.bool_], yes: Array, no: Array) -> Array:
    """np.where, per signal of the batch."""
    return np.where(where.reshape(where.shape + (1,) * (yes.ndim - where.ndim)), yes, no)


def _exchange(take_over: NDArray[np.bool_], give: NDArray[np.bool_], x: Array) -> Array:
    return np.stack([_choose(take_over, x[1], x[0]), _choose(give, x[0], x[1])])
