"""Shared by the adapters of other libraries: framing, delay compensation, and the warning about 16-bit samples."""

import sys
from abc import ABC, abstractmethod
from functools import cache

import numpy as np

from aecbench.cancellers.base import check_finite
from aecbench.signals import Array

__all__ = ["Framewise", "say_clipped"]


def say_clipped(x: Array, who: str) -> None:
    """Warn on standard error, once for each `who`, that samples are clipped, if x has any beyond [-1, 1]."""
    if np.abs(x).max(initial=0) > 1:
        _say(f"aecbench: {who} takes 16-bit samples: samples beyond [-1, 1] are clipped; scale the signal down\n")


@cache
def _say(line: str) -> None:
    sys.stderr.write(line)


class Framewise(ABC):
    """A canceller of another library that processes one signal frame by frame; every signal gets a new instance."""

    @property
    @abstractmethod
    def frame(self) -> int:
        """Samples per frame."""

    @property
    @abstractmethod
    def delay(self) -> int:
        """Samples by which its output lags the microphone; `cancel` compensates for them."""

    @property
    def latency(self) -> int:
        """Algorithmic delay in samples: `delay`, plus the wait of the first sample of a frame for its last one."""
        return self.delay + self.frame - 1

    @abstractmethod
    def run(self, mic: Array, far: Array) -> Array:
        """Return the library's output, `delay` samples late: float32 mic and far [frames * frame] -> same shape."""

    def cancel(self, mic: Array, far: Array) -> Array:
        """Process one signal after the other: mic and far [..., T] -> float32 [..., T], time-aligned with mic.

        Raises AudioError for NaN or infinity, which the libraries do not accept.
        """
        check_finite(self, mic, far)
        length = mic.shape[-1]
        frames = -(-(length + self.delay) // self.frame)
        padding = [(0, 0)] * (mic.ndim - 1) + [(0, frames * self.frame - length)]
        mic, far = (np.pad(x.astype(np.float32), padding) for x in (mic, far))
        out = np.empty(mic.shape, np.float32)
        for signal in np.ndindex(mic.shape[:-1]):
            out[signal] = self.run(mic[signal], far[signal])
        return out[..., self.delay : self.delay + length]
