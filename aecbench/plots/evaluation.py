"""The figures of an evaluation."""

from collections.abc import Callable
from pathlib import Path

from aecbench.plots.boxes import plot_boxes
from aecbench.plots.conditions import plot_conditions
from aecbench.plots.cost import plot_costs
from aecbench.plots.evaluated import Evaluated
from aecbench.plots.gallery import plot_gallery
from aecbench.plots.over_time import plot_over_time

__all__ = ["PICTURES", "plot_evaluation"]

PICTURES: dict[str, Callable[[Evaluated, Path], list[Path]]] = {
    "boxes": plot_boxes,
    "conditions": plot_conditions,
    "cost": plot_costs,
    "over time": plot_over_time,
    "gallery": plot_gallery,
}


def plot_evaluation(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Draw every row of PICTURES to a folder and return the files; figures without data are left out.

    A system has the same colour in all figures. Raises OutputError.
    """
    return [path for draw in PICTURES.values() for path in draw(evaluated, folder)]
