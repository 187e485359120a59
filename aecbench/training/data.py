"""Training examples and their order. Both depend on seed and epoch alone, so training can resume at any batch."""

import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, DistributedSampler, Sampler, default_collate

from aecbench.cancellers.deep.base import Batch, Network
from aecbench.corpus import Corpus, Remix
from aecbench.errors import UnknownName, UsageError
from aecbench.signals import Signals
from aecbench.training.settings import Settings

__all__ = ["Examples", "Readers", "training_examples", "validation_examples"]


class Readers(NamedTuple):
    """The processes that read the examples, and the preparation of the examples in them."""

    rank: int = 0  # rank of the training process
    world: int = 1  # number of processes that train together
    workers: int = 0  # number of data-loader workers per training process; 0: it reads examples itself
    prepare: Callable[[Batch], Batch] = Network.prepare


class Examples:
    """Batches of data sets, divided among processes.

    Step k of all processes together has the same examples, whatever the number of processes, if their batches together
    have the same size.
    """

    def __init__(self, remixes: Sequence[Remix], settings: Settings, readers: Readers, *, train: bool) -> None:
        """Create the batches: with `train`, in a new order every epoch and in full batches only; else all, in order."""
        self.remixes, self.train = remixes, train
        rank, world, workers, prepare = readers
        together: ConcatDataset[Signals] = ConcatDataset(remixes)  # type: ignore[arg-type]
        if train:
            self._sampler: Sampler[int] = DistributedSampler(together, world, rank, seed=settings.seed, drop_last=True)
        else:
            self._sampler = _Share(len(together), rank, world)
        self._batches = _Batches(BatchSampler(self._sampler, settings.batch_size, drop_last=train))
        self._loader: DataLoader[Any] = DataLoader(
            together,
            batch_sampler=self._batches,
            num_workers=workers,
            collate_fn=partial(_collate, prepare),
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            generator=torch.Generator(),  # otherwise, it would draw from the global one
            worker_init_fn=_ignore_signals,
        )

    def __len__(self) -> int:
        """Return the number of batches per epoch of this process."""
        return len(self._batches.all)

    def epoch(self, epoch: int, done: int = 0) -> Iterator[Batch]:
        """Return the batches of an epoch without the first `done`."""
        if isinstance(self._sampler, DistributedSampler):
            self._sampler.set_epoch(epoch)
        for remix in self.remixes:
            remix.set_epoch(epoch if self.train else 0)
        self._batches.done = done
        return iter(self._loader)


class _Share(Sampler[int]):
    """Every `world`-th index from `rank` on, in order."""

    def __init__(self, length: int, rank: int, world: int) -> None:
        self.indices = range(rank, length, world)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


class _Batches(Sampler[list[int]]):
    """Batches of indices without the first `done`, whose examples are not read."""

    def __init__(self, batches: BatchSampler) -> None:
        self.all, self.done = batches, 0

    def __iter__(self) -> Iterator[list[int]]:
        return islice(iter(self.all), self.done, None)

    def __len__(self) -> int:
        return len(self.all) - self.done


def _ignore_signals(_: int) -> None:
    """Ignore SIGINT and SIGTERM in workers: the training process stops them, and they exit with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _collate(prepare: Callable[[Batch], Batch], examples: list[Signals]) -> Batch:
    return prepare(Batch(*default_collate([tuple(example) for example in examples])))


def training_examples(corpora: Sequence[Corpus], settings: Settings, rate: int, readers: Readers) -> Examples:
    """Return crops of scenes of the split train of each corpus, with stems recombined among its scenes.

    Raises UsageError if there are too few for a batch.
    """
    data = settings.data
    remixes = [
        Remix(scenes, settings.duration, seed=settings.seed, ser=data.ser, snr=data.snr, gain=data.gain, pair=data.pair)
        for scenes in (_scenes(corpus, "train", settings.train_samples, rate) for corpus in corpora)
    ]
    examples = Examples(remixes, settings, readers, train=True)
    if not len(examples):
        raise UsageError(
            f"{sum(map(len, remixes))} scenes are less than a batch of {settings.batch_size} for {readers.world} "
            f"processes; choose a smaller --batch-size"
        )
    return examples


def validation_examples(corpora: Sequence[Corpus], settings: Settings, rate: int, readers: Readers) -> Examples:
    """Return crops of scenes of the split val of each corpus, unmodified and the same in every epoch."""
    remixes = [
        Remix(_scenes(corpus, "val", settings.val_samples, rate), settings.duration, pair=False) for corpus in corpora
    ]
    return Examples(remixes, settings, readers, train=False)


def _scenes(corpus: Corpus, split: str, count: int | None, rate: int) -> Corpus:
    try:
        scenes = corpus.split(split)
    except UnknownName:
        have = ", ".join(sorted(set(corpus.scenes["split"])))
        raise UsageError(
            f"{corpus.path}: has no split {split} but {have}; training needs train and val, which may be two corpora "
            f"(--corpus, --val-corpus)"
        ) from None
    if count is not None and count > len(scenes):
        raise UsageError(f"{corpus.path}: split {split} has {len(scenes)} scenes, not {count}; ask for fewer")
    rates = sorted({int(value) for value in scenes.scenes["rate"]})
    if rates != [rate]:
        raise UsageError(f"{corpus.path}: is at {rates} Hz, the network at {rate} Hz; set --sample-rate, or resample")
    return scenes[:count]
