"""Data packs: audio that is on the web, by name. Fetched once into a cache, checked, and from then on a source.

A pack is a list in the folder packs/: a CSV of files or a TOML of archives. Files that lie in the folder which
AECBENCH_DATA names are used there and not downloaded. The contents of a pack do not depend on where it lies.
"""

from collections.abc import Callable
from pathlib import Path

from aecbench.assets import find
from aecbench.errors import SourceError
from aecbench.packs.archives import read_archives
from aecbench.packs.base import DATA, Pack, Place, cache, data_folder
from aecbench.packs.files import read_files

__all__ = ["Pack", "Place", "fetch", "is_fetched", "locate", "read_pack"]

READERS: dict[str, Callable[[str, Path], Pack]] = {".csv": read_files, ".toml": read_archives}


def read_pack(name: str) -> Pack:
    """The list of a shipped pack. Raises UnknownName."""
    path = find("packs", name)
    return READERS[path.suffix](name, path)


def fetch(name: str, data: Path | None = None) -> Place:
    """Download the missing files of a pack and check the others. Interrupted downloads continue; whole files are kept.

    `data` is a folder in which files of the pack may lie already (default: the one that AECBENCH_DATA names).
    Raises UnknownName, and SourceError for a download that fails or a file that is not the one listed.
    """
    pack, folder = read_pack(name), data_folder(data)
    try:
        return pack.fetch(folder)
    except OSError as error:
        raise SourceError(f"pack {name!r} cannot be stored ({error}); make a place for it and fetch it again") from None


def is_fetched(name: str, data: Path | None = None) -> bool:
    """Whether a pack can be used. Raises UnknownName."""
    return read_pack(name).place(data_folder(data)) is not None


def locate(name: str, data: Path | None = None) -> Place:
    """Where a pack is. Raises UnknownName, and SourceError for one that has to be fetched first."""
    folder = data_folder(data)
    place = read_pack(name).place(folder)
    if place is None:
        where = cache(name) if folder is None else f"{folder} or {cache(name)}"
        raise SourceError(
            f"pack {name!r} is not in {where}; run: aecbench fetch {name}, or set {DATA} to a folder with all its files"
        )
    return place
