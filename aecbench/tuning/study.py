"""The search for the best parameters, as a study of optuna.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011: the
tree-structured Parzen estimator (TPE), which proposes parameters from those that were good before.
T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter optimization framework",
KDD 2019.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecbench.cards import CARD, write_card
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError, MissingExtra, UsageError
from aecbench.evaluation.run import check_rates
from aecbench.output import locked, new_folder
from aecbench.progress import progress
from aecbench.systems import System
from aecbench.tuning.card import card_head, tuned_card
from aecbench.tuning.outcome import Candidate, Tuned
from aecbench.tuning.score import Attempt, Task, attempt, signed_weights
from aecbench.tuning.space import distribution, nearest, present, rounded, space_of

if TYPE_CHECKING:
    import optuna

__all__ = ["tune"]

SPLITS = ("val", "train")  # nothing is tuned on test
HOPELESS = 0.1  # a trial is stopped when it would be so far behind the best one by chance with this probability
ENOUGH = 10  # complete trials, for the importances of the parameters
TRIALS, ATTEMPT = "trials.journal", "attempt"


def tune(
    system: System,
    corpus: Corpus,
    metrics: Mapping[str, float],
    *,
    split: str = "val",
    trials: int = 50,
    scenes: int | None = None,
    parameters: Sequence[str] = (),
    seed: int = 0,
    jobs: int = 1,
    out: Path,
) -> Tuned:
    """Search the parameters of a system whose fields are `tunable`, all or those named, and write OUT/card.toml.

    Maximised is the sum over `metrics` (name -> weight) of weight times mean over the first `scenes` of the split, all
    by default; negated where lower is better. A metric of the near end counts in scenes in which both ends talk. The
    first trial is what the system has, so the outcome is never worse. The others follow TPE; one that falls clearly
    behind the best is stopped (Wilcoxon's signed-rank test, scene by scene), one that the canceller refuses or that
    fails on a scene is counted as failed. Parameters have 4 significant digits.

    Every trial is kept in OUT/trials.journal, so the same call goes on where an earlier one was stopped, up to `trials`
    in all, and comes to the same end; another call (system, corpus, metrics, scenes, seed) is a search of its own.
    `jobs` is the number of processes (-1: all cores) and changes nothing else.

    Raises UsageError for the split test, and for systems without tunable fields or for another sample rate,
    UnknownName, MissingExtra without optuna, OutputError, AecbenchError where the system as it is fails.
    """
    space, chosen = space_of(system, parameters), _scenes(corpus, split, scenes)
    check_rates([system], chosen)
    task = Task(system, space, chosen, signed_weights(metrics), seed, jobs)
    if find_spec("optuna") is None:
        raise MissingExtra("optuna", "tune")
    head = card_head(system)
    new_folder(out)
    with locked(out):
        study = _study(task, out / TRIALS)
        todo = trials - len(_finished(study))
        for _ in progress(_search(study, task, trials), todo, f"tune {system.name}", "trials"):
            pass
        tuned = _summary(study, trials, out / CARD)
    write_card(out, tuned_card(task, head, split, tuned))
    return tuned


def _scenes(corpus: Corpus, split: str, count: int | None) -> Corpus:
    if split not in SPLITS:
        raise UsageError(
            f"split is {split!r}, expected one of {', '.join(SPLITS)}: nothing is tuned on what it is tested on"
        )
    if set(corpus.scenes["split"]) == {"test"}:
        raise UsageError(
            f"{corpus.path}: has a test split only, and nothing is tuned on that; name a corpus with a split val"
        )
    return corpus.split(split)[:count]


def _study(task: Task, journal: Path) -> "optuna.Study":
    """The study of a task in a journal of optuna, new or with the trials that it has. Nobody else may write there."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if journal.exists():  # what a killed process may have left: its lock, and a line half written
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
        whole = journal.read_bytes().rpartition(b"\n")
        if whole[2]:
            journal.write_bytes(whole[0] + whole[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=HOPELESS)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return optuna.create_study(
        storage=storage, study_name=task.name, direction="maximize", pruner=pruner, load_if_exists=True
    )


def _finished(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    """The trials that came to an end, without those that were interrupted."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _search(study: "optuna.Study", task: Task, trials: int) -> Iterator[None]:
    """Yield after every trial, until there are as many.

    The parameters of a trial depend on the seed and on the trials that were finished before it, and on nothing else.
    """
    from optuna.trial import TrialState

    now = present(task.system, list(task.space))
    distributions = {name: distribution(search, now[name]) for name, search in task.space.items()}
    while (number := len(_finished(study))) < trials:
        study.sampler = _sampler(task, number)
        trial = study.ask(distributions)
        drawn = {name: rounded(search, trial.params[name]) for name, search in task.space.items()}
        try:
            scored = attempt(task, drawn if number else now, trial)
            if scored.failure and number == 0:
                raise AecbenchError(f"{task.system.name} fails before anything is changed: {scored.failure}")
        except BaseException:  # Ctrl-C too: such a trial will be made again
            study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(ATTEMPT, scored._asdict())
        study.tell(trial, scored.value, TrialState.PRUNED if scored.value is None else TrialState.COMPLETE)
        yield


def _sampler(task: Task, number: int) -> "optuna.samplers.BaseSampler":
    """For one trial: the first is as near to what the system has as the space allows, the others are up to TPE."""
    import optuna

    seed = int(np.random.default_rng([task.seed, number]).integers(2**32))
    now = present(task.system, list(task.space))
    near = {name: nearest(search, now[name]) for name, search in task.space.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        tpe = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=False)
        return tpe if number else optuna.samplers.PartialFixedSampler(near, tpe)


def _importances(study: "optuna.Study") -> dict[str, float]:
    """Return the share of each parameter in the variance of the scores (PED-ANOVA), the default since optuna 5.

    The earlier default needs scikit-learn.
    """
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _summary(study: "optuna.Study", trials: int, card: Path) -> Tuned:
    """Return the outcome of the first `trials`."""
    attempts = [Attempt(**trial.user_attrs[ATTEMPT]) for trial in _finished(study)[:trials]]
    complete = [Candidate(tried.parameters, tried.value, tried.means) for tried in attempts if tried.value is not None]
    failed = [tried.failure for tried in attempts if tried.failure]
    return Tuned(
        before=complete[0],
        after=max(complete, key=lambda candidate: candidate.value),
        importances=_importances(study) if len(complete) >= ENOUGH else {},
        trials={
            "complete": len(complete),
            "pruned": len(attempts) - len(complete) - len(failed),
            "failed": len(failed),
        },
        failure=failed[0] if failed else "",
        hours=sum(tried.seconds for tried in attempts) / 3600,
        card=card,
    )
