"""Pictures: one cancellation, one result table."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from aecbench.dsp.levels import db, power
from aecbench.errors import OutputError
from aecbench.metrics import METRICS
from aecbench.results import ResultTable
from aecbench.signals import Array

__all__ = ["plot_cancellation", "plot_results"]

INK, ACCENT, GREY = "#1b1f24", "#0b6bcb", "#8b949e"
RANGE = 80  # dB that a spectrogram shows
WINDOW = 0.2  # [s] over which the echo's attenuation is averaged


def plot_cancellation(mic: Array, far: Array, out: Array, rate: int, path: Path) -> None:
    """Waveforms and spectrograms of mic, far and output [T] at `rate`, and the attenuation mic / output over time."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(4, 2, sharex=True, height_ratios=(1, 1, 1, 0.8))
    seconds = np.arange(mic.size) / rate
    loudest = max(_spectrum(x, rate).max() for x in (mic, far, out))
    peak = max(float(np.abs(x).max()) for x in (mic, out)) or 1.0
    for row, (name, x) in enumerate((("microphone", mic), ("far end", far), ("output", out))):
        wave, spectrogram = axes[row]
        _waveform(wave, seconds, x, ACCENT if name == "output" else INK)
        limit = (float(np.abs(x).max()) or 1.0) if name == "far end" else peak
        wave.set(ylabel=name, ylim=(-1.05 * limit, 1.05 * limit))
        image = spectrogram.imshow(
            _spectrum(x, rate),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=loudest - RANGE,
            vmax=loudest,
            extent=(0, x.size / rate, 0, rate / 2000),
        )
        spectrogram.set(ylabel="kHz")
    figure.colorbar(image, ax=axes[:3, 1], label="dB", shrink=0.6)
    span = round(WINDOW * rate)
    frames = mic.size // span
    before, after = (power(x[: frames * span].reshape(frames, span)) for x in (mic, out))
    times = (np.arange(frames) + 0.5) * WINDOW
    left, right = axes[3]
    left.plot(times, db(np.maximum(before, 1e-12)), color=GREY, label="microphone")
    left.plot(times, db(np.maximum(after, 1e-12)), color=ACCENT, label="output")
    left.set(ylabel="level [dBFS]", xlabel="s")
    left.legend(loc="lower right", ncols=2, frameon=False)
    right.plot(times, db(np.maximum(before, 1e-12) / np.maximum(after, 1e-12)), color=ACCENT)
    right.axhline(0, color=GREY, lw=0.8)
    right.set(ylabel="mic / output [dB]", xlabel="s")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, mic.size / rate)
    _save(figure, path)


def plot_results(table: ResultTable, path: Path) -> None:
    """A panel per metric: each system's mean with its 95 % interval."""
    summary = {system: intervals for (_, system), intervals in table.summary().items()}
    systems = list(summary)
    columns = -(-len(table.metrics) // 2)
    figure = Figure(figsize=(3.2 * columns, 1.6 + 0.7 * len(systems)), layout="constrained")
    axes = list(figure.subplots(2, columns, squeeze=False).flat)
    for axis, metric in zip(axes, table.metrics, strict=False):
        intervals = [summary[system][metric] for system in systems]
        for row, interval in enumerate(intervals):
            axis.plot([interval.low, interval.high], [row, row], color=GREY, lw=3, solid_capstyle="butt")
            axis.plot(interval.mean, row, "o", color=ACCENT)
        known = METRICS.get(metric)
        title = f"{known.title} [{known.unit}]" if known and known.unit else known.title if known else metric.upper()
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_yticks(range(len(systems)), systems)
        axis.set_ylim(len(systems) - 0.5, -0.5)
        axis.grid(axis="x", color=GREY, alpha=0.3)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(left=False)
    for axis in axes[len(table.metrics) :]:
        axis.set_axis_off()
    _save(figure, path)


def _waveform(axis: Axes, seconds: Array, x: Array, color: str) -> None:
    axis.plot(seconds, x, color=color, lw=0.3, rasterized=True)


def _spectrum(x: Array, rate: int) -> Array:
    """Power in dB, [bins, frames], of windows of 32 ms every 8 ms."""
    size = round(0.032 * rate)
    transform = ShortTimeFFT(hann(size, sym=False), size // 4, rate, scale_to="magnitude")
    return np.asarray(db(np.maximum(transform.spectrogram(np.pad(x, (0, max(0, size - x.size)))), 1e-12)))


def _save(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: picture cannot be written ({error}); name a .png, .svg or .pdf file") from None
