"""Figures: a cancellation, convergence, an evaluation, a corpus, a scene, a demonstration, a training."""

from aecbench.plots.cancellation import plot_cancellation
from aecbench.plots.convergence import plot_convergence
from aecbench.plots.corpus import plot_corpus
from aecbench.plots.demo import plot_demo
from aecbench.plots.evaluated import Evaluated
from aecbench.plots.evaluation import plot_evaluation
from aecbench.plots.scene import plot_scene, scene_picture
from aecbench.plots.training import plot_training

__all__ = [
    "Evaluated",
    "plot_cancellation",
    "plot_convergence",
    "plot_corpus",
    "plot_demo",
    "plot_evaluation",
    "plot_scene",
    "plot_training",
    "scene_picture",
]
