"""A speech source of another package, whose mistakes are told as such."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from aecbench.scenes.speech.base import SpeechSource
from aecbench.signals import Array

__all__ = ["Outside"]


@dataclass(frozen=True)
class Outside:
    """The values of `source`, checked; `blamed` turns its errors into one that names the package."""

    source: SpeechSource
    blamed: Callable[[], AbstractContextManager[None]]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the source."""
        with self.blamed():
            return str(self.source.fingerprint)

    def speakers(self, split: str) -> Sequence[str]:
        """One speaker at least."""
        with self.blamed():
            names = self.source.speakers(split)
            if not names:
                raise ValueError(f"split {split!r} has no speakers, expected one or more")
            return names

    def playlist(self, speaker: str, seconds: float, rng: np.random.Generator) -> tuple[str, ...]:
        """Keys of utterances."""
        with self.blamed():
            keys = tuple(self.source.playlist(speaker, seconds, rng))
            if not keys:
                raise ValueError(f"speaker {speaker!r} has an empty playlist, expected one utterance or more")
            return keys

    def start(self, speaker: str, utterance: str, rng: np.random.Generator) -> float:
        """A time that is not negative."""
        with self.blamed():
            seconds = float(self.source.start(speaker, utterance, rng))
            if not 0 <= seconds < np.inf:
                raise ValueError(f"starts {seconds:g} s into utterance {utterance!r}, expected 0 or more")
            return seconds

    def load(self, speaker: str, utterance: str, rate: int, seconds: float | None = None, start: float = 0.0) -> Array:
        """Finite samples, float32 [T]."""
        with self.blamed():
            x = np.asarray(self.source.load(speaker, utterance, rate, seconds, start), np.float32)
            if x.ndim != 1 or not np.isfinite(x).all():
                raise ValueError(
                    f"utterance {utterance!r} has shape {x.shape}, expected finite samples in one dimension"
                )
            return x
