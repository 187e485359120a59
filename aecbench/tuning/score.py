"""The score of a set of parameters: a weighted sum of means over the scenes, as `aecbench eval` computes them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np

from aecbench.cancellers.tunable import Search
from aecbench.clock import processor_time
from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus
from aecbench.errors import UsageError, one_line
from aecbench.evaluation.run import run
from aecbench.evaluation.trial import trial_of
from aecbench.metrics import Metric, find
from aecbench.metrics.base import score
from aecbench.parallel import in_processes
from aecbench.signals import Array
from aecbench.systems import System
from aecbench.tuning.space import changed

if TYPE_CHECKING:
    import optuna

__all__ = ["Attempt", "Task", "attempt", "signed_weights"]

FIRST_LOOK = 8  # scenes after which a trial may first be stopped; then after twice as many, and so on


@dataclass(frozen=True)
class Task:
    """A search: the system, its space, the scenes, and the objective."""

    system: System
    space: Mapping[str, Search]
    scenes: Corpus
    weights: Mapping[str, float]  # metric -> weight, which is negative if lower is better
    seed: int
    jobs: int

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics by name."""
        return {name: find(name) for name in self.weights}

    @property
    def name(self) -> str:
        """The name of the study, readable and with a hash of everything on which trials depend."""
        facts = [self.system.hash, repr(self.space), self.scenes.digest, list(self.scenes.scenes["scene"])]
        metrics = [[name, weight, self.metrics[name].version] for name, weight in self.weights.items()]
        return f"{self.system.name} {sha256(canonical_json([*facts, metrics, self.seed]))[:12]}"

    def objective(self, values: Array) -> Array:
        """Return the terms of the objective: values [..., metrics] times weights."""
        return np.multiply(values, list(self.weights.values()))


class Attempt(NamedTuple):
    """The outcome of a trial, as it is stored."""

    parameters: dict[str, Any]
    value: float | None  # value of the objective; None if the trial was stopped or failed
    means: dict[str, float]
    seconds: float  # processor time [s]
    failure: str  # why it failed; empty if it did not


class Outcome(NamedTuple):
    """The scores of a canceller on one scene."""

    values: list[float]  # values of the metrics; NaN if a metric does not count in this scene
    seconds: float  # processor time, including scoring [s]
    failure: str  # why there are no values; empty if there are


def signed_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of metrics, negated if lower is better.

    Raises UnknownName for an unknown metric, UsageError for a weight that is not positive.
    """
    for name, weight in weights.items():
        if not 0 < weight < math.inf:
            raise UsageError(f"weight of {name} is {weight}, expected a positive number")
    return {name: weight if find(name).better == "higher" else -weight for name, weight in weights.items()}


def attempt(task: Task, parameters: dict[str, Any], trial: "optuna.Trial") -> Attempt:
    """Score parameters scene by scene, and stop when they are clearly worse than the best ones so far."""
    try:
        system = replace(task.system, canceller=changed(task.system.canceller, parameters))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Attempt(parameters, None, {}, 0.0, one_line(error))
    outcomes: list[Outcome] = []
    while (done := len(outcomes)) < len(task.scenes):
        indices = range(done, min(max(2 * done, FIRST_LOOK), len(task.scenes)))
        calls = (joblib.delayed(_outcome)(system, task.scenes, index, task.metrics) for index in indices)
        outcomes += in_processes(calls, task.jobs)
        seconds = sum(outcome.seconds for outcome in outcomes)
        for index in indices:
            values, _, failure = outcomes[index]
            if failure:
                scene = task.scenes[index].scene.id
                return Attempt(parameters, None, {}, seconds, f"{scene}: {failure}")
            if not np.isnan(values).all():
                trial.report(float(np.nansum(task.objective(np.array(values)))), index)
        if len(outcomes) < len(task.scenes) and trial.should_prune():
            return Attempt(parameters, None, {}, seconds, "")
    columns = np.array([outcome.values for outcome in outcomes])
    for name, column in zip(task.weights, columns.T, strict=True):
        if np.isnan(column).all():
            raise UsageError(
                f"{name} is defined in none of the {len(outcomes)} scenes; choose another metric or more scenes"
            )
    means = np.nanmean(columns, axis=0)
    value = float(np.sum(task.objective(means)))
    return Attempt(parameters, value, dict(zip(task.weights, means.tolist(), strict=True)), seconds, "")


def _outcome(system: System, scenes: Corpus, index: int, metrics: Mapping[str, Metric]) -> Outcome:
    """Run a system on a scene and score it by the metrics that count in that scene."""
    talk = str(scenes.scenes["talk"].iloc[index])
    counted = {name: metric for name, metric in metrics.items() if metric.counts(talk)}
    if not counted:
        return Outcome([np.nan] * len(metrics), 0.0, "")
    item, start = scenes[index], processor_time()
    done = run(system, item, scenes.scale(index))
    if done.estimate is None:
        return Outcome([], processor_time() - start, done.error)
    trial = trial_of(system, item, done, done.estimate)
    scores = {name: score(metric, trial) for name, metric in counted.items()}
    failure = next((f"{name}: {value.reason}" for name, value in scores.items() if value.failed), "")
    values = [scores[name].value if name in scores else np.nan for name in metrics]
    return Outcome(values, processor_time() - start, failure)
