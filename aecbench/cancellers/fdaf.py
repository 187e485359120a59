"""Partitioned-block frequency-domain NLMS with a step of its own for every bin, and a background filter.

J.-S. Soo, K. K. Pang, "Multidelay block frequency domain adaptive filter", IEEE Transactions on Acoustics, Speech, and
Signal Processing 38(2), 1990: the filter cut into partitions.
J.-M. Valin, "On adjusting the learning rate in frequency domain echo cancellation with double-talk", IEEE Transactions
on Audio, Speech, and Language Processing 15(3), 2007: the step, from the leakage.
K. Ochiai, T. Araseki, T. Ogihara, "Echo canceler with two echo path models", IEEE Transactions on Communications 25(6),
1977: the background filter adapts, the foreground filter cancels.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers.base import Streaming, check_finite, check_range
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["FDAF", "State"]

MEMORY = 0.9  # smoothing of the error powers by which the filters are compared, per block
BETTER = 0.9  # the background takes over with an error power below this fraction of the foreground's
WORSE = 2.0  # and starts again from the foreground with one above this multiple
TINY = np.float32(1e-10)

Complex = NDArray[np.complex64]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
Number = TypeVar("Number", bound=np.inexact[Any])


class State(NamedTuple):
    """What the filters know after a block: P = taps / block partitions, K = block + 1 bins."""

    background: Complex  # [..., P, K] echo path that adapts
    foreground: Complex  # [..., P, K] echo path that cancels
    error: Array  # [2, ...] error power of background and foreground
    leakage: Array  # [4, ..., K] smooth power of echo estimate and error; covariance of the two, variance of the first
    power: Array  # [..., K] far end, smooth
    learnt: Array  # [...] sum of the mean steps so far
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Array  # [..., block] previous block of the far end


@dataclass(frozen=True, slots=True)
class FDAF(Streaming[State]):
    """Overlap-save with transforms of 2 * block samples; w <- w + [mu x* e / |x|²] cut to `block` taps.

    Valin's step is the share of residual echo in the error, mu = min(leak |y|² / |e|², step_size) for echo estimate y.
    The leakage is the regression of the fluctuations of |e|² on those of |y|²: near-end speech does not go with y and
    leaves it alone. While the filter is all but empty and y says nothing, the step is fixed.
    """

    block: int = 256  # hop, and taps per partition [samples]
    taps: int = 4096  # length of the echo path, a multiple of block [samples]
    step_size: float = 0.5  # largest step
    start: float = 0.5  # step until the steps add up to 1 per partition
    memory: float = 0.95  # smoothing of the powers of the regression, per block
    even: float = 0.5  # part of the update that all partitions share, the rest goes by their weights
    averaging: float = 0.02  # of the regression, per block, as far as the error is echo

    def __post_init__(self) -> None:
        check_range(self, "block", 1, whole=True)
        check_range(self, "taps", 1, whole=True)
        if self.taps % self.block:
            raise UsageError(f"FDAF: taps is {self.taps}, expected a multiple of block = {self.block}")
        check_range(self, "step_size", 0, 1)
        check_range(self, "start", 0, 1)
        check_range(self, "even", 0, 1)
        check_range(self, "memory", 0, 0.999)
        check_range(self, "averaging", 0, 1)

    @property
    def latency(self) -> int:
        """The first sample of a block depends on the last one."""
        return self.block - 1

    def init(self, batch: tuple[int, ...]) -> State:
        """Two empty filters."""
        bins = (*batch, self.block + 1)
        partitions = (*batch, self.taps // self.block, self.block + 1)
        return State(
            background=np.zeros(partitions, np.complex64),
            foreground=np.zeros(partitions, np.complex64),
            error=np.zeros((2, *batch), np.float32),
            leakage=np.zeros((4, *bins), np.float32),
            power=np.zeros(bins, np.float32),
            learnt=np.zeros(batch, np.float32),
            spectra=np.zeros(partitions, np.complex64),
            far=np.zeros((*batch, self.block), np.float32),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel with the foreground, adapt the background, and let the better one take over."""
        check_finite(self, mic, far)
        mic, far = mic.astype(np.float32), far.astype(np.float32)
        newest = rfft(np.concatenate([state.far, far], -1))[..., None, :]
        x = np.concatenate([newest, state.spectra[..., :-1, :]], -2)
        w, partitions = state.background, self.taps // self.block

        # Errors, in time and as spectra of blocks with zeros before them
        echo = irfft((w * x).sum(-2))[..., self.block :]
        e = mic - echo
        out = mic - irfft((state.foreground * x).sum(-2))[..., self.block :]
        zeros = np.zeros_like(e)
        y2 = _power(rfft(np.concatenate([zeros, echo], -1)))
        spectrum = rfft(np.concatenate([zeros, e], -1))
        e2 = _power(spectrum)

        # Step
        leakage, leak = self._leak(state.leakage, y2, e2)
        share = self._share(w)
        x2 = (share * _power(x)).sum(-2)
        power = np.maximum(x2, MEMORY * state.power + (1 - MEMORY) * x2)
        wanted = leak[..., None] * y2
        # The whole band steadies it; what of the error is still in phase with the echo estimate is residual echo anyway
        band = wanted.sum(-1, keepdims=True) / (e2.sum(-1, keepdims=True) + TINY)
        in_phase = np.square((e * echo).sum(-1)) / (np.square(e).sum(-1) * np.square(echo).sum(-1) + TINY)
        band = np.maximum(band, in_phase[..., None])
        mu = np.minimum(0.7 * wanted / (e2 + TINY) + 0.3 * band, self.step_size)
        ready = state.learnt > partitions
        fixed = self.start * np.minimum(x2.sum(-1) / (e2.sum(-1) * 2 + TINY), 1)
        mu = np.where(ready[..., None], mu, fixed[..., None])
        learnt = state.learnt + mu.mean(-1)

        # Update: w <- w + [mu x* e / |x|²] cut to `block` taps
        gradient = irfft(share * x.conj() * (2 * mu / (power + TINY) * spectrum)[..., None, :])
        gradient[..., self.block :] = 0
        adapted = w + rfft(gradient)

        # Exchange
        error = MEMORY * state.error + (1 - MEMORY) * np.stack([np.square(e).mean(-1), np.square(out).mean(-1)])
        better, worse = error[0] < BETTER * error[1], error[0] > WORSE * error[1]
        foreground = _choose(better, w, state.foreground)
        background = _choose(worse, state.foreground, adapted)
        error = np.stack([np.where(worse, error[1], error[0]), np.where(better, error[0], error[1])])
        return State(background, foreground, error, leakage, power, learnt, x, far), _choose(better, e, out)

    def _share(self, w: Complex) -> Array:
        """Of every partition in the update, [..., P, 1]: as its weights, from `even` on."""
        size = np.sqrt(_power(w).sum(-1, keepdims=True)) + TINY
        share: Array = self.even + (1 - self.even) * size / size.mean(-2, keepdims=True)
        return share

    def _leak(self, sums: Array, y2: Float32, e2: Float32) -> tuple[Array, Array]:
        """Regression of |e|² on |y|² about their means: the sums after this block, and the leakage [...]."""
        y, e, ye, yy = sums
        dy, de = y2 - y, e2 - e
        y, e = y + (1 - self.memory) * dy, e + (1 - self.memory) * de
        echo_share = np.minimum(y2.sum(-1, keepdims=True) / (e2.sum(-1, keepdims=True) + TINY), 1)
        beta = self.averaging * echo_share
        ye, yy = ye + beta * (dy * de - ye), yy + beta * (dy * dy - yy)
        leak = np.clip(ye.sum(-1) / (yy.sum(-1) + TINY), 0.005, 1)
        return np.stack([y, e, ye, yy]), leak


def _power(x: Complex) -> Float32:
    return np.square(x.real) + np.square(x.imag)


def _choose(where: Bool, yes: NDArray[Number], no: NDArray[Number]) -> NDArray[Number]:
    """np.where, per signal of the batch."""
    return np.where(where.reshape(where.shape + (1,) * (yes.ndim - where.ndim)), yes, no)
