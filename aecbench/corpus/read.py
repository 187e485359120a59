"""Reading corpora: lazily, once per process, checked."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import h5py
import numpy as np
import pandas as pd

from aecbench.config import parse
from aecbench.corpus.format import CORPUS, FORMAT, SCENES, SHARDS, Record, decode, digest, long_layout, short_layout
from aecbench.errors import CorpusError, UnknownName
from aecbench.scenes.files import SPLITS
from aecbench.scenes.scene import Scene
from aecbench.scenes.spec import CorpusSpec
from aecbench.signals import STEMS, Array, Signals

__all__ = ["Corpus", "Item", "Shard", "open_corpus"]

AGAIN = "run the same aecbench simulate again to render it anew"


class Item(NamedTuple):
    """One scene of a corpus."""

    scene: Scene
    signals: Signals  # float32 [T]
    rir: Array  # [segments, L] true paths from loudspeaker signal to echo; zeros where a scene has fewer


class Shard:
    """One HDF5 file of a corpus, open for reading. Its layout is checked before any data is read."""

    def __init__(self, path: Path) -> None:
        """Open. Raises CorpusError for what is no shard of this format, or has links to elsewhere."""
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except FileNotFoundError:
            raise CorpusError(f"{path}: is missing; {AGAIN}") from None
        except OSError as error:
            raise CorpusError(f"{path}: is truncated or no HDF5 file ({error}); {AGAIN}") from None
        try:
            self._check()
        except (CorpusError, KeyError, OSError, RuntimeError) as error:
            self._file.close()
            raise CorpusError(f"{path}: is not a shard of format {FORMAT} ({error}); {AGAIN}") from None

    def _check(self) -> None:
        names = {*long_layout(1, 1, 1), *short_layout(1, 1)}
        if set(self._file) != names or "corpus" not in self._file.attrs:
            raise CorpusError(f"holds {sorted(self._file)}, expected {sorted(names)}")
        for name in names:
            if not isinstance(self._file.get(name, getlink=True), h5py.HardLink):
                raise CorpusError(f"{name} is a link")
            data = self._file[name]
            if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
                raise CorpusError(f"{name} is not stored in the file")
        scenes, length = self._file["mic"].shape
        longs = long_layout(scenes, length, self._file["rir"].shape[-1])
        shorts = short_layout(scenes, self._file["scene"].dtype.itemsize)
        for name, arguments in (longs | shorts).items():
            data = self._file[name]
            if data.shape != arguments["shape"] or data.dtype != arguments["dtype"] or not data.fletcher32:
                raise CorpusError(f"{name} is {data.dtype} {data.shape}")

    def __enter__(self) -> "Shard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def corpus_id(self) -> str:
        """Id of the corpus the shard belongs to."""
        return str(self._file.attrs["corpus"])

    def __len__(self) -> int:
        return int(self._file["mic"].shape[0])

    def record(self, row: int) -> Record:
        """One scene as stored. Raises CorpusError when a checksum disagrees."""
        try:
            scene = self._file["scene"][row].decode()
            audio = np.stack([self._file[stem][row] for stem in STEMS])
            scale, t20 = (float(self._file[name][row]) for name in ("scale", "t20"))
            return Record(scene, audio, scale, self._file["rir"][row], t20)
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise CorpusError(f"{self.path}: row {row} is damaged ({error}); {AGAIN}") from None

    def scenes(self) -> list[dict[str, Any]]:
        """All scenes, as JSON gives them."""
        return [json.loads(text) for text in self._column("scene")]

    def t20(self) -> list[float]:
        """Reverberation time of every scene's first echo path [s]."""
        return [float(value) for value in self._column("t20")]

    def hashes(self) -> list[str]:
        """SHA-256 of every scene as it was when written."""
        return [text.decode() for text in self._column("sha256")]

    def _column(self, name: str) -> list[Any]:
        try:
            return list(self._file[name][:])
        except (OSError, RuntimeError) as error:
            raise CorpusError(f"{self.path}: {name} is damaged ({error}); {AGAIN}") from None

    def verify(self) -> None:
        """Read everything and compare every scene with its hash. Raises CorpusError."""
        for row, expected in enumerate(self.hashes()):
            if self.record(row).sha256 != expected:
                raise CorpusError(f"{self.path}: row {row} is not what was written; {AGAIN}")


class Corpus(Sequence[Item]):
    """The scenes of a corpus in order. Picklable; files are opened when first read, anew in every process."""

    def __init__(self, path: Path, info: dict[str, Any], scenes: pd.DataFrame) -> None:
        """Made by `open_corpus` and `split`."""
        self.path, self.info, self.scenes = path, info, scenes
        self._shards: dict[str, Shard] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": {}}

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
        """The specification it was simulated from."""
        return parse(CorpusSpec, self.info["spec"], str(self.path / CORPUS))

    @property
    def hours(self) -> float:
        """Hours of audio (of one signal)."""
        return float(self.scenes["duration"].sum() / 3600)

    def split(self, name: str) -> "Corpus":
        """The scenes of one split. Raises UnknownName when there are none."""
        rows = self.scenes[self.scenes["split"] == name]
        if rows.empty:
            raise UnknownName(f"split of {self.path}", name, [s for s in SPLITS if (self.scenes["split"] == s).any()])
        return Corpus(self.path, self.info, rows.reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.scenes)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Corpus": ...
    def __getitem__(self, index: int | slice) -> "Item | Corpus":
        if isinstance(index, slice):
            return Corpus(self.path, self.info, self.scenes.iloc[index].reset_index(drop=True))
        row = self.scenes.iloc[index]  # raises IndexError past the end, as a Sequence does
        record = self._shard(str(row["shard"])).record(int(row["row"]))
        return Item(Scene.model_validate_json(record.scene), decode(record.audio, record.scale), self._paths(record))

    def _paths(self, record: Record) -> Array:
        return record.rir.reshape(-1, int(self.info["rir_length"]))

    def _shard(self, name: str) -> Shard:
        if self._process != os.getpid():  # after a fork: handles are the parent's
            self._shards, self._process = {}, os.getpid()
        if name not in self._shards:
            shard = Shard(self.path / SHARDS / name)
            if shard.corpus_id != self.id:
                raise CorpusError(
                    f"{shard.path}: belongs to corpus {shard.corpus_id[:12]}, not {self.id[:12]}; {AGAIN}"
                )
            self._shards[name] = shard
        return self._shards[name]

    def verify(self) -> None:
        """Read every byte and compare it with its hash. Raises CorpusError naming the first file that disagrees."""
        hashes: dict[str, str] = {}
        for name in sorted(set(self.scenes["shard"])):
            shard = self._shard(name)
            shard.verify()
            hashes |= {scene["id"]: sha for scene, sha in zip(shard.scenes(), shard.hashes(), strict=True)}
        if len(self) == self.info["scenes"] and digest(hashes) != self.digest:
            raise CorpusError(f"{self.path}: the scenes are not those the digest was made of; {AGAIN}")


def open_corpus(path: Path) -> Corpus:
    """The corpus in a folder.

    Raises CorpusError when there is none, when it is unfinished, or of another format version.
    """
    try:
        info = json.loads((path / CORPUS).read_text())
    except FileNotFoundError:
        raise CorpusError(f"{path}: no corpus there (no {CORPUS}); run aecbench simulate first") from None
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path / CORPUS}: cannot be read ({error}); {AGAIN}") from None
    version = info.get("format") if isinstance(info, dict) else None
    if version != FORMAT:
        raise CorpusError(f"{path}: corpus format version {version}, expected {FORMAT}; simulate it with this aecbench")
    try:
        return Corpus(path, info, pd.read_parquet(path / SCENES))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path / SCENES}: cannot be read ({error}); {AGAIN}") from None
