"""Starts a training, or resumes one that was stopped, given the name of a network, corpora and settings."""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aecbench._version import __version__
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Network, load_weights
from aecbench.cards import BEST, read_card
from aecbench.config import canonical_json
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError, UnknownName, UsageError, blamed
from aecbench.memory import ALL, keep_freed_memory
from aecbench.output import locked, new_folder
from aecbench.provenance import commit
from aecbench.record import parse
from aecbench.systems import import_class
from aecbench.training.attribution import data_name
from aecbench.training.checkpoint import LAST, read_checkpoint, trained_model
from aecbench.training.contract import check_frames
from aecbench.training.data import Readers, training_examples, validation_examples
from aecbench.training.log import Log
from aecbench.training.loop import Limits, Writer, loop
from aecbench.training.processes import Processes, processes
from aecbench.training.run import Training
from aecbench.training.scenes import Picture, validation_scenes
from aecbench.training.settings import Settings

__all__ = ["Trained", "stored_settings", "train"]


@dataclass(frozen=True)
class Trained:
    """The outcome of a training."""

    finished: bool  # otherwise it was stopped, and can be resumed
    model: Path  # folder of the best network so far, a model to load; it exists after the first epoch
    epoch: int  # finished epochs
    best_epoch: int
    skipped: int  # steps with non-finite values, which were skipped
    leads: bool  # whether this is the first process, which writes the files


def stored_settings(out: Path) -> dict[str, Any] | None:
    """Return the settings of the training in a folder; None if there is none."""
    checkpoint = read_checkpoint(out / LAST)
    return None if checkpoint is None else dict(checkpoint[2]["settings"])


def train(
    model: str,
    corpora: Corpus | Sequence[Corpus],
    settings: Settings,
    *,
    out: str | Path,
    val_corpora: Sequence[Corpus] = (),
    device: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    init: str | Path | None = None,
    limits: Limits | None = None,
    picture: Picture | None = None,
) -> Trained:
    """Train a row of DEEP or a "package.module:Class" on the split train, and save the best network on the split val.

    The splits are those of one corpus, or of several together; if `val_corpora` are given, their splits val are used.
    OUT contains log.jsonl, TensorBoard's files if that is installed, samples, the checkpoint last.safetensors, and
    best/, a model to load. Under torchrun, every process has its own batches of `batch_size` examples. With `resume`,
    a training in OUT, if there is one, is continued: settings, data and the number of processes have to be the same,
    while `device`, `workers` (None: as many as there are spare cores) and `limits` may differ. `init` is a model with
    the initial weights: a shipped network, or a folder as for `aecbench average`. `picture` draws the sample of an
    epoch.

    Raises UnknownName and ConfigError for an invalid model or settings, UsageError for arguments that do not fit
    together, OutputError if OUT cannot be written, AecbenchError if training fails.
    """
    kind, out = _network(model), Path(out)
    init = None if init is None else trained_model(init)[0]
    config = parse(kind.Config, settings.network, f"{model}: network")
    torch.manual_seed(settings.seed)
    with blamed(f"{model}: its constructor"):
        network = kind(config)
    if init is not None:
        load_weights(network, init / str(read_card(init).weights))
    _freeze(network, settings.frozen)
    new_folder(out)
    with processes(device) as group, locked(out) if group.rank == 0 else nullcontext():
        if group.device.type == "cpu":
            keep_freed_memory(ALL)
        checkpoint = read_checkpoint(out / LAST)
        if checkpoint is not None and not resume:
            raise UsageError(f"{out}: contains a training; continue with --resume, or choose another --save-dir")
        corpora = [corpora] if isinstance(corpora, Corpus) else list(corpora)
        val = list(val_corpora) or corpora
        facts = _facts(model, corpora, val, settings, group)
        if checkpoint is not None:
            _same(facts, checkpoint[2], out)
        if workers is None:
            workers = min(4, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
        readers = Readers(group.rank, group.world, workers, kind.prepare)
        examples = (
            training_examples(corpora, settings, config.sample_rate, readers),
            validation_examples(val, settings, config.sample_rate, readers),
        )
        run = Training(network, settings, examples, group)
        check_frames(run.network, model)
        if checkpoint is not None:
            run.load(checkpoint[0], checkpoint[1], checkpoint[2]["run"])
        done = _go(run, out, validation_scenes(val, settings.val_scenes), picture, facts, init, limits or Limits())
        if done and not run.progress.best_epoch:
            raise AecbenchError(f"{out}: no epoch had a finite loss in validation; train with a smaller --lr")
        progress = run.progress
        return Trained(done, out / BEST, progress.epoch, progress.best_epoch, progress.skipped, not group.rank)


def _go(
    run: Training,
    out: Path,
    chosen: Sequence[Corpus],
    picture: Picture | None,
    facts: dict[str, Any],
    init: Path | None,
    limits: Limits,
) -> bool:
    """Run the loop, with a writer in the first process."""
    if run.processes.rank:
        return loop(run, None, limits)
    with Log(out, run.progress.log, run.progress.step, run.steps) as log:
        size = sum(p.numel() for p in run.network.parameters())
        log.tell(
            f"{facts['model']}: {size} parameters, {len(run.train)} steps of {run.settings.batch_size} x "
            f"{run.processes.world} examples per epoch, on {run.processes.device}"
        )
        return loop(run, Writer(out, log, chosen, picture, facts, _card(facts, run, init)), limits)


def _network(model: str) -> type[Network]:
    if model not in DEEP and ":" not in model:
        raise UnknownName("network to train", model, DEEP)
    kind = import_class(DEEP.get(model, model), None)
    if not (isinstance(kind, type) and issubclass(kind, Network)):
        raise UsageError(
            f"{model} is not a network to train; expected a subclass of {Network.__module__}:{Network.__name__}"
        )
    if missing := sorted(kind.__abstractmethods__):
        raise UsageError(
            f"{model} cannot be trained: it does not define {', '.join(missing)}; see {Network.__module__}"
        )
    return kind


def _freeze(network: Network, frozen: Sequence[str]) -> None:
    """Exclude the weights whose names begin with one of `frozen` from training.

    Raises UsageError if a beginning matches no weight, or if no weight is left to train.
    """
    weights = dict(network.named_parameters())
    parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in weights))
    for beginning in frozen:
        if not any(name.startswith(beginning) for name in weights):
            kind = type(network).__name__
            raise UsageError(f"frozen: no weight of {kind} begins with {beginning!r}; its parts are {parts}")
    for name, weight in weights.items():
        weight.requires_grad_(not name.startswith(tuple(frozen)))
    if not any(weight.requires_grad for weight in weights.values()):
        raise UsageError(f"frozen: no weight of {type(network).__name__} is left to train; its parts are {parts}")


def _facts(
    model: str, corpora: Sequence[Corpus], val: Sequence[Corpus], settings: Settings, group: Processes
) -> dict[str, Any]:
    """Return the facts that must be the same when a training is resumed."""
    return {
        "model": model,
        "settings": settings.model_dump(mode="json"),
        "train": [_described(corpus) for corpus in corpora],
        "val": [_described(corpus) for corpus in val],
        "processes": group.world,
    }


def _described(corpus: Corpus) -> dict[str, Any]:
    return {"name": data_name(corpus), "id": corpus.id, "digest": corpus.digest}


def _same(now: Mapping[str, Any], before: Mapping[str, Any], out: Path) -> None:
    for name in now:
        pairs = [(name, now[name], before.get(name))]
        if name == "settings":
            earlier = parse(Settings, before[name], f"{out}: settings").model_dump(mode="json")
            pairs = [(key, value, earlier[key]) for key, value in now[name].items()]
        for key, value, old in pairs:
            if canonical_json(value) != canonical_json(old):
                raise UsageError(
                    f"{out}: {key} is {canonical_json(value)}, but the training there has {canonical_json(old)}; "
                    f"leave that out, or start from scratch in another --save-dir"
                )


def _card(facts: Mapping[str, Any], run: Training, init: Path | None) -> dict[str, Any]:
    """Return the card of the network, without weights and parameters."""
    settings = run.settings.model_dump(mode="json", exclude_none=True, exclude={"network"})
    origin = {
        "parameters": "trained by aecbench train",
        "aecbench": __version__,
        "commit": commit() or "unknown",
        "train": [{**fact, "scenes": len(of)} for fact, of in zip(facts["train"], run.train.remixes, strict=True)],
        "val": [{**fact, "scenes": len(of)} for fact, of in zip(facts["val"], run.val.remixes, strict=True)],
        "processes": facts["processes"],
        "settings": settings,
    }
    if init is not None:
        origin["init"] = str(read_card(init).sha256 or init)
    summary = f"{facts['model']}, trained on {', '.join(dict.fromkeys(fact['name'] for fact in facts['train']))}"
    return {"canceller": facts["model"], "summary": summary, "origin": origin}
