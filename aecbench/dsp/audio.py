"""Reads and writes audio files, with checks: samples are finite, and as many as the header of the file states."""

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from aecbench.errors import AudioError, UsageError
from aecbench.output import whole_file
from aecbench.signals import Array

__all__ = [
    "FORMATS",
    "Header",
    "blocks",
    "check_writable",
    "fitted",
    "header",
    "read",
    "resample",
    "resampled",
    "samples",
    "write",
    "writing",
]

LFS = b"version https://git-lfs"
HEAD = 256  # bytes at the start of a WAV file that contain the headers of its chunks
QUALITY = "HQ"  # quality of resampling: errors below the 16th bit
LARGEST = 2**32 - 2**12  # most bytes of samples in a WAV file, whose sizes have 32 bits, next to its headers
UNREADABLE = (soundfile.LibsndfileError, OSError)
FORMATS = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24"), ".ogg": ("OGG", "VORBIS")}  # for writing
BLOCK = 2**14  # samples per write, and per read from a file of unknown length: libvorbis fails on very large writes
UNKNOWN = 2**62  # a number of samples from here on is libsndfile's way to report an unknown length
OPEN = 2**31 - 2**16  # a size in bytes from here on means that the writer did not know it, as when it wrote to a pipe
SHORT = re.compile(r"^\s*(?:data|Data Size|SSND|riff|Riff size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


class Header(NamedTuple):
    """Properties of an audio file, from its header."""

    rate: int  # [Hz]
    length: int  # [samples]
    channels: int
    encoding: str  # libsndfile's name for the sample format: PCM_16, FLOAT, MPEG_LAYER_III


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed
    """A sound file that soundfile reads without seeking, which would fail at the end of a FLAC of unknown length."""

    def seekable(self) -> bool:
        """Return False, so that soundfile reads until there is nothing left."""
        return False


def header(path: Path, *, mix: bool = False) -> Header:
    """Return rate, length, channels and encoding of a file; if its header lacks the length, count the samples.

    Raises AudioError for a file that is missing, not audio, shorter than its header states or empty, and for one with
    several channels unless `mix` is set.
    """
    with _opened(path) as (file, length):
        if length is None:
            length = sum(len(x) for x in _pieces(path, file, None, "float32", BLOCK))
        _check_shape(path, length, 1 if mix else file.channels)
        return Header(int(file.samplerate), length, int(file.channels), str(file.subtype))


def samples(
    path: Path, kind: str = "float32", *, start: float = 0.0, seconds: float | None = None
) -> tuple[NDArray[Any], int]:
    """Return the samples of a file, [T, channels] of the NumPy type `kind`, and its rate in Hz.

    Reads `seconds` from `start` [s] on, or as much as there is; without `seconds`, everything from `start` on. Raises
    AudioError for a file that is missing, is not audio, or is shorter than its header states.
    """
    with _opened(path) as (file, length):
        rate = int(file.samplerate)
        first, count = round(start * rate), None if seconds is None else math.ceil(seconds * rate)
        if length is None:  # read all of it, because a file of unknown length may not allow seeking
            return _joined(file, _pieces(path, file, None, kind, BLOCK))[first:][:count], rate
        first = min(first, length)
        if first:
            file.seek(first)
        left = length - first if count is None else min(count, length - first)
        return _joined(file, _pieces(path, file, left, kind, left)), rate


def read(path: Path, *, mix: bool = False, start: float = 0.0, seconds: float | None = None) -> tuple[Array, int]:
    """Return the samples of a file with one channel, as float32 [T] in [-1, 1], and its rate in Hz; see `samples`.

    If `mix` is set, the file may have several channels, and the first one is returned. Raises the errors of `samples`,
    and AudioError for a file that is empty, contains NaN or infinity, or has several channels without `mix`.
    """
    x, rate = samples(path, start=start, seconds=seconds)
    _check_shape(path, x.shape[0], 1 if mix else x.shape[1])
    return _finite(path, x[:, 0]), rate


def blocks(path: Path, size: int) -> Iterator[Array]:
    """Yield the samples of a file block by block, each float32 [size], the last one shorter.

    Raises the errors of `read`; a file that is shorter than its header states is detected only at its end.
    """
    with _opened(path) as (file, length):
        _check_shape(path, 1 if length is None else length, file.channels)
        for x in _pieces(path, file, length, "float32", size):
            yield _finite(path, x[:, 0])


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, int | None]]:
    """Open a file; yield it and the number of samples that its header states, or None if it does not."""
    try:
        with _Forward(os.fsencode(path)) as file:
            for promised, size in SHORT.findall(file.extra_info):
                if int(size) < int(promised) < OPEN:
                    raise AudioError(
                        f"{path}: ends after {size} of {promised} bytes that its header promises; get the file again"
                    )
            yield file, None if file.frames >= UNKNOWN else int(file.frames)
    except UNREADABLE as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from None


def _pieces(path: Path, file: Any, length: int | None, kind: str, size: int) -> Iterator[NDArray[Any]]:
    """Yield the remaining samples in pieces [size, channels], the last one shorter.

    Raises AudioError unless there are `length` samples in all, if that is given.
    """
    count = 0
    while length is None or count < length:
        try:
            x = file.read(size, dtype=kind, always_2d=True)
        except soundfile.LibsndfileError:
            if length is None:
                raise
            break  # a truncated FLAC ends with an error
        if not len(x):
            break
        count += len(x)
        yield x
    if length is not None and count < length:
        raise AudioError(f"{path}: ends before the {file.frames} samples that its header promises; get the file again")


def _joined(file: Any, pieces: Iterable[NDArray[Any]]) -> NDArray[Any]:
    arrays = list(pieces)
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.zeros((0, file.channels), np.int16), *arrays])


def _check_shape(path: Path, length: int, channels: int) -> None:
    if length == 0:
        raise AudioError(f"{path}: contains no samples; give a file with audio in it")
    if channels > 1:
        raise AudioError(
            f"{path}: has {channels} channels, expected 1; pick one first, e.g. with: sox in.wav out.wav remix 1"
        )


def _finite(path: Path, x: Array) -> Array:
    if not np.isfinite(x).all():
        raise AudioError(f"{path}: contains NaN or infinite samples; write the file again from finite ones")
    return np.ascontiguousarray(x)


def _why_unreadable(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        return "no such file"
    except IsADirectoryError:
        return "is a folder, expected an audio file"
    except OSError as why:
        return f"cannot be opened ({why.strerror}); check the path and its permissions"
    if head.startswith(LFS):
        return "is a Git LFS pointer, not audio; run: git lfs pull"
    if not head:
        return "is an empty file, expected audio"
    reason = getattr(error, "error_string", str(error))
    return f"is not audio that can be read ({reason}); expected WAV, FLAC, OGG or another format of libsndfile"


def fitted(x: Array, length: int) -> Array:
    """Return `x` [T], cut or padded with zeros to `length` samples.

    >>> fitted(np.ones(3), 2).tolist(), fitted(np.ones(1), 2).tolist()
    ([1.0, 1.0], [1.0, 0.0])
    """
    return np.pad(x[:length], (0, max(0, length - x.size)))


def resample(x: Array, rate: int, to: int) -> Array:
    """Resample `x` [T] from `rate` to `to` Hz, by soxr in high quality (errors below the 16th bit); returns float32."""
    if rate == to:
        return x
    import soxr

    y: Array = soxr.resample(x, rate, to, quality=QUALITY).astype(np.float32)
    return y


def resampled(blocks: Iterable[Array], rate: int, to: int, channels: int = 1) -> Iterator[Array]:
    """Resample a float32 signal block by block, [N] or [N, channels], from `rate` to `to` Hz; see `resample`.

    Yields samples as soon as they are available, in blocks of other lengths. If the rates are equal, yields the blocks
    unchanged.
    """
    if rate == to:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(rate, to, channels, dtype="float32", quality=QUALITY)
    nothing = np.zeros((0, channels) if channels > 1 else 0, np.float32)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(nothing, last=True)


def check_writable(path: Path) -> None:
    """Raise UsageError unless the suffix of a file to be written names one of FORMATS."""
    if path.suffix.lower() not in FORMATS:
        *most, last = FORMATS
        raise UsageError(f"{path}: ends in {path.suffix or 'no suffix'!r}, expected {', '.join(most)} or {last}")


def write(path: Path, x: Array, rate: int) -> None:
    """Write [T] or [T, channels] in the format of the suffix, completely or not at all; raises as `writing` does."""
    with writing(path, rate, len(x), x.shape[1] if x.ndim > 1 else 1) as add:
        add(x)


@contextmanager
def writing(path: Path, rate: int, length: int, channels: int = 1) -> Iterator[Callable[[Array], None]]:
    """Open an audio file for writing; yield the function that appends [T] or [T, channels] to it.

    The file appears at `path` only after the block has ended without an error. The suffix selects the format: WAV with
    32-bit float samples, FLAC with 24 bits, or OGG (Vorbis); the last two clip samples beyond [-1, 1]. `length` is the
    total number of samples: a WAV file of more than 4 GiB is written as RF64 (EBU Tech 3306), the same format with
    64-bit sizes. Raises UsageError for any other suffix, OutputError if the file cannot be written. Every RuntimeError
    within the block is taken for a failure to write.
    """
    check_writable(path)
    kind, encoding = FORMATS[path.suffix.lower()]
    if kind == "WAV" and 4 * length * channels > LARGEST:
        kind = "RF64"
    with whole_file(path) as part:
        with soundfile.SoundFile(os.fsencode(part), "w", rate, channels, subtype=encoding, format=kind) as file:

            def add(x: Array) -> None:
                for start in range(0, len(x), BLOCK):
                    file.write(x[start : start + BLOCK])

            yield add
        if kind in ("WAV", "RF64"):
            _without_date(part)


def _without_date(path: Path) -> None:
    """Set the time stamp that libsndfile writes into the chunk PEAK to 0, so that files are reproducible."""
    with path.open("r+b") as file:
        position = file.read(HEAD).find(b"PEAK")
        if position >= 0:
            file.seek(position + 12)  # after name, size and version
            file.write(bytes(4))
