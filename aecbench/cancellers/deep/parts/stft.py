"""The transform of aecbench.dsp.stft in torch, differentiable, on whole signals: same window, same frames, same order.

Frame t ends with sample (t + 1) hop, and before the signal there is silence. So the frames are the ones that `analyse`
gets block by block; the output is not delayed, while the output of `synthesise` is, by `frame - hop` samples.
"""

import torch
from torch import Tensor

from aecbench.dsp import stft

__all__ = ["signal", "spectra", "window"]


def window(frame: int, hop: int, like: Tensor) -> Tensor:
    """Return the root of a Hann window, [frame], of the type and on the device of a tensor."""
    return torch.tensor(stft.window(frame, hop)).to(like)


def spectra(x: Tensor, frame: int, hop: int) -> Tensor:
    """Transform samples [..., length] to spectra [..., T, F], enough to get all samples back; F = frame // 2 + 1."""
    count = -(-(x.shape[-1] + frame - hop) // hop)
    x = torch.nn.functional.pad(x, (frame - hop, count * hop - x.shape[-1]))
    spectrum: Tensor = torch.fft.rfft(x.unfold(-1, frame, hop) * window(frame, hop, x))
    return spectrum


def signal(spectrum: Tensor, hop: int, length: int) -> Tensor:
    """Return the first `length` samples [..., length] of the signal with the spectra [..., T, F]."""
    y: Tensor = torch.fft.irfft(spectrum)
    frame = y.shape[-1]
    overlaps = frame // hop
    blocks = (y * window(frame, hop, y)).reshape(*y.shape[:-1], overlaps, hop).unbind(-2)  # each [..., T, hop]
    count = spectrum.shape[-2] - overlaps + 1
    parts = [block[..., overlaps - 1 - i :, :][..., :count, :] for i, block in enumerate(blocks)]
    y = sum(parts[1:], parts[0]).flatten(-2)
    return y[..., :length]
