"""AEC3, the echo canceller of WebRTC, from the wheel pywebrtc-audio; at 16 kHz, in its frames of 10 ms."""

from dataclasses import dataclass

from aecbench.cancellers.external.frames import Framewise
from aecbench.cancellers.external.needs import PYWEBRTC
from aecbench.signals import Array

__all__ = ["AEC3", "DenoisingAEC3"]

RATE = 16_000  # Hz
FRAME = RATE // 100


@dataclass(frozen=True)
class AEC3(Framewise):
    """WebRTC's AEC3: delay estimation, linear filter and residual echo suppression.

    It high-passes the microphone, so the output differs from it even if the far end is silent. Raises MissingExtra if
    pywebrtc-audio is not installed.
    """

    def __post_init__(self) -> None:
        PYWEBRTC.load()

    @property
    def sample_rate(self) -> int:
        """16 kHz."""
        return RATE

    @property
    def frame(self) -> int:
        """10 ms."""
        return FRAME

    @property
    def delay(self) -> int:
        """128 samples, measured as the peak of the cross-correlation between white noise and the output for it."""
        return 128

    def run(self, mic: Array, far: Array) -> Array:
        """Process one signal with a new canceller."""
        out: Array = PYWEBRTC.load().EchoCanceller(RATE, 1, 0).process(mic, far)
        return out


@dataclass(frozen=True)
class DenoisingAEC3(AEC3):
    """WebRTC's AEC3 with its noise suppressor at the default strength, as in a call in a browser."""

    @property
    def delay(self) -> int:
        """224 samples: 128 of AEC3 and 96 of the noise suppressor, measured."""
        return 224

    def run(self, mic: Array, far: Array) -> Array:
        """Process one signal with a new audio processor."""
        processor = PYWEBRTC.load().AudioProcessor(RATE, 1, echo_cancellation=True, noise_suppression=True)
        out: Array = processor.process(mic, far)
        return out
