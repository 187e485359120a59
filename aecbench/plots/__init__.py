"""Pictures: one cancellation, convergence, one result table, one corpus, one scene."""

from aecbench.plots.cancellation import plot_cancellation
from aecbench.plots.convergence import plot_convergence
from aecbench.plots.corpus import plot_corpus
from aecbench.plots.results import plot_results
from aecbench.plots.scene import plot_scene, scene_picture
from aecbench.plots.scene_data import find_scene

__all__ = [
    "find_scene",
    "plot_cancellation",
    "plot_convergence",
    "plot_corpus",
    "plot_results",
    "plot_scene",
    "scene_picture",
]
