"""Audio files as a source of sound: a folder, a CSV manifest or a data pack, its files in groups, the groups in splits.

A group, which must not be in two splits, is a talker, a room or an original recording.

Manifest: a CSV whose column `file` holds paths relative to the CSV. Other columns: `kind` (speech, noise or rir; a row
without one is used for any), `speaker` / `recording` / `room` (the group), `split` (train, val or test: the group of
that row stays there; all: it serves every split) and `sha256` (of the file). Further columns are ignored. A file is
listed once, whether as a.wav, ./a.wav, an absolute path or a symbolic link; a copy of it is another file.
"""

import csv
import functools
import hashlib
import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray

from aecbench.assets import names
from aecbench.dsp import audio
from aecbench.dsp.audio_files import SUFFIXES, audio_files, is_utf8
from aecbench.dsp.resample import resample
from aecbench.errors import AudioError, SourceError, UnknownName
from aecbench.hashing import file_sha256, in_threads
from aecbench.packs import locate
from aecbench.signals import Array

__all__ = [
    "SPLITS",
    "Collection",
    "Entry",
    "check_once",
    "check_word",
    "load_audio",
    "manifest_rows",
    "open_collection",
    "open_folder",
    "open_manifest",
    "open_pack",
    "partition",
    "shape",
]

SPLITS = ("train", "val", "test")
EVERY = "all"  # in a manifest: a group that serves every split, such as the device that a product is
HEADERS = 4096  # files whose header and hash are remembered, per process
KEPT = 2**27  # bytes of decoded files that are kept in memory, per process
DECODED = 2  # bytes of 16-bit samples per byte of a file, about: FLAC halves speech

GroupsOf = Callable[[Sequence[PurePosixPath]], Sequence[str]]  # paths -> the group of each, "" where unknown


class Entry(NamedTuple):
    """A file of a collection."""

    group: str
    split: str = ""  # the split it is tied to, or EVERY; "" where its group decides
    sha256: str = ""  # as its manifest says, if it does


@dataclass(frozen=True)
class Collection:
    """Audio files by key (the path relative to `root`, with "/"). Opening one reads no audio."""

    root: Path
    entries: dict[str, Entry]
    origin: str  # what the user gave: named in messages
    noun: str  # what a group is: "speaker", "recording", "room"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over keys, groups, fixed splits and contents of all files, but not over where they lie.

        Contents are known from the manifest's column `sha256`; files without are hashed, which reads all of them once.
        """
        hasher = hashlib.sha256()
        keys = sorted(self.entries)
        for key, content in zip(keys, in_threads(self._content, keys), strict=True):
            entry = self.entries[key]
            hasher.update("\0".join((key, entry.group, entry.split, content)).encode() + b"\n")
        return hasher.hexdigest()

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The keys of every group, sorted."""
        groups = defaultdict(list)
        for key in sorted(self.entries):
            groups[self.entries[key].group].append(key)
        return {group: tuple(keys) for group, keys in sorted(groups.items())}

    def of(self, group: str) -> tuple[str, ...]:
        """The keys of a group. Raises SourceError for one that is not there."""
        if group not in self.groups:
            raise SourceError(f"{self.origin}: has no {self.noun} {group!r}; draw the scenes again from this source")
        return self.groups[group]

    @cached_property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """The groups of every split, sorted: those tied to it or to all, and its share of the others."""
        tied = {entry.group: entry.split for entry in self.entries.values() if entry.split}
        free = [group for group in self.groups if group not in tied]
        return {
            split: tuple(
                sorted([*partition(free, split), *(group for group, side in tied.items() if side in (split, EVERY))])
            )
            for split in SPLITS
        }

    def split(self, split: str) -> tuple[str, ...]:
        """The groups of a split, sorted. Raises SourceError where there are none."""
        if split not in SPLITS:
            raise UnknownName("split", split, SPLITS)
        groups = self.sides[split]
        if not groups:
            raise SourceError(
                f"{self.origin}: {len(self.groups)} {self.noun}(s) found, 0 of them in split {split!r}; give a source "
                f"with 5 {self.noun}s or more for all three splits, or a CSV manifest whose column split says "
                f"{EVERY!r} where a {self.noun} may serve every split"
            )
        return groups

    def path(self, key: str) -> Path:
        """Where a file lies. Raises SourceError for a key that is not there."""
        if key not in self.entries:
            raise SourceError(f"{self.origin}: has no file {key!r}; draw the scenes again from this source")
        return self.root / key

    def seconds(self, key: str) -> float:
        """How long a file lasts, from its header."""
        path = self.path(key)
        header = _header(path, _stamp(path))
        return header.length / header.rate

    def load(self, key: str, rate: int, start: float = 0.0, seconds: float | None = None) -> tuple[Array, int]:
        """The first channel of a file as float32 [T] at `rate`, and the rate it was stored at; not to be written into.

        With `seconds`, the part of it from `start` [s] on, or as much as there is.
        Raises AudioError for a file that cannot be read, or is not the one its manifest describes.
        """
        path, sha256 = self.path(key), self.entries[key].sha256
        stored = _header(path, _stamp(path))
        if not start and seconds is None:
            return load_audio(path, rate, sha256), stored.rate
        if self.fits and (stored.rate, stored.encoding) == (rate, "PCM_16"):
            return _part(path, rate, sha256, start, seconds), rate
        return _decoded(path, rate, sha256, start, seconds), stored.rate

    @cached_property
    def fits(self) -> bool:
        """Whether all files fit into memory once decoded, so that each is decoded once and not once per scene."""
        return DECODED * sum(_size(self.root / key) for key in self.entries) <= KEPT

    def _content(self, key: str) -> str:
        if self.entries[key].sha256:
            return self.entries[key].sha256
        self.seconds(key)  # a file that is not audio fails now, not in the middle of a simulation
        return file_sha256(self.root / key)


def partition(names: Iterable[str], split: str) -> tuple[str, ...]:
    """The names that belong to a split, sorted. Every name is in exactly one, whatever the order of `names`.

    In the order of their SHA-256, 20 % of the names go to test, the next 10 % to val, but at least 2 to each as long as
    there are any; the rest goes to train. Raises UnknownName for a split that is none.

    >>> [len(partition("abcdefghijklmnopqrst", split)) for split in SPLITS]
    [14, 2, 4]
    >>> [len(partition("abc", split)) for split in SPLITS]
    [0, 1, 2]
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())
    test = max(2, round(len(ranked) * 0.2))
    val = test + max(2, round(len(ranked) * 0.1))
    return tuple(sorted({"train": ranked[val:], "val": ranked[test:val], "test": ranked[:test]}[split]))


def check_word(source: str, kind: str, known: Sequence[str] = ()) -> None:
    """Raise UnknownName for a bare word that is neither a path nor one of `known` nor a pack: a misspelt name."""
    path = Path(source)
    words = (*known, *names("packs"))
    if source and source not in words and not path.exists() and path.name == source and not path.suffix:
        raise UnknownName(f"{kind} source", source, (*words, "a folder of audio", "a CSV manifest"))


def shape(source: str, kind: str) -> str:
    """Whether a source is a "pack", a "folder" or a "manifest", in this order. Raises SourceError where it is none."""
    if source in names("packs"):
        return "pack"
    path = Path(source)
    if source and path.is_dir():
        return "folder"
    if path.suffix.lower() == ".csv" and path.is_file():
        return "manifest"
    why = "is neither a folder nor a .csv file" if source and path.exists() else "does not exist"
    raise SourceError(f"{kind} source {source!r}: {why}; give a folder of audio files or a CSV manifest")


def open_folder(source: str, noun: str, groups_of: GroupsOf) -> Collection:
    """All audio files below a folder, recognised by their suffix; hidden ones are left out. Raises SourceError."""
    folder = Path(source)
    paths = sorted(PurePosixPath(path.relative_to(folder).as_posix()) for path in audio_files(folder).paths)
    if not paths:
        raise SourceError(f"{source}: contains no audio files; expected some of {' '.join(SUFFIXES)}")
    for path in paths:
        if not is_utf8(str(path)):
            raise SourceError(f"{source}: the file name {str(path)!r} is not valid UTF-8; rename the file")
    entries = {str(path): Entry(group) for path, group in zip(paths, groups_of(paths), strict=True)}
    return Collection(folder.absolute(), entries, source, noun)


def open_pack(source: str, kind: str, noun: str, groups_of: GroupsOf) -> Collection:
    """The files of a kind in a data pack. Raises SourceError where it has to be fetched first, or has none."""
    manifest, root = locate(source)
    return open_manifest(str(manifest), kind, noun, groups_of, root=root)


def open_manifest(
    source: str,
    kind: str,
    noun: str,
    groups_of: GroupsOf,
    columns: Sequence[str] = (),
    root: Path | None = None,
) -> Collection:
    """The files of a kind that a CSV lists; it must have `columns`. Raises SourceError.

    The files lie below `root`, or where this is None, below the folder of the CSV.

    `groups_of` names the groups of files where the column `noun` does not; files that are then still without one share
    the group "unlabelled", or "unlabelled-train" and so on where they are tied to a split.
    """
    manifest = Path(source)
    rows = [
        (line, row)
        for line, row in manifest_rows(manifest, ("file", *columns), "file")
        if (row.get("kind") or kind) == kind
    ]
    if not rows:
        raise SourceError(f"{source}: lists no files of kind {kind!r}; add some, or give another source")
    guessed = groups_of([PurePosixPath(row["file"]) for _, row in rows])
    entries: dict[str, Entry] = {}
    for (line, row), guess in zip(rows, guessed, strict=True):
        key, split, sha256 = row["file"], row.get("split", ""), row.get("sha256", "").lower()
        if key in entries:
            raise SourceError(f"{source}, line {line}: lists {key} again; keep one of the rows")
        if split and split not in (*SPLITS, EVERY):
            words = ", ".join((*SPLITS, EVERY))
            raise SourceError(f"{source}, line {line}: unknown split {split!r}; use {words} or nothing")
        if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise SourceError(f"{source}, line {line}: sha256 {sha256!r} is not 64 hexadecimal digits; correct it")
        group = row.get(noun, "") or guess or "-".join(filter(None, ("unlabelled", split)))
        entries[key] = Entry(group, split, sha256)
    folder = (root or manifest.parent).absolute()
    missing = [key for key in entries if not (folder / key).is_file()]
    if missing:
        raise SourceError(
            f"{source}: {len(missing)} of {len(entries)} files are missing, such as {missing[0]}; get them"
        )
    check_once(source, [(line, row["file"]) for line, row in rows], folder)
    collection = Collection(folder, entries, source, noun)
    for group, keys in collection.groups.items():
        splits = sorted({entries[key].split for key in keys} - {""})
        if len(splits) > 1:
            raise SourceError(f"{source}: {noun} {group!r} is in splits {' and '.join(splits)}; keep it on one side")
    return collection


def open_collection(source: str, kind: str, noun: str, groups_of: GroupsOf) -> Collection:
    """The files of kind "speech", "noise" or "rir" in a pack, a folder or a CSV manifest. Raises SourceError."""
    form = shape(source, kind)
    if form == "folder":
        return open_folder(source, noun, groups_of)
    return (open_pack if form == "pack" else open_manifest)(source, kind, noun, groups_of)


def check_once(source: str, rows: Iterable[tuple[int, str]], folder: Path) -> None:
    """Raise SourceError if two rows, line number and path, name the same file: ./a.wav and a.wav, or a link to it.

    Otherwise, it would be drawn twice as often as the others, and could be on two sides of an experiment.
    """
    listed: dict[tuple[int, int], list[tuple[int, str]]] = {}  # not by the resolved path, which takes 8 times as long
    for line, file in rows:
        try:
            stat = (folder / file).stat()
        except OSError:
            continue
        others = listed.setdefault((stat.st_dev, stat.st_ino), [])
        for number, other in others:
            if _resolved(folder / other) == _resolved(folder / file):
                raise SourceError(
                    f"{source}, line {line}: {file} is the file that line {number} lists as {other}; keep one of the "
                    f"rows"
                )
        others.append((line, file))


def _resolved(path: Path) -> str:
    """Return the path of a file without links. Case is ignored: the caller has found out that the file is the same."""
    return os.path.realpath(path).casefold()


def manifest_rows(
    manifest: Path, columns: Sequence[str], key: str | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers and rows of a CSV that has `columns`; its column `key` is never empty. Raises SourceError."""
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if absent := sorted(set(columns) - set(reader.fieldnames or ())):
                raise SourceError(
                    f"{manifest}: has no column {absent[0]!r}; its first line must name {', '.join(columns)}"
                )
            for row in reader:
                if None in row or None in row.values():
                    raise SourceError(
                        f"{manifest}, line {reader.line_num}: has a different number of fields than the first line"
                    )
                if key is not None and not row[key].strip():
                    raise SourceError(f"{manifest}, line {reader.line_num}: names no file; fill in the column {key!r}")
                yield reader.line_num, {name: value.strip() for name, value in row.items()}
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise SourceError(f"{manifest}: cannot be read as CSV ({error}); expected UTF-8 text") from None


def load_audio(path: Path, rate: int, sha256: str) -> Array:
    """Return the first channel of a file as float32 [T] at `rate`, read-only. Raises AudioError for another hash."""
    return _whole(path, rate, sha256, _stamp(path))


def _part(path: Path, rate: int, sha256: str, start: float, seconds: float | None) -> Array:
    """Return a part of a file of 16 bits that is stored at `rate`; the whole file is kept, as integers."""
    whole = _integers(path, sha256, _stamp(path))
    first, count = round(start * rate), None if seconds is None else math.ceil(seconds * rate)
    return whole[first:][:count] * np.float32(2**-15)


def _decoded(path: Path, rate: int, sha256: str, start: float, seconds: float | None) -> Array:
    x, stored = audio.read(path, mix=True, start=start, seconds=seconds)
    return resample(_verified(path, sha256, x), stored, rate)


def _verified(path: Path, sha256: str, x: NDArray[Any]) -> NDArray[Any]:
    """Return what was read from a file. Raises AudioError if the file has another hash than its manifest says."""
    if sha256 and _content(path, _stamp(path)) != sha256:
        raise AudioError(f"{path}: differs from the sha256 in its manifest; restore the file or correct the manifest")
    return x


def _stamp(path: Path) -> int:
    """Return the time of the last change: to the caches, a file that was written again is another one."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _size(path: Path) -> int:
    """Return the bytes of a file; 0 for one that is missing, about which reading it says more."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@functools.lru_cache(maxsize=HEADERS)
def _header(path: Path, _stamp: int) -> audio.Header:
    return audio.header(path, mix=True)


@functools.lru_cache(maxsize=HEADERS)
def _content(path: Path, _stamp: int) -> str:
    return file_sha256(path)


_kept: LRUCache[Any, NDArray[Any]] = LRUCache(KEPT, getsizeof=lambda x: x.nbytes)
_lock = Lock()


@cached(_kept, lock=_lock)
def _whole(path: Path, rate: int, sha256: str, _stamp: int) -> Array:
    return _read_only(_decoded(path, rate, sha256, 0.0, None))


@cached(_kept, lock=_lock)
def _integers(path: Path, sha256: str, _stamp: int) -> NDArray[np.int16]:
    return _read_only(_verified(path, sha256, audio.samples(path, "int16")[0][:, 0].copy()))


def _read_only(x: NDArray[Any]) -> NDArray[Any]:
    x.flags.writeable = False
    return x
