"""Batches of whole scenes, for user-defined training loops."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from aecbench.cancellers.deep.base import Batch
from aecbench.corpus import Item
from aecbench.errors import UsageError
from aecbench.scenes.recording import Recording
from aecbench.scenes.scene import Scene

__all__ = ["Scenes", "collate"]


class Scenes(NamedTuple):
    """Several scenes of a corpus at one rate."""

    scenes: list[Scene | Recording]
    signals: Batch  # float32 tensors [N, T]; scenes that are shorter than the longest are padded with zeros at the end
    lengths: Tensor  # int64 [N]: number of samples of each scene


def collate(items: Sequence[Item]) -> Scenes:
    """Collate items of a corpus into one batch: a `collate_fn` for `torch.utils.data.DataLoader(corpus)`.

    Raises UsageError for scenes of different rates.
    """
    rates = sorted({item.scene.rate for item in items})
    if len(rates) > 1:
        raise UsageError(
            f"scenes at {' and '.join(map(str, rates))} Hz: expected one rate; choose with where(rate=...)"
        )
    stems = zip(*(item.signals for item in items), strict=True)
    signals = Batch(*(pad_sequence([torch.from_numpy(x) for x in stem], batch_first=True) for stem in stems))
    lengths = torch.tensor([item.signals.mic.size for item in items])
    return Scenes([item.scene for item in items], signals, lengths)
