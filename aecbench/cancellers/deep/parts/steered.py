"""Networks that control an adaptive filter, with its reference and its step sizes, and are trained through it."""

from abc import abstractmethod
from typing import Any, NamedTuple

from torch import Tensor
from typing_extensions import override

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.config import SteeredConfig
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.losses.objective import Echoes, objective
from aecbench.cancellers.deep.parts import stft

__all__ = ["Stages", "SteeredNetwork"]


class Stages(NamedTuple):
    """Spectra [N, T, F] on the way to the output."""

    output: Tensor
    error: Tensor  # of the filter
    reference: Tensor  # learned
    step_size: Tensor  # real


class SteeredNetwork(FramewiseNetwork):
    """A network that is defined by its `stages`."""

    config: SteeredConfig

    @abstractmethod
    def stages(self, spectra: Tensor, state: Any) -> tuple[Stages, Any]:
        """Return decisions and results for spectra as `frames` takes them, and the state after the last frame."""

    @override
    def frames(self, spectra: Tensor, state: Any) -> tuple[Tensor, Any]:
        stages, state = self.stages(spectra, state)
        return stages.output, state

    @override
    def decisions(self, spectra: Tensor, state: Any) -> dict[str, Tensor]:
        stages, _ = self.stages(spectra, state)
        return {"step_size": stages.step_size, "reference": stages.reference}

    @override
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        config, hop = self.config, self.config.hop_length
        spectra = self.spectra(batch.mic, batch.far)
        rest, echo = (stft.spectra(z, config.n_fft, hop) for z in (batch.near + batch.noise, batch.echo))
        stages, _ = self.stages(spectra, self.initial(spectra[0]))
        estimate = stft.signal(stages.output, hop, batch.mic.shape[-1])
        echoes = Echoes(stages.error - rest, echo)
        return objective(batch, estimate, echoes, config.loss, mode=config.mode, rate=config.sample_rate)
