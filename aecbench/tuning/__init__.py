"""Tuning: searches for the parameters of a canceller with the best score, with optuna."""

from aecbench.tuning.outcome import Candidate, Tuned
from aecbench.tuning.study import tune

__all__ = ["Candidate", "Tuned", "tune"]
