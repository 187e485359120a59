"""Data packs: audio on the web, by name. A pack is fetched once into a cache, checked, and from then on at hand.

A pack is a list in the folder packs/: a CSV of files, a TOML of archives, or a compressed CSV of one set of recordings.
Files in the folder that AECBENCH_DATA names are used there and not downloaded. The content of a pack does not depend on
where it is stored.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from aecbench.assets import find
from aecbench.errors import SourceError, UsageError
from aecbench.packs.archives import read_archives
from aecbench.packs.base import DATA, Pack, Place, cache, data_folder
from aecbench.packs.files import FilePack, read_files
from aecbench.packs.recordings import RecordingPack, read_recordings

__all__ = ["Pack", "Place", "data_folder", "fetch", "is_fetched", "locate", "read_pack", "recordings"]

READERS: dict[str, Callable[[str, Path], Pack]] = {
    ".csv": read_files,
    ".toml": read_archives,
    ".xz": read_recordings,
}


def read_pack(name: str) -> Pack:
    """Return a shipped pack. Raises UnknownName."""
    path = find("packs", name)
    return READERS[path.suffix](name, path)


def fetch(name: str, data: Path | None = None, *, only: Sequence[str] = (), limit: int | None = None) -> Place:
    """Download the missing files of a pack and check the others. An interrupted download is resumed.

    Files in the folder `data` are checked and nothing is downloaded; the archives of a pack of archives are unpacked
    from there. By default, a folder that AECBENCH_DATA names is used if it has all files. For a set of recordings,
    `only` keeps the files whose paths contain all of these texts, and `limit` that many recordings. Raises UnknownName,
    UsageError if a part of another kind of pack is requested, and SourceError for a download that fails, a file that
    differs from the list, or one that `data` lacks.
    """
    pack, folder = read_pack(name), data_folder(data)
    if only or limit is not None:
        if not isinstance(pack, RecordingPack):
            raise UsageError(f"pack {name!r} is fetched as a whole; leave out --only and --limit")
        pack = pack.select(only, limit)
    if data is not None and folder is not None and isinstance(pack, RecordingPack | FilePack):
        _check_complete(pack, folder)
    try:
        return pack.fetch(folder)
    except OSError as error:
        raise SourceError(f"pack {name!r} cannot be stored ({error}); make a place for it and fetch it again") from None


def _check_complete(pack: RecordingPack | FilePack, folder: Path) -> None:
    """Raise SourceError if a folder lacks files of a pack."""
    missing = [remote.file for remote in pack.files if not (folder / remote.file).is_file()]
    if missing:
        raise SourceError(
            f"{folder}: lacks {len(missing)} of the {len(pack.files)} files of pack {pack.name}, such as {missing[0]}; "
            "correct --data, or leave it out to download them"
        )


def is_fetched(name: str) -> bool:
    """Return whether a pack has been fetched. Raises UnknownName."""
    return read_pack(name).place(data_folder()) is not None


def locate(name: str) -> Place:
    """Return the location of a pack. Raises UnknownName, and SourceError for a pack that has to be fetched first."""
    folder = data_folder()
    place = read_pack(name).place(folder)
    if place is None:
        where = cache(name) if folder is None else f"{folder} or {cache(name)}"
        raise SourceError(
            f"pack {name!r} is not in {where}; run: aecbench fetch {name}, or set {DATA} to a folder with all its files"
        )
    return place


def recordings(names: Sequence[str], data: Path | None = None) -> tuple[Path, list[Path]]:
    """Return the folder that contains the recordings of some sets, and those of their files that are here.

    They are in the folder `data` (default: the one that AECBENCH_DATA names) or, if it has none of them, in the cache.
    Raises UnknownName, UsageError for another kind of pack, and SourceError where a set has no file here.
    """
    folder, roots, files = data_folder(data), [], []
    for name in names:
        pack = read_pack(name)
        if not isinstance(pack, RecordingPack):
            raise UsageError(f"pack {name!r} is not a set of recordings; give a folder, or one of the sets")
        root, rows = pack.here(folder)
        if not rows:
            where = pack.store if folder is None else f"{folder} or {pack.store}"
            raise SourceError(f"pack {name!r} has no file in {where}; run: aecbench fetch {name}")
        roots.append(root)
        files += [root / row.path for row in rows]
    if len(set(roots)) > 1:
        raise SourceError(f"the sets {', '.join(names)} lie in {' and '.join(map(str, roots))}; bring them together")
    return Path(os.path.commonpath([path.parent for path in files])), files
