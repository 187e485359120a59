"""The network of parts/step_size_network.py for one frame, with a memory for every band."""

from typing import NamedTuple

import numpy as np

from aecbench.cancellers.deep.inference.layers import Float32, Spread, gru, linear, relu
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.parts.bands import between, triangles

__all__ = ["DETAIL", "KINDS", "StepSizeNetwork"]

DETAIL = 8  # numbers in which a band and a bin are combined


class Kind(NamedTuple):
    """How bands are combined."""

    own: bool  # every band has a memory of its own
    averages: int  # groups of bands whose averages every band gets; 0: none


KINDS = {"narrow": Kind(True, 0), "hybrid": Kind(True, 8), "broad": Kind(False, 0)}


class StepSizeNetwork:
    """From features of bands [N, C, B] and of bins [N, D, F] to numbers [N, numbers, F]."""

    def __init__(
        self, weights: Weights, kind: str, channels: int, detail: int, bins: int, count: int, hidden: int, numbers: int
    ) -> None:
        """`count` bands of `bins` bins, `hidden` units."""
        groups = KINDS[kind].averages
        self.triangles = triangles(bins, count)
        self._spread = Spread(*between(self.triangles))
        self._enter = linear(weights.part("enter"), channels, hidden, shared=True)
        self._around = weights.take("around.weight", hidden, channels * groups) if groups else None
        self._means = _means(count, groups)
        self._gru = gru(weights.part("gru"), hidden, hidden)
        self._leave = linear(weights.part("leave"), hidden, DETAIL, shared=True)
        self._bin_in = weights.take("bin_in.weight", DETAIL, detail)
        self._bin_bias = weights.take("bin_bias", DETAIL, bins)
        self._bin_out = linear(weights.part("bin_out"), DETAIL, numbers, shared=True)
        self._memory = hidden, count

    def start(self, signals: int) -> Float32:
        """Return the memory before the first frame."""
        return np.zeros((signals, *self._memory), np.float32)

    def __call__(self, bands: Float32, bins: Float32, memory: Float32) -> Float32:
        """Return the numbers; carry the memory on in place."""
        x = self._enter(bands)
        if self._around is not None:
            groups = bands @ self._means
            x += self._around @ groups.reshape(len(groups), self._around.shape[1], 1)
        x = self._spread(self._leave(self._gru(relu(x), memory)))
        x += self._bin_in @ bins
        x += self._bin_bias
        return self._bin_out(relu(x))


def _means(count: int, groups: int) -> Float32:
    """Return the matrix [count, groups] of means over groups of bands, as torch.nn.AdaptiveAvgPool1d forms them."""
    means = np.zeros((count, groups), np.float32)
    for group in range(groups):
        first, last = group * count // groups, -(-(group + 1) * count // groups)
        means[first:last, group] = 1 / (last - first)
    return means
