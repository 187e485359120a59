"""The canceller that runs a trained network without torch, block by block."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from aecbench.cancellers.abilities import Count
from aecbench.cancellers.base import FlatStreaming, check_finite
from aecbench.cancellers.deep import INFERENCE
from aecbench.cancellers.deep.config import NetworkConfig
from aecbench.cancellers.deep.inference.layers import Float32
from aecbench.cancellers.deep.inference.weights import Weights, load_arrays
from aecbench.dsp import stft
from aecbench.plugins import load
from aecbench.record import parse
from aecbench.signals import Array

if TYPE_CHECKING:
    from aecbench.cancellers.kalman import Kalman

__all__ = ["Inference", "InferenceCanceller", "Result", "State", "inference", "load_inference"]

Complex = NDArray[np.complex64]


FRAMES = 4  # that `consume` processes at once: 64 ms, with the hops of the shipped networks


class Result(NamedTuple):
    """The result of T frames."""

    output: Complex  # [T, N, F'] spectra of the frames that `synthesis` describes
    decisions: dict[str, NDArray[Any]]  # by name, each [T, N, F]; see `base.Explains`


class Inference(ABC):
    """A trained network, some frames at a time: what `framewise.FramewiseNetwork` is in torch."""

    Config: ClassVar[type[NetworkConfig]]
    config: NetworkConfig

    @staticmethod
    def supports(config: Any) -> bool:
        """Return whether networks of this configuration run here; the others run in torch."""
        return True

    @abstractmethod
    def __init__(self, config: Any, weights: Weights) -> None:
        """Take all weights. Raises ConfigError where they do not fit the configuration."""

    @property
    def front(self) -> "Kalman | None":
        """A filter in front, whose output is another input."""
        return None

    @property
    def synthesis(self) -> tuple[int, int]:
        """Length of the output frames, and by how many samples each ends before the input frame it belongs to."""
        return self.config.n_fft, 0

    @abstractmethod
    def start(self, signals: int) -> Any:
        """Return the state before the first frame: nested tuples of arrays [N, ...]."""

    @abstractmethod
    def frames(self, spectra: Complex, state: Any) -> Result:
        """Process frames of spectra [T, N, S, F] of microphone, far end, and output of the front, if there is one.

        The arrays of the state are carried on in place. The result does not depend on how frames are divided into
        calls, but fewer calls take less time.
        """


class State(NamedTuple):
    """The state after a block."""

    past: Float32  # [..., S, n_fft - block] last samples of microphone, far end and output of the front
    pending: Float32  # [..., frame - block] output to which further frames are to be added
    network: Any  # of the network
    front: Any  # of the filter in front; () without one


@dataclass(frozen=True, eq=False)
class InferenceCanceller(FlatStreaming[State]):
    """A trained network; adaptive filters inside continue to adapt."""

    network: Inference
    target: str  # "module:Class" of the same network in torch
    weights: Callable[[], Mapping[str, NDArray[Any]]]  # read again for torch, so that they are not kept

    @property
    @override
    def block(self) -> int:
        return self.network.config.hop_length

    @property
    @override
    def stride(self) -> int:
        return FRAMES * self.block

    @property
    def sample_rate(self) -> int:
        """The rate that the network was trained for [Hz]."""
        return self.network.config.sample_rate

    @property
    @override
    def latency(self) -> int:
        return sum(self.network.synthesis) - 1

    @property
    @override
    def delay(self) -> int:
        return sum(self.network.synthesis) - self.block  # a block is complete when the last frame that covers it is

    @override
    def start(self, signals: int) -> State:
        front, frame = self.network.front, self.network.config.n_fft
        past = np.zeros((signals, 2 if front is None else 3, frame - self.block), np.float32)
        pending = np.zeros((signals, self.network.synthesis[0] - self.block), np.float32)
        return State(past, pending, self.network.start(signals), () if front is None else front.start(signals))

    @override
    def advance(self, state: State, mic: Array, far: Array) -> Array:
        signals, front = [mic, far], self.network.front
        if front is not None:
            signals.append(front.advance(state.front, mic.copy(), far))
        state.past[:], spectra = stft.analyse(state.past, np.stack(signals, 1), self.block)
        output = self.network.frames(spectra, state.network).output
        state.pending[:], out = stft.synthesise(state.pending, output)
        return out

    def cost(self) -> Count | None:
        """Return the count of the network, and of the filter in front of it. Imports torch."""
        canceller: Any = self.trained().canceller()
        count: Count | None = canceller.cost()
        return count

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return the decisions for mic and far [T], each [N, F]: the middle of frame n is at sample n * block."""
        check_finite(self, mic, far)
        frame, hop, front = self.network.config.n_fft, self.block, self.network.front
        signals = [mic, far] if front is None else [mic, far, front.cancel(mic, far)]
        count = -(-(mic.shape[-1] + frame - hop) // hop)
        blocks = np.pad(np.stack(signals), [(0, 0), (0, count * hop - mic.shape[-1])]).astype(np.float32)
        past, _, state, _ = self.start(1)
        frames = []
        for start in range(0, count * hop, self.stride):
            past, spectra = stft.analyse(past, blocks[None, :, start : start + self.stride], hop)
            frames.append(self.network.frames(spectra, state).decisions)
        first = frame // (2 * hop) - 1  # the middles of earlier frames precede the signal
        within = slice(first, first + -(-mic.shape[-1] // hop))
        return {name: np.concatenate([z[name][:, 0] for z in frames])[within] for name in frames[0]}

    def trained(self) -> Any:
        """Return the same network in torch, a `deep.base.Network`. Imports torch.

        Raises ConfigError if the file of weights is missing or has changed since.
        """
        from aecbench.cancellers.deep.base import restore

        return restore(self.target, self.network.config, self.weights())


def load_inference(target: str, parameters: Mapping[str, Any], path: Path, digest: str) -> InferenceCanceller | None:
    """Return the canceller of a card, given its class in torch, the fields of its Config, weights and their SHA-256.

    None where it has to run in torch. Raises ConfigError for parameters or weights that do not fit.
    """
    if target not in INFERENCE:
        return None
    config = parse(load(INFERENCE[target], target).Config, parameters, f"{path.parent}: parameters")
    return inference(target, config, partial(load_arrays, path.absolute(), digest), path)


def inference(
    target: str, config: NetworkConfig, read: Callable[[], Mapping[str, NDArray[Any]]], path: Path
) -> InferenceCanceller | None:
    """Return the canceller of a network with the weights that `read` returns; None where it has to run in torch.

    `target` is its class in torch, a key of `deep.INFERENCE`; errors name the `path`.
    """
    kind: type[Inference] = load(INFERENCE[target], target)
    if not kind.supports(config):
        return None
    weights = Weights(read(), path)
    network = kind(config, weights)
    weights.finish()
    return InferenceCanceller(network, target, read)
