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
from aecbench.cancellers.deep.stft import spectra
from aecbench.dsp import stft
from aecbench.signals import Array

__all__ = ["FramewiseCanceller", "FramewiseNetwork", "State", "lstm"]


class FramewiseNetwork(Network):
    """A causal network from spectra to spectra; what it remembers from frame to frame is a value."""

    @property
    def front(self) -> Streaming[Any] | None:
        """A canceller of blocks of a hop whose output the network is told too; it is not trained."""
        return None

    @property
    def synthesis(self) -> tuple[int, int]:
        """The length of the frames that `frames` gives, and how many samples they end before those it takes."""
        return self.config.n_fft, 0

    @abstractmethod
    def initial(self, mic: Tensor) -> Any:
        """The state before the first frame of spectra like mic [N, T, F]: nested tuples of tensors."""

    @abstractmethod
    def frames(self, spectra: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Spectra [S, N, T, F] complex, state -> output [N, T, F'], state after the last frame.

        The first two spectra are those of microphone and far end, the third, if any, is that of what `front` makes of
        them.
        """

    def decisions(self, spectra: Tensor, state: Any) -> dict[str, Tensor]:
        """What it decides for spectra as `frames` takes them, by name, each [N, T, F]; see `base.Explains`."""
        return {}

    def spectra(self, mic: Tensor, far: Tensor) -> Tensor:
        """What `frames` takes, of whole signals [N, T]."""
        signals = [mic, far]
        if self.front is not None:
            out = self.front.cancel(mic.detach().cpu().numpy(), far.detach().cpu().numpy())
            signals.append(torch.from_numpy(out).to(mic))
        return spectra(torch.stack(signals), self.config.n_fft, self.config.hop_length)

    def canceller(self) -> Streaming[Any]:
        """A canceller with a copy of the weights."""
        network = copy.deepcopy(self).cpu().eval().requires_grad_(False)
        return FramewiseCanceller(network, network.front, self.config.hop_length)


class State(NamedTuple):
    """What is known after a block."""

    past: NDArray[np.float32]  # [S, ..., n_fft - block] last samples of microphone, far end and output of the front
    pending: NDArray[np.float32]  # [..., frame - block] output that awaits further frames
    network: Any  # see FramewiseNetwork.initial; signals of the batch in one row
    front: Any  # state of the canceller in front


@dataclass(frozen=True, slots=True)
class FramewiseCanceller(Streaming[State]):
    """A network that is not trained any further, on one thread; filters within it go on adapting."""

    network: FramewiseNetwork
    front: Streaming[Any] | None  # of the network
    block: int  # hop of the network [samples]

    @property
    def latency(self) -> int:
        """The first sample of a frame depends on the last one."""
        return sum(self.network.synthesis) - 1

    @property
    def delay(self) -> int:
        """A block is complete when the last frame that holds it has come."""
        return sum(self.network.synthesis) - self.block

    def init(self, batch: tuple[int, ...]) -> State:
        """Silence, and a network that has heard nothing."""
        signals = 2 if self.front is None else 3
        past = np.zeros((signals, *batch, self.network.config.n_fft - self.block), np.float32)
        pending = np.zeros((*batch, self.network.synthesis[0] - self.block), np.float32)
        bins = self.network.config.n_fft // 2 + 1
        mic = torch.zeros(int(np.prod(batch)), 1, bins, dtype=torch.complex64)
        front = None if self.front is None else self.front.init(batch)
        return State(past, pending, self.network.initial(mic), front)

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """One frame through the network."""
        check_finite(self, mic, far)
        signals, front = [mic, far], state.front
        if self.front is not None:
            front, error = self.front.step(front, mic, far)
            signals.append(error)
        past, seen = stft.analyse(state.past, np.stack(signals))
        after, bins = state.network, self.network.synthesis[0] // 2 + 1
        spectrum = np.zeros((*mic.shape[:-1], bins), np.complex64)
        if spectrum.size:
            with _one_thread(), torch.inference_mode():
                rows = torch.from_numpy(seen.reshape(len(signals), -1, 1, seen.shape[-1]))
                out, after = self.network.frames(rows, state.network)
            spectrum = out.numpy().reshape(spectrum.shape)
        pending, block = stft.synthesise(state.pending, spectrum)
        return State(past, pending, after, front), block

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """What the network decides for mic and far [T], each [N, F]: frame n has its middle at sample n * block."""
        check_finite(self, mic, far)
        signals = torch.from_numpy(np.stack([mic, far])[:, None].astype(np.float32))
        with _one_thread(), torch.inference_mode():
            spectra = self.network.spectra(*signals)
            found = self.network.decisions(spectra, self.network.initial(spectra[0]))
        early = self.network.config.n_fft // (2 * self.block) - 1  # frames whose middle is before the signal
        shown = slice(early, early + -(-mic.shape[-1] // self.block))
        return {name: z[0, shown].numpy() for name, z in found.items()}


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


def lstm(layers: torch.nn.LSTM, x: Tensor, memory: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """LSTM layers on x [N, T, in], memory [layers, N, hidden] -> [N, T, hidden], memory after the last frame.

    A single frame goes by another way without gradients, as torch packs the weights anew in every call.
    """
    if x.shape[1] > 1 or torch.is_grad_enabled():
        out, after = layers(x, memory)
        return out, after
    h, states = x[:, 0], []
    for weights, *before in zip(layers.all_weights, *memory, strict=True):
        h, c = torch.lstm_cell(h, before, *weights)
        states.append((h, c))
    last, cells = (torch.stack(z) for z in zip(*states, strict=True))
    return h[:, None], (last, cells)
