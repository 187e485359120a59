"""Deep adaptive echo cancellation with the structure of the paper: an LSTM and an NLMS filter, without further stages.

H. Zhang, S. Kandadai, H. Rao, M. Kim, T. Pruthi, T. Kristjansson, "Deep adaptive AEC: hybrid of deep learning and
adaptive acoustic echo cancellation", ICASSP 2022. From the log magnitudes of microphone and far end, an LSTM estimates
the magnitude and phase of a nonlinear reference and a step size, for every bin and frame. The output is the a-priori
error of the filter. The loss is not the paper's: see losses/objective.py.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.cancellers.deep.inference.deep_adaptive_2022 import FLOOR, DeepAdaptive2022Config
from aecbench.cancellers.deep.layers.subband_nlms import State as FilterState
from aecbench.cancellers.deep.layers.subband_nlms import SubbandNLMS
from aecbench.cancellers.deep.parts.recurrent import lstm
from aecbench.cancellers.deep.parts.steered import Stages, SteeredNetwork

__all__ = ["DeepAdaptive2022", "DeepAdaptive2022Config", "State"]


class State(NamedTuple):
    """Filter and network after a frame."""

    filter: FilterState
    memory: tuple[Tensor, Tensor]  # hidden and cell state of the LSTM, each [layers, N, hidden]


class DeepAdaptive2022(SteeredNetwork):
    """The network of this module. Spectra are [N, T, F]: batch, frames, bins."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptive2022Config
    config: DeepAdaptive2022Config

    def __init__(self, config: DeepAdaptive2022Config) -> None:
        super().__init__(config)
        bins = config.n_fft // 2 + 1
        self.filter = SubbandNLMS(config.taps, delta=config.delta)
        self.lstm = nn.LSTM(2 * bins, config.hidden, config.layers, batch_first=True)
        layers: list[nn.Module] = []
        for _ in range(config.dense - 1):
            layers += [nn.Linear(config.hidden, config.hidden), nn.ReLU()]
        self.dense = nn.Sequential(*layers)
        self.last = nn.Linear(config.hidden, 3 * bins)
        with torch.no_grad():
            self.last.weight *= 0.1
            self.last.bias.zero_()

    @override
    def initial(self, mic: Tensor) -> State:
        zeros = mic.real.new_zeros(self.config.layers, mic.shape[0], self.config.hidden)
        return State(self.filter.init(mic), (zeros, zeros))

    @override
    def stages(self, spectra: Tensor, state: State) -> tuple[Stages, State]:
        mic, far = spectra
        both = torch.cat([mic, far], -1)
        magnitudes = torch.log10(both.real.square() + both.imag.square() + FLOOR) / 2 + 1
        out, memory = lstm(self.lstm, magnitudes, state.memory)
        loudness, phase, step = self.last(self.dense(out)).chunk(3, -1)
        reference, step_size = far, torch.full_like(step, self.config.step_size)
        if self.config.learn_reference:
            reference = far * torch.polar(2 * torch.sigmoid(loudness), torch.pi * torch.tanh(phase))
        if self.config.learn_step:
            step_size = torch.sigmoid(step + torch.logit(step_size))
        filtered = self.filter(reference, mic, step_size, state.filter)
        return Stages(filtered.error, filtered.error, reference, step_size), State(filtered.state, memory)
