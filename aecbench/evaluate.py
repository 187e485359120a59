"""Run systems on a corpus and score what comes out."""

import dataclasses
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aecbench import __version__
from aecbench.cancellers.external.predictions import Predictions
from aecbench.cancellers.oracle import Oracle
from aecbench.corpus import Corpus
from aecbench.corpus.layouts.base import UNIT, records
from aecbench.dsp import levels
from aecbench.metrics import METRICS, Metric, Score, score
from aecbench.parallel import in_parallel
from aecbench.results import RTF, ResultTable
from aecbench.scenes.conditions import CONDITIONS
from aecbench.scenes.recording import TALK, Recording
from aecbench.scenes.scene import Scene
from aecbench.signals import Array, Signals
from aecbench.systems import System

__all__ = ["evaluate"]

LIBRARIES = ("numpy", "scipy", "numba", "pesq", "pystoi")


class Run(NamedTuple):
    """What a system gave for one scene."""

    estimate: Array | None
    seconds: float  # of processor time
    error: str


def evaluate(
    system: System,
    corpus: Corpus,
    metrics: Mapping[str, Metric] = METRICS,
    *,
    split: str = "test",
    jobs: int = 1,
    scheduler: str | None = None,
) -> ResultTable:
    """Score a system on every scene of a split, in `jobs` processes (-1: all cores) or on a Dask `scheduler`.

    The system gets mic and far and nothing else. What fails is a row with NaN and the reason; the run goes on.
    Raises UnknownName when the corpus does not have the split.
    """
    scenes = corpus.split(split)
    calls = (joblib.delayed(_score)(system, scenes, index, metrics) for index in range(len(scenes)))
    parts = in_parallel(calls, len(scenes), f"evaluate {system.name}", "scenes", jobs=jobs, scheduler=scheduler)
    rows = [row for part in parts for row in part]
    conditions = scenes.to_pandas()[["scene", *CONDITIONS]]
    table = pd.DataFrame(rows).merge(conditions, on="scene", how="left", validate="many_to_one")
    return ResultTable(table, _provenance(system, scenes, split))


def _score(system: System, corpus: Corpus, index: int, metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """All rows of one scene."""
    scene, signals, _ = corpus[index]
    made_elsewhere = isinstance(system.canceller, Predictions)
    if isinstance(system.canceller, Predictions):
        system = dataclasses.replace(system, canceller=_at(system.canceller, corpus, index))
    run = _run(system, signals, scene.rate)
    talk = _talk(scene, signals)
    rows = []
    for name, metric in metrics.items():
        result = Score(np.nan, run.error, failed=True)
        if run.estimate is not None:
            result = score(metric, signals, run.estimate, scene.rate, talk)
        rows.append({"metric": name, "value": result.value, "reason": result.reason, "failed": result.failed})
    rtf = np.nan if made_elsewhere else run.seconds / scene.duration
    reason = run.error or ("made elsewhere, nobody knows how fast" if made_elsewhere else "")
    rows.append({"metric": RTF, "value": rtf, "reason": reason, "failed": bool(run.error)})
    return [{"scene": scene.id, "system": system.name, **row} for row in rows]


def _at(predictions: Predictions, corpus: Corpus, index: int) -> Predictions:
    """Told which scene they are asked for. They are as loud as exported WAV files, in which its scale is left out."""
    ((scene, record),) = records(corpus[index : index + 1])
    return dataclasses.replace(predictions, scene=scene.id, rate=scene.rate, scale=record.scale / UNIT)


def _talk(scene: Scene | Recording, signals: Signals) -> NDArray[np.int8]:
    """Who talks: from the stems, or where there are none, as the recording is labelled."""
    if isinstance(scene, Scene) or scene.stems:
        return levels.talk(signals, scene.rate)
    return np.full(signals.mic.size // levels.frame_length(scene.rate), TALK[scene.talk], np.int8)


def _run(system: System, signals: Signals, rate: int) -> Run:
    canceller = system.canceller
    if isinstance(canceller, Oracle):
        if np.isnan(signals.echo).any():
            return Run(None, np.nan, f"{system.name} is told the echo, and nobody knows that of a real recording")
        canceller = dataclasses.replace(canceller, echo=signals.echo)
    _warm_up(system, rate)
    start = _processor_time()
    try:
        estimate = np.asarray(canceller.cancel(signals.mic, signals.far))
    except Exception as error:
        return Run(None, np.nan, f"{type(error).__name__}: {error}")
    return Run(estimate, _processor_time() - start, "")


def _processor_time() -> float:
    """Seconds of processor time of this process and of the programs it has run."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


_warm: set[str] = set()


def _warm_up(system: System, rate: int) -> None:
    """Let a system compile what it compiles before its time is taken; once per process."""
    if system.hash not in _warm:
        _warm.add(system.hash)
        noise = np.random.default_rng(0).normal(size=rate).astype(np.float32) / 10
        _run(system, Signals(noise, noise, noise, noise, noise), rate)


def _provenance(system: System, corpus: Corpus, split: str) -> dict[str, Any]:
    return {
        "corpus": {"id": corpus.id, "digest": corpus.digest, "split": split, "scenes": len(corpus)},
        "systems": {
            system.name: {
                "hash": system.hash,
                "canceller": system.target,
                "parameters": dict(system.parameters),
                "latency": system.canceller.latency,
            }
        },
        "metrics": {name: metric.version for name, metric in METRICS.items()},
        "versions": {"aecbench": __version__, "python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}",
        "command": " ".join(sys.argv),
    }


def _commit() -> str | None:
    """The commit of the checkout that the package runs from, "+dirty" when files differ from it; None in a wheel."""
    top = Path(__file__).parents[1]
    if not (top / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(top), "describe", "--always", "--dirty=+dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
