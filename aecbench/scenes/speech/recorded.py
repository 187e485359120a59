"""Recorded speech: a folder, a data pack or a CSV manifest (kind "speech", with a column `speaker`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from aecbench.dsp.random import uniform
from aecbench.errors import SourceError
from aecbench.scenes.files import Collection, open_folder, open_manifest, open_pack
from aecbench.scenes.speech.base import SpeechSource
from aecbench.signals import Array

__all__ = ["open_speech_folder", "open_speech_manifest", "open_speech_pack", "speakers_of"]

TAIL = 0.01  # [s] at the end of a file, in which no talker starts
SPARE = 0.01  # [s] decoded beyond what is needed, so that a resampling filter does not see the end of it


@dataclass(frozen=True)
class SpeechFiles:
    """Speech in files, the first channel of each; an utterance is a file."""

    files: Collection

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, speakers and contents."""
        return self.files.fingerprint

    def speakers(self, split: str) -> Sequence[str]:
        """The speakers of a split: one at least."""
        return self.files.split(split)

    def playlist(self, speaker: str, seconds: float, rng: np.random.Generator) -> tuple[str, ...]:
        """Files of a speaker in random order, none twice."""
        files = self.files.of(speaker)
        chosen: list[str] = []
        lasting = 0.0
        for index in rng.permutation(len(files)):
            chosen.append(files[index])
            lasting += self.files.seconds(files[index])
            if lasting >= seconds:
                break
        return tuple(chosen)

    def start(self, speaker: str, utterance: str, rng: np.random.Generator) -> float:
        """Anywhere in the file: a talker with few files says other things in other scenes."""
        return round(float(uniform(rng, 0, max(0.0, self.files.seconds(utterance) - TAIL))), 3)

    def load(self, speaker: str, utterance: str, rate: int, seconds: float | None = None, start: float = 0.0) -> Array:
        """Return a file of a speaker from `start` [s] on; no more than `seconds` (and a little) is decoded."""
        if utterance not in self.files.of(speaker):
            raise SourceError(
                f"{self.files.origin}: speaker {speaker!r} has no file {utterance!r}; draw the scenes again"
            )
        return self.files.load(utterance, rate, start, None if seconds is None else seconds + SPARE)[0]


def open_speech_folder(source: str) -> SpeechSource:
    """The speech in a folder. Raises SourceError."""
    return SpeechFiles(open_folder(source, "speaker", speakers_of))


def open_speech_manifest(source: str) -> SpeechSource:
    """The speech that a CSV lists; rows without a speaker share one in each split. Raises SourceError."""
    return SpeechFiles(open_manifest(source, "speech", "speaker", lambda paths: [""] * len(paths), ["speaker"]))


def open_speech_pack(source: str) -> SpeechSource:
    """The speech in a data pack. Raises SourceError."""
    return SpeechFiles(open_pack(source, "speech", "speaker", speakers_of))


def speakers_of(paths: Sequence[PurePosixPath]) -> list[str]:
    """The speaker of each file: the folder it is in, or the part before the first "-" or "_" of a file that is in none.

    A folder whose name begins the file's name goes first: LibriSpeech has speaker/chapter/speaker-chapter-number.

    >>> speakers_of([PurePosixPath("anna/1.wav"), PurePosixPath("103/1240/103-1240-0000.flac")])
    ['anna', '103']
    >>> speakers_of([PurePosixPath("103-1240-0000.flac"), PurePosixPath("anna_2.wav"), PurePosixPath("ben.wav")])
    ['103', 'anna', 'ben']
    """
    return [_speaker_of(path) for path in paths]


def _speaker_of(path: PurePosixPath) -> str:
    word = re.split("[-_]", path.stem, maxsplit=1)[0]
    return word if word in path.parts[:-1] else path.parent.name or word
