"""Some scenes to look at and listen to: their signals, and the output of every system."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from aecbench.corpus import Item
from aecbench.evaluation import write_audio
from aecbench.plots.evaluated import Evaluated
from aecbench.plots.style import draw_spectrogram, plain, save, spectrum
from aecbench.signals import Array

__all__ = ["plot_gallery", "plot_outputs"]

COLUMNS = 4  # most panels side by side


def plot_gallery(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw gallery/split-index/spectrograms for every scene of the gallery, next to WAV files of its signals.

    Returns the figures.
    """
    pictures = []
    for item, outputs in evaluated.gallery:
        files = write_audio(folder / "gallery", item, outputs)
        pictures.append(files / f"spectrograms{evaluated.suffix}")
        plot_outputs(item, outputs, pictures[-1])
    return pictures


def plot_outputs(item: Item, outputs: Mapping[str, Array], path: Path) -> None:
    """Draw spectrograms of mic, near (if it is known) and the outputs [T] of systems, all on the same scale."""
    rate, signals = item.scene.rate, item.signals
    inputs = {"mic": signals.mic} | ({} if np.isnan(signals.near).any() else {"near": signals.near})
    panels = [*inputs.items(), *outputs.items()]
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
