"""Delay alignment: the far end delayed so that the echo path starts shortly after the first tap of a filter.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976. The cross-power spectrum of far end and microphone is averaged
recursively for every stretch of lags and weighted by the smoothed coherence transform (SCOT), which whitens both ends
and ignores frequencies without information. A delay is accepted once its peak stands clear of all other lags
and several decisions in a row agree, and is changed only where the echo has left the reach of the filter: every change
costs a filter what it has learnt. While nothing is found, longer delays are looked for in longer stretches, less often.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import Canceller, Streaming, check_finite, check_range, check_ranges, in_rows
from aecbench.cancellers.kernels import delay_tracker
from aecbench.cancellers.kernels.delay_tracker import LOWEST, SAME, SILENT, STEP, Averages
from aecbench.cancellers.tunable import bounded
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

Inner = TypeVar("Inner")
Step = Callable[[Inner, Array, Array], tuple[Inner, Array]]
Float32 = NDArray[np.float32]
Integer = NDArray[np.int64]


class Alignment(Protocol):
    """The delay of the far end."""

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
    """The tracker: S = samples since the last decision."""

    mic: Float32  # [..., S] samples since the last decision
    far: Float32  # [..., S] samples since the last decision
    heard: tuple[Float32, ...]  # [..., block] each: microphone before them, WINDOW samples, oldest first
    # [..., block] each: far end before them, WINDOW samples or the longest delay, oldest first
    past: tuple[Float32, ...]
    averages: Averages
    distant: Integer  # [...] lag of the last search for longer delays [samples]
    confirmed: Integer  # [...] searches in a row that found it
    decisions: Integer  # [...] so far

    @property
    def delay(self) -> Integer:
        """The present delay of the far end [samples], [...]."""
        return self.averages.delay


@dataclass(frozen=True, slots=True)
class DelayTracker:
    """Decides every `block` samples of the signal, from the past alone, by how much the far end is delayed.

    Delays of 0 to `stretches * block` samples are found at once, 0.64 s at 16 kHz. While it finds none of them, it also
    searches up to `reach`, 2 s, in the last WINDOW samples. It adds no latency, and how the signal is cut into steps
    changes nothing.
    """

    block: int = bounded(1024, 2 * LOWEST)  # samples between decisions
    stretches: int = bounded(10, 1)  # blocks of lags
    memory: float = bounded(16_000.0, 1)  # time constant of the averages [samples of far-end activity]
    confidence: float = bounded(8.0, 1)  # height of a peak above the root mean square over all lags
    agreement: int = bounded(2, 1)  # decisions in a row that have to find the same delay
    headroom: int = bounded(128, 0)  # samples by which the delay is chosen shorter than the estimate
    tolerance: int = bounded(640, "headroom")  # samples after the delay in which the echo path may start
    reach: int = bounded(32_768, STEP, WINDOW // 2)  # samples of the longest delay that is searched for
    every: int = bounded(8, 1)  # decisions between two searches
    certainty: float = bounded(10.0, 1)  # height of the peak of a search above the root mean square over all lags
    confirmation: int = bounded(4, 1)  # searches in a row that have to find the same delay

    def __post_init__(self) -> None:
        check_ranges(self)

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
        averages = Averages(
            spectra=np.zeros((*batch, P, K), np.complex64),
            levels=np.zeros((*batch, P), np.float32),
            cross=np.zeros((*batch, P, K), np.complex64),
            far_power=np.zeros((*batch, P, K), np.float32),
            mic_power=np.zeros((*batch, K), np.float32),
            lag=np.zeros(batch, np.int64),
            agreed=np.zeros(batch, np.int64),
            delay=np.zeros(batch, np.int64),
        )
        return State(
            mic=np.zeros((*batch, 0), np.float32),
            far=np.zeros((*batch, 0), np.float32),
            heard=(silence,) * -(-WINDOW // n),
            past=(silence,) * -(-(WINDOW // 2 + max(WINDOW // 2, self.longest)) // n),
            averages=averages,
            distant=np.zeros(batch, np.int64),
            confirmed=np.zeros(batch, np.int64),
            decisions=np.zeros(batch, np.int64),
        )

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Any number of samples: mic and far [*batch, N] -> next state, the far end delayed, float32 [*batch, N].

        Raises AudioError for NaN or infinity; the state given is then still good.
        """
        check_finite(self, mic, far)
        return self.track(state, mic, far)

    def track(self, state: State, mic: Array, far: Array, *, own: bool = False) -> tuple[State, Array]:
        """Do as `step`, for signals that are finite; `own` says that the state given may be written over."""
        out, start = np.empty(far.shape, np.float32), 0
        while start < far.shape[-1]:
            end = min(start + self.block - state.far.shape[-1], far.shape[-1])
            mic_since = np.concatenate([state.mic, mic[..., start:end]], -1, dtype=np.float32)
            far_since = np.concatenate([state.far, far[..., start:end]], -1, dtype=np.float32)
            for i in _signals(state.delay):
                out[i][start:end] = _late(state.past, far_since, i, end - start, int(state.delay[i]))
            state = State(mic_since, far_since, *state[2:])
            if far_since.shape[-1] == self.block:
                state, own = self._decide(state, own), True
            start = end
        return state, out

    def align(self, mic: Array, far: Array) -> Array:
        """One step over all of the signals: mic and far [..., T] -> the far end delayed, float32 [..., T]."""
        check_finite(self, mic, far)
        return self.track(self.init(far.shape[:-1]), mic, far, own=True)[1]

    def _decide(self, state: State, own: bool) -> State:
        """The state after a decision, at the end of a block."""
        past, before = (*state.past[1:], state.far), state.averages
        averages = (before if own else Averages._make(array.copy() for array in before))._replace(
            spectra=np.concatenate([before.spectra[..., -1:, :], before.spectra[..., :-1, :]], -2),
            levels=np.concatenate([before.levels[..., -1:], before.levels[..., :-1]], -1),
        )
        settings = delay_tracker.Settings(
            np.float32(math.exp(-self.block / self.memory)),
            np.float32(self.confidence),
            self.agreement,
            self.headroom,
            self.tolerance,
        )
        mic, far, rows = in_rows((state.mic, np.concatenate(past[-2:], -1), averages), state.delay.shape)
        delay_tracker.update(mic, far, rows, settings)
        new = state._replace(
            mic=state.mic[..., :0],
            far=state.far[..., :0],
            heard=(*state.heard[1:], state.mic),
            past=past,
            averages=averages,
            decisions=state.decisions + 1,
        )
        return self._searched(new) if (new.decisions % self.every == 0).any() else new

    def _searched(self, state: State) -> State:
        """Return the state after searching longer delays for the signals in which no short delay was found."""
        distant, confirmed = state.distant.copy(), state.confirmed.copy()
        lags, averages = Lags(0, self.reach), state.averages
        for i in _signals(state.delay):
            count = min(int(state.decisions[i]), len(state.heard))
            if averages.agreed[i]:
                confirmed[i] = 0
            elif averages.levels[i].max() > SILENT:
                mic, far = (
                    np.concatenate([block[i] for block in blocks[-count:]]) for blocks in (state.heard, state.past)
                )
                lag, height = peak(correlation(mic, far, lags), lags)
                clear = height >= self.certainty and lag > self.stretches * self.block
                again = clear and confirmed[i] and abs(lag - distant[i]) <= SAME
                distant[i], confirmed[i] = lag, confirmed[i] + 1 if again else int(clear)
                if confirmed[i] >= self.confirmation and not 0 <= lag - state.delay[i] <= self.tolerance:
                    averages.delay[i] = lag - self.headroom
        return state._replace(distant=distant, confirmed=confirmed)


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
        """The delay of the alignment."""
        return self.alignment.shift

    @property
    def sample_rate(self) -> int | None:
        """The rate at which a fixed delay lasts as long as it says [Hz]; None: a tracker counts samples."""
        return RATE if self.shift else None

    def cost(self) -> Count | None:
        """Return the count, the canceller included; None where the latter is unknown."""
        return self.alignment.cost().plus(abilities.cost(self.canceller))

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller, without the frames before the first sample of the microphone."""
        decisions = abilities.inspect(self.canceller, *self._align(mic, far))
        share = mic.shape[-1] / max(1, mic.shape[-1] + self._lead)
        return {name: values[len(values) - round(share * len(values)) :] for name, values in decisions.items()}

    def cancel(self, mic: Array, far: Array) -> Array:
        """Return the output of the canceller for mic [..., T] and the delayed far end [..., T], aligned with mic."""
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
    """Tracker and canceller after a block."""

    tracker: State  # its signals are those that may be heard again
    inner: NDArray[np.object_]  # [...] of the canceller: a state [1, ...] for each signal, which starts by itself


@dataclass(frozen=True)
class AlignedStreaming(Streaming[AlignedState[Inner]]):
    """A canceller that streams, with the far end delayed by a tracker.

    When the delay changes, the adapted weights become useless. The canceller is therefore reset and immediately run
    again on the last `again` samples with the new delay. No audio is skipped; that step takes longer.
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
    def stride(self) -> int:
        """Return the samples between decisions of the tracker, where these are whole blocks."""
        return self.tracker.block if self.tracker.block % self.block == 0 else self.block

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
        """Return the count, the canceller included; None where the latter is unknown."""
        return self.tracker.cost().plus(abilities.cost(self.canceller))

    def impulse_response(self, state: AlignedState[Inner]) -> Array | None:
        """Return the response [..., L] of the canceller behind the delay of the far end; short ones end in zeros."""
        responses = [abilities.impulse_response(self.canceller, inner) for inner in state.inner.flat]
        delays = np.asarray(state.tracker.delay).flat
        late = [np.pad(x[0], (int(d), 0)) for x, d in zip(responses, delays, strict=True) if x is not None]
        if len(late) < len(responses):
            return None
        longest = max(x.size for x in late)
        rows = np.stack([np.pad(x, (0, longest - x.size)) for x in late])
        return rows.reshape(*state.inner.shape, longest)

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller for the far end as late as the tracker makes it."""
        return abilities.inspect(self.canceller, mic, self.tracker.align(mic, far))

    def init(self, batch: tuple[int, ...]) -> AlignedState[Inner]:
        """Nothing heard, no delay."""
        tracker, inner = self.tracker.init(batch), np.empty((1, *batch), object)
        for i in _signals(tracker.delay):
            inner[0, *i] = self.canceller.init((1,))
        return AlignedState(tracker, inner.reshape(batch))

    def step(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """One block of the canceller; where the delay changes, after it has heard the last ones again."""
        check_finite(self, mic, far)
        return self._follow(state, mic, far, own=False)

    def consume(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """Let tracker and canceller consume their states: see `Streaming.consume`."""
        return self._follow(state, mic, far, own=True)

    def _follow(
        self, state: AlignedState[Inner], mic: Array, far: Array, *, own: bool
    ) -> tuple[AlignedState[Inner], Array]:
        """Delay the far end, and run the canceller on it; `own` says that the state may be written over.

        The delay changes at the end of the last block at most.
        """
        run, stride = (self.canceller.consume, self.canceller.stride) if own else (self.canceller.step, self.block)
        size, before = self.block if mic.shape[-1] % stride else stride, state.tracker.delay.copy()
        tracker, late = self.tracker.track(state.tracker, mic, far, own=own)
        inner, out = state.inner[None].copy(), np.empty(mic.shape, np.float32)
        for i in _signals(tracker.delay):
            changed, output = tracker.delay[i] != before[i], out[None, *i]
            hop, length = (self.block, mic.shape[-1] - self.block) if changed else (size, mic.shape[-1])
            for start in range(0, length, hop):
                span = slice(start, start + hop)
                inner[0, *i], output[:, span] = run(inner[0, *i], mic[i][None, span], late[i][None, span])
            if not changed:
                continue
            fresh = self.canceller.init((1,))
            count = max(1, -(-self.again // self.block)) * self.block
            x = _late(tracker.heard, tracker.mic, i, count, 0).copy()
            y = _late(tracker.past, tracker.far, i, count, int(tracker.delay[i]))
            for start in range(0, count, self.block):
                span = slice(start, start + self.block)
                fresh, output[:, -self.block :] = self.canceller.consume(fresh, x[None, span], y[None, span])
            inner[0, *i] = fresh
        return AlignedState(tracker, inner.reshape(tracker.delay.shape)), out


def alignment(align: str) -> Alignment | None:
    """The alignment of a name: "auto", "none" (None) or a delay in milliseconds, which may be negative.

    Advice also names "best", which `systems.load_system` replaces by one of these before it gets here.

    Raises UsageError for anything else.

    >>> alignment("none"), alignment("120")
    (None, FixedDelay(milliseconds=120.0))
    """
    named = {"auto": DelayTracker(), "none": None}
    if align in named:
        return named[align]
    expected = f"align {align!r}: expected best, auto, none or {REACH} ms"
    try:
        milliseconds = float(align)
    except ValueError:
        advice = did_you_mean(align, [*named, "best"])
        raise UsageError(f"{expected}; {advice}") from None
    if math.isnan(milliseconds):
        raise UsageError(expected)
    if not -LONGEST <= milliseconds <= LONGEST:
        nearest = -LONGEST if milliseconds < 0 else LONGEST
        raise UsageError(f"{expected}; the nearest is {nearest:g}")
    return FixedDelay(milliseconds)


def _signals(values: NDArray[Any]) -> Iterator[tuple[int, ...]]:
    """The index of every signal of a batch, as np.ndindex, which takes longer than most of a step."""
    return product(*map(range, values.shape))


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
