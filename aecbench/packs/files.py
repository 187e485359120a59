"""A pack of single files: a CSV of their names, addresses, sums, speakers and licences.

Columns: `file` (where it lies below the folder of the pack), `url`, `sha256`, `bytes`, `kind` and `licence`; what else
the manifest of a source may have (`speaker`, `split`, ...), and facts for people. The list is the manifest of the pack.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from aecbench.packs.base import Place, Remote, below, cache
from aecbench.packs.download import fetch_files

__all__ = ["FilePack", "read_files"]


@dataclass(frozen=True)
class FilePack:
    """A pack of files, all of them in a data folder, or all of them in the cache."""

    name: str
    manifest: Path
    files: tuple[Remote, ...]
    summary: str

    def place(self, data: Path | None) -> Place | None:
        """Return the data folder if it has all files, else the cache if it has them, else None."""
        for root in filter(None, (data, cache(self.name))):
            if all((root / remote.file).is_file() for remote in self.files):
                return Place(self.manifest, root)
        return None

    def fetch(self, data: Path | None) -> Place:
        """Check the files in the data folder if it has all of them; else download those that the cache lacks."""
        cached = Place(self.manifest, cache(self.name))
        return fetch_files(self.files, self.name, self.place(data), data, cached)


def read_files(name: str, path: Path) -> FilePack:
    """Return the pack listed in a CSV. Raises ConfigError for a path that leads out of its folder."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    files = tuple(
        Remote(below(row["file"], path), row["url"], f"sha256:{row['sha256']}", int(row["bytes"])) for row in rows
    )
    kinds = " and ".join(f"{n} {kind}" for kind, n in Counter(row["kind"] for row in rows).items())
    licences = ", ".join(sorted({row["licence"] for row in rows}))
    size = sum(remote.bytes for remote in files) / 1e6
    return FilePack(name, path, files, f"{kinds} files, {size:.0f} MB, {licences}")
