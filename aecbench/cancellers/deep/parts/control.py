"""A recurrent network from short-time spectra to a few numbers per frame and bin, which control a filter.

It processes frequency bands. As in X. Hao, X. Su, R. Horaud, X. Li, "FullSubNet: a full-band and sub-band fusion model
for real-time single-channel speech enhancement", ICASSP 2021, one LSTM processes all bands together, and a small one
processes every band separately, with weights shared by all bands and the output of the first LSTM as context. That
takes few weights and few operations. The output for a bin is computed from its bands and its own powers.
"""

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.control import CONTEXT, DETAIL, FLOOR
from aecbench.cancellers.deep.layers.band_decoder import BandDecoder, Parameters
from aecbench.cancellers.deep.parts.bands import triangles
from aecbench.cancellers.deep.parts.recurrent import lstm

__all__ = ["Control", "Memory"]

Memory = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]  # states of the fullband and of the subband LSTM

Pairs = tuple[tuple[int, int], ...]


class Control(nn.Module):
    """Computes `outputs` numbers per bin from the powers of several spectra and the coherences of pairs of them."""

    weights: Tensor
    first: Tensor
    second: Tensor

    def __init__(
        self, spectra: int, pairs: Pairs, outputs: int, bins: int, *, bands: int, hidden: int, small: int
    ) -> None:
        """Create the layers for spectra of `bins` bins in `bands` bands.

        `pairs` are indices of spectra. The fullband LSTM has `hidden` units, the subband LSTM `small`.
        """
        super().__init__()
        self.count, self.small = bands, small
        channels = spectra + 2 * len(pairs)
        shapes = triangles(bins, bands)
        self.decoder = BandDecoder(shapes)
        self.register_buffer("weights", torch.from_numpy(shapes), persistent=False)
        for name, indices in zip(("first", "second"), zip(*pairs, strict=True), strict=True):
            self.register_buffer(name, torch.tensor(indices), persistent=False)
        self.all_in = nn.Linear(bands * channels, hidden)
        self.all = nn.LSTM(hidden, hidden, batch_first=True)
        self.all_out = nn.Linear(hidden, bands * CONTEXT)
        self.band_in = nn.Linear(3 * channels + CONTEXT, small)
        self.band = nn.LSTM(small, small, batch_first=True)
        self.band_out = nn.Linear(small, DETAIL)
        self.bin_in = nn.Linear(spectra, DETAIL, bias=False)
        self.bin_bias = nn.Parameter(torch.zeros(bins, DETAIL))
        self.bin_out = nn.Linear(DETAIL, outputs)
        with torch.no_grad():
            self.bin_out.weight *= 0.1
            self.bin_out.bias.zero_()

    def initial(self, like: Tensor) -> Memory:
        """Return the memory before the first frame of spectra like `like` [N, T, F]."""
        n, real = like.shape[0], like.real
        h = real.new_zeros(1, n, self.all.hidden_size)
        s = real.new_zeros(1, n * self.count, self.small)
        return (h, h), (s, s)

    def forward(self, spectra: list[Tensor], memory: Memory) -> tuple[Tensor, Memory]:
        """Map spectra, each [N, T, F], to numbers [N, T, F, outputs]. No gradients flow to the spectra."""
        z = torch.stack(spectra, -2).detach()  # [N, T, spectra, F]
        power = z.real.square() + z.imag.square()
        banded = power @ self.weights + FLOOR
        cross = z.index_select(-2, self.first) * z.index_select(-2, self.second).conj()
        norm = (banded.index_select(-2, self.first) * banded.index_select(-2, self.second)).rsqrt()
        coherence = torch.stack([cross.real, cross.imag]) @ self.weights * norm
        features = torch.cat([torch.log10(banded) / 2 + 1, *coherence], -2)
        everything = torch.relu(self.all_in(features.flatten(-2)))
        everything, all_memory = lstm(self.all, everything, memory[0])
        context = self.all_out(everything).unflatten(-1, (CONTEXT, self.count))
        neighbours = nn.functional.pad(features, (1, 1))
        local = torch.cat([features, neighbours[..., :-2], neighbours[..., 2:], context], -2)  # [N, T, channels, bands]
        local = torch.relu(self.band_in(local.permute(0, 3, 1, 2))).flatten(0, 1)  # [N bands, T, small]
        local, band_memory = lstm(self.band, local, memory[1])
        detail = self.band_out(local).unflatten(0, (-1, self.count)).permute(0, 2, 3, 1)  # [N, T, DETAIL, bands]
        bins = torch.log10(power + FLOOR) / 2 + 1  # [N, T, spectra, F]
        parameters = Parameters(self.bin_in.weight, self.bin_bias.T, self.bin_out.weight, self.bin_out.bias)
        numbers = self.decoder(detail, bins, self.weights, parameters).transpose(-1, -2)
        return numbers, (all_memory, band_memory)
