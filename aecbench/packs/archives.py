"""A pack of archives: a TOML of tar files with a folder for every speaker. They are unpacked, indexed and removed."""

import csv
import io
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from aecbench.config import read_toml
from aecbench.errors import SourceError
from aecbench.hashing import file_sha256, in_threads
from aecbench.packs.base import Place, Remote, below, cache
from aecbench.packs.download import download
from aecbench.progress import progress, transfer

__all__ = ["ArchivePack", "read_archives"]

MANIFEST = "manifest.csv"
SUFFIX = ".flac"


class Archive(NamedTuple):
    """A tar file, compressed or not, whose speakers all belong to one split."""

    url: str
    md5: str
    bytes: int
    folder: str  # inside the archive; holds a folder for each speaker
    split: str

    @property
    def remote(self) -> Remote:
        """The address, size and hash of the archive."""
        return Remote(self.url.rpartition("/")[2], self.url, f"md5:{self.md5}", self.bytes)


class Archives(NamedTuple):
    """The TOML."""

    title: str
    homepage: str
    licence: str
    attribution: str
    archives: tuple[Archive, ...]


@dataclass(frozen=True)
class ArchivePack:
    """Archives, in a data folder or on the web, that are unpacked to the cache.

    If the folder of an archive exists, the archive has been unpacked. The manifest is written last, so its existence
    means that all of them have been.
    """

    name: str
    listed: Archives

    @property
    def summary(self) -> str:
        """Return title, size of the download, and licence."""
        size = sum(archive.bytes for archive in self.listed.archives) / 1e6
        return f"{self.listed.title}, {size:.0f} MB, {self.listed.licence}"

    def place(self, data: Path | None) -> Place | None:
        """Return the cache if all archives are unpacked there, else None; archives in `data` are not enough."""
        root = cache(self.name)
        return Place(root / MANIFEST, root) if (root / MANIFEST).is_file() else None

    def fetch(self, data: Path | None) -> Place:
        """Unpack the archives that are not unpacked yet, from `data` if they are there, or else after a download."""
        place = self.place(data)
        if place is not None:
            return place
        root = cache(self.name)
        packed = [archive for archive in self.listed.archives if not (root / archive.folder).is_dir()]
        local = {archive: data / archive.remote.file for archive in packed if data is not None}
        local = {archive: path for archive, path in local.items() if path.is_file()}
        for archive, path in local.items():
            if not archive.remote.whole(path):
                raise SourceError(f"{path}: differs from the md5 of pack {self.name}; restore or remove it")
        download([archive.remote for archive in packed if archive not in local], root, f"fetch {self.name}")
        for archive in packed:
            loaded = root / archive.remote.file
            _unpack(local.get(archive, loaded), archive.folder, root)
            loaded.unlink(missing_ok=True)
        _write_manifest(root, self.listed.archives)
        return Place(root / MANIFEST, root)


def read_archives(name: str, path: Path) -> ArchivePack:
    """Return the pack listed in a TOML. Raises ConfigError for a path that leads out of its folder."""
    listed = read_toml(path)
    archives = tuple(Archive(**archive) for archive in listed.pop("archives"))
    for archive in archives:
        below(archive.folder, path)
        below(archive.remote.file, path)
    return ArchivePack(name, Archives(**listed, archives=archives))


def _unpack(path: Path, folder: str, root: Path) -> None:
    """Extract the audio below `folder` in a tar file to the same folder below `root`, all or nothing.

    Only the contents of files are copied; links, owners, modes and devices in the archive have no effect. Raises
    SourceError.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unpack-", dir=root) as scratch:
            with transfer(f"unpack {path.name}", path.stat().st_size) as advance:
                _copy_audio(path, folder, Path(scratch), advance)
            if not (Path(scratch) / folder).is_dir():
                raise SourceError(f"{path}: has no {SUFFIX} files in {folder}; it is not the archive of this pack")
            (root / folder).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / folder).rename(root / folder)
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(f"{path}: cannot be unpacked into {root} ({error}); run the command again") from None


def _copy_audio(path: Path, folder: str, target: Path, advance: Callable[[int], None]) -> None:
    read = 0
    with path.open("rb") as file, tarfile.open(fileobj=file) as tar:
        for member in tar:
            if why := _unsafe(member):
                raise SourceError(f"{path}: holds {member.name!r}, which {why}; nothing of it was unpacked")
            name = PurePosixPath(member.name)
            content = tar.extractfile(member)
            if content is not None and name.suffix == SUFFIX and name.is_relative_to(folder):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                with (target / name).open("xb") as out:
                    shutil.copyfileobj(content, out)
            advance(file.tell() - read)
            read = file.tell()


def _unsafe(member: tarfile.TarInfo) -> str:
    """Return why a member of an archive is unsafe on some system; "" for a safe one."""
    if not (member.isreg() or member.isdir()):
        return "is neither a file nor a folder"
    for path in (PurePosixPath(member.name), PureWindowsPath(member.name)):
        if path.anchor or ".." in path.parts:
            return "leads out of it"
    return ""


def _write_manifest(root: Path, archives: tuple[Archive, ...]) -> None:
    """Write the list of the audio of all archives, with speakers, splits and hashes."""
    files = [
        (path, archive)
        for archive in archives
        for path in sorted((root / archive.folder).rglob(f"*{SUFFIX}"))
    ]  # fmt: skip
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "kind", "speaker", "split", "sha256"))
    sums = progress(in_threads(file_sha256, [path for path, _ in files]), len(files), "index", "files")
    for (path, archive), sha256 in zip(files, sums, strict=True):
        speaker = path.relative_to(root / archive.folder).parts[0]
        table.writerow((path.relative_to(root).as_posix(), "speech", speaker, archive.split, sha256))
    part = root / f"{MANIFEST}.part"
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(root / MANIFEST)
