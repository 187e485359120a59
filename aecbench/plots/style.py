"""Elements that the figures share: colours, spectrograms, files."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from aecbench.dsp.levels import db
from aecbench.errors import UsageError
from aecbench.output import whole_file
from aecbench.signals import Array

__all__ = [
    "ACCENT",
    "GREY",
    "INK",
    "PALE",
    "RANGE",
    "Look",
    "check_picture",
    "draw_spectrogram",
    "looks",
    "plain",
    "save",
    "shorten",
    "spectrum",
]

INK, ACCENT, GREY, PALE = "#1b1f24", "#0b6bcb", "#8b949e", "#d8dee4"
COLOURS = (
    *("#0b6bcb", "#d1495b", "#2e933c", "#8a4fbe", "#e07b00", "#0f9a9a", "#6b4f3a", "#e0559a", "#8b949e", "#1b1f24"),
    *("#97a510", "#e6b400"),
)
LINES, MARKERS = ("-", "--", ":", "-."), "osD^"
FORMATS = (".png", ".svg", ".pdf")  # formats of figures
RANGE = 80  # dynamic range of a spectrogram [dB]
PLAIN: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
}


class Look(NamedTuple):
    """How a system is drawn in all figures."""

    colour: str
    line: str
    marker: str


def looks(systems: Sequence[str]) -> dict[str, Look]:
    """Return a look for each system: twelve colours, then the same ones with other line styles and markers.

    >>> looks(["nlms", "kalman"])["kalman"]
    Look(colour='#d1495b', line='-', marker='o')
    """
    return {
        system: Look(COLOURS[n % len(COLOURS)], LINES[turn % len(LINES)], MARKERS[turn % len(MARKERS)])
        for n, system in enumerate(systems)
        for turn in (n // len(COLOURS),)
    }


def plain() -> AbstractContextManager[None]:
    """Return a context in which figures have the style for many small diagrams."""
    return rc_context(PLAIN)


def spectrum(x: Array, rate: int) -> Array:
    """Return the power of x [T] in dB, [bins, frames], in windows of 32 ms with a hop of 8 ms; at least -120 dB."""
    from scipy.signal import ShortTimeFFT  # slow to import, and most figures have no spectrogram
    from scipy.signal.windows import hann

    size = round(0.032 * rate)
    transform = ShortTimeFFT(hann(size, sym=False), size // 4, rate, scale_to="magnitude")
    return np.asarray(db(np.maximum(transform.spectrogram(np.pad(x, (0, max(0, size - x.size)))), 1e-12)))


def draw_spectrogram(axis: Axes, x: Array, rate: int, loudest: float) -> AxesImage:
    """Draw the spectrogram of x [T] over s and kHz, with levels from `loudest` - RANGE to `loudest` dB."""
    image = axis.imshow(
        spectrum(x, rate),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - RANGE,
        vmax=loudest,
        extent=(0, x.size / rate, 0, rate / 2000),
    )
    axis.set_ylabel("kHz")
    return image


def shorten(words: str, longest: int) -> str:
    """Return at most the last `longest` characters, because file names differ at their ends.

    >>> shorten("rir/office_1.wav", 10), shorten("linear", 10)
    ('…ice_1.wav', 'linear')
    """
    return words if len(words) <= longest else f"…{words[1 - longest :]}"


def check_picture(path: Path) -> None:
    """Raise UsageError if the path of a figure is a folder, or its suffix is not one of FORMATS."""
    *most, last = FORMATS
    names = f"{', '.join(most)} or {last}"
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a {names} file")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: ends in {path.suffix or 'no suffix'!r}, expected {names}")


def save(figure: Figure, path: Path) -> None:
    """Write a figure and create its folders. Raises the errors of `check_picture`, and OutputError.

    A PDF contains its fonts as TrueType, because publishers reject matplotlib's default, Type 3.
    """
    check_picture(path)
    with whole_file(path) as part, rc_context({"pdf.fonttype": 42}):
        figure.savefig(part, format=path.suffix[1:].lower(), dpi=120)
