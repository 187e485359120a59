"""Distribution of the scores over the scenes."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from aecbench.plots.evaluated import Evaluated
from aecbench.plots.style import INK, PALE, looks, plain, save
from aecbench.plots.view import view
from aecbench.results import RTF, ResultTable, heading
from aecbench.results.lost import CEILING

__all__ = ["plot_boxes", "plot_spread"]

WHISKERS = (5, 95)  # percentiles at the ends of the whiskers


def plot_boxes(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw boxes, see `plot_spread`; return the files that were written."""
    path = folder / f"boxes{evaluated.suffix}"
    plot_spread(evaluated.table, path)
    return [path]


def plot_spread(table: ResultTable, path: Path) -> None:
    """Draw a panel per metric with a box per system: median, quartiles, 5th and 95th percentile over the scenes.

    The scenes are those over which the table of results averages; the real-time factor is on a logarithmic axis. The
    others show the systems that compete, see `aecbench.plots.view`; an oracle above them is an arrow at the edge.
    """
    styles = looks(table.systems)
    ((_, counted),) = table.parts()
    columns = min(4, len(table.metrics))
    rows = -(-len(table.metrics) // columns)
    with plain():
        size = (2.9 * columns + 0.8, rows * (0.9 + 0.24 * len(styles)) + 0.5)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        axes = list(grid.flat)
        for axis, metric in zip(axes, table.metrics, strict=False):
            part = counted[(counted["metric"] == metric) & np.isfinite(counted["value"])]
            part = part[part["value"] > 0] if metric == RTF else part
            values = {system: part.loc[part["system"] == system, "value"].to_numpy(float) for system in styles}
            boxes = axis.boxplot(
                list(values.values()),
                positions=range(len(styles)),
                orientation="horizontal",
                widths=0.62,
                whis=WHISKERS,
                showfliers=False,
                patch_artist=True,
                medianprops={"color": INK, "lw": 1.4},
            )
            for box, look in zip(boxes["boxes"], styles.values(), strict=True):
                box.set(facecolor=look.colour, alpha=0.55, edgecolor=look.colour)
            whiskers = {system: np.percentile(own, (*WHISKERS, 50)) for system, own in values.items() if own.size}
            limits = view(whiskers, {}, {})
            if metric == RTF and len(part):
                axis.set_xscale("log")
            elif limits:
                axis.set_xlim(*limits)
                if CEILING in whiskers and whiskers[CEILING][2] > limits.high:
                    row, look = list(styles).index(CEILING), styles[CEILING]
                    axis.plot(1, row, ">", color=look.colour, transform=axis.get_yaxis_transform(), clip_on=False)
            axis.set_title(heading(metric, table.provenance), loc="left")
            axis.grid(axis="x", color=PALE, lw=0.6)
            axis.set_axisbelow(True)
            axis.tick_params(left=False)
            axis.spines["left"].set_visible(False)
        for row in grid:
            row[0].set_yticks(range(len(styles)), list(styles))
            row[0].set_ylim(len(styles) - 0.5, -0.5)
        for axis in axes[len(table.metrics) :]:
            axis.set_axis_off()
        figure.supxlabel("median, quartiles, 5th and 95th percentile of the scenes", size=8, x=0.01, ha="left")
        save(figure, path)
