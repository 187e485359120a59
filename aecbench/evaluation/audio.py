"""Outputs of systems as audio: in memory, for figures and pages, and as WAV files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from aecbench.corpus import Corpus, Item
from aecbench.dsp.audio import write
from aecbench.evaluation.run import expected_time, run
from aecbench.output import new_folder
from aecbench.parallel import in_parallel
from aecbench.signals import STEMS, Array
from aecbench.systems import System

__all__ = ["Processed", "examples", "output_name", "outputs", "scene_folder", "with_echo", "write_audio"]

EFFORT = 0.02  # about the processor time of a run per time of audio


class Processed(NamedTuple):
    """A scene and the outputs of systems for it."""

    item: Item
    outputs: dict[str, Array]  # system -> output [T]; without systems that failed


def outputs(systems: Sequence[System], scenes: Corpus, *, jobs: int = 1) -> list[Processed]:
    """Run systems on all scenes, in `jobs` processes (-1: one per core), and return the outputs scene by scene."""
    calls = (joblib.delayed(_output)(system, scenes[n : n + 1]) for n in range(len(scenes)) for system in systems)
    total, names = len(scenes) * len(systems), [system.name for system in systems]
    expected = expected_time(systems, EFFORT * len(systems) * float(scenes.scenes["duration"].sum()))
    estimates = list(in_parallel(calls, total, "run systems", "outputs", jobs=jobs, expected=expected))
    processed = []
    for n, item in enumerate(scenes):
        own = zip(names, estimates[n * len(names) :], strict=False)
        processed.append(Processed(item, {name: x for name, x in own if x is not None}))
    return processed


def _output(system: System, scene: Corpus) -> Array | None:
    return run(system, scene[0], scene.scale(0)).estimate


def examples(scenes: Corpus, count: int) -> Corpus:
    """Return `count` scenes, in their order: the first one of each kind of talk, and then the first of the others."""
    kinds = list(scenes.scenes.drop_duplicates("talk")["scene"])
    others = [scene for scene in scenes.scenes["scene"] if scene not in kinds]
    return scenes.where(scene=[*kinds, *others][:count])


def with_echo(scenes: Corpus, count: int) -> Corpus:
    """Return the first `count` scenes of far-end single talk whose echo is known, or else of double talk.

    The result is empty if there are no such scenes either.
    """
    for talk in ("far_single", "double"):
        indices = np.flatnonzero(scenes.scenes["talk"] == talk)[:count]
        rows = [n for n in indices if not np.isnan(scenes.stems(int(n), ["echo"])).any()]
        if rows:
            return scenes.where(scene=list(scenes.scenes["scene"].iloc[rows]))
    return scenes[:0]


def scene_folder(folder: Path, scene: str) -> Path:
    """Return the folder within `folder` for the audio of the scene corpus/split/index: FOLDER/split-index.

    A slash within the index, as in an imported recording, is kept, so that no two scenes share a folder.

    >>> [scene_folder(Path("a"), f"c/test/{index}").as_posix() for index in ("000001", "s/1_x", "s-1_x")]
    ['a/test-000001', 'a/test-s/1_x', 'a/test-s-1_x']
    """
    return folder / scene.partition("/")[2].replace("/", "-", 1)


def output_name(system: str) -> str:
    """Return the name, without .wav, of the WAV file for a system's output."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in system)


def write_audio(folder: Path, item: Item, made: Mapping[str, Array], *, stems: bool = True) -> Path:
    """Write a WAV file for each known signal of a scene and for each output [T]; return their `scene_folder`.

    `made` maps names of systems to outputs. Without `stems`, only the outputs are written: if several processes write
    to one folder, only one of them has to write the signals. Raises OutputError.
    """
    files = scene_folder(folder, item.scene.id)
    new_folder(files)
    signals = {name: x for name, x in zip(STEMS, item.signals, strict=True) if stems and not np.isnan(x).any()}
    for name, x in (signals | {output_name(system): x for system, x in made.items()}).items():
        write(files / f"{name}.wav", x, item.scene.rate)
    return files
