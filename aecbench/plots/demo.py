"""A demonstration: waveforms and spectrograms of a scene and of the output, and the decisions of the canceller."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from aecbench.demonstration import Demo
from aecbench.dsp.levels import db
from aecbench.plots.style import ACCENT, GREY, INK, RANGE, draw_spectrogram, plain, save, spectrum
from aecbench.results import heading
from aecbench.scenes.scene import Scene
from aecbench.signals import Array

__all__ = ["plot_demo"]

SILENT = 1e-12  # lower limit of the power of a bin
WIDTH, ROW, HEAD = 12.5, 1.35, 0.6  # [inch] width of the figure, height of a row, height of the title


def plot_demo(shown: Demo, path: Path) -> None:
    """Draw a row for each signal, and for each decision over time and frequency.

    All signals at the microphone have the same scale. Next to a decision is its mean over all frequencies. A dashed
    line marks the start of the near end. Raises OutputError.
    """
    scene, signals = shown.scene, shown.signals
    captured = {"echo": signals.echo, "near end": signals.near, "microphone": signals.mic, "output": shown.output}
    rows = {"far end": signals.far} | captured
    peak, loudest = _peak(signals.mic), float(spectrum(signals.mic, scene.rate).max())
    with plain():
        figure = Figure(figsize=(WIDTH, HEAD + ROW * (len(rows) + len(shown.decisions))), layout="constrained")
        axes = figure.subplots(len(rows) + len(shown.decisions), 2, sharex=True)
        for (left, right), (name, x) in zip(axes, rows.items(), strict=False):
            _waveform(left, name, x, scene.rate, peak if name in captured else _peak(x))
            top = loudest if name in captured else float(spectrum(x, scene.rate).max())
            image = draw_spectrogram(right, x, scene.rate, top)
            figure.colorbar(image, ax=right, label="dB", pad=0.01)
        for (left, right), (name, values) in zip(axes[len(rows) :], shown.decisions.items(), strict=True):
            image = _decision(left, right, name.replace("_", " "), values, scene)
            figure.colorbar(image, ax=right, label="dB" if np.iscomplexobj(values) else "", pad=0.01)
        for left, right in axes:
            for axis, colour in ((left, GREY), (right, "white")):
                if scene.near is not None:
                    axis.axvline(scene.near.spans[0][0], color=colour, lw=0.8, ls="--")
        axes[0, 0].set_xlim(0, scene.duration)
        for axis in axes[-1]:
            axis.set_xlabel("s")
        figure.align_ylabels(axes[:, 0])
        figure.suptitle(_title(shown), x=0.01, ha="left", size=10)
        save(figure, path)


def _peak(x: Array) -> float:
    return float(np.abs(x).max()) or 1.0


def _waveform(axis: Axes, name: str, x: Array, rate: int, peak: float) -> None:
    colour = ACCENT if name == "output" else INK
    axis.plot(np.arange(x.size) / rate, x, color=colour, lw=0.3, rasterized=True)
    axis.set(ylabel=name, ylim=(-1.05 * peak, 1.05 * peak))


def _decision(left: Axes, right: Axes, name: str, values: NDArray[Any], scene: Scene) -> AxesImage:
    """Draw the values [N, F] of a decision: non-negative real values as they are, complex ones as levels."""
    limits: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": float(np.abs(values).max()) or 1.0}
    matrix, mean, unit = values, values.mean(-1), ""
    if np.iscomplexobj(values):
        power = np.maximum(np.abs(values) ** 2, SILENT)
        matrix, unit = db(power), " [dB]"
        limits = {"cmap": "magma", "vmin": matrix.max() - RANGE, "vmax": matrix.max()}
        mean = np.maximum(db(power.mean(-1)), limits["vmin"])
    left.plot(np.linspace(0, scene.duration, len(mean)), mean, color=ACCENT, lw=1)
    left.set_ylabel(f"{name}{unit}")
    right.set_ylabel("kHz")
    return right.imshow(
        matrix.T, origin="lower", aspect="auto", extent=(0, scene.duration, 0, scene.rate / 2000), **limits
    )


def _title(demo: Demo) -> str:
    """Return the title: the system, the scene, and the scores before and after."""
    scene = demo.scene
    levels = f"SER {scene.ser:g} dB, SNR {scene.snr:g} dB".replace("-", "−")
    changes = (
        f"{heading(metric)} " + f"{demo.before[metric].value:.2f} → {score.value:.2f}".replace("-", "−")
        for metric, score in demo.after.items()
        if np.isfinite(score.value)
    )
    return f"{demo.system}: {levels}\n{'     '.join(changes)}"
