"""Validation on whole scenes, which are cancelled block by block, as in use, and scored."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from aecbench.cancellers.base import Streaming
from aecbench.corpus import Corpus
from aecbench.dsp.audio import write
from aecbench.metrics import score
from aecbench.output import new_folder
from aecbench.signals import Array

__all__ = ["SCORES", "Picture", "cancel_scenes", "validation_scenes"]

SCORES = ("erle", "pesq", "stoi")
Picture = Callable[[Array, Array, Array, int, Path], None]  # draws mic, far and output [T] at a rate to a file


def validation_scenes(corpora: Sequence[Corpus], count: int) -> list[Corpus]:
    """Return `count` scenes of the split val, the first of each corpus in which both ends talk.

    If a corpus has no such scenes, its first ones are chosen. The numbers per corpus differ by at most one.
    """
    shares = [count // len(corpora) + (i < count % len(corpora)) for i in range(len(corpora))]
    splits = [corpus.split("val") for corpus in corpora]
    return [(scenes.where(talk="double") or scenes)[:share] for scenes, share in zip(splits, shares, strict=True)]


def cancel_scenes(
    canceller: Streaming[object], scenes: Sequence[Corpus], folder: Path, name: str, picture: Picture | None
) -> dict[str, float]:
    """Return the means of SCORES, NaN if a score is not defined; write NAME.wav and NAME.png of the first scene."""
    values = []
    for index, (scene, signals, _) in enumerate(chain.from_iterable(scenes)):
        out = canceller.cancel(signals.mic, signals.far)
        values.append([score(metric, signals, out, scene.rate).value for metric in SCORES])
        if index == 0:
            new_folder(folder)
            for stem in ("mic", "far", "near"):
                if not (folder / f"{stem}.wav").exists():
                    write(folder / f"{stem}.wav", getattr(signals, stem), scene.rate)
            write(folder / f"{name}.wav", out, scene.rate)
            if picture is not None and np.isfinite(out).all():
                picture(signals.mic, signals.far, out, scene.rate, folder / f"{name}.png")
    table = np.array(values).T
    return {
        metric: float(np.nanmean(row)) if np.isfinite(row).any() else float("nan")
        for metric, row in zip(SCORES, table, strict=True)
    }
