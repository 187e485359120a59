"""Audio files in and out, checked: what comes out of `read` is finite, mono, float32 and not empty."""

import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from aecbench.errors import AudioError
from aecbench.output import whole_file
from aecbench.signals import Array

__all__ = ["read", "resample", "write"]

LFS = b"version https://git-lfs"


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
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: {_why_unreadable(path, error)}") from None
    if x.shape[0] == 0:
        raise AudioError(f"{path}: holds no samples; give a file with audio in it")
    if x.shape[1] > 1 and not mix:
        raise AudioError(
            f"{path}: has {x.shape[1]} channels, expected 1; pick one first, e.g. with: sox in.wav out.wav remix 1"
        )
    x = x[:, 0]
    if not np.isfinite(x).all():
        raise AudioError(f"{path}: holds NaN or infinite samples; write the file again from finite ones")
    return np.ascontiguousarray(x), int(rate)


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


def resample(x: Array, rate: int, to: int) -> Array:
    """`x` [T] at `rate` as float32 at `to` Hz (soxr, high quality: errors below the 16th bit)."""
    return x if rate == to else soxr.resample(x, rate, to, quality="HQ").astype(np.float32)


def write(path: Path, x: Array, rate: int) -> None:
    """Write [T] or [T, channels] as 32-bit float WAV, whole or not at all. Raises OutputError."""
    with whole_file(path) as part:
        soundfile.write(part, x, rate, format="WAV", subtype="FLOAT")
