"""Preparation of a batch for networks that train on whole signals: delay alignment and changes of the echo path."""

import torch

from aecbench.cancellers.align import DelayTracker
from aecbench.cancellers.deep.base import Batch

__all__ = ["aligned", "changed_paths"]


def aligned(batch: Batch) -> Batch:
    """Return the batch with the far end aligned by `DelayTracker`, as in evaluation."""
    far = DelayTracker().align(batch.mic.cpu().numpy(), batch.far.cpu().numpy())
    return batch._replace(far=torch.from_numpy(far).to(batch.far))


@torch.no_grad()
def changed_paths(batch: Batch, share: float) -> Batch:
    """Return the batch with echo paths that change in a fraction `share`, 0 to 1, of the examples.

    From a random time in the middle on, between 30 % and 70 % of the length, such an example continues with the far end
    and echo of another example of the batch.
    """
    count, length = batch.mic.shape
    if count < 2 or not share:
        return batch
    change = torch.rand(count, 1) < share
    sample = (0.3 + 0.4 * torch.rand(count, 1)) * length
    after = (change & (torch.arange(length) >= sample)).to(batch.mic.device)
    far, echo = (torch.where(after, z.roll(1, 0), z) for z in (batch.far, batch.echo))
    return Batch(batch.near + echo + batch.noise, far, batch.near, echo, batch.noise)
