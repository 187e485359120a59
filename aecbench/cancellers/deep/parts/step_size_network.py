"""The networks of deep_step_size.py: from what is heard of bands and bins of a frame to three numbers per bin.

As in the paper that is named there: "narrow" is one GRU for all bands, each of which goes its own way; "hybrid" tells
every band averages of all of them besides; "broad" is one GRU that sees all bands at once. Here a band is a few bins,
at the low end two, so that there is a quarter as much to compute or less; a last, small layer has the bins themselves.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.parts.control import bands

__all__ = ["StepSizeNetwork"]

DETAIL = 8  # numbers that a band and a bin come together in
NUMBERS = 3


class Kind(NamedTuple):
    """How bands come together."""

    own: bool  # every band has a memory of its own
    averages: int  # groups of bands whose averages all are told; 0: none


KINDS = {"narrow": Kind(True, 0), "hybrid": Kind(True, 8), "broad": Kind(False, 0)}


class StepSizeNetwork(nn.Module):
    """Bands [N, T, C, B] and bins [N, T, D, F] -> numbers [N, T, 3, F]."""

    weights: Tensor

    def __init__(self, kind: str, channels: int, detail: int, bins: int, count: int, hidden: int) -> None:
        """`count` bands of `bins` bins; `hidden` units, twice as many where there is one GRU for all bands."""
        super().__init__()
        self.own, self.averages = KINDS[kind]
        self.count = count
        units = hidden if self.own else 2 * hidden
        self.register_buffer("weights", bands(bins, count), persistent=False)
        self.enter = nn.Linear(channels * (1 if self.own else count), units)
        self.around = nn.Linear(channels * self.averages, units, bias=False) if self.averages else None
        self.gru = nn.GRU(units, units, batch_first=True)
        self.leave = nn.Linear(units, DETAIL * (1 if self.own else count))
        self.bin_in = nn.Linear(detail, DETAIL, bias=False)
        self.bin_bias = nn.Parameter(torch.zeros(DETAIL, bins))
        self.bin_out = nn.Linear(DETAIL, NUMBERS)
        with torch.no_grad():
            self.bin_out.weight *= 0.05
            self.bin_out.bias.zero_()

    def initial(self, like: Tensor) -> Tensor:
        """The memory before the first frame of spectra like [N, T, F], real."""
        n = like.shape[0]
        return like.new_zeros(1, n * self.count if self.own else n, self.gru.hidden_size)

    def forward(self, heard: Tensor, detail: Tensor, memory: Tensor, truncation: int = 0) -> tuple[Tensor, Tensor]:
        """Numbers, and the memory after the last frame; gradients are cut every `truncation` frames (0: never)."""
        n, frames = heard.shape[:2]
        if self.own:
            entered = self.enter(heard.transpose(-1, -2))  # [N, T, B, units]
            if self.around is not None:
                groups = nn.functional.adaptive_avg_pool1d(heard.flatten(0, 1), self.averages)
                entered = entered + self.around(groups.reshape(n, frames, 1, -1))
            entered = entered.permute(0, 2, 1, 3).flatten(0, 1)
        else:
            entered = self.enter(heard.flatten(-2))
        entered, parts = torch.relu(entered), []
        for start in range(0, frames, truncation or frames):
            out, memory = self._recur(entered[:, start : start + (truncation or frames)], memory.detach())
            parts.append(out)
        left = self.leave(torch.cat(parts, 1))
        if self.own:
            left = left.unflatten(0, (n, self.count)).permute(0, 2, 3, 1)  # [N, T, DETAIL, B]
        else:
            left = left.unflatten(-1, (DETAIL, self.count))
        by_bin = self.bin_in.weight @ detail
        by_bin = torch.relu(left @ self.weights.T + by_bin + self.bin_bias)
        return self.bin_out.weight @ by_bin + self.bin_out.bias[:, None], memory

    def _recur(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The GRU. A single frame goes by another way, as torch packs the weights anew in every call."""
        if x.shape[1] > 1:
            out, memory = self.gru(x, memory)
            return out, memory
        h = torch.gru_cell(x[:, 0], memory[0], *self.gru.all_weights[0])
        return h[:, None], h[None]
