"""The card of a tuned system."""

from contextlib import suppress
from typing import Any

from aecbench._version import __version__
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.errors import NotInstalled, UsageError
from aecbench.provenance import commit
from aecbench.systems import System, load_system
from aecbench.tuning.outcome import Tuned
from aecbench.tuning.score import Task

__all__ = ["card_head", "tuned_card"]

FILTER = "filter"


def card_head(system: System) -> dict[str, Any]:
    """Return the fields of a card that tuning does not change. Raises UsageError for a filter that cannot be named."""
    rows = {target: name for name, target in CANCELLERS.items()}
    head = {
        "canceller": rows.get(system.target, system.target),
        "summary": system.summary or f"{system.name}, tuned",
    }
    return head | ({FILTER: _filter(system)} if FILTER in system.parameters else {})


def tuned_card(task: Task, head: dict[str, Any], split: str, tuned: Tuned) -> dict[str, Any]:
    """Return the card of the system with the best parameters and their origin."""
    system, corpus = task.system, task.scenes
    origin = {
        "parameters": "found by aecbench tune",
        "aecbench": __version__,
        "commit": commit() or "unknown",
        "corpus": {
            "name": str(corpus.info["spec"]["name"]),
            "id": corpus.id,
            "digest": corpus.digest,
            "split": split,
            "scenes": len(corpus),
        },
        "metrics": {name: abs(weight) for name, weight in task.weights.items()},
        "searched": list(task.space),
        "align": system.align,
        "seed": task.seed,
        "trials": tuned.trials,
        "hours": float(f"{tuned.hours:.3g}"),  # processor time
        "before": {"value": tuned.before.value, **tuned.before.means},
        "after": {"value": tuned.after.value, **tuned.after.means},
    }
    own = {name: value for name, value in system.parameters.items() if name != FILTER}
    return {**head, "parameters": {**own, **tuned.after.parameters}, "origin": origin}


def _filter(system: System) -> str:
    """Return the name of the baseline that is the filter inside a system."""
    for name in names("baselines"):
        with suppress(NotInstalled):
            if load_system(name, "none").hash == system.parameters[FILTER]["hash"]:
                return name
    raise UsageError(f"the filter of {system.name} is not a shipped baseline, so no card elsewhere can name it")
