"""Boards that are planned: title, corpus, metrics and ranking of a board that nobody has made yet.

leaderboards/NAME.toml fixes everything but the digest of the corpus, which follows from the audio, and the hash of the
table of scenes. `aecbench leaderboard new NAME RESULTS` makes the board of it from results that fit.
"""

from pathlib import Path

from pydantic import Field

from aecbench.assets import folder
from aecbench.config import read_toml
from aecbench.leaderboard.board import BEST, BOARDS
from aecbench.leaderboard.entry import BoardError, Hash
from aecbench.record import Frozen, parse
from aecbench.results import ResultTable

__all__ = ["Plan", "check_results", "read_plan"]


class PlannedCorpus(Frozen):
    """The facts of a corpus that are known without its audio."""

    id: Hash | None = None  # None: it is not known
    split: str = "test"
    scenes: int


class Plan(Frozen):
    """The contents of leaderboards/NAME.toml."""

    title: str = Field(max_length=200)
    rebuild: str  # the command that makes the corpus
    align: str = BEST
    metrics: tuple[str, ...] = Field(min_length=1)
    ranked_by: tuple[str, ...] = Field(min_length=1)
    corpus: PlannedCorpus


def read_plan(path: Path) -> Plan | None:
    """Return the plan of the board in a folder that is to be: NAME.toml beside the folder, or a shipped one.

    None where it is not planned. Raises ConfigError.
    """
    for file in (path.parent / f"{path.name}.toml", folder(BOARDS) / f"{path.name}.toml"):
        if file.is_file():
            return parse(Plan, read_toml(file), str(file))
    return None


def check_results(plan: Plan, name: str, table: ResultTable) -> None:
    """Raise BoardError where results are not of the corpus and the metrics of a planned board."""
    corpus = table.provenance["corpus"]
    for fact, expected in plan.corpus.model_dump(exclude_none=True).items():
        if corpus[fact] != expected:
            raise BoardError(
                f"{name}: the results are of a corpus with {fact} {corpus[fact]!s:.12}, expected {expected!s:.12}; "
                f"make it with: {plan.rebuild}"
            )
    metrics = [metric for metric in table.metrics if metric in table.provenance["metrics"]]
    if sorted(metrics) != sorted(plan.metrics):
        raise BoardError(
            f"{name}: the results have the metrics {', '.join(metrics)}, expected {', '.join(plan.metrics)}; "
            "evaluate again"
        )
