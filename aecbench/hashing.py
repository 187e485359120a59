"""Hashes of files, computed in parallel."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aecbench.errors import AudioError

__all__ = ["file_sha256", "in_threads"]

THREADS = 8  # hashing is bound by the disk

Given = TypeVar("Given")
Result = TypeVar("Result")


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of an audio file. Raises AudioError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None


def in_threads(read: Callable[[Given], Result], items: Iterable[Given]) -> Iterator[Result]:
    """Yield the results of `read`, a function that reads files, for all items in their order, using threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(read, items)
