"""The processes that train together, as started by torchrun, and the device of each; or this process alone."""

import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from aecbench.cancellers.deep.base import Batch
from aecbench.errors import UsageError

__all__ = ["Processes", "processes"]

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Processes:
    """One of the processes that train together. The function `processes` creates it."""

    def __init__(self, rank: int, world: int, device: torch.device) -> None:
        self.rank, self.world, self.device = rank, world, device
        self.stopped = False  # whether a signal has asked this process to stop
        self.work = "this step"  # work that is finished before it stops

    def placed(self, batch: Batch) -> Batch:
        """Return the batch on the device of this process."""
        return Batch(*(x.to(self.device, non_blocking=True) for x in batch))

    def mean(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Return scalars averaged over all processes."""
        stacked = torch.stack([value.detach().to(self.device, torch.float32) for value in values.values()])
        if self.world > 1:
            dist.all_reduce(stacked)
            stacked /= self.world
        return dict(zip(values, stacked.tolist(), strict=True))

    def any(self, value: bool) -> bool:
        """Return whether `value` is true in any of the processes."""
        return self.mean({"value": torch.tensor(float(value))})["value"] > 0


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started, if any, and yield this process, on a device.

    The device is "cpu", "cuda", "cuda:N", or "auto": cuda if possible. Within the block, the first Ctrl-C or SIGTERM
    sets `stopped`, the second one ends the process. Raises UsageError for a device that does not exist.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    processor = _device(device)
    if world > 1:
        dist.init_process_group("nccl" if processor.type == "cuda" else "gloo")
    group = Processes(rank, world, processor)
    try:
        with _stop_on_signals(group):
            yield group
    finally:
        if world > 1:
            dist.destroy_process_group()


def _device(name: str) -> torch.device:
    if not DEVICE.fullmatch(name):
        raise UsageError(f"device {name!r}: expected auto, cpu, cuda or cuda:N")
    cuda = torch.cuda.is_available()
    if name == "cpu" or (name == "auto" and not cuda):
        return torch.device("cpu")
    if not cuda:
        raise UsageError(f"device {name!r}: this torch sees no GPU; choose --device cpu or auto")
    try:
        local = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        processor = local if name in ("auto", "cuda") else torch.device(name)
        torch.cuda.set_device(processor)
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"device {name!r}: {str(error).splitlines()[0]}; choose auto, cpu, cuda or cuda:N") from None
    return processor


@contextmanager
def _stop_on_signals(group: Processes) -> Iterator[None]:
    """Set `group.stopped` on the first SIGINT or SIGTERM within the block; the second one has its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled in the main thread only
        return

    def stop(number: int, _: Any) -> None:
        group.stopped = True
        signal.signal(number, before[signal.Signals(number)])
        if not group.rank:
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            line = f"\naecbench: {name} received: stops after {group.work}, with a checkpoint; again: stops at once\n"
            os.write(2, line.encode())  # not print, which the signal may have interrupted

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
