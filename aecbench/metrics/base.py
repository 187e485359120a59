"""The interface of a metric, and the scoring of one scene by a metric."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp import levels
from aecbench.errors import one_line
from aecbench.signals import Array, Signals, Talk

__all__ = [
    "ALONE",
    "LIMIT",
    "SHORTEST",
    "AtLeast",
    "Inapplicable",
    "Metric",
    "Score",
    "Trial",
    "Undefined",
    "each",
    "score",
]

LIMIT = 100.0  # [dB] limit of the values, for outputs that are silent or exact: beyond the quantisation of a corpus
NO_STEMS = "no stems: a real recording"
SHORTEST = 0.25  # [s] shorter audio is not scored (the limit of P.862, applied to all metrics)

ALONE = frozenset({"far_single", "near_single"})  # kinds of scene in which one end talks; in all others both do

TALK_NAMES = {
    Talk.SILENCE: "silence",
    Talk.FAR: "far-end single talk",
    Talk.NEAR: "near-end single talk",
    Talk.DOUBLE: "double talk",
}


class Undefined(Exception):
    """A metric has no value for an estimate; the message is the reason, in a few words."""


class Inapplicable(Undefined):
    """A metric has no value for any estimate of a scene, for example because the scene has no double talk."""


class AtLeast(Exception):
    """Only a lower bound of the value is known; the message says why."""

    def __init__(self, value: float, reason: str) -> None:
        super().__init__(reason)
        self.value = value


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of METRICS.

    `fn(signals, estimate, rate)` receives stems and estimate [..., T] at `rate` Hz, cut to the frames for which the
    metric is defined, and returns [...], NaN where it is undefined. For a single signal [T], it may raise `Undefined`
    or `AtLeast` instead, to state a reason. Flags below add further arguments, in the order changes, labels, responses.
    """

    fn: Callable[..., Array]
    title: str  # column heading
    unit: str
    better: Literal["higher", "lower"]
    talk: frozenset[Talk]  # the frames for which it is defined
    version: int  # to be increased whenever the same audio would get another value
    stems: bool = True  # whether it reads near, echo or noise, which are unknown for real recordings
    span: bool = False  # False: `fn` receives these frames only, spliced; True: all from the first to the last of them
    changes: bool = False  # whether `fn` receives the samples at which the echo path changes
    labels: bool = False  # whether `fn` receives the Talk label of every sample, [T]
    responses: bool = False  # whether `fn` receives the impulse responses of echo path and filter, [..., L] each
    summary: Literal["mean", "median"] = "mean"  # how a table summarises the values of all scenes

    @property
    def near_end(self) -> bool:
        """Whether it assesses the near end both in double talk and in near-end single talk."""
        return self.talk >= {Talk.NEAR, Talk.DOUBLE}

    def counts(self, kind: str) -> bool:
        """Return whether scenes of this kind of talk count in a mean over all kinds.

        Metrics of the near end count only in scenes in which both ends talk, because most systems leave a near end that
        talks alone unchanged.
        """
        return not (self.near_end and kind in ALONE)


class Score(NamedTuple):
    """The value of a metric, or NaN with the reason why it is undefined.

    A number with a reason is a lower bound, for example a time until an event that had still not occurred at the end.
    """

    value: float
    reason: str = ""
    failed: bool = False  # whether the estimate or the metric's code, not the scene, is why it is undefined


@dataclass(frozen=True)
class Trial:
    """A scene and the output of a system for it: everything that a metric may read. Signals are [T] at `rate` Hz."""

    signals: Signals
    estimate: Array
    rate: int
    talk: NDArray[np.integer[Any]] | None = None  # `Talk` per frame, see `aecbench.dsp.levels.talk`; None: from stems
    changes: Sequence[float] = ()  # times [s] at which the echo path changes
    responses: Callable[[], tuple[Array, Array]] | None = None  # of echo path and filter, [L] each; may raise Undefined


def score(metric: Metric, trial: Trial) -> Score:
    """Score one scene.

    Values in dB are limited to ±100 dB: the ERLE of a silent output is 100 dB and not infinite, so that a mean over
    scenes exists. It never raises an error because of the content of the audio: if an estimate cannot be scored, the
    value is NaN, with a reason.
    """
    signals, estimate, rate = trial.signals, np.asarray(trial.estimate), trial.rate
    talk = levels.talk(signals, rate) if trial.talk is None else trial.talk
    try:
        if metric.stems and np.isnan(signals.near).any():
            raise Inapplicable(NO_STEMS)
        _check(estimate, signals)
        keep = _cut(metric, talk, rate, estimate.shape[-1])
        more: tuple[Any, ...] = ()
        if metric.changes:
            more += (_positions(trial.changes, rate, keep, estimate.shape[-1]),)
        if metric.labels:
            more += (levels.to_samples(talk, rate, estimate.shape[-1])[keep],)
        signals, estimate = Signals(*(x[keep] for x in signals)), estimate[keep]
        if estimate.size < SHORTEST * rate:
            raise Inapplicable(f"shorter than {SHORTEST} s")
        if metric.responses:
            more += _known(trial.responses)
        value = _value(metric, signals, estimate, rate, *more)
        if np.isnan(value):
            raise _why(metric, signals, estimate)
        if metric.unit in ("dB", "dBFS"):
            value = float(np.clip(value, -LIMIT, LIMIT))
    except AtLeast as bound:
        return Score(bound.value, str(bound))
    except Undefined as reason:
        return Score(np.nan, str(reason), failed=not isinstance(reason, Inapplicable))
    return Score(value)


def each(one: Callable[..., float]) -> Callable[..., Array]:
    """Extend a metric for one signal [T] to signals [..., T], row by row.

    The value of a row is NaN if it is undefined, and the lower bound of `AtLeast`.
    """

    @functools.wraps(one)
    def fn(signals: Signals, estimate: Array, rate: int, *more: Any, **options: Any) -> Array:
        if estimate.ndim == 1:
            return np.asarray(one(signals, estimate, rate, *more, **options))
        values = np.empty(estimate.shape[:-1])
        for row in np.ndindex(values.shape):
            try:
                values[row] = one(Signals(*(x[row] for x in signals)), estimate[row], rate, *more, **options)
            except AtLeast as bound:
                values[row] = bound.value
            except Undefined:
                values[row] = np.nan
        return values

    return fn


def _value(metric: Metric, *arguments: Any) -> float:
    """Return the value of a metric's function; turn an error in its code into Undefined, so that evaluation goes on."""
    try:
        return float(metric.fn(*arguments))
    except (Undefined, AtLeast, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Undefined(one_line(error)) from error


def _check(estimate: Array, signals: Signals) -> None:
    if estimate.shape != signals.mic.shape:
        raise Undefined(f"estimate has shape {estimate.shape}, expected {signals.mic.shape}")
    finite = np.isfinite(estimate)
    if not finite.all():
        raise Undefined(f"estimate is not finite at sample {np.argmin(finite)}")


def _cut(metric: Metric, talk: NDArray[np.integer[Any]], rate: int, length: int) -> NDArray[np.bool_] | slice:
    """Return the samples that a metric reads. Raises Inapplicable if there are none."""
    frames = np.isin(talk, list(metric.talk))
    if not frames.any():
        raise Inapplicable(f"no {' or '.join(TALK_NAMES[kind] for kind in sorted(metric.talk))}")
    keep = levels.to_samples(frames, rate, length)
    if not metric.span:
        return keep
    inside = np.flatnonzero(keep)
    return slice(inside[0], inside[-1] + 1)


def _positions(
    changes: Sequence[float], rate: int, keep: NDArray[np.bool_] | slice, length: int
) -> NDArray[np.integer[Any]]:
    """Return the positions of times [s] of the whole scene within the samples that are kept."""
    return np.searchsorted(np.arange(length)[keep], np.sort(np.round(np.multiply(changes, rate))))


def _known(responses: Callable[[], tuple[Array, Array]] | None) -> tuple[Array, Array]:
    if responses is None:
        raise Inapplicable("no impulse responses are given")
    return responses()


def _why(metric: Metric, signals: Signals, estimate: Array) -> Undefined:
    """Return the reason for a NaN."""
    stem = "noise" if Talk.SILENCE in metric.talk else "echo" if Talk.FAR in metric.talk else "near"
    for name in ("mic", stem):
        if not getattr(signals, name).any():
            return Inapplicable(f"{name} is silent")
    return Undefined("the value is not a number" if estimate.any() else "estimate is silent")
