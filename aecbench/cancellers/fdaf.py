"""Partitioned-block frequency-domain NLMS with a step size per bin, and a fast shadow filter.

J.-S. Soo, K. K. Pang, "Multidelay block frequency domain adaptive filter", IEEE Transactions on Acoustics, Speech, and
Signal Processing 38(2), 1990: the partitioned filter.
J.-M. Valin, "On adjusting the learning rate in frequency domain echo cancellation with double-talk", IEEE Transactions
on Audio, Speech, and Language Processing 15(3), 2007: the step size of the main filter, from the leakage.
K. Ochiai, T. Araseki, T. Ogihara, "Echo canceler with two echo path models", IEEE Transactions on Communications 25(6),
1977: a second filter adapts, and its weights are copied to the first when it cancels better.
D. L. Duttweiler, "Proportionate normalized least-mean-squares adaptation in echo cancelers", IEEE Transactions on
Speech and Audio Processing 8(5), 2000: partitions with large weights take large steps.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import settings_of
from aecbench.cancellers.kernels import coupling, overlap_save, two_filters
from aecbench.cancellers.kernels.arrays import copy
from aecbench.cancellers.kernels.compile import reassociated
from aecbench.cancellers.partitioned import Partitioned
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.signals import Array

__all__ = ["FDAF", "State"]

MEMORY = 0.85  # forgetting factor per block of the error powers that are compared
BETTER = 0.8  # the shadow replaces the main filter if its error power is below this fraction (-1 dB) of the main one's
WORSE = 2.0  # the main filter replaces the shadow if the shadow's error power is above this multiple of its own
CUT = 2  # partitions per block and filter to which the gradient constraint is applied
FIT_MEMORY = 0.8  # forgetting factor per block of the least-squares fit of a filter's gain
FIT = 0.35  # a filter is rescaled only if that reduces the error power by more than this fraction
LEAST = 1.0  # lower bound of the power gain that the shadow assumes for the echo path, which is unknown at the start
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]


class State(NamedTuple):
    """The filters after a block: F = main and shadow, P = taps / block partitions, K = block + 1 bins."""

    weights: Complex  # [..., F, P, K] echo path
    power: Float32  # [..., F, K] smoothed, peak-holding far-end power, weighted over the partitions
    error: Float32  # [..., F] smoothed error power, by which the filters are compared
    fit: Float32  # [..., F, 3] smoothed products of echo estimate y and error e: y.e, y.y, e.e
    leakage: Float32  # [..., 4, K] means of |y|² and |e|²; their covariance; the variance of |y|²
    disturbance: Float32  # [..., K] smoothed error power of the shadow
    coupling: Float32  # [..., 2] see coupling.py
    spectra: Complex  # [..., P, K] far end, newest block first
    far: Float32  # [..., block] previous block of the far end
    gain: Float32  # [...] gain of the echo estimate in the output at the end of the block, 0 to 1
    turn: NDArray[np.int64]  # [...] partition to which the gradient constraint is applied next


@dataclass(frozen=True, slots=True)
class FDAF(Partitioned[State]):
    """Overlap-save with transforms of 2 * block samples and the update w <- w + mu x* e / |x|².

    The gradient constraint is applied to two partitions of each filter per block, in rotation.

    Main filter: mu is Valin's estimate of the fraction of residual echo in the error, min(leak |y|² / |e|², step_size)
    with the echo estimate y. The leakage is the regression coefficient of the fluctuations of |e|² on those of |y|²,
    which near-end speech does not affect, because it is not correlated with y. Shadow filter: mu = shadow_step r /
    (r + v), where r is the power of the whole echo that the coupling between loudspeaker and microphone predicts, and v
    the disturbance estimated from |e|². It therefore adapts fast at any time, but its estimate is noisy. Whichever
    filter cancels clearly better replaces the other.

    If the error of a filter is still correlated with its echo estimate y, its weights are multiplied at once by the
    least-squares gain <mic, y> / <y, y>. The filter thus follows sudden changes of the playback volume without having
    to adapt again. If subtracting y would make the output louder than the microphone, y is scaled down first.
    """

    block: int = bounded(256, 1)  # hop, and taps per partition [samples]
    taps: int = bounded(4096, 1)  # length of the filter, a multiple of block [samples]
    step_size: float = tunable(0.5, low=0.1, high=1.0, allowed=(0, 1))  # largest step of the main filter
    shadow_step: float = tunable(0.7, low=0.3, high=1.0, allowed=(0, 1))  # largest step of the shadow filter
    # forgetting factor of the mean powers in the leakage regression, per block
    memory: float = tunable(0.9, low=0.8, high=0.99, scale="complement", allowed=(0, 0.999))
    # averaging constant of the covariance and variance in the leakage regression, per block of pure echo
    averaging: float = tunable(0.02, low=0.005, high=0.1, scale="log", allowed=(0, 1))
    # forgetting factor of the far-end power |x|² when it falls, per block
    release: float = tunable(0.95, low=0.5, high=0.98, scale="complement", allowed=(0, 0.999))
    # fraction of the update that is spread evenly over the partitions; the rest is proportional to their weights
    even: float = tunable(0.5, low=0.1, high=1.0, allowed=(0, 1))

    def cost(self) -> Count:
        """Return the count.

        Per filter and bin of a partition: 4 echo, 2 weight energy, 3 weighted power, 6 update; and 2 far-end power.
        Transforms: far end and echo estimate 1 each; per filter 1 echo, 1 error, 4 constraints.
        """
        bins = self.taps // self.block * (self.block + 1)
        return Count(0, (14 * transform(2 * self.block) + (2 * 15 + 2) * bins) / self.block)

    def start(self, signals: int) -> State:
        """Return two filters with zero weights."""
        partitions, bins = self.taps // self.block, self.block + 1
        return State(
            weights=np.zeros((signals, 2, partitions, bins), np.complex64),
            power=np.zeros((signals, 2, bins), np.float32),
            error=np.zeros((signals, 2), np.float32),
            fit=np.zeros((signals, 2, 3), np.float32),
            leakage=np.zeros((signals, 4, bins), np.float32),
            disturbance=np.zeros((signals, bins), np.float32),
            coupling=np.zeros((signals, 2), np.float32),
            spectra=np.zeros((signals, partitions, bins), np.complex64),
            far=np.zeros((signals, self.block), np.float32),
            gain=np.ones(signals, np.float32),
            turn=np.zeros(signals, np.int64),
        )

    @cached_property
    def settings(self) -> "Settings":
        """The fields that compiled code needs."""
        return settings_of(self, Settings)

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Adapt both filters, copy the better one over the other if it is clearly better, and cancel with it."""
        _step(mic, far, state, self.settings)
        return mic


class Settings(NamedTuple):
    """Fields of FDAF for compiled code."""

    step_size: np.float32
    shadow_step: np.float32
    memory: np.float32
    averaging: np.float32
    release: np.float32
    even: np.float32


@reassociated
def _step(out: Float32, far: Float32, state: State, p: Settings) -> None:
    """Process one or more blocks of every signal in place: `out` contains the microphone and becomes the output."""
    signals, partitions, bins = state.spectra.shape
    block, blocks = bins - 1, out.shape[1] // (bins - 1)
    time, y, e = np.empty(2 * block, np.float32), np.empty((2, block), np.float32), np.empty((2, block), np.float32)
    spectrum, total = np.empty((2, bins), np.complex64), np.empty(bins, np.complex64)
    x2, share = np.empty((2, bins), np.float32), np.empty((2, partitions), np.float32)
    y2, e2, mu = np.empty(bins, np.float32), np.empty((2, bins), np.float32), np.empty((2, bins), np.float32)
    cut, responses = np.empty((2 * CUT, bins), np.complex64), np.empty((2 * CUT, 2 * block), np.float32)
    mean = np.empty(2, np.float32)
    for n in range(signals * blocks):
        s, start = n // blocks, n % blocks * block
        mic, x, weights, error = out[s, start : start + block], state.spectra[s], state.weights[s], state.error[s]
        overlap_save.push(x, state.far[s], far[s, start : start + block], time)

        # Echo estimates and errors, in the time domain and as spectra of zero-padded blocks (zeros first)
        for f in range(2):
            w = weights[f]
            copy(overlap_save.echo(w, x, total, time), y[f])
            factor = two_filters.fit_gain(mic, y[f], state.fit[s, f], FIT_MEMORY, FIT, np.float32(0))
            if factor != 1:
                for t in range(block):
                    y[f, t] *= factor
                w *= factor
            mean[f] = np.float32(0)
            for t in range(block):
                e[f, t] = mic[t] - y[f, t]
                mean[f] += e[f, t] ** 2 / block
            overlap_save.spectrum_of_end(e[f], spectrum[f], time)
            overlap_save.power(spectrum[f], e2[f])
            _share(w, p.even, share[f])
            _weigh(x, share[f], x2[f])

        # Steps
        overlap_save.spectrum_of_end(y[0], total, time)
        overlap_save.power(total, y2)
        _robust_step(y2, e2[0], state.leakage[s], p, mu[0])
        expected = _expect(state.coupling[s], mic, x) / (2 * partitions)  # half of a block of 2 * block samples is zero
        _fast_step(x2[1], e2[1], state.disturbance[s], expected, p.shadow_step, mu[1])

        # Update: w <- w + mu x* e / |x|², and the gradient constraint for two partitions
        turn = state.turn[s]
        for f in range(2):
            w, smooth = weights[f], state.power[s, f]
            for k in range(bins):
                smooth[k] = max(x2[f, k], p.release * smooth[k] + (np.float32(1) - p.release) * x2[f, k])
                total[k] = 2 * mu[f, k] / (smooth[k] + TINY) * spectrum[f, k]
            for i in range(partitions):
                for k in range(bins):
                    w[i, k] += share[f, i] * np.conj(x[i, k]) * total[k]
        overlap_save.constrain(weights, turn, cut, responses)
        state.turn[s] = (turn + 1) % partitions

        # Exchange
        for f in range(2):
            error[f] = np.float32(MEMORY) * error[f] + np.float32(1 - MEMORY) * mean[f]
        source = two_filters.better(error, BETTER, WORSE)
        if source >= 0:
            two_filters.transfer(weights, source)
            two_filters.transfer(error, source)
            two_filters.transfer(state.fit[s], source)
        if source == two_filters.MAIN:
            copy(e2[0], state.disturbance[s])
        best = 1 if source == two_filters.SHADOW else 0
        state.gain[s] = overlap_save.subtract(mic, y[best], state.gain[s])


@reassociated
def _share(w: Complex, even: np.float32, share: Float32) -> None:
    """Set share [P] to the share of every partition in the update: `even` + (1 - even) |w| / mean |w|, 1 on average."""
    for p in range(share.size):
        energy = np.float32(0)
        for k in range(w.shape[1]):
            energy += w[p, k].real ** 2 + w[p, k].imag ** 2
        share[p] = np.sqrt(energy) + TINY
    share *= (1 - even) / share.mean()
    share += even


@reassociated
def _weigh(x: Complex, share: Float32, x2: Float32) -> None:
    """Set x2 [K] to the sum of the far-end powers of all partitions, weighted by their shares."""
    x2[:] = 0
    for p in range(share.size):
        for k in range(x2.size):
            x2[k] += share[p] * (x[p, k].real ** 2 + x[p, k].imag ** 2)


@reassociated
def _robust_step(y2: Float32, e2: Float32, leakage: Float32, p: Settings, mu: Float32) -> None:
    """Set mu [K] to Valin's step size, and update leakage [4, K], the averages behind the regression of e2 on y2."""
    y, e, ye, yy = leakage[0], leakage[1], leakage[2], leakage[3]
    all_y, all_e, fluctuation, variance = y2.sum(), e2.sum(), np.float32(0), np.float32(0)
    beta = p.averaging * min(all_y / (all_e + TINY), np.float32(1))
    for k in range(mu.size):
        dy, de = y2[k] - y[k], e2[k] - e[k]
        y[k] += (1 - p.memory) * dy
        e[k] += (1 - p.memory) * de
        ye[k] += beta * (dy * de - ye[k])
        yy[k] += beta * (dy * dy - yy[k])
        fluctuation += ye[k]
        variance += yy[k]
    leak = min(max(fluctuation / (variance + TINY), np.float32(0.005)), np.float32(1))
    for k in range(mu.size):
        mu[k] = min(leak * y2[k] / (e2[k] + TINY), p.step_size)


@reassociated
def _expect(sums: Float32, mic: Float32, x: Complex) -> np.float32:
    """Add this block to the sums [2] of coupling.py and return the power gain of the echo path, LEAST or more."""
    far_power, mic_energy = np.float32(0), np.float32(0)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            far_power += x[i, k].real ** 2 + x[i, k].imag ** 2
    for t in range(mic.size):
        mic_energy += mic[t] * mic[t]
    coupling.observe(sums, mic_energy, far_power / np.float32(x.size * 2 * mic.size), mic.size)
    return coupling.power_gain(sums, LEAST)


@reassociated
def _fast_step(
    x2: Float32, e2: Float32, disturbance: Float32, expected: np.float32, shadow_step: np.float32, mu: Float32
) -> None:
    """Set mu [K] to shadow_step r / (r + v): expected echo power r = `expected` x2, disturbance v from the error power.

    Smooths e2 into `disturbance` [K]. r assumes that nothing of the echo path is known yet.
    """
    for k in range(mu.size):
        disturbance[k] = np.float32(0.7) * disturbance[k] + np.float32(0.3) * e2[k]
        echo = expected * x2[k]
        mu[k] = shadow_step * echo / (echo + two_filters.disturbance(disturbance[k], echo) + TINY)
