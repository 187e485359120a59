"""ERLE over time of the systems of an evaluation."""

import tempfile
from pathlib import Path

import numpy as np

from aecbench.corpus import Corpus
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.plots.convergence import plot_convergence
from aecbench.plots.evaluated import Evaluated, outputs
from aecbench.plots.scene_data import events
from aecbench.scenes.scene import Scene
from aecbench.signals import Array

__all__ = ["SCENES", "plot_over_time"]

SCENES = 24  # on which the systems are run again


def plot_over_time(evaluated: Evaluated, folder: Path) -> list[Path]:
    """over_time.png: ERLE per quarter of a second, mean and 95 % band over the first 24 far-end single-talk scenes.

    Over those with double talk where there are none such; no picture where there is no echo, or its stem is not known.
    Gives the files that were written.
    """
    chosen, talk = _with_echo(evaluated.scenes)
    if not chosen:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        heard = outputs(evaluated, chosen, Path(scratch))
    lines: dict[str, list[Array]] = {system.name: [] for system in evaluated.systems}
    shared: set[float] | None = None
    for item, found in zip(chosen, heard, strict=True):
        for name, curves in lines.items():
            fits = name in found and found[name].shape == item.signals.mic.shape
            curves.append(segmental(item.signals, found[name], item.scene.rate) if fits else np.full(1, np.nan))
        changes = events(item.scene) if isinstance(item.scene, Scene) else []
        jumps = {event.start for event in changes if event.what != "loss"}
        shared = jumps if shared is None else shared & jumps
    path = folder / "over_time.png"
    title = f"{len(chosen)} scenes with {talk}"
    known = {name: _stacked(curves) for name, curves in lines.items()}
    plot_convergence(known, SEGMENT, path, changes=sorted(shared or ()), title=title)
    return [path]


def _with_echo(scenes: Corpus) -> tuple[Corpus, str]:
    talk = scenes.scenes["talk"]
    for kind, words in (("far_single", "far-end single talk"), ("double", "double talk")):
        places = [n for n in np.flatnonzero(talk == kind)[:SCENES] if not np.isnan(scenes[int(n)].signals.echo).any()]
        if places:
            return scenes.where(scene=list(scenes.scenes["scene"].iloc[places])), words
    return scenes[:0], ""


def _stacked(curves: list[Array]) -> Array:
    """[scenes, segments], NaN behind the end of a shorter one."""
    longest = max(map(len, curves))
    return np.stack([np.pad(curve, (0, longest - curve.size), constant_values=np.nan) for curve in curves])
