"""The mean of several trainings of one network, as a model to load.

M. Wortsman and others, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022: weights that began with the same ones can be averaged, and the mean is often
better than each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from aecbench._version import __version__
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Network, load_network
from aecbench.cards import Card
from aecbench.errors import UsageError
from aecbench.systems import import_class
from aecbench.training.checkpoint import trained_model, write_model

__all__ = ["average"]

Described = tuple[Card, Mapping[str, Tensor]]  # a card, and weights by name


def average(models: Sequence[str], out: Path, shares: Sequence[float] | None = None) -> Path:
    """Write the weighted mean of the weights of models, names or folders, as a model to load. Return its folder, OUT.

    The models have to be of one class, with weights of the same names and shapes. `shares` [models] are positive and
    count in proportion; None: all the same. The parameters are those of the first model. The card lists the models:
    share, SHA-256 of the weights, origin, and the parameters that differ from the first model's, as a loss may.
    Raises UsageError for models or shares that do not fit together, ConfigError for weights that do not fit their card.
    """
    shares = [1.0] * len(models) if shares is None else list(shares)
    if len(models) < 2 or len(shares) != len(models) or min(shares) <= 0:
        raise UsageError(
            f"got {len(models)} models and the shares {shares}; expected two models or more, a positive share of each"
        )
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
    write_model(out, network, {"canceller": first.canceller, "summary": summary, "origin": origin})
    return out


def _trained(model: str) -> tuple[Card, Network]:
    """Return the card of a model with weights of its own, and its network."""
    folder, card = trained_model(model)
    kind = import_class(DEEP.get(card.canceller, card.canceller), folder)
    return card, load_network(kind, card.parameters, folder / str(card.weights), str(card.sha256))


def _check_kind(model: str, ours: Described, first: str, theirs: Described) -> None:
    """Raise UsageError unless both are one class and have weights of the same names and shapes."""
    shapes = [{name: list(z.shape) for name, z in state.items()} for _, state in (ours, theirs)]
    facts = [{"class": card.canceller, **of} for (card, _), of in zip((ours, theirs), shapes, strict=True)]
    for key in facts[0] | facts[1]:
        got, expected = (fact.get(key, "missing") for fact in facts)
        if got != expected:
            raise UsageError(f"{model}: {key} is {got}, but {first} has {expected}; expected trainings of one network")
