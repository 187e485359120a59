"""The outcome of a search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Candidate", "Tuned"]


@dataclass(frozen=True)
class Candidate:
    """Parameters that were evaluated on all scenes."""

    parameters: dict[str, Any]
    value: float  # value of the objective
    means: dict[str, float]  # metric -> mean over the scenes in which it counts


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search."""

    before: Candidate  # the parameters that the system had
    after: Candidate  # the best parameters found; they may be the same
    importances: dict[str, float]  # parameter -> importance, which sum to 1; empty if too few trials were completed
    trials: dict[str, int]  # number of complete, pruned and failed trials
    failure: str  # why the first failed trial failed
    hours: float  # processor time [h]
    card: Path
