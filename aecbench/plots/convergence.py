"""How fast systems converge: ERLE over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from aecbench.plots.style import GREY, INK, PALE, looks, plain, save
from aecbench.signals import Array

__all__ = ["plot_convergence"]

WIDE = 1.96  # standard errors: 95 % of a normal distribution


def plot_convergence(
    curves: Mapping[str, Array], segment: float, path: Path, *, changes: Sequence[float] = (), title: str = ""
) -> None:
    """A line per system: the mean over scenes of `curves[system]` [scenes, segments] dB, with the 95 % band of it.

    A segment lasts `segment` seconds; NaN is left out (a silent far end). `changes` are the times [s] at which the echo
    path changes in all scenes. Raises OutputError for a file that cannot be written.
    """
    with plain():
        figure = Figure(figsize=(7.2, 3.9), layout="constrained")
        axis = figure.subplots()
        for (system, erle), look in zip(curves.items(), looks(list(curves)).values(), strict=True):
            count = np.isfinite(erle).sum(0)
            known = count > 1
            time = (np.flatnonzero(known) + 0.5) * segment
            mean = np.nanmean(erle[:, known], 0)
            half = WIDE * np.nanstd(erle[:, known], 0, ddof=1) / np.sqrt(count[known])
            axis.fill_between(time, mean - half, mean + half, color=look.colour, alpha=0.18, lw=0)
            axis.plot(time, mean, color=look.colour, ls=look.line, lw=1.4, label=system)
        for change in changes:
            axis.axvline(change, color=INK, lw=0.9, ls=(0, (4, 3)))
            axis.text(change, 1, " echo path changes", transform=axis.get_xaxis_transform(), va="top", color=INK)
        axis.axhline(0, color=GREY, lw=0.8)
        axis.set_xlim(left=0)
        axis.set_xlabel("time [s]")
        axis.set_ylabel("ERLE of the echo alone [dB]")
        axis.set_title(title, loc="left")
        axis.grid(color=PALE, lw=0.6)
        axis.set_axisbelow(True)
        figure.legend(loc="outside right upper")
        save(figure, path)
