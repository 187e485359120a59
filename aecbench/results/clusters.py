"""Which scenes of a table have something in common, so that what they say is not independent."""

import functools
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["SOURCES", "Clusters", "clusters_of", "effective"]

# columns of what was drawn for a scene, and what is called what: talkers, recordings of noise, measured devices
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
    """Scenes grouped by each of several sources: far talker, near talker, noise, device.

    Two scenes are dependent where they share any of them. A source that all scenes share is left out.
    """

    def __init__(self, codes: Codes) -> None:
        """`codes` [N, D]: scenes with the same number in a column have that source in common."""
        self.codes, self.n = codes, len(codes)
        self._columns = [column for column in codes.T if np.ptp(column)] if self.n else []

    def at(self, keep: NDArray[np.bool_]) -> "Clusters":
        """Those of some of the scenes."""
        return self if keep.all() else Clusters(self.codes[keep])

    @property
    def count(self) -> int:
        """The fewest clusters that any source makes; without one, all scenes are clusters of their own."""
        return min((np.unique(column).size for column in self._columns), default=self.n)

    @functools.cached_property
    def groups(self) -> list[tuple[int, Codes]]:
        """Sign and group of each scene [N], by which the pairs that share anything are counted once.

        Inclusion and exclusion: pairs that share a source, less those that share two of them, and so on.
        """
        groups = [
            ((-1) ** (size + 1), np.unique(np.stack(chosen, 1), axis=0, return_inverse=True)[1].ravel())
            for size in range(1, len(self._columns) + 1)
            for chosen in combinations(self._columns, size)
        ]
        return groups or [(1, np.arange(self.n))]

    @functools.cached_property
    def degrees(self) -> NDArray[np.float64]:
        """With how many scenes each shares something [N], itself among them."""
        return np.asarray(np.sum([sign * np.bincount(group)[group] for sign, group in self.groups], 0), float)


def clusters_of(scenes: pd.DataFrame) -> Clusters:
    """The clusters of a table with a row per scene. A scene without a source is a cluster of its own."""
    alone = len(scenes) + np.arange(len(scenes))
    columns = []
    for name in SOURCES:
        if name in scenes:
            codes = pd.factorize(scenes[name])[0]
            columns.append(np.where(codes < 0, alone, codes))
    return Clusters(np.stack(columns, 1) if columns else np.empty((len(scenes), 0), int))


def effective(scenes: pd.DataFrame) -> str:
    """How many scenes there are, and how many sources behind them: "300 scenes, 35 talkers, 18 noises".

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
