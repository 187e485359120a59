"""Search the tunable parameters of a canceller for those that score best, with optuna.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011: the
tree-structured Parzen estimator (TPE), which proposes parameters from those that were good before.
T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter optimization framework",
KDD 2019.
"""

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, is_dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np
import tomli_w

from aecbench import __version__
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.align import unaligned
from aecbench.cancellers.tunable import Search, search_space
from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError, MissingExtra, NotInstalled, UnknownName, UsageError
from aecbench.metrics import find, score
from aecbench.output import locked, new_folder, whole_file
from aecbench.progress import progress
from aecbench.provenance import commit
from aecbench.systems import System, load_system

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["Candidate", "Tuned", "tune"]

SPLITS = ("val", "train")  # nothing is tuned on test
FIRST_LOOK = 8  # scenes before a trial may be stopped; then after twice as many, and so on
HOPELESS = 0.1  # a trial is stopped when it would be so far behind the best one by chance with this probability
DIGITS = 4  # of parameters, significant
ENOUGH = 10  # complete trials, to tell what the parameters matter
TRIALS, CARD, ATTEMPT, FILTER = "trials.journal", "card.toml", "attempt", "filter"


@dataclass(frozen=True)
class Candidate:
    """Parameters that have been tried on all scenes."""

    parameters: dict[str, Any]
    value: float  # what is maximised
    means: dict[str, float]  # of the metrics, over the scenes in which they count


class Attempt(NamedTuple):
    """One trial as it is kept."""

    parameters: dict[str, Any]
    value: float | None  # what is maximised; None where the trial was stopped or failed
    means: dict[str, float]
    seconds: float  # of processor time
    failure: str  # why it failed


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


class Outcome(NamedTuple):
    """What a canceller scores on one scene."""

    values: list[float]  # of the metrics; NaN where one does not count
    seconds: float  # of processor time, scoring included
    failure: str  # why there are no values


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

    Raises UsageError for the split test and for systems without tunable fields, UnknownName, MissingExtra without
    optuna, OutputError, AecbenchError where the system as it is fails.
    """
    task = Task(system, _space(system, parameters), _scenes(corpus, split, scenes), _weights(metrics), seed, jobs)
    if find_spec("optuna") is None:
        raise MissingExtra("optuna", "tune")
    head = _head(system)
    new_folder(out)
    with locked(out):
        study = _study(task, out / TRIALS)
        todo = trials - len(_finished(study))
        for _ in progress(_search(study, task, trials), todo, f"tune {system.name}", "trials"):
            pass
        tuned = _summary(study, trials, out / CARD)
    _write_card(task, head, split, tuned)
    return tuned


@dataclass(frozen=True)
class Task:
    """What is searched, and what counts as good."""

    system: System
    space: Mapping[str, Search]
    scenes: Corpus
    weights: Mapping[str, float]  # of the metrics; negative where lower is better
    seed: int
    jobs: int

    @property
    def name(self) -> str:
        """Of the study: it differs where anything differs that trials depend on, and may be read."""
        facts = [self.system.hash, repr(self.space), self.scenes.digest, list(self.scenes.scenes["scene"])]
        metrics = [[name, weight, find(name).version] for name, weight in self.weights.items()]
        return f"{self.system.name} {sha256(canonical_json([*facts, metrics, self.seed]))[:12]}"

    @property
    def present(self) -> dict[str, Any]:
        """The parameters that the system has."""
        return {name: getattr(unaligned(self.system.canceller), name) for name in self.space}


def _space(system: System, chosen: Sequence[str]) -> dict[str, Search]:
    """The tunable fields of a system, or those chosen."""
    space = _tunable(system)
    if not space:
        raise UsageError(
            f"{system.name} has no tunable parameters; models that have: {', '.join(_tunable_models()) or 'none'}"
        )
    for name in chosen:
        if name not in space:
            raise UnknownName(f"tunable parameter of {system.name}", name, space)
    return {name: search for name, search in space.items() if name in chosen or not chosen}


def _tunable(system: System) -> dict[str, Search]:
    canceller: Any = unaligned(system.canceller)
    return search_space(canceller) if is_dataclass(canceller) else {}


def _tunable_models() -> Iterator[str]:
    for name in sorted({*names("baselines"), *CANCELLERS}):
        with suppress(NotInstalled):
            if _tunable(load_system(name)):
                yield name


def _scenes(corpus: Corpus, split: str, count: int | None) -> Corpus:
    if split not in SPLITS:
        raise UsageError(
            f"split is {split!r}, expected one of {', '.join(SPLITS)}: nothing is tuned on what it is tested on"
        )
    if set(corpus.scenes["split"]) == {"test"}:
        raise UsageError(f"{corpus.path} has a test split only, and nothing is tuned on that; simulate a split val too")
    return corpus.split(split)[:count]


def _weights(metrics: Mapping[str, float]) -> dict[str, float]:
    for name, weight in metrics.items():
        find(name)
        if not 0 < weight < math.inf:
            raise UsageError(f"weight of {name} is {weight}, expected a positive number")
    return {name: weight if find(name).better == "higher" else -weight for name, weight in metrics.items()}


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

    What a trial tries depends on the seed and on the trials that were finished before it, and on nothing else.
    """
    from optuna.trial import TrialState

    distributions = {name: _distribution(search, task.present[name]) for name, search in task.space.items()}
    while (number := len(_finished(study))) < trials:
        study.sampler = _sampler(task, number)
        trial = study.ask(distributions)
        drawn = {name: _rounded(search, trial.params[name]) for name, search in task.space.items()}
        try:
            attempt = _attempt(task, drawn if number else task.present, trial)
            if attempt.failure and number == 0:
                raise AecbenchError(f"{task.system.name} fails before anything is changed: {attempt.failure}")
        except BaseException:  # Ctrl-C too: such a trial will be made again
            study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(ATTEMPT, attempt._asdict())
        study.tell(trial, attempt.value, TrialState.PRUNED if attempt.value is None else TrialState.COMPLETE)
        yield


def _sampler(task: Task, number: int) -> "optuna.samplers.BaseSampler":
    """For one trial: the first is as near to what the system has as the space allows, the others are up to TPE."""
    import optuna

    seed = int(np.random.default_rng([task.seed, number]).integers(2**32))
    near = {name: _nearest(search, task.present[name]) for name, search in task.space.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        tpe = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=False)
        return tpe if number else optuna.samplers.PartialFixedSampler(near, tpe)


def _distribution(search: Search, present: Any) -> "BaseDistribution":
    """The space of one parameter as optuna has it. What a forgetting factor lacks to 1 is searched in its place."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if search.options:
        return CategoricalDistribution(list(dict.fromkeys((*search.options, present))))
    if search.scale == "complement":
        return FloatDistribution(1 - search.high, 1 - search.low, log=True)
    if isinstance(search.low, int) and isinstance(search.high, int):
        return IntDistribution(search.low, search.high, log=search.scale == "log")
    return FloatDistribution(search.low, search.high, log=search.scale == "log")


def _nearest(search: Search, value: Any) -> Any:
    """What stands for a value in the space that optuna searches."""
    if search.options:
        return value
    inside = min(max(value, search.low), search.high)
    return 1 - inside if search.scale == "complement" else inside


def _rounded(search: Search, drawn: Any) -> Any:
    """The value that optuna has drawn, with 4 significant digits (of what it lacks to 1).

    >>> _rounded(Search(0.9, 0.9999, "complement"), 0.000123456), _rounded(Search(0.0, 1.0), 0.123456)
    (0.9998765, 0.1235)
    """
    if search.options or isinstance(drawn, int):
        return drawn
    rounded = float(f"{drawn:.{DIGITS}g}")
    if search.scale == "complement":
        rounded = round(1 - rounded, DIGITS - 1 - math.floor(math.log10(rounded)))
    return min(max(rounded, search.low), search.high)


def _attempt(task: Task, parameters: dict[str, Any], trial: "optuna.Trial") -> Attempt:
    """Score parameters, scene by scene, as long as there is hope."""
    try:
        system = replace(task.system, canceller=_changed(task.system.canceller, parameters))
    except Exception as error:
        return Attempt(parameters, None, {}, 0.0, f"{type(error).__name__}: {error}")
    outcomes: list[Outcome] = []
    while (done := len(outcomes)) < len(task.scenes):
        indices = range(done, min(max(2 * done, FIRST_LOOK), len(task.scenes)))
        calls = (joblib.delayed(_score)(system, task.scenes, index, list(task.weights)) for index in indices)
        outcomes += joblib.Parallel(n_jobs=task.jobs)(calls)
        seconds = sum(outcome.seconds for outcome in outcomes)
        for index in indices:
            if outcomes[index].failure:
                return Attempt(
                    parameters, None, {}, seconds, f"{task.scenes[index].scene.id}: {outcomes[index].failure}"
                )
            if not np.isnan(outcomes[index].values).all():
                trial.report(float(np.nansum(_weigh(task, outcomes[index].values))), index)
        if len(outcomes) < len(task.scenes) and trial.should_prune():
            return Attempt(parameters, None, {}, seconds, "")
    values = np.array([outcome.values for outcome in outcomes])
    for name, column in zip(task.weights, values.T, strict=True):
        if np.isnan(column).all():
            raise UsageError(
                f"{name} is defined in none of the {len(outcomes)} scenes; choose another metric or more scenes"
            )
    means = np.nanmean(values, axis=0)
    return Attempt(
        parameters,
        float(np.sum(_weigh(task, means))),
        dict(zip(task.weights, means.tolist(), strict=True)),
        seconds,
        "",
    )


def _changed(canceller: Any, parameters: dict[str, Any]) -> Any:
    """A canceller with other parameters, and with the alignment that it had."""
    bare: Any = unaligned(canceller)
    changed = replace(bare, **parameters)
    return changed if bare is canceller else canceller.with_inner(changed)


def _weigh(task: Task, values: Any) -> Any:
    return np.asarray(values) * list(task.weights.values())


def _score(system: System, corpus: Corpus, index: int, metrics: Sequence[str]) -> Outcome:
    """Run a system on one scene."""
    item = corpus[index]
    scene, signals, talk = item.scene, item.signals, item.talk
    counted = [name for name in metrics if find(name).counts(scene.talk)]
    if not counted:
        return Outcome([np.nan] * len(metrics), 0.0, "")
    start = time.process_time()
    try:
        estimate = system.canceller.cancel(signals.mic, signals.far)
    except Exception as error:
        return Outcome([], time.process_time() - start, f"{type(error).__name__}: {error}")
    scores = {name: score(name, signals, estimate, scene.rate, talk) for name in counted}
    failure = next((f"{name}: {result.reason}" for name, result in scores.items() if result.failed), "")
    values = [scores[name].value if name in scores else np.nan for name in metrics]
    return Outcome(values, time.process_time() - start, failure)


def _summary(study: "optuna.Study", trials: int, card: Path) -> Tuned:
    """What came out of the first `trials`."""
    from optuna.importance import get_param_importances

    attempts = [Attempt(**trial.user_attrs[ATTEMPT]) for trial in _finished(study)[:trials]]
    complete = [
        Candidate(attempt.parameters, attempt.value, attempt.means) for attempt in attempts if attempt.value is not None
    ]
    failed = [attempt.failure for attempt in attempts if attempt.failure]
    return Tuned(
        before=complete[0],
        after=max(complete, key=lambda candidate: candidate.value),
        importances=get_param_importances(study) if len(complete) >= ENOUGH else {},
        trials={
            "complete": len(complete),
            "pruned": len(attempts) - len(complete) - len(failed),
            "failed": len(failed),
        },
        failure=failed[0] if failed else "",
        hours=sum(attempt.seconds for attempt in attempts) / 3600,
        card=card,
    )


def _head(system: System) -> dict[str, Any]:
    """The lines of a card that tuning does not change."""
    rows = {target: name for name, target in CANCELLERS.items()}
    head = {
        "canceller": rows.get(system.target, system.target),
        "summary": system.summary or f"{system.name}, tuned",
    }
    return head | ({FILTER: _filter(system)} if FILTER in system.parameters else {})


def _write_card(task: Task, head: dict[str, Any], split: str, tuned: Tuned) -> None:
    """The system with the best parameters, and where they come from."""
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
        "hours": float(f"{tuned.hours:.3g}"),  # of processor time
        "before": {"value": tuned.before.value, **tuned.before.means},
        "after": {"value": tuned.after.value, **tuned.after.means},
    }
    own = {name: value for name, value in system.parameters.items() if name != FILTER}
    card = {**head, "parameters": {**own, **tuned.after.parameters}, "origin": origin}
    with whole_file(tuned.card) as part:
        part.write_text(tomli_w.dumps(card), encoding="utf-8")


def _filter(system: System) -> str:
    """The baseline that is the filter of a system."""
    for name in names("baselines"):
        with suppress(NotInstalled):
            if load_system(name, "none").hash == system.parameters[FILTER]["hash"]:
                return name
    raise UsageError(f"the filter of {system.name} is no shipped baseline, so a card elsewhere cannot name it")
