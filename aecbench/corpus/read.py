"""Reading corpora: lazily, once per process, checked."""

import difflib
import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aecbench.corpus.faults import AGAIN, fault
from aecbench.corpus.format import CORPUS, FORMAT, SCENES, SHARDS
from aecbench.corpus.select import matches, with_conditions
from aecbench.corpus.shard import Shard
from aecbench.dsp import levels
from aecbench.errors import CorpusError, FormatError, UnknownName, UsageError
from aecbench.record import parse
from aecbench.scenes.files import SPLITS
from aecbench.scenes.recording import TALK, Recording, read_scene
from aecbench.scenes.scene import Scene
from aecbench.scenes.spec import CorpusSpec
from aecbench.signals import STEMS, Array, Signals

__all__ = ["Corpus", "Item", "Shard", "open_corpus"]

SHOWN = 5  # scenes in a notebook
COLUMNS = ("scene", "talk", "ser", "snr", "rt60", "loudspeaker", "noise", "delay")  # and what is shown of them
OPEN = 64  # shards that a process keeps open
FACTS = {"id": str, "digest": str, "scenes": int, "rir_length": int, "spec": dict}  # of corpus.json
TEXTS = ("scene", "split", "shard")  # columns of scenes.parquet
NUMBERS = {"row": "iu", "rate": "iu", "duration": "iuf"}  # and their kinds of type
HIGHEST = 2**31
REMAKE = "simulate it again in the same folder, which keeps whole shards, or import it again"
DIGITS = 6  # of the index in the name of a scene
SHORT = re.compile(r"(?<=/)\d+$")
SHARD_NAME = re.compile(r"[\w-]+\.h5")


class Item(NamedTuple):
    """One scene of a corpus."""

    scene: Scene | Recording
    signals: Signals  # float32 [T]; near, echo and noise of a real recording are NaN
    rir: Array  # [segments, L] paths from loudspeaker to microphone, without its stages; zeros where a scene has fewer

    def __repr__(self) -> str:
        return f"Item({', '.join(f'{name}={value!r}' for name, value in self._facts().items())})"

    def _repr_html_(self) -> str:
        """Return the facts as a table, for notebooks."""
        return _html(self._facts())

    def _facts(self) -> dict[str, Any]:
        scene = self.scene
        levels = {name: None if (value := getattr(scene, name)) is None else round(value, 1) for name in ("ser", "snr")}
        return {
            "scene": scene.id,
            "talk": scene.talk,
            **levels,
            "seconds": scene.duration,
            "rate": scene.rate,
            "rir": self.rir.shape,
        }

    @property
    def talk(self) -> NDArray[np.int8]:
        """Who talks, a `Talk` per frame of 10 ms: from the stems, or where there are none, as it is labelled."""
        if isinstance(self.scene, Scene) or self.scene.stems:
            return levels.talk(self.signals, self.scene.rate)
        frames = self.signals.mic.size // levels.frame_length(self.scene.rate)
        return np.full(frames, TALK[self.scene.talk], np.int8)


class Corpus(Sequence[Item]):
    """The scenes of a corpus in order. Picklable; every process opens the files when it first reads them."""

    def __init__(self, path: Path, info: dict[str, Any], scenes: pd.DataFrame) -> None:
        """Made by `open_corpus`, and by the methods that choose scenes."""
        self.path, self.info, self.scenes = path, info, scenes
        self._files, self._names = pd.factorize(scenes["shard"])
        self._ids, self._rows = scenes["scene"].to_numpy(object), scenes["row"].to_numpy(int)
        self._lengths = np.rint(scenes["duration"].to_numpy(float) * scenes["rate"].to_numpy(int)).astype(int)
        self._shards: dict[str, Shard] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": {}}

    def __repr__(self) -> str:
        return f"Corpus({', '.join(f'{name}={value!r}' for name, value in self._facts().items())})"

    def _repr_html_(self) -> str:
        """Return the facts and the first scenes as tables, for notebooks."""
        head = self.to_pandas().head(SHOWN)
        columns = [name for name in COLUMNS if name in head and head[name].notna().any()]
        return _html(self._facts()) + str(head[columns].to_html(index=False, float_format="{:.3g}".format, na_rep=""))

    def _facts(self) -> dict[str, Any]:
        counts = self.scenes["split"].value_counts(sort=False)
        return {
            "path": str(self.path),
            "scenes": {str(split): int(count) for split, count in counts.items()},
            "hours": round(self.hours, 2),
            "digest": self.digest[:12],
        }

    @property
    def id(self) -> str:
        """Hash of all inputs: specification, sources, format."""
        return str(self.info["id"])

    @property
    def digest(self) -> str:
        """Hash of the contents."""
        return str(self.info["digest"])

    @property
    def spec(self) -> CorpusSpec:
        """The specification it was simulated from. Raises CorpusError for a corpus that was imported."""
        if "imported" in self.info["spec"]:
            raise CorpusError(f"{self.path}: was imported, not simulated, so it has no recipe; import it again instead")
        return parse(CorpusSpec, self.info["spec"], str(self.path / CORPUS))

    @property
    def simulator(self) -> int:
        """Version of the simulator that made it; 0 for a corpus that was imported."""
        return int(self.info.get("simulator", 0 if "imported" in self.info["spec"] else 1))

    @property
    def hours(self) -> float:
        """Hours of audio (of one signal)."""
        return float(self.scenes["duration"].sum() / 3600)

    def to_pandas(self) -> pd.DataFrame:
        """A row per scene with all that was drawn, and a column for each of CONDITIONS: a copy of `scenes` and more."""
        return with_conditions(self.scenes)

    def split(self, name: str) -> "Corpus":
        """The scenes of one split. Raises UnknownName when there are none."""
        part = self.where(split=name)
        if not part:
            splits = [split for split in SPLITS if (self.scenes["split"] == split).any()]
            raise UnknownName("split", name, splits, f"in {self.path}")
        return part

    def where(self, **conditions: Any) -> "Corpus":
        """The scenes that meet all conditions, perhaps none: `where(ser=(-10, 0), loudspeaker="zhang_wang")`.

        A name is a row of CONDITIONS or a column of `scenes`. A tuple (low, high) is a closed interval, a list or set
        means one of its members, None a missing value, anything else that value. Raises UnknownName,
        and UsageError for a tuple that is not an interval.
        """
        return self._choose(matches(self.scenes, conditions).to_numpy())

    def find(self, name: str | None = None) -> int:
        """Return the index of the scene called `name`: corpus/split/index, or split/index. The zeros may be left out.

        Without a name: of the first scene with double talk in the first split, or 0. Raises UnknownName.
        """
        if name is None:
            first = (self.scenes["split"] == self.scenes["split"].iloc[0]) & (self.scenes["talk"] == "double")
            return int(first.to_numpy().argmax())
        ids = [str(scene) for scene in self.scenes["scene"]]
        indices = {label: index for index, scene in enumerate(ids) for label in (scene, scene.partition("/")[2])}
        label = SHORT.sub(lambda index: index[0].zfill(DIGITS), name)
        if label not in indices:
            near = difflib.get_close_matches(label, indices, n=1)
            raise UnknownName("scene", label, near or [f"{ids[0]} to {ids[-1]}"], f"in {self.path}")
        return indices[label]

    def share(self, rank: int, count: int) -> "Corpus":
        """Return the scenes for process `rank` of `count`: disjoint, contiguous shares whose sizes differ by at most 1.

        For torchrun: `corpus.share(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))`. Raises UsageError.
        """
        if not 0 <= rank < count:
            raise UsageError(f"rank {rank} of {count}: expected a rank from 0 to count - 1")
        return self[len(self) * rank // count : len(self) * (rank + 1) // count]

    def _choose(self, rows: Any) -> "Corpus":
        chosen = Corpus(self.path, self.info, self.scenes.iloc[rows].reset_index(drop=True))
        chosen._shards, chosen._process = self._shards, self._process  # files that are open stay so
        return chosen

    def __len__(self) -> int:
        return len(self.scenes)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Corpus": ...
    def __getitem__(self, index: int | slice) -> "Item | Corpus":
        if isinstance(index, slice):
            return self._choose(index)
        shard, row, length = self._place(index)
        try:
            scene = read_scene(shard.text(row))
        except ValueError:
            raise CorpusError(f"{shard.path}: row {row} holds no scene of this version; {AGAIN}") from None
        if scene.id != self._ids[index]:
            raise CorpusError(f"{shard.path}: row {row} is {scene.id}, unlike {SCENES} says; {AGAIN}")
        return Item(
            scene, Signals(*shard.stems(row)[:, :length]), shard.rir(row).reshape(-1, int(self.info["rir_length"]))
        )

    def stems(self, index: int, names: Sequence[str]) -> Array:
        """Some signals of a scene, float32 [names, T], without reading the others. Raises UnknownName."""
        for name in names:
            if name not in STEMS:
                raise UnknownName("signal", name, STEMS)
        shard, row, length = self._place(index)
        return shard.stems(row, names)[:, :length]

    def scale(self, index: int) -> float:
        """Return the factor from the stored 16-bit samples of a scene to its signals, whose full scale is 1."""
        shard, row, _ = self._place(index)
        return shard.scale(row)

    def _place(self, index: int) -> tuple[Shard, int, int]:
        """Shard, row and length of a scene. Raises IndexError past the end, as a Sequence does."""
        shard = self._shard(self._names[self._files[index]])
        row, length = int(self._rows[index]), int(self._lengths[index])
        if row >= len(shard) or length > shard.length:
            raise CorpusError(
                f"{shard.path}: holds {len(shard)} scenes of {shard.length} samples, but {SCENES} names row {row} with "
                f"{length}; {AGAIN}"
            )
        return shard, row, length

    def _shard(self, name: str) -> Shard:
        if self._process != os.getpid():  # after a fork: handles are the parent's
            self._shards, self._process = {}, os.getpid()
        if name not in self._shards:
            shard = Shard(self.path / SHARDS / name)
            if shard.corpus_id != self.id:
                raise CorpusError(
                    f"{shard.path}: belongs to corpus {shard.corpus_id[:12]}, not {self.id[:12]}; {AGAIN}"
                )
            if shard.rir_length % self.info["rir_length"]:
                raise CorpusError(f"{shard.path}: has paths of other lengths than {CORPUS} says; {AGAIN}")
            while len(self._shards) >= OPEN:
                del self._shards[next(iter(self._shards))]  # closes the file once nobody reads it
            self._shards[name] = shard
        return self._shards[name]


def open_corpus(path: str | Path) -> Corpus:
    """The corpus in a folder.

    Raises CorpusError when there is none, when it is unfinished, damaged, or of another format version.
    """
    path = Path(path)
    try:
        info = json.loads((path / CORPUS).read_text())
    except FileNotFoundError:
        raise CorpusError(f"{path}: no corpus there (no {CORPUS}); run aecbench simulate first") from None
    except NotADirectoryError:
        raise CorpusError(
            f"{path}: is a file; expected the folder of a corpus, which aecbench simulate makes"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise fault(path / CORPUS, "is damaged", error, REMAKE) from None
    version = info.get("format") if isinstance(info, dict) else None
    if version != FORMAT:
        raise FormatError(f"{path}: corpus format version {version}, expected {FORMAT}; simulate it with this aecbench")
    for name, kind in FACTS.items():
        value = info.get(name)
        if not isinstance(value, kind) or (isinstance(value, int) and value < 1):
            raise CorpusError(f"{path / CORPUS}: {name} is {value!r}, expected {kind.__name__}; {REMAKE}")
    return Corpus(path, info, _table(path / SCENES, info["scenes"]))


def _html(facts: Mapping[str, Any]) -> str:
    """Return facts as an HTML table of two columns."""
    rows = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _table(path: Path, scenes: int) -> pd.DataFrame:
    """The table of scenes. Raises CorpusError where it cannot be one, or names files elsewhere."""
    try:
        with path.open("rb") as file:
            table = pd.read_parquet(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise fault(path, "is damaged", error, REMAKE) from None
    if len(table) != scenes:
        raise CorpusError(f"{path}: has {len(table)} rows, {CORPUS} says {scenes}; {REMAKE}")
    for name in (*TEXTS, *NUMBERS):
        if name not in table:
            raise CorpusError(f"{path}: has no column {name!r}; {REMAKE}")
    for name in TEXTS:
        if not table[name].map(lambda value: isinstance(value, str)).all():
            raise CorpusError(f"{path}: column {name!r} holds other things than text; {REMAKE}")
    for name, kinds in NUMBERS.items():
        if table[name].dtype.kind not in kinds or not table[name].between(0, HIGHEST).all():
            raise CorpusError(f"{path}: column {name!r} holds other things than numbers in range; {REMAKE}")
    for shard in table["shard"].unique():
        if not SHARD_NAME.fullmatch(shard):
            raise CorpusError(f"{path}: names a shard {shard!r}, which lies elsewhere; {REMAKE}")
    return table
