"""A subband filter in a closed loop with the network that adapts it, as a part of larger networks.

The filter of step_size_filter.py with a variance for every tap, features and network as in deep_step_size.py, which has
the paper and the equations. Every frame goes the same way: predict the echo; tell the network of error, echo estimate
and uncertainty; let it decide on gain, disturbance and drift; update.

`listen` does that without gradients. `replay` goes through the same frames with gradients, through the recursions of
filter and network: how the masks change what is heard later is left out of the gradient, not of the values.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecbench.cancellers import coupling
from aecbench.cancellers.deep import step_size_filter as layer
from aecbench.cancellers.deep.step_size_features import TINY, Averages, Features, Frame, Heard
from aecbench.cancellers.deep.step_size_network import StepSizeNetwork

__all__ = ["Filtered", "LearnedFilter", "State"]

LOGITS = (3.0, 1.0, -8.5)  # of gain, root of the disturbance and drift, before training
SCALES = (1.0, 1.0, 3.0)  # a drift is looked for over decades
LEAST = 1e-8  # drift, so that a variance is never a denormal number


class State(NamedTuple):
    """What is known after a frame."""

    weights: Tensor  # [N, L, 2, F]
    covariance: Tensor  # [N, L, F]
    far: Tensor  # [N, L - 1, 2, F] last frames, oldest first
    memory: Tensor  # of the GRU, see StepSizeNetwork
    averages: Averages


class Filtered(NamedTuple):
    """What the filter makes of a stretch of frames, spectra [N, T, F]."""

    error: Tensor  # complex, a-priori: microphone less the echo estimate before the update
    step_size: Tensor  # normalised, in 0 ... 1: the share of the error that the update takes for echo
    uncertainty: Tensor  # expected power of the residual echo in the a-priori error; without gradients


class LearnedFilter(nn.Module):
    """The filter and its network. Spectra are [N, T, F]."""

    logits: Tensor
    scales: Tensor

    def __init__(self, bins: int, hop: int, taps: int, bands: int, hidden: int, smoothing: float, decay: float) -> None:
        """`taps` frames of `hop` samples; `decay` [dB] over them before training; the rest as of DeepStepSizeConfig."""
        super().__init__()
        self.taps, self.bands = taps, bands
        self.features = Features(hop, smoothing, feedback=True)
        self.network = StepSizeNetwork("hybrid", self.features.channels, self.features.detail, bins, bands, hidden)
        slope = decay / 10 * math.log(10) / taps
        self.profile = nn.Parameter(-slope * torch.arange(taps, dtype=torch.float32))
        self.register_buffer("logits", torch.tensor(LOGITS)[:, None], persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES)[:, None], persistent=False)

    @property
    def room(self) -> Tensor:
        """The expected power of the taps [L]; it adds up to 1."""
        return torch.softmax(self.profile, 0)

    def initial(self, mic: Tensor) -> State:
        """An echo path of zeros, before the first frame of spectra like mic [N, T, F]."""
        n, bins, real = mic.shape[0], mic.shape[-1], mic.real
        return State(
            weights=real.new_zeros(n, self.taps, 2, bins),
            covariance=self._covariance(self.room.detach(), n, bins),
            far=real.new_zeros(n, self.taps - 1, 2, bins),
            memory=self.network.initial(real),
            averages=self.features.initial(real, self.bands),
        )

    @torch.no_grad()
    def listen(self, mic: Tensor, far: Tensor, state: State) -> tuple[Filtered, Heard, State]:
        """The closed loop, frame after frame: what comes of it, what the network was told, the state at the end."""
        room, told, made = self.room, [], []
        d, x = layer.planes(mic), layer.planes(far)
        for t in range(mic.shape[1]):
            now = slice(t, t + 1)
            window = torch.cat([state.far, x[:, now]], 1)
            known = layer.predict(window, d[:, now], room, state.weights, state.covariance)
            error, uncertainty, power = (z[:, 0] for z in known)
            frame = Frame(d[:, t], x[:, t], error, uncertainty, power)
            heard, averages = self.features(frame, state.averages, self.network.weights)
            masks, memory = self._masks(heard, state.memory)
            adapted = self._adapt(window, d[:, now], heard, masks, room, state.weights, state.covariance)
            state = State(adapted.weights, adapted.covariance, window[:, 1:], memory, averages)
            told.append(heard)
            made.append((adapted.error, adapted.step_size, known[1]))
        error, step_size, uncertainty = _joined(made)
        return Filtered(_complex(error), step_size, uncertainty), Heard(*_joined(told)), state

    def replay(self, mic: Tensor, far: Tensor, heard: Heard, state: State) -> Filtered:
        """The same frames again, from the same state, with gradients; without the uncertainty, which has none."""
        room = self.room
        d, x = layer.planes(mic), torch.cat([state.far, layer.planes(far)], 1)
        masks, _ = self._masks(heard, state.memory)
        start = self._covariance(room, mic.shape[0], mic.shape[-1])
        adapted = self._adapt(x, d, heard, masks, room, state.weights, start)
        return Filtered(_complex(adapted.error), adapted.step_size, torch.zeros_like(adapted.step_size))

    def _covariance(self, room: Tensor, signals: int, bins: int) -> Tensor:
        """Before the first frame."""
        return (room * coupling.LOWEST)[:, None].expand(signals, -1, bins)

    def _masks(self, heard: Heard, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Gain, root of the disturbance and drift [N, T, 3, F], each in 0 ... 1; the memory after the last frame."""
        numbers, memory = self.network(heard.bands, heard.bins, memory)
        return torch.sigmoid(numbers * self.scales + self.logits), memory

    def _adapt(
        self, far: Tensor, mic: Tensor, heard: Heard, masks: Tensor, room: Tensor, weights: Tensor, covariance: Tensor
    ) -> layer.Adapted:
        gain, error, drift = masks.unbind(2)
        disturbance = error.square() * heard.power + TINY
        drift = (drift + LEAST) * heard.gain + heard.news
        return layer.adapt(far, mic, gain, disturbance, drift, room, weights, covariance)


def _complex(z: Tensor) -> Tensor:
    """Planes [N, T, 2, F] as complex numbers [N, T, F]."""
    return torch.complex(z[:, :, 0], z[:, :, 1])


def _joined(frames: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Frames one after the other."""
    return frames[0] if len(frames) == 1 else tuple(torch.cat(z, 1) for z in zip(*frames, strict=True))
