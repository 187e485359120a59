"""Networks that work frame by frame on short-time spectra, and the canceller that runs one block by block."""

import copy
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aecbench.cancellers.base import Streaming, check_finite
from aecbench.cancellers.deep.base import Network
from aecbench.dsp import stft
from aecbench.signals import Array

__all__ = ["FramewiseCanceller", "FramewiseNetwork", "State", "layer_macs"]


class FramewiseNetwork(Network):
    """A causal network from spectra to spectra; what it remembers from frame to frame is a value."""

    @abstractmethod
    def initial(self, mic: Tensor) -> Any:
        """The state before the first frame of spectra like mic [N, T, F]: nested tuples of tensors."""

    @abstractmethod
    def frames(self, mic: Tensor, far: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mic and far [N, T, F] complex, state -> output [N, T, F], state after the last frame."""

    @property
    @abstractmethod
    def macs_per_second(self) -> float:
        """Real multiplications and additions of frames(), without transforms, per second of audio."""

    def canceller(self) -> Streaming[Any]:
        """A canceller with a copy of the weights."""
        network = copy.deepcopy(self).cpu().eval().requires_grad_(False)
        return FramewiseCanceller(network, self.config.hop_length)


class State(NamedTuple):
    """What is known after a block."""

    mic: NDArray[np.float32]  # [..., n_fft - block] last samples
    far: NDArray[np.float32]  # [..., n_fft - block]
    pending: NDArray[np.float32]  # [..., n_fft - block] output that awaits further frames
    network: Any  # see FramewiseNetwork.initial; signals of the batch in one row


@dataclass(frozen=True, slots=True)
class FramewiseCanceller(Streaming[State]):
    """A network that is not trained any further, on one thread; filters within it go on adapting."""

    network: FramewiseNetwork
    block: int  # hop of the network [samples]

    @property
    def latency(self) -> int:
        """The first sample of a frame depends on the last one."""
        return self.network.config.n_fft - 1

    @property
    def delay(self) -> int:
        """A block is complete when the last frame that holds it has come."""
        return self.network.config.n_fft - self.block

    def init(self, batch: tuple[int, ...]) -> State:
        """Silence, and a network that has heard nothing."""
        past = np.zeros((*batch, self.delay), np.float32)
        bins = self.network.config.n_fft // 2 + 1
        mic = torch.zeros(int(np.prod(batch)), 1, bins, dtype=torch.complex64)
        return State(past, past, past, self.network.initial(mic))

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """One frame through the network."""
        check_finite(self, mic, far)
        mic_past, d = stft.analyse(state.mic, mic)
        far_past, x = stft.analyse(state.far, far)
        spectrum, after = d, state.network
        if d.size:
            with _one_thread(), torch.inference_mode():
                d, x = (z.reshape(-1, 1, z.shape[-1]) for z in (d, x))
                out, after = self.network.frames(torch.from_numpy(d), torch.from_numpy(x), state.network)
            spectrum = out.numpy().reshape(spectrum.shape)
        pending, block = stft.synthesise(state.pending, spectrum)
        return State(mic_past, far_past, pending, after), block


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


def layer_macs(module: torch.nn.Module) -> int:
    """Multiplications of the matrices of a module's linear and recurrent layers, each applied once."""
    return sum(p.numel() for p in module.parameters() if p.ndim == 2)
