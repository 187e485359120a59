"""Partitioned-block frequency-domain Kalman filter with a shadow filter for fast recovery.

G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the state-space model and the diagonalised Kalman filter.
F. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014: the same with the echo path cut into partitions.
F. Yang, G. Enzner, J. Yang, "Frequency-domain adaptive Kalman filter with fast recovery of abrupt echo-path changes",
IEEE Signal Processing Letters 24(12), 2017: why a converged filter is slow to recover, and a shadow filter as the cure.

What is ours: the shadow expects the echo path to have the power and the decay of a room, whatever the main filter
believes. That also starts the main filter, which has no initial covariance to tune.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, rfft

from aecbench.cancellers.base import Streaming, require
from aecbench.signals import Array

__all__ = ["Kalman", "State"]

BETTER = 0.8  # a filter takes over when its error power is below this fraction (-1 dB) of the other's
MEMORY = 0.9  # smoothing of that error power, per block
FORGET = 0.99  # forgetting of the sums that give the power gain of the echo path, per block
WEIGHT = 1e-8  # ... their start: the belief in GAIN weighs as much as one block of far end at -40 dBFS
GAIN = 1e-3
TINY = np.float32(1e-10)


class State(NamedTuple):
    """F = 2 filters: the main one and its shadow. P = taps / block partitions, K = block + 1 bins."""

    weights: Array  # [F, ..., P, K] complex echo path
    covariance: Array  # [F, ..., P, K] its expected squared error
    noise: Array  # [F, ..., K] power of everything that is not echo
    error: Array  # [F, ...] error power, by which the two filters are compared
    spectra: Array  # [..., P, K] complex far end, newest block first
    far: Array  # [..., block] previous block of the far end
    gain: Array  # [2, ...] sums whose ratio is the power gain of the echo path


@dataclass(frozen=True, slots=True)
class Kalman(Streaming[State]):
    """Diagonalised Kalman filter over `taps` samples of echo path, in blocks of half the transform length.

    The model: w(k+1) = A w(k) + process noise, d = x w + s. The gain is large where the covariance of w is large against
    the power of s, so near-end speech slows adaptation by itself. Output is the a-posteriori error.
    """

    block: int = 256  # hop and taps per partition [samples]
    taps: int = 4096  # length of the echo path, a multiple of `block` [samples]
    transition: float = 0.999  # A of the main filter, 0 < A <= 1: how much of the echo path survives a block
    shadow: float = 0.9  # A of the shadow filter
    smoothing: float = 0.7  # of the noise power, per block, 0 <= smoothing < 1
    decay: float = 15.0  # expected decay of the echo path over its taps [dB]

    def __post_init__(self) -> None:
        require(self, "block", self.block >= 1, "at least 1 sample")
        require(self, "taps", self.taps >= self.block and self.taps % self.block == 0, "a multiple of block")
        require(self, "transition", 0 < self.transition <= 1, "0 < transition <= 1")
        require(self, "shadow", 0 < self.shadow <= 1, "0 < shadow <= 1")
        require(self, "smoothing", 0 <= self.smoothing < 1, "0 <= smoothing < 1")
        require(self, "decay", 0 <= self.decay <= 120, "0 <= decay <= 120 dB")

    @property
    def latency(self) -> int:
        """The first sample of a block depends on its last one."""
        return self.block - 1

    def init(self, batch: tuple[int, ...]) -> State:
        """An empty filter: nothing is cancelled until the shadow has proved better."""
        partitions = (*batch, self.taps // self.block, self.block + 1)
        return State(
            weights=np.zeros((2, *partitions), np.complex64),
            covariance=np.zeros((2, *partitions), np.float32),
            noise=np.zeros((2, *batch, self.block + 1), np.float32),
            error=np.zeros((2, *batch), np.float32),
            spectra=np.zeros(partitions, np.complex64),
            far=np.zeros((*batch, self.block), np.float32),
            gain=np.zeros((2, *batch), np.float32),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """One block: predict, compare, update both filters, and let the better one be copied to the other."""
        n = self.block
        mic, far = mic.astype(np.float32, copy=False), far.astype(np.float32, copy=False)
        x = rfft(np.concatenate([state.far, far], -1))[..., None, :]
        x = np.concatenate([x, state.spectra[..., :-1, :]], -2)
        x2 = _square(x)

        # Prediction: P <- A² P + (1 - A²) E|w|²
        gain, room = self._room(state.gain, mic, x2)
        a2 = np.array([self.transition, self.shadow], np.float32).reshape(2, *(1,) * x.ndim) ** 2
        w, w2 = state.weights, _square(state.weights)
        expected = np.stack([w2[0], np.maximum(w2[1], room)])
        p = a2 * state.covariance + (1 - a2) * expected

        # Innovation, by overlap-save
        error = mic - irfft((w * x).sum(-2))[..., n:]
        e = rfft(np.concatenate([np.zeros_like(error), error], -1))
        power = MEMORY * state.error + (1 - MEMORY) * np.square(error).mean(-1)
        noise = self.smoothing * state.noise + (1 - self.smoothing) * _smooth(_square(e))

        # Update: K = P x* / (sum |x|² P + 2 psi)
        residual = (x2 * p).sum(-2)
        psi = np.maximum(noise - SHARE * residual, 0.1 * noise)
        k = p / (residual + 2 * psi + TINY)[..., None, :]
        gradient = irfft(k * x.conj() * e[..., None, :])
        gradient[..., n:] = 0  # the partitions are `block` taps long
        w = w + rfft(gradient)
        p = p * (1 - 0.5 * k * x2)
        raise NotImplementedError
