"""Listing of the audio files in a folder: those with one of SUFFIXES, in upper or lower case, that are not hidden."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["SUFFIXES", "AudioFiles", "audio_files", "by_name", "is_utf8"]

SUFFIXES = (".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav")


class AudioFiles(NamedTuple):
    """The audio files below a folder, sorted."""

    paths: tuple[Path, ...]
    hidden: tuple[Path, ...]  # skipped: files or folders whose name begins with ".", such as "._NAME" of macOS


def audio_files(folder: Path, *, below: bool = True) -> AudioFiles:
    """List the audio files in a folder and, if `below`, in all folders below it."""
    paths = sorted(
        path
        for path in (folder.rglob("*") if below else folder.glob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    hidden = [any(part.startswith(".") for part in path.relative_to(folder).parts) for path in paths]
    return AudioFiles(
        tuple(path for path, skipped in zip(paths, hidden, strict=True) if not skipped),
        tuple(path for path, skipped in zip(paths, hidden, strict=True) if skipped),
    )


def by_name(paths: Iterable[Path], folder: Path) -> dict[str, list[Path]]:
    """Group files by their path within the folder, without the suffix; several files may share a name.

    >>> [*by_name([Path("a/b/x.wav"), Path("a/b/x.FLAC"), Path("a/y.1.WAV")], Path("a"))]
    ['b/x', 'y.1']
    """
    names: dict[str, list[Path]] = {}
    for path in paths:
        names.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
    return names


def is_utf8(name: str) -> bool:
    r"""Return whether a file name is valid UTF-8, as JSON requires; Python represents other bytes as surrogates.

    >>> is_utf8("café.wav"), is_utf8("caf\udce9.wav")
    (True, False)
    """
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
