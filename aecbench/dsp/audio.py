"""Audio files in and out, checked: what comes out of `read` and `blocks` is finite, mono, float32 and not empty."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from aecbench.errors import AudioError
from aecbench.output import whole_file
from aecbench.signals import Array

__all__ = ["Header", "blocks", "fitted", "header", "read", "resample", "resampled", "write", "writing"]

LFS = b"version https://git-lfs"
HEAD = 256  # bytes of a WAV file in which its chunks are, before the samples
QUALITY = "HQ"  # of resampling: errors below the 16th bit
LARGEST = 2**32 - 2**12  # bytes of samples that fit into a WAV file, whose sizes have 32 bits, beside its headers
UNREADABLE = (soundfile.LibsndfileError, OSError)


class Header(NamedTuple):
    """What is known of a file before it is read."""

    rate: int  # [Hz]
    length: int  # [samples]


def header(path: Path) -> Header:
    """Rate and length of a file. Raises AudioError for one that is missing, is no audio, is empty or not mono."""
    try:
        with soundfile.SoundFile(path) as file:
            found, channels = Header(int(file.samplerate), int(file.frames)), file.channels
    except UNREADABLE as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from None
    _check_shape(path, found.length, channels)
    return found


def read(path: Path, *, mix: bool = False, start: float = 0.0, seconds: float | None = None) -> tuple[Array, int]:
    """Audio of a file as float32 [T] in [-1, 1], and its rate in Hz.

    The part of `seconds` from `start` [s] on, or as much of it as there is; without `seconds`, all that follows.
    Several channels are refused, unless `mix` asks for their first one.
    Raises AudioError for a file that is missing, is no audio, is empty, holds NaN or infinity.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            if start:
                file.seek(min(round(start * rate), file.frames))
            x = file.read(-1 if seconds is None else math.ceil(seconds * rate), dtype="float32", always_2d=True)
    except UNREADABLE as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from None
    _check_shape(path, x.shape[0], 1 if mix else x.shape[1])
    return _finite(path, x[:, 0]), int(rate)


def blocks(path: Path, size: int) -> Iterator[Array]:
    """The audio of a file block by block, each float32 [size], the last one shorter. Raises AudioError as `read`."""
    try:
        with soundfile.SoundFile(path) as file:
            _check_shape(path, file.frames, file.channels)
            while len(x := file.read(size, dtype="float32", always_2d=True)):
                yield _finite(path, x[:, 0])
    except UNREADABLE as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from None


def _check_shape(path: Path, length: int, channels: int) -> None:
    if length == 0:
        raise AudioError(f"{path}: holds no samples; give a file with audio in it")
    if channels > 1:
        raise AudioError(
            f"{path}: has {channels} channels, expected 1; pick one first, e.g. with: sox in.wav out.wav remix 1"
        )


def _finite(path: Path, x: Array) -> Array:
    if not np.isfinite(x).all():
        raise AudioError(f"{path}: holds NaN or infinite samples; write the file again from finite ones")
    return np.ascontiguousarray(x)


def _why_unreadable(path: Path, error: Exception) -> str:
    if not path.exists():
        return "no such file"
    if path.is_dir():
        return "is a folder, expected an audio file"
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(LFS):
        return "is a Git LFS pointer, not audio; run: git lfs pull"
    if not head:
        return "is an empty file, expected audio"
    return f"is not audio that can be read ({error}); expected WAV, FLAC, OGG or another format of libsndfile"


def fitted(x: Array, length: int) -> Array:
    """`x` [T] cut, or padded with zeros, to `length` samples.

    >>> fitted(np.ones(3), 2).tolist(), fitted(np.ones(1), 2).tolist()
    ([1.0, 1.0], [1.0, 0.0])
    """
    return np.pad(x[:length], (0, max(0, length - x.size)))


def resample(x: Array, rate: int, to: int) -> Array:
    """`x` [T] at `rate` as float32 at `to` Hz (soxr, high quality: errors below the 16th bit)."""
    return x if rate == to else soxr.resample(x, rate, to, quality=QUALITY).astype(np.float32)


def resampled(blocks: Iterable[Array], rate: int, to: int, channels: int = 1) -> Iterator[Array]:
    """Blocks of a float32 signal at `rate`, [N] or [N, channels], at `to` Hz: the samples of `resample`.

    They come as soon as they are known, in blocks of other lengths; at the same rate they are handed on.
    """
    if rate == to:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, to, channels, dtype="float32", quality=QUALITY)
    nothing = np.zeros((0, channels) if channels > 1 else 0, np.float32)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(nothing, last=True)


def write(path: Path, x: Array, rate: int) -> None:
    """Write [T] or [T, channels] as 32-bit float WAV, whole or not at all. Raises OutputError."""
    with writing(path, rate, len(x), x.shape[1] if x.ndim > 1 else 1) as add:
        add(x)


@contextmanager
def writing(path: Path, rate: int, length: int, channels: int = 1) -> Iterator[Callable[[Array], None]]:
    """The function that adds [T] or [T, channels] to a 32-bit float WAV, which is there once the block has ended well.

    `length` is how many samples there will be: those that a WAV cannot hold, beyond 4 GiB, make it an RF64 (EBU Tech
    3306), the same with sizes of 64 bits. Raises OutputError; so a RuntimeError that is none of writing must not leave
    the block.
    """
    large = 4 * length * channels > LARGEST
    kind = "RF64" if large else "WAV"
    with whole_file(path) as part:
        with soundfile.SoundFile(part, "w", rate, channels, subtype="FLOAT", format=kind) as file:
            yield file.write
        _without_date(part)


def _without_date(path: Path) -> None:
    """The time of writing, which libsndfile notes in the chunk PEAK, as 0: the same samples make the same file."""
    with path.open("r+b") as file:
        place = file.read(HEAD).find(b"PEAK")
        if place >= 0:
            file.seek(place + 12)  # behind name, size and version
            file.write(bytes(4))
