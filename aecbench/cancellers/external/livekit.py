"""AEC3 from the wheel livekit, built from a newer WebRTC than pywebrtc-audio; at 16 kHz, in its frames of 10 ms."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aecbench.cancellers.external.frames import say_clipped
from aecbench.cancellers.external.needs import LIVEKIT
from aecbench.cancellers.external.webrtc import AEC3, FRAME, RATE
from aecbench.signals import Array

__all__ = ["LiveKitAEC3"]

FULL_SCALE = 2**15


@dataclass(frozen=True)
class LiveKitAEC3(AEC3):
    """AEC3 as LiveKit packages it: delay estimation, linear filter and residual echo suppression.

    Raises MissingExtra if livekit is not installed. Noise suppression and gain control are off. The microphone is
    high-passed at 100 Hz whatever its high-pass option says, and more steeply than by pywebrtc-audio: the phase shift
    at 1 kHz is still 20 degrees. Samples have 16 bits: those beyond [-1, 1] are clipped.
    """

    def __post_init__(self) -> None:
        LIVEKIT.load()

    def run(self, mic: Array, far: Array) -> Array:
        """Process one signal with a new audio processor."""
        wheel = LIVEKIT.load()
        say_clipped(mic, "livekit_aec3")
        say_clipped(far, "livekit_aec3")
        processor = wheel.AudioProcessingModule(echo_cancellation=True)
        out = np.empty(mic.size, np.float32)
        for start in range(0, mic.size, FRAME):
            frames = [_frame(wheel, x[start : start + FRAME]) for x in (far, mic)]
            processor.process_reverse_stream(frames[0])
            processor.process_stream(frames[1])
            out[start : start + FRAME] = np.frombuffer(frames[1].data, np.int16)
        return out / FULL_SCALE


def _frame(wheel: Any, x: Array) -> Any:
    samples = np.clip(np.rint(x * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return wheel.AudioFrame(bytearray(samples.tobytes()), RATE, 1, samples.size)
