"""The search for the best parameters, as a study of optuna.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011: the
tree-structured Parzen estimator (TPE), which proposes parameters similar to those of earlier good trials.
T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter optimization framework",
KDD 2019.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecbench.cards import CARD, check_model_folder, write_card
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError, MissingExtra, UsageError, one_line
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

SPLITS = ("val", "train")  # tuning on the split test is not allowed
HOPELESS = 0.1  # a trial is stopped if the p-value of its being worse than the best one is below this
ENOUGH = 10  # complete trials needed to compute the importances of the parameters
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
    """Search for the best values of a system's `tunable` fields, all or those named, and write OUT/card.toml.

    The objective, which is maximised, is the sum over `metrics` (name -> weight) of the weight times the mean over the
    first `scenes` scenes of the split (by default all), negated if lower is better. Metrics of the near end count in
    scenes in which both ends talk. The first trial uses the present parameters of the system, so the outcome is never
    worse. TPE proposes the others. A trial that falls clearly behind the best one is stopped (Wilcoxon's signed-rank
    test over the scenes); one that the canceller rejects or that fails on a scene counts as failed. Parameters have 4
    significant digits.

    All trials are stored in OUT/trials.journal, so the same call continues a search that was stopped, up to `trials` in
    total, with the same result as an uninterrupted one. A call with another system, corpus, metrics, scenes, parameters
    or seed is a separate search, which needs a folder of its own. `jobs` is the number of processes (-1: one per core)
    and does not affect the result.

    Raises UsageError for the split test, for systems without tunable fields or for another sample rate, and if OUT
    contains another search or model, UnknownName for an unknown metric or parameter, MissingExtra without optuna,
    OutputError if OUT cannot be written, AecbenchError if the system fails with its present parameters.
    """
    space, chosen = space_of(system, parameters), _scenes(corpus, split, scenes)
    check_rates([system], chosen)
    task = Task(system, space, chosen, signed_weights(metrics), seed, jobs)
    if find_spec("optuna") is None:
        raise MissingExtra("optuna", "tune")
    head = card_head(system)
    if not (out / TRIALS).exists():
        check_model_folder(out)
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
    """Open or create the study of a task in a journal of optuna; no other process may write to it.

    Raises UsageError if the journal has finished trials of another task, because the folder has one card only, and
    AecbenchError if it cannot be read.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=HOPELESS)
    try:
        if journal.exists():  # remove what a killed process may have left: its lock, and an incomplete line
            journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
            whole = journal.read_bytes().rpartition(b"\n")
            if whole[2]:
                journal.write_bytes(whole[0] + whole[1])
        storage = JournalStorage(JournalFileBackend(str(journal)))
        for other in optuna.get_all_study_names(storage):
            if other != task.name and _finished(optuna.load_study(study_name=other, storage=storage)):
                raise UsageError(
                    f"{journal.parent}: contains another search, of {other.rpartition(' ')[0]} with other parameters, "
                    "metrics, scenes, seed or code; choose another folder with --out, or remove this one"
                )
        return optuna.create_study(
            storage=storage, study_name=task.name, direction="maximize", pruner=pruner, load_if_exists=True
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AecbenchError(
            f"{journal}: cannot be read ({one_line(error)}); remove it to start from scratch, or choose another folder"
        ) from None


def _finished(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    """Return the trials that are complete or pruned, without those that were interrupted."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _search(study: "optuna.Study", task: Task, trials: int) -> Iterator[None]:
    """Run trials until there are `trials` in total, and yield after each of them.

    The parameters of a trial depend only on the seed and on the trials that were finished before it.
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
        except BaseException:  # including Ctrl-C: such a trial is run again
            study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(ATTEMPT, scored._asdict())
        study.tell(trial, scored.value, TrialState.PRUNED if scored.value is None else TrialState.COMPLETE)
        yield


def _sampler(task: Task, number: int) -> "optuna.samplers.BaseSampler":
    """Return the sampler for one trial: the first is the point nearest to the present parameters, TPE draws others."""
    import optuna

    seed = int(np.random.default_rng([task.seed, number]).integers(2**32))
    now = present(task.system, list(task.space))
    near = {name: nearest(search, now[name]) for name, search in task.space.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        tpe = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=False)
        return tpe if number else optuna.samplers.PartialFixedSampler(near, tpe)


def _importances(study: "optuna.Study") -> dict[str, float]:
    """Return the share of each parameter in the variance of the scores (PED-ANOVA).

    This is optuna's default since version 5; the earlier default needs scikit-learn.
    """
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _summary(study: "optuna.Study", trials: int, card: Path) -> Tuned:
    """Return the outcome of the first `trials` trials."""
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
