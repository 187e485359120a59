"""Score systems on every scene of a split."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pandas as pd

from aecbench import cancellers, provenance
from aecbench.cancellers.abilities import latency
from aecbench.corpus import Corpus, Item, open_corpus
from aecbench.errors import UsageError
from aecbench.evaluation.audio import output_name, write_audio
from aecbench.evaluation.cache import Cache, open_cache, read_scores, write_scores
from aecbench.evaluation.run import check_rates, expected_time
from aecbench.evaluation.trial import ECHO, Scores, scores_of
from aecbench.memory import keep_freed_memory
from aecbench.metrics import METRICS, Metric, choose
from aecbench.metrics import TABLE as METRIC_TABLE
from aecbench.metrics.near_attenuation import near_attenuation
from aecbench.parallel import in_parallel
from aecbench.results import ROW_COLUMNS, RTF, ResultTable, columns_of
from aecbench.signals import STEMS, Talk
from aecbench.systems import System, load_system

__all__ = ["evaluate", "plan"]

EFFORT = 0.025  # about the processor time of a run per time of audio, most of it for PESQ and STOI
NEAR_LOSS = "near_loss"  # attenuation of the near end [dB]: not a metric of its own, it marks systems that remove it
NEAR_METRIC = Metric(
    fn=near_attenuation,
    title="near-end loss",
    unit="dB",
    better="lower",
    talk=frozenset({Talk.NEAR, Talk.DOUBLE}),
    version=1,
)


def evaluate(
    systems: System | str | Path | Sequence[System | str | Path],
    corpus: Corpus | str | Path,
    metrics: str | Sequence[str] | Mapping[str, Metric] | None = None,
    *,
    split: str = "test",
    align: str = "best",
    jobs: int = 1,
    scheduler: str | None = None,
    cache: str | Path | None = None,
    audio: str | Path | None = None,
) -> ResultTable:
    """Score systems on every scene of a split, in `jobs` processes (-1: one per core) or on a Dask `scheduler`.

    `systems` is one or several systems, each a System or an argument for `load_system`, which is loaded with the
    alignment `align`. `corpus` is an open corpus or its folder. `metrics` are names ("all": all of METRICS, None:
    DEFAULT_METRICS; also those of other packages, or "package.module:NAME") or a mapping from names to Metric. A system
    receives mic and far and nothing else. A scene on which a system fails becomes a row with NaN and the reason; the
    run continues.

    Scores are cached in the folder `cache` as they are computed, and reused, so that a run that was killed can be
    resumed. The cache key covers corpus, system, metric version, code, libraries and processor. Failures and results of
    external programs, whose version is unknown, are not cached. If the folder `audio` is given, the signals and the
    output of every scene are written to it as WAV files, and the cache is not used.

    Raises UnknownName for an unknown system, metric or split, UsageError if no system is given, two have the same name,
    or one requires another sample rate, CorpusError for a damaged corpus, OutputError if a file cannot be written.
    """
    several = [systems] if isinstance(systems, System | str | Path) else systems
    chosen = [system if isinstance(system, System) else load_system(system, align) for system in several]
    _check_names(chosen, audio is not None)
    scenes = (corpus if isinstance(corpus, Corpus) else open_corpus(corpus)).split(split)
    check_rates(chosen, scenes)
    by_name = choose(metrics)
    works = [
        _work(system, scenes, by_name, None if cache is None or audio is not None else Path(cache)) for system in chosen
    ]
    _compute(works, scenes, by_name, jobs, scheduler, None if audio is None else Path(audio).absolute())
    variables = _variables(scenes)
    return ResultTable.concat([_table(work, scenes, variables, split, by_name) for work in works])


def plan(systems: Sequence[System], corpus: Corpus, metrics: Mapping[str, Metric], split: str = "test") -> ResultTable:
    """Return the table that `evaluate` would return, with its provenance but without rows; raises the same errors."""
    _check_names(systems, written=False)
    scenes = corpus.split(split)
    check_rates(systems, scenes)
    rows = pd.DataFrame(columns=list(ROW_COLUMNS))
    return ResultTable.concat([ResultTable(rows, _provenance(system, scenes, split, metrics)) for system in systems])


def _check_names(systems: Sequence[System], written: bool) -> None:
    """Raise UsageError if two systems share a name or, when outputs are `written`, the name of a file."""
    if not systems:
        raise UsageError("no system to evaluate; name one at least")
    models: dict[str, str] = {}
    files = [*STEMS, *(output_name(system.name) for system in systems)]
    for system in systems:
        this = system.model or system.target
        if system.name in models:
            other = models[system.name]
            raise UsageError(f"two systems are called {system.name!r}: {other} and {this}; name one, as in NAME={this}")
        models[system.name] = this
        if written and files.count(output_name(system.name)) > 1:
            file = f"{output_name(system.name)}.wav"
            raise UsageError(
                f"the output of system {system.name!r} would share {file}; give it another name, as in NAME={this}"
            )


class Work(NamedTuple):
    """A system and its scores so far, by scene."""

    system: System
    store: Cache | None  # None: nothing is cached
    scores: dict[str, Scores]


def _work(system: System, scenes: Corpus, metrics: Mapping[str, Metric], cache: Path | None) -> Work:
    """Return the system with its cached scores."""
    store = None if cache is None else open_cache(cache, system, scenes)
    return Work(system, store, {scene: read_scores(store, scene, _needed(metrics)) for scene in scenes.scenes["scene"]})


def _needed(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    return {**metrics, NEAR_LOSS: NEAR_METRIC}


def _compute(
    works: Sequence[Work],
    scenes: Corpus,
    metrics: Mapping[str, Metric],
    jobs: int,
    scheduler: str | None,
    audio: Path | None,
) -> None:
    """Compute the missing scores of all systems in one pass, scene by scene.

    No process then has to wait for another one to finish the last scene of a system. Systems with similar names share
    code. Therefore the first one is followed by the last, so that processes that start together compile different code.
    """
    needed, tasks = _needed(metrics), []
    for n, scene in enumerate(scenes.scenes["scene"]):
        for work in (*works[:1], *works[:0:-1]):
            missing = {name for name in (*needed, RTF, ECHO) if name not in work.scores[scene]}
            if missing:
                tasks.append((work, n, scene, {name: metric for name, metric in needed.items() if name in missing}))
    before = [-1, *(n for _, n, _, _ in tasks)]  # the first run of a scene writes its stems
    calls = (
        joblib.delayed(_score)(work.system, scenes[n : n + 1], unscored, audio, stems=n != last)
        for last, (work, n, _, unscored) in zip(before, tasks, strict=False)
    )
    label, unit = f"evaluate {len(works)} systems", "runs"  # a run is one system on one scene
    if len(works) == 1:
        label, unit = f"evaluate {works[0].system.name}", "scenes"
    seconds = EFFORT * len(tasks) * float(scenes.scenes["duration"].mean())
    expected = expected_time([work.system for work in works], seconds)
    computed = in_parallel(calls, len(tasks), label, unit, jobs=jobs, scheduler=scheduler, expected=expected)
    for (work, _, scene, _), new in zip(tasks, computed, strict=True):
        work.scores[scene] = new | work.scores[scene]
        write_scores(work.store, scene, new, needed)


def _table(
    work: Work, scenes: Corpus, variables: pd.DataFrame, split: str, metrics: Mapping[str, Metric]
) -> ResultTable:
    """Return the table of one system."""
    rows = [row for scene, scores in work.scores.items() for row in _rows(scene, work.system.name, metrics, scores)]
    table = pd.DataFrame(rows).merge(variables, on="scene", how="left", validate="many_to_one")
    return ResultTable(table, _provenance(work.system, scenes, split, metrics))


def _score(system: System, scene: Corpus, metrics: Mapping[str, Metric], audio: Path | None, *, stems: bool) -> Scores:
    """Run a system on the only scene of a corpus; write output and stems if there is a folder for them."""
    keep_freed_memory()
    item, scale = _read(scene)
    estimate, scores = scores_of(system, item, scale, metrics)
    if audio is not None:
        write_audio(audio, item, {} if estimate is None else {system.name: estimate}, stems=stems)
    return scores


_latest: dict[tuple[Path, str, str], tuple[Item, float]] = {}


def _read(scene: Corpus) -> tuple[Item, float]:
    """Return the only scene of a corpus and its scale. A process keeps the last one read, for the other systems."""
    key = (scene.path, scene.digest, str(scene.scenes["scene"][0]))
    read = _latest.get(key)
    if read is None:
        read = scene[0], scene.scale(0)
        _latest.clear()
        _latest[key] = read
    return read


def _rows(scene: str, system: str, metrics: Mapping[str, Metric], scores: Scores) -> Iterator[dict[str, Any]]:
    for metric in (*metrics, RTF):
        row = {"scene": scene, "system": system, "metric": metric, **scores[metric]._asdict()}
        yield row | {NEAR_LOSS: scores[NEAR_LOSS].value, ECHO: scores[ECHO].value}


def _variables(scenes: Corpus) -> pd.DataFrame:
    """Return the variables of each scene that are single numbers or words."""
    table = scenes.to_pandas()
    lists = [name for name, values in table.items() if values.map(lambda x: isinstance(x, str) and x[:1] == "[").any()]
    return table.drop(columns=[*lists, *({"shard", "row", "sha256", *ROW_COLUMNS} & set(table)) - {"scene"}])


def _provenance(system: System, corpus: Corpus, split: str, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {
        "corpus": {"id": corpus.id, "digest": corpus.digest, "split": split, "scenes": len(corpus)},
        "rate": int(corpus.scenes["rate"].iloc[0]),
        "simulator": corpus.simulator,
        "systems": {
            system.name: {
                "hash": system.hash,
                "canceller": system.target,
                "parameters": dict(system.parameters),
                "latency": latency(system.canceller),
                "align": system.align,
            }
        },
        "models": {system.name: system.model or system.target},
        "metrics": {name: metric.version for name, metric in metrics.items()},
        **columns_of(metrics),
        "plugins": _outside(system, metrics),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
        "command": provenance.command(),
    }


def _outside(system: System, metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Return the installed packages, with versions, that provide the system and metrics that are not shipped."""
    packages: dict[str, str] = {}
    if not system.target.startswith("aecbench."):
        for offer in cancellers.TABLE.offered.values():
            if offer.reference == system.target:
                packages[system.name] = offer.package
    for name in sorted(metrics.keys() - METRICS.keys()):
        if name in METRIC_TABLE.offered:
            packages[name] = METRIC_TABLE.package(name)
    return packages
