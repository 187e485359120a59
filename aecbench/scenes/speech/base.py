"""The interface of a speech source, and how a talker of a scene is put together from it."""

import itertools
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from aecbench.errors import SourceError
from aecbench.scenes.scene import Speech
from aecbench.signals import Array

__all__ = ["SpeechSource", "speak"]

FADE = 0.005  # [s] at both ends of a span, so that cutting into a word does not click


@runtime_checkable
class SpeechSource(Protocol):
    """Speakers, each with utterances."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what the source delivers."""

    def speakers(self, split: str) -> Sequence[str]:
        """The speakers of a split, sorted; no speaker is in two. Raises SourceError where there are none."""

    def playlist(self, speaker: str, seconds: float, rng: np.random.Generator) -> tuple[str, ...]:
        """Keys of utterances in random order: one at least, `seconds` together if the speaker has so much."""

    def start(self, speaker: str, utterance: str, rng: np.random.Generator) -> float:
        """Where in the first utterance of a scene a talker is met [s]: anywhere in a recording, else 0."""

    def load(self, speaker: str, utterance: str, rate: int, seconds: float | None = None, start: float = 0.0) -> Array:
        """An utterance from `start` [s] on, as float32 [T] at `rate`, not to be written into.

        All that follows, or `seconds` of it, or more.
        """


def speak(source: SpeechSource, speech: Speech, length: int, rate: int) -> Array:
    """The talker of a scene as float32 [length]: silent outside the spans, within each one utterance after the other.

    The first utterance is met at `start`; after the last comes the first again, from its beginning. A span goes on
    where the one before stopped. Where spans reach beyond the scene, the part within it counts. Raises SourceError
    where there is a span, but nothing to say in it.
    """
    ends = (np.clip(np.round(np.array(span) * rate), 0, length).astype(int) for span in speech.spans)
    spans = [(int(start), int(stop)) for start, stop in ends if start < stop]
    lengths = [stop - start for start, stop in spans]
    recital = _recite(source, speech, sum(lengths), rate)
    fade = max(1, round(FADE * rate))
    ramp = np.arange(1, fade + 1, dtype=np.float32) / np.float32(fade)
    x = np.zeros(length, np.float32)
    for start, stop in spans:
        now, recital = np.split(recital, [stop - start])
        now[:fade] *= ramp[: now.size]
        now[::-1][:fade] *= ramp[: now.size]
        x[start:stop] += now
    return x


def _recite(source: SpeechSource, speech: Speech, needed: int, rate: int) -> Array:
    """The first `needed` samples of the utterances from `start` on, spoken over and over."""
    parts: list[Array] = []
    length, empty, start = 0, 0, speech.start
    for utterance in itertools.cycle(speech.utterances):
        if length >= needed or empty > len(speech.utterances):
            break
        parts.append(source.load(speech.speaker, utterance, rate, (needed - length) / rate, start))
        length += parts[-1].size
        empty = 0 if parts[-1].size else empty + 1  # in a row: after `start` there may be nothing left of the first
        start = 0.0
    if length < needed:
        raise SourceError(f"speaker {speech.speaker!r} has a turn but no utterance with any samples; draw again")
    return np.concatenate(parts)[:needed] if parts else np.zeros(0, np.float32)
