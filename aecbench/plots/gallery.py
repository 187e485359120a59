"""Some scenes to look at and to listen to: what went in and what every system made of it."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from aecbench.corpus import Corpus, Item
from aecbench.evaluation import scene_folder
from aecbench.plots.evaluated import Evaluated, outputs
from aecbench.plots.style import draw_spectrogram, plain, save, spectrum
from aecbench.signals import Array

__all__ = ["SCENES", "plot_gallery", "plot_outputs"]

SCENES = 4
COLUMNS = 4  # at most


def plot_gallery(evaluated: Evaluated, folder: Path) -> list[Path]:
    """gallery/split-index/spectrograms.png of four scenes, beside the WAV files of their signals and of the outputs.

    The scenes are the first of each kind of talk, and then the first. Gives the pictures that were written.
    """
    chosen, found = _chosen(evaluated.scenes), []
    for item, heard in zip(chosen, outputs(evaluated, chosen, folder / "gallery"), strict=True):
        found.append(scene_folder(folder / "gallery", item.scene.id) / "spectrograms.png")
        plot_outputs(item, heard, found[-1])
    return found


def plot_outputs(item: Item, heard: dict[str, Array], path: Path) -> None:
    """Spectrograms of mic, near (where it is known) and of the outputs [T] of systems, all on one scale."""
    rate, signals = item.scene.rate, item.signals
    inputs = {"mic": signals.mic} | ({} if np.isnan(signals.near).any() else {"near": signals.near})
    panels = [*inputs.items(), *heard.items()]
    rows = -(-len(panels) // COLUMNS)
    columns = -(-len(panels) // rows)
    loudest = float(spectrum(signals.mic, rate).max())
    with plain():
        figure = Figure(figsize=(3.2 * columns + 0.6, 1.75 * rows + 0.5), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for axis, (name, x) in zip(grid.flat, panels, strict=False):
            image = draw_spectrogram(axis, x, rate, loudest)
            axis.set_title(name, loc="left", weight="bold" if name in inputs else "normal")
            axis.set_xlim(0, signals.mic.size / rate)
        for n, axis in enumerate(grid.flat):
            axis.set_ylabel("frequency [kHz]" if n % columns == 0 else "")
            axis.set_xlabel("time [s]" if n + columns >= len(panels) else "")
            axis.tick_params(labelbottom=n + columns >= len(panels))
            axis.set_visible(n < len(panels))
        figure.colorbar(image, ax=grid, label="level [dB]", shrink=0.8, aspect=30)
        figure.suptitle(item.scene.id, size=9, x=0.01, ha="left")
        save(figure, path)


def _chosen(scenes: Corpus) -> Corpus:
    ids = list(scenes.scenes["scene"])
    each = list(scenes.scenes.drop_duplicates("talk")["scene"])
    rest = [scene for scene in ids if scene not in each]
    return scenes.where(scene=[*each, *rest][:SCENES])
