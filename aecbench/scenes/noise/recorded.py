"""Recorded noise: a folder, a data pack or a CSV manifest (kind "noise", optionally a column `recording`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np

from aecbench.dsp.elementary import PI, cos, sin
from aecbench.scenes.files import Collection, check_word, open_collection
from aecbench.signals import Array

__all__ = ["NoiseSource", "excerpt", "open_noise", "recordings_of"]

TAKE = re.compile(r"(?<=\d{3})[-_](?:[A-Z]|\d{1,2})(?:[-_].*)?$")  # of a recording with a number of 3 digits or more
CROSS_FADE = 0.05  # [s] where a recording that is too short starts again
SPARE = 2  # samples: a sample may get lost in rounding at either end


class NoiseSource(Protocol):
    """Noise recordings."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what the source delivers."""

    def files(self, split: str) -> Sequence[str]:
        """Keys of the files of a split, sorted; what was recorded together is never in two splits.

        Raises SourceError where a split has none.
        """

    def seconds(self, file: str) -> float:
        """How long a file lasts."""

    def load(self, file: str, rate: int, start: float, length: int) -> Array:
        """An excerpt of a file as float32 [length] at `rate`, from `start` [s] on; not to be written into.

        Beyond its end the file starts again.
        """


@dataclass(frozen=True)
class NoiseFiles:
    """Noise in files, the first channel of each."""

    collection: Collection

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, recordings and contents."""
        return self.collection.fingerprint

    def files(self, split: str) -> Sequence[str]:
        """The files of the recordings that the split has."""
        return sorted(file for recording in self.collection.split(split) for file in self.collection.of(recording))

    def seconds(self, file: str) -> float:
        """How long a file lasts, from its header."""
        return self.collection.seconds(file)

    def load(self, file: str, rate: int, start: float, length: int) -> Array:
        """Return an excerpt of a file; only the excerpt is decoded where it does not reach the end."""
        needed = (length + SPARE) / rate
        if start + needed <= self.seconds(file):
            return self.collection.load(file, rate, start, needed)[0][:length]
        return excerpt(self.collection.load(file, rate)[0], round(start * rate), length, rate)


def open_noise(source: str) -> NoiseSource:
    """The noise in a data pack, a folder or a CSV manifest. Raises UnknownName or SourceError."""
    check_word(source, "noise")
    return NoiseFiles(open_collection(source, "noise", "recording", recordings_of))


def recordings_of(paths: Sequence[PurePosixPath]) -> list[str]:
    """The original recording of each file: the path without its suffix.

    A number of three or more digits that is followed by a take, "-A" or "-2", is taken for the identity of a recording,
    as in the names of ESC-50 and UrbanSound8K; what comes after it tells the pieces of that recording apart.

    >>> recordings_of([PurePosixPath("dog/1-100032-A-0.wav"), PurePosixPath("dog/1-100032-B-0.wav")])
    ['dog/1-100032', 'dog/1-100032']
    >>> recordings_of([PurePosixPath("noise-free-sound-0001.wav"), PurePosixPath("rain.ogg")])
    ['noise-free-sound-0001', 'rain']
    """
    return [TAKE.sub("", str(path.with_suffix(""))) for path in paths]


def excerpt(x: Array, start: int, length: int, rate: int) -> Array:
    """`length` samples of a recording [T] from sample `start` on; beyond its end it starts again.

    Where it does, its last 50 ms (at most a quarter of it) fade into its first with constant power.
    """
    start %= x.size
    if start + length <= x.size:
        return x[start : start + length]
    fade = min(round(CROSS_FADE * rate), x.size // 4)
    angle = (np.arange(fade) + 0.5) / max(fade, 1) * (PI / 2)
    loop = x[: x.size - fade].copy()
    loop[:fade] = x[:fade] * sin(angle) + x[x.size - fade :] * cos(angle)
    return np.resize(np.roll(loop, -start), length)
