"""The time that a system takes for its blocks, compared with their duration."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Timing"]

SHORTEST = 1e-7  # lower edge of the first bin [s]; shorter times are counted in it too
RATIO = 1.01  # ratio of the edges of a bin
BINS = 2400  # bins up to 2000 s


@dataclass
class Timing:
    """Wall-clock times of the blocks of a system: those of its steps, without reading, resampling and writing.

    They are counted in logarithmic bins of 1 %, so that memory does not grow with time. A system that does not stream
    has no blocks, and is counted once per recording.
    """

    block: float | None  # duration of a block [s]; None for a system that does not stream
    latency: float | None  # algorithmic latency [s]; None if it is unknown
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    audio: float = 0.0  # duration of the audio [s]
    busy: float = 0.0  # total processing time [s]
    longest: float = 0.0  # longest processing time of a block [s]
    late: int = 0  # blocks whose processing time exceeded their duration
    behind: float = 0.0  # largest lag of the output behind the input, due to blocks and resampling [s]

    def add(self, taken: float, audio: float) -> None:
        """Count a block, or a recording, of duration `audio` [s] with the processing time `taken` [s]."""
        position = math.log(max(taken, SHORTEST) / SHORTEST) / math.log(RATIO)
        self.counts[min(int(position), BINS - 1)] += 1
        self.audio += audio
        self.busy += taken
        self.longest = max(self.longest, taken)
        self.late += self.block is not None and taken > self.block

    def include(self, other: "Timing") -> None:
        """Add the times of another recording."""
        self.counts += other.counts
        self.audio += other.audio
        self.busy += other.busy
        self.longest = max(self.longest, other.longest)
        self.late += other.late
        self.behind = max(self.behind, other.behind)

    def figures(self) -> dict[str, float | None]:
        """Return all figures, times in seconds; "rtf" is the real-time factor, "p95" the 95th percentile per block."""
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
        """Return a percentile of the processing times of the blocks [s], accurate to 1 %; NaN without blocks."""
        count = self.counts.sum()
        if not count:
            return math.nan
        position = int(np.searchsorted(np.cumsum(self.counts), percent / 100 * count))
        return min(float(SHORTEST * RATIO ** (position + 0.5)), self.longest)
