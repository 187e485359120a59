"""A search for parameters: before and after."""

from collections.abc import Sequence

import pandas as pd
from rich.console import RenderableType

from aecbench.metrics import choose
from aecbench.report.grid import grid
from aecbench.results import columns_of, heading
from aecbench.tuning import Tuned

__all__ = ["tuning_tables"]


def tuning_tables(tuned: Tuned) -> Sequence[RenderableType]:
    """Return tables of the parameters and the scores, before and after, and a line on the trials."""
    before, after = tuned.before, tuned.after
    parameters = [
        {
            "parameter": name,
            "before": f"{before.parameters[name]}",
            "after": f"{value}",
            "importance": f"{tuned.importances[name]:.2f}" if name in tuned.importances else "-",
        }
        for name, value in after.parameters.items()
    ]
    columns = columns_of(choose(list(after.means)))
    scores = [(heading(name, columns), before.means[name], mean) for name, mean in after.means.items()]
    scores.append(("objective", before.value, after.value))
    changes = [{"score": name, "before": f"{first:.3f}", "after": f"{last:.3f}"} for name, first, last in scores]
    counts = ", ".join(f"{n} {state}" for state, n in tuned.trials.items())
    failure = f" (the first: {tuned.failure})" if tuned.failure else ""
    ending = f"trials: {counts}{failure}; {tuned.hours:.3g} h of processor time"
    return [grid(pd.DataFrame(parameters)), grid(pd.DataFrame(changes)), ending]
