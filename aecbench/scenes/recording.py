"""A recording that was not simulated here: what its data set says of it, and nothing more."""

import json
from typing import Literal

from pydantic import Field

from aecbench.record import Frozen
from aecbench.scenes.scene import Scene, TalkKind
from aecbench.signals import Talk

__all__ = ["TALK", "Fact", "Kind", "Recording", "read_scene"]

Kind = TalkKind | Literal["sweep"]
Fact = str | int | float | bool

# who talks in a recording whose stems nobody knows, from its first frame to the last; in a sweep, nobody does
TALK = {"far_single": Talk.FAR, "double": Talk.DOUBLE, "near_single": Talk.NEAR, "sweep": Talk.SILENCE}


class Recording(Frozen):
    """The counterpart of a `Scene` in a corpus that was imported."""

    kind: Literal["recording"] = "recording"  # tells it from a Scene, which has no such field
    id: str  # corpus/split/name
    split: str
    index: int
    talk: Kind
    rate: int  # [Hz]
    duration: float  # [s]
    stems: bool  # False: a real recording, whose mic and far are known and near, echo and noise are not
    ser: float | None = None  # signal-to-echo ratio [dB]
    snr: float | None = None  # signal-to-noise ratio [dB]
    facts: dict[str, Fact] = Field(default_factory=dict)  # whatever else the data set says, by its own names


def read_scene(text: str) -> Scene | Recording:
    """The scene or the recording in a JSON text."""
    data = json.loads(text)
    return Recording.model_validate(data) if data.get("kind") == "recording" else Scene.model_validate_json(text)
