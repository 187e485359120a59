"""The base class of networks, and how trained ones are loaded: from a configuration and a safetensors file of weights.

Nothing is ever unpickled.
"""

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
from aecbench.errors import ConfigError
from aecbench.plugins import load
from aecbench.record import parse

__all__ = ["Batch", "Network", "NetworkConfig", "load_network", "load_weights", "restore"]


class Batch(NamedTuple):
    """Training examples: `aecbench.signals.Signals` as float32 tensors [B, T] on one device."""

    mic: Tensor  # near + echo + noise
    far: Tensor
    near: Tensor
    echo: Tensor
    noise: Tensor


class Network(nn.Module, ABC):
    """A network that can be trained and then cancels echo.

    A subclass is constructed from an instance of its `Config`: `Class(config)`. Training may change its
    parameters and buffers only. Random numbers, for example for dropout, are drawn from torch's global generators.
    """

    Config: ClassVar[type[NetworkConfig]] = NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    @staticmethod
    def prepare(batch: Batch) -> Batch:
        """Return the examples in the form that `loss` expects. It runs in the processes that read the examples."""
        return batch

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar loss, and scalar parts of it by name, for the log.

        The loss is a mean over the examples of the batch, because training averages it over several processes. It has
        to depend on every parameter.
        """

    @abstractmethod
    def canceller(self) -> Streaming[Any]:
        """Return a canceller with a copy of the weights, on the CPU; further training does not change it.

        It is a frozen dataclass that can be pickled. Its input and output are NumPy arrays, and the network runs in
        evaluation mode and without gradients.
        """

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `loss(batch)`: torch's wrappers call `forward`."""
        return self.loss(batch)


def load_network(kind: type[Network], parameters: Mapping[str, Any], weights: Path, digest: str) -> Network:
    """Return the network of a card, in evaluation mode.

    `kind` is its class, `parameters` are the fields of its Config, `weights` is a safetensors file and `digest` the
    SHA-256 of that file. Raises ConfigError for parameters or weights that do not fit the network.
    """
    network = kind(parse(kind.Config, parameters, f"{weights.parent}: parameters"))
    load_weights(network, weights, digest)
    return network.eval()


def restore(target: str, config: NetworkConfig, weights: Mapping[str, NDArray[Any]]) -> Network:
    """Return a network of the class `target`, "module:Class", with these weights and in evaluation mode."""
    network: Network = load(target, f"model {target!r}")(config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return network.eval()


def load_weights(module: nn.Module, path: Path, digest: str | None = None) -> None:
    """Load parameters and buffers from a safetensors file.

    Raises ConfigError if the file cannot be read, its SHA-256 is not `digest` (if given), or a name, type or shape does
    not match the module.
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
