"""The files of a training, each written atomically: a checkpoint to continue from, and models to load."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aecbench.cancellers.deep.base import Network
from aecbench.cards import Card, read_card, write_card
from aecbench.config import sha256
from aecbench.errors import AecbenchError, UsageError
from aecbench.output import new_folder, whole_file
from aecbench.systems import card_folder

__all__ = ["LAST", "Progress", "read_checkpoint", "trained_model", "write_checkpoint", "write_model"]

LAST = "last.safetensors"
STATE = "state"


@dataclass
class Progress:
    """The progress of a training. Together with the tensors, it is all that is needed to continue."""

    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the current epoch
    step: int = 0  # finished batches in total
    bad: int = 0  # consecutive batches up to now that were skipped
    skipped: int = 0  # skipped batches in total
    seconds: float = 0.0
    best_epoch: int = 0  # 0: none yet
    best_loss: float = float("inf")
    sums: dict[str, float] = field(default_factory=dict)  # sums of the logged values over the current epoch
    log: int = 0  # length of the log [bytes]


def write_checkpoint(
    path: Path, groups: Mapping[str, Mapping[str, Tensor]], progress: Progress, more: Mapping[str, Any]
) -> None:
    """Write one file with tensors by group and name, and the rest as JSON in its header. Raises OutputError."""
    tensors = {f"{group}/{name}": _plain(z) for group, members in groups.items() for name, z in members.items()}
    state = json.dumps({"progress": asdict(progress), **more})
    data = safetensors.torch.save(tensors, {STATE: state})
    with whole_file(path) as part:
        part.write_bytes(data)


def read_checkpoint(path: Path) -> tuple[dict[str, dict[str, Tensor]], Progress, dict[str, Any]] | None:
    """Return tensors by group, the progress, and the rest of a checkpoint; None if there is no checkpoint.

    Raises AecbenchError for a checkpoint that cannot be read.
    """
    try:
        path.open("rb").close()  # safetensors reports any file that it cannot open as missing
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AecbenchError(
            f"{path}: cannot be read ({error.strerror}); continue with --resume once it can be"
        ) from None
    groups: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            state = json.loads(file.metadata()[STATE])
            for key in file.keys():  # noqa: SIM118 (a file is not a mapping)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
        return groups, Progress(**state.pop("progress")), state
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise AecbenchError(
            f"{path}: is not a checkpoint of this version ({error}); remove it to start from scratch"
        ) from None


def write_model(folder: Path, network: Network, card: Mapping[str, Any]) -> None:
    """Write a folder that is a model to load: weights, a card that names them, and the module of a single-file network.

    Names of weight files are never reused, so the card, which is replaced atomically, always names its own weights.
    """
    new_folder(folder)
    data = safetensors.torch.save({name: _plain(z) for name, z in network.state_dict().items()})
    digest = sha256(data)
    weights = folder / f"weights-{digest[:12]}.safetensors"
    with whole_file(weights) as part:
        part.write_bytes(data)
    parameters = network.config.model_dump(mode="json", exclude_none=True)
    lines = {**card, "weights": weights.name, "sha256": digest, "parameters": parameters, "origin": card["origin"]}
    if (module := _module(type(network))) is not None:
        with whole_file(folder / module.name) as part:
            part.write_bytes(module.read_bytes())
    write_card(folder, lines)
    for old in folder.glob("weights-*.safetensors"):
        if old != weights:
            old.unlink()


def trained_model(model: str | Path) -> tuple[Path, Card]:
    """Return the folder and the card of a model with weights: a shipped one, or one in a folder.

    In the folder of a training, the best network is chosen, or the latest one if no epoch has ended yet. Raises
    UsageError for a model without weights, ConfigError for a card that cannot be read.
    """
    folder = card_folder(str(model))
    card = None if folder is None else read_card(folder)
    if folder is None or card is None or card.weights is None or card.sha256 is None:
        raise UsageError(
            f"{model}: has no card with weights; expected a shipped network, or a folder that aecbench train wrote"
        )
    return folder, card


def _module(kind: type[Network]) -> Path | None:
    """Return the file of a class in a top-level module; None for a class in a package, which has to be installed."""
    file = getattr(sys.modules[kind.__module__], "__file__", None)
    return None if file is None or "." in kind.__module__ else Path(file)


def _plain(tensor: Tensor) -> Tensor:
    """Return a contiguous copy on the CPU, which does not share memory with other tensors."""
    return tensor.detach().cpu().contiguous().clone()
