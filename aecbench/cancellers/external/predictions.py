"""A folder of audio files that another program has computed for the scenes."""

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
    """A canceller that reads its output for a scene from an audio file.

    The file is named <split>-<index>, or the scene's id with _ in place of /, plus the suffix of an audio format. The
    evaluator supplies the scene through `informed`.
    """

    traits: ClassVar = frozenset({Trait.PRECOMPUTED, Trait.UNKNOWN_LATENCY})
    folder: Path
    scene: str = ""  # id: corpus/split/index
    rate: int = 16_000  # [Hz] that the files must have
    scale: float = 1.0  # factor by which the samples of the files are multiplied

    @property
    def latency(self) -> int:
        """0, because it is unknown: the files have to be time-aligned with the microphone."""
        return 0

    def informed(self, facts: Facts) -> "Predictions":
        """Return the canceller for a scene; the files have the full scale of exported WAV files, not of the corpus."""
        return replace(self, scene=facts.scene, rate=facts.rate, scale=facts.scale)

    def cancel(self, mic: Array, far: Array) -> Array:
        """Return the samples of the scene's file, float32 [T].

        Raises AudioError unless there is exactly one such file, with the rate of the scene and the length of mic [T].
        """
        names = self.scene.partition("/")[2].replace("/", "-"), self.scene.replace("/", "_")
        files = by_name(audio_files(self.folder, below=False).paths, self.folder)
        for name in names:
            match files.get(name):
                case [path]:
                    return self.scale * read_estimate(path, mic.size, self.rate)
                case [path, *others]:
                    raise AudioError(f"{path}: shares its name with {others[0].name}; keep one of them in the folder")
        raise AudioError(f"{self.folder}: contains no {' or '.join(f'{name}.wav' for name in names)}")


def read_estimate(path: Path, length: int, rate: int) -> Array:
    """Return the samples of a file, float32 [length].

    Raises AudioError if the file is missing or does not have this length and rate.
    """
    x, file_rate = read(path)
    if file_rate != rate:
        raise AudioError(f"{path}: is at {file_rate} Hz, expected {rate} Hz, as mic is")
    if x.size != length:
        raise AudioError(f"{path}: has {x.size} samples, expected {length}, as mic has")
    return x
