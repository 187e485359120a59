"""A scene: all the random choices behind one recording, as a value that survives a trip through JSON."""

from typing import Literal

from pydantic import Field

from aecbench.record import Frozen, added

__all__ = [
    "Channel",
    "Loudspeaker",
    "Measured",
    "Noise",
    "Path",
    "Point",
    "RecordedEcho",
    "Room",
    "Scene",
    "Speech",
    "Stage",
    "TalkKind",
]

TalkKind = Literal["far_single", "double", "near_single", "barge_in", "alternating"]
Point = tuple[float, float, float]  # metres


class Speech(Frozen):
    """One talker: the utterances in the order they are spoken, and the times at which the talker has the floor."""

    speaker: str
    utterances: tuple[str, ...]  # keys of the speech source; spoken one after the other, from the start again if short
    spans: tuple[tuple[float, float], ...]  # [s] within the scene
    start: float = 0.0  # [s] into the first utterance


class Noise(Frozen):
    """Background noise. `kind` is a row of NOISES or "recorded"."""

    kind: str
    seed: int = 0
    file: str | None = None  # key of the noise source, for "recorded"
    start: float = 0.0  # [s] into the file
    voices: tuple[Speech, ...] = ()  # for "babble"


class Stage(Frozen):
    """One stage of a device and its parameters."""

    name: str
    parameters: dict[str, float] = Field(default_factory=dict)


class Loudspeaker(Frozen):
    """The device that plays the far end: amplifier, nonlinearity, response, tone and enclosure, in this order."""

    model: str  # the nonlinearity, a row of DEVICES
    parameters: dict[str, float] = Field(default_factory=dict)
    compressor: Stage | None = None
    response: Stage | None = None
    measured: str | None = None  # key of the source of loudspeaker responses
    rattle: Stage | None = None
    tone: Stage | None = added(None)

    @property
    def stages(self) -> list[tuple[str, dict[str, float]]]:
        """The stages of the device, in series: rows of DEVICES with their parameters."""
        model = Stage(name=self.model, parameters=self.parameters)
        chain = (self.compressor, model, self.response, self.tone, self.rattle)
        return [(stage.name, stage.parameters) for stage in chain if stage is not None and stage.name != "linear"]


class RecordedEcho(Frozen):
    """Part of a recording of far-end single talk: its loopback is the far end, its microphone the echo."""

    device: str
    recording: str  # key of the echo source
    start: float  # [s] into the recording
    echo_to_noise: float  # of the recording [dB], see aecbench.echoes
    linear: float  # of the recording [dB], see aecbench.echoes


class Channel(Frozen):
    """The changes of the far end before the loudspeaker. Times in seconds from the start."""

    delay: float  # bulk delay of the echo [s], a whole number of samples
    jumps: tuple[tuple[float, float], ...] = ()  # (time, delay from then on [s])
    drift: float = 0.0  # by how much the loudspeaker's clock is fast [ppm]
    gaps: tuple[tuple[float, float], ...] = ()  # (time, duration) of packets lost, and concealed, in the far end
    volume: tuple[tuple[float, float], ...] = ()  # (time, gain from then on [dB])


class Path(Frozen):
    """How the echo path changes: not at all, from response to response, or evenly through all of them."""

    kind: Literal["static", "switch", "move"] = "static"
    times: tuple[float, ...] = ()  # [s] of each switch; in a move, of each position
    fade: float = 0.02  # cross-fade of a switch [s]


class Room(Frozen):
    """A shoebox room with loudspeaker, microphone and talker in it. Lengths in metres."""

    engine: str  # row of ENGINES
    size: Point
    rt60: float  # [s]
    absorption: tuple[tuple[float, ...], ...]  # [6, octave bands or 1] share of energy that each wall absorbs
    humidity: float | None = None  # of the air, where it absorbs too [%]
    loudspeaker: Point
    microphone: Point
    talker: Point
    later: tuple[Point, ...] = ()  # further positions of the loudspeaker, where the path changes
    redrawn: int = 0  # rooms that were drawn before and turned out impossible
    bank: int | None = None  # number in the bank of rooms that come again; None for a room of this scene alone


class Measured(Frozen):
    """Measured impulse responses of one room: keys of the RIR source."""

    room: str
    echo: str
    near: str
    later: tuple[str, ...] = ()  # further responses of the echo, where the path changes


class Scene(Frozen):
    """Everything that was drawn for one recording. Rendering it is a pure function of it and of the sources."""

    id: str  # corpus/split/index
    split: str
    index: int
    talk: TalkKind
    rate: int  # [Hz]
    duration: float  # [s]
    far: Speech | None
    near: Speech | None
    noise: Noise | None
    far_noise: Noise | None
    room: Room | Measured
    response: float  # length kept of the impulse responses [s]
    path: Path
    loudspeaker: Loudspeaker
    channel: Channel
    agc: Stage | None  # of the microphone
    floor: Noise | None = added(None)  # of the device itself
    floor_snr: float | None = added(None)  # as snr, for the floor [dB]
    capture: tuple[Stage, ...] = added(())  # what the device does to the microphone signal, rows of CAPTURE
    # targets: `ser` and `snr` hold before `floor` and `capture`, `near_level` also before `agc`
    ser: float | None  # signal-to-echo ratio [dB]; in far-end single talk against speech at near_level
    snr: float | None  # active level of speech above the power of the noise in the whole scene [dB]; None without noise
    far_snr: float | None  # speech to noise in the far-end reference [dB]
    far_level: float  # active level of the far-end reference [dBFS]
    near_level: float  # active level of the (possible) near-end speech after the room [dBFS], unless turned down
    recorded: RecordedEcho | None = added(None)  # in the place of `far`, its channel, loudspeaker and echo path
