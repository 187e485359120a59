"""One cancellation: input, output, and the attenuation over time."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aecbench.dsp.levels import db, power
from aecbench.plots.style import ACCENT, GREY, INK, draw_spectrogram, save, spectrum
from aecbench.signals import Array

__all__ = ["plot_cancellation"]

WINDOW = 0.2  # time over which the attenuation is averaged [s]


def plot_cancellation(mic: Array, far: Array, out: Array, rate: int, path: Path) -> None:
    """Draw waveforms and spectrograms of mic, far and output [T] at `rate` Hz, and mic / output over time."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(4, 2, sharex=True, height_ratios=(1, 1, 1, 0.8))
    seconds = np.arange(mic.size) / rate
    loudest = max(float(spectrum(x, rate).max()) for x in (mic, far, out))
    peak = max(float(np.abs(x).max()) for x in (mic, out)) or 1.0
    for row, (name, x) in enumerate((("microphone", mic), ("far end", far), ("output", out))):
        wave, spectrogram = axes[row]
        _waveform(wave, seconds, x, ACCENT if name == "output" else INK)
        limit = (float(np.abs(x).max()) or 1.0) if name == "far end" else peak
        wave.set(ylabel=name, ylim=(-1.05 * limit, 1.05 * limit))
        image = draw_spectrogram(spectrogram, x, rate, loudest)
    figure.colorbar(image, ax=axes[:3, 1], label="dB", shrink=0.6)
    span = round(WINDOW * rate)
    frames = mic.size // span
    before, after = (power(x[: frames * span].reshape(frames, span)) for x in (mic, out))
    times = (np.arange(frames) + 0.5) * WINDOW
    left, right = axes[3]
    left.plot(times, db(np.maximum(before, 1e-12)), color=GREY, label="microphone")
    left.plot(times, db(np.maximum(after, 1e-12)), color=ACCENT, label="output")
    left.set(ylabel="level [dBFS]", xlabel="s")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0)
    right.plot(times, db(np.maximum(before, 1e-12) / np.maximum(after, 1e-12)), color=ACCENT)
    right.axhline(0, color=GREY, lw=0.8)
    right.set(ylabel="mic / output [dB]", xlabel="s")
    figure.suptitle(f"Before and after cancellation: {mic.size / rate:.1f} s at {rate / 1000:g} kHz", x=0.01, ha="left")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, mic.size / rate)
    save(figure, path)


def _waveform(axis: Axes, seconds: Array, x: Array, color: str) -> None:
    axis.plot(seconds, x, color=color, lw=0.3, rasterized=True)
