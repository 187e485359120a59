"""Folders made to do harm: refused in one line, before data is read and without a look outside."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from aecbench.corpus import open_corpus
from aecbench.errors import CorpusError

SHARD = "test-00000.h5"
STORED = {"compression": "gzip", "shuffle": True, "fletcher32": True}


@pytest.fixture
def folder(corpus, tmp_path):
    return shutil.copytree(corpus.path, tmp_path / "copy")


def replace(folder, name, make) -> None:
    """Put something else in the place of a data set."""
    with h5py.File(folder / "shards" / SHARD, "r+") as file:
        old = file[name]
        shape, chunks, dtype = old.shape, old.chunks, old.dtype
        del file[name]
        make(file, name, shape, chunks, dtype)


def refused(folder, monkeypatch) -> str:
    """The message with which the shard is refused; reading any data fails the test."""

    def read(*_):
        pytest.fail("data was read")

    monkeypatch.setattr(h5py.Dataset, "__getitem__", read)
    monkeypatch.setattr(h5py.Dataset, "read_direct", read)
    with pytest.raises(CorpusError) as caught:
        open_corpus(folder).split("test")[0]
    message = str(caught.value)
    assert "\n" not in message
    assert SHARD in message
    return message


def group(file, name, *_):
    file.create_group(name)


def named_type(file, name, *_):
    file[name] = np.dtype("<i2")


def virtual(file, name, shape, *_):
    layout = h5py.VirtualLayout(shape, "<i2")
    layout[:] = h5py.VirtualSource("/etc/passwd", "mic", shape)
    file.create_virtual_dataset(name, layout)


def external_storage(file, name, shape, *_):
    file.create_dataset(name, shape, "<i2", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def external_link(file, name, *_):
    file[name] = h5py.ExternalLink("/etc/passwd", "mic")


def soft_link(file, name, *_):
    file[name] = h5py.SoftLink("/far")


def many_rows(file, name, shape, chunks, dtype):
    file.create_dataset(name, (10**12, *shape[1:]), dtype, chunks=chunks, **STORED)


def long_rows(file, name, shape, _, dtype):
    file.create_dataset(name, (shape[0], 10**9), dtype, chunks=(1, 10**9), **STORED)


def no_chunks_written(file, name, shape, chunks, dtype):
    file.create_dataset(name, shape, dtype, chunks=chunks, **STORED)


def no_checksum(file, name, shape, chunks, dtype):
    file.create_dataset(name, data=np.zeros(shape, dtype), chunks=chunks)


def contiguous(file, name, shape, _, dtype):
    file.create_dataset(name, data=np.zeros(shape, dtype))


def scalar(file, name, *_):
    file[name] = 0


def nothing(file, name, _, __, dtype):
    file[name] = h5py.Empty(dtype)


def no_scenes(file, name, shape, _, dtype):
    file.create_dataset(name, (0, *shape[1:]), dtype, maxshape=(None, *shape[1:]), **STORED)


def other_type(kind):
    def make(file, name, shape, chunks, _):
        file.create_dataset(name, shape, kind, chunks=chunks, fletcher32=np.dtype(kind).kind != "O")

    make.__name__ = str(kind)
    return make


TYPES = ["<f4", ">i2", "<i8", h5py.vlen_dtype(np.int16), h5py.ref_dtype, h5py.string_dtype(), [("a", "<i2")]]
ANYTHING = [group, named_type, virtual, external_storage, external_link, soft_link, many_rows, long_rows, scalar]
ANYTHING += [nothing, no_chunks_written, no_checksum, contiguous, no_scenes, *map(other_type, TYPES)]


@pytest.mark.parametrize("make", ANYTHING, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["mic", "noise"])
def test_signals_of_another_make_are_refused(folder, monkeypatch, name, make):
    replace(folder, name, make)
    assert "is not a shard of format 1" in refused(folder, monkeypatch)


@pytest.mark.parametrize("make", [group, soft_link, scalar, nothing, no_chunks_written], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["rir", "scene", "scale", "t20", "sha256"])
def test_other_data_of_another_make_are_refused(folder, monkeypatch, name, make):
    replace(folder, name, make)
    assert "is not a shard of format 1" in refused(folder, monkeypatch)


def test_text_of_absurd_length_is_refused(folder, monkeypatch):
    def long_text(file, name, shape, chunks, _):
        file.create_dataset(name, shape, f"S{2**24}", chunks=chunks, **STORED)[0] = b"{}"

    replace(folder, "scene", long_text)
    assert "16777216 bytes a row" in refused(folder, monkeypatch)


@pytest.mark.parametrize("kind", [h5py.string_dtype(), h5py.ref_dtype], ids=["vlen", "reference"])
def test_text_elsewhere_is_refused(folder, monkeypatch, kind):
    replace(folder, "scene", lambda file, name, shape, chunks, _: file.create_dataset(name, shape, kind, chunks=chunks))
    assert "scene is object" in refused(folder, monkeypatch)


def test_data_sets_beyond_the_format_are_refused(folder, monkeypatch):
    with h5py.File(folder / "shards" / SHARD, "r+") as file:
        file["more"] = h5py.ExternalLink("/etc/passwd", "mic")
    assert "'more'" in refused(folder, monkeypatch)


def test_a_row_that_inflates_to_more_than_it_should_is_refused(folder):
    with h5py.File(folder / "shards" / SHARD, "r+") as file, h5py.File.in_memory() as other:
        bomb = other.create_dataset("mic", data=np.zeros((1, 10**7), "<i2"), chunks=(1, 10**7), **STORED)
        other.flush()
        file["mic"].id.write_direct_chunk((0, 0), bomb.id.read_direct_chunk((0, 0))[1])
    with pytest.raises(CorpusError, match="row 0, is damaged"):
        open_corpus(folder).split("test")[0]


def test_a_scale_that_is_no_number_is_refused(folder):
    with h5py.File(folder / "shards" / SHARD, "r+") as file:
        file["scale"][:] = np.nan
    with pytest.raises(CorpusError, match="scale is damaged"):
        open_corpus(folder).split("test")[0]


def change_table(folder, **columns) -> None:
    table = pd.read_parquet(folder / "scenes.parquet")
    table.assign(**columns).to_parquet(folder / "scenes.parquet", index=False)


@pytest.mark.parametrize("name", ["../../x.h5", "/etc/passwd", "a/b.h5", "..", "", "x.h5\n", "x.csv"])
def test_shards_elsewhere_are_refused(folder, name):
    change_table(folder, shard=name)
    with pytest.raises(CorpusError, match=r"scenes\.parquet: names a shard .* which lies elsewhere"):
        open_corpus(folder)


@pytest.mark.parametrize("row", [8, 10**9])
def test_rows_past_the_end_of_a_shard_are_refused(folder, row):
    change_table(folder, row=row)
    with pytest.raises(CorpusError, match=f"names row {row}"):
        open_corpus(folder)[0]


def test_scenes_longer_than_their_shard_are_refused(folder):
    change_table(folder, duration=100.0)
    with pytest.raises(CorpusError, match="holds 2 scenes of 48000 samples"):
        open_corpus(folder)[0]


def test_rows_that_hold_another_scene_are_refused(folder):
    change_table(folder, row=1)
    with pytest.raises(CorpusError, match=r"row 1 is .*1, unlike scenes\.parquet says"):
        open_corpus(folder)[0]


@pytest.mark.parametrize(
    "columns",
    [
        {"row": -1},
        {"row": 2.0**40},
        {"row": np.nan},
        {"row": 0.5},
        {"row": "0"},
        {"shard": 3},
        {"scene": None},
        {"duration": -1.0},
    ],
    ids=str,
)
def test_columns_that_cannot_be_are_refused(folder, columns):
    change_table(folder, **columns)
    with pytest.raises(CorpusError, match=r"scenes\.parquet: column"):
        open_corpus(folder)


@pytest.mark.parametrize("column", ["scene", "split", "shard", "row", "rate", "duration"])
def test_a_table_without_a_column_is_refused(folder, column):
    pd.read_parquet(folder / "scenes.parquet").drop(columns=column).to_parquet(folder / "scenes.parquet")
    with pytest.raises(CorpusError, match=f"has no column '{column}'"):
        open_corpus(folder)


def test_a_table_of_other_length_is_refused(folder):
    pd.read_parquet(folder / "scenes.parquet")[1:].to_parquet(folder / "scenes.parquet")
    with pytest.raises(CorpusError, match=r"has 7 rows, corpus\.json says 8"):
        open_corpus(folder)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 1000])
def test_a_table_that_is_none_is_refused_in_one_line(folder, data):
    (folder / "scenes.parquet").write_bytes(data)
    with pytest.raises(CorpusError, match=r"\A[^\n]*scenes\.parquet: is damaged[^\n]*\Z"):
        open_corpus(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", "[" * 10**5, '{"format": 1}', '{"format": [1]}'], ids=range(7))
def test_a_description_that_is_none_is_refused_in_one_line(folder, text):
    (folder / "corpus.json").write_text(text)
    with pytest.raises(CorpusError, match=r"\A[^\n]*\Z"):
        open_corpus(folder)


@pytest.mark.parametrize(
    "change", [{"rir_length": 0}, {"rir_length": -3}, {"rir_length": "3"}, {"id": 3}, {"spec": None}], ids=str
)
def test_a_description_with_wrong_values_is_refused(folder, change):
    info = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps(info | change))
    with pytest.raises(CorpusError, match=rf"corpus\.json: {next(iter(change))} is"):
        open_corpus(folder)


def test_paths_of_another_length_than_described_are_refused(folder):
    info = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps(info | {"rir_length": info["rir_length"] - 1}))
    with pytest.raises(CorpusError, match="has paths of other lengths"):
        open_corpus(folder)[0]
