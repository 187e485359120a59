"""A training in progress. A step depends only on the state before it, the seed and its number. On the CPU, a training
that was stopped and resumed anywhere therefore has the same result, bit for bit, as an uninterrupted one.

Exponential moving average of the weights: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by
averaging", SIAM Journal on Control and Optimization 30(4), 1992. AdamW: I. Loshchilov, F. Hutter, "Decoupled weight
decay regularization", ICLR 2019; the cosine: the same, "SGDR: stochastic gradient descent with warm restarts", ICLR
2017.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, ReduceLROnPlateau, SequentialLR
from torch.optim.swa_utils import AveragedModel

from aecbench.cancellers.deep.base import Batch, Network
from aecbench.config import sha256
from aecbench.errors import AecbenchError, blamed
from aecbench.training.checkpoint import Progress
from aecbench.training.contract import check_loss
from aecbench.training.data import Examples
from aecbench.training.processes import Processes
from aecbench.training.settings import Settings

__all__ = ["PART", "Training"]

PART = "part/"  # prefix of the names of a loss's parts, so that a network may choose any name
STALE, FALL = 3, 0.5  # epochs without improvement that the plateau schedule tolerates; factor of the learning rate then


class Training:
    """A training in progress: network, optimiser, schedule, averaged weights and progress."""

    def __init__(
        self, network: Network, settings: Settings, examples: tuple[Examples, Examples], processes: Processes
    ) -> None:
        """Create a training from its start; `examples` are those for training and for validation."""
        self.settings, self.processes, self.progress = settings, processes, Progress()
        self.train, self.val = examples
        self.network = network.to(processes.device)
        self._model: nn.Module = DistributedDataParallel(self.network) if processes.world > 1 else self.network
        self.averaged = AveragedModel(self.network, avg_fn=_averaging(settings.ema))
        trained = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=settings.lr, weight_decay=settings.weight_decay)
        self.steps = settings.epochs * len(self.train)
        self.schedule, self.plateau = self._schedules()

    def _schedules(self) -> tuple[LRScheduler, ReduceLROnPlateau | None]:
        """Return the schedule that advances after every step and, if any, the one that advances after every epoch."""
        warm = max(1, round(self.settings.warmup * self.steps))
        rise = LinearLR(self.optimizer, 1 / warm, total_iters=warm)
        if self.settings.schedule == "plateau":
            return rise, ReduceLROnPlateau(self.optimizer, factor=FALL, patience=STALE)
        fall = CosineAnnealingLR(self.optimizer, max(1, self.steps - warm))
        return SequentialLR(self.optimizer, [rise, fall], [warm]), None

    @property
    def best(self) -> Network:
        """The network with the averaged weights, which is the one that is validated and saved."""
        return cast(Network, self.averaged.module).eval()

    def state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Return the state for a checkpoint: tensors by group, and the rest."""
        optimizer = self.optimizer.state_dict()
        moments = {f"{i}/{name}": z for i, members in optimizer["state"].items() for name, z in members.items()}
        groups = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": moments,
        }
        plateau = None if self.plateau is None else self.plateau.state_dict()
        return groups, {
            "optimizer": optimizer["param_groups"],
            "schedule": self.schedule.state_dict(),
            "plateau": plateau,
        }

    def load(self, groups: Mapping[str, dict[str, Tensor]], progress: Progress, rest: Mapping[str, Any]) -> None:
        """Restore what `state` returned, and the progress."""
        self.network.load_state_dict(groups["network"])
        self.averaged.load_state_dict(groups["averaged"])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, z in groups.get("optimizer", {}).items():
            index, _, name = key.partition("/")
            moments.setdefault(int(index), {})[name] = z
        self.optimizer.load_state_dict({"state": moments, "param_groups": rest["optimizer"]})
        self.schedule.load_state_dict(rest["schedule"])
        if self.plateau is not None:
            self.plateau.load_state_dict(rest["plateau"])
        self.progress = progress

    @property
    def rate(self) -> float:
        """The current learning rate."""
        return float(self.optimizer.param_groups[0]["lr"])

    def batches(self) -> Iterator[Batch]:
        """Return the remaining batches of the current epoch."""
        return self.train.epoch(self.progress.epoch, self.progress.batch)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or there were `patience` epochs without improvement."""
        done, patience = self.progress.epoch, self.settings.patience
        return done >= self.settings.epochs or 0 < patience <= done - self.progress.best_epoch

    def step(self, batch: Batch) -> dict[str, float]:
        """Take one step; return loss, gradient norm and parts (PART + name), as means over the processes.

        A step whose loss or gradient norm is not finite does not change the network. Raises AecbenchError if `loss`
        fails or does not return what it should, or if it is not finite in the first step.
        """
        self.network.train()
        torch.manual_seed(int(sha256(f"{self.settings.seed}\n{self.progress.step}\n{self.processes.rank}")[:15], 16))
        placed, name = self.processes.placed(batch), type(self.network).__name__
        with self._autocast(), blamed(f"{name}: loss"):
            result = self._model(placed)
        loss, parts = check_loss(result, name)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        named = {f"{PART}{name}": value for name, value in parts.items()}
        row = self.processes.mean({"loss": loss, "norm": norm, **named})
        if not self.progress.step and not math.isfinite(row["loss"]):
            raise AecbenchError(
                f"{name}: loss is {row['loss']:g} in the first step, expected a finite number; keep logarithms, roots "
                f"and denominators away from 0, also for silent signals"
            )
        self.progress.step += 1
        self.progress.batch += 1
        if math.isfinite(row["loss"]) and math.isfinite(row["norm"]):
            self.optimizer.step()
            self.schedule.step()
            self.averaged.update_parameters(self.network)
            self.progress.bad = 0
            for name, value in (*row.items(), ("count", 1.0)):
                self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value
        else:
            self.progress.bad += 1
            self.progress.skipped += 1
        self.optimizer.zero_grad(set_to_none=True)
        return row

    @torch.no_grad()
    def validate(self) -> float:
        """Return the mean validation loss of the averaged network."""
        total, count = torch.zeros((), device=self.processes.device), 0
        for batch in self.val.epoch(0):
            with self._autocast():
                loss, _ = self.best.loss(self.processes.placed(batch))
            total += loss.float() * batch.mic.shape[0]
            count += batch.mic.shape[0]
        means = self.processes.mean({"total": total, "count": torch.tensor(float(count))})
        return means["total"] / means["count"]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=self.settings.amp)

    def end_epoch(self) -> tuple[dict[str, float], bool]:
        """Validate and advance to the next epoch; return the means of this one, and whether it is the best so far.

        The means include the validation loss, "val_loss", which decides on the best.
        """
        progress, loss = self.progress, self.validate()
        count = progress.sums.pop("count", 0.0)
        means = {name: total / count for name, total in progress.sums.items()} or {"loss": math.nan}
        best = loss < progress.best_loss
        progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, {}
        if best:
            progress.best_epoch, progress.best_loss = progress.epoch, loss
        if self.plateau is not None and math.isfinite(loss):
            self.plateau.step(loss)
        return {**means, "val_loss": loss}, best


def _averaging(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Return the function that updates the average of a weight.

    In the first steps, the decay is faster, so that the initial weights are soon forgotten.
    """

    def average(before: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        seen = int(count)
        return before.lerp(now, 1 - min(decay, (1 + seen) / (10 + seen)))

    return average
