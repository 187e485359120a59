"""Detection of the far end in the microphone of a recording, and whether the microphone is ahead of it."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from aecbench.dsp.correlation import WINDOW, Lags, correlation, peak
from aecbench.signals import Array

__all__ = ["NOTHING_CORRELATES", "RATE", "Echo", "find_echo"]

RATE = 16_000  # sample rate of the signals that are searched [Hz]
NOTHING_CORRELATES = "no echo found: far end and microphone do not correlate"
LAGS = Lags(-RATE // 2 - 192, WINDOW // 2)  # -0.5 s to 2 s
SILENT = 1e-7  # far-end power below which a window is skipped: -70 dBFS
CERTAIN = 15.0  # ratio of a peak to the root mean square over all lags at which the search ends
LEAST = 9.0  # smallest ratio of an echo: two talkers come close to it by chance, real echoes have 20 to 80
SHORTEST = RATE // 2  # shortest window at the end of a recording [samples]
HEADROOM = 128  # samples by which the microphone is delayed in addition to its lead
AHEAD = 16  # samples of lead up to which the microphone is not delayed


class Echo(NamedTuple):
    """The result of the search for an echo in a recording."""

    heard: Literal["found", "not found", "far end silent", "too short"]
    lead: int = 0  # samples at 16 kHz by which the microphone has to be delayed because it is ahead of the far end

    @property
    def remark(self) -> str:
        """Return the warning for a user, or an empty string if there is nothing to warn about."""
        if self.heard == "not found":
            return NOTHING_CORRELATES
        if self.heard == "too short":
            return f"too short to look for an echo: expected {SHORTEST / RATE:g} s or more"
        if self.heard == "far end silent":
            return "the far end is silent: there is no echo to cancel"
        if self.lead:
            return f"the microphone is ahead of the far end, and is delayed by {1000 * self.lead / RATE:.0f} ms"
        return ""


def find_echo(blocks: Iterable[Array]) -> Echo:
    """Search for the far end in the microphone signal, given blocks [N, 2] of both (mic, far) at 16 kHz.

    It stops reading as soon as the result is certain, in most recordings after one window of WINDOW samples. For a weak
    echo, the correlations of several windows are added.
    """
    total, height = np.zeros((LAGS.latest - LAGS.earliest) // 2, np.float32), 0.0
    active = whole = False
    for window in _windows(blocks):
        whole = True
        mic, far = np.ascontiguousarray(window.T)
        if np.mean(np.square(far)) <= SILENT:
            continue
        active = True
        total += correlation(mic, far, LAGS)
        lag, height = peak(total, LAGS)
        if height >= CERTAIN:
            return Echo("found", HEADROOM - lag if -lag > AHEAD else 0)
    if not whole:
        return Echo("too short")
    if not active:
        return Echo("far end silent")
    return Echo("found" if height >= LEAST else "not found")


def _windows(blocks: Iterable[Array]) -> Iterator[Array]:
    """Cut blocks [N, 2] of any length into windows [WINDOW, 2]; the last one is shorter."""
    pieces: list[Array] = []
    size = 0
    for block in blocks:
        pieces.append(block)
        size += len(block)
        if size >= WINDOW:
            joined = np.concatenate(pieces)
            yield joined[:WINDOW]
            pieces = [joined[WINDOW:]]
            size -= WINDOW
    if size >= SHORTEST:
        yield np.concatenate(pieces)
