"""A demonstration: the scores of the microphone and of the output."""

from typing import Any

import pandas as pd
from rich.console import RenderableType

from aecbench.demonstration import Demo
from aecbench.metrics import Score
from aecbench.report.grid import grid
from aecbench.results import heading

__all__ = ["demo_facts", "demo_table"]


def demo_table(shown: Demo, seed: int) -> RenderableType:
    """Return a table with a row per metric: its value for microphone and output, or why it is undefined."""
    rows = [
        {"metric": heading(metric), "microphone": _text(shown.before[metric]), "output": _text(after)}
        for metric, after in shown.after.items()
    ]
    return grid(pd.DataFrame(rows), title=f"{shown.system}, scene of --seed {seed}")


def demo_facts(shown: Demo, seed: int) -> dict[str, Any]:
    """Return the same facts for programs."""
    scores = {
        metric: {"microphone": shown.before[metric]._asdict(), "output": after._asdict()}
        for metric, after in shown.after.items()
    }
    return {"system": shown.system, "seed": seed, "scores": scores}


def _text(score: Score) -> str:
    return score.reason or f"{score.value:.2f}"
