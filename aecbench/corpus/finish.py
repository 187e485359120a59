"""The last step of making a corpus: its table of scenes and, last of all, corpus.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aecbench import provenance
from aecbench._version import __version__
from aecbench.config import canonical_json
from aecbench.corpus.format import CORPUS, FORMAT, SCENES, SIMULATOR, digest
from aecbench.corpus.read import Corpus, Shard, open_corpus
from aecbench.output import whole_file

__all__ = ["finish", "flat"]

LIBRARIES = ("numpy", "scipy", "pyroomacoustics", "numba", "soxr")


def finish(
    out: Path,
    identity: str,
    shards: Sequence[Path],
    rir_length: int,
    spec: Mapping[str, Any],
    outside: Mapping[str, Sequence[str]] | None = None,
) -> Corpus:
    """Turn a folder with these shards into a corpus. `spec` tells where it comes from; it has a name.

    `outside` names what of other packages has shaped it, with the version and the hash of their code.

    Raises OutputError where it cannot be written.
    """
    rows: list[dict[str, Any]] = []
    for path in shards:
        with Shard(path) as shard:
            facts = zip(shard.scenes(), shard.hashes(), shard.measures(), strict=True)
            for row, (scene, sha, measured) in enumerate(facts):
                position = {"scene": scene.pop("id"), "shard": path.name, "row": row, "sha256": sha}
                rows.append(position | flat(scene) | measured)
    with whole_file(out / SCENES) as part, part.open("wb") as file:  # by path, pyarrow takes only names in UTF-8
        pd.DataFrame(rows).to_parquet(file, index=False)
    info = {
        "format": FORMAT,
        **({} if "imported" in spec else {"simulator": SIMULATOR}),
        "id": identity,
        "digest": digest({row["scene"]: row["sha256"] for row in rows}),
        "scenes": len(rows),
        "rir_length": rir_length,
        "spec": spec,
        "versions": {"aecbench": __version__} | {name: provenance.installed(name) for name in LIBRARIES},
        "machine": provenance.machine() | {"numba": provenance.numba_target()},  # decides nothing: for bug reports
        "command": provenance.command(),
        **({"plugins": outside} if outside else {}),
    }
    with whole_file(out / CORPUS) as part:
        part.write_text(json.dumps(info, indent=1))
    return open_corpus(out)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested records as one row. Lists become JSON, None is left out.

    >>> flat({"ser": None, "room": {"rt60": 0.3, "size": [4, 3, 2]}})
    {'room.rt60': 0.3, 'room.size': '[4,3,2]'}
    """
    row: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            row |= flat(item, f"{prefix}{key}.")
        elif item is not None:
            row[prefix + key] = canonical_json(item) if isinstance(item, list) else item
    return row
