"""The data for the figures of an evaluation: its scores, and the outputs of the systems."""

from collections.abc import Sequence
from typing import NamedTuple

from aecbench.evaluation import Processed
from aecbench.results import ResultTable
from aecbench.systems import System

__all__ = ["Evaluated"]


class Evaluated(NamedTuple):
    """The results of systems, and their outputs on some of the scenes."""

    table: ResultTable
    systems: Sequence[System] = ()
    timed: Sequence[Processed] = ()  # scenes with echo, for ERLE over time, see `aecbench.evaluation.with_echo`
    gallery: Sequence[Processed] = ()  # scenes to look at and listen to, see `aecbench.evaluation.examples`
    by: Sequence[str] = ()  # conditions of the table, such as "ser=-5,5", whose edges are used
    suffix: str = ".png"  # of the figures: ".png", ".svg" or ".pdf"
