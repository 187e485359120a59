"""Sources, licences and authors of the training audio, for the model card."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from aecbench.assets import find, names
from aecbench.config import read_toml
from aecbench.corpus import Corpus
from aecbench.recipe import read_recipe

__all__ = ["Source", "Terms", "data_name", "sources"]

KINDS = {  # recipe -> manifest
    "speech": "speech",
    "far_speech": "speech",
    "noise": "noise",
    "room": "rir",
    "loudspeaker": "loudspeaker_ir",
}
MADE = {"espeak": "synthesised with eSpeak NG"}  # sources without recordings, and thus without authors
SHOWN = 3  # most owners that are named


class Terms(NamedTuple):
    """Files under one licence."""

    licence: str
    files: int | None  # None if unknown
    owners: list[str]  # the owner of the most files comes first


class Source(NamedTuple):
    """Audio of one kind."""

    kind: str  # "speech", "noise", "rir", "loudspeaker_ir", or "audio" for all of an imported corpus
    name: str  # without folders, which are specific to this machine
    terms: list[Terms]

    def lines(self) -> Iterator[str]:
        """Yield the lines of a Markdown list."""
        if self.name in MADE:
            yield f"- {self.kind}: {MADE[self.name]}."
            return
        if not self.terms:
            yield f"- {self.kind}: `{self.name}`, whose licence has to be looked up there."
            return
        shipped = self.name in names("packs")
        yield f"- {self.kind}: {'pack ' if shipped else ''}`{self.name}`:"
        origin = f", named in packs/{self.name}.csv, which ships with aecbench" if shipped else ""
        for licence, files, owners in self.terms:
            more = f" and {len(owners) - SHOWN} more{origin}" if len(owners) > SHOWN else ""
            count = "" if files is None else f", {files} file{'' if files == 1 else 's'}"
            yield f"  - {licence}{count}: {'; '.join(owners[:SHOWN]) or 'nobody is named'}{more}"


def data_name(corpus: Corpus) -> str:
    """Return the name of a corpus for a card; it also names sources that differ from those of its recipe."""
    spec = corpus.info["spec"]
    name = str(spec.get("name", corpus.path.name))
    if name not in names("recipes"):
        return name
    shipped = read_recipe(name).model_dump(mode="json")
    changed = [table for table in KINDS if _source(spec, table) != _source(shipped, table)]
    return f"scenes as in {name} with other sources of {' and '.join(changed)}" if changed else name


def _source(spec: Mapping[str, Any], table: str) -> str | None:
    """Return the source that a table of a specification names, without folders."""
    section = spec.get(table)
    source = section.get("source") if isinstance(section, Mapping) else None
    return None if source is None else Path(source).name


def sources(corpora: Sequence[Corpus]) -> list[Source]:
    """Return the sources of corpora without duplicates; for files that no longer exist, only the name is known."""
    entries: dict[tuple[str, str], Source] = {}
    for corpus in corpora:
        spec = corpus.info["spec"]
        if "imported" in spec:
            entries["audio", spec["imported"]] = Source("audio", str(spec["imported"]), [])
        for table, kind in KINDS.items():
            section = spec.get(table)
            source = section.get("source") if isinstance(section, Mapping) else None
            if source not in (None, "simulated"):
                entries[kind, source] = Source(kind, Path(source).name, _terms(source, kind))
    return list(entries.values())


def _terms(source: str, kind: str) -> list[Terms]:
    """Return the terms of a pack, or of a manifest with columns `licence` and `attribution`; empty for others."""
    path = find("packs", source) if source in names("packs") else Path(source)
    if path.suffix == ".toml":
        facts = read_toml(path)
        return [Terms(facts["licence"], None, [facts["attribution"]])]
    if path.suffix != ".csv" or not path.is_file():
        return []
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if "licence" not in table or "attribution" not in table:
        return []
    rows = table[table["kind"].str.strip().isin(["", kind])] if "kind" in table else table
    return [Terms(str(licence), len(of), _owners(of["attribution"])) for licence, of in rows.groupby("licence")]


def _owners(attributions: Iterable[str]) -> list[str]:
    parts = (part.strip() for attribution in attributions for part in attribution.split(";"))
    return [owner for owner, _ in Counter(filter(None, parts)).most_common()]
