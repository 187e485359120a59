"""Networks that control the reference and the step sizes of an adaptive filter, and are trained through it."""

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
    """Spectra [N, T, F] at several stages."""

    output: Tensor
    error: Tensor  # error of the filter
    reference: Tensor  # learned reference of the filter
    step_size: Tensor  # real, 0 to 1


class SteeredNetwork(FramewiseNetwork):
    """A network whose subclasses define the `stages`; it is trained with `losses.objective.objective`."""

    config: SteeredConfig

    @abstractmethod
    def stages(self, spectra: Tensor, state: Any) -> tuple[Stages, Any]:
        """Return the stages and the state after the last frame, for the same arguments as `frames`."""

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
