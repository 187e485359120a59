"""Networks that can be trained, and how they are loaded: a configuration and a file of weights, never unpickled."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.deep.config import NetworkConfig
from aecbench.cancellers.deep.inference.weights import read_weights
from aecbench.config import parse
from aecbench.errors import ConfigError
from aecbench.plugins import load

__all__ = ["Batch", "Network", "NetworkConfig", "load_network", "load_weights", "restore"]


class Batch(NamedTuple):
    """Training examples: `aecbench.signals.Signals` as float32 tensors [B, T] on one device."""

    mic: Tensor  # near + echo + noise
    far: Tensor
    near: Tensor
    echo: Tensor
    noise: Tensor


class Network(nn.Module, ABC):
    """A network that can be trained, and that cancels echo.

    A subclass names its `Config` and is made from one: `Class(config)`. It learns parameters and buffers, and nothing
    else in it changes. Randomness, for example for dropout, comes from torch's global generators.
    """

    Config: ClassVar[type[NetworkConfig]]

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    @staticmethod
    def prepare(batch: Batch) -> Batch:
        """Return examples as `loss` takes them. Where several processes read examples, they do this too."""
        return batch

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, a scalar, and its parts for the log, scalars too.

        The loss is a mean over the examples of the batch: several processes average theirs. It depends on every
        parameter.
        """

    @abstractmethod
    def canceller(self) -> Streaming[Any]:
        """Return a canceller with a copy of the weights, on the CPU; later training does not change it.

        It is a frozen dataclass that can be pickled, takes and gives arrays, and runs without gradients, in evaluation
        mode.
        """

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `loss`, under the name that torch's wrappers call."""
        return self.loss(batch)


def load_network(kind: type[Network], parameters: Mapping[str, Any], weights: Path, digest: str) -> Network:
    """Return the network of a card, in evaluation mode, given its class, the fields of its Config, and its weights.

    Raises ConfigError for parameters or weights that do not fit it.
    """
    network = kind(parse(kind.Config, parameters, f"{weights.parent}: parameters"))
    load_weights(network, weights, digest)
    return network.eval()


def restore(target: str, config: NetworkConfig, weights: Mapping[str, NDArray[Any]]) -> Network:
    """Return the network of a class, "module:Class", with its parameters and weights, in evaluation mode."""
    network: Network = load(target, f"model {target!r}")(config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return network.eval()


def load_weights(module: nn.Module, path: Path, digest: str | None = None) -> None:
    """Fill parameters and buffers from a safetensors file, with the SHA-256 `digest` if that is given.

    Raises ConfigError for a file that cannot be read, has another digest, or does not fit the module.
    """
    data = read_weights(path, digest)
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise ConfigError(f"{path}: is not a safetensors file ({error}); get it again") from None
    state = module.state_dict()
    for name in sorted(state.keys() | tensors.keys()):
        got, expected = (_kind(of.get(name)) for of in (tensors, state))
        if got != expected:
            raise ConfigError(f"{path}: {name} is {got}, expected {expected}; it belongs to another network")
    module.load_state_dict(tensors)


def _kind(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
