"""What a layout is: how the scenes in a folder are found and read, and how a corpus is written as such a folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.io import wavfile

from aecbench.corpus.format import SHARDS, Record
from aecbench.corpus.read import Corpus, Shard
from aecbench.dsp import audio
from aecbench.errors import AudioError
from aecbench.scenes.recording import Recording, read_scene
from aecbench.scenes.scene import Scene

__all__ = [
    "UNIT",
    "Found",
    "Layout",
    "Problem",
    "Take",
    "Written",
    "header",
    "headers",
    "key",
    "read_int16",
    "read_paths",
    "records",
    "relative",
    "unknown_rir",
    "write_wav",
]

UNIT = float(np.float32(2.0**-15))  # scale of a 16-bit file whose full scale is 1


class Problem(NamedTuple):
    """What is wrong with a file, and whether the scene it belongs to was imported all the same."""

    file: str  # relative to the folder
    problem: str
    kept: bool = False


class Take(Protocol):
    """A scene that was found and whose headers are in order."""

    @property
    def split(self) -> str:
        """Split it belongs to."""

    @property
    def length(self) -> int:
        """Samples."""

    @property
    def stems(self) -> bool:
        """Whether near, echo and noise are known."""

    @property
    def rir_shape(self) -> tuple[int, int]:
        """Echo paths and samples of each; (1, 1) where they are unknown."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read of it; the first one names it."""

    def record(self) -> Record:
        """Read it. Raises AudioError."""


@dataclass(frozen=True)
class Found:
    """What there is in a folder."""

    takes: list[Take]  # in the order of their names
    problems: list[Problem] = field(default_factory=list)
    tables: tuple[Path, ...] = ()  # files that describe all takes


class Written(NamedTuple):
    """What was written of a corpus: a table and the audio files it tells of."""

    table: Path
    columns: Mapping[str, str]  # of the table -> what it holds
    audio: Mapping[str, str]  # name of a set of audio files -> glob


class Layout(NamedTuple):
    """One row of LAYOUTS.

    `find(folder, corpus, split)` looks through a folder, reading no audio; scenes get the ids corpus/split/..., and
    `split` where the folder names none. `write(corpus, out)` writes a corpus into an empty folder.
    """

    find: Callable[[Path, str, str], Found]
    write: Callable[[Corpus, Path], Written]


def header(path: Path, rate: int) -> int:
    """Samples of a 16-bit WAV of one channel at `rate` Hz. Raises AudioError for anything else."""
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError):
        audio.read(path)  # says why it cannot be read
        raise AudioError(f"{path}: its header cannot be read; write the file again") from None
    if info.channels != 1:
        raise AudioError(f"{path}: has {info.channels} channels, expected 1")
    if info.samplerate != rate:
        raise AudioError(f"{path}: is at {info.samplerate} Hz, expected {rate}; resample all files of the set first")
    if info.subtype != "PCM_16":
        raise AudioError(f"{path}: holds {info.subtype} samples, expected PCM_16, which alone are kept bit by bit")
    if info.frames == 0:
        raise AudioError(f"{path}: holds no samples")
    return int(info.frames)


def headers(files: Sequence[Path], rate: int, folder: Path) -> tuple[list[int], list[Problem]]:
    """The lengths of files that are in order, and what is wrong with the others."""
    lengths, problems = [], []
    for path in files:
        try:
            lengths.append(header(path, rate))
        except AudioError as error:
            problems.append(Problem(key(path, folder), relative(str(error), folder)))
    return lengths, problems


def key(path: Path, folder: Path) -> str:
    """A file of the folder, as problems name it."""
    return path.relative_to(folder).as_posix()


def read_int16(path: Path) -> NDArray[np.int16]:
    """The samples [T] of a file that `header` has seen. Raises AudioError."""
    return np.ascontiguousarray(_read(path, "int16")[:, 0])


def read_paths(path: Path) -> NDArray[np.float32]:
    """The echo paths in a file, one after the other: [channels x T]. Raises AudioError."""
    return np.ascontiguousarray(_read(path, "float32").T).ravel()


def _read(path: Path, kind: str) -> NDArray[Any]:
    try:
        return np.asarray(soundfile.read(path, dtype=kind, always_2d=True)[0])
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be read ({error}); get the file again") from None


def relative(message: str, folder: Path) -> str:
    """An error's message without the path of a file in the folder that it begins with.

    >>> relative("sets/a/x.wav: holds no samples", Path("sets/a"))
    'holds no samples'
    """
    path, separator, what = message.partition(": ")
    return what if separator and Path(path).is_relative_to(folder) else message


def unknown_rir() -> NDArray[np.float32]:
    """The echo path of a scene of which nobody knows it."""
    return np.full(1, np.nan, np.float32)


def write_wav(path: Path, x: NDArray[np.int16] | NDArray[np.float32], rate: int) -> None:
    """Write [T] or [T, channels] as it is: int16 as 16-bit, float32 as 32-bit float WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, x)


def records(corpus: Corpus) -> Iterator[tuple[Scene | Recording, Record]]:
    """All scenes of a corpus in order, as they are stored. Raises CorpusError for what is damaged."""
    places = zip(corpus.scenes["shard"].tolist(), corpus.scenes["row"].tolist(), strict=True)
    for file, rows in groupby(places, key=lambda place: place[0]):
        with Shard(corpus.path / SHARDS / file) as shard:
            for _, row in rows:
                record = shard.record(row)
                yield read_scene(record.scene), record
