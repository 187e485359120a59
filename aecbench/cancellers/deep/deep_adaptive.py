"""Deep adaptive echo cancellation: a network that controls an adaptive filter is trained by backpropagation through it.

H. Zhang, S. Kandadai, H. Rao, M. Kim, T. Pruthi, T. Kristjansson, "Deep adaptive AEC: hybrid of deep learning and
adaptive acoustic echo cancellation", ICASSP 2022: a network estimates a nonlinear reference, magnitude and phase, and
the step sizes of a subband NLMS filter. deep_adaptive_2022.py is closer to the paper. Here,

1. a Kalman filter, which needs no training, removes the echo that a classical filter can remove;
2. a network receives the microphone, the far end, the output of the Kalman filter and its echo estimate. For every
   frame and bin, it determines the reference and the step size of an NLMS filter, which cancels the echo that is left
   in the output of the Kalman filter;
3. the network also determines how the residual echo of both filters is suppressed: the output is g (E - c Y), with the
   error E after both filters, the echo estimate Y of both, a gain g from 0 to 1, and a complex factor c.
"""

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.cancellers.deep.inference.deep_adaptive import (
    DECISIONS,
    GAIN,
    INPUTS,
    PAIRS,
    STEP_SIZE,
    DeepAdaptiveConfig,
)
from aecbench.cancellers.deep.layers.subband_nlms import State as FilterState
from aecbench.cancellers.deep.layers.subband_nlms import SubbandNLMS
from aecbench.cancellers.deep.parts.control import Control, Memory
from aecbench.cancellers.deep.parts.kalman_front import kalman_front
from aecbench.cancellers.deep.parts.steered import Stages, SteeredNetwork
from aecbench.cancellers.kalman import Kalman

__all__ = ["DeepAdaptive", "DeepAdaptiveConfig", "State"]


class State(NamedTuple):
    """The NLMS filter and the network after a frame."""

    filter: FilterState
    memory: Memory


class DeepAdaptive(SteeredNetwork):
    """The network of this module. Spectra are [N, T, F]: batch, frames, bins."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptiveConfig
    config: DeepAdaptiveConfig

    def __init__(self, config: DeepAdaptiveConfig) -> None:
        super().__init__(config)
        bins = config.n_fft // 2 + 1
        self.kalman = kalman_front(config.hop_length, config.kalman)
        self.filter = SubbandNLMS(config.taps, delta=config.delta, posterior=config.posterior)
        sizes = {"bands": config.bands, "hidden": config.hidden, "small": config.small}
        self.control = Control(len(INPUTS), PAIRS, len(DECISIONS), bins, **sizes)

    @property
    @override
    def front(self) -> Kalman | None:
        return self.kalman

    @override
    def initial(self, mic: Tensor) -> State:
        return State(self.filter.init(mic), self.control.initial(mic))

    @override
    def stages(self, spectra: Tensor, state: State) -> tuple[Stages, State]:
        mic, far, error = (*spectra, spectra[0])[:3]
        numbers, memory = self.control([mic, far, error, mic - error], state.memory)
        decision = dict(zip(DECISIONS, numbers.mT.unbind(-2), strict=True))
        filter_state = state.filter
        reference, step_size = far, torch.full_like(mic.real, STEP_SIZE)
        if self.config.learn_reference:
            factor = torch.complex(1 + torch.tanh(decision["reference.real"]), torch.tanh(decision["reference.imag"]))
            reference = far * factor
        if self.config.learn_step:
            step_size = torch.sigmoid(decision["step_size"] + _logit(STEP_SIZE))
        if self.config.filter:
            filtered = self.filter(reference, error, step_size, filter_state)
            error, filter_state = filtered.error, filtered.state
        gain = torch.sigmoid(decision["gain"] + GAIN)
        share = torch.complex(torch.tanh(decision["share.real"]), torch.tanh(decision["share.imag"]))
        output = gain * (error - share * (mic - error))
        return Stages(output, error, reference, step_size), State(filter_state, memory)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
