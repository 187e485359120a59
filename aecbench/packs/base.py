"""The interface of a pack, the location of its files, and their addresses."""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple, Protocol

import platformdirs

from aecbench.errors import ConfigError, SourceError

__all__ = ["DATA", "Pack", "Place", "Remote", "below", "cache", "data_folder"]

DATA = "AECBENCH_DATA"  # environment variable: a folder in which files of packs lie
PART = r"[\w-][^/\\:*?\"<>|\x00-\x1f]*"  # of a path
BELOW = re.compile(rf"{PART}(/{PART})*")  # path that stays below its folder on any system


class Place(NamedTuple):
    """The location of a pack on this machine."""

    manifest: Path  # a CSV whose column `file` contains paths
    root: Path  # the folder these are relative to


class Remote(NamedTuple):
    """A file on the web."""

    file: str  # its path below the folder of the pack
    url: str
    hash: str  # "md5:" or "sha256:" and hexadecimal digits
    bytes: int

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


def below(file: str, where: Path) -> str:
    """Return the path of a file in the list `where`. Raises ConfigError if it leads out of the folder of the pack."""
    if not BELOW.fullmatch(file):
        raise ConfigError(f"{where}: file {file!r} leads out of the folder of the pack, or is not a path; correct it")
    return file


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
