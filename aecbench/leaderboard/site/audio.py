"""The outputs of a board's systems on some scenes: sounds, pictures, and their ERLE over time."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from PIL import Image

from aecbench.corpus import Corpus, Item
from aecbench.errors import NotInstalled
from aecbench.evaluation import output_name, scene_folder
from aecbench.leaderboard.board import Board
from aecbench.leaderboard.rerun import system_of
from aecbench.leaderboard.task import check_corpus
from aecbench.metrics.erle_segmental import segmental
from aecbench.output import new_folder, whole_file
from aecbench.plots import Evaluated
from aecbench.plots.evaluated import outputs
from aecbench.plots.style import RANGE, spectrum
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Heard", "Sound", "erle_over_time", "gallery", "systems_at_hand"]

SCENES = 8  # to hear
TIMED = 24  # over which ERLE over time is averaged
SIZE = (625, 129)  # of a spectrogram, in pixels


class Sound(NamedTuple):
    """One signal of a scene: files beside the page."""

    name: str
    given: bool  # mic and near, of which the systems know the first
    audio: str
    picture: str


class Heard(NamedTuple):
    """A scene with its signals."""

    scene: str
    talk: str
    sounds: list[Sound]


def systems_at_hand(board: Board, models: Sequence[str]) -> list[System]:
    """The systems of a board that can be run here, the best first, called as on the board."""
    from dataclasses import replace

    found = []
    for one in board.standings:
        try:
            system = system_of(board.current[one.name].entry, models)
        except NotInstalled:
            continue
        if system is not None:
            found.append(replace(system, name=one.name))
    return found


def of_board(board: Board, corpus: Corpus) -> Corpus:
    """The scenes of a board. Raises BoardError where the corpus is another one."""
    check_corpus(board.rules, corpus)
    return corpus.split(board.rules.corpus.split)


def gallery(board: Board, scenes: Corpus, systems: Sequence[System], folder: Path, jobs: int = 1) -> list[Heard]:
    """Run the systems on eight scenes, and write a FLAC file and a spectrogram of mic, near and every output.

    The scenes are the first of each kind of talk, then the first. Raises OutputError.
    """
    ids = list(scenes.scenes["scene"])
    each = list(scenes.scenes.drop_duplicates("talk")["scene"])
    chosen = scenes.where(scene=[*each, *(scene for scene in ids if scene not in each)][:SCENES])
    evaluated = Evaluated(board.table, systems, chosen, board.rules.corpus.split, jobs)
    with tempfile.TemporaryDirectory() as scratch:
        heard = outputs(evaluated, chosen, Path(scratch))
    found = []
    for item, outs in zip(chosen, heard, strict=True):
        place = scene_folder(folder, item.scene.id)
        new_folder(place)
        found.append(Heard(item.scene.id, str(item.scene.talk), _sounds(item, outs, place, folder)))
    return found


def _sounds(item: Item, outs: Mapping[str, Array], place: Path, folder: Path) -> list[Sound]:
    rate, signals = item.scene.rate, item.signals
    given = {"mic": signals.mic} | ({} if np.isnan(signals.near).any() else {"near": signals.near})
    loudest = float(spectrum(signals.mic, rate).max())
    found = []
    for name, x in [*given.items(), *outs.items()]:
        file = place / (name if name in given else f"out-{output_name(name)}")
        audio, picture = file.with_name(f"{file.name}.flac"), file.with_name(f"{file.name}.png")
        with whole_file(audio) as part:
            soundfile.write(part, np.clip(x, -1, 1), rate, format="FLAC", subtype="PCM_16")
        with whole_file(picture) as part:
            _picture(x, rate, loudest).save(part, format="PNG", optimize=True)
        at = [path.relative_to(folder).as_posix() for path in (audio, picture)]
        found.append(Sound(name, name in given, *at))
    return found


def _picture(x: Array, rate: int, loudest: float) -> Image.Image:
    """A spectrogram, from `loudest` dB down by RANGE, high frequencies above."""
    from matplotlib import colormaps

    shades = np.clip((spectrum(x, rate)[::-1] - loudest + RANGE) / RANGE, 0, 1)
    image = Image.fromarray((255 * shades).astype(np.uint8)).resize(SIZE, Image.Resampling.BILINEAR)
    image.putpalette((255 * colormaps["magma"](np.arange(256))[:, :3]).astype(np.uint8).tobytes())
    return image


def erle_over_time(
    board: Board, scenes: Corpus, systems: Sequence[System], jobs: int = 1
) -> tuple[dict[str, list[float]], int]:
    """The mean ERLE [dB] of every system per quarter of a second over the first far-end single-talk scenes.

    At most 24 of them; and how many. No system where there are none, or their echo is not known.
    """
    few = scenes.where(talk="far_single")[:TIMED] if (scenes.scenes["talk"] == "far_single").any() else scenes[:0]
    if not few or np.isnan(few[0].signals.echo).any():
        return {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        heard = outputs(Evaluated(board.table, systems, few, board.rules.corpus.split, jobs), few, Path(scratch))
    curves: dict[str, list[Array]] = {}
    for item, outs in zip(few, heard, strict=True):
        for name, x in outs.items():
            if x.shape == item.signals.mic.shape:
                curves.setdefault(name, []).append(segmental(item.signals, x, item.scene.rate))
    return {name: _mean(found) for name, found in curves.items()}, len(few)


def _mean(curves: Sequence[Array]) -> list[float]:
    """Over the scenes in which there is echo at that time; NaN where there is none in any."""
    longest = max(map(len, curves))
    stacked = np.stack([np.pad(curve, (0, longest - curve.size), constant_values=np.nan) for curve in curves])
    count = np.isfinite(stacked).sum(0)
    total = np.where(np.isfinite(stacked), stacked, 0).sum(0)
    return [float(value) for value in np.where(count > 0, total / np.maximum(count, 1), np.nan)]
