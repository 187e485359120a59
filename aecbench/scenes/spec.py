"""The specification of a corpus, as a recipe (TOML) writes it. Unknown keys are errors; every number has a range."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from aecbench.errors import did_you_mean
from aecbench.record import Frozen
from aecbench.scenes.distribution import Distribution, one_of, within
from aecbench.scenes.loudspeaker import LOUDSPEAKERS, find, settings
from aecbench.scenes.noise import NOISES
from aecbench.scenes.rooms import ENGINES

__all__ = ["NOISE_KINDS", "CorpusSpec"]

Seconds = Annotated[Distribution, within(0, 600, "s")]
Decibels = Annotated[Distribution, within(-60, 60, "dB")]
FullScale = Annotated[Distribution, within(-90, 0, "dBFS")]
Metres = Annotated[Distribution, within(1, 30, "m")]
NOISE_KINDS = ("none", "babble", "recorded", *NOISES)


def constant(value: float | str) -> Distribution:
    """The distribution that always gives `value`."""
    return Distribution(constant=value)


class Splits(Frozen):
    """Number of scenes."""

    train: int = Field(0, ge=0, le=10_000_000)
    val: int = Field(0, ge=0, le=10_000_000)
    test: int = Field(0, ge=0, le=10_000_000)

    @model_validator(mode="after")
    def _check(self) -> "Splits":
        if not self.train + self.val + self.test:
            raise ValueError("no split has a scene; give at least one a count above 0")
        return self


class TalkSpec(Frozen):
    """Shares of the kinds of scene, and when the near end begins to talk in double talk."""

    far_single: float = Field(0.25, ge=0)
    double: float = Field(0.5, ge=0)
    near_single: float = Field(0.25, ge=0)
    near_onset: Seconds = constant(5.0)

    @model_validator(mode="after")
    def _check(self) -> "TalkSpec":
        if not self.far_single + self.double + self.near_single:
            raise ValueError("the shares of far_single, double and near_single are all 0; give one above 0")
        return self


class SpeechSpec(Frozen):
    """Who talks. `source`: espeak, a folder of audio, or a CSV manifest."""

    source: str = "espeak"


class LevelSpec(Frozen):
    """Levels of speech over its active frames."""

    ser: Decibels = constant(0.0)  # near-end speech to echo, at the microphone
    far: FullScale = constant(-24.0)  # the far-end reference
    near: FullScale = constant(-28.0)  # near-end speech at the microphone


class NoiseSpec(Frozen):
    """Background noise. `source`, for kind "recorded": a folder of audio or a CSV manifest."""

    kind: Annotated[Distribution, one_of("noise", NOISE_KINDS)] = constant("none")
    snr: Decibels = constant(30.0)
    source: str | None = None

    @model_validator(mode="after")
    def _check(self) -> "NoiseSpec":
        if "recorded" in self.kind.extremes and self.source is None:
            raise ValueError(
                'kind "recorded" needs recordings: give a folder or a CSV as noise.source, or with --noise'
            )
        return self


class RoomSpec(Frozen):
    """The room. `source`: simulated (then `engine` computes the shoebox), or measured responses in a folder or CSV."""

    source: str = "simulated"
    engine: str = "images"
    rt60: Annotated[Distribution, within(0.05, 2.0, "s")] = constant(0.3)
    length: Metres = constant(5.0)
    width: Metres = constant(4.0)
    height: Annotated[Distribution, within(2, 10, "m")] = constant(2.7)
    device: Annotated[Distribution, within(0.02, 5, "m")] = constant(0.1)  # loudspeaker to microphone
    talker: Annotated[Distribution, within(0.1, 10, "m")] = constant(1.0)  # talker to microphone
    response: float = Field(0.5, gt=0, le=3)  # [s] kept of every impulse response

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"unknown engine {engine!r}: {did_you_mean(engine, ENGINES)}")
        return engine


class LoudspeakerSpec(Frozen):
    """The loudspeaker's nonlinearity, and for each model the distributions of its parameters."""

    model: Annotated[Distribution, one_of("loudspeaker model", LOUDSPEAKERS)] = constant("linear")
    parameters: dict[str, dict[str, Distribution]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "LoudspeakerSpec":
        for model, parameters in self.parameters.items():
            allowed = find(model).parameters
            for name, distribution in parameters.items():
                for value in distribution.extremes:
                    settings(f"loudspeaker {model}", allowed, {name: float(value)})
        return self


class ChannelSpec(Frozen):
    """Between the far-end reference and the loudspeaker."""

    delay: Annotated[Distribution, within(0, 1, "s")] = constant(0.0)  # bulk delay of the echo


class CorpusSpec(Frozen):
    """A corpus: how many scenes of what kind."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    seed: int = Field(0, ge=0)
    rate: int = Field(16_000, ge=8_000, le=48_000)  # [Hz]
    duration: float = Field(10.0, ge=1, le=600)  # [s] of every scene
    shard: int = Field(256, ge=1, le=100_000)  # scenes per file
    splits: Splits
    talk: TalkSpec = TalkSpec()
    speech: SpeechSpec = SpeechSpec()
    levels: LevelSpec = LevelSpec()
    noise: NoiseSpec = NoiseSpec()
    room: RoomSpec = RoomSpec()
    loudspeaker: LoudspeakerSpec = LoudspeakerSpec()
    channel: ChannelSpec = ChannelSpec()

    @model_validator(mode="after")
    def _check(self) -> "CorpusSpec":
        if self.talk.double and self.talk.near_onset.high >= self.duration:
            raise ValueError(
                f"talk.near_onset reaches {self.talk.near_onset.high:g} s, "
                f"but a scene lasts {self.duration:g} s; the near end would never talk"
            )
        return self

    @property
    def response_samples(self) -> int:
        """Length of the stored echo paths, bulk delay included."""
        return round(self.rate * (self.channel.delay.high + self.room.response))
