"""What is measured of a scene and stored beside what was drawn; and shards from before it was."""

import hashlib
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from aecbench.corpus import open_corpus
from aecbench.corpus.format import MEASURED, digest, measure
from aecbench.corpus.layouts import LAYOUTS, build, export
from aecbench.corpus.verify import verify
from aecbench.dsp.levels import active, active_power
from aecbench.errors import CorpusError
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate

RATE = 16_000
LOUD = {"levels.near": -12, "levels.ser": -25, "talk.near_single": 0, "talk.far_single": 0, "talk.double": 1}


def hashed(file, row):
    """SHA-256 of a scene as versions wrote it that measured nothing but its reverberation time."""
    values = np.array([file["scale"][row], file["t20"][row]], "<f4")
    audio = np.stack([file[name][row] for name in ("mic", "far", "near", "echo", "noise")])
    content = hashlib.sha256(file["scene"][row])
    for part in (audio, values, file["rir"][row]):
        content.update(part.tobytes())
    return content.hexdigest()


@pytest.fixture
def old(corpus, tmp_path):
    """The corpus as it would have been written then."""
    folder, hashes = shutil.copytree(corpus.path, tmp_path / "old"), {}
    for path in (folder / "shards").iterdir():
        with h5py.File(path, "r+", locking=False) as file:
            del file["near_level_measured"], file["ser_double"]
            for row, scene in enumerate(file["scene"]):
                file["sha256"][row] = hashes[json.loads(scene)["id"]] = hashed(file, row)
    table = corpus.scenes.drop(columns=["near_level_measured", "ser_double"])
    table.assign(sha256=table["scene"].map(hashes)).to_parquet(folder / "scenes.parquet")
    info = json.loads((folder / "corpus.json").read_text()) | {"digest": digest(hashes)}
    (folder / "corpus.json").write_text(json.dumps(info))
    return folder


def test_the_level_of_the_near_end_is_stored_as_it_is_at_the_microphone(corpus):
    for row, item in enumerate(corpus):
        stored = corpus.scenes["near_level_measured"][row]
        if item.scene.near is None:
            assert np.isnan(stored)
        else:
            assert stored == pytest.approx(10 * np.log10(active_power(item.signals.near, RATE)), abs=1e-4)


@pytest.mark.parametrize("gain_control", [0, 1])
def test_a_scene_that_is_turned_down_keeps_the_level_asked_for_and_stores_the_one_it_has(
    recipe_file, tmp_path, gain_control
):
    changes = LOUD | {"agc.share": gain_control}
    corpus = simulate(read_recipe(str(recipe_file), (), changes, scenes=1, split="test"), tmp_path / "loud")
    item, facts = corpus[0], corpus.scenes.iloc[0]
    level = 10 * np.log10(active_power(item.signals.near, RATE))
    assert facts["near_level"] == -12
    assert level < -13
    assert facts["near_level_measured"] == pytest.approx(level, abs=1e-4)


def test_the_ratio_in_double_talk_is_that_of_the_frames_in_which_both_are_active(corpus):
    found = 0
    for row, item in enumerate(corpus):
        near, echo = item.signals.near, item.signals.echo
        both = np.repeat(active(near, RATE) & active(echo, RATE), RATE // 100)
        stored = corpus.scenes["ser_double"][row]
        if not both.any():
            assert np.isnan(stored)
            continue
        found += 1
        powers = (np.square(x[: both.size][both], dtype=float).sum() for x in (near, echo))
        assert stored == pytest.approx(10 * np.log10(next(powers) / next(powers)), abs=1e-4)
    assert found >= 2
    assert (corpus.scenes["ser_double"] - corpus.scenes["ser"]).abs().max() > 0.1


def test_silence_and_unknown_stems_are_not_measured():
    nothing = np.zeros((5, RATE), np.int16)
    for audio in (nothing, nothing[:2]):
        values = measure(audio, 1.0, RATE)
        assert tuple(values) == MEASURED
        assert np.isnan(list(values.values())).all()


def test_scenes_can_be_told_apart_by_the_measured_ratio(corpus):
    middle = corpus.scenes["ser_double"].median()
    chosen = corpus.where(ser_double=(middle, 60.0))
    assert len(chosen) == (corpus.scenes["ser_double"] >= middle).sum() > 0
    assert "ser_double" in corpus.to_pandas()


def test_shards_from_before_are_read_and_verified(corpus, old):
    before = open_corpus(old)
    assert before.digest != corpus.digest
    assert verify(before) == []
    assert before.to_pandas()["ser_double"].isna().all()
    for there, here in zip(before, corpus, strict=True):
        np.testing.assert_array_equal(np.stack(there.signals), np.stack(here.signals))


def test_a_change_in_shards_from_before_is_found(old):
    with h5py.File(old / "shards" / "test-00000.h5", "r+", locking=False) as file:
        file["t20"][0] = 0.9
    (problem,) = verify(open_corpus(old))
    assert "row 0 is not what was written" in problem.what


@pytest.mark.parametrize("name", ["t20", "near_level_measured", "ser_double"])
def test_a_changed_measure_is_found(corpus, tmp_path, name):
    folder = shutil.copytree(corpus.path, tmp_path / "copy")
    with h5py.File(folder / "shards" / "test-00000.h5", "r+", locking=False) as file:
        file[name][1] = 1.5
    (problem,) = verify(open_corpus(folder))
    assert "row 1 is not what was written" in problem.what


@pytest.mark.parametrize("name", ["near_level_measured", "ser_double"])
def test_one_measure_of_two_is_no_shard(corpus, tmp_path, name):
    folder = shutil.copytree(corpus.path, tmp_path / "copy")
    with h5py.File(folder / "shards" / "test-00000.h5", "r+", locking=False) as file:
        del file[name]
    with pytest.raises(CorpusError, match="is not a shard of format 1"):
        open_corpus(folder).split("test")[0]


def test_wav_files_of_a_corpus_from_before_are_measured_when_they_come_back(corpus, old, tmp_path):
    export(open_corpus(old), LAYOUTS["wav"], tmp_path / "out")
    assert "ser_double" not in pd.read_csv(tmp_path / "out" / "scenes.csv")
    back = build(LAYOUTS["wav"], tmp_path / "out", tmp_path / "back").corpus
    assert back.digest == corpus.digest
