"""A system on a pair of recordings."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aecbench.cancel.stream import stream, timing
from aecbench.cancel.timing import Timing
from aecbench.dsp.audio import Header, blocks, fitted, header, writing
from aecbench.errors import AudioError, UsageError
from aecbench.progress import progress
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["cancel_files"]


def cancel_files(
    system: System, mic: Path, far: Path | None, out: Path, *, pad: bool = False, quiet: bool = False
) -> Timing:
    """Cancel the echo of the recording `far` in the recording `mic`; write float32 WAV `out` at mic's rate and length.

    Both are resampled to 16 kHz for the system, and the output back. All goes second by second, so that the length does
    not matter, if the system streams. Without `far`, the far end is silent. `pad` cuts or pads it to mic's length.
    A bar shows how far it is, unless `quiet`. Raises AudioError for files that cannot be read, have several channels,
    or do not belong together (another rate, another length), AecbenchError for a system that fails, and OutputError.
    """
    known = header(mic)
    if far is not None:
        _check(far, header(far), mic, known, pad)
    if out.is_dir():
        raise UsageError(f"{out}: is a folder, {mic} a file; name the output file, or give three folders")
    seconds = -(-known.length // known.rate)
    signals = _pair(mic, far, known.rate, pad)
    shown = signals if quiet else progress(signals, seconds, system.name, "s")
    taken = timing(system)
    with writing(out, known.rate, known.length) as add:
        for y in stream(system, shown, known.rate, taken):
            add(y)
    return taken


def _check(far: Path, found: Header, mic: Path, expected: Header, pad: bool) -> None:
    if found.rate != expected.rate:
        raise AudioError(
            f"{far}: is at {found.rate} Hz, {mic} at {expected.rate} Hz; resample one so that both have the same rate"
        )
    if found.length != expected.length and not pad:
        for _ in blocks(far, found.rate):  # should its samples be no good, that is the first thing to say
            pass
        raise AudioError(
            f"{far}: has {found.length} samples, {mic} has {expected.length}; cut or pad one to the same length, "
            f"or the far end with --pad"
        )


def _pair(mic: Path, far: Path | None, rate: int, pad: bool) -> Iterator[Array]:
    """Microphone and far end second by second, [N, 2] float32."""
    reference = iter(()) if far is None else blocks(far, rate)
    for x in blocks(mic, rate):
        y = next(reference, x[:0])
        if y.size < x.size and far is not None and not pad:
            raise AudioError(f"{far}: ends before its header says; get the file again")
        yield np.stack([x, fitted(y, x.size)], axis=1)
