"""Audio files in and out, checked: samples come out finite, and as many of them as the header of the file promises."""

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
HEAD = 256  # bytes of a WAV file in which its chunks are, before the samples
QUALITY = "HQ"  # of resampling: errors below the 16th bit
LARGEST = 2**32 - 2**12  # bytes of samples that fit into a WAV file, whose sizes have 32 bits, beside its headers
UNREADABLE = (soundfile.LibsndfileError, OSError)
FORMATS = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24"), ".ogg": ("OGG", "VORBIS")}  # that are written
BLOCK = 2**14  # samples read at once of a file of unknown length, and written at once: libvorbis fails on very many
UNKNOWN = 2**62  # samples from which on libsndfile says that it does not know how many there are
OPEN = 2**31 - 2**16  # bytes from which on a size says that the writer did not know it, as one that wrote into a pipe
SHORT = re.compile(r"^\s*(?:data|Data Size|SSND|riff|Riff size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


class Header(NamedTuple):
    """The facts about a file before it is read."""

    rate: int  # [Hz]
    length: int  # [samples]
    channels: int
    encoding: str  # of the samples, as libsndfile names it: PCM_16, FLOAT, MPEG_LAYER_III


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is not typed
    """Reads without seeking after every read, which fails at the end of a FLAC file of unknown length."""

    def seekable(self) -> bool:
        """Return False, so that soundfile reads on until there is nothing left."""
        return False


def header(path: Path, *, mix: bool = False) -> Header:
    """Return rate, length, channels and encoding of a file. A length that the header leaves open is counted.

    Raises AudioError for a file that is missing, is not audio, is shorter than its header says, is empty, or has
    several channels without `mix`.
    """
    with _opened(path) as (file, length):
        if length is None:
            length = sum(len(x) for x in _pieces(path, file, None, "float32", BLOCK))
        _check_shape(path, length, 1 if mix else file.channels)
        return Header(int(file.samplerate), length, int(file.channels), str(file.subtype))


def samples(
    path: Path, kind: str = "float32", *, start: float = 0.0, seconds: float | None = None
) -> tuple[NDArray[Any], int]:
    """Return the audio of a file, [T, channels] of the numpy type `kind`, and its rate in Hz.

    The part of `seconds` from `start` [s] on, or as much of it as there is; without `seconds`, all that follows.
    Raises AudioError for a file that is missing, is not audio, or ends before its header says.
    """
    with _opened(path) as (file, length):
        rate = int(file.samplerate)
        first, count = round(start * rate), None if seconds is None else math.ceil(seconds * rate)
        if length is None:  # all of it is read: nobody knows whether there is a place to seek to
            return _joined(file, _pieces(path, file, None, kind, BLOCK))[first:][:count], rate
        first = min(first, length)
        if first:
            file.seek(first)
        left = length - first if count is None else min(count, length - first)
        return _joined(file, _pieces(path, file, left, kind, left)), rate


def read(path: Path, *, mix: bool = False, start: float = 0.0, seconds: float | None = None) -> tuple[Array, int]:
    """Return the audio of a file as float32 [T] in [-1, 1], and its rate in Hz: `samples` of one channel.

    Several channels are refused, unless `mix` asks for their first one.
    Raises AudioError as `samples`, and for a file that is empty or holds NaN or infinity.
    """
    x, rate = samples(path, start=start, seconds=seconds)
    _check_shape(path, x.shape[0], 1 if mix else x.shape[1])
    return _finite(path, x[:, 0]), rate


def blocks(path: Path, size: int) -> Iterator[Array]:
    """Yield the audio of a file block by block, each float32 [size], the last one shorter. Raises AudioError as `read`.

    That a file ends before its header says shows only at its end.
    """
    with _opened(path) as (file, length):
        _check_shape(path, 1 if length is None else length, file.channels)
        for x in _pieces(path, file, length, "float32", size):
            yield _finite(path, x[:, 0])


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, int | None]]:
    """Open a file; with it comes how many samples its header promises, None where the header leaves that open."""
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
    """Read on in pieces [size, channels], the last one shorter. Raises AudioError unless they are `length` in all."""
    count = 0
    while length is None or count < length:
        try:
            x = file.read(size, dtype=kind, always_2d=True)
        except soundfile.LibsndfileError:
            if length is None:
                raise
            break  # FLAC ends with an error where it is cut off
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
    """`x` [T] cut, or padded with zeros, to `length` samples.

    >>> fitted(np.ones(3), 2).tolist(), fitted(np.ones(1), 2).tolist()
    ([1.0, 1.0], [1.0, 0.0])
    """
    return np.pad(x[:length], (0, max(0, length - x.size)))


def resample(x: Array, rate: int, to: int) -> Array:
    """`x` [T] at `rate` as float32 at `to` Hz (soxr, high quality: errors below the 16th bit)."""
    if rate == to:
        return x
    import soxr

    y: Array = soxr.resample(x, rate, to, quality=QUALITY).astype(np.float32)
    return y


def resampled(blocks: Iterable[Array], rate: int, to: int, channels: int = 1) -> Iterator[Array]:
    """Blocks of a float32 signal at `rate`, [N] or [N, channels], at `to` Hz: the samples of `resample`.

    They come as soon as they are known, in blocks of other lengths; at the same rate they are handed on.
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
    """Write [T] or [T, channels] in the format of the suffix, whole or not at all. Raises as `writing`."""
    with writing(path, rate, len(x), x.shape[1] if x.ndim > 1 else 1) as add:
        add(x)


@contextmanager
def writing(path: Path, rate: int, length: int, channels: int = 1) -> Iterator[Callable[[Array], None]]:
    """The function that adds [T] or [T, channels] to an audio file, which is there once the block has ended well.

    The suffix decides on the format: WAV with 32-bit float samples, FLAC with 24 bits or OGG (Vorbis); these two clip
    what is beyond [-1, 1]. `length` is how many samples there will be: those that a WAV cannot hold, beyond 4 GiB, make
    it an RF64 (EBU Tech 3306), the same with sizes of 64 bits. Raises UsageError for another suffix, OutputError; so a
    RuntimeError that is none of writing must not leave the block.
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
    """The time of writing, which libsndfile notes in the chunk PEAK, as 0: the same samples make the same file."""
    with path.open("r+b") as file:
        position = file.read(HEAD).find(b"PEAK")
        if position >= 0:
            file.seek(position + 12)  # behind name, size and version
            file.write(bytes(4))
