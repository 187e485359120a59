"""The mean of the weights of several trainings of one network, as a model to load.

M. Wortsman and others, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022: weights of trainings that started from the same weights can be averaged, and the
mean is often better than each of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from aecbench._version import __version__
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Network, load_network
from aecbench.cards import Card, check_model_folder
from aecbench.errors import UsageError
from aecbench.output import locked, new_folder
from aecbench.systems import import_class
from aecbench.training.checkpoint import trained_model, write_model

__all__ = ["average"]

MOST = 1e100  # share; the sum of all stays finite

Described = tuple[Card, Mapping[str, Tensor]]  # a card, and weights by name


def average(models: Sequence[str], out: Path, shares: Sequence[float] | None = None) -> Path:
    """Write the weighted mean of the weights of models, names or folders, as a model to load; return its folder, OUT.

    The models must have the same class, and weights with the same names and shapes. `shares` [models] are positive
    relative weights; None weights all models equally. The parameters are those of the first model. For each model, the
    card lists its share, the SHA-256 of its weights, its origin, and parameters that differ from the first model's,
    such as those of the loss. Raises UsageError for models or shares that do not fit together and if OUT is a model of
    another kind, ConfigError for weights that do not fit their card, OutputError if OUT cannot be written or another
    process is writing to it.
    """
    shares = [1.0] * len(models) if shares is None else list(shares)
    if len(models) < 2 or len(shares) != len(models) or not all(0 < share < MOST for share in shares):
        raise UsageError(
            f"got {len(models)} models and the shares {shares}; expected two models or more, a positive share of each"
        )
    if out.resolve() in [Path(model).resolve() for model in models]:
        raise UsageError(f"{out}: is one of the models, which would be lost; choose another folder")
    check_model_folder(out, lambda card: "average" in card.origin)
    networks = [_trained(model) for model in models]
    states = [network.state_dict() for _, network in networks]
    for model, (card, _), state in zip(models, networks, states, strict=True):
        _check_kind(model, (card, state), models[0], (networks[0][0], states[0]))
    for name, mean in states[0].items():
        parts = [share / sum(shares) * state[name].double() for share, state in zip(shares, states, strict=True)]
        mean.copy_(torch.stack(parts).sum(0))
    first, network = networks[0]
    listed = [
        {
            "model": model,
            "share": share / sum(shares),
            "sha256": card.sha256,
            "differs": {key: value for key, value in card.parameters.items() if value != first.parameters.get(key)},
            "origin": card.origin,
        }
        for model, share, (card, _) in zip(models, shares, networks, strict=True)
    ]
    origin = {"parameters": "the mean of the weights of these models", "aecbench": __version__, "average": listed}
    summary = f"{first.canceller}, the mean of {len(models)} sets of weights"
    new_folder(out)
    with locked(out):
        write_model(out, network, {"canceller": first.canceller, "summary": summary, "origin": origin})
    return out


def _trained(model: str) -> tuple[Card, Network]:
    """Return the card and the network of a model with trained weights."""
    folder, card = trained_model(model)
    kind = import_class(DEEP.get(card.canceller, card.canceller), folder)
    return card, load_network(kind, card.parameters, folder / str(card.weights), str(card.sha256))


def _check_kind(model: str, ours: Described, first: str, theirs: Described) -> None:
    """Raise UsageError unless both have the same class, and weights with the same names and shapes."""
    shapes = [{name: list(z.shape) for name, z in state.items()} for _, state in (ours, theirs)]
    facts = [{"class": card.canceller, **of} for (card, _), of in zip((ours, theirs), shapes, strict=True)]
    for key in facts[0] | facts[1]:
        got, expected = (fact.get(key, "missing") for fact in facts)
        if got != expected:
            raise UsageError(f"{model}: {key} is {got}, but {first} has {expected}; expected trainings of one network")
