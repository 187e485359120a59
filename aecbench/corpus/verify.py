"""Whether a corpus on disk is what was made: every file, every checksum, every scene."""

from pathlib import Path
from typing import NamedTuple

from aecbench.corpus.format import SCENES, SHARDS, digest
from aecbench.corpus.read import Corpus, Shard
from aecbench.errors import CorpusError

__all__ = ["Problem", "verify"]


class Problem(NamedTuple):
    """A file of a corpus that is not as it should be."""

    file: str  # within the folder of the corpus
    what: str


def verify(corpus: Corpus) -> list[Problem]:
    """Read every byte of a corpus and compare it with the table of scenes, and that with the digest.

    Finds shards that are missing, damaged, of another corpus, renamed or swapped, and files that do not belong there.
    """
    table = corpus.scenes
    expected = {
        str(name): list(zip(rows["scene"], rows["sha256"], strict=True)) for name, rows in table.groupby("shard")
    }
    problems = [
        Problem(f"{SHARDS}/{name}", what)
        for name, scenes in expected.items()
        if (what := _wrong(corpus, corpus.path / SHARDS / name, scenes, expected))
    ]
    strays = {path.name for path in (corpus.path / SHARDS).glob("*")} - set(expected)
    problems += [Problem(f"{SHARDS}/{name}", "does not belong to the corpus") for name in sorted(strays)]
    if digest(dict(zip(table["scene"], table["sha256"], strict=True))) != corpus.digest:
        problems.append(Problem(SCENES, "its hashes are not those the digest was made of"))
    return problems


def _wrong(
    corpus: Corpus, path: Path, scenes: list[tuple[str, str]], expected: dict[str, list[tuple[str, str]]]
) -> str:
    """What is wrong with a shard; empty when nothing is."""
    if not path.exists():
        return "is missing"
    try:
        with Shard(path) as shard:
            shard.verify()
            found = [(scene["id"], sha) for scene, sha in zip(shard.scenes(), shard.hashes(), strict=True)]
            owner = shard.corpus_id
    except CorpusError as error:
        return f"is damaged: {str(error).removeprefix(f'{path}: ').split(';')[0]}"
    if owner != corpus.id:
        return f"belongs to another corpus ({owner[:12]})"
    if found != scenes:
        others = [name for name, rows in expected.items() if rows == found]
        return f"holds the scenes of {others[0]}" if others else "holds other scenes"
    return ""
