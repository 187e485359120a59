"""The signals of a scene, and the names of who is talking."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEMS", "Array", "Signals", "Talk"]

Array = NDArray[np.floating[Any]]


class Signals(NamedTuple):
    """One scene, or a batch of scenes, as audio: five arrays [..., T] at one rate.

    `mic == near + echo + noise`, exactly on disk and to float32 rounding in memory.
    """

    mic: Array  # what the microphone records
    far: Array  # far-end reference, the digital signal sent to the loudspeaker
    near: Array  # near-end speech at the microphone (reverberant)
    echo: Array  # echo at the microphone: the far end after loudspeaker, room and delay
    noise: Array  # background noise at the microphone


STEMS = Signals._fields


class Talk(IntEnum):
    """Who is audible at the microphone in a 10 ms frame (noise does not count)."""

    SILENCE = 0
    FAR = 1  # far-end single talk: echo only
    NEAR = 2  # near-end single talk
    DOUBLE = 3  # double talk
