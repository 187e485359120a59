"""The synthetic set of the AEC Challenge: four files per scene, and meta.csv."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aecbench.config import canonical_json
from aecbench.corpus.format import Record, measure
from aecbench.corpus.layouts.base import (
    RATE,
    UNIT,
    Found,
    Problem,
    Take,
    headers,
    key,
    listed,
    read_int16,
    unknown_rir,
    unlisted,
)
from aecbench.errors import AudioError, SourceError
from aecbench.scenes.files import SPLITS
from aecbench.scenes.recording import Fact, Kind, Recording

__all__ = ["FOLDERS", "META", "Synthetic", "find_synthetic"]

META = "meta.csv"
FOLDERS = {  # in the order mic, far, near, echo: folder -> beginning of its files' names
    "nearend_mic_signal": "nearend_mic",
    "farend_speech": "farend_speech",
    "nearend_speech": "nearend_speech",
    "echo_signal": "echo",
}
LOWEST, HIGHEST = -(2**15), 2**15 - 1
INTEGER, NUMBER = re.compile(r"-?[0-9]{1,15}"), re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?")
NEEDED = ("fileid", "nearend_scale")
OURS = ("split", "ser", "scale")  # columns that are fields of a Recording, or of how it is stored


@dataclass(frozen=True)
class Synthetic:
    """A scene of the synthetic set."""

    id: str
    split: str
    fileid: int
    length: int
    files: tuple[Path, ...]  # mic, far, near, echo
    near_scale: float
    scale: float
    ser: float | None
    facts: dict[str, Fact]
    stems: bool = True
    rir_shape: tuple[int, int] = (1, 1)

    def record(self) -> Record:
        """The four files and what is left of mic. Raises AudioError where that does not fit into 16 bits."""
        mic, far, speech, echo = (read_int16(path).astype(np.int32) for path in self.files)
        near = np.rint(self.near_scale * speech).astype(np.int64)
        noise = mic - echo - near
        wide = np.stack([mic, far, near, echo, noise])
        if wide.min() < LOWEST or wide.max() > HIGHEST:
            raise AudioError(
                f"{self.files[0]}: mic - echo - {self.near_scale:g} near does not fit into 16 bits; check nearend_scale"
            )
        talk: Kind = "far_single"
        if near.any():
            talk = "double" if echo.any() else "near_single"
        scene = Recording(
            id=self.id,
            split=self.split,
            index=self.fileid,
            talk=talk,
            rate=RATE,
            duration=self.length / RATE,
            stems=True,
            ser=self.ser,
            facts=self.facts,
        )
        text = canonical_json(scene.model_dump(mode="json"))
        audio = wide.astype(np.int16)
        return Record(text, audio, self.scale, unknown_rir(), measure(audio, self.scale, RATE))


def find_synthetic(folder: Path, corpus: str, split: str) -> Found:
    """The scenes of the set. Raises SourceError where meta.csv cannot be used."""
    rows = _meta(folder / META)
    numbers = _numeric(rows.values())
    takes: list[Take] = []
    named, problems = listed(folder)
    present = _numbered(named)
    for fileid in sorted(present.keys() | rows.keys()):
        stems = present.get(fileid, {})
        files = tuple(
            stems.get(name, folder / name / f"{prefix}_fileid_{fileid}.wav") for name, prefix in FOLDERS.items()
        )
        if fileid not in present:
            problems.append(Problem(META, f"fileid {fileid}: none of its files is there"))
            continue
        if unlisted(files, stems.values()):
            continue
        lengths, faults = headers(files, RATE, folder)
        if not faults and len(set(lengths)) > 1:
            listing = ", ".join(f"{length} samples in {path.name}" for path, length in zip(files, lengths, strict=True))
            faults = [Problem(key(files[0], folder), f"the four files differ in length: {listing}")]
        try:
            take = _synthetic(rows, numbers, fileid, lengths, files, corpus, split)
        except ValueError as error:
            faults.append(Problem(META, f"fileid {fileid}: {error}"))
        if faults:
            problems += faults
        else:
            takes.append(take)
    return Found(takes, problems, (folder / META,))


def _numbered(named: Mapping[str, Path]) -> dict[int, dict[str, Path]]:
    """The files of the set by number, which is not padded, then by folder.

    >>> _numbered({"echo_signal/echo_fileid_7": Path("7.wav"), "echo_signal/ECHO_fileid_07": Path("07.wav")}).keys()
    dict_keys([7])
    """
    numbered: dict[int, dict[str, Path]] = {}
    for name, path in named.items():
        folder, _, stem = name.partition("/")
        beginning, _, number = stem.lower().partition("_fileid_")
        if FOLDERS.get(folder) == beginning and re.fullmatch("0|[1-9][0-9]*", number):
            numbered.setdefault(int(number), {})[folder] = path
    return numbered


def _meta(path: Path) -> dict[int, dict[str, str]]:
    """The rows of meta.csv by fileid."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if absent := [name for name in NEEDED if name not in (table.fieldnames or ())]:
                raise SourceError(f"{path}: has no column {absent[0]!r}; it must have {' and '.join(NEEDED)}")
            rows = [{str(k): v.strip() for k, v in row.items() if isinstance(v, str)} for row in table]
            return {int(row["fileid"]): row for row in rows}
    except FileNotFoundError:
        raise SourceError(f"{path}: is missing; without its nearend_scale the near end at the mic is unknown") from None
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as a table ({error}); get it again") from None


def _synthetic(
    rows: Mapping[int, Mapping[str, str]],
    numbers: Mapping[str, Callable[[str], Fact]],
    fileid: int,
    lengths: list[int],
    files: tuple[Path, ...],
    corpus: str,
    split: str,
) -> Synthetic:
    """A take from its row. Raises ValueError for a row that is missing or cannot be used."""
    if fileid not in rows:
        raise ValueError("has no row")
    row = rows[fileid]
    split = row.get("split") or split
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")
    near_scale, scale = float(row.get("nearend_scale", "")), float(row.get("scale") or UNIT)
    ser = float(row["ser"]) if row.get("ser") else None
    if not (np.isfinite([near_scale, scale, ser or 0]).all() and scale > 0):
        raise ValueError("nearend_scale, scale and ser must be finite, and scale above 0")
    facts = {name: numbers.get(name, str)(value) for name, value in row.items() if value and name not in OURS}
    name = f"{corpus}/{split}/{fileid:06d}"
    return Synthetic(name, split, fileid, min(lengths, default=0), files, near_scale, scale, ser, facts)


def _numeric(rows: Iterable[Mapping[str, str]]) -> dict[str, Callable[[str], Fact]]:
    """The columns of nothing but numbers, with their kind: a column of the corpus's table has one type.

    >>> _numeric([{"a": "1", "b": "0.5", "c": "7"}, {"a": "2", "b": "", "c": "reader_7"}])
    {'a': <class 'int'>, 'b': <class 'float'>}
    """
    columns: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            if value:
                columns.setdefault(name, []).append(value)
    kinds: dict[str, Callable[[str], Fact]] = {}
    for name, values in columns.items():
        if all(INTEGER.fullmatch(value) for value in values):
            kinds[name] = int
        elif all(NUMBER.fullmatch(value) for value in values):
            kinds[name] = float
    return kinds
