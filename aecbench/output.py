"""Writing of files: completely or not at all."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aecbench.errors import CorpusError, OutputError, system_errno

__all__ = ["LONGEST_NAME", "check_file", "check_folder", "locked", "new_folder", "part_of", "whole_file"]

LONGEST_NAME = 255  # longest file name that file systems accept [bytes]
ELSEWHERE = "choose another place, or work in another folder"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield `part_of(path)`, a temporary name for a file to be written; after the block, it is synced and renamed.

    Its folders are created. If the block fails, also by Ctrl-C, nothing is left of the file. Raises OutputError if it
    cannot be written.
    """
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except (OSError, RuntimeError, CorpusError) as error:  # libsndfile and HDF5 raise RuntimeError for a full disk
        number = system_errno(error)
        reason = error if number is None else os.strerror(number)  # HDF5 adds buffers and offsets to it
        raise OutputError(f"{path}: cannot be written ({reason}); free space or choose another place") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def part_of(path: Path) -> Path:
    """Return the name of a file until it is complete: `path` + ".tmp", or a hash of it if that would be too long."""
    name = path.name + ".tmp"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(path.name)).hexdigest() + ".tmp"
    return path.with_name(name)


@contextmanager
def locked(folder: Path, patience: float = 0) -> Iterator[None]:
    """Keep other processes from writing to a folder until the end of the block, or of this process, however it ends.

    Raises OutputError if another process is still writing there after `patience` seconds.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=patience)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(f"{folder}: another process is writing there; wait for it, or choose another place") from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error}); choose another place") from None
    try:
        yield
    finally:
        lock.release()


def check_folder(path: Path) -> None:
    """Raise OutputError unless a folder, which need not exist yet, can be written to; leave nothing behind."""
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.access(folder, os.F_OK))
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {ELSEWHERE}") from None


def check_file(path: Path) -> None:
    """Raise OutputError unless a file, which need not exist yet, can be written; leave nothing behind."""
    check_folder(path.parent)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, expected the name of a file; {ELSEWHERE}")


def new_folder(path: Path, advice: str = ELSEWHERE) -> None:
    """Create a folder and its parents if they do not exist. Raises OutputError if files cannot be created in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {advice}") from None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
