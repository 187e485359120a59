"""Distorted far ends, as further inputs of a filter: what a nonlinear loudspeaker adds to the echo.

The idea of power filters: F. Kuech, W. Kellermann, "Orthogonalized power filters for nonlinear acoustic echo
cancellation", Signal Processing 86(6), 2006. A loudspeaker without memory plays a sum of functions of its input, and
each goes through the room, so a filter whose inputs are such functions has an echo path for each. Here they are the
magnitude, for what is not symmetric, and the cube, for what saturates. Both are taken relative to the peak of the far
end, because where a loudspeaker is driven to its limits is a matter of its peaks. Less what is linear in the far end,
in every bin, they have no more to do with each other than inputs of a filter with a diagonal covariance may.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.distortion import EDGE, KINDS, MEMORY, QUIET, RELEASE, TINY
from aecbench.cancellers.deep.parts import stft

__all__ = ["KINDS", "Distortion", "State"]


class State(NamedTuple):
    """The state after a frame."""

    peak: Tensor  # [N]
    power: Tensor  # [N, 1, F] of the far end, smooth
    cross: Tensor  # [N, KINDS, F] complex, distortions times the conjugate far end, smooth


class Distortion(nn.Module):
    """From a frame of the far end to its distortions."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.register_buffer("window", stft.window(n_fft, hop, torch.zeros(())), persistent=False)

    def initial(self, like: Tensor) -> State:
        """Return the state before the first frame of spectra like [N, T, F], complex."""
        n, bins = like.shape[0], like.shape[-1]
        return State(like.real.new_zeros(n), like.real.new_zeros(n, 1, bins), like.new_zeros(n, KINDS, bins))

    def forward(self, far: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the distortions [N, KINDS, F] of one frame of the far end [N, F], both complex, and the state."""
        weighed = torch.fft.irfft(far)
        samples = weighed / self.window.clamp(min=EDGE**2)
        inside = self.window > EDGE * self.window.max()
        peak = torch.maximum((samples * inside).abs().amax(-1), RELEASE * state.peak)
        relative = samples / peak.clamp(min=QUIET)[:, None]
        kinds = torch.stack([weighed * relative.sign(), weighed * relative.square()], 1)
        spectra = torch.fft.rfft(kinds)
        power = torch.lerp(_power(far)[:, None], state.power, MEMORY)
        cross = spectra * far.conj()[:, None] * (1 - MEMORY) + state.cross * MEMORY
        linear = cross / (power + (1 - MEMORY) * TINY)
        return spectra - linear * far[:, None], State(peak, power, cross)


def _power(z: Tensor) -> Tensor:
    return z.real.square() + z.imag.square()
