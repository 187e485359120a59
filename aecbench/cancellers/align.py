"""Delay alignment: delays the far end so that the echo path starts shortly after the first tap of a filter.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976. The lags are divided into stretches of one block. For every
stretch, the cross-power spectrum of far end and microphone is averaged recursively and weighted by the smoothed
coherence transform (SCOT), which whitens both signals and suppresses frequencies without power. A delay is accepted
once its peak clearly exceeds the correlation at all other lags and several consecutive decisions agree. The far end is
delayed differently only if the echo path no longer lies within the filter, because every change invalidates the
adapted weights. As long as no delay is found, a slower search covers longer delays.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import Canceller, Streaming, check_block, check_finite, check_range, check_ranges, in_rows
from aecbench.cancellers.kernels import delay_tracker
from aecbench.cancellers.kernels.delay_tracker import LOWEST, SAME, SILENT, STEP, Averages
from aecbench.cancellers.output import checked, stepped
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

RATE = 16_000  # sample rate [Hz] for which a fixed delay in milliseconds is converted to samples
LONGEST = 2000.0  # longest fixed delay [ms], of the far end or, if negative, of the microphone

Inner = TypeVar("Inner")
Float32 = NDArray[np.float32]
Integer = NDArray[np.int64]


class Alignment(Protocol):
    """The delay of the far end."""

    @property
    def shift(self) -> int | None:
        """Samples by which the far end is delayed; None if it varies.

        If negative, the caller has to delay the microphone instead, before it calls `align`.
        """

    def align(self, mic: Array, far: Array) -> Array:
        """Return the delayed far end: mic and far [..., T] -> float32 [..., T]; causal in both."""

    def cost(self) -> Count:
        """Return the count of the delay estimation."""


@dataclass(frozen=True)
class FixedDelay:
    """A known delay. If it is negative, the microphone is ahead of the far end and is delayed instead."""

    milliseconds: float  # for signals at 16 kHz

    def __post_init__(self) -> None:
        check_range(self, "milliseconds", -LONGEST, LONGEST)

    @property
    def shift(self) -> int:
        """The delay in samples, rounded to the nearest."""
        return round(self.milliseconds * RATE / 1000)

    def cost(self) -> Count:
        """Return zero: a delay multiplies no sample."""
        return Count(0, 0.0)

    def align(self, mic: Array, far: Array) -> Array:
        """Return the far end [..., T] delayed by `shift` samples; unchanged if the delay is negative."""
        return delay(far, max(0, self.shift))


class State(NamedTuple):
    """The tracker: S = number of samples since the last decision."""

    mic: Float32  # [..., S] microphone since the last decision
    far: Float32  # [..., S] far end since the last decision
    heard: tuple[Float32, ...]  # blocks [..., block] of the microphone before `mic`, WINDOW samples, oldest first
    # blocks [..., block] of the far end before `far`, oldest first: WINDOW samples, or half that plus the longest delay
    past: tuple[Float32, ...]
    averages: Averages
    distant: Integer  # [...] lag found by the last search for longer delays [samples]
    confirmed: Integer  # [...] number of consecutive searches that found this lag
    decisions: Integer  # [...] number of decisions so far

    @property
    def delay(self) -> Integer:
        """The current delay of the far end [samples], [...]."""
        return self.averages.delay


@dataclass(frozen=True, slots=True)
class DelayTracker:
    """Delays the far end by a delay that it estimates from past samples, once every `block` samples.

    Delays from 0 to `stretches * block` samples (0.64 s at 16 kHz) are estimated in every decision. As long as none of
    them is found, the last WINDOW samples are also searched for delays of up to `reach` samples (2 s), every `every`
    decisions. The tracker adds no latency, and its output does not depend on how the signal is divided into steps.
    """

    block: int = bounded(1024, 2 * LOWEST)  # samples between decisions
    stretches: int = bounded(10, 1)  # range of lags that every decision covers [blocks]
    memory: float = bounded(16_000.0, 1)  # time constant of the averages [samples of far-end activity]
    confidence: float = bounded(8.0, 1)  # lowest ratio of an accepted peak to the root mean square over all lags
    agreement: int = bounded(2, 1)  # consecutive decisions that have to find the same delay
    headroom: int = bounded(128, 0)  # samples by which the delay is chosen shorter than the estimate
    tolerance: int = bounded(640, "headroom")  # samples after the delay within which the echo path may start
    reach: int = bounded(32_768, STEP, WINDOW // 2)  # longest delay that is searched for [samples]
    every: int = bounded(8, 1)  # decisions from one search to the next
    certainty: float = bounded(10.0, 1)  # lowest ratio of an accepted peak of a search to the root mean square
    confirmation: int = bounded(4, 1)  # consecutive searches that have to find the same delay

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def shift(self) -> None:
        """None: the delay follows the signals."""
        return

    def cost(self) -> Count:
        """Return the count, without the canceller's second run over the last half second after a change of the delay.

        Per bin and stretch of lags: 9 averages, 3 weighting. Transforms: far end, microphone, and one per stretch.
        """
        n, lags = self.block, self.block // STEP
        transforms = 2 * transform(2 * n) + self.stretches * transform(2 * lags)
        return Count(0, (transforms + self.stretches * (12 * (lags + 1) + lags)) / n)

    @property
    def longest(self) -> int:
        """The longest delay that can be found [samples]."""
        return max(self.reach, self.stretches * self.block)

    def init(self, batch: tuple[int, ...]) -> State:
        """Return the state before the first sample: silence so far, and no delay."""
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
        """Delay any number of samples: mic and far [*batch, N] -> next state, delayed far end, float32 [*batch, N].

        Leaves the state that it receives unchanged. Raises AudioError for NaN or infinity.
        """
        check_finite(self, mic, far)
        return self.track(state, mic, far)

    def track(self, state: State, mic: Array, far: Array, *, own: bool = False) -> tuple[State, Array]:
        """Do the same as `step` without checking the signals, which must be finite; `own`: overwrite the state."""
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
        """Delay whole signals: mic and far [..., T] -> delayed far end, float32 [..., T].

        Raises AudioError for NaN or infinity.
        """
        check_finite(self, mic, far)
        return self.track(self.init(far.shape[:-1]), mic, far, own=True)[1]

    def _decide(self, state: State, own: bool) -> State:
        """Return the state after a decision, at the end of a block; `own`: overwrite the averages."""
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
        """Search for longer delays in the signals for which no short delay was found, and return the next state."""
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
                    averages.delay[i] = max(0, lag - self.headroom)
        return state._replace(distant=distant, confirmed=confirmed)


def aligned(canceller: Canceller, alignment: Alignment) -> Canceller:
    """Return the canceller with an alignment in front; only a negative fixed delay adds latency."""
    if isinstance(canceller, Streaming) and isinstance(alignment, DelayTracker):
        return AlignedStreaming(canceller, alignment)
    return Aligned(canceller, alignment)


def unaligned(canceller: Canceller) -> Canceller:
    """Return the canceller without the alignment in front of it, or the canceller itself if there is none."""
    return canceller.inner if isinstance(canceller, Aligned | AlignedStreaming) else canceller


@dataclass(frozen=True)
class Aligned:
    """Any canceller with an alignment in front, which delays the far end or the microphone."""

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
        """16 kHz, the rate for which a fixed delay is converted to samples; None for no delay or a tracker."""
        return RATE if self.shift else None

    def cost(self) -> Count | None:
        """Return the count, including the canceller; None if the canceller has none."""
        return self.alignment.cost().plus(abilities.cost(self.canceller))

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller, without the frames that precede the delayed microphone signal."""
        decisions = abilities.inspect(self.canceller, *self._align(mic, far))
        share = mic.shape[-1] / max(1, mic.shape[-1] + self._lead)
        return {name: values[len(values) - round(share * len(values)) :] for name, values in decisions.items()}

    def cancel(self, mic: Array, far: Array) -> Array:
        """Cancel with the alignment in front: mic and far [..., T] -> float32 [..., T], time-aligned with mic.

        Raises AudioError for NaN or infinity.
        """
        check_finite(self, mic, far)
        mic, far = self._align(mic, far)
        return checked(self.canceller, self.canceller.cancel(mic, far), mic.shape)[..., self._lead :]

    @property
    def _lead(self) -> int:
        """Samples by which the microphone is ahead of the far end, and is therefore delayed."""
        return max(0, -(self.shift or 0))

    def _align(self, mic: Array, far: Array) -> tuple[Array, Array]:
        """Return microphone and far end as the canceller receives them, each [..., T + lead]."""
        if lead := self._lead:
            silence = np.zeros((*mic.shape[:-1], lead), mic.dtype)
            mic, far = np.concatenate([silence, mic], -1), np.concatenate([far, silence], -1, dtype=far.dtype)
        return mic, self.alignment.align(mic, far)


class AlignedState(NamedTuple, Generic[Inner]):
    """Tracker and canceller after a block."""

    tracker: State  # also contains the signals that the canceller processes again after a change of the delay
    inner: NDArray[np.object_]  # [...] a state [1, ...] of the canceller per signal: each one is reset separately


@dataclass(frozen=True)
class AlignedStreaming(Streaming[AlignedState[Inner]]):
    """A streaming canceller whose far end is delayed by a tracker.

    When the delay changes, the adapted weights become useless. The canceller is therefore reset and immediately run
    again on the last `again` samples with the new delay. No audio is skipped, but that step takes longer.
    """

    canceller: Streaming[Inner]
    tracker: DelayTracker
    again: int = 8192  # samples that are processed again after a change of the delay, rounded up to whole blocks

    def __post_init__(self) -> None:
        check_range(self, "again", 0, WINDOW // 2 - self.canceller.block, whole=True)

    @property
    def block(self) -> int:
        """The block of the canceller."""
        return self.canceller.block

    @property
    def stride(self) -> int:
        """Samples between two decisions of the tracker if that is a multiple of `block`, or else `block`."""
        return self.tracker.block if self.tracker.block % self.block == 0 else self.block

    @property
    def latency(self) -> int:
        """The latency of the canceller; the alignment adds none."""
        return self.canceller.latency

    @property
    def delay(self) -> int:
        """The delay of the canceller."""
        return self.canceller.delay

    @property
    def inner(self) -> Streaming[Inner]:
        """The canceller."""
        return self.canceller

    def with_inner(self, inner: Canceller) -> Canceller:
        """Return the same tracker in front of another canceller, which need not be `Streaming`."""
        return replace(self, canceller=inner) if isinstance(inner, Streaming) else Aligned(inner, self.tracker)

    def cost(self) -> Count | None:
        """Return the count, including the canceller; None if the canceller has none."""
        return self.tracker.cost().plus(abilities.cost(self.canceller))

    def impulse_response(self, state: AlignedState[Inner]) -> Array | None:
        """Return the responses [..., L] of the canceller, each preceded by the delay and zero-padded to one length."""
        responses = [abilities.impulse_response(self.canceller, inner) for inner in state.inner.flat]
        delays = np.asarray(state.tracker.delay).flat
        late = [np.pad(x[0], (int(d), 0)) for x, d in zip(responses, delays, strict=True) if x is not None]
        if len(late) < len(responses):
            return None
        longest = max(x.size for x in late)
        rows = np.stack([np.pad(x, (0, longest - x.size)) for x in late])
        return rows.reshape(*state.inner.shape, longest)

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions of the canceller for the far end as the tracker delays it."""
        return abilities.inspect(self.canceller, mic, self.tracker.align(mic, far))

    def init(self, batch: tuple[int, ...]) -> AlignedState[Inner]:
        """Return the states of tracker and canceller before the first block."""
        tracker, inner = self.tracker.init(batch), np.empty((1, *batch), object)
        for i in _signals(tracker.delay):
            inner[0, *i] = self.canceller.init((1,))
        return AlignedState(tracker, inner.reshape(batch))

    def step(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """Cancel one block; if the delay changes, reset the canceller and run it on the last blocks again first."""
        check_block(self, mic, far)
        return self._follow(state, mic, far, own=False)

    def consume(self, state: AlignedState[Inner], mic: Array, far: Array) -> tuple[AlignedState[Inner], Array]:
        """Let tracker and canceller consume their states: see `Streaming.consume`."""
        return self._follow(state, mic, far, own=True)

    def _follow(
        self, state: AlignedState[Inner], mic: Array, far: Array, *, own: bool
    ) -> tuple[AlignedState[Inner], Array]:
        """Delay the far end and run the canceller on it; `own`: overwrite the state.

        The delay can only change at the end of the last block.
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
                x = mic[i][None, span]
                result = run(inner[0, *i], x, late[i][None, span])
                inner[0, *i], output[:, span] = stepped(self.canceller, result, x.shape)
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
    """Return the alignment for "auto", "none" (None) or a delay in milliseconds, which may be negative.

    Raises UsageError for anything else. The message also offers "best", which `systems.load_system` resolves before it
    calls this function.

    >>> alignment("none"), alignment("120")
    (None, FixedDelay(milliseconds=120.0))
    """
    named = {"auto": DelayTracker(), "none": None}
    if align in named:
        return named[align]
    expected = f"align {align!r}: expected best, auto, none or {-LONGEST:g} to {LONGEST:g} ms"
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
    """Yield the index of every signal of a batch, like np.ndindex, which would take longer than most of a step."""
    return product(*map(range, values.shape))


def _late(past: tuple[Float32, ...], since: Float32, i: tuple[int, ...], count: int, delay: int) -> Float32:
    """Return `count` samples of signal `i` that end `delay` samples before the end of `since`.

    The signal consists of the blocks of `past`, oldest first, followed by `since`.
    """
    now: Float32 = since[i]
    end = now.size - delay
    start = end - count
    if start >= 0:
        return now[start:end]
    size = past[0].shape[-1]
    first, last = start // size, min(0, -(-end // size))  # blocks, counted from the end
    joined = np.concatenate([*(past[k][i] for k in range(first, last)), now[: max(end, 0)]])
    return joined[start - first * size :][:count]
