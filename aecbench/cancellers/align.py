"""Delay alignment: the far end delayed so that the echo path starts shortly after the first tap of a filter.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976. The cross-power spectrum of far end and microphone is averaged
recursively for every stretch of lags and weighted by the smoothed coherence transform (SCOT), which whitens both ends
and leaves frequencies out of which nothing is learnt. A delay is believed once its peak stands clear of all other lags
and several decisions in a row agree, and is changed only where the echo has left the reach of the filter: every change
costs a filter what it has learnt. While nothing is found, longer delays are looked for in longer stretches, less often.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from rocket_fft.lowlevel import c2r

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import Canceller, Streaming, check_finite, check_range
from aecbench.cancellers.kernels import overlap_save
from aecbench.dsp.compile import reassociated
from aecbench.dsp.correlation import WINDOW, Lags, correlation, peak
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
    "unaligned",
]

RATE = 16_000  # Hz at which cancellers run
LONGEST = 2000.0  # [ms] of a fixed delay, of the far end or, negative, of the microphone
REACH = f"{-LONGEST:g} to {LONGEST:g}"
STEP = 2  # samples between lags: of the spectra, the lower half is looked at, up to 4 kHz
SILENT = 1e-7  # far-end power below which nothing is learnt: -70 dBFS
LOWEST = 6  # bins below are left out: 94 Hz, for offsets and hum
FLOOR = 0.1  # of the mean power, under which a frequency is not amplified
SAME = 32  # samples between two estimates of the same delay
EARLIER = 480  # samples before the highest peak in which a lower one may be the start of the path
LOWER = 0.5  # how high that one has to be
TINY = np.finfo(np.float32).tiny
LAST = np.ones(1, np.int64)  # the axis of the inverse transforms

Inner = TypeVar("Inner")
Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]
Integer = NDArray[np.int64]


class Alignment(Protocol):
    """What delays the far end."""

    @property
    def shift(self) -> int | None:
        """Samples by which the far end is delayed; negative: the microphone, before `align`; None: it varies."""

    def align(self, mic: Array, far: Array) -> Array:
        """The far end, delayed: mic and far [..., T] -> float32 [..., T]; causal in both."""

    def cost(self) -> Count:
        """Return the count of what finds the delay."""


@dataclass(frozen=True)
class FixedDelay:
    """A known delay. Where it is negative, the microphone is ahead of the far end and is delayed instead."""

    milliseconds: float  # at 16 kHz

    def __post_init__(self) -> None:
        check_range(self, "milliseconds", -LONGEST, LONGEST)

    @property
    def shift(self) -> int:
        """The nearest number of samples."""
        return round(self.milliseconds * RATE / 1000)

    def cost(self) -> Count:
        """Return nothing: a delay multiplies no sample."""
        return Count(0, 0.0)

    def align(self, mic: Array, far: Array) -> Array:
        """The far end that much later, to the nearest sample."""
        return delay(far, max(0, self.shift))


class State(NamedTuple):
    """What the tracker knows: P = stretches of lags, K = block / 2 + 1 bins, S = samples since the last decision."""

    mic: Float32  # [..., S] samples since the last decision
    far: Float32  # [..., S] samples since the last decision
    heard: tuple[Float32, ...]  # [..., block] each: microphone before them, WINDOW samples, oldest first
    past: tuple[
        Float32, ...
    ]  # [..., block] each: far end before them, WINDOW samples or the longest delay, oldest first
    spectra: Complex  # [..., P, K] far end, newest block first
    levels: Float32  # [..., P] their powers
    cross: Complex  # [..., P, K] averaged cross-power spectrum
    far_power: Float32  # [..., P, K] averaged power spectrum
    mic_power: Float32  # [..., K] averaged power spectrum
    lag: Integer  # [...] estimate of the last decision [samples]
    agreed: Integer  # [...] decisions in a row that found it
    distant: Integer  # [...] the same two of the searches for longer delays
    confirmed: Integer  # [...]
    decisions: int  # so far
    delay: Integer  # [...] of the far end now [samples]


@dataclass(frozen=True, slots=True)
class DelayTracker:
    """Decides every `block` samples of the signal, from the past alone, by how much the far end is delayed.

    Delays of 0 to `stretches * block` samples are found at once, 0.64 s at 16 kHz. While it finds none of them, it also
    searches up to `reach`, 2 s, in the last WINDOW samples. It adds no latency, and how the signal is cut into steps
    changes nothing.
    """

    block: int = 1024  # samples between decisions
    stretches: int = 10  # blocks of lags
    memory: float = 16_000.0  # time constant of the averages [samples of far-end activity]
    confidence: float = 8.0  # height of a peak above the root mean square over all lags
    agreement: int = 2  # decisions in a row that have to find the same delay
    headroom: int = 128  # samples by which the delay is chosen shorter than the estimate
    tolerance: int = 640  # samples after the delay in which the echo path may start
    reach: int = 32_768  # samples of the longest delay that is searched for
    every: int = 8  # decisions between two searches
    certainty: float = 10.0  # height of the peak of a search above the root mean square over all lags
    confirmation: int = 4  # searches in a row that have to find the same delay

    def __post_init__(self) -> None:
        check_range(self, "block", 2 * LOWEST, whole=True)
        check_range(self, "stretches", 1, whole=True)
        check_range(self, "memory", 1)
        check_range(self, "confidence", 1)
        check_range(self, "agreement", 1, whole=True)
        check_range(self, "headroom", 0, whole=True)
        check_range(self, "tolerance", self.headroom, whole=True)
        check_range(self, "reach", STEP, WINDOW // 2, whole=True)
        check_range(self, "every", 1, whole=True)
        check_range(self, "certainty", 1)
        check_range(self, "confirmation", 1, whole=True)

    @property
    def shift(self) -> None:
        """None: the delay follows the signals."""
        return

    def cost(self) -> Count:
        """Return the count; it leaves out that a canceller hears the last half second again after a new delay.

        Per bin of a stretch of lags: 9 averages, 3 weights. Transforms: far end and microphone, and one per stretch.
        """
        n, lags = self.block, self.block // STEP
        transforms = 2 * transform(2 * n) + self.stretches * transform(2 * lags)
        return Count(0, (transforms + self.stretches * (12 * (lags + 1) + lags)) / n)

    @property
    def longest(self) -> int:
        """The longest delay [samples]."""
        return max(self.reach, self.stretches * self.block)

    def init(self, batch: tuple[int, ...]) -> State:
        """Nothing heard, no delay."""
        n, P, K = self.block, self.stretches, self.block // STEP + 1
        silence = np.zeros((*batch, n), np.float32)
        return State(
            mic=np.zeros((*batch, 0), np.float32),
            far=np.zeros((*batch, 0), np.float32),
            heard=(silence,) * -(-WINDOW // n),
            past=(silence,) * -(-(WINDOW // 2 + max(WINDOW // 2, self.longest)) // n),
            spectra=np.zeros((*batch, P, K), np.complex64),
            levels=np.zeros((*batch, P), np.float32),
            cross=np.zeros((*batch, P, K), np.complex64),
            far_power=np.zeros((*batch, P, K), np.float32),
            mic_power=np.zeros((*batch, K), np.float32),
            lag=np.zeros(batch, np.int64),
            agreed=np.zeros(batch, np.int64),
            distant=np.zeros(batch, np.int64),
            confirmed=np.zeros(batch, np.int64),
            decisions=0,
            delay=np.zeros(batch, np.int64),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Any number of samples: mic and far [*batch, N] -> next state, the far end delayed, float32 [*batch, N].

        Raises AudioError for NaN or infinity; the state given is then still good.
        """
        check_finite(self, mic, far)
        out, start = np.empty(far.shape, np.float32), 0
        while start < far.shape[-1]:
            end = min(start + self.block - state.far.shape[-1], far.shape[-1])
            mic_since = np.concatenate([state.mic, mic[..., start:end]], -1, dtype=np.float32)
            far_since = np.concatenate([state.far, far[..., start:end]], -1, dtype=np.float32)
            for i in _signals(state.delay):
                out[i][start:end] = _late(state.past, far_since, i, end - start, int(state.delay[i]))
            state = State(mic_since, far_since, *state[2:])
            if far_since.shape[-1] == self.block:
                state = self._decide(state)
            start = end
        return state, out

    def align(self, mic: Array, far: Array) -> Array:
        """One step over all of the signals: mic and far [..., T] -> the far end delayed, float32 [..., T]."""
        return self.step(self.init(far.shape[:-1]), mic, far)[1]

    def _decide(self, state: State) -> State:
        """The state after a decision, at the end of a block."""
        n, P, K = self.block, self.stretches, self.block // STEP + 1
        new = State(
            mic=state.mic[..., :0],
            far=state.far[..., :0],
            heard=(*state.heard[1:], state.mic),
            past=(*state.past[1:], state.far),
            spectra=np.concatenate([state.spectra[..., -1:, :], state.spectra[..., :-1, :]], -2),
            levels=np.concatenate([state.levels[..., -1:], state.levels[..., :-1]], -1),
            cross=state.cross.copy(),
            far_power=state.far_power.copy(),
            mic_power=state.mic_power.copy(),
            lag=state.lag.copy(),
            agreed=state.agreed.copy(),
            distant=state.distant,
            confirmed=state.confirmed,
            decisions=state.decisions + 1,
            delay=state.delay.copy(),
        )
        _update(
            np.ascontiguousarray(state.mic).reshape(-1, n),
            np.concatenate(new.past[-2:], -1).reshape(-1, 2 * n),
            new.spectra.reshape(-1, P, K),
            new.levels.reshape(-1, P),
            new.cross.reshape(-1, P, K),
            new.far_power.reshape(-1, P, K),
            new.mic_power.reshape(-1, K),
            new.lag.reshape(-1),
            new.agreed.reshape(-1),
            new.delay.reshape(-1),
            np.float32(math.exp(-n / self.memory)),
            np.float32(self.confidence),
            self.agreement,
            self.headroom,
            self.tolerance,
        )
        return self._searched(new) if new.decisions % self.every == 0 else new

    def _searched(self, state: State) -> State:
        """Return the state after searching longer delays for the signals in which no short delay was found."""
        distant, confirmed = state.distant.copy(), state.confirmed.copy()
        known, lags = min(state.decisions, len(state.heard)), Lags(0, self.reach)
        for i in _signals(state.delay):
            if state.agreed[i]:
                confirmed[i] = 0
            elif state.levels[i].max() > SILENT:
                mic, far = (
                    np.concatenate([block[i] for block in blocks[-known:]]) for blocks in (state.heard, state.past)
                )
                lag, height = peak(correlation(mic, far, lags), lags)
                found = height >= self.certainty and lag > self.stretches * self.block
                again = found and confirmed[i] and abs(lag - distant[i]) <= SAME
                distant[i], confirmed[i] = lag, confirmed[i] + 1 if again else int(found)
                if confirmed[i] >= self.confirmation and not 0 <= lag - state.delay[i] <= self.tolerance:
                    state.delay[i] = lag - self.headroom
        return state._replace(distant=distant, confirmed=confirmed)


@reassociated
def _update(
    mic: Float32,
    past: Float32,
    spectra: Complex,
    levels: Float32,
    cross: Complex,
    far_power: Float32,
    mic_power: Float32,
    lag: Integer,
    agreed: Integer,
    delay: Integer,
    keep: np.float32,
    confidence: np.float32,
    agreement: int,
    headroom: int,
    tolerance: int,
) -> None:
    """Average, find the start of the path, and change the delay where it has to be changed.

    `mic` [signals, block] is the newest block and `past` [signals, 2 block] the two newest of the far end. The others
    are those of State, with the batch as one axis, and go on in place; of `spectra` and `levels`, the first ones are
    still to be set.
    """
    signals, stretches, bins = spectra.shape
    block = mic.shape[1]
    time, spectrum = np.empty(2 * block, np.float32), np.empty(block + 1, np.complex64)
    weighted, correlation = np.empty((stretches, bins), np.complex64), np.empty((stretches, 2 * bins - 2), np.float32)
    for s in range(signals):
        time[:] = past[s, past.shape[1] - 2 * block :]
        overlap_save.forward(time, spectrum)
        spectra[s, 0] = spectrum[:bins]
        levels[s, 0] = np.square(time[block:]).mean()
        if levels[s].max() > SILENT:
            overlap_save.spectrum_of_end(mic[s], spectrum, time)
            _average(spectrum[:bins], spectra[s], cross[s], far_power[s], mic_power[s], keep)
            _correlate(cross[s], far_power[s], mic_power[s], weighted, correlation)
            found = _start(correlation, confidence)
            if found < 0:
                agreed[s] = 0
            else:
                agreed[s] = agreed[s] + 1 if abs(found - lag[s]) <= SAME else 1
                lag[s] = found
        elif agreed[s]:  # from the same averages as before, the same lag is found again
            agreed[s] += 1
        if agreed[s] >= agreement and not 0 <= lag[s] - delay[s] <= tolerance:
            delay[s] = max(0, lag[s] - headroom)


@reassociated
def _average(
    d: Complex, spectra: Complex, cross: Complex, far_power: Float32, mic_power: Float32, keep: np.float32
) -> None:
    """The spectra of the microphone, d [K], and of the far end into the averages."""
    for p in range(spectra.shape[0]):
        x, c, power = spectra[p], cross[p], far_power[p]
        for k in range(d.size):
            c[k] = keep * c[k] + x[k] * np.conj(d[k])
            power[k] = keep * power[k] + (x[k].real ** 2 + x[k].imag ** 2)
    for k in range(d.size):
        mic_power[k] = keep * mic_power[k] + (d[k].real ** 2 + d[k].imag ** 2)


@reassociated
def _correlate(cross: Complex, far_power: Float32, mic_power: Float32, weighted: Complex, correlation: Float32) -> None:
    """Set the first half of correlation [P, 2 K - 2] for the lags of each stretch; weighted [P, K] is scratch."""
    bins = mic_power.size
    root, spread = np.sqrt(mic_power), np.empty(bins, np.float32)
    for p in range(cross.shape[0]):
        c, power, w, mean = cross[p], far_power[p], weighted[p], np.float32(0)
        for k in range(bins):
            spread[k] = np.sqrt(power[k]) * root[k]
            mean += spread[k]
        floor = np.float32(FLOOR) * (mean / np.float32(bins)) + TINY
        for k in range(bins):
            w[k] = np.conj(c[k]) * (np.float32(1) / (spread[k] + floor))
        w[:LOWEST] = 0
    c2r(weighted, correlation, LAST, False, 1.0 / correlation.shape[1], 1)


@reassociated
def _start(correlation: Float32, confidence: np.float32) -> int:
    """The lag [samples] at which the path starts, or -1 where no peak stands clear: correlation of _correlate."""
    stretches, lags = correlation.shape[0], correlation.shape[1] // 2
    heights, total = np.empty(stretches * lags, np.float32), np.float32(0)
    for p in range(stretches):
        row, values = heights[p * lags : (p + 1) * lags], correlation[p]
        for t in range(lags):
            row[t] = abs(values[t])
            total += values[t] ** 2
    background = np.sqrt(total / np.float32(heights.size))
    top, peak = 0, heights[0]
    for t in range(heights.size):
        if heights[t] > peak:
            top, peak = t, heights[t]
    if not peak > confidence * background:
        return -1
    first = max(0, top - EARLIER // STEP)
    while heights[first] < np.float32(LOWER) * peak:
        first += 1
    return STEP * first


def aligned(canceller: Canceller, alignment: Alignment) -> Canceller:
    """The canceller with the far end delayed by an alignment. It looks ahead no further than without."""
    if isinstance(canceller, Streaming) and isinstance(alignment, DelayTracker):
        return AlignedStreaming(canceller, alignment)
    return Aligned(canceller, alignment)


def unaligned(canceller: Canceller) -> Canceller:
    """Return the canceller without the alignment in front of it, if it has one."""
    return canceller.inner if isinstance(canceller, Aligned | AlignedStreaming) else canceller


@dataclass(frozen=True)
class Aligned:
    """Any canceller, with the far end, or the microphone, delayed by an alignment."""

    canceller: Canceller
    alignment: Alignment

    @property
    def latency(self) -> int:
        """Return the canceller's latency plus the microphone's delay; delaying the far end adds none."""
        return self.canceller.latency + self._lead

    @property
    def inner(self) -> Canceller:
        """The canceller."""
        return self.canceller

    def with_inner(self, inner: Canceller) -> "Aligned":
        """Return the same alignment in front of another canceller."""
        return replace(self, canceller=inner)

    @property
    def shift(self) -> int | None:
        """That of the alignment."""
        return self.alignment.shift

    def cost(self) -> Count | None:
        """Return the count with that of the canceller; None where that is unknown."""
        return self.alignment.cost().plus(abilities.cost(self.canceller))

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller, without the frames before the first sample of the microphone."""
        decisions = abilities.inspect(self.canceller, *self._align(mic, far))
        share = mic.shape[-1] / max(1, mic.shape[-1] + self._lead)
        return {name: values[len(values) - round(share * len(values)) :] for name, values in decisions.items()}

    def cancel(self, mic: Array, far: Array) -> Array:
        """What the canceller makes of mic [..., T] and the far end [..., T], delayed; as early as mic."""
        check_finite(self, mic, far)
        return self.canceller.cancel(*self._align(mic, far))[..., self._lead :]

    @property
    def _lead(self) -> int:
        """Samples by which the microphone is delayed: it is that far ahead of the far end."""
        return max(0, -(self.shift or 0))

    def _align(self, mic: Array, far: Array) -> tuple[Array, Array]:
        """Return microphone and far end as the canceller receives them, [..., T + lead]."""
        if lead := self._lead:
            silence = np.zeros((*mic.shape[:-1], lead), mic.dtype)
            mic, far = np.concatenate([silence, mic], -1), np.concatenate([far, silence], -1, dtype=far.dtype)
        return mic, self.alignment.align(mic, far)


class AlignedState(NamedTuple, Generic[Inner]):
    """What an aligned canceller knows."""

    tracker: State  # its signals are those that may be heard again
    inner: tuple[Inner, ...]  # of the canceller, one for each signal of the batch


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
        check_range(self, "again", 0, WINDOW // 2 - self.canceller.block, whole=True)

    @property
    def block(self) -> int:
        """Return the value of the canceller."""
        return self.canceller.block

    @property
    def latency(self) -> int:
        """Return the canceller's latency; alignment adds none."""
        return self.canceller.latency

    @property
    def delay(self) -> int:
        """Return the value of the canceller."""
        return self.canceller.delay

    @property
    def inner(self) -> Streaming[Inner]:
        """The canceller."""
        return self.canceller

    def with_inner(self, inner: Canceller) -> Canceller:
        """Return the same tracker in front of another canceller, which may be one that does not stream."""
        return replace(self, canceller=inner) if isinstance(inner, Streaming) else Aligned(inner, self.tracker)

    def cost(self) -> Count | None:
        """Return the count with that of the canceller; None where that is unknown."""
        return self.tracker.cost().plus(abilities.cost(self.canceller))

    def impulse_response(self, state: AlignedState[Inner]) -> Array | None:
        """Return the response [L] of the canceller for one signal, after the delay of the far end."""
        response = abilities.impulse_response(self.canceller, state.inner[0])
        return None if response is None else np.pad(response, (int(state.tracker.delay), 0))

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller for the far end as late as the tracker makes it."""
        return abilities.inspect(self.canceller, mic, self.tracker.align(mic, far))

    def init(self, batch: tuple[int, ...]) -> AlignedState[Inner]:
        """Nothing heard, no delay."""
        return AlignedState(self.tracker.init(batch), tuple(self.canceller.init(()) for _ in np.ndindex(batch)))

    def step(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """One block of the canceller; where the delay changes, after it has heard the last ones again."""
        tracker, late = self.tracker.step(state.tracker, mic, far)
        inner, out = list(state.inner), np.empty(mic.shape, np.float32)
        for n, i in enumerate(_signals(tracker.delay)):
            if tracker.delay[i] == state.tracker.delay[i]:
                inner[n], out[i] = self.canceller.step(inner[n], mic[i], late[i])
                continue
            inner[n] = self.canceller.init(())
            count = max(1, -(-self.again // self.block)) * self.block
            x = _late(tracker.heard, tracker.mic, i, count, 0)
            y = _late(tracker.past, tracker.far, i, count, int(tracker.delay[i]))
            for start in range(0, count, self.block):
                span = slice(start, start + self.block)
                inner[n], out[i] = self.canceller.step(inner[n], x[span], y[span])
        return AlignedState(tracker, tuple(inner)), out


def alignment(align: str) -> Alignment | None:
    """The alignment of a name: "auto", "none" (None) or a delay in milliseconds, which may be negative.

    Raises UsageError for anything else.

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
        raise UsageError(f"align {align!r}: expected auto, none or {REACH} ms; {advice}") from None
    if not -LONGEST <= milliseconds <= LONGEST:
        nearest = -LONGEST if milliseconds < 0 else LONGEST
        raise UsageError(f"align {align!r}: expected auto, none or {REACH} ms; the nearest is {nearest:g}")
    return FixedDelay(milliseconds)


def _signals(delay: Integer) -> Iterator[tuple[int, ...]]:
    """The index of every signal of a batch, as np.ndindex, which takes longer than most of a step."""
    return product(*map(range, delay.shape))


def _late(past: tuple[Float32, ...], since: Float32, i: tuple[int, ...], count: int, delay: int) -> Float32:
    """The newest `count` samples of the signal `i` of past, block by block, and then since, `delay` samples earlier."""
    now: Float32 = since[i]
    end = now.size - delay
    start = end - count
    if start >= 0:
        return now[start:end]
    size = past[0].shape[-1]
    first, last = start // size, min(0, -(-end // size))  # blocks, counted from the end
    joined = np.concatenate([*(past[k][i] for k in range(first, last)), now[: max(end, 0)]])
    return joined[start - first * size :][:count]
