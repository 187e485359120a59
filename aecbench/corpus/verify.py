"""Whether a corpus on disk is what was made: every file, every checksum, every scene."""

from pathlib import Path
from typing import NamedTuple

from aecbench.corpus.format import SCENES, SHARDS, digest
from aecbench.corpus.read import Corpus, Shard
from aecbench.errors import CorpusError, Unreadable

__all__ = ["Damage", "verify"]


class Damage(NamedTuple):
    """A file of a corpus that is not as it should be."""

    file: str  # within the folder of the corpus
    what: str
    readable: bool = True  # False: the operating system did not deliver it, so it may be whole


def verify(corpus: Corpus) -> list[Damage]:
    """Read every byte of a corpus and compare it with the table of scenes, and that with the digest.

    Finds shards that are missing, damaged, of another corpus, renamed or swapped, and files that do not belong there.
    """
    table = corpus.scenes
    expected = {
        str(name): list(zip(rows["scene"], rows["sha256"], strict=True)) for name, rows in table.groupby("shard")
    }
    problems = []
    for name, scenes in expected.items():
        try:
            message, readable = _wrong(corpus, corpus.path / SHARDS / name, scenes, expected), True
        except Unreadable as error:
            message, readable = _reason(error), False
        if message:
            problems.append(Damage(f"{SHARDS}/{name}", message, readable))
    try:
        strays = {path.name for path in (corpus.path / SHARDS).iterdir()} - set(expected)
        problems += [Damage(f"{SHARDS}/{name}", "does not belong to the corpus") for name in sorted(strays)]
    except FileNotFoundError:
        pass  # every shard is missing
    except OSError as error:
        problems.append(Damage(SHARDS, f"cannot be read ({error.strerror})", readable=False))
    if digest(dict(zip(table["scene"], table["sha256"], strict=True))) != corpus.digest:
        problems.append(Damage(SCENES, "its hashes are not those the digest was made of"))
    return problems


def _wrong(
    corpus: Corpus, path: Path, scenes: list[tuple[str, str]], expected: dict[str, list[tuple[str, str]]]
) -> str:
    """Return the faults of a shard, none for a sound one. Raises Unreadable."""
    try:
        with Shard(path) as shard:
            shard.verify()
            contents = [(scene["id"], sha) for scene, sha in zip(shard.scenes(), shard.hashes(), strict=True)]
            owner = shard.corpus_id
    except Unreadable:
        raise
    except CorpusError as error:
        return f"is damaged: {_reason(error)}" if path.exists() else "is missing"
    if owner != corpus.id:
        return f"belongs to another corpus ({owner[:12]})"
    if contents != scenes:
        others = [name for name, rows in expected.items() if rows == contents]
        return f"holds the scenes of {others[0]}" if others else "holds other scenes"
    return ""


def _reason(error: CorpusError) -> str:
    """Return what an error reports of a shard, without its path and the advice."""
    return str(error).partition(f"{SHARDS}/")[2].partition(": ")[2].split(";")[0]
