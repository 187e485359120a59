"""Preparation of a batch for networks that train on whole signals: the far end aligned, echo paths that change."""

import torch

from aecbench.cancellers.align import DelayTracker
from aecbench.cancellers.deep.base import Batch

__all__ = ["aligned", "changed_paths"]


def aligned(batch: Batch) -> Batch:
    """Return the batch with an aligned far end, as every system gets it."""
    far = DelayTracker().align(batch.mic.cpu().numpy(), batch.far.cpu().numpy())
    return batch._replace(far=torch.from_numpy(far).to(batch.far))


@torch.no_grad()
def changed_paths(batch: Batch, share: float) -> Batch:
    """Return the batch with echo paths that change half-way.

    A `share` of the examples, 0 ... 1, goes on with the far end and echo of another one of the batch.
    """
    count, length = batch.mic.shape
    if count < 2 or not share:
        return batch
    change = torch.rand(count, 1) < share
    sample = (0.3 + 0.4 * torch.rand(count, 1)) * length
    after = (change & (torch.arange(length) >= sample)).to(batch.mic.device)
    far, echo = (torch.where(after, z.roll(1, 0), z) for z in (batch.far, batch.echo))
    return Batch(batch.near + echo + batch.noise, far, batch.near, echo, batch.noise)
