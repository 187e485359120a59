"""Quality versus cost."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Bbox

from aecbench.cancellers import abilities
from aecbench.cancellers.align import RATE
from aecbench.plots.evaluated import Evaluated
from aecbench.plots.style import PALE, Look, looks, plain, save
from aecbench.results import RTF, Interval, ResultTable, heading

__all__ = ["plot_cost", "plot_costs"]

QUALITY = ("pesq", "erle")
EMPTY: Mapping[str, float] = MappingProxyType({})
DECADES = 100  # ratio of the highest to the lowest cost up to which there are ticks within a decade
TICKS = 9  # most ticks
NAME = 100  # penalty of a label that covers another name or leaves the panel
PLACES = tuple(
    (x, y) for y in (0, 8, -8, 14, -14, 22, -22, 30, -30) for x in (6, -6, 0) if x or y
)  # offsets of a label [points]


def plot_costs(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw cost for those of PESQ and ERLE that were scored; return the files that were written."""
    metrics = [metric for metric in QUALITY if metric in evaluated.table.metrics]
    path = folder / f"cost{evaluated.suffix}"
    counts = {system.name: abilities.cost(system.canceller) for system in evaluated.systems}
    macs = {name: RATE * tally.macs for name, tally in counts.items() if tally is not None}
    return [path] if metrics and plot_cost(evaluated.table, metrics, path, macs) else []


def plot_cost(table: ResultTable, metrics: Sequence[str], path: Path, macs: Mapping[str, float] = EMPTY) -> bool:
    """Draw a panel per metric: mean or median with the 95 % interval versus the real-time factor, a point per system.

    A second row shows it versus the `macs` per second of audio, if they are known. Systems whose cost is zero or
    unknown have no point. Returns whether there is any point; otherwise, nothing is written.
    """
    summary = {system: cells for (_, system), cells in table.summary().items()}
    styles = looks(table.systems)
    costs = {
        "real-time factor on one core": {system: cells[RTF].value for system, cells in summary.items()},
        "million MACs per second of audio": {system: macs.get(system, 0) / 1e6 for system in summary},
    }
    costs = {label: {system: cost for system, cost in values.items() if cost > 0} for label, values in costs.items()}
    if not any(summary[system][metric].n for values in costs.values() for system in values for metric in metrics):
        return False
    rows = [(label, values) for label, values in costs.items() if values]
    with plain():
        figure = Figure(figsize=(4.8 * len(metrics), 4.0 * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(rows), len(metrics), squeeze=False)
        panels = [
            (axis, metric, label, values)
            for row, (label, values) in zip(grid, rows, strict=True)
            for axis, metric in zip(row, metrics, strict=True)
        ]
        for axis, metric, label, values in panels:
            for system in values:
                cell, look = summary[system][metric], styles[system]
                axis.vlines(values[system], cell.low, cell.high, color=look.colour, lw=1.4, alpha=0.6)
                axis.plot(values[system], cell.value, look.marker, color=look.colour, ms=6)
            axis.set_xscale("log")
            axis.margins(x=0.28, y=0.1)
            low, high = axis.get_xlim()
            axis.xaxis.set_major_locator(LogLocator(subs=(1,) if high > DECADES * low else (1, 2, 5), numticks=TICKS))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.xaxis.set_major_formatter(lambda x, _: np.format_float_positional(x, 3, fractional=False, trim="-"))
            axis.set_xlabel(label)
            axis.set_ylabel(heading(metric, table.provenance))
            axis.grid(color=PALE, lw=0.6)
            axis.set_axisbelow(True)
        figure.draw_without_rendering()
        for axis, metric, _, values in panels:
            cells = {system: summary[system][metric] for system in values if summary[system][metric].n}
            _label(axis, {system: (values[system], cell) for system, cell in cells.items()}, styles)
        save(figure, path)
    return True


def _label(axis: Axes, points: dict[str, tuple[float, Interval]], styles: dict[str, Look]) -> None:
    """Write each name next to its point, where it covers no other name and as few points and intervals as possible."""
    names, marks, frame = list[Bbox](), list[Bbox](), axis.get_window_extent()
    for x, cell in points.values():
        ends = axis.transData.transform([(x, cell.low), (x, cell.value), (x, cell.high)])
        marks += [Bbox([ends[0] - 1, ends[2] + 1]), Bbox([ends[1] - 5, ends[1] + 5])]
    for name, (at, cell) in sorted(points.items(), key=lambda point: -point[1][0]):
        placed = []
        for x, y in PLACES:
            side = "left" if x > 0 else "right" if x < 0 else "center"
            text = axis.annotate(
                name, (at, cell.value), (x, y), textcoords="offset points", ha=side, va="center", size=7.5
            )
            text.set(color=styles[name].colour, weight="bold")
            box = text.get_window_extent().padded(2)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            covered = box.count_overlaps(marks) + NAME * (box.count_overlaps(names) + (not inside))
            placed.append((covered, text, box))
        best = min(range(len(placed)), key=lambda n: placed[n][0])
        names.append(placed.pop(best)[2])
        for _, text, _ in placed:
            text.remove()
