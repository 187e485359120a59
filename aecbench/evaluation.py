"""Run systems on a corpus and score what comes out."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import soundfile

from aecbench import cancellers, provenance
from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Facts, Trait
from aecbench.cancellers.base import Canceller
from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus, Item, open_corpus
from aecbench.corpus.layouts.base import UNIT, records
from aecbench.corpus.response import true_response
from aecbench.dsp.echo import find_echo
from aecbench.errors import UsageError
from aecbench.metrics import METRICS, Metric, Score, choose, score
from aecbench.metrics import TABLE as METRIC_TABLE
from aecbench.metrics.base import Inapplicable
from aecbench.metrics.near_attenuation import near_attenuation
from aecbench.output import new_folder, whole_file
from aecbench.parallel import in_parallel
from aecbench.results import RTF, SCORES, Cache, ResultTable, columns_of
from aecbench.scenes.recording import Recording
from aecbench.scenes.scene import Scene
from aecbench.signals import STEMS, Array, Signals, Talk
from aecbench.systems import System, load_system

__all__ = ["evaluate", "output_name", "plan", "scene_folder"]

NEAR_LOSS = "near_loss"  # how much of the near end is gone: not a column of its own, it marks what destroys all of it
NEAR_METRIC = Metric(
    fn=near_attenuation,
    title="near-end loss",
    unit="dB",
    better="lower",
    talk=frozenset({Talk.NEAR, Talk.DOUBLE}),
    version=1,
)

ECHO = "echo"  # whether far end and microphone correlate, of every scene: not a column of its own either

Scores = dict[str, Score]  # of one scene, by metric; RTF, NEAR_LOSS and ECHO among them


class Run(NamedTuple):
    """What a system gave for one scene."""

    estimate: Array | None
    seconds: float  # of processor time
    error: str


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
    """Score systems on every scene of a split, in `jobs` processes (-1: all cores) or on a Dask `scheduler`.

    `systems` is one or several, each a System or what `load_system` takes, which is then given the alignment `align`;
    `corpus` an open one or its folder; `metrics` are names ("all": all of METRICS, None: DEFAULT_METRICS; also those of
    other packages, or "package.module:NAME") or a table of Metric of one's own. A system gets mic and far and nothing
    else. What fails is a row with NaN and the reason; the run goes on.

    In the folder `cache` scores are kept as they come, and those that are there are not computed again: a run that was
    killed goes on where it stopped. They count for the same corpus, system, version of the metric, code, libraries and
    processor. Failures are not kept, nor what comes of an outside program, of which nobody knows the version.
    In the folder `audio`, the signals and the output of every scene are written, as WAV files; then nothing is kept.

    Raises UnknownName for a system, a metric, or a split that the corpus does not have, UsageError where there is no
    system or two have the same name, CorpusError, OutputError.
    """
    several = [systems] if isinstance(systems, System | str | Path) else systems
    chosen = [system if isinstance(system, System) else load_system(system, align) for system in several]
    _check_names(chosen, audio is not None)
    scenes = (corpus if isinstance(corpus, Corpus) else open_corpus(corpus)).split(split)
    asked = choose(metrics)
    places = [None if place is None else Path(place) for place in (cache, audio)]
    tables = [_evaluate(system, scenes, asked, split, jobs, scheduler, *places) for system in chosen]
    return ResultTable.concat(tables)


def plan(systems: Sequence[System], corpus: Corpus, metrics: Mapping[str, Metric], split: str = "test") -> ResultTable:
    """The table that `evaluate` would give, with its provenance, but without rows. Raises as that does."""
    _check_names(systems, written=False)
    scenes = corpus.split(split)
    rows = pd.DataFrame(columns=list(SCORES))
    return ResultTable.concat([ResultTable(rows, _provenance(one, scenes, split, metrics)) for one in systems])


def _check_names(systems: Sequence[System], written: bool) -> None:
    """Raise UsageError where two systems share a name, or an output that is `written` shares its file."""
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


def _evaluate(
    system: System,
    scenes: Corpus,
    metrics: Mapping[str, Metric],
    split: str,
    jobs: int,
    scheduler: str | None,
    cache: Path | None,
    audio: Path | None,
) -> ResultTable:
    """The table of one system."""
    ids = list(scenes.scenes["scene"])
    kept = _cache(cache, system, scenes) if cache is not None and audio is None else None
    asked = {**metrics, NEAR_LOSS: NEAR_METRIC}
    found = {scene: _known(kept, scene, asked) for scene in ids}
    todo = scenes.where(scene=[scene for scene in ids if len(found[scene]) < len(asked) + 2])
    missing = [{name: asked[name] for name in asked if name not in found[scene]} for scene in todo.scenes["scene"]]
    place = None if audio is None else audio.absolute()  # other processes may have another current folder
    calls = (joblib.delayed(_score)(system, todo[i : i + 1], missing[i], place) for i in range(len(todo)))
    new = in_parallel(calls, len(todo), f"evaluate {system.name}", "scenes", jobs=jobs, scheduler=scheduler)
    for scene, scores in zip(todo.scenes["scene"], new, strict=True):
        found[scene] = scores | found[scene]
        _keep(kept, scene, scores, asked)
    rows = [row for scene in ids for row in _rows(scene, system.name, metrics, found[scene])]
    table = pd.DataFrame(rows).merge(_variables(scenes), on="scene", how="left", validate="many_to_one")
    return ResultTable(table, _provenance(system, scenes, split, metrics))


def _score(system: System, scene: Corpus, metrics: Mapping[str, Metric], audio: Path | None) -> Scores:
    """Run a system on the one scene of a corpus."""
    item = scene[0]
    signals, rate, talk, changes = item.signals, item.scene.rate, item.talk, _changes(item.scene)
    run = _run(system, scene, item)
    if audio is not None:
        _write(audio, system.name, item.scene, signals, run.estimate)
    echo = {ECHO: Score(_heard(signals))}
    if run.estimate is None:
        return dict.fromkeys([*metrics, RTF], Score(np.nan, run.error, failed=True)) | echo
    known = (rate, talk, changes, lambda: _responses(system, item))
    scores = {name: score(metric, signals, run.estimate, *known) for name, metric in metrics.items()}
    scores |= {RTF: Score(run.seconds / item.scene.duration)} | echo
    if Trait.PRECOMPUTED in abilities.traits(system.canceller):
        scores[RTF] = Score(np.nan, "made elsewhere, nobody knows how fast")
    return scores


def _rows(scene: str, system: str, metrics: Mapping[str, Metric], scores: Scores) -> Iterator[dict[str, Any]]:
    for metric in (*metrics, RTF):
        row = {"scene": scene, "system": system, "metric": metric, **scores[metric]._asdict()}
        yield row | {NEAR_LOSS: scores[NEAR_LOSS].value, ECHO: scores[ECHO].value}


def _heard(signals: Signals) -> float:
    """1 where far end and microphone correlate, 0 where they do not, NaN where the far end is silent."""
    echo = find_echo([np.stack([signals.mic, signals.far], axis=1)])
    return {"found": 1.0, "not found": 0.0, "far end silent": np.nan}[echo.heard]


def _variables(scenes: Corpus) -> pd.DataFrame:
    """All that was drawn for each scene and is one number or word."""
    table = scenes.to_pandas()
    lists = [name for name, values in table.items() if values.map(lambda x: isinstance(x, str) and x[:1] == "[").any()]
    return table.drop(columns=[*lists, *({"shard", "row", "sha256", *SCORES} & set(table)) - {"scene"}])


def _cache(folder: Path, system: System, corpus: Corpus) -> Cache | None:
    """Where scores of a system on a corpus are kept; None for one whose code is not at hand."""
    name = system.target.partition(":")[0]
    source, package = _source(name), Path(provenance.__file__).parent
    if source is None or Trait.UNVERSIONED in abilities.traits(system.canceller):
        return None
    code = [package / part for part in ("cancellers", "dsp", "evaluation.py", "signals.py")]
    if not source.is_relative_to(package):
        top = _source(name.partition(".")[0]) or source
        code += [top.parent] if top.name == "__init__.py" else source.parent.glob("*.py")
    facts = [corpus.digest, system.hash, provenance.code(*code), provenance.versions(), provenance.machine()]
    return Cache(folder, sha256(canonical_json(facts)))


def _source(module: str) -> Path | None:
    """The file of a module that has been imported; None where it has none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return None if file is None else Path(file)


def _name(metric: str, asked: Mapping[str, Metric]) -> str:
    """What a score is kept under: with the version of the metric and, of one that is not shipped, its code."""
    if metric not in asked:
        return metric
    fn = asked[metric].fn
    module = str(getattr(getattr(fn, "func", fn), "__module__", ""))  # `func`: of a partial
    own = "" if module.startswith("aecbench.") else f" {provenance.package_code(module)[:16]}"
    return f"{metric} {asked[metric].version}{own}"


def _known(cache: Cache | None, scene: str, asked: Mapping[str, Metric]) -> Scores:
    facts = {} if cache is None else cache.get(scene)
    return {metric: Score(*facts[name]) for metric in (*asked, RTF, ECHO) if (name := _name(metric, asked)) in facts}


def _keep(cache: Cache | None, scene: str, scores: Scores, asked: Mapping[str, Metric]) -> None:
    facts = {_name(metric, asked): [x.value, x.reason] for metric, x in scores.items() if not x.failed}
    if cache is not None and facts:
        cache.add(scene, facts)


def scene_folder(folder: Path, scene: str) -> Path:
    """Where the files of the scene corpus/split/index lie within the folder `audio`: FOLDER/split-index.

    A slash within the index, as of an imported recording, stays one, so that no two scenes share a folder.

    >>> [scene_folder(Path("a"), f"c/test/{index}").as_posix() for index in ("000001", "s/1_x", "s-1_x")]
    ['a/test-000001', 'a/test-s/1_x', 'a/test-s-1_x']
    """
    return folder / scene.partition("/")[2].replace("/", "-", 1)


def output_name(system: str) -> str:
    """What the WAV file of a system's output is called there, without .wav."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in system)


def _write(folder: Path, system: str, scene: Scene | Recording, signals: Signals, estimate: Array | None) -> None:
    """FOLDER/<split>-<index>/ with a WAV file of each signal and of the output."""
    place = scene_folder(folder, scene.id)
    new_folder(place)
    known = {name: x for name, x in zip(STEMS, signals, strict=True) if not np.isnan(x).any()}
    output = {} if estimate is None else {output_name(system): estimate}
    for name, x in (known | output).items():
        with whole_file(place / f"{name}.wav") as part:
            soundfile.write(part, x, scene.rate, format="WAV", subtype="FLOAT")


def _informed(canceller: Canceller, corpus: Corpus, item: Item) -> Canceller:
    """The canceller for the one scene of a corpus. Exported WAV files leave the scale of a scene out."""
    if not abilities.needs_facts(canceller):
        return canceller
    ((scene, record),) = records(corpus)
    facts = Facts(scene.id, scene.rate, item.signals.echo, record.scale / UNIT)
    return abilities.informed(canceller, facts)


def _changes(scene: Scene | Recording) -> list[float]:
    """The times [s] at which the echo path changes at once: another response, another delay, another volume."""
    if not isinstance(scene, Scene):
        return []
    switches = scene.path.times if scene.path.kind == "switch" else ()
    return sorted({*switches, *(time for time, _ in (*scene.channel.jumps, *scene.channel.volume))})


def _responses(system: System, item: Item) -> tuple[Array, Array]:
    """The true impulse response of the echo path at the end, and what the system has learnt. Raises Inapplicable."""
    true = true_response(item)
    learnt = abilities.learnt_response(system.canceller, item.signals.mic, item.signals.far)
    if learnt is None:
        raise Inapplicable(f"{system.name} tells no impulse response; only linear filters of full band have one")
    return true, learnt


def _run(system: System, scene: Corpus, item: Item) -> Run:
    """Run a system on the one scene of a corpus."""
    _warm_up(system, item.scene.rate)
    try:
        canceller = _informed(system.canceller, scene, item)
        start = _processor_time()
        estimate = np.asarray(canceller.cancel(item.signals.mic, item.signals.far))
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
        with contextlib.suppress(Exception):  # a system that fails does so on the scenes too, and says why
            system.canceller.cancel(noise, noise)


def _provenance(system: System, corpus: Corpus, split: str, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {
        "corpus": {"id": corpus.id, "digest": corpus.digest, "split": split, "scenes": len(corpus)},
        "simulator": corpus.simulator,
        "systems": {
            system.name: {
                "hash": system.hash,
                "canceller": system.target,
                "parameters": dict(system.parameters),
                "latency": system.canceller.latency,
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
    """The installed packages, with versions, that offer the system and the metrics: of those that are not shipped."""
    found: dict[str, str] = {}
    if not system.target.startswith("aecbench."):
        for offer in cancellers.TABLE.offered.values():
            if offer.reference == system.target:
                found[system.name] = offer.package
    for name in sorted(metrics.keys() - METRICS.keys()):
        if name in METRIC_TABLE.offered:
            found[name] = METRIC_TABLE.package(name)
    return found
