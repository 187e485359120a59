"""Simulation of a corpus on disk from a specification, in parallel; existing intact shards are kept."""

import functools
import math
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus, open_corpus
from aecbench.corpus.finish import finish
from aecbench.corpus.format import CORPUS, FORMAT, SHARDS, SIMULATOR, encode, shard_name
from aecbench.corpus.read import Shard
from aecbench.corpus.verify import Damage, verify
from aecbench.corpus.write import Packed, pack, write_shard
from aecbench.errors import CorpusError, FormatError, OutputError, SourceError, Unreadable
from aecbench.memory import keep_freed_memory
from aecbench.output import locked, new_folder
from aecbench.parallel import in_parallel
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render_with_paths
from aecbench.scenes.sources import Sources, cached_sources
from aecbench.scenes.spec import CorpusSpec

__all__ = ["corpus_id", "repair", "simulate"]

CORPORA = Path("corpora")  # default folder of corpora
BATCH = 4  # scenes that a process renders before it returns them: they share what joblib does per call
EFFORT = 0.005  # about the processor time per time of audio


class Plan(NamedTuple):
    """A shard to write."""

    path: Path
    split: str
    indices: range


def corpus_id(spec: CorpusSpec, sources: Sources) -> str:
    """Return a hash of all that determines the contents: specification, contents of the sources, format, simulator.

    For entries of other packages that the specification names, it includes their versions and code. It does not depend
    on the location of the sources.
    """
    data = spec.model_dump(mode="json")
    for table in ("speech", "noise", "room", "loudspeaker"):
        data[table].pop("source")
    for table in ("echo", "far_speech"):  # not in specifications without them
        data.get(table, {}).pop("source", None)
    outside = [spec.outside] if spec.outside else []  # a corpus without plugins keeps the id that it has
    return sha256(canonical_json([FORMAT, SIMULATOR, data, sources.fingerprint, *outside]))


def simulate(
    recipe: str | Path | CorpusSpec,
    out: str | Path | None = None,
    *,
    split: str | None = None,
    scenes: int | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002 (the name of the option)
    jobs: int = 1,
    scheduler: str | None = None,
) -> Corpus:
    """Simulate a corpus in the folder `out`, with `jobs` processes (-1: one per core) or on a Dask `scheduler`.

    `recipe` is the name of a shipped recipe, the path of a TOML file or a specification; the default of `out` is
    corpora/NAME. `split` keeps one split only, `scenes` sets the number of scenes of every split that has any, and
    `set` changes values of the recipe by their key path: {"levels.ser": 0, "speech.source": "my/folder", "seed": 1}.

    A complete corpus with the same id is returned as it is; intact shards of an unfinished one are kept. The files do
    not depend on `jobs` or `scheduler`, byte for byte. Raises UnknownName and ConfigError for the recipe, SourceError
    and AudioError for its sources, and OutputError if `out` contains another corpus, another process is writing there,
    or it cannot be written.
    """
    spec = read_recipe(recipe, (), set, split=split, scenes=scenes)
    identity, folder = corpus_id(spec, cached_sources(spec, reopen=True)), Path(out or CORPORA / spec.name)
    new_folder(folder / SHARDS)
    with locked(folder):
        return _finished(folder, spec, identity) or _written(spec, folder, identity, jobs, scheduler)


def repair(corpus: Corpus, *, jobs: int = 1) -> list[Damage]:
    """Render damaged, missing or misplaced shards again, remove foreign files, and return the damage that was found.

    A shard that the operating system fails to read may be intact, so nothing is repaired until it can be read. Raises
    Unreadable in that case, and SourceError if the sources have changed since the corpus was made.
    """
    problems = verify(corpus)
    if not problems:
        return []
    for problem in problems:
        if not problem.readable:
            raise Unreadable(f"{corpus.path / problem.file}: {problem.what}; nothing is repaired until it can be")
    identity = corpus_id(corpus.spec, cached_sources(corpus.spec, reopen=True))
    if identity != corpus.id:
        raise SourceError(
            f"{corpus.path}: its sources, or aecbench, have changed since it was made; simulate it again with --out"
        )
    with locked(corpus.path):
        for problem in problems:
            _remove(corpus.path / problem.file)
        _written(corpus.spec, corpus.path, identity, jobs, None)
    return problems


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror}); remove it, then repair again") from None


def _finished(out: Path, spec: CorpusSpec, identity: str) -> Corpus | None:
    """Return the corpus that is in the folder already; None if it is not complete. Raises OutputError for another."""
    if not (out / CORPUS).exists():
        return None
    try:
        corpus = open_corpus(out)
    except (FormatError, Unreadable):
        raise
    except CorpusError:
        return None  # the table is written again from the shards
    if corpus.id != identity:
        raise OutputError(f"{out}: holds another corpus ({_difference(corpus, spec, identity)}")
    shards = (out / SHARDS / name for name in corpus.scenes["shard"].unique())
    whole = all(map(os.path.exists, shards))  # Path.exists raises in a folder that may not be searched
    return corpus if whole else None


def _difference(corpus: Corpus, spec: CorpusSpec, identity: str) -> str:
    """Return how a corpus differs from the one that is wanted, and what to do: the end of a message."""
    ids = f"id {corpus.id[:12]}, wanted {identity[:12]}"
    elsewhere = "choose another folder with --out, or remove it"
    old, new = corpus.info["spec"], spec.model_dump(mode="json")
    keys = [key for key in new if old.get(key) != new[key]]
    if keys == ["splits"]:
        sizes = [
            ", ".join(f"{name}={count}" for name, count in splits.items() if count)
            for splits in (old["splits"], new["splits"])
        ]
        return (
            f"{ids}; only its splits differ: {sizes[0]}, wanted {sizes[1]}); leave out --split for one corpus with all "
            f"splits, {elsewhere}"
        )
    reason = f"other {', '.join(keys)}" if keys else "another source, or version of the simulator"
    return f"{ids}; {reason}); {elsewhere}"


def _written(spec: CorpusSpec, out: Path, identity: str, jobs: int, scheduler: str | None) -> Corpus:
    """Write what is missing in the folder and return the corpus."""
    keep_freed_memory()  # here as in the workers: every scene arrives as a megabyte
    plans = list(_plans(spec, out))
    missing = [plan for plan in plans if not _whole(plan, identity)]
    length, rir_length = round(spec.rate * spec.duration), spec.segments * spec.response_samples
    text = spec.model_dump_json()
    calls = (joblib.delayed(_record)(text, plan.split, index) for plan in missing for index in plan.indices)
    count = sum(len(plan.indices) for plan in missing)
    label, unit = f"simulate {spec.name}", "scenes"
    expected = math.inf if spec.outside else EFFORT * count * spec.duration  # code of others may end its process
    records = in_parallel(calls, count, label, unit, jobs=jobs, scheduler=scheduler, batch=BATCH, expected=expected)
    for plan in missing:
        write_shard(plan.path, identity, len(plan.indices), length, rir_length, islice(records, len(plan.indices)))
    next(records, None)  # lets the bar reach its end
    return _commit(spec, out, identity, plans)


def _plans(spec: CorpusSpec, out: Path) -> Iterator[Plan]:
    for split, count in spec.splits.model_dump().items():
        for number, start in enumerate(range(0, count, spec.shard)):
            yield Plan(out / SHARDS / shard_name(split, number), split, range(start, min(start + spec.shard, count)))


def _whole(plan: Plan, identity: str) -> bool:
    """Return whether the shard exists, belongs to this corpus, and is intact in every byte. Raises Unreadable."""
    try:
        with Shard(plan.path) as shard:
            shard.verify()
            places = [(scene["split"], scene["index"]) for scene in shard.scenes()]
            return shard.corpus_id == identity and places == [(plan.split, index) for index in plan.indices]
    except Unreadable:
        raise
    except CorpusError:
        return False


def _record(text: str, split: str, index: int) -> Packed:
    keep_freed_memory()
    spec = _spec(text)
    sources = cached_sources(spec, text)
    scene = draw(spec, split, index, sources)
    return pack(encode(scene, render_with_paths(scene, sources), spec))


@functools.lru_cache(maxsize=1)
def _spec(text: str) -> CorpusSpec:
    """Return a specification from its JSON, which a process receives with every scene, faster than the object."""
    return CorpusSpec.model_validate_json(text)


def _commit(spec: CorpusSpec, out: Path, identity: str, plans: list[Plan]) -> Corpus:
    shards = [plan.path for plan in plans]
    return finish(out, identity, shards, spec.response_samples, spec.model_dump(mode="json"), spec.outside)
