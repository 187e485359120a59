"""A scene: all the random choices behind one recording, as a value that survives a trip through JSON."""

from typing import Literal

from pydantic import Field

from aecbench.record import Frozen

__all__ = ["Loudspeaker", "Measured", "Noise", "Room", "Scene", "Speech", "TalkKind"]

TalkKind = Literal["far_single", "double", "near_single"]
Point = tuple[float, float, float]  # metres


class Speech(Frozen):
    """One talker: the utterances in the order they are spoken, and the times at which the talker has the floor."""

    speaker: str
    utterances: tuple[str, ...]  # keys of the speech source; spoken one after the other, from the start again if short
    spans: tuple[tuple[float, float], ...]  # [s] within the scene


class Noise(Frozen):
    """Background noise. `kind` is a row of NOISES or "recorded"."""

    kind: str
    seed: int = 0
    file: str | None = None  # key of the noise source, for "recorded"
    start: float = 0.0  # [s] into the file
    voices: tuple[Speech, ...] = ()  # for "babble"


class Loudspeaker(Frozen):
    """The loudspeaker's nonlinearity: a row of LOUDSPEAKERS and its parameters."""

    model: str
    parameters: dict[str, float] = Field(default_factory=dict)


class Room(Frozen):
    """A shoebox room with loudspeaker, microphone and talker in it. Lengths in metres."""

    engine: str  # row of ENGINES
    size: Point
    rt60: float  # [s]
    absorption: tuple[tuple[float, ...], ...]  # [6, bands] share of energy that each wall absorbs
    loudspeaker: Point
    microphone: Point
    talker: Point
    redrawn: int = 0  # rooms that were drawn before and turned out impossible


class Measured(Frozen):
    """Two measured impulse responses of one room: keys of the RIR source."""

    room: str
    echo: str
    near: str


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
    room: Room | Measured
    response: float  # length kept of the impulse responses [s]
    loudspeaker: Loudspeaker
    delay: float  # bulk delay of the echo [s]
    ser: float | None  # signal-to-echo ratio [dB]; in far-end single talk against speech at near_level
    snr: float | None  # signal-to-noise ratio [dB]; None without noise
    far_level: float  # active level of the far-end reference [dBFS]
    near_level: float  # active level of the (possible) near-end speech at the microphone [dBFS]
