"""Convergence of systems: ERLE over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.special import stdtrit

from aecbench.plots.style import GREY, INK, PALE, looks, plain, save
from aecbench.plots.view import view
from aecbench.results.lost import CEILING
from aecbench.signals import Array

__all__ = ["plot_convergence"]

FEWEST = 5  # smallest number of scenes for which a band is drawn


def plot_convergence(
    curves: Mapping[str, Array],
    segment: float,
    path: Path,
    *,
    changes: Sequence[float] = (),
    title: str = "",
    order: Sequence[str] = (),
) -> None:
    """Draw a line per system: the mean over scenes of `curves[system]` [scenes, segments] dB.

    Its 95 % band (Student's t) is drawn where at least 5 scenes have a value. A segment lasts `segment` seconds; NaN,
    for a silent far end, is left out. `changes` are the times [s] at which the echo path changes in all scenes. `order`
    are the systems of the other figures, which have the same colours. The axis shows the systems that compete, see
    `aecbench.plots.view`; an oracle above it is stated in words above it. Raises OutputError if the file cannot be
    written.
    """
    means, bands, styles = {}, {}, looks(list(dict.fromkeys([*order, *curves])))
    with plain():
        figure = Figure(figsize=(7.2, 3.9), layout="constrained")
        axis = figure.subplots()
        for system, erle in curves.items():
            look = styles[system]
            count = np.isfinite(erle).sum(0)
            valid, reliable = count > 0, count >= FEWEST
            time = (np.arange(count.size) + 0.5) * segment
            mean, half = np.full((2, count.size), np.nan)
            mean[valid] = np.nanmean(erle[:, valid], 0)
            n = count[reliable]
            half[reliable] = stdtrit(n - 1, 0.975) * np.nanstd(erle[:, reliable], 0, ddof=1) / np.sqrt(n)
            axis.fill_between(time, mean - half, mean + half, color=look.colour, alpha=0.18, lw=0)
            axis.plot(time[valid], mean[valid], color=look.colour, ls=look.line, lw=1.4, label=system)
            means[system], bands[system] = mean, np.stack([mean - half, mean + half])
        limits = view(means | {"": np.zeros(1)}, bands, dict(curves))
        if limits:
            axis.set_ylim(*limits)
            if CEILING in means and np.nanmax(means[CEILING], initial=-np.inf) > limits.high:
                top = np.nanmedian(means[CEILING])
                axis.text(1, 1, f"{CEILING}: {top:.0f} dB ↑", transform=axis.transAxes, ha="right", va="bottom")
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
