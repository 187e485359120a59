"""Whether the microphone of a recording hears the far end at all, and how much later or earlier."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from aecbench.dsp.correlation import WINDOW, Lags, correlation, peak
from aecbench.signals import Array

__all__ = ["NOTHING_CORRELATES", "Echo", "find_echo"]

RATE = 16_000  # Hz
NOTHING_CORRELATES = "no echo found: far end and microphone do not correlate"
LAGS = Lags(-RATE // 2 - 192, WINDOW // 2)  # -0.5 s to 2 s
SILENT = 1e-7  # far-end power of a window below which it holds nothing to look for: -70 dBFS
CERTAIN = 15.0  # height of a peak above the root mean square over all lags with which the search ends
LEAST = 9.0  # height below which nothing correlates: two talkers come close to it by chance, real echoes have 20 to 80
SHORTEST = RATE // 2  # samples of a window at the end of a recording
HEADROOM = 128  # samples by which the microphone is delayed more than it is ahead
AHEAD = 16  # samples by which it has to be, to be delayed


class Echo(NamedTuple):
    """The estimate of the echo in a recording."""

    heard: Literal["found", "not found", "far end silent", "too short"]
    lead: int = 0  # samples at 16 kHz by which the microphone has to be delayed, as it is ahead of the far end

    @property
    def remark(self) -> str:
        """Return the warning for a user; empty where all is as usual."""
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
    """Look for the far end in a microphone: blocks [N, 2] of both at 16 kHz -> what there is.

    It reads on only until it is certain, which takes a window of WINDOW samples in most recordings. Where the echo is
    weak, the correlations of several windows add up.
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
