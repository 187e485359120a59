"""The data behind the pictures of an evaluation: its scores, and the outputs of the systems."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from aecbench.corpus import Corpus
from aecbench.evaluation import evaluate, output_name, scene_folder
from aecbench.results import ResultTable
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Evaluated", "outputs"]


class Evaluated(NamedTuple):
    """Systems that were evaluated on the `scenes` of a split: `table` is what `aecbench.evaluation.evaluate` gave."""

    table: ResultTable
    systems: Sequence[System]
    scenes: Corpus
    split: str
    jobs: int = 1


def outputs(evaluated: Evaluated, scenes: Corpus, folder: Path) -> list[dict[str, Array]]:
    """Run the systems on some of the scenes: for each of them the outputs [T] of those that did not fail.

    Signals and outputs are written as WAV files, into a folder per scene within `folder` (`scene_folder`).
    """
    evaluate(evaluated.systems, scenes, {}, split=evaluated.split, jobs=evaluated.jobs, audio=folder)
    found = []
    for scene in scenes.scenes["scene"]:
        place, names = scene_folder(folder, scene), [system.name for system in evaluated.systems]
        files = {name: place / f"{output_name(name)}.wav" for name in names}
        found.append({name: _read(file) for name, file in files.items() if file.exists()})
    return found


def _read(file: Path) -> Array:
    return np.asarray(soundfile.read(file, dtype="float32")[0])
