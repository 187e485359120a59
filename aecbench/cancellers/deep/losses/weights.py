"""Weights of the terms of loss functions, as tables of a network's configuration; does not import torch."""

from pydantic import Field

from aecbench.record import Frozen

__all__ = ["JointWeights", "Weights"]


class Weights(Frozen):
    """The weights of the terms of `objective.objective`; 0 omits a term."""

    si_sdr: float = Field(0.05, ge=0)  # per dB
    sdr: float = Field(0.0, ge=0)  # per dB; unlike SI-SDR, it depends on the level
    spectra: float = Field(5.0, ge=0)
    disturbance: float = Field(0.0, ge=0)  # per MOS that PESQ would deduct
    residual: float = Field(0.03, ge=0)  # error of the output relative to the microphone, per dB
    echo: float = Field(0.03, ge=0)  # residual echo of a filter relative to the echo, per dB
    noise: float = Field(0.0, ge=0, le=1)  # not a term: factor of the noise's amplitude in the target, in mode joint


class JointWeights(Frozen):
    """The weights of the terms of `joint.joint_loss`; 0 omits a term."""

    sdr: float = Field(0.05, ge=0)  # per dB
    spectra: float = Field(20.0, ge=0)
    lost: float = Field(40.0, ge=0)  # near end that is missing in the output: weighs over-suppression once more
    disturbance: float = Field(1.5, ge=0)  # per MOS that PESQ would deduct
    residual: float = Field(0.03, ge=0)  # error of the output relative to the microphone, per dB
    true_echo: float = Field(0.03, ge=0)  # error of the output relative to the echo, per dB
    filter: float = Field(0.05, ge=0)  # residual echo of the filter relative to the echo, per dB
    quiet: float = Field(-65.0, ge=-120, le=0)  # not a term: level [dBFS] above which noise is attenuated in the target
    ratio: float = Field(0.65, ge=0, le=1)  # not a term: attenuation in dB per dB above `quiet`
