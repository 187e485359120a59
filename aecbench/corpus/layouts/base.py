"""The interface of a layout: how scenes are found and read in a folder, and how a corpus is written as one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from aecbench.corpus.format import SHARDS, Record
from aecbench.corpus.read import Corpus, Shard
from aecbench.dsp import audio
from aecbench.dsp.audio_files import audio_files, by_name, is_utf8
from aecbench.errors import AudioError
from aecbench.scenes.recording import Recording, read_scene
from aecbench.scenes.scene import Scene

__all__ = [
    "RATE",
    "UNIT",
    "Found",
    "Layout",
    "Problem",
    "Take",
    "Wanted",
    "Written",
    "header",
    "headers",
    "key",
    "listed",
    "read_int16",
    "read_paths",
    "records",
    "relative",
    "unknown_rir",
    "unlisted",
    "write_wav",
]

RATE = 16_000  # [Hz] of the systems
UNIT = float(np.float32(2.0**-15))  # scale of a 16-bit file whose full scale is 1


class Problem(NamedTuple):
    """A fault of a file, and whether the scene it belongs to was imported all the same."""

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
    """The contents of a folder."""

    takes: list[Take]  # in the order of their names
    problems: list[Problem] = field(default_factory=list)
    tables: tuple[Path, ...] = ()  # files that describe all takes


class Written(NamedTuple):
    """The files that were written for a corpus: a table, and the audio files that it lists."""

    table: Path
    columns: Mapping[str, str]  # of the table -> what it holds
    audio: Mapping[str, str]  # name of a set of audio files -> glob


class Wanted(NamedTuple):
    """The selection of files to import from a folder, and their role."""

    corpus: str  # scenes get the ids corpus/split/...
    split: str = "test"  # of scenes whose folder names none
    rate: int = RATE  # [Hz] to which real recordings are brought that have more
    files: frozenset[Path] | None = None  # None: all that lie in the folder


class Layout(NamedTuple):
    """One row of LAYOUTS.

    `find(folder, wanted)` looks through a folder, reading no audio. `write(corpus, out)` writes a corpus into an empty
    folder.
    """

    find: Callable[[Path, Wanted], Found]
    write: Callable[[Corpus, Path], Written]


def header(path: Path, rate: int) -> int:
    """Return the length of a file of one channel of 16-bit samples at `rate` Hz. Raises AudioError for another one."""
    file_header = audio.header(path)
    if file_header.rate != rate:
        raise AudioError(f"{path}: is at {file_header.rate} Hz, expected {rate}; resample all files of the set first")
    if file_header.encoding != "PCM_16":
        raise AudioError(
            f"{path}: holds {file_header.encoding} samples, expected PCM_16, which alone are kept bit by bit"
        )
    return file_header.length


def headers(files: Sequence[Path], rate: int, folder: Path) -> tuple[list[int], list[Problem]]:
    """The lengths of files that are in order, and what is wrong with the others."""
    lengths, problems = [], []
    for path in files:
        try:
            lengths.append(header(path, rate))
        except AudioError as error:
            problems.append(Problem(key(path, folder), relative(str(error), folder)))
    return lengths, problems


def listed(folder: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Return the audio files below a folder by their names in it, without suffix, and what is wrong with others."""
    files = audio_files(folder)
    named: dict[str, Path] = {}
    problems: list[Problem] = []
    for name, (path, *others) in by_name(files.paths, folder).items():
        if not is_utf8(name):
            problems.append(
                Problem(key(path, folder), "its name is not UTF-8, which ids of scenes have to be; rename it")
            )
        elif others:
            problems.append(Problem(key(path, folder), f"shares its name with {others[0].name}; keep one of them"))
        else:
            named[name] = path
    if files.hidden:
        problems.append(Problem(".", f"{len(files.hidden)} hidden files were skipped", kept=True))
    return named, problems


def unlisted(files: Iterable[Path], named: Iterable[Path]) -> bool:
    """Whether some of the files are there although `listed` did not name them: its problems say why."""
    return any(path.exists() for path in {*files} - {*named})


def key(path: Path, folder: Path) -> str:
    """A file of the folder, as problems name it."""
    return path.relative_to(folder).as_posix()


def read_int16(path: Path) -> NDArray[np.int16]:
    """The samples [T] of a file that `header` has seen. Raises AudioError."""
    return np.ascontiguousarray(audio.samples(path, "int16")[0][:, 0])


def read_paths(path: Path) -> NDArray[np.float32]:
    """The echo paths in a file, one after the other: [channels x T]. Raises AudioError."""
    return np.ascontiguousarray(audio.samples(path)[0].T).ravel()


def relative(message: str, folder: Path) -> str:
    """An error's message without the path of a file in the folder that it begins with.

    >>> relative("sets/a/x.wav: contains no samples", Path("sets/a"))
    'contains no samples'
    """
    path, separator, reason = message.partition(": ")
    return reason if separator and Path(path).is_relative_to(folder) else message


def unknown_rir() -> NDArray[np.float32]:
    """Return the echo path of a scene in which it is unknown."""
    return np.full(1, np.nan, np.float32)


def write_wav(path: Path, x: NDArray[np.int16] | NDArray[np.float32], rate: int) -> None:
    """Write [T] or [T, channels] as it is: int16 as 16-bit, float32 as 32-bit float WAV."""
    from scipy.io import wavfile  # takes 0.08 s, in every process that opens a corpus

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
