"""Residual echo suppression: a gain per frequency bin behind a linear canceller.

The error of the filter is near end + noise + residual echo. The power of the residual echo is predicted as a weighted
sum of two powers, each times a leakage per bin:
- the power of the filter's echo estimate, plus an exponentially decaying tail for the reverberation beyond the filter,
  plus a fraction that is spread over all bins for the harmonics of a nonlinear loudspeaker;
- the power of the far end with a decaying tail, because the echo estimate is zero until the filter has adapted.

E. A. P. Habets, S. Gannot, I. Cohen, P. C. W. Sommen, "Joint dereverberation and residual echo suppression of speech
signals in noisy environments", IEEE Transactions on Audio, Speech, and Language Processing 16(8), 2008: the tail.
J.-M. Valin, "On adjusting the learning rate in frequency domain echo cancellation with double-talk", IEEE Transactions
on Audio, Speech, and Language Processing 15(3), 2007: the leakage, there the slope of |error|² over |echo estimate|².
Here it is a quantile of their ratio, tracked by stochastic approximation. Near-end speech is sparse in time and
frequency, so a low quantile hardly changes in double talk, whereas a mean would be biased.
Y. Ephraim, D. Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude estimator",
IEEE Transactions on Acoustics, Speech, and Signal Processing 32(6), 1984: the decision-directed a-priori ratio, here of
near end to residual echo, from which the Wiener gain is computed.

The oversubtraction depends on whether the near end is talking. That is decided from the fraction of bins in which the
error clearly exceeds residual echo and noise.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import Streaming, check_block, check_ranges, from_rows, in_rows, settings_of
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.kernels.compile import inlined, reassociated
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.dsp import stft
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["ResidualSuppressor", "State"]

OVERLAP = 4  # frames that overlap at every sample
HOPS = 8  # whose transforms `consume` computes at once, or somewhat more
FIRST = np.array([0.3, 10.0], np.float32)  # initial leakages of echo estimate and far end
LOWEST, HIGHEST = np.float32(1e-6), np.array([10.0, 100.0], np.float32)  # limits of the leakages
FAINT = np.float32(1e-3)  # fraction of the error power: a fainter echo hardly changes the leakage
FORGET_PEAK = np.float32(0.998)  # forgetting factor of the peak powers, per hop
FORGET_SHAPE = np.float32(0.99)  # forgetting factor of the long-term spectrum of the echo estimate, per hop
LEVEL = np.float32(0.2)  # weight of the newest frame in the smoothed level whose minimum is the noise floor
RISE, CREEP = np.float32(1.004), np.float32(3e-5)  # growth of the noise floor per hop: factor; fraction of the level
BIAS = np.float32(1.5)  # ratio of the mean noise power to its tracked minimum
CLOSING = np.float32(0.3)  # weight of the previous gain when a gain falls
TINY = np.float32(1e-12)

Float32 = NDArray[np.float32]


class Echo(NamedTuple):
    """Statistics of echo estimate and far end, in this order along the axis of 2; K = frame / 2 + 1 bins."""

    tail: Float32  # [..., 2, K] exponentially decaying powers
    peak: Float32  # [..., 2, K] slowly decaying peak powers
    leakage: Float32  # [..., 2, K] ratio of the residual echo's power to this power
    frames: Float32  # [..., 2, K] weighted number of frames from which the leakage was estimated


class Spectrum(NamedTuple):
    """Statistics per bin of echo estimate, error and output."""

    echo: Float32  # [..., K] long-term power of the echo estimate
    level: Float32  # [..., K] smoothed power of the error
    noise: Float32  # [..., K] noise floor: tracked minimum of the level
    near: Float32  # [..., K] power of the last output frame
    gain: Float32  # [..., K] gain of the last frame


class Hops(NamedTuple):
    """Gain and noise floor of several hops."""

    gain: Float32  # [H, N, K]
    noise: Float32  # [H, N, K]


class Frames(NamedTuple):
    """The suppressor after a frame."""

    late: Float32  # [..., 2, filter.delay] last samples of microphone and far end, to align them with the error
    past: Float32  # [..., 3, frame - hop] last samples of error, echo estimate and far end
    pending: Float32  # [..., frame - hop] output to which further frames are yet to be added
    echo: Echo
    spectrum: Spectrum
    talk: Float32  # [...] smoothed likelihood of near-end talk, 0 ... 1
    hops: NDArray[np.int64]  # [...] number of hops since the start


class State(NamedTuple):
    """Filter and suppressor after a block."""

    filter: Any  # state of the linear canceller
    frames: Frames


@dataclass(frozen=True, slots=True)
class ResidualSuppressor(Streaming[State]):
    """A linear canceller and gains behind it that suppress residual echo.

    The gains work on frames of `frame` samples with a hop of a quarter of a frame. Where no echo is expected, the gain
    is 1. Noise is left alone too, except in far-end single talk, when it is suppressed together with the echo;
    `comfort_noise` can fill that gap. All forgetting factors are per hop, 8 ms at 16 kHz.
    """

    filter: Streaming[Any] = field(default_factory=Kalman)
    frame: int = bounded(512, 16)  # a multiple of 8 [samples]
    reverberation: float = tunable(0.92, low=0.7, high=0.95, allowed=(0, 1))  # decay factor of the power of late echo
    late: float = tunable(0.3, low=0.01, high=1.0, scale="log", allowed=(0, math.inf))  # weight of that power
    # power of the harmonics relative to the echo estimate
    spread: float = tunable(0.1, low=0.001, high=0.3, scale="log", allowed=(0, math.inf))
    # weight of the prediction from the far end; the prediction from the echo estimate has the rest
    far_share: float = tunable(0.6, low=0.3, high=0.9, allowed=(0, 1))
    # quantile of the ratio of error power to echo power that is taken as the leakage
    quantile: float = tunable(0.48, low=0.2, high=0.7, allowed=(0, 1))
    # smallest step in the logarithm of the leakage
    step_size: float = tunable(0.05, low=0.005, high=0.1, scale="log", allowed=(0, math.inf))
    # echo power relative to its peak, below which the leakage is hardly updated
    significant: float = tunable(0.07, low=0.005, high=0.3, scale="log", allowed=(0, math.inf))
    # bins to each side over which powers are averaged before the leakage is updated
    width: int = tunable(2, low=1, high=6, allowed=(0, math.inf))
    # ratio of error power to residual echo and noise, above which a bin counts as near end
    threshold: float = tunable(6.0, low=2.0, high=12.0, scale="log", allowed=(1, math.inf))
    few: float = tunable(0.03, low=0.0, high=0.1, allowed=(0, 1))  # fraction of such bins up to which it is chance
    many: float = tunable(0.15, low=0.1, high=0.4, allowed=("few", 1))  # fraction from which the near end surely talks
    attack: float = tunable(0.2, low=0.0, high=0.8, allowed=(0, 1))  # forgetting factor of that decision when it rises
    release: float = tunable(0.987, low=0.95, high=0.995, scale="complement", allowed=(0, 1))  # and when it falls
    # oversubtraction factor while the near end talks
    double: float = tunable(0.2, low=0.1, high=2.0, scale="log", allowed=(0, math.inf))
    # oversubtraction factor while the near end is silent
    single: float = tunable(16.0, low=2.0, high=40.0, scale="log", allowed=(0, math.inf))
    # weight of the previous frame in the decision-directed estimate
    smoothing: float = tunable(0.9, low=0.5, high=0.98, scale="complement", allowed=(0, 1))
    # lowest gain while the near end talks [dB]
    double_floor: float = tunable(-6.0, low=-20.0, high=-3.0, allowed=(-200, 0))
    single_floor: float = bounded(-40.0, -200, 0)  # lowest gain while the near end is silent [dB]
    comfort_noise: float = bounded(0.0, 0)  # power of the comfort noise relative to the noise that was suppressed

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.frame % (2 * OVERLAP):
            raise UsageError(f"ResidualSuppressor: frame is {self.frame}, expected a multiple of {2 * OVERLAP}")

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return self.frame // OVERLAP

    @property
    def block(self) -> int:
        """The least common multiple of the filter's block and the hop."""
        return math.lcm(self.filter.block, self.hop)

    @property
    def stride(self) -> int:
        """As many blocks as contain HOPS hops."""
        return -(-HOPS * self.hop // self.block) * self.block

    @property
    def latency(self) -> int:
        """`frame` - 1 samples, plus the look-ahead that the filter needs for the last sample of a frame.

        The end of a hop, and thus of a frame, is at most block - gcd(block, hop) samples before the end of a block of
        the filter.
        """
        inside = self.filter.block - math.gcd(self.filter.block, self.hop)
        return self.frame - 1 + min(self.filter.latency, self.filter.delay + inside)

    @property
    def delay(self) -> int:
        """The filter's delay + frame - hop: a hop is complete once the last frame that overlaps it has been added."""
        return self.filter.delay + self.frame - self.hop

    @property
    def inner(self) -> Streaming[Any]:
        """The linear canceller."""
        return self.filter

    def with_inner(self, inner: Streaming[Any]) -> "ResidualSuppressor":
        """Return the same suppressor behind another canceller."""
        return replace(self, filter=inner)

    def cost(self) -> Count | None:
        """Return the count, including the filter; None if the filter has none.

        Per bin 54: 6 powers, 7 echo, 3 noise, 18 leakage, 4 residual, 2 talk, 2 sums, 5 oversubtracted residual,
        5 gain, 2 its application. Transforms: error, echo estimate, far end and output.
        """
        own = Count(0, (4 * transform(self.frame) + 54 * (self.frame // 2 + 1)) / self.hop)
        return own.plus(abilities.cost(self.filter))

    def impulse_response(self, state: State) -> Array | None:
        """Return the impulse response of the filter."""
        return abilities.impulse_response(self.filter, state.filter)

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the filter."""
        return abilities.inspect(self.filter, mic, far)

    def init(self, batch: tuple[int, ...]) -> State:
        """Return the state before the first block: initial leakages, an infinite noise floor, and no near-end talk."""
        N, K, past = math.prod(batch), self.frame // 2 + 1, self.frame - self.hop
        levels, pairs = np.zeros((N, K), np.float32), np.zeros((N, 2, K), np.float32)
        frames = Frames(
            late=np.zeros((N, 2, self.filter.delay), np.float32),
            past=np.zeros((N, 3, past), np.float32),
            pending=np.zeros((N, past), np.float32),
            echo=Echo(tail=pairs, peak=pairs, leakage=pairs + FIRST[:, None], frames=pairs),
            spectrum=Spectrum(levels, levels, noise=levels + np.float32(np.inf), near=levels, gain=levels + 1),
            talk=np.zeros(N, np.float32),
            hops=np.zeros(N, np.int64),
        )
        return State(self.filter.init(batch), from_rows(frames, batch))

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Run the filter over its blocks, then the suppressor over its hops: see `Streaming.step`."""
        check_block(self, mic, far)
        batch, size, inner, errors = mic.shape[:-1], self.filter.block, state.filter, []
        for start in range(0, self.block, size):
            span = np.s_[..., start : start + size]
            inner, error = self.filter.step(inner, mic[span], far[span])
            errors.append(error)
        error = np.concatenate(errors, -1, dtype=np.float32)
        frames, out = self._suppress(in_rows(state.frames, batch), *in_rows((error, mic, far), batch))
        return State(inner, from_rows(frames, batch)), from_rows(out, batch)

    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Let the filter consume its state: see `Streaming.consume`."""
        length, size = mic.shape[-1], self.filter.stride
        size = self.filter.block if length % size else size
        inner, error = state.filter, np.empty(mic.shape, np.float32)
        for start in range(0, length, size):
            span = np.s_[:, start : start + size]
            inner, error[span] = self.filter.consume(inner, mic[span].copy(), np.ascontiguousarray(far[span]))
        frames, out = self._suppress(state.frames, error, mic, far)
        return State(inner, frames), out

    def _suppress(self, frames: Frames, error: Float32, mic: Array, far: Array) -> tuple[Frames, Float32]:
        """Process whole hops of the filter's output, microphone and far end, each [N, T] -> next frames, output."""
        recent = np.concatenate([frames.late, np.stack([mic, far], 1)], -1, dtype=np.float32)
        now, late = recent[..., : mic.shape[-1]], recent[..., mic.shape[-1] :]  # `now` is aligned with the error
        past, spectra = stft.analyse(frames.past, np.stack([error, now[:, 0] - error, now[:, 1]], 1), self.hop)
        powers = np.square(spectra.real) + np.square(spectra.imag)
        echo, statistics = Echo(*(x.copy() for x in frames.echo)), Spectrum(*(x.copy() for x in frames.spectrum))
        talk, spectra = frames.talk.copy(), spectra[:, :, 0]
        hops = Hops(*np.empty((2, *spectra.shape), np.float32))
        _update(powers, echo, statistics, talk, hops, settings_of(self, Settings))
        spectra = spectra * hops.gain
        if self.comfort_noise:
            phases = np.empty(spectra.shape)
            for n, rows in enumerate(phases):
                for row, before in zip(rows, frames.hops, strict=True):
                    row[:] = np.random.default_rng(before + n).uniform(-np.pi, np.pi, row.size)
            fill = self.comfort_noise * BIAS * hops.noise * (1 - np.square(hops.gain))
            # Overlapping frames of random phase add up in power, not in amplitude, hence the factor
            spectra += np.sqrt(OVERLAP * fill) * np.exp(1j * phases).astype(np.complex64)
        pending, out = stft.synthesise(frames.pending, spectra)
        return Frames(late, past, pending, echo, statistics, talk, frames.hops + len(spectra)), out


class Settings(NamedTuple):
    """Fields of ResidualSuppressor for compiled code."""

    width: np.float32
    reverberation: np.float32
    late: np.float32
    spread: np.float32
    far_share: np.float32
    quantile: np.float32
    step_size: np.float32
    significant: np.float32
    threshold: np.float32
    few: np.float32
    many: np.float32
    attack: np.float32
    release: np.float32
    double: np.float32
    single: np.float32
    smoothing: np.float32
    double_floor: np.float32
    single_floor: np.float32


@reassociated
def _update(powers: Float32, echoes: Echo, spectrum: Spectrum, talk: Float32, hops: Hops, p: Settings) -> None:
    """Update the statistics and set `hops` from powers [H, N, 3, K] of error, echo estimate and far end in H hops."""
    bins = powers.shape[-1]
    echo, residual = np.empty((2, bins), np.float32), np.empty(bins, np.float32)
    smooth_echo, error = np.empty((2, bins), np.float32), np.empty(bins, np.float32)
    for n in range(powers.shape[0] * talk.size):
        hop, s = n // talk.size, n % talk.size
        e2 = powers[hop, s, 0]
        _echo_powers(powers[hop, s, 1], powers[hop, s, 2], echoes.tail[s], spectrum.echo[s], echo, p)
        _smooth(e2, error, int(p.width))
        noise = spectrum.noise[s]
        _follow_noise(error, spectrum.level[s], noise)
        residual[:] = 0
        row = Echo(echoes.tail[s], echoes.peak[s], echoes.leakage[s], echoes.frames[s])
        leakage = row.leakage
        for i in range(2):
            _smooth(echo[i], smooth_echo[i], int(p.width))
            _learn(smooth_echo[i], error, noise, row, i, p)
            share = p.far_share if i else 1 - p.far_share
            for k in range(bins):
                residual[k] += share * leakage[i, k] * smooth_echo[i, k]
        now = _near_talk(error, residual, noise, p)
        talk[s] = now + (p.attack if now > talk[s] else p.release) * (talk[s] - now)

        # In far-end single talk, the noise is suppressed too: it counts as residual echo
        over = p.single + (p.double - p.single) * talk[s]
        floor = 10 ** ((p.single_floor + (p.double_floor - p.single_floor) * talk[s]) / 20)
        echo_power, noise_power = np.float32(0), np.float32(0)
        for k in range(bins):
            echo_power += smooth_echo[0, k] + leakage[1, k] * smooth_echo[1, k]
            noise_power += BIAS * noise[k]
        gate = (1 - talk[s]) * p.single * echo_power / (echo_power + noise_power + TINY)
        for k in range(bins):
            residual[k] = gate * noise[k] + over * (
                (1 - p.far_share) * leakage[0, k] * echo[0, k] + p.far_share * leakage[1, k] * echo[1, k]
            )
        _gains(e2, residual, spectrum.near[s], spectrum.gain[s], floor, p)
        hops.gain[hop, s], hops.noise[hop, s] = spectrum.gain[s], noise


@inlined
def _echo_powers(y2: Float32, x2: Float32, tail: Float32, shape: Float32, echo: Float32, p: Settings) -> None:
    """Set echo [2, K] to the powers from which the residual echo is predicted, and update `tail` and `shape`.

    y2 and x2 [K] are the powers of echo estimate and far end; `shape` [K] is the long-term spectrum of the former.
    """
    total, usual = np.float32(0), np.float32(0)
    for k in range(y2.size):
        echo[0, k] = y2[k] + p.late * tail[0, k]
        tail[0, k] = p.reverberation * (tail[0, k] + y2[k])
        tail[1, k] = p.reverberation * tail[1, k] + (1 - p.reverberation) * x2[k]
        echo[1, k] = tail[1, k]
        shape[k] = FORGET_SHAPE * shape[k] + (1 - FORGET_SHAPE) * y2[k]
        total += echo[0, k]
        usual += shape[k]
    harmonics = p.spread * total / (usual + TINY)
    for k in range(y2.size):
        echo[0, k] += harmonics * shape[k]


@inlined
def _follow_noise(error: Float32, level: Float32, noise: Float32) -> None:
    """Smooth the error power into `level` and update the noise floor: the minimum of the level, which rises slowly."""
    for k in range(error.size):
        level[k] += LEVEL * (error[k] - level[k])
        noise[k] = min(RISE * noise[k] + CREEP * level[k], level[k])


@inlined
def _learn(echo: Float32, error: Float32, noise: Float32, echoes: Echo, i: int, p: Settings) -> None:
    """Move leakage i towards the quantile of (error - noise) / echo, in steps weighted by the echo's relative power."""
    peak, leakage, frames = echoes.peak[i], echoes.leakage[i], echoes.frames[i]
    for k in range(echo.size):
        peak[k] = max(FORGET_PEAK * peak[k], echo[k])
        weight = (echo[k] / (echo[k] + p.significant * peak[k] + FAINT * error[k] + TINY)) ** 2
        frames[k] = min(frames[k] + weight, np.float32(1e6))
        step = max(p.step_size, 2 / (frames[k] + 3)) * weight
        above = error[k] - BIAS * noise[k] > leakage[k] * echo[k]
        leakage[k] *= np.exp(step * (p.quantile if above else p.quantile - 1))
        leakage[k] = min(max(leakage[k], LOWEST), HIGHEST[i])


@inlined
def _near_talk(error: Float32, residual: Float32, noise: Float32, p: Settings) -> np.float32:
    """Return the likelihood of near-end talk, 0 to 1, from the fraction of bins that exceed residual echo and noise.

    Only bins from 1/40 to 1/2 of the band count.
    """
    first, last = error.size // 40, error.size // 2
    louder = 0
    for k in range(first, last):
        louder += error[k] > p.threshold * (residual[k] + 2 * noise[k])
    share = np.float32(louder) / np.float32(max(last - first, 1))
    return min(max((share - p.few) / (p.many - p.few + TINY), np.float32(0)), np.float32(1))


@inlined
def _gains(e2: Float32, residual: Float32, near: Float32, gain: Float32, floor: np.float32, p: Settings) -> None:
    """Set gain [K] to Wiener gains of at least `floor`, from the decision-directed ratio of near end to residual echo.

    Updates near [K], the power of the output frame.
    """
    for k in range(e2.size):
        a_priori = p.smoothing * near[k] + (1 - p.smoothing) * max(e2[k] - residual[k], np.float32(0))
        wiener = max(a_priori / (a_priori + residual[k]) if residual[k] > TINY else np.float32(1), floor)
        near[k] = wiener**2 * e2[k]
        gain[k] = wiener + CLOSING * max(gain[k] - wiener, np.float32(0))


@inlined
def _smooth(power: Float32, smooth: Float32, width: int) -> None:
    """Set smooth [K] to the mean over `width` neighbours to each side, or as many as there are."""
    for k in range(power.size):
        low, high = max(k - width, 0), min(k + width + 1, power.size)
        total = np.float32(0)
        for j in range(low, high):
            total += power[j]
        smooth[k] = total / np.float32(high - low)
