"""A folder of audio files that another program has computed for the scenes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from aecbench.cancellers.abilities import Facts, Trait
from aecbench.dsp.audio import read
from aecbench.dsp.audio_files import audio_files
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["NAMES", "Predictions", "prediction_files", "read_estimate"]

MIC = "_mic"  # end of the names of exported microphone files
NAMES = "<split>-<index>.wav or, as exported, <split>/<index>_mic.wav"


@dataclass(frozen=True)
class Predictions:
    """A canceller that reads its output for a scene from an audio file.

    The file is <split>-<index>, the scene's id with _ in place of /, or <split>/<index>_mic, which is the path of the
    microphone in an export of the layout wav; plus the suffix of an audio format. The evaluator supplies the scene
    through `informed`.
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
        name = self.scene.partition("/")[2]
        names = name.replace("/", "-"), self.scene.replace("/", "_"), f"{name}{MIC}"
        match [path for name in names for path in _named(self.folder / name)]:
            case [path]:
                return self.scale * read_estimate(path, mic.size, self.rate)
            case [path, other, *_]:
                raise AudioError(f"{path}: is for the same scene as {other.relative_to(self.folder)}; keep one of them")
        raise AudioError(f"{self.folder}: contains no {' or '.join(f'{name}.wav' for name in names)}")


def _named(path: Path) -> list[Path]:
    """Return the audio files with a path, given without its suffix."""
    return [file for file in audio_files(path.parent, below=False).paths if file.stem == path.name]


def prediction_files(folder: Path) -> list[Path]:
    """Return the audio files in a folder that may be outputs: those directly in it, and those below named as a mic."""
    return [file for file in audio_files(folder).paths if file.parent == folder or file.stem.endswith(MIC)]


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
