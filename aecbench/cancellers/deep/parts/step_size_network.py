"""The networks of deep_step_size.py: from features of the bands and bins of a frame to a few numbers per bin.

As in the paper that is cited there, "narrow" runs a GRU for every band separately, with weights shared by all bands;
"hybrid" additionally provides every band with averages over groups of bands; "broad" is one GRU for all bands together.
In the paper a band is a single bin. Here it spans at least two, which takes at most a quarter of the operations, and a
small output layer receives features of the individual bins.
"""

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.step_size_network import DETAIL, KINDS
from aecbench.cancellers.deep.layers.band_decoder import BandDecoder, Parameters
from aecbench.cancellers.deep.parts.bands import triangles
from aecbench.cancellers.deep.parts.recurrent import gru

__all__ = ["StepSizeNetwork"]


class StepSizeNetwork(nn.Module):
    """Computes numbers [N, T, numbers, F] from features of bands [N, T, C, B] and of bins [N, T, D, F]."""

    weights: Tensor

    def __init__(
        self, kind: str, channels: int, detail: int, bins: int, count: int, hidden: int, *, numbers: int = 3
    ) -> None:
        """Create a network of this `kind` for `bins` bins in `count` bands.

        The GRU has `hidden` units, or twice as many for the kind "broad".
        """
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
        """Return the memory before the first frame of spectra with the shape of `like` [N, T, F], which is real."""
        n = like.shape[0]
        return like.new_zeros(1, n * self.count if self.own else n, self.gru.hidden_size)

    def forward(self, bands: Tensor, bins: Tensor, memory: Tensor, truncation: int = 0) -> tuple[Tensor, Tensor]:
        """Return the numbers and the memory after the last frame.

        Gradients are cut every `truncation` frames; never if it is 0.
        """
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
