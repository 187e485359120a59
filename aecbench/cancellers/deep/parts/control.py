"""A recurrent network that looks at short-time spectra and decides, in every frame, a few numbers per bin.

It looks at bands of bins. As in X. Hao, X. Su, R. Horaud, X. Li, "FullSubNet: a full-band and sub-band fusion model for
real-time single-channel speech enhancement", ICASSP 2021, one LSTM sees all bands at once, and another, small one goes
along every band, the same for all, told by the first what goes on elsewhere: little to learn, and little to compute.
Last, a bin is decided on by its band and its own powers.
"""

import numpy as np
import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.framewise import lstm

__all__ = ["Control", "Memory", "bands"]

Memory = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]  # of both LSTMs

Pairs = tuple[tuple[int, int], ...]

FLOOR = 1e-6  # power, of a bin that is next to silent
CONTEXT = 4  # numbers that all bands together tell each
DETAIL = 12  # numbers that a band and a bin come together in


def bands(bins: int, count: int) -> Tensor:
    """Overlapping triangles [bins, count] on an ERB-like scale, at least 2 bins apart; they sum to 1 in every bin."""
    position = np.arange(bins, dtype=float)
    corner = bins / 12
    warped = np.linspace(0, np.log1p((bins - 1) / corner), count)
    centres = corner * np.expm1(warped)
    centres = np.maximum(centres, 2.0 * np.arange(count))
    centres[-1] = bins - 1
    return torch.tensor(np.stack([np.interp(position, centres, row) for row in np.eye(count)], 1), dtype=torch.float32)


class Control(nn.Module):
    """Decides `outputs` numbers per bin from spectra, their powers and the coherences of some pairs of them."""

    weights: Tensor

    def __init__(
        self, spectra: int, pairs: Pairs, outputs: int, bins: int, count: int, hidden: int, small: int
    ) -> None:
        """`pairs` are numbers of spectra. `hidden` units for all of `count` bands together, `small` along each."""
        super().__init__()
        self.pairs, self.count, self.small = pairs, count, small
        seen = spectra + 2 * len(pairs)
        self.register_buffer("weights", bands(bins, count), persistent=False)
        self.all_in = nn.Linear(count * seen, hidden)
        self.all = nn.LSTM(hidden, hidden, batch_first=True)
        self.all_out = nn.Linear(hidden, count * CONTEXT)
        self.band_in = nn.Linear(3 * seen + CONTEXT, small)
        self.band = nn.LSTM(small, small, batch_first=True)
        self.band_out = nn.Linear(small, DETAIL)
        self.bin_in = nn.Linear(spectra, DETAIL, bias=False)
        self.bin_bias = nn.Parameter(torch.zeros(bins, DETAIL))
        self.bin_out = nn.Linear(DETAIL, outputs)
        with torch.no_grad():
            self.bin_out.weight *= 0.1
            self.bin_out.bias.zero_()

    def initial(self, like: Tensor) -> Memory:
        """Before the first frame of spectra like [N, T, F]."""
        n, real = like.shape[0], like.real
        h = real.new_zeros(1, n, self.all.hidden_size)
        s = real.new_zeros(1, n * self.count, self.small)
        return (h, h), (s, s)

    def forward(self, spectra: list[Tensor], memory: Memory) -> tuple[Tensor, Memory]:
        """Spectra [N, T, F] -> numbers [N, T, F, outputs]. Gradients go no further than to the parameters."""
        z = torch.stack(spectra, -2).detach()  # [N, T, spectra, F]
        power = z.real.square() + z.imag.square()
        banded = power @ self.weights + FLOOR
        level = torch.log10(banded)
        a, b = ([pair[i] for pair in self.pairs] for i in (0, 1))
        one, other = (torch.stack([z[..., i, :] for i in side], -2) for side in (a, b))
        cross = one * other.conj()
        norm = (banded[..., a, :] * banded[..., b, :]).rsqrt()
        seen = torch.cat([level / 2 + 1, cross.real @ self.weights * norm, cross.imag @ self.weights * norm], -2)
        n = seen.shape[0]
        everything = torch.relu(self.all_in(seen.flatten(-2)))
        everything, first = lstm(self.all, everything, memory[0])
        context = self.all_out(everything).unflatten(-1, (CONTEXT, self.count))
        beside = nn.functional.pad(seen, (1, 1))
        local = torch.cat([seen, beside[..., :-2], beside[..., 2:], context], -2)  # [N, T, channels, bands]
        local = torch.relu(self.band_in(local.permute(0, 3, 1, 2))).flatten(0, 1)  # [N bands, T, small]
        local, second = lstm(self.band, local, memory[1])
        detail = self.band_out(local).unflatten(0, (n, self.count)).permute(0, 2, 1, 3)  # [N, T, bands, DETAIL]
        bins = (torch.log10(power + FLOOR) / 2 + 1).transpose(-1, -2)  # [N, T, F, spectra]
        bins = torch.relu(self.weights @ detail + self.bin_in(bins) + self.bin_bias)
        return self.bin_out(bins), (first, second)
