"""The base class of frequency-domain cancellers whose filter consists of partitions of one block."""

from abc import abstractmethod
from typing import Any

import numpy as np

from aecbench.cancellers.base import FlatStreaming, State, check_ranges
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["Partitioned"]


class Partitioned(FlatStreaming[State]):
    """A canceller by overlap-save with transforms of 2 * `block` samples, with a main and a shadow filter.

    Its state has `weights` [..., F, P, K]: F = main and shadow, P = taps / block partitions, K = block + 1 bins.
    """

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.taps % self.block:
            name = type(self).__name__
            raise UsageError(f"{name}: taps is {self.taps}, expected a multiple of block = {self.block}")

    @property
    @abstractmethod
    def taps(self) -> int:
        """Length of the filter, a multiple of `block` [samples]."""

    @property
    def latency(self) -> int:
        """`block` - 1: the first sample of a block depends on the last one."""
        return self.block - 1

    @property
    def stride(self) -> int:
        """Samples of four blocks: one call of compiled code costs as much as processing a tenth of a block."""
        return 4 * self.block

    def impulse_response(self, state: Any) -> Array:
        """Return the taps of the main filter [..., taps]; taps of a partition beyond its first `block` are left out."""
        partitions = np.fft.irfft(state.weights[..., 0, :, :])[..., : self.block].astype(np.float32)
        return partitions.reshape(*partitions.shape[:-2], self.taps)
