"""A learned linear filter and a postfilter, trained jointly: the filter removes the echo, the postfilter its residual.

After H. Zhang, S. Kandadai, H. Rao, M. Kim, T. Pruthi, T. Kristjansson, "Deep adaptive AEC: hybrid of deep learning and
adaptive acoustic echo cancellation", ICASSP 2022, and T. Haubner, A. Brendel, W. Kellermann, "End-to-end deep
learning-based adaptation control for linear acoustic echo cancellation", IEEE/ACM TASLP 32, 2024:

1. A subband filter in a closed loop with a network that determines its gains, disturbances and drifts
   (learned_filter.py). In addition to the far end, its inputs are learned references, distortions of the far end times
   complex masks, so that the distortion of a nonlinear loudspeaker is filtered by echo paths of its own. The frames are
   long, so that complex taps per bin, without crossband filters, model an echo path well.
2. A second network receives the microphone, the far end, the error of the filter, its echo estimate, the correction
   that the update makes in its own frame, and the uncertainty of the filter. It works on shorter frames, and its output
   in every frame and bin is

       g (E + v C - c Y)

   with the a-posteriori error E, the echo estimate Y, a gain g from 0 to 1, and a complex factor c. C is the part of
   the a-priori error that the update of the same frame removed as echo. As some of it may have been near end, the
   fraction v, from 0 to 1, is added back.

A short frame is a section of a long one, samples n_fft - lag - short to n_fft - lag, where the long window is high and
the echo estimate is therefore most accurate. The latency is short + lag samples (40 ms), less one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d
from typing_extensions import override

from aecbench.cancellers.deep.base import Batch, NetworkConfig
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.inference.deep_joint import (
    BACK,
    DECISIONS,
    GAIN,
    INPUTS,
    PAIRS,
    TINY,
    DeepJointConfig,
)
from aecbench.cancellers.deep.losses.joint import joint_loss
from aecbench.cancellers.deep.parts import stft
from aecbench.cancellers.deep.parts.compiled_loop import CompiledLoop
from aecbench.cancellers.deep.parts.control import Control, Memory
from aecbench.cancellers.deep.parts.learned_filter import Filtered, LearnedFilter, Size
from aecbench.cancellers.deep.parts.preparation import aligned, changed_paths

__all__ = ["DeepJoint", "DeepJointConfig", "Stages", "State"]


class State(NamedTuple):
    """The filter and the second network after a frame."""

    filter: Any  # of parts.learned_filter, or the arrays of a compiled loop
    memory: Memory


class Stages(NamedTuple):
    """Spectra of short frames [N, T, short // 2 + 1] at several stages."""

    output: Tensor
    error: Tensor  # a-posteriori error of the filter
    gain: Tensor  # real, 0 to 1


class DeepJoint(FramewiseNetwork):
    """The network of this module. Spectra are [N, T, F]: of long frames up to the filter, of short ones after it."""

    Config: ClassVar[type[NetworkConfig]] = DeepJointConfig
    config: DeepJointConfig
    inside: Tensor

    def __init__(self, config: DeepJointConfig) -> None:
        super().__init__(config)
        c = config
        size = Size(c.n_fft, c.hop_length, c.taps, c.reference_taps, c.filter_bands, c.filter_hidden)
        self.filter = LearnedFilter(size, c.smoothing, c.decay)
        sizes = {"bands": c.bands, "hidden": c.hidden, "small": c.small}
        self.control = Control(len(INPUTS), PAIRS, len(DECISIONS), c.short // 2 + 1, **sizes)
        like = torch.zeros(())
        before, after = stft.window(c.n_fft, c.hop_length, like), stft.window(c.short, c.hop_length, like)
        self.register_buffer("inside", after / before[self._span].clamp(min=TINY), persistent=False)

    @property
    def channels(self) -> int:
        """Number of spectra that the second network receives."""
        return len(INPUTS)

    @property
    def _span(self) -> slice:
        """The samples of a long frame that make up the short one."""
        end = self.config.n_fft - self.config.lag
        return slice(end - self.config.short, end)

    @property
    @override
    def synthesis(self) -> tuple[int, int]:
        return self.config.short, self.config.lag

    @override
    def initial(self, mic: Tensor) -> State:
        short = mic.new_zeros(*mic.shape[:-1], self.config.short // 2 + 1)
        return State(self.filter.initial(mic), self.control.initial(short))

    @override
    def frames(self, spectra: Tensor, state: State) -> tuple[Tensor, State]:
        filtered, _, after = self.filter.listen(spectra[0], spectra[1], state.filter)
        stages, memory = self._finish(spectra, filtered, state.memory)
        return stages.output, State(after, memory)

    @override
    def fixed(self) -> Callable[[Tensor, State], tuple[Tensor, State]]:
        return partial(self._frames, CompiledLoop(self.filter))

    def _frames(self, loop: CompiledLoop, spectra: Tensor, state: State) -> tuple[Tensor, State]:
        filtered, after = loop(spectra[0], spectra[1], state.filter)
        stages, memory = self._finish(spectra, filtered, state.memory)
        return stages.output, State(after, memory)

    @override
    def decisions(self, spectra: Tensor, state: State) -> dict[str, Tensor]:
        """Return the step size of the filter, the expected power of its residual echo, and the gain of the output."""
        filtered, _, _ = self.filter.listen(spectra[0], spectra[1], state.filter)
        stages, _ = self._finish(spectra, filtered, state.memory)
        return {"step_size": filtered.step_size, "uncertainty": filtered.uncertainty, "gain": stages.gain}

    def _finish(self, spectra: Tensor, filtered: Filtered, memory: Memory) -> tuple[Stages, Memory]:
        """Run the second network on the output of the filter; return its stages and memory."""
        taken = filtered.step_size * filtered.error
        mic, far, error, taken = self._shortened(torch.stack([*spectra, filtered.error - taken, taken]))
        unsure = self._narrowed(filtered.uncertainty * (1 - filtered.step_size.detach()).square()).sqrt()
        echo = mic - error
        decided, memory = self.control([mic, far, error, echo, taken, unsure.to(mic.dtype)], memory)
        gain = torch.sigmoid(decided[..., 0] + GAIN)
        share = torch.complex(torch.tanh(decided[..., 1]), torch.tanh(decided[..., 2]))
        back = torch.sigmoid(decided[..., 3] + BACK)
        return Stages(gain * (error + back * taken - share * echo), error, gain), memory

    def _shortened(self, spectra: Tensor) -> Tensor:
        """Return the spectra of the short frames within the long frames of these spectra."""
        short: Tensor = torch.fft.rfft(torch.fft.irfft(spectra)[..., self._span] * self.inside)
        return short

    def _narrowed(self, power: Tensor) -> Tensor:
        """Return powers in the bins of long frames as powers in the bins of short ones: means over neighbours."""
        every = self.config.n_fft // self.config.short
        odd = 2 * (every // 2) + 1
        pooled = avg_pool1d(power.flatten(0, 1)[:, None], odd, every, odd // 2, count_include_pad=False)
        return pooled.reshape(*power.shape[:2], -1)

    @staticmethod
    @override
    def prepare(batch: Batch) -> Batch:
        return aligned(batch)

    @override
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `losses.joint.joint_loss` of output and filter."""
        config, hop, length = self.config, self.config.hop_length, batch.mic.shape[-1]
        if self.training:
            batch = changed_paths(batch, config.path_change)
        spectra = self.spectra(batch.mic, batch.far)
        state = self.initial(spectra[0])
        record = self.filter.hear(spectra[0], spectra[1])
        filtered = self.filter.replay(spectra[0], spectra[1], record, state.filter)
        stages, _ = self._finish(spectra, filtered, state.memory)
        estimate = stft.signal(stages.output, hop, length + config.lag)[..., config.lag :]
        stems = torch.stack([batch.near + batch.noise, batch.echo])
        rest, echo = self._shortened(stft.spectra(stems, config.n_fft, hop))
        return joint_loss(batch, estimate, stages.error - rest, echo, config.loss, config.sample_rate)
