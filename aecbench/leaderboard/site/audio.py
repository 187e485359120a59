"""The outputs of a board's systems on some scenes: sounds, pictures, and their ERLE over time."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from PIL import Image

from aecbench.corpus import Corpus, Item
from aecbench.errors import NotInstalled
from aecbench.evaluation import examples, output_name, outputs, scene_folder, with_echo
from aecbench.leaderboard.board import Board
from aecbench.leaderboard.rerun import check_models, system_of
from aecbench.metrics.erle_segmental import segmental
from aecbench.output import new_folder, whole_file
from aecbench.plots.style import RANGE, spectrum
from aecbench.scenes.conditions import TALK_WORDS
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["SceneAudio", "Sound", "erle_over_time", "gallery", "runnable_systems"]

SCENES = 8  # to hear
TIMED = 24  # over which ERLE over time is averaged
SIZE = (625, 129)  # of a spectrogram, in pixels


class Sound(NamedTuple):
    """One signal of a scene: files beside the page."""

    name: str
    given: bool  # mic or near, not the output of a system
    audio: str
    picture: str


class SceneAudio(NamedTuple):
    """A scene with its signals."""

    scene: str
    talk: str  # in words
    sounds: list[Sound]


def runnable_systems(board: Board, models: Sequence[str]) -> list[System]:
    """Return the systems of a board that can be run here, the best first, under their names on the board.

    Raises the errors of `check_models`.
    """
    check_models(board, models)
    systems = []
    for standing in board.standings:
        try:
            system = system_of(board.current[standing.name].entry, models)
        except NotInstalled:
            continue
        if system is not None:
            systems.append(replace(system, name=standing.name))
    return systems


def gallery(scenes: Corpus, systems: Sequence[System], folder: Path, jobs: int = 1) -> list[SceneAudio]:
    """Run systems on eight examples; write FLAC files and spectrograms of mic, near and every output.

    Raises OutputError.
    """
    audio = []
    for item, made in outputs(systems, examples(scenes, SCENES), jobs=jobs):
        files = scene_folder(folder, item.scene.id)
        new_folder(files)
        audio.append(SceneAudio(item.scene.id, TALK_WORDS[item.scene.talk], _sounds(item, made, files, folder)))
    return audio


def _sounds(item: Item, made: Mapping[str, Array], files: Path, folder: Path) -> list[Sound]:
    rate, signals = item.scene.rate, item.signals
    originals = {"mic": signals.mic} | ({} if np.isnan(signals.near).any() else {"near": signals.near})
    loudest = float(spectrum(signals.mic, rate).max())
    sounds = []
    for name, x in [*originals.items(), *made.items()]:
        file = files / (name if name in originals else f"out-{output_name(name)}")
        audio, picture = file.with_name(f"{file.name}.flac"), file.with_name(f"{file.name}.png")
        with whole_file(audio) as part:
            soundfile.write(os.fsencode(part), np.clip(x, -1, 1), rate, format="FLAC", subtype="PCM_16")
        with whole_file(picture) as part:
            _picture(x, rate, loudest).save(part, format="PNG", optimize=True)
        links = [path.relative_to(folder).as_posix() for path in (audio, picture)]
        sounds.append(Sound(name, name in originals, *links))
    return sounds


def _picture(x: Array, rate: int, loudest: float) -> Image.Image:
    """Return a spectrogram, from `loudest` dB down by RANGE, high frequencies above."""
    from matplotlib import colormaps

    shades = np.clip((spectrum(x, rate)[::-1] - loudest + RANGE) / RANGE, 0, 1)
    image = Image.fromarray((255 * shades).astype(np.uint8)).resize(SIZE, Image.Resampling.BILINEAR)
    image.putpalette((255 * colormaps["magma"](np.arange(256))[:, :3]).astype(np.uint8).tobytes())
    return image


def erle_over_time(scenes: Corpus, systems: Sequence[System], jobs: int = 1) -> tuple[dict[str, list[float]], int]:
    """Return the mean ERLE [dB] of every system per quarter of a second over the first far-end single-talk scenes.

    At most 24 of them; and how many. No system where there are none, or their echo is not known.
    """
    timed = with_echo(scenes.where(talk="far_single"), TIMED)
    curves: dict[str, list[Array]] = {}
    for item, made in outputs(systems, timed, jobs=jobs):
        for name, x in made.items():
            if x.shape == item.signals.mic.shape:
                curves.setdefault(name, []).append(segmental(item.signals, x, item.scene.rate))
    return {name: _mean(rows) for name, rows in curves.items()}, len(timed)


def _mean(curves: Sequence[Array]) -> list[float]:
    """Average over the scenes with echo at that time; NaN where there is none in any."""
    longest = max(map(len, curves))
    stacked = np.stack([np.pad(curve, (0, longest - curve.size), constant_values=np.nan) for curve in curves])
    count = np.isfinite(stacked).sum(0)
    total = np.where(np.isfinite(stacked), stacked, 0).sum(0)
    return [float(value) for value in np.where(count > 0, total / np.maximum(count, 1), np.nan)]
