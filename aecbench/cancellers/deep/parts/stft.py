"""The transform of aecbench.dsp.stft in torch, differentiable and for whole signals: the same window and frames.

Frame t ends with sample (t + 1) hop - 1, and the signal is preceded by silence, so these are the frames that `analyse`
processes block by block. The output is not delayed, while the output of `synthesise` is delayed by `frame - hop`
samples.
"""

import torch
from torch import Tensor

from aecbench.dsp import stft

__all__ = ["signal", "spectra", "window"]


def window(frame: int, hop: int, like: Tensor) -> Tensor:
    """Return the square root of a Hann window, [frame], with the type and device of `like`."""
    return torch.tensor(stft.window(frame, hop)).to(like)


def spectra(x: Tensor, frame: int, hop: int) -> Tensor:
    """Return the spectra [..., T, F] of samples [..., length]: as many frames as `signal` needs; F = frame // 2 + 1."""
    count = -(-(x.shape[-1] + frame - hop) // hop)
    x = torch.nn.functional.pad(x, (frame - hop, count * hop - x.shape[-1]))
    spectrum: Tensor = torch.fft.rfft(x.unfold(-1, frame, hop) * window(frame, hop, x))
    return spectrum


def signal(spectrum: Tensor, hop: int, length: int) -> Tensor:
    """Return the first `length` samples [..., length] of the signal for spectra [..., T, F]."""
    y: Tensor = torch.fft.irfft(spectrum)
    frame = y.shape[-1]
    overlaps = frame // hop
    blocks = (y * window(frame, hop, y)).reshape(*y.shape[:-1], overlaps, hop).unbind(-2)  # each [..., T, hop]
    count = spectrum.shape[-2] - overlaps + 1
    parts = [block[..., overlaps - 1 - i :, :][..., :count, :] for i, block in enumerate(blocks)]
    y = sum(parts[1:], parts[0]).flatten(-2)
    return y[..., :length]
