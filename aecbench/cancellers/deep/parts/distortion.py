"""Distorted versions of the far end, as further inputs of a filter: they model a nonlinear loudspeaker.

The idea is taken from power filters: F. Kuech, W. Kellermann, "Orthogonalized power filters for nonlinear acoustic echo
cancellation", Signal Processing 86(6), 2006. The output of a memoryless loudspeaker is a sum of functions of its input.
All of them pass through the room, so a filter with these functions as inputs has an echo path for each. Here the
functions are the magnitude, for asymmetric distortion, and the cube, for saturation. Both are normalised to the peak of
the far end, because saturation depends on the peaks. In every bin, the part that is linear in the far end is subtracted
from them, so that the inputs are sufficiently uncorrelated for a filter with a diagonal covariance.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.distortion import EDGE, KINDS, MEMORY, QUIET, RELEASE, TINY
from aecbench.cancellers.deep.parts import stft

__all__ = ["KINDS", "Distortion", "State"]


class State(NamedTuple):
    """The state after a frame."""

    peak: Tensor  # [N] decaying peak of the far end's samples
    power: Tensor  # [N, 1, F] smoothed power of the far end
    cross: Tensor  # [N, KINDS, F] smoothed cross-spectra of the distortions with the far end, complex


class Distortion(nn.Module):
    """Computes the distortions of a frame of the far end."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.register_buffer("window", stft.window(n_fft, hop, torch.zeros(())), persistent=False)

    def initial(self, like: Tensor) -> State:
        """Return the state before the first frame of complex spectra like `like` [N, T, F]."""
        n, bins = like.shape[0], like.shape[-1]
        return State(like.real.new_zeros(n), like.real.new_zeros(n, 1, bins), like.new_zeros(n, KINDS, bins))

    def forward(self, far: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the distortions [N, KINDS, F] of one frame of the far end [N, F], both complex, and the next state."""
        weighed = torch.fft.irfft(far)
        samples = weighed / self.window.clamp(min=EDGE**2)
        inside = self.window > EDGE * self.window.max()
        peak = torch.maximum((samples * inside).abs().amax(-1), RELEASE * state.peak)
        relative = samples / peak.clamp(min=QUIET)[:, None]
        kinds = torch.stack([weighed * relative.sign(), weighed * relative.square()], 1)
        spectra = torch.fft.rfft(kinds)
        power = _power(far)[:, None] * (1 - MEMORY) + state.power * MEMORY  # torch.lerp would round 1 - MEMORY by 1e-5
        cross = spectra * far.conj()[:, None] * (1 - MEMORY) + state.cross * MEMORY
        linear = cross / (power + (1 - MEMORY) * TINY)
        return spectra - linear * far[:, None], State(peak, power, cross)


def _power(z: Tensor) -> Tensor:
    return z.real.square() + z.imag.square()
