"""Results of a loop over frames, as tensors of all frames."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["concatenate"]


def concatenate(frames: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Concatenate tuples of single frames [N, 1, ...] into one tuple of all frames [N, T, ...].

    >>> [z.shape[1] for z in concatenate([(torch.zeros(2, 1, 3), torch.zeros(2, 1))] * 5)]
    [5, 5]
    """
    return frames[0] if len(frames) == 1 else tuple(torch.cat(z, 1) for z in zip(*frames, strict=True))
