"""Dependence between the scenes of a table: which of them share a talker, a noise or a device."""

import functools
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["SOURCES", "Clusters", "clusters_of", "effective"]

# columns of a table whose equal values make scenes dependent, and what they are called
SOURCES = {
    "far.speaker": "talkers",
    "near.speaker": "talkers",
    "noise.file": "noises",
    "loudspeaker.measured": "devices",
    "recorded.device": "devices",
    "facts.device": "devices",
}

Codes = NDArray[np.int64]


class Clusters:
    """Scenes grouped by each of several sources: far-end talker, near-end talker, noise, device.

    Two scenes are dependent if they share any of them. A source that is the same for all scenes is left out.
    """

    def __init__(self, codes: Codes) -> None:
        """Create clusters from `codes` [N, D]: scenes with the same number in a column share that source."""
        self.codes, self.n = codes, len(codes)
        self._columns = [column for column in codes.T if np.ptp(column)] if self.n else []
        self._parts: dict[bytes, Clusters] = {}

    def at(self, keep: NDArray[np.bool_]) -> "Clusters":
        """Return the clusters of the scenes for which `keep` [N] is true."""
        if keep.all():
            return self
        key = keep.tobytes()  # most systems have a value in the same scenes
        if key not in self._parts:
            self._parts[key] = Clusters(self.codes[keep])
        return self._parts[key]

    @property
    def count(self) -> int:
        """The smallest number of clusters of any source; without sources, every scene is a cluster of its own."""
        return min((np.unique(column).size for column in self._columns), default=self.n)

    @functools.cached_property
    def groups(self) -> list[tuple[int, Codes]]:
        """Signs and groups of the scenes [N], such that every pair of scenes that shares a source is counted once.

        By inclusion and exclusion: pairs that share a source, minus those that share two of them, and so on.
        """
        groups = [
            ((-1) ** (size + 1), np.unique(np.stack(chosen, 1), axis=0, return_inverse=True)[1].ravel())
            for size in range(1, len(self._columns) + 1)
            for chosen in combinations(self._columns, size)
        ]
        return groups or [(1, np.arange(self.n))]

    @functools.cached_property
    def degrees(self) -> NDArray[np.float64]:
        """Number of scenes with which each scene shares a source [N], including itself."""
        return np.asarray(np.sum([sign * np.bincount(group)[group] for sign, group in self.groups], 0), float)


def clusters_of(scenes: pd.DataFrame) -> Clusters:
    """Return the clusters of a table with a row per scene. A scene without a source is a cluster of its own."""
    alone = len(scenes) + np.arange(len(scenes))
    columns = []
    for name in SOURCES:
        if name in scenes:
            codes = pd.factorize(scenes[name])[0]
            columns.append(np.where(codes < 0, alone, codes))
    return Clusters(np.stack(columns, 1) if columns else np.empty((len(scenes), 0), int))


def effective(scenes: pd.DataFrame) -> str:
    """Describe the number of scenes and of their sources: "300 scenes, 35 talkers, 18 noises".

    >>> effective(pd.DataFrame({"far.speaker": ["a", "b"], "near.speaker": ["b", None], "noise.file": [None, None]}))
    '2 scenes, 2 talkers'
    >>> effective(pd.DataFrame({"far.speaker": ["a"]}))
    '1 scene, 1 talker'
    """
    parts = [_counted(len(scenes), "scenes")]
    for kind in dict.fromkeys(SOURCES.values()):
        columns = [scenes[name].dropna() for name, other in SOURCES.items() if other == kind and name in scenes]
        count = pd.concat(columns).nunique() if columns else 0
        parts += [_counted(count, kind)] if count else []
    return ", ".join(parts)


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind.removesuffix('s') if count == 1 else kind}"
