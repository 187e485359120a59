"""The outcome of a search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Candidate", "Tuned"]


@dataclass(frozen=True)
class Candidate:
    """Parameters that have been tried on all scenes."""

    parameters: dict[str, Any]
    value: float  # what is maximised
    means: dict[str, float]  # of the metrics, over the scenes in which they count


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search."""

    before: Candidate  # what the system had
    after: Candidate  # the best that was found, perhaps the same
    importances: dict[str, float]  # of the parameters, which sum to 1; empty where too few trials came to their end
    trials: dict[str, int]  # how many were complete, pruned, failed
    failure: str  # why the first of those failed
    hours: float  # of processor time
    card: Path
