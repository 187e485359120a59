"""The mean of several trainings of one network, as a model to load.

M. Wortsman and others, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022: weights that began with the same ones can be averaged, and the mean is often
better than each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from aecbench import __version__
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Network, load_network
from aecbench.config import read_toml
from aecbench.errors import UsageError
from aecbench.systems import card_folder, import_class
from aecbench.train.checkpoint import CARD, write_model

__all__ = ["average"]


def average(models: Sequence[str], out: Path, shares: Sequence[float] | None = None) -> Path:
    """Write the weighted mean of the weights of models, names or folders, as a model to load. Return its folder, OUT.

    The models have to be of one class and one configuration. `shares` [models] are positive and count in proportion;
    None: all the same. The card lists the models, each with its share, the SHA-256 of its weights and its origin.
    Raises UsageError for models or shares that do not fit together, ConfigError for weights that do not fit a card.
    """
    shares = [1.0] * len(models) if shares is None else list(shares)
    if len(models) < 2 or len(shares) != len(models) or min(shares) <= 0:
        raise UsageError(
            f"got {len(models)} models and the shares {shares}; expected two models or more, a positive share of each"
        )
    found = [_trained(model) for model in models]
    for model, (_, card) in zip(models, found, strict=True):
        _of_one_kind(model, card, models[0], found[0][1])
    networks = [_network(folder, card) for folder, card in found]
    total, states = sum(shares), [network.state_dict() for network in networks]
    for name, mean in states[0].items():
        parts = [share / total * state[name].double() for share, state in zip(shares, states, strict=True)]
        mean.copy_(torch.stack(parts).sum(0))
    listed = [
        {"model": model, "share": share / total, "sha256": card["sha256"], "origin": card.get("origin", {})}
        for model, share, (_, card) in zip(models, shares, found, strict=True)
    ]
    kind = found[0][1]["canceller"]
    origin = {"parameters": "the mean of the weights of these models", "aecbench": __version__, "average": listed}
    summary = f"{kind}, the mean of {len(models)} sets of weights"
    write_model(out, networks[0], {"canceller": kind, "summary": summary, "origin": origin})
    return out


def _trained(model: str) -> tuple[Path, dict[str, Any]]:
    """Folder and card of a model with weights of its own."""
    folder = card_folder(model)
    card = {} if folder is None else read_toml(folder / CARD)
    if folder is None or not {"weights", "sha256"} <= card.keys():
        raise UsageError(f"{model}: has no card with weights; expected a folder that aecbench train has written")
    return folder, card


def _of_one_kind(model: str, card: Mapping[str, Any], first: str, expected: Mapping[str, Any]) -> None:
    ours, theirs = ({"canceller": c["canceller"], **c.get("parameters", {})} for c in (card, expected))
    for key in ours | theirs:
        if ours.get(key) != theirs.get(key):
            raise UsageError(
                f"{model}: {key} is {ours.get(key)}, but {first} has {theirs.get(key)}; "
                f"expected trainings of one network"
            )


def _network(folder: Path, card: Mapping[str, Any]) -> Network:
    kind = import_class(DEEP.get(card["canceller"], card["canceller"]), folder)
    return load_network(kind, card.get("parameters", {}), folder / card["weights"], card["sha256"])
