"""The interface of a pack, the location of its files, and their addresses."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Protocol

import platformdirs
from pydantic import Field

from aecbench.errors import SourceError
from aecbench.record import Frozen

__all__ = ["DATA", "FILE", "Pack", "Place", "Remote", "cache", "data_folder"]

DATA = "AECBENCH_DATA"  # environment variable: a folder in which files of packs lie
PART = r"[\w-][^/\\:*?\"<>|\x00-\x1f]*"  # of a path
FILE = rf"^{PART}(/{PART})*$"  # path that stays below its folder on any system


class Place(NamedTuple):
    """The location of a pack on this machine."""

    manifest: Path  # a CSV whose column `file` contains paths
    root: Path  # the folder these are relative to


class Remote(Frozen):
    """A file on the web."""

    file: str = Field(pattern=FILE)  # its path below the folder of the pack
    url: str = Field(pattern=r"^https?://")
    hash: str = Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")
    bytes: int = Field(ge=1)

    def whole(self, path: Path) -> bool:
        """Return whether `path` is an exact copy of this file."""
        algorithm, digest = self.hash.split(":")
        if not path.is_file() or path.stat().st_size != self.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == digest


class Pack(Protocol):
    """Audio that can be downloaded. `data` is a folder that may contain the files already."""

    @property
    def summary(self) -> str:
        """Return contents, size and licences in one line."""

    def place(self, data: Path | None) -> Place | None:
        """Return the location of the pack if all of its files exist, without checking their contents; else None."""

    def fetch(self, data: Path | None) -> Place:
        """Download missing files, check all of them, and return the location. Raises SourceError or OSError."""


def cache(name: str) -> Path:
    """Return the folder to which a pack is downloaded."""
    return Path(platformdirs.user_cache_dir("aecbench")) / name


def data_folder(data: Path | None = None) -> Path | None:
    """Return `data`, else the folder in AECBENCH_DATA, else None. Raises SourceError if the folder does not exist."""
    named = data or os.environ.get(DATA)
    if not named:
        return None
    if not Path(named).is_dir():
        raise SourceError(f"data folder {str(named)!r}: is not a folder; correct --data or {DATA}, or leave it out")
    return Path(named).absolute()
