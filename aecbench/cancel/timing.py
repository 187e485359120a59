"""How long a system takes for its blocks, against how long they last."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Timing"]

SHORTEST = 1e-7  # [s] that are told from less
RATIO = 1.01  # of one bin to the next
BINS = 2400  # up to 2000 s


@dataclass
class Timing:
    """Wall-clock times of the blocks of a system: those of its steps, without reading, resampling and writing.

    They are counted in bins a hundredth apart, so that there is no more to keep after a day than after a second. A
    system that runs whole has no blocks, and is counted once per recording.
    """

    block: float | None  # [s] that a block lasts; None for a system that runs whole
    latency: float | None  # [s] algorithmic; None where it is not known
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    audio: float = 0.0  # [s] of audio
    busy: float = 0.0  # [s] that it took
    longest: float = 0.0  # [s] that a block took at most
    late: int = 0  # blocks that took longer than they last
    behind: float = 0.0  # [s] by which the output followed the input at most, as blocks and resampling have it

    def add(self, taken: float, audio: float) -> None:
        """A block, or a recording: `taken` [s] for `audio` [s]."""
        position = math.log(max(taken, SHORTEST) / SHORTEST) / math.log(RATIO)
        self.counts[min(int(position), BINS - 1)] += 1
        self.audio += audio
        self.busy += taken
        self.longest = max(self.longest, taken)
        self.late += self.block is not None and taken > self.block

    def include(self, other: "Timing") -> None:
        """Those of another recording too."""
        self.counts += other.counts
        self.audio += other.audio
        self.busy += other.busy
        self.longest = max(self.longest, other.longest)
        self.late += other.late
        self.behind = max(self.behind, other.behind)

    def figures(self) -> dict[str, float | None]:
        """All of it, in seconds; "rtf" is the real-time factor, "p95" what 95 % of the blocks took at most."""
        return {
            "audio": self.audio,
            "busy": self.busy,
            "rtf": self.busy / self.audio if self.audio else math.nan,
            "latency": self.latency,
            "block": self.block,
            "blocks": int(self.counts.sum()),
            "late": self.late,
            "median": self.percentile(50),
            "p95": self.percentile(95),
            "p99": self.percentile(99),
            "max": self.longest,
        }

    def percentile(self, percent: float) -> float:
        """The time [s] in which so many percent of the blocks were done, to a hundredth; NaN where there was none."""
        count = self.counts.sum()
        if not count:
            return math.nan
        position = int(np.searchsorted(np.cumsum(self.counts), percent / 100 * count))
        return min(float(SHORTEST * RATIO ** (position + 0.5)), self.longest)
