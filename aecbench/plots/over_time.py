"""ERLE over time for the systems of an evaluation."""

from pathlib import Path

import numpy as np

from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.plots.convergence import plot_convergence
from aecbench.plots.evaluated import Evaluated
from aecbench.plots.scene_data import events
from aecbench.scenes.conditions import TALK_WORDS
from aecbench.scenes.scene import Scene
from aecbench.signals import Array

__all__ = ["plot_over_time"]


def plot_over_time(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw over_time: ERLE per quarter of a second, with mean and 95 % band over the timed scenes.

    Returns the files that were written, none if there are no timed scenes.
    """
    if not evaluated.timed:
        return []
    curves: dict[str, list[Array]] = {system.name: [] for system in evaluated.systems}
    jumps: list[set[float]] = []
    for item, outputs in evaluated.timed:
        for name, rows in curves.items():
            fits = name in outputs and outputs[name].shape == item.signals.mic.shape
            rows.append(segmental(item.signals, outputs[name], item.scene.rate) if fits else np.full(1, np.nan))
        changes = events(item.scene) if isinstance(item.scene, Scene) else []
        jumps.append({event.start for event in changes if event.what != "loss"})
    path = folder / f"over_time{evaluated.suffix}"
    talk = evaluated.timed[0].item.scene.talk
    title = f"{len(evaluated.timed)} scenes with {TALK_WORDS[talk]}"
    shared = sorted(set.intersection(*jumps))
    erle = {name: _stacked(rows) for name, rows in curves.items()}
    plot_convergence(erle, SEGMENT, path, changes=shared, title=title, order=evaluated.table.systems)
    return [path]


def _stacked(curves: list[Array]) -> Array:
    """Stack curves to [scenes, segments], with NaN after the end of shorter ones."""
    longest = max(map(len, curves))
    return np.stack([np.pad(curve, (0, longest - curve.size), constant_values=np.nan) for curve in curves])
