"""The specification of a corpus, as a recipe (TOML) writes it. Unknown keys are errors; every number has a range."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from aecbench import provenance
from aecbench.errors import AecbenchError, UnknownName, did_you_mean
from aecbench.plugins import Table
from aecbench.record import Frozen, added
from aecbench.scenes import devices, noise, speech
from aecbench.scenes.capture import CAPTURE
from aecbench.scenes.devices import DEVICES, MICROPHONE_AGC, Range, settings
from aecbench.scenes.distribution import Distribution, one_of, within
from aecbench.scenes.noise import NOISES
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.scene import TalkKind

__all__ = ["NOISE_KINDS", "CorpusSpec"]

Seconds = Annotated[Distribution, within(0, 600, "s")]
Decibels = Annotated[Distribution, within(-60, 60, "dB")]
FullScale = Annotated[Distribution, within(-90, 0, "dBFS")]
Metres = Annotated[Distribution, within(1, 30, "m")]
Count = Annotated[Distribution, within(0, 20)]
NOISE_KINDS = ("none", "babble", "recorded", *NOISES)


PRIORS = {
    # wideband RT60 of 4382 real rooms with devices in them, percentiles 5/25/50/75/95; the ends are our extrapolation
    "devices": {"quantiles": [[0, 0.06], [0.05, 0.08], [0.25, 0.18], [0.5, 0.28], [0.75, 0.6], [0.95, 1.34], [1, 1.6]]}
}


def _prior(value: Any) -> Any:
    return PRIORS.get(value, value) if isinstance(value, str) else value


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
    """Weights of the kinds of scene, and their timing.

    The weights are divided by their sum: with a sum of 1, they are the shares of the kinds in the corpus. far_single,
    near_single: one end talks all the time. double: the near end joins at `near_onset`, for the rest. barge_in: it does
    so, and the far end stops after `overlap`. alternating: turns of `turn`, `pause` between them.
    """

    far_single: float = Field(0.25, ge=0)
    double: float = Field(0.5, ge=0)
    near_single: float = Field(0.25, ge=0)
    barge_in: float = Field(0, ge=0)
    alternating: float = Field(0, ge=0)
    near_onset: Seconds = constant(5.0)
    overlap: Seconds = constant(1.0)
    turn: Annotated[Distribution, within(0.5, 60, "s")] = constant(2.5)
    pause: Seconds = constant(0.5)

    @model_validator(mode="after")
    def _check(self) -> "TalkSpec":
        if not any(self.shares.values()):
            raise ValueError(f"the shares of {', '.join(self.shares)} are all 0; give one above 0")
        return self

    @property
    def shares(self) -> dict[TalkKind, float]:
        """Kind of scene -> weight, not divided by the sum."""
        return {kind: getattr(self, kind) for kind in get_args(TalkKind)}


class SpeechSpec(Frozen):
    """Who talks. `source`: espeak, a folder of audio, a CSV manifest, or an entry of another package."""

    source: str = "espeak"


class FarSpeechSpec(Frozen):
    """Sound of the far end. `source`: music or synthetic speech, as for `speech`; None: other talkers of that."""

    source: str | None = None


class LevelSpec(Frozen):
    """Levels of speech over its active frames, in the whole scene (after ITU-T P.56, see `aecbench.dsp.levels.active`).

    `ser` and `near` are targets: `ser` holds before `floor` and `capture`, `near` also before `agc`. A scene that would
    clip is turned down, and `near` with it. The table of scenes has what is measured of `near`, and of `ser` where both
    ends talk.
    """

    ser: Decibels = constant(0.0)  # near-end speech to echo, each where it is active
    far: FullScale = constant(-24.0)  # the far-end reference
    near: FullScale = constant(-28.0)  # near-end speech, after the room


class NoiseSpec(Frozen):
    """Noise of the room. `source`, for kind "recorded": a pack, a folder or a CSV manifest; "" for none.

    `snr` is the level of speech where it is active above the power of the noise in the whole scene. The speech is the
    near end; in scenes without near-end speech, it is the echo. It is a target, before `floor` and `capture`: the noise
    of the floor comes on top, and the stages of the microphone change both.
    """

    kind: Annotated[Distribution, one_of("noise", NOISE_KINDS, noise.TABLE)] = constant("none")
    snr: Decibels = constant(30.0)
    source: Annotated[str | None, BeforeValidator(lambda source: source or None)] = None

    @model_validator(mode="after")
    def _check(self) -> "NoiseSpec":
        if "recorded" in self.kind.extremes and self.source is None:
            raise ValueError(
                'kind "recorded" needs recordings: give a folder or a CSV as noise.source, or with --noise'
            )
        return self


class FarNoiseSpec(Frozen):
    """Noise in the far-end reference; `snr` as for the noise of the room, against the speech of the far end."""

    kind: Annotated[Distribution, one_of("noise", ("none", "babble", *NOISES), noise.TABLE)] = constant("none")
    snr: Decibels = constant(30.0)


class FloorSpec(FarNoiseSpec):
    """Noise of the device itself, added to the noise of the room; `snr` as there, before `capture`."""


class RoomSpec(Frozen):
    """The room. `source`: simulated (then `engine` computes the shoebox), or measured responses in a folder or CSV."""

    source: str = "simulated"
    engine: str = "images"
    rt60: Annotated[Distribution, BeforeValidator(_prior), within(0.05, 2.0, "s")] = constant(0.3)
    octaves: tuple[float, ...] | None = Field(None, min_length=1, max_length=8)  # rt60 from 125 Hz on, relative
    walls: Annotated[Distribution, within(0.01, 100)] = constant(1.0)  # what each absorbs, compared to the others
    humidity: Annotated[Distribution, within(10, 100, "%")] | None = None  # of air that absorbs too
    length: Metres = constant(5.0)
    width: Metres = constant(4.0)
    height: Annotated[Distribution, within(2, 10, "m")] = constant(2.7)
    device: Annotated[Distribution, within(0.02, 5, "m")] = constant(0.1)  # loudspeaker to microphone
    talker: Annotated[Distribution, within(0.1, 10, "m")] = constant(1.0)  # talker to microphone
    response: float = Field(0.5, gt=0, le=3)  # [s] kept of every impulse response
    tolerance: float | None = Field(None, ge=0.02, le=1)  # a room whose T20 is further off rt60 is drawn again
    rooms: int | None = Field(None, ge=1)  # per split; fewer than scenes: rooms come again. None: one per scene

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"unknown engine {engine!r}: {did_you_mean(engine, ENGINES)}")
        return engine


class StageSpec(Frozen):
    """A stage of a device that a share of the scenes has."""

    share: float = Field(0, ge=0, le=1)
    parameters: dict[str, Distribution] = Field(default_factory=dict)


def _check_parameters(owner: str, allowed: Mapping[str, Range], parameters: Mapping[str, Distribution]) -> None:
    for name, distribution in parameters.items():
        for value in distribution.extremes:
            settings(owner, allowed, {name: float(value)})


def _parameters(model: str) -> Mapping[str, Range]:
    """Check the settings of a device. Raises ValueError, as pydantic wants it."""
    try:
        return devices.find(model).parameters
    except UnknownName:
        models = [*DEVICES, *devices.TABLE.offered]
        raise ValueError(f"unknown loudspeaker model {model!r}: {did_you_mean(model, models)}") from None
    except AecbenchError as error:
        raise ValueError(str(error)) from None


class LoudspeakerSpec(Frozen):
    """The device: nonlinearity (for each model the distributions of its parameters), and the stages around it.

    `source`: measured frequency responses, a folder or a CSV manifest (kind "loudspeaker_ir"), which `measured` of the
    scenes have.
    """

    model: Annotated[Distribution, one_of("loudspeaker model", DEVICES, devices.TABLE)] = constant("linear")
    parameters: dict[str, dict[str, Distribution]] = Field(default_factory=dict)
    compressor: StageSpec = StageSpec()
    response: StageSpec = StageSpec()
    rattle: StageSpec = StageSpec()
    measured: float = Field(0, ge=0, le=1)
    source: str | None = None
    tone: StageSpec = added(StageSpec())

    @model_validator(mode="after")
    def _check(self) -> "LoudspeakerSpec":
        for model, parameters in self.parameters.items():
            _check_parameters(f"loudspeaker {model}", _parameters(model), parameters)
        for name in ("compressor", "response", "rattle", "tone"):
            _check_parameters(f"loudspeaker {name}", DEVICES[name].parameters, getattr(self, name).parameters)
        if self.measured and self.source is None:
            raise ValueError("measured responses need a folder or a CSV as loudspeaker.source")
        return self


class AgcSpec(StageSpec):
    """The microphone's automatic gain control."""

    @model_validator(mode="after")
    def _check(self) -> "AgcSpec":
        _check_parameters("microphone AGC", MICROPHONE_AGC, self.parameters)
        return self


class CaptureSpec(Frozen):
    """The stages of the device for the microphone signal, in this order, behind the gain control of `agc`."""

    high_pass: StageSpec = StageSpec()
    tone: StageSpec = StageSpec()
    clipping: StageSpec = StageSpec()
    suppressor: StageSpec = StageSpec()
    limiter: StageSpec = StageSpec()

    @model_validator(mode="after")
    def _check(self) -> "CaptureSpec":
        for name, stage in CAPTURE.items():
            _check_parameters(f"capture stage {name}", stage.parameters, getattr(self, name).parameters)
        return self


class ChannelSpec(Frozen):
    """Between the far-end reference and the loudspeaker."""

    delay: Annotated[Distribution, within(0, 1, "s")] = constant(0.0)  # bulk delay of the echo
    drift: Annotated[Distribution, within(-500, 500, "ppm")] = constant(0.0)  # of the loudspeaker's clock
    jumps: Count = constant(0)  # changes of the delay within a scene
    jump: Annotated[Distribution, within(-0.5, 0.5, "s")] = constant(0.02)  # by how much
    gaps: Count = constant(0)  # losses of packets
    gap: Annotated[Distribution, within(0.005, 1, "s")] = constant(0.02)  # how long
    volumes: Count = constant(0)  # changes of the volume
    volume: Decibels = constant(-6.0)  # gain after a change


class PathSpec(Frozen):
    """Shares of the scenes whose echo path switches, or moves; the others keep theirs."""

    switch: float = Field(0, ge=0, le=1)
    move: float = Field(0, ge=0, le=1)
    switches: Annotated[Distribution, within(1, 10)] = constant(1)  # per scene
    fade: Annotated[Distribution, within(0.001, 2, "s")] = constant(0.02)  # cross-fade of a switch
    distance: Annotated[Distribution, within(0.02, 2, "m")] = constant(0.3)  # that the loudspeaker moves
    step: float = added(0.02)  # [m] between the points of a movement; the sound between two points is a cross-fade

    @model_validator(mode="after")
    def _check(self) -> "PathSpec":
        if not 0.001 <= self.step <= 0.05:
            raise ValueError(f"step is {self.step} m, expected a length from 0.001 to 0.05 m")
        if self.switch + self.move > 1:
            raise ValueError(f"the shares switch {self.switch} and move {self.move} add up to more than 1")
        return self


class EchoSpec(Frozen):
    """Recorded echo in the place of far-end speech, loudspeaker, channel and echo path.

    `source`: a manifest that `aecbench echoes` wrote; None: the echo is simulated. Recordings whose echo-to-noise ratio
    is below `least` dB are not drawn.
    """

    source: str | None = None
    least: float = Field(10.0, ge=-60, le=60)


REPLACED = ("far_speech", "far_noise", "loudspeaker", "path", "channel")  # what a recorded echo replaces


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
    far_noise: FarNoiseSpec = FarNoiseSpec()
    room: RoomSpec = RoomSpec()
    loudspeaker: LoudspeakerSpec = LoudspeakerSpec()
    path: PathSpec = PathSpec()
    channel: ChannelSpec = ChannelSpec()
    agc: AgcSpec = AgcSpec()
    floor: FloorSpec = added(FloorSpec())
    capture: CaptureSpec = added(CaptureSpec())
    echo: EchoSpec = added(EchoSpec())
    far_speech: FarSpeechSpec = added(FarSpeechSpec())

    @model_validator(mode="after")
    def _check(self) -> "CorpusSpec":
        if self.talk.double + self.talk.barge_in and self.talk.near_onset.high >= self.duration:
            raise ValueError(
                f"talk.near_onset reaches {self.talk.near_onset.high:g} s, "
                f"but a scene lasts {self.duration:g} s; the near end would never talk"
            )
        if self.echo.source is not None:
            for name in REPLACED:
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(
                        f"{name} cannot be set where the echo is a recording, which has its own; leave it out"
                    )
            if self.talk.barge_in + self.talk.alternating:
                raise ValueError("talk: the far end of a recording never stops; leave out barge_in and alternating")
        return self

    @property
    def outside(self) -> dict[str, list[str]]:
        """The entries of other packages that it names, each with the package and the hash of its code."""
        named: dict[Table[Any], tuple[float | str, ...]] = {
            devices.TABLE: self.loudspeaker.model.extremes,
            noise.TABLE: (
                *self.noise.kind.extremes,
                *self.far_noise.kind.extremes,
                *self.floor.kind.extremes,
            ),
            speech.TABLE: tuple(
                source
                for source in (self.speech.source, self.far_speech.source)
                if source is not None and speech.from_outside(source)
            ),
        }
        return {
            f"{table.noun} {name}": _identity(table, str(name))
            for table, names in named.items()
            for name in names
            if table.reference(str(name)) is not None
        }

    @property
    def segments(self) -> int:
        """Echo paths stored per scene: one for each stretch between changes; of a movement, its two ends."""
        switches = 1 + int(self.path.switches.high) if self.path.switch else 1
        return max(switches, 2 if self.path.move else 1)

    @property
    def response_samples(self) -> int:
        """Length of a stored echo path, bulk delay included."""
        return round(self.rate * (max(self.channel.delay.high, self.drift_lead) + self.room.response)) + 1

    @property
    def drift_lead(self) -> float:
        """By how many seconds a fast clock may run ahead until the end of a scene."""
        return max(0.0, self.duration * self.channel.drift.high * 1e-6)


def _identity(table: Table[Any], name: str) -> list[str]:
    """Return the code that decides an entry of another package. Raises ConfigError where it cannot be used."""
    table.find(name)  # imports it
    module, _, _ = str(table.reference(name)).partition(":")
    return [table.package(name), provenance.package_code(module)]
