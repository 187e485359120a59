"""A pack of recordings: one of many sets of a repository, in part or as a whole.

packs/NAME/about.toml describes the repository, its address and the sizes of its sets;
packs/NAME/SET.csv.xz lists the files of a set: `path` in the repository, `sha256`, `bytes`. All sets of a repository
share one folder in the cache, and keep their paths there.
"""

import csv
import hashlib
import lzma
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from aecbench.config import read_toml
from aecbench.errors import UsageError
from aecbench.packs.base import Place, Remote, below, cache
from aecbench.packs.download import fetch_files

__all__ = ["RecordingPack", "read_recordings"]

ABOUT = "about.toml"
ROLES = ("_mic_c", "_mic", "_lpb", "_enrl")  # endings of the names of a recording's files


class Size(NamedTuple):
    """The size of a set, for listings: reading the list of files would take a tenth of a second."""

    recordings: int
    files: int
    bytes: int


class About(NamedTuple):
    """The TOML next to the lists."""

    title: str
    homepage: str
    licence: str
    url: str  # precedes the paths
    sets: dict[str, Size]


class Row(NamedTuple):
    """A line of a list."""

    path: str
    sha256: str
    bytes: int

    @property
    def recording(self) -> str:
        """The name that the files of one recording share.

        >>> Row("a/x_doubletalk_mic.wav", "", 0).recording
        'a/x_doubletalk'
        """
        stem = self.path.rpartition(".")[0]
        return next((stem.removesuffix(role) for role in ROLES if stem.endswith(role)), stem)


@dataclass(frozen=True)
class RecordingPack:
    """The files of a set, or those that `select` has chosen."""

    name: str  # REPOSITORY/SET
    manifest: Path
    about: About
    part: tuple[Row, ...] | None = None  # None: all of it

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The files."""
        return tuple(_read(self.manifest)) if self.part is None else self.part

    @property
    def size(self) -> Size:
        """The size, as stated in `about`; counted for a part, or if it is not stated."""
        stated = self.about.sets.get(self.name.partition("/")[2])
        if self.part is None and stated is not None:
            return stated
        recordings = len({row.recording for row in self.rows})
        return Size(recordings, len(self.rows), sum(row.bytes for row in self.rows))

    @property
    def summary(self) -> str:
        """Return title, number of recordings, size of the download, and terms."""
        size = self.size
        counts = f"{size.recordings} recordings in {size.files} files, {size.bytes / 1e9:.2g} GB"
        return f"{self.about.title}, {counts}, {self.about.licence}"

    @property
    def store(self) -> Path:
        """The folder in the cache."""
        return cache(self.name.partition("/")[0])

    @cached_property
    def files(self) -> tuple[Remote, ...]:
        """The files with their addresses."""
        url, manifest = self.about.url, self.manifest
        return tuple(
            Remote(below(row.path, manifest), url + urllib.parse.quote(row.path), f"sha256:{row.sha256}", row.bytes)
            for row in self.rows
        )

    def select(self, only: Sequence[str] = (), limit: int | None = None) -> "RecordingPack":
        """Return the part whose paths contain all strings in `only`, with at most `limit` recordings.

        Case is ignored, and "-" equals "_". The limit selects recordings by the hash of their names, so a larger part
        includes a smaller one. Raises UsageError if nothing is left.
        """
        rows = [row for row in self.rows if all(_plain(text) in _plain(row.path) for text in only)]
        if not rows:
            texts = " and ".join(map(repr, only))
            raise UsageError(f"pack {self.name}: no path holds {texts}; one of its paths is {self.rows[0].path}")
        if limit is not None:
            ranked = sorted({row.recording for row in rows}, key=lambda name: hashlib.sha256(name.encode()).digest())
            rows = [row for row in rows if row.recording in ranked[:limit]]
        return replace(self, part=tuple(rows))

    def place(self, data: Path | None) -> Place | None:
        """Return the data folder if it has all files, else the cache if it has them, else None."""
        for root in filter(None, (data, self.store)):
            rows = _read(self.manifest) if self.part is None else self.part  # read only up to the first missing file
            if all((root / row.path).is_file() for row in rows):
                return Place(self.manifest, root)
        return None

    def fetch(self, data: Path | None) -> Place:
        """Check the files in the data folder if it has all of them; else download those that the cache lacks."""
        cached = Place(self.manifest, self.store)
        return fetch_files(self.files, self.name, self.place(data), data, cached)

    def here(self, data: Path | None) -> tuple[Path, list[Row]]:
        """Return the data folder and the files in it or, if it has none, the cache and the files there."""
        for root in filter(None, (data, self.store)):
            rows = [row for row in self.rows if (root / row.path).is_file()]
            if rows:
                break
        return root, rows


def read_recordings(name: str, path: Path) -> RecordingPack:
    """Return the pack in a compressed list."""
    about = read_toml(path.parent / ABOUT)
    sizes = {part: Size(**size) for part, size in about.pop("sets", {}).items()}
    return RecordingPack(name, path, About(**about, sets=sizes))


def _read(path: Path) -> Iterator[Row]:
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield Row(row["path"], row["sha256"], int(row["bytes"]))


def _plain(text: str) -> str:
    return text.lower().replace("-", "_")
