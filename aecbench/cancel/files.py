"""A system on a pair of recordings."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecbench.cancel.stream import check, stream, timing
from aecbench.cancel.timing import Timing
from aecbench.cancellers.align import RATE, FixedDelay, aligned
from aecbench.dsp.audio import Header, blocks, check_writable, fitted, header, resampled, writing
from aecbench.dsp.echo import Echo, find_echo
from aecbench.errors import AudioError, UsageError
from aecbench.progress import progress
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Cancelled", "cancel_files"]

PIECES = 8  # per second; there are several copies of a piece on its way from the files to the output


class Cancelled(NamedTuple):
    """The outcome for a pair of recordings."""

    timing: Timing
    echo: Echo


class Recordings(NamedTuple):
    """Two recordings."""

    mic: Path
    far: Path | None  # None: the far end is silent
    header: Header  # header of the microphone
    far_rate: int  # [Hz]
    pad: bool  # whether the far end is cut or padded to the length of the microphone


def cancel_files(
    system: System, mic: Path, far: Path | None, out: Path, *, pad: bool = False, quiet: bool = False
) -> Cancelled:
    """Cancel the echo of the recording `far` in the recording `mic`; write `out` at mic's rate and length.

    The suffix of `out` selects the format, as in `writing`. Both recordings are resampled to 16 kHz for the system, and
    the output is resampled back. If the system streams, this happens piece by piece, so that memory does not depend on
    the length. Without `far`, the far end is silent. `pad` cuts or pads it to mic's length. Before that, both
    recordings are compared: with the alignment "auto", a microphone that is ahead of the far end is delayed for the
    system. A bar shows the progress, unless `quiet`.

    Raises UsageError for a system that cannot run on recordings, and for an `out` that is one of them or has an
    unsupported format, AudioError for files that cannot be read, have several channels, or differ in length,
    AecbenchError for a system that fails, and OutputError if `out` cannot be written.
    """
    check(system)
    mic_header = header(mic)
    far_header = mic_header if far is None else header(far)
    pair = Recordings(mic, far, mic_header, far_header.rate, pad)
    _check_length(pair, far_header)
    _check_output(out, mic, far)
    echo = Echo("far end silent")
    if far is not None:
        echo = find_echo(resampled(_pieces(pair, blocks(mic, mic_header.rate)), mic_header.rate, RATE, channels=2))
    if echo.lead and system.align == "auto":
        system = replace(system, canceller=aligned(system.canceller, FixedDelay(-1000 * echo.lead / RATE)))
    else:
        echo = echo._replace(lead=0)
    seconds = blocks(mic, mic_header.rate)
    if not quiet:
        seconds = progress(seconds, math.ceil(mic_header.length / mic_header.rate), system.name, "s")
    times = timing(system)
    with writing(out, mic_header.rate, mic_header.length) as add:
        for y in stream(system, _pieces(pair, seconds), mic_header.rate, times):
            add(y)
    return Cancelled(times, echo)


def _check_output(out: Path, mic: Path, far: Path | None) -> None:
    if out.is_dir():
        raise UsageError(f"{out}: is a folder, {mic} a file; name the output file, or give three folders")
    check_writable(out)
    for path in filter(None, (mic, far)):
        if out.exists() and out.samefile(path):
            raise UsageError(f"{out}: is the same file as the recording {path}, which would be lost; name another one")


def _check_length(pair: Recordings, reference: Header) -> None:
    """Raise AudioError unless far end and microphone have the same duration, up to a sample at the lower rate."""
    recording, far = pair.header, pair.far
    margin = max(1.0, recording.rate / reference.rate) if recording.rate != reference.rate else 0.0
    if far is None or pair.pad or abs(reference.length * recording.rate / reference.rate - recording.length) <= margin:
        return
    for _ in blocks(far, reference.rate):  # an error in its samples takes precedence
        pass
    raise AudioError(
        f"{far}: has {reference.length} samples at {reference.rate} Hz, {pair.mic} has "
        f"{recording.length} at {recording.rate} Hz; "
        f"cut or pad one of them, or let --pad cut or zero-pad the far end"
    )


def _pieces(pair: Recordings, seconds: Iterable[Array]) -> Iterator[Array]:
    """Yield microphone, given in `seconds`, and far end in shorter pieces at the microphone's rate, float32 [N, 2]."""
    rate, size = pair.header.rate, max(1, pair.header.rate // PIECES)
    read = iter(()) if pair.far is None else blocks(pair.far, max(1, pair.far_rate // PIECES))
    far = resampled(read, pair.far_rate, rate)
    ahead = np.zeros(0, np.float32)  # samples of the far end that wait for the microphone
    for second in seconds:
        for x in (second[start : start + size] for start in range(0, second.size, size)):
            while ahead.size < x.size and (more := next(far, None)) is not None:
                ahead = np.concatenate([ahead, more])
            yield np.stack([x, fitted(ahead, x.size)], axis=1)
            ahead = ahead[x.size :]
    if not pair.pad:
        for _ in far:  # read to the end, so that a file that is shorter than its header states is detected
            pass
