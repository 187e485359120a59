"""Evaluation: runs systems on the scenes of a corpus, scores them, and writes their outputs."""

from aecbench.evaluation.audio import Processed, examples, output_name, outputs, scene_folder, with_echo, write_audio
from aecbench.evaluation.table import evaluate, plan

__all__ = [
    "Processed",
    "evaluate",
    "examples",
    "output_name",
    "outputs",
    "plan",
    "scene_folder",
    "with_echo",
    "write_audio",
]
