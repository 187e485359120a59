"""Scores as a function of the conditions of the scenes."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from aecbench.plots.evaluated import Evaluated
from aecbench.plots.style import PALE, looks, plain, save
from aecbench.plots.view import mark_above, view
from aecbench.results import RTF, ResultTable, heading
from aecbench.results.groups import variable
from aecbench.results.lost import CEILING

__all__ = ["LABELS", "plot_condition", "plot_conditions"]

LABELS = {"ser": "signal-to-echo ratio [dB]", "rt60": "RT60 [s]", "delay": "bulk delay [ms]"}
SCALES = {"delay": 1000}  # factors from the values in the table to those shown
ROOM = 44  # characters that fit below a panel, for all bins together
SPREAD = 0.6  # width over which the systems of a bin are spread, relative to the distance between bins


def plot_conditions(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw ser, rt60 and delay for the conditions that vary; return the files that were written.

    The bins are those of the table if it is broken down by the condition.
    """
    chosen = {variable(by): by for by in evaluated.by}
    rows, pictures = evaluated.table.rows, list[Path]()
    scored = set(evaluated.table.metrics) - {RTF}
    for name in LABELS if scored else ():
        if name in rows and pd.api.types.is_numeric_dtype(rows[name]) and rows[name].nunique() > 1:
            pictures.append(folder / f"{name}{evaluated.suffix}")
            plot_condition(evaluated.table, chosen.get(name, name), pictures[-1])
    return pictures


def plot_condition(table: ResultTable, by: str, path: Path) -> None:
    """Draw a panel per metric: the mean or median of each system in each bin of a condition, with 95 % intervals.

    `by` is a column or "NAME=EDGE,EDGE,...". Below each bin is the number of scenes in which the metric has a value,
    for the system with the most of them. An axis shows the systems that compete, see `aecbench.plots.view`; where the
    oracle is above it, there is an arrow.
    """
    summary, name = table.summary(by), variable(by)
    counted = pd.concat([part for _, part in table.parts(by)])
    scored = {metric for cells in summary.values() for metric, cell in cells.items() if cell.n}
    metrics = [metric for metric in table.metrics if metric != RTF and (metric in scored or not scored - {RTF})]
    bins = list(dict.fromkeys(label for label, _ in summary))
    styles = looks(table.systems)
    shifts = SPREAD * (np.arange(len(styles)) - (len(styles) - 1) / 2) / len(styles)
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    with plain():
        figure = Figure(figsize=(3.9 * columns + 1.6, 2.7 * rows + 0.3), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axis, metric in zip(axes, metrics, strict=False):
            cells = {system: [summary[label, system][metric] for label in bins] for system in styles}
            values = {system: np.array([cell.value for cell in own]) for system, own in cells.items()}
            ends = {system: np.array([(cell.low, cell.high) for cell in own]) for system, own in cells.items()}
            part = counted[counted["metric"] == metric]
            scenes = {str(system): own.to_numpy(float) for system, own in part.groupby("system")["value"]}
            limits = view(values, ends, scenes)
            for (system, look), shift in zip(styles.items(), shifts, strict=True):
                x, y = np.arange(len(bins)) + shift, values[system]
                axis.vlines(x, *ends[system].T, color=look.colour, lw=1.2, alpha=0.6)
                axis.plot(x, y, color=look.colour, ls=look.line, lw=1, marker=look.marker, ms=3.2, label=system)
                if limits and system == CEILING:
                    mark_above(axis, limits, x, y, look.colour)
            if limits:
                axis.set_ylim(*limits)
            counts = [max(summary[label, system][metric].n for system in styles) for label in bins]
            room = ROOM // len(bins)
            ticks = [
                f"{_tick(label, SCALES.get(name, 1), room)}\nn = {n}" for label, n in zip(bins, counts, strict=True)
            ]
            axis.set_xticks(range(len(bins)), ticks)
            axis.set_xlim(-0.5, len(bins) - 0.5)
            axis.set_xlabel(LABELS.get(name, name))
            axis.set_title(heading(metric, table.provenance), loc="left")
            axis.grid(axis="y", color=PALE, lw=0.6)
            axis.set_axisbelow(True)
        for axis in axes[len(metrics) :]:
            axis.set_axis_off()
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
        save(figure, path)


def _tick(label: str, scale: float, room: int) -> str:
    r"""Return the label of a bin with its numbers in other units, on two lines if `room` characters are not enough.

    >>> _tick("-0.025 … 0.05", 1000, 10), _tick("-10 … -5", 1, 7), _tick("static", 1, 7)
    ('−25 … 50', '−10 …\n−5', 'static')
    """
    text = " ".join(_scaled(word, scale) for word in label.split(" ")).replace("-", "−")
    return text if len(text) <= room else text.replace(" … ", " …\n")


def _scaled(word: str, scale: float) -> str:
    try:
        return f"{float(word) * scale:g}"
    except ValueError:
        return word
