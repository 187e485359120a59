"""From a specification to a corpus on disk, in parallel; what is already there and whole is kept."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pandas as pd
from joblib.externals.loky.process_executor import TerminatedWorkerError

from aecbench import __version__
from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus, open_corpus
from aecbench.corpus.format import CORPUS, FORMAT, SCENES, SHARDS, digest, encode, shard_name
from aecbench.corpus.read import Shard
from aecbench.corpus.write import Packed, pack, write_shard
from aecbench.errors import AecbenchError, CorpusError, OutputError
from aecbench.output import new_folder, whole_file
from aecbench.progress import progress
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render_with_paths
from aecbench.scenes.sources import Sources, cached_sources, open_sources
from aecbench.scenes.spec import CorpusSpec

__all__ = ["corpus_id", "simulate"]

LIBRARIES = ("numpy", "scipy", "pyroomacoustics", "numba", "soxr")
PHYSICS = 1  # counted up when the same scene comes to sound different


class Plan(NamedTuple):
    """A shard to write."""

    path: Path
    split: str
    indices: range


def corpus_id(spec: CorpusSpec, sources: Sources) -> str:
    """Hash of all that decides the contents: specification, what the sources hold, format and physics.

    Where the sources lie does not count.
    """
    data = spec.model_dump(mode="json")
    for table in ("speech", "noise", "room", "loudspeaker"):
        data[table].pop("source")
    return sha256(canonical_json([FORMAT, PHYSICS, data, sources.fingerprint]))


def simulate(spec: CorpusSpec, out: Path, *, jobs: int = 1) -> Corpus:
    """Simulate a corpus into the folder `out`, with `jobs` processes (-1: all cores).

    A whole corpus of the same id is returned as it is; of an unfinished one, shards that verify are kept. The bytes do
    not depend on `jobs`. Raises SourceError, AudioError, and OutputError when `out` holds another corpus or cannot be
    written.
    """
    sources = open_sources(spec)
    identity = corpus_id(spec, sources)
    if (out / CORPUS).exists():
        return _finished(out, identity)
    new_folder(out / SHARDS)
    plans = list(_plans(spec, out))
    missing = [plan for plan in plans if not _whole(plan, identity)]
    length, rir_length = round(spec.rate * spec.duration), spec.segments * spec.response_samples
    wanted = sum(len(plan.indices) for plan in missing)
    records = progress(_records(spec, missing, jobs), wanted, f"simulate {spec.name}", "scenes")
    for plan in missing:
        write_shard(plan.path, identity, len(plan.indices), length, rir_length, islice(records, len(plan.indices)))
    next(records, None)  # lets the bar reach its end
    return _commit(spec, out, identity, plans)


def _finished(out: Path, identity: str) -> Corpus:
    corpus = open_corpus(out)
    if corpus.id != identity:
        raise OutputError(
            f"{out}: holds another corpus (id {corpus.id[:12]}, wanted {identity[:12]}; another recipe, seed or "
            "source); choose another place with --out, or remove it"
        )
    return corpus


def _plans(spec: CorpusSpec, out: Path) -> Iterator[Plan]:
    for split, count in spec.splits.model_dump().items():
        for number, start in enumerate(range(0, count, spec.shard)):
            yield Plan(out / SHARDS / shard_name(split, number), split, range(start, min(start + spec.shard, count)))


def _whole(plan: Plan, identity: str) -> bool:
    """Whether the shard is there already, belongs to this corpus, and every byte is right."""
    try:
        with Shard(plan.path) as shard:
            shard.verify()
            places = [(scene["split"], scene["index"]) for scene in shard.scenes()]
            return shard.corpus_id == identity and places == [(plan.split, index) for index in plan.indices]
    except CorpusError:
        return False


def _records(spec: CorpusSpec, plans: list[Plan], jobs: int) -> Iterator[Packed]:
    tasks = (joblib.delayed(_record)(spec, plan.split, index) for plan in plans for index in plan.indices)
    try:
        yield from joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
    except TerminatedWorkerError:
        raise AecbenchError(
            "a worker process died, perhaps for want of memory; run again with fewer --jobs, finished shards are kept"
        ) from None


def _record(spec: CorpusSpec, split: str, index: int) -> Packed:
    sources = cached_sources(spec)
    scene = draw(spec, split, index, sources)
    text = canonical_json(scene.model_dump(mode="json"))
    return pack(encode(text, render_with_paths(scene, sources), spec.rate, spec.segments, spec.response_samples))


def _commit(spec: CorpusSpec, out: Path, identity: str, plans: list[Plan]) -> Corpus:
    """Write the table of scenes and, last, corpus.json: only then is the folder a corpus."""
    rows: list[dict[str, Any]] = []
    for plan in plans:
        with Shard(plan.path) as shard:
            facts = zip(shard.scenes(), shard.hashes(), shard.t20(), strict=True)
            for row, (scene, sha, t20) in enumerate(facts):
                place = {"scene": scene.pop("id"), "shard": plan.path.name, "row": row, "sha256": sha}
                rows.append(place | _flat(scene) | {"t20": t20})
    with whole_file(out / SCENES) as part:
        pd.DataFrame(rows).to_parquet(part, index=False)
    info = {
        "format": FORMAT,
        "id": identity,
        "digest": digest({row["scene"]: row["sha256"] for row in rows}),
        "scenes": len(rows),
        "rir_length": spec.response_samples,
        "spec": spec.model_dump(mode="json"),
        "versions": {"aecbench": __version__} | {name: version(name) for name in LIBRARIES},
        "command": " ".join(sys.argv),
    }
    with whole_file(out / CORPUS) as part:
        part.write_text(json.dumps(info, indent=1))
    return open_corpus(out)


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested records as one row: {"room": {"rt60": 0.3}} -> {"room.rt60": 0.3}. Lists become JSON, None is left out."""
    row: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            row |= _flat(item, f"{prefix}{key}.")
        elif item is not None:
            row[prefix + key] = canonical_json(item) if isinstance(item, list) else item
    return row
