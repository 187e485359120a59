"""Delay alignment: the far end delayed so that the echo path starts shortly after the first tap of a filter.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976. The cross-power spectrum of far end and microphone is averaged
recursively for every stretch of lags and weighted by the smoothed coherence transform (SCOT), which whitens both ends
and leaves frequencies out of which nothing is learnt. A delay is believed once its peak stands clear of all other lags
and several decisions in a row agree, and is changed only where the echo has left the reach of the filter: every change
costs a filter what it has learnt.
"""

import math
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers.base import Canceller, Streaming, check_finite, check_range
from aecbench.dsp.delay import delay
from aecbench.errors import UsageError, did_you_mean
from aecbench.signals import Array

__all__ = [
    "LONGEST",
    "Aligned",
    "AlignedState",
    "AlignedStreaming",
    "Alignment",
    "DelayTracker",
    "FixedDelay",
    "State",
    "aligned",
    "alignment",
]

RATE = 16_000  # Hz at which cancellers run
LONGEST = 2000.0  # [ms] of a fixed delay
STEP = 2  # samples between lags: of the spectra, the lower half is looked at, up to 4 kHz
SILENT = 1e-7  # far-end power below which nothing is learnt: -70 dBFS
LOWEST = 6  # bins below are left out: 94 Hz, for offsets and hum
FLOOR = 0.1  # of the mean power, under which a frequency is not amplified
SAME = 32  # samples between two estimates of the same delay
EARLIER = 480  # samples before the highest peak in which a lower one may be the start of the path
LOWER = 0.5  # how high that one has to be

Inner = TypeVar("Inner")
Complex = NDArray[np.complex64]


class Alignment(Protocol):
    """What delays the far end."""

    def align(self, mic: Array, far: Array) -> Array:
        """The far end, delayed: mic and far [..., T] -> float32 [..., T]; causal in both."""


@dataclass(frozen=True)
class FixedDelay:
    """A known delay."""

    milliseconds: float  # at 16 kHz

    def __post_init__(self) -> None:
        check_range(self, "milliseconds", 0, LONGEST)

    def align(self, mic: Array, far: Array) -> Array:
        """The far end that much later, to the nearest sample."""
        return delay(far, round(self.milliseconds * RATE / 1000))


class State(NamedTuple):
    """What the tracker knows: P = stretches of lags, K = block / 2 + 1 bins."""

    since: int  # samples since the last decision
    mic: Array  # [..., block] newest samples
    far: Array  # [..., (P + 1) block] newest samples
    spectra: Complex  # [..., P, K] far end, newest block first
    levels: Array  # [..., P] their powers
    cross: Complex  # [..., P, K] averaged cross-power spectrum
    far_power: Array  # [..., P, K] averaged power spectrum
    mic_power: Array  # [..., K] averaged power spectrum
    lag: NDArray[np.int64]  # [...] estimate of the last decision [samples]
    agreed: NDArray[np.int64]  # [...] decisions in a row that found it
    delay: NDArray[np.int64]  # [...] of the far end now [samples]


@dataclass(frozen=True, slots=True)
class DelayTracker:
    """Decides every `block` samples of the signal, from the past alone, by how much the far end is delayed.

    Delays of 0 to `stretches * block` samples are found, 0.64 s at 16 kHz. It adds no latency, and how the signal is
    cut into steps changes nothing.
    """

    block: int = 1024  # samples between decisions
    stretches: int = 10  # blocks of lags
    memory: float = 16_000.0  # time constant of the averages [samples of far-end activity]
    confidence: float = 8.0  # height of a peak above the root mean square over all lags
    agreement: int = 2  # decisions in a row that have to find the same delay
    headroom: int = 128  # samples by which the delay is chosen shorter than the estimate
    tolerance: int = 640  # samples after the delay in which the echo path may start

    def __post_init__(self) -> None:
        check_range(self, "block", 2 * LOWEST, whole=True)
        check_range(self, "stretches", 1, whole=True)
        check_range(self, "memory", 1)
        check_range(self, "confidence", 1)
        check_range(self, "agreement", 1, whole=True)
        check_range(self, "headroom", 0, whole=True)
        check_range(self, "tolerance", self.headroom, whole=True)

    @property
    def longest(self) -> int:
        """The longest delay [samples]."""
        return self.stretches * self.block

    def init(self, batch: tuple[int, ...]) -> State:
        """Nothing heard, no delay."""
        n, P, K = self.block, self.stretches, self.block // STEP + 1
        return State(
            since=0,
            mic=np.zeros((*batch, n), np.float32),
            far=np.zeros((*batch, (P + 1) * n), np.float32),
            spectra=np.zeros((*batch, P, K), np.complex64),
            levels=np.zeros((*batch, P), np.float32),
            cross=np.zeros((*batch, P, K), np.complex64),
            far_power=np.zeros((*batch, P, K), np.float32),
            mic_power=np.zeros((*batch, K), np.float32),
            lag=np.zeros(batch, np.int64),
            agreed=np.zeros(batch, np.int64),
            delay=np.zeros(batch, np.int64),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Any number of samples: mic and far [*batch, N] -> next state, the far end delayed, float32 [*batch, N].

        Raises AudioError for NaN or infinity; the state given is then still good.
        """
        check_finite(self, mic, far)
        out, start = np.empty(far.shape, np.float32), 0
        while start < far.shape[-1]:
            end = min(start + self.block - state.since, far.shape[-1])
            state = state._replace(
                since=state.since + end - start,
                mic=_shifted(state.mic, mic[..., start:end]),
                far=_shifted(state.far, far[..., start:end]),
            )
            for i in np.ndindex(state.delay.shape):
                newest = state.far.shape[-1] - state.delay[i]
                out[i][start:end] = state.far[i][newest - (end - start) : newest]
            if state.since == self.block:
                state = self._decide(self._average(state))
            start = end
        return state, out

    def align(self, mic: Array, far: Array) -> Array:
        """One step over all of the signals: mic and far [..., T] -> the far end delayed, float32 [..., T]."""
        return self.step(self.init(far.shape[:-1]), mic, far)[1]

    def _average(self, state: State) -> State:
        """Spectra of the newest block into the averages, unless the far end has been silent over all lags."""
        n = self.block
        d = rfft(np.concatenate([np.zeros_like(state.mic), state.mic], -1))[..., : n // STEP + 1]  # overlap-save
        x = rfft(state.far[..., -2 * n :])[..., : n // STEP + 1]
        spectra = np.concatenate([x[..., None, :], state.spectra[..., :-1, :]], -2)
        level = np.square(state.far[..., -n:]).mean(-1, keepdims=True)
        levels = np.concatenate([level, state.levels[..., :-1]], -1)
        active = (levels.max(-1) > SILENT).astype(np.float32)[..., None]
        keep = 1 + active * np.float32(math.exp(-n / self.memory) - 1)
        return state._replace(
            since=0,
            spectra=spectra,
            levels=levels,
            cross=keep[..., None] * state.cross + spectra * (active * d.conj())[..., None, :],
            far_power=keep[..., None] * state.far_power + active[..., None] * _power(spectra),
            mic_power=keep * state.mic_power + active * _power(d),
        )

    def _decide(self, state: State) -> State:
        """Find the start of the path for each signal, and change the delay where it has to be changed."""
        spread = np.sqrt(state.far_power) * np.sqrt(state.mic_power)[..., None, :]
        spread += np.float32(FLOOR) * spread.mean(-1, keepdims=True) + np.finfo(np.float32).tiny
        weight = 1 / spread
        weight[..., :LOWEST] = 0
        correlation = np.abs(irfft(state.cross.conj() * weight)[..., : self.block // STEP])
        heights = correlation.reshape(*state.delay.shape, -1)
        background = np.sqrt(np.square(heights).mean(-1))
        lag, agreed, chosen = state.lag.copy(), state.agreed.copy(), state.delay.copy()
        for i in np.ndindex(chosen.shape):
            top = int(heights[i].argmax())
            peak = heights[i][top]
            if peak <= self.confidence * background[i]:
                agreed[i] = 0
                continue
            first = max(0, top - EARLIER // STEP)
            found = STEP * (first + int(np.argmax(heights[i][first : top + 1] >= LOWER * peak)))
            agreed[i] = agreed[i] + 1 if abs(found - lag[i]) <= SAME else 1
            lag[i] = found
            reached = 0 <= found - chosen[i] <= self.tolerance
            if agreed[i] >= self.agreement and not reached:
                chosen[i] = max(0, found - self.headroom)
        return state._replace(lag=lag, agreed=agreed, delay=chosen)


def aligned(canceller: Canceller, alignment: Alignment) -> Canceller:
    """The canceller with the far end delayed by an alignment. It looks ahead no further than without."""
    if isinstance(canceller, Streaming) and isinstance(alignment, DelayTracker):
        return AlignedStreaming(canceller, alignment)
    return Aligned(canceller, alignment)


@dataclass(frozen=True)
class Aligned:
    """Any canceller, with the far end delayed by an alignment."""

    canceller: Canceller
    alignment: Alignment

    @property
    def latency(self) -> int:
        """That of the canceller: alignment adds none."""
        return self.canceller.latency

    def cancel(self, mic: Array, far: Array) -> Array:
        """What the canceller makes of mic [..., T] and the far end [..., T], delayed."""
        check_finite(self, mic, far)
        return self.canceller.cancel(mic, self.alignment.align(mic, far))


class AlignedState(NamedTuple, Generic[Inner]):
    """What an aligned canceller knows: H = samples that are kept to be heard again."""

    tracker: State
    inner: tuple[Inner, ...]  # of the canceller, one for each signal of the batch
    mic: Array  # [..., H] newest samples
    far: Array  # [..., H + longest delay of the tracker] newest samples


@dataclass(frozen=True)
class AlignedStreaming(Streaming[AlignedState[Inner]]):
    """A canceller that streams, with the far end delayed by a tracker.

    A new delay makes worthless what a filter has learnt. So the canceller starts anew and first hears the last `again`
    samples with that delay, within the step that brings it: no time is lost, but this step takes the longer.
    """

    canceller: Streaming[Inner]
    tracker: DelayTracker
    again: int = 8192  # samples heard again after a change

    def __post_init__(self) -> None:
        check_range(self, "again", 0, whole=True)

    @property
    def block(self) -> int:  # type: ignore[override]
        """That of the canceller."""
        return self.canceller.block

    @property
    def latency(self) -> int:
        """That of the canceller: alignment adds none."""
        return self.canceller.latency

    @property
    def delay(self) -> int:
        """That of the canceller."""
        return self.canceller.delay

    def init(self, batch: tuple[int, ...]) -> AlignedState[Inner]:
        """Nothing heard, no delay."""
        kept = max(1, -(-self.again // self.block)) * self.block
        return AlignedState(
            tracker=self.tracker.init(batch),
            inner=tuple(self.canceller.init(()) for _ in np.ndindex(batch)),
            mic=np.zeros((*batch, kept), np.float32),
            far=np.zeros((*batch, kept + self.tracker.longest), np.float32),
        )

    def step(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """One block of the canceller; where the delay changes, after it has heard the last ones again."""
        check_finite(self, mic, far)
        tracker, late = self.tracker.step(state.tracker, mic, far)
        past, reference = _shifted(state.mic, mic), _shifted(state.far, far)
        inner, out = list(state.inner), np.empty(mic.shape, np.float32)
        for n, i in enumerate(np.ndindex(tracker.delay.shape)):
            if tracker.delay[i] == state.tracker.delay[i]:
                inner[n], out[i] = self.canceller.step(inner[n], mic[i], late[i])
                continue
            inner[n], end = self.canceller.init(()), reference.shape[-1] - tracker.delay[i]
            again = reference[i][end - past.shape[-1] : end]
            for start in range(0, past.shape[-1], self.block):
                span = np.s_[start : start + self.block]
                inner[n], out[i] = self.canceller.step(inner[n], past[i][span], again[span])
        return AlignedState(tracker, tuple(inner), past, reference), out


def alignment(align: str) -> Alignment | None:
    """The alignment of a name: "auto", "none" (None) or a delay in milliseconds. Raises UsageError.

    >>> alignment("none"), alignment("120")
    (None, FixedDelay(milliseconds=120.0))
    """
    named = {"auto": DelayTracker(), "none": None}
    if align in named:
        return named[align]
    try:
        milliseconds = float(align)
    except ValueError:
        advice = did_you_mean(align, named)
        raise UsageError(f"align {align!r}: expected auto, none or 0 to {LONGEST:g} ms; {advice}") from None
    if not 0 <= milliseconds <= LONGEST:
        nearest = "0" if milliseconds < 0 else f"{LONGEST:g}"
        raise UsageError(f"align {align!r}: expected auto, none or 0 to {LONGEST:g} ms; the nearest is {nearest}")
    return FixedDelay(milliseconds)


def _shifted(past: Array, block: Array) -> Array:
    """The newest samples, as many as before."""
    return np.concatenate([past[..., block.shape[-1] :], block], -1, dtype=np.float32)


def _power(x: NDArray[Any]) -> Array:
    power: Array = np.square(x.real) + np.square(x.imag)
    return power
