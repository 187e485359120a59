"""Writing files: whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aecbench.errors import CorpusError, OutputError, system_errno

__all__ = ["LONGEST_NAME", "check_folder", "locked", "new_folder", "part_of", "whole_file"]

LONGEST_NAME = 255  # bytes that file systems take
ELSEWHERE = "choose another place, or work in another folder"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Another name for a file to be written: `part_of(path)`. At the end of the block it is synced and becomes `path`.

    The folders it lies in are made. When the block fails, by Ctrl-C too, nothing is left of the file. Raises
    OutputError where it cannot be written.
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
    """Return the name of a file until it is whole: `path` + ".tmp", or a hash of it where that would be too long."""
    name = path.name + ".tmp"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(path.name)).hexdigest() + ".tmp"
    return path.with_name(name)


@contextmanager
def locked(folder: Path, patience: float = 0) -> Iterator[None]:
    """Keep other processes from writing into a folder, until the end of the block or of this process, however it ends.

    Raises OutputError where another one is at it, and still is after `patience` seconds.
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
    """Raise OutputError unless files can be made in a folder, or where it is to be made; leave nothing behind."""
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.access(folder, os.F_OK))
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {ELSEWHERE}") from None


def new_folder(path: Path, advice: str = ELSEWHERE) -> None:
    """Make a folder and those above it, if they are not there. Raises OutputError where no file can be made in it."""
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
