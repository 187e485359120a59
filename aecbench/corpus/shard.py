"""One HDF5 file of a corpus, open for reading. Its layout is checked before any data is read."""

import json
from collections.abc import Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from aecbench.corpus.faults import AGAIN, fault
from aecbench.corpus.format import (
    FORMAT,
    FORMERLY_MEASURED,
    MEASURED,
    RECORDED,
    Record,
    long_layout,
    samples,
    short_layout,
)
from aecbench.errors import CorpusError
from aecbench.signals import STEMS, Array

__all__ = ["Shard"]

LARGEST = 2**28  # bytes of a chunk: 46 minutes at 48 kHz
LONGEST = 2**20  # bytes of a scene's JSON


class Shard:
    """One HDF5 file of a corpus. The columns with a short value per scene are read once, signals when asked for."""

    def __init__(self, path: Path) -> None:
        """Open. Raises CorpusError for a file that is not a shard of this format, or has external links."""
        self.path = path
        try:
            self._file = _opened(path)
        except FileNotFoundError:
            raise CorpusError(f"{path}: is missing; {AGAIN}") from None
        except OSError as error:
            raise fault(path, "is truncated or no HDF5 file", error) from None
        try:
            self.signals = STEMS if "near" in self._file else RECORDED
            self.measured = MEASURED if MEASURED[-1] in self._file else FORMERLY_MEASURED
            self._data = _data_sets(self._file, self.signals, self.measured)
            self.corpus_id = _corpus_id(self._file)
            self._rows, self.length = _shape(self._file, "mic")  # samples; shorter scenes are padded with zeros
            self.rir_length = _shape(self._file, "rir")[1]  # samples of all echo paths of a scene together
        except (CorpusError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            self._file.close()
            raise fault(path, f"is not a shard of format {FORMAT}", error) from None

    def __enter__(self) -> "Shard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return self._rows

    def record(self, row: int) -> Record:
        """One scene as stored, by way of HDF5, which looks at its checksums. Raises CorpusError when one disagrees."""
        text = self.text(row)
        try:
            length = samples(text)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged("scene", row, error) from None
        audio = np.stack([self._read(stem, row) for stem in self.signals])[:, :length]
        measured = {name: float(self._read(name, row)) for name in self.measured}
        return Record(text, audio, float(self._read("scale", row)), self._read("rir", row), measured)

    def text(self, row: int) -> str:
        """The JSON of a scene."""
        try:
            return str(self._texts[row].decode())
        except UnicodeDecodeError as error:
            raise self._damaged("scene", row, error) from None

    def stems(self, row: int, names: Sequence[str] = STEMS) -> Array:
        """Some signals of a scene with their padding: float32 [names, length], NaN for what a real recording lacks."""
        audio = np.empty((len(names), self.length), np.float32)  # one block: many small ones cost page faults
        for x, name in zip(audio, names, strict=True):
            if name in self.signals:
                np.multiply(self._stored(name, row), self._scales[row], out=x)
            else:
                x[:] = np.nan
        return audio

    def scale(self, row: int) -> float:
        """Return the factor for the stored samples of a scene. Raises CorpusError."""
        return float(self._scales[row])

    def rir(self, row: int) -> NDArray[np.float32]:
        """The echo paths of a scene, one after the other: [segments x L]."""
        return np.asarray(self._read("rir", row))

    def chunks(self, row: int) -> dict[str, bytes]:
        """The signals and echo paths of a scene as they lie in the file, compressed."""
        return {name: self._data[name].id.read_direct_chunk((row, 0))[1] for name in (*self.signals, "rir")}

    def scenes(self) -> list[dict[str, Any]]:
        """All scenes, as JSON gives them."""
        return [json.loads(self.text(row)) for row in range(len(self))]

    def measures(self) -> list[dict[str, float]]:
        """MEASURED of every scene, NaN for what the shard does not hold."""
        nothing = np.full(len(self), np.nan)
        columns = [self._read(name, np.s_[:]) if name in self.measured else nothing for name in MEASURED]
        return [dict(zip(MEASURED, map(float, row), strict=True)) for row in zip(*columns, strict=True)]

    def hashes(self) -> list[str]:
        """SHA-256 of every scene as it was when written."""
        return [text.decode(errors="replace") for text in self._read("sha256", np.s_[:])]

    def verify(self) -> None:
        """Read everything and compare every scene with its hash. Raises CorpusError."""
        for row, expected in enumerate(self.hashes()):
            if self.record(row).sha256 != expected:
                raise CorpusError(f"{self.path}: row {row} is not what was written; {AGAIN}")

    @cached_property
    def _texts(self) -> NDArray[np.bytes_]:
        return np.asarray(self._read("scene", np.s_[:]))

    @cached_property
    def _scales(self) -> NDArray[np.float32]:
        scales = np.asarray(self._read("scale", np.s_[:]))
        if not np.isfinite(scales).all():
            raise self._damaged("scale", np.s_[:], ValueError("not finite"))
        return scales

    def _stored(self, stem: str, row: int) -> NDArray[np.int16]:
        """The samples of a stem, in less time than by way of HDF5.

        The filters of HDF5 are undone here: Fletcher-32 at the end (zlib has a checksum of its own), deflate, shuffle.
        """
        size, inflate = 2 * self.length, isal_zlib.decompressobj()
        try:
            mask, packed = self._data[stem].id.read_direct_chunk((row, 0))
            planes = inflate.decompress(memoryview(packed)[:-4], size + 1)
        except (OSError, RuntimeError, ValueError, isal_zlib.error) as error:  # type: ignore[misc]  # of its stub
            raise self._damaged(stem, row, error) from None
        if mask or not inflate.eof or len(planes) != size:
            raise self._damaged(stem, row, ValueError(f"does not give {size} bytes"))
        low, high = np.frombuffer(planes, np.uint8).reshape(2, -1)
        values = high.astype(np.int16)
        values <<= 8
        values |= low
        return values

    def _read(self, name: str, row: int | slice) -> Any:
        """A row or a whole column by way of HDF5."""
        try:
            return self._data[name][row]
        except (OSError, RuntimeError) as error:
            raise self._damaged(name, row, error) from None

    def _damaged(self, name: str, row: int | slice, error: Exception) -> CorpusError:
        position = name if isinstance(row, slice) else f"{name}, row {row},"
        return fault(self.path, f"{position} is damaged", error)


def _opened(path: Path) -> h5py.File:
    """Open a file without a lock, which some file systems do not have: a shard never changes under its final name.

    HDF5 opens a file twice in a process only if both agree about locks, so a script's own `h5py.File` comes first.
    """
    cache = {"rdcc_nbytes": 0}  # a chunk is a scene, read once: a cache would only grow
    try:
        return h5py.File(path, "r", locking=False, **cache)
    except OSError as error:
        if "file locking flag" not in str(error):
            raise
        return h5py.File(path, "r", **cache)


def _data_sets(file: h5py.File, signals: tuple[str, ...], measured: tuple[str, ...]) -> dict[str, h5py.Dataset]:
    """The data sets of a shard. Raises CorpusError unless they are those of the format, whole, in this file."""
    names = {*long_layout(1, 1, 1, signals), *short_layout(1, 1, measured)}
    if set(file) != names:
        raise CorpusError(f"holds {sorted(file)}, expected {sorted(names)}")
    for name in names:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise CorpusError(f"{name} is a link")
        data = file[name]
        if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
            raise CorpusError(f"{name} is not stored in the file")
    scenes, length = _shape(file, "mic")
    longs = long_layout(scenes, length, _shape(file, "rir")[1], signals)
    shorts = short_layout(scenes, file["scene"].dtype.itemsize, measured)
    for name, form in (longs | shorts).items():
        _check(name, file[name], form, scenes if name in longs else 1)
    if file["scene"].dtype.itemsize > LONGEST:
        raise CorpusError(f"scene has {file['scene'].dtype.itemsize} bytes a row, allowed are {LONGEST}")
    return {name: file[name] for name in names}


def _shape(file: h5py.File, name: str) -> tuple[int, int]:
    shape: tuple[int, ...] = file[name].shape or ()
    if len(shape) != 2 or 0 in shape:
        raise CorpusError(f"{name} has the shape {shape}, expected [scenes, samples]")
    return shape[0], shape[1]


def _check(name: str, data: h5py.Dataset, form: dict[str, Any], chunks: int) -> None:
    """Raises CorpusError unless type, shape and checksum are as wanted and all chunks are there, of a sane size."""
    if data.shape != form["shape"] or data.dtype != np.dtype(form["dtype"]):
        raise CorpusError(f"{name} is {data.dtype} {data.shape}, expected {form['dtype']} {form['shape']}")
    stored = data.chunks, data.compression, data.shuffle, data.fletcher32
    if stored != (form["chunks"], form.get("compression"), form.get("shuffle", False), True):
        raise CorpusError(f"{name} is stored with other chunks or filters: {stored}")
    size = prod(data.chunks) * data.dtype.itemsize
    if size > LARGEST:
        raise CorpusError(f"{name} has chunks of {size} bytes, allowed are {LARGEST}")
    if data.id.get_num_chunks() != chunks:
        raise CorpusError(f"{name} has {data.id.get_num_chunks()} of its {chunks} chunks")


def _corpus_id(file: h5py.File) -> str:
    if "corpus" not in file.attrs or file.attrs.get_id("corpus").shape != ():
        raise CorpusError("has no attribute corpus")
    return str(file.attrs["corpus"])
