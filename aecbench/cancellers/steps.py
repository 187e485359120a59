"""The steps of a streaming canceller on a signal that arrives in chunks of any size."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.output import stepped
from aecbench.dsp.audio import fitted
from aecbench.signals import Array

__all__ = ["Steps"]


class Steps:
    """Collects samples until there is a block, and runs the canceller on it."""

    def __init__(self, canceller: Streaming[Any], shift: int = 0) -> None:
        """Start with silence; `shift` is the number of samples by which the far end, or if negative, mic is delayed."""
        self._canceller, self._state = canceller, canceller.init(())
        self._mic, self._far = (np.zeros(max(0, late), np.float32) for late in (-shift, shift))

    def push(self, mic: Array, far: Array) -> Iterator[Array]:
        """Take in the next samples, float32 [N] each, and yield the output of every block: float32 [block]."""
        canceller, size = self._canceller, self._canceller.block
        self._mic, self._far = np.concatenate([self._mic, mic]), np.concatenate([self._far, far])
        while min(self._mic.size, self._far.size) >= size:
            result = canceller.step(self._state, self._mic[:size], self._far[:size])
            self._state, out = stepped(canceller, result, (size,))
            self._mic, self._far = self._mic[size:], self._far[size:]
            yield out.astype(np.float32, copy=False)

    def finish(self) -> Iterator[Array]:
        """Yield the output of the samples that are left, and of as much silence as they take to come out."""
        waiting, size = self._mic.size, self._canceller.block
        missing = -(waiting + self._canceller.delay) % size + self._canceller.delay
        self._far = fitted(self._far[:waiting], waiting)
        yield from self.push(*np.zeros((2, missing), np.float32))
