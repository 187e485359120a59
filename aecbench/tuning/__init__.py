"""Tuning: a search for the parameters of a canceller that score best, with optuna."""

from aecbench.tuning.outcome import Candidate, Tuned
from aecbench.tuning.study import tune

__all__ = ["Candidate", "Tuned", "tune"]
