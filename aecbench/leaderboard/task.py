"""The task of a board: its corpus, checked to be the one of the board, and its metrics."""

from pathlib import Path

from aecbench.corpus import Corpus, open_corpus
from aecbench.corpus.format import SIMULATOR
from aecbench.leaderboard.board import Rules
from aecbench.leaderboard.entry import BoardError
from aecbench.metrics import Metric, find, of_version

__all__ = ["board_corpus", "board_metrics", "board_scenes", "check_corpus"]


def board_corpus(rules: Rules, path: Path) -> Corpus:
    """The corpus of a board, in a folder. Raises BoardError, which says how to make it, where there is another or none.

    Raises CorpusError for one that is damaged.
    """
    if not path.exists():
        raise BoardError(f"{path}: the corpus of board {rules.name} is not there; {_advice(rules)}")
    corpus = open_corpus(path)
    check_corpus(rules, corpus)
    return corpus


def check_corpus(rules: Rules, corpus: Corpus) -> None:
    """Raise BoardError where a corpus is not the corpus of a board."""
    facts = rules.corpus
    if (corpus.id, corpus.digest) != (facts.id, facts.digest):
        raise BoardError(
            f"{corpus.path}: is corpus {corpus.id[:12]}, digest {corpus.digest[:12]}, and board {rules.name} is of "
            f"{facts.id[:12]}, {facts.digest[:12]}; {_advice(rules)}"
        )


def board_scenes(rules: Rules, corpus: Corpus) -> Corpus:
    """Return the scenes of a board. Raises BoardError where the corpus is another one."""
    check_corpus(rules, corpus)
    return corpus.split(rules.corpus.split)


def board_metrics(rules: Rules) -> dict[str, Metric]:
    """The metrics of a board, in the versions that it has.

    Raises BoardError for a version that this aecbench does not compute, UnknownName for a metric it does not have.
    """
    metrics = {}
    for name, facts in rules.metrics.items():
        metric = of_version(name, facts.version) or find(name)
        if metric.version != facts.version:
            raise BoardError(
                f"board {rules.name} is scored by version {facts.version} of {name}, this aecbench has version "
                f"{metric.version}; install the aecbench that the entries of the board name"
            )
        metrics[name] = metric
    return metrics


def _advice(rules: Rules) -> str:
    if rules.older_corpus:
        return (
            f"the board's corpus is of version {rules.simulator} of the simulator, and this aecbench has version "
            f"{SIMULATOR}, which makes another; make it with the command in the board's README.md, which checks out "
            "an older commit, or give it with --corpus"
        )
    make = f"make it with: {rules.rebuild}" if rules.rebuild else "simulate it as the board says"
    return f"{make}; or give its folder with --corpus"
