"""One result table: systems compared, metric by metric."""

from pathlib import Path

from matplotlib.figure import Figure

from aecbench.plots.style import ACCENT, GREY, save
from aecbench.results import ResultTable, heading

__all__ = ["plot_results"]


def plot_results(table: ResultTable, path: Path) -> None:
    """A panel per metric: each system's mean or median with its 95 % interval."""
    summary = {system: intervals for (_, system), intervals in table.summary().items()}
    systems = list(summary)
    columns = -(-len(table.metrics) // 2)
    figure = Figure(figsize=(3.2 * columns, 1.6 + 0.7 * len(systems)), layout="constrained")
    axes = list(figure.subplots(2, columns, squeeze=False).flat)
    for axis, metric in zip(axes, table.metrics, strict=False):
        intervals = [summary[system][metric] for system in systems]
        for row, interval in enumerate(intervals):
            axis.plot([interval.low, interval.high], [row, row], color=GREY, lw=3, solid_capstyle="butt")
            axis.plot(interval.value, row, "o", color=ACCENT)
        axis.locator_params(axis="x", nbins=4)
        axis.set_title(heading(metric, table.provenance), loc="left", fontsize=10)
        axis.set_yticks(range(len(systems)), systems)
        axis.set_ylim(len(systems) - 0.5, -0.5)
        axis.grid(axis="x", color=GREY, alpha=0.3)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(left=False)
    for axis in axes[len(table.metrics) :]:
        axis.set_axis_off()
    save(figure, path)
