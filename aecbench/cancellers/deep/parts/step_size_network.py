"""The networks of deep_step_size.py: from features of the bands and bins of a frame to a few numbers per bin.

As in the paper that is cited there: "narrow" runs one GRU along every band, with the same weights for all; "hybrid"
gives every band averages over all of them too; "broad" is one GRU over all bands at once. Here a band is a few bins,
two at the low end, so that there is at most a quarter of the work, and a small last layer gets the bins themselves.
"""

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.step_size_network import DETAIL, KINDS
from aecbench.cancellers.deep.layers.band_decoder import BandDecoder, Parameters
from aecbench.cancellers.deep.parts.bands import triangles
from aecbench.cancellers.deep.parts.recurrent import gru

__all__ = ["StepSizeNetwork"]


class StepSizeNetwork(nn.Module):
    """From features of bands [N, T, C, B] and of bins [N, T, D, F] to numbers [N, T, numbers, F]."""

    weights: Tensor

    def __init__(
        self, kind: str, channels: int, detail: int, bins: int, count: int, hidden: int, *, numbers: int = 3
    ) -> None:
        """`count` bands of `bins` bins; `hidden` units, twice as many where there is one GRU for all bands."""
        super().__init__()
        self.own, self.averages = KINDS[kind]
        self.count = count
        units = hidden if self.own else 2 * hidden
        shapes = triangles(bins, count)
        self.decoder = BandDecoder(shapes)
        self.register_buffer("weights", torch.from_numpy(shapes), persistent=False)
        self.enter = nn.Linear(channels * (1 if self.own else count), units)
        self.around = nn.Linear(channels * self.averages, units, bias=False) if self.averages else None
        self.gru = nn.GRU(units, units, batch_first=True)
        self.leave = nn.Linear(units, DETAIL * (1 if self.own else count))
        self.bin_in = nn.Linear(detail, DETAIL, bias=False)
        self.bin_bias = nn.Parameter(torch.zeros(DETAIL, bins))
        self.bin_out = nn.Linear(DETAIL, numbers)
        with torch.no_grad():
            self.bin_out.weight *= 0.05
            self.bin_out.bias.zero_()

    def initial(self, like: Tensor) -> Tensor:
        """Return the memory before the first frame of spectra like [N, T, F], real."""
        n = like.shape[0]
        return like.new_zeros(1, n * self.count if self.own else n, self.gru.hidden_size)

    def forward(self, bands: Tensor, bins: Tensor, memory: Tensor, truncation: int = 0) -> tuple[Tensor, Tensor]:
        """Return numbers and the memory after the last frame; gradients are cut every `truncation` frames, 0: never."""
        n, frames = bands.shape[:2]
        if self.own:
            x = self.enter(bands.transpose(-1, -2))  # [N, T, B, units]
            if self.around is not None:
                groups = nn.functional.adaptive_avg_pool1d(bands.flatten(0, 1), self.averages)
                x = x + self.around(groups.reshape(n, frames, 1, -1))
            x = x.permute(0, 2, 1, 3).flatten(0, 1)  # [N B, T, units]
        else:
            x = self.enter(bands.flatten(-2))
        x, stretches = torch.relu(x), []
        for start in range(0, frames, truncation or frames):
            out, memory = gru(self.gru, x[:, start : start + (truncation or frames)], memory.detach())
            stretches.append(out)
        x = self.leave(torch.cat(stretches, 1))
        rows = (
            x.unflatten(0, (n, self.count)).permute(0, 2, 3, 1) if self.own else x.unflatten(-1, (DETAIL, self.count))
        )
        parameters = Parameters(self.bin_in.weight, self.bin_bias, self.bin_out.weight, self.bin_out.bias)
        return self.decoder(rows, bins, self.weights, parameters), memory
