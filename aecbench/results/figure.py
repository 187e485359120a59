"""A result table as a figure."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from aecbench.results.columns import heading, lower_is_better
from aecbench.results.lost import CEILING

if TYPE_CHECKING:
    from aecbench.results.table import ResultTable

__all__ = ["result_figure"]

INTERVAL, VALUE = "0.65", "tab:blue"  # colours
COLUMNS = 4  # most panels side by side
FAR = 2  # the oracle is drawn as an arrow if it is further from the other systems than this multiple of their range
ROW, PANEL, HEAD = 0.24, 2.6, 0.75  # [inch] height per system, width of a panel, height of its title and ticks


def result_figure(table: "ResultTable") -> Figure:
    """Draw a panel per metric, with the mean or median of each system and its 95 % interval.

    The systems are sorted by the first metric, the best on top. Metrics without any value have no panel. If the oracle
    is far better than all systems, as with a tERLE of 100 dB, it is drawn as an arrow at the edge.
    """
    summary = {system: intervals for (_, system), intervals in table.summary().items()}
    metrics = [metric for metric in table.metrics if any(cells[metric].n for cells in summary.values())]
    metrics = metrics or table.metrics[:1]
    first = table.metrics[0]
    sign = 1 if lower_is_better(first, table.provenance) else -1
    systems = sorted(summary, key=lambda system: (summary[system][first].n == 0, sign * summary[system][first].value))
    columns = min(COLUMNS, len(metrics))
    rows = -(-len(metrics) // columns)
    size = (PANEL * columns + 1, rows * (HEAD + ROW * len(systems)))
    figure = Figure(figsize=size, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for panel, metric in zip(panels, metrics, strict=False):
        cells = {system: summary[system][metric] for system in systems}
        others = [cell.value for system, cell in cells.items() if system != CEILING and cell.n]
        low, high = min(others, default=np.nan), max(others, default=np.nan)
        for row, system in enumerate(systems):
            interval = cells[system]
            if system == CEILING and interval.value > high + FAR * (high - low):
                panel.plot(1, row, ">", color=VALUE, transform=panel.get_yaxis_transform(), clip_on=False)
                continue
            panel.plot([interval.low, interval.high], [row, row], color=INTERVAL, lw=3, solid_capstyle="butt")
            panel.plot(interval.value, row, "o", color=VALUE)
        panel.locator_params(axis="x", nbins=4)
        panel.set_title(heading(metric, table.provenance), loc="left", fontsize=10)
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(left=False)
    panels[0].set_yticks(range(len(systems)), systems)
    panels[0].set_ylim(len(systems) - 0.5, -0.5)
    for panel in panels[len(metrics) :]:
        panel.set_axis_off()
    return figure
