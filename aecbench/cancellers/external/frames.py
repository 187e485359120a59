"""Parts that the adapters share: whole frames of one signal in, output without its delay; 16-bit samples."""

import sys
from abc import ABC, abstractmethod
from functools import cache

import numpy as np

from aecbench.cancellers.base import check_finite
from aecbench.signals import Array

__all__ = ["Framewise", "say_clipped"]


def say_clipped(x: Array, who: str) -> None:
    """Say on standard error, once for each `who`, that it takes 16-bit samples, where x is beyond [-1, 1]."""
    if np.abs(x).max(initial=0) > 1:
        _say(f"aecbench: {who} takes 16-bit samples: what is beyond [-1, 1] is clipped; scale it down\n")


@cache
def _say(line: str) -> None:
    sys.stderr.write(line)


class Framewise(ABC):
    """A canceller of another library that takes frame after frame of one signal, and starts again for each signal."""

    @property
    @abstractmethod
    def frame(self) -> int:
        """Samples that it takes at a time."""

    @property
    @abstractmethod
    def delay(self) -> int:
        """Samples by which its output lags the microphone; `cancel` takes them out."""

    @property
    def latency(self) -> int:
        """Algorithmic delay in samples: the first sample of a frame waits for its last one, and then for `delay`."""
        return self.delay + self.frame - 1

    @abstractmethod
    def run(self, mic: Array, far: Array) -> Array:
        """Return the library's output for a signal: float32 mic and far [frames * frame] in [-1, 1] -> same shape."""

    def cancel(self, mic: Array, far: Array) -> Array:
        """Signal by signal: mic and far [..., T] -> float32 [..., T], time-aligned with mic.

        Raises AudioError for NaN or infinity, which the libraries do not take.
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
