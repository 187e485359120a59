"""Networks that work frame by frame on short-time spectra, and the canceller that runs one block by block."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Count
from aecbench.cancellers.base import Streaming, check_block, check_finite
from aecbench.cancellers.deep.base import Network
from aecbench.cancellers.deep.export.macs import network_count
from aecbench.cancellers.deep.parts.stft import spectra
from aecbench.dsp import stft
from aecbench.signals import Array

__all__ = ["FramewiseCanceller", "FramewiseNetwork", "State"]


class FramewiseNetwork(Network):
    """A causal network from spectra to spectra [N, T, F]: batch, frames, bins.

    Its state is a value: `frames` receives one and returns the next.
    """

    @property
    def front(self) -> Streaming[Any] | None:
        """A canceller in front, with a block of one hop, which is not trained; its output is a further input."""
        return None

    @property
    def synthesis(self) -> tuple[int, int]:
        """Length of the output frames, and by how much each ends before its input frame does [samples]."""
        return self.config.n_fft, 0

    @abstractmethod
    def initial(self, mic: Tensor) -> Any:
        """Return the state before the first frame, as nested tuples of tensors.

        Batch size, number of bins, type and device are those of `mic` [N, T, F].
        """

    @abstractmethod
    def frames(self, spectra: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Process complex spectra [S, N, T, F] from a state on: return the output and the state after the last frame.

        The S = 2 or 3 signals are microphone, far end, and the output of `front`, if there is one. The output consists
        of spectra [N, T, F'] of the frames that `synthesis` describes.
        """

    def fixed(self) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        """Return `frames` without gradients, on the CPU, for the weights that the network has now.

        A network that can prepare something for weights that stay as they are does it here. Where states after the
        first frame are arrays, not tensors, they may be written over.
        """
        return self.frames

    def decisions(self, spectra: Tensor, state: Any) -> dict[str, Tensor]:
        """Return decisions by name, each [N, T, F], for the same arguments as `frames`; see `base.Explains`."""
        return {}

    def spectra(self, mic: Tensor, far: Tensor) -> Tensor:
        """Return the input of `frames`, spectra [S, N, T, F], for whole signals [N, samples]."""
        signals = [mic, far]
        if self.front is not None:
            out = self.front.cancel(mic.detach().cpu().numpy(), far.detach().cpu().numpy())
            signals.append(torch.from_numpy(out).to(mic))
        return spectra(torch.stack(signals), self.config.n_fft, self.config.hop_length)

    @override
    def canceller(self) -> Streaming[Any]:
        network = copy.deepcopy(self).cpu().eval().requires_grad_(False)
        return FramewiseCanceller(network, network.front, self.config.hop_length)


class State(NamedTuple):
    """The state after a block."""

    past: NDArray[np.float32]  # [..., S, n_fft - block] last samples of microphone, far end and output of the front
    pending: NDArray[np.float32]  # [..., frame - block] output to which further frames are yet to be added
    network: Any  # see FramewiseNetwork.initial, with the batch flattened
    front: Any  # state of the canceller in front


@dataclass(frozen=True, slots=True)
class FramewiseCanceller(Streaming[State]):
    """A network with fixed weights, run on one thread; adaptive filters inside it continue to adapt."""

    network: FramewiseNetwork
    front: Streaming[Any] | None  # front of the network
    block: int  # hop of the network [samples]
    frames: Callable[[Tensor, Any], tuple[Tensor, Any]] = field(init=False, repr=False, compare=False)  # of the network

    def __post_init__(self) -> None:
        """Prepare the network for its weights."""
        object.__setattr__(self, "frames", self.network.fixed())

    @property
    def sample_rate(self) -> int:
        """The sample rate for which the network was trained [Hz]."""
        return self.network.config.sample_rate

    @property
    @override
    def latency(self) -> int:
        return sum(self.network.synthesis) - 1

    @property
    @override
    def delay(self) -> int:
        return sum(self.network.synthesis) - self.block  # a block is complete once the last overlapping frame is added

    @property
    def signals(self) -> int:
        """Number of signals whose spectra the network receives."""
        return 2 if self.front is None else 3

    @override
    def init(self, batch: tuple[int, ...]) -> State:
        past = np.zeros((*batch, self.signals, self.network.config.n_fft - self.block), np.float32)
        pending = np.zeros((*batch, self.network.synthesis[0] - self.block), np.float32)
        bins = self.network.config.n_fft // 2 + 1
        mic = torch.zeros(int(np.prod(batch)), 1, bins, dtype=torch.complex64)
        front = None if self.front is None else self.front.init(batch)
        return State(past, pending, self.network.initial(mic), front)

    @override
    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        check_block(self, mic, far)
        return self.consume(state._replace(network=_copied(state.network)), mic, far)

    @override
    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        signals, front = [mic, far], state.front
        if self.front is not None:
            front, error = self.front.step(front, mic, far)
            signals.append(error)
        past, [frame] = stft.analyse(state.past, np.stack(signals, -2), self.block)  # [..., S, F]
        output, network = frame[..., 0, : self.network.synthesis[0] // 2 + 1], state.network
        if output.size:
            rows = frame.reshape(-1, 1, *frame.shape[-2:])  # [N, 1, S, F]
            with _one_thread(), torch.inference_mode():
                spectra, network = self.frames(torch.from_numpy(np.moveaxis(rows, -2, 0)), network)
            output = spectra.numpy().reshape(output.shape)
        pending, block = stft.synthesise(state.pending, output[None])
        return State(past, pending, network, front), block

    def cost(self) -> Count | None:
        """Return the count of the network and the canceller in front of it; None if the latter has none."""
        own = network_count(self.network, self.signals)
        return own if self.front is None else own.plus(abilities.cost(self.front))

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return decisions by name for mic and far [T], each [N, F]; frame n is centred on sample n * block."""
        check_finite(self, mic, far)
        signals = torch.from_numpy(np.stack([mic, far])[:, None].astype(np.float32))
        with _one_thread(), torch.inference_mode():
            spectra = self.network.spectra(*signals)
            decisions = self.network.decisions(spectra, self.network.initial(spectra[0]))
        first = self.network.config.n_fft // (2 * self.block) - 1  # earlier frames are centred before the signal starts
        frames = slice(first, first + -(-mic.shape[-1] // self.block))
        return {name: z[0, frames].numpy() for name, z in decisions.items()}


def _copied(state: Any) -> Any:
    """Return a state of nested tuples with copies of its arrays; tensors are never written over."""
    if isinstance(state, tuple):
        parts = map(_copied, state)
        return getattr(state, "_make", tuple)(parts)
    return state.copy() if isinstance(state, np.ndarray) else state


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
