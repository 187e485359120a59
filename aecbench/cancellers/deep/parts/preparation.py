"""Preparation of a batch for networks that train on whole signals: the far end aligned, echo paths that change."""

import torch

from aecbench.cancellers.align import DelayTracker
from aecbench.cancellers.deep.base import Batch

__all__ = ["prepare"]


@torch.no_grad()
def prepare(batch: Batch, path_change: float) -> Batch:
    """Align the far end, as in front of every system, and change some echo paths half-way.

    `path_change` is the share of examples, 0 ... 1, that go on with the far end and echo of another one of the batch.
    """
    aligned = DelayTracker().align(batch.mic.cpu().numpy(), batch.far.cpu().numpy())
    batch = batch._replace(far=torch.from_numpy(aligned).to(batch.far))
    count, length = batch.mic.shape
    if count < 2 or not path_change:
        return batch
    change = torch.rand(count, 1) < path_change
    sample = (0.3 + 0.4 * torch.rand(count, 1)) * length
    after = (change & (torch.arange(length) >= sample)).to(batch.mic.device)
    far, echo = (torch.where(after, z.roll(1, 0), z) for z in (batch.far, batch.echo))
    return Batch(batch.near + echo + batch.noise, far, batch.near, echo, batch.noise)
