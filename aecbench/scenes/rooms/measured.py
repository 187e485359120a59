"""Measured room impulse responses: a folder or a CSV manifest (kind "rir", optionally a column `room`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np

from aecbench.scenes.files import Collection, open_collection
from aecbench.signals import Array

__all__ = ["RirSource", "open_rirs"]


class RirSource(Protocol):
    """Rooms, each with measured responses in it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what the source delivers."""

    def rooms(self, split: str) -> Sequence[str]:
        """Return the rooms of a split, sorted; no room is in two. Raises SourceError if a split has none."""

    def responses(self, room: str) -> Sequence[str]:
        """Keys of the responses measured in a room."""

    def load(self, file: str, rate: int) -> Array:
        """Return a response as float32 [T] at `rate`, with the same frequency response."""


@dataclass(frozen=True)
class RirFiles:
    """Responses in files, the first channel of each."""

    files: Collection

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, rooms and contents."""
        return self.files.fingerprint

    def rooms(self, split: str) -> Sequence[str]:
        """Return the rooms of a split."""
        return self.files.split(split)

    def responses(self, room: str) -> Sequence[str]:
        """Files of a room."""
        return self.files.of(room)

    def load(self, file: str, rate: int) -> Array:
        """Return a response at `rate`.

        Sampled h(t) stands for the integral of h(t) dt, so a response with fewer samples per second needs larger ones.
        """
        x, stored = self.files.load(file, rate)
        return x * np.float32(stored / rate)


def open_rirs(source: str) -> RirSource:
    """Open the responses in a folder or a CSV manifest. Raises SourceError."""
    return RirFiles(open_collection(source, "rir", "room", rooms_of))


def rooms_of(paths: Sequence[PurePosixPath]) -> list[str]:
    """Return the room of each response: the folder in which the paths first differ ("office" of "office/omni/1.wav").

    For responses that share one folder: the first two words of the file name; its last word tells responses apart.

    >>> rooms_of([PurePosixPath("air/office/1.wav"), PurePosixPath("air/booth/omni/1.wav")])
    ['office', 'booth']
    >>> rooms_of([PurePosixPath(name) for name in ("york_hall_east_1.wav", "york_hall_2.wav", "kitchen-2.wav")])
    ['york_hall', 'york_hall', 'kitchen']
    """
    depth = 0
    while len({path.parts[depth] for path in paths}) == 1 and all(len(path.parts) > depth + 1 for path in paths):
        depth += 1
    return [path.parts[depth] if len(path.parts) > depth + 1 else _words(path.stem) for path in paths]


def _words(stem: str) -> str:
    words = re.split("[-_ ]", stem)
    return "_".join(words[:-1][:2] or words)
