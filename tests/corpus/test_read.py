import json
import multiprocessing
import pickle
import shutil
import sys

import h5py
import numpy as np
import pytest

from aecbench.corpus import Corpus, open_corpus, read
from aecbench.corpus.verify import verify
from aecbench.errors import CorpusError, UnknownName


@pytest.fixture
def copy(corpus, tmp_path):
    return shutil.copytree(corpus.path, tmp_path / "copy")


def test_items_come_in_the_order_of_the_table(corpus):
    assert [item.scene.id for item in corpus] == corpus.scenes["scene"].tolist()


def test_slices_and_splits_are_corpora(corpus):
    test = corpus.split("test")
    assert len(test) == 6
    assert test[2:4][0].scene == test[2].scene
    assert test[-1].scene == test[5].scene


def test_a_scene_is_found_by_its_name_and_by_its_split_and_index(corpus):
    for index, scene in enumerate(corpus.scenes["scene"]):
        _, split, number = scene.split("/")
        names = (scene, f"{split}/{number}", f"{split}/{int(number)}", f"toy-v1/{split}/{int(number):03}")
        assert {corpus.find(name) for name in names} == {index}


def test_the_first_double_talk_of_the_first_split_is_the_default(corpus):
    scenes = corpus.scenes[corpus.scenes["talk"] == "double"]
    assert corpus.split("test").find() == scenes[scenes["split"] == "test"]["index"].iloc[0]


def test_without_double_talk_the_first_scene_is_the_default(corpus):
    far_single = corpus.scenes["talk"].tolist().index("far_single")
    assert corpus[far_single : far_single + 1].find() == 0


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("toy-v1/tset/000003", "did you mean 'toy-v1/test/000003'?"),
        ("tset/3", "did you mean 'test/000003'?"),
        ("?", "known: toy-v1/val/000000 to toy-v1/test/000005"),
    ],
)
def test_an_unknown_scene_gets_advice(corpus, name, advice):
    with pytest.raises(UnknownName) as error:
        corpus.find(name)
    assert str(error.value) == f"unknown scene {name.replace('/3', '/000003')!r} in {corpus.path}: {advice}"


def test_an_unknown_split_is_named_before_its_place(corpus):
    with pytest.raises(UnknownName) as error:
        corpus.split("tset")
    assert str(error.value) == f"unknown split 'tset' in {corpus.path}: did you mean 'test'?"


def test_the_scale_of_a_scene_makes_its_samples_whole_numbers(corpus):
    for index, item in enumerate(corpus):
        samples = item.signals.mic / np.float32(corpus.scale(index))
        np.testing.assert_allclose(samples, np.rint(samples), atol=0.01)
        assert np.abs(samples).max() > 1000


def test_an_unknown_split_names_the_nearest(corpus):
    with pytest.raises(UnknownName, match="did you mean 'test'"):
        corpus.split("tset")


def test_a_pickled_corpus_reads_the_same(corpus):
    corpus[0]
    other = pickle.loads(pickle.dumps(corpus))
    np.testing.assert_array_equal(other[1].signals.mic, corpus[1].signals.mic)


def mics(corpus: Corpus) -> list[bytes]:
    return [item.signals.mic.tobytes() for item in corpus]


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_corpus_that_was_read_reads_the_same_in_other_processes(corpus, start):
    expected = mics(corpus)
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert pool.map(mics, [corpus] * 4) == [expected] * 4
    assert mics(corpus) == expected


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_files_of_its_own(corpus):
    def read_again():
        corpus[0]
        sys.exit(set(corpus._shards.values()) <= of_the_parent)

    corpus[0]
    of_the_parent = set(corpus._shards.values())
    process = multiprocessing.get_context("fork").Process(target=read_again)
    process.start()
    process.join()
    assert process.exitcode == 0


def test_no_more_than_so_many_files_are_open(corpus, monkeypatch):
    monkeypatch.setattr(read, "OPEN", 1)
    other = open_corpus(corpus.path)
    assert mics(other) == mics(corpus)
    assert len(other._shards) == 1


def test_stems_are_those_of_the_item(corpus):
    signals = corpus[3].signals
    np.testing.assert_array_equal(corpus.stems(3, ("noise", "mic")), [signals.noise, signals.mic])
    with pytest.raises(UnknownName, match="did you mean 'near'"):
        corpus.stems(3, ("neer",))


def test_fast_reading_gives_what_hdf5_gives(corpus):
    for index, item in enumerate(corpus):
        shard, row, _ = corpus._place(index)
        record = shard.record(row)
        np.testing.assert_array_equal(item.signals, record.audio * np.float32(record.scale))
        np.testing.assert_array_equal(item.rir.ravel(), record.rir)


def test_a_corpus_of_another_format_version_is_refused(copy):
    info = json.loads((copy / "corpus.json").read_text())
    (copy / "corpus.json").write_text(json.dumps(info | {"format": 99}))
    with pytest.raises(CorpusError, match="format version 99, expected 1"):
        open_corpus(copy)


def test_no_corpus_is_said_so(tmp_path):
    with pytest.raises(CorpusError, match="run aecbench simulate first"):
        open_corpus(tmp_path)


def test_a_truncated_shard_is_refused(copy):
    shard = copy / "shards" / "test-00000.h5"
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(CorpusError, match=r"test-00000\.h5"):
        open_corpus(copy).split("test")[0]


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_never_read_silently(copy, corpus, seed):
    rng = np.random.default_rng(seed)
    shard = copy / "shards" / "test-00000.h5"
    data = bytearray(shard.read_bytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    shard.write_bytes(data)
    if verify(open_corpus(copy)):
        return
    for damaged, whole in zip(open_corpus(copy), corpus, strict=True):  # the bit was one that HDF5 does not use
        assert damaged.scene == whole.scene
        np.testing.assert_array_equal(damaged.signals, whole.signals)
        np.testing.assert_array_equal(damaged.rir, whole.rir)


@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "mic"), h5py.SoftLink("/far")])
def test_links_are_refused_before_anything_is_read(copy, link):
    shard = copy / "shards" / "test-00000.h5"
    with h5py.File(shard, "r+") as file:
        del file["mic"]
        file["mic"] = link
    with pytest.raises(CorpusError, match="mic is a link"):
        open_corpus(copy).split("test")[0]


def test_a_shard_of_another_corpus_is_refused(copy):
    shutil.copy(copy / "shards" / "val-00000.h5", copy / "shards" / "test-00000.h5")
    with h5py.File(copy / "shards" / "test-00000.h5", "r+") as file:
        file.attrs["corpus"] = "0" * 64
    with pytest.raises(CorpusError, match="belongs to corpus 000000000000"):
        open_corpus(copy).split("test")[0]
