"""What the pictures of an evaluation are drawn from: its scores, and the systems, to hear and see what they do."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from aecbench.corpus import Corpus
from aecbench.evaluate import compare
from aecbench.results import ResultTable
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Evaluated", "outputs", "place"]


class Evaluated(NamedTuple):
    """Systems that were evaluated on the `scenes` of a split: `table` is what `aecbench.evaluate.compare` gave."""

    table: ResultTable
    systems: Sequence[System]
    scenes: Corpus
    split: str
    jobs: int = 1


def outputs(evaluated: Evaluated, scenes: Corpus, folder: Path) -> list[dict[str, Array]]:
    """Run the systems on some of the scenes: for each of them the outputs [T] of those that did not fail.

    Signals and outputs are written as WAV files, into a folder per scene within `folder` (see `place`).
    """
    compare(evaluated.systems, scenes, {}, split=evaluated.split, jobs=evaluated.jobs, audio=folder)
    found = []
    for scene in scenes.scenes["scene"]:
        files = {system.name: place(folder, scene) / f"{_file(system.name)}.wav" for system in evaluated.systems}
        found.append({name: _read(file) for name, file in files.items() if file.exists()})
    return found


def place(folder: Path, scene: str) -> Path:
    """Where the files of the scene corpus/split/index lie within the folder: FOLDER/split-index."""
    return folder / scene.partition("/")[2].replace("/", "-")


def _file(system: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in system)


def _read(file: Path) -> Array:
    return np.asarray(soundfile.read(file, dtype="float32")[0])
