"""The outputs of another program for the scenes: a folder of audio files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from aecbench.cancellers.abilities import Facts, Trait
from aecbench.dsp.audio import read
from aecbench.dsp.audio_files import audio_files, by_name
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["Predictions", "read_estimate"]


@dataclass(frozen=True)
class Predictions:
    """A canceller that looks its outputs up: <split>-<index>, or the scene's id with _ for /, and an audio suffix.

    The evaluator gives the scene through `informed`.
    """

    traits: ClassVar = frozenset({Trait.PRECOMPUTED, Trait.UNKNOWN_LATENCY})
    folder: Path
    scene: str = ""  # id: corpus/split/index
    rate: int = 16_000  # Hz
    scale: float = 1.0  # what the files are multiplied with

    @property
    def latency(self) -> int:
        """Return 0, because the files have to be aligned with the microphone; how they were made is not known."""
        return 0

    def informed(self, facts: Facts) -> "Predictions":
        """Return the outputs for a scene; they are as loud as exported WAV files, which leave its scale out."""
        return replace(self, scene=facts.scene, rate=facts.rate, scale=facts.scale)

    def cancel(self, mic: Array, far: Array) -> Array:
        """Return the file of the scene, float32 [T]. Raises AudioError unless there is one, as long as mic [T]."""
        names = self.scene.partition("/")[2].replace("/", "-"), self.scene.replace("/", "_")
        files = by_name(audio_files(self.folder, below=False).paths, self.folder)
        for name in names:
            match files.get(name):
                case [path]:
                    return self.scale * read_estimate(path, mic.size, self.rate)
                case [path, *others]:
                    raise AudioError(f"{path}: shares its name with {others[0].name}; keep one of them in the folder")
        raise AudioError(f"{self.folder}: holds no {' or '.join(f'{name}.wav' for name in names)}")


def read_estimate(path: Path, length: int, rate: int) -> Array:
    """The audio of a file, float32 [length]. Raises AudioError where it is missing, of another length or rate."""
    x, file_rate = read(path)
    if file_rate != rate:
        raise AudioError(f"{path}: is at {file_rate} Hz, expected {rate} Hz, as mic is")
    if x.size != length:
        raise AudioError(f"{path}: has {x.size} samples, expected {length}, as mic has")
    return x
