"""What an outside program has made of the scenes already: a folder of audio files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aecbench.dsp.audio import read
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["Predictions", "read_estimate"]


@dataclass(frozen=True)
class Predictions:
    """A canceller that looks its outputs up: <split>-<index>.wav, or the scene's id with _ for /, both ending in .wav.

    The evaluator gives the scene with `dataclasses.replace(predictions, scene=..., scale=..., rate=...)`.
    """

    folder: Path
    scene: str = ""  # id: corpus/split/index
    rate: int = 16_000  # Hz
    scale: float = 1.0  # what the files are multiplied with

    @property
    def latency(self) -> int:
        """None is known of: the files have to be aligned with the microphone."""
        return 0

    def cancel(self, mic: Array, far: Array) -> Array:
        """The file of the scene, float32 [T]. Raises AudioError where it is missing, or not as long as mic [T]."""
        names = list(self._names())
        for name in names:
            if (self.folder / name).exists():
                return self.scale * read_estimate(self.folder / name, mic.size, self.rate)
        raise AudioError(f"{self.folder}: holds no {' or '.join(names)}")

    def _names(self) -> Iterator[str]:
        yield self.scene.partition("/")[2].replace("/", "-") + ".wav"
        yield self.scene.replace("/", "_") + ".wav"


def read_estimate(path: Path, length: int, rate: int) -> Array:
    """The audio of a file, float32 [length]. Raises AudioError where it is missing, of another length or rate."""
    x, found = read(path)
    if found != rate:
        raise AudioError(f"{path}: is at {found} Hz, expected {rate} Hz, as mic is")
    if x.size != length:
        raise AudioError(f"{path}: has {x.size} samples, expected {length}, as mic has")
    return x
