import json
import sys

import h5py
import numpy as np
import pytest

from aecbench.corpus import open_corpus
from aecbench.corpus.format import SIMULATOR, encode
from aecbench.corpus.read import Shard
from aecbench.corpus.verify import verify
from aecbench.dsp.levels import active_power, db, power
from aecbench.errors import OutputError, SourceError
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render, render_with_paths
from aecbench.scenes.scene import Scene
from aecbench.scenes.sources import _opened, open_sources
from aecbench.simulation import simulate


@pytest.mark.parametrize("jobs", [1, 2])
def test_shards_do_not_depend_on_processes_or_place_to_the_byte(corpus, spec, tmp_path, jobs):
    again = simulate(spec, tmp_path / "again", jobs=jobs)
    assert again.digest == corpus.digest
    assert _contents(again) == _contents(corpus)


def _contents(corpus):
    return {path.name: path.read_bytes() for path in (corpus.path / "shards").iterdir()}


def test_a_second_run_reuses_the_corpus(corpus, spec):
    before = {path: path.stat().st_mtime_ns for path in corpus.path.rglob("*")}
    assert simulate(spec, corpus.path).digest == corpus.digest
    assert {path: path.stat().st_mtime_ns for path in corpus.path.rglob("*")} == before


def test_another_seed_gives_another_digest(corpus, spec, tmp_path):
    other = simulate(spec.model_copy(update={"seed": 1}), tmp_path / "other")
    assert other.id != corpus.id
    assert other.digest != corpus.digest


def test_another_corpus_in_the_same_folder_is_refused(corpus, spec):
    with pytest.raises(OutputError, match=r"holds another corpus \(.*; other seed\); choose another folder with --out"):
        simulate(spec.model_copy(update={"seed": 1}), corpus.path)


def test_another_split_in_the_same_folder_is_refused_with_the_way_out(spec, tmp_path):
    simulate(spec, tmp_path, split="test", scenes=1)
    with pytest.raises(OutputError, match=r"only its splits differ: test=1, wanted val=1\); leave out --split .*--out"):
        simulate(spec, tmp_path, split="val", scenes=1)


@pytest.mark.parametrize("index", range(8))
def test_a_scene_rendered_alone_is_the_stored_one(corpus, spec, index):
    stored = corpus[index]
    scene = draw(spec, stored.scene.split, stored.scene.index)
    rendering = render_with_paths(scene, open_sources(spec))
    record = encode(scene, rendering, spec)
    assert scene == stored.scene
    for alone, kept in zip(record.audio * np.float32(record.scale), stored.signals, strict=True):
        np.testing.assert_array_equal(alone, kept)


def test_scenes_survive_json(corpus):
    for item in corpus:
        assert Scene.model_validate_json(item.scene.model_dump_json()) == item.scene


def test_mic_is_the_sum_of_its_stems_to_the_bit(corpus):
    for path in (corpus.path / "shards").iterdir():
        with h5py.File(path, locking=False) as file:
            stems = [file[name][:].astype(np.int32) for name in ("near", "echo", "noise")]
            np.testing.assert_array_equal(file["mic"][:], sum(stems))


def test_levels_are_those_drawn(corpus):
    for scene, signals, _ in corpus:
        echo, near = active_power(signals.echo, scene.rate), active_power(signals.near, scene.rate)
        if scene.talk == "double":
            assert db(near / echo) == pytest.approx(scene.ser, abs=0.1)
        assert db((near or echo) / power(signals.noise)) == pytest.approx(scene.snr, abs=0.1)


def test_echo_of_a_linear_loudspeaker_is_far_through_the_stored_path(corpus):
    linear = [item for item in corpus if item.scene.loudspeaker.model == "linear" and item.scene.far]
    assert linear
    for _, signals, rir in linear:
        predicted = np.convolve(signals.far, rir[0])[: signals.far.size]
        assert db(power(signals.echo - predicted) / power(signals.echo)) < -50


def test_talkers_of_a_scene_differ_and_keep_to_their_split(spec, corpus):
    sides = {
        split: {item.scene.far.speaker for item in part if item.scene.far}
        | {item.scene.near.speaker for item in part if item.scene.near}
        for split, part in (("val", corpus.split("val")), ("test", corpus.split("test")))
    }
    assert not sides["val"] & sides["test"]
    for item in corpus:
        if item.scene.far and item.scene.near:
            assert item.scene.far.speaker != item.scene.near.speaker


def test_kinds_of_scene_keep_their_shares(spec):
    kinds = [draw(spec, "test", index).talk for index in range(100)]
    for kind, share in (("far_single", 25), ("double", 50), ("near_single", 25)):
        assert abs(kinds.count(kind) - share) <= 2


def test_an_interrupted_run_leaves_no_shard_and_goes_on(corpus, spec, tmp_path, monkeypatch):
    rendered = 0

    def interrupt(*arguments):
        nonlocal rendered
        rendered += 1
        if rendered == 7:
            raise KeyboardInterrupt
        return render_with_paths(*arguments)

    monkeypatch.setattr("aecbench.simulation.render_with_paths", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(spec, tmp_path / "c")
    whole = sorted(path.name for path in (tmp_path / "c" / "shards").iterdir())
    assert whole == ["test-00000.h5", "val-00000.h5"]
    monkeypatch.undo()
    assert simulate(spec, tmp_path / "c").digest == corpus.digest


def test_a_damaged_shard_of_an_unfinished_corpus_is_written_anew(corpus, spec, tmp_path):
    first = simulate(spec, tmp_path / "c")
    (first.path / "corpus.json").unlink()
    shard = first.path / "shards" / "test-00000.h5"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert simulate(spec, tmp_path / "c").digest == corpus.digest
    assert verify(open_corpus(tmp_path / "c")) == []


def test_a_shard_that_reads_back_as_something_else_is_not_kept(spec, tmp_path, monkeypatch):
    chunks = Shard.chunks
    monkeypatch.setattr(Shard, "chunks", lambda shard, row: chunks(shard, row) | {"near": b"something else"})
    with pytest.raises(OutputError, match="what is read back is not what was written"):
        simulate(spec, tmp_path / "c")
    assert not [path for path in (tmp_path / "c" / "shards").iterdir() if path.suffix == ".h5"]


def test_sources_that_changed_since_the_last_simulation_are_opened_again(spec, tmp_path):
    import soundfile

    rng = np.random.default_rng(0)

    def add(speaker):
        (tmp_path / "speech" / speaker).mkdir(parents=True)
        soundfile.write(tmp_path / "speech" / speaker / "1.wav", 0.1 * rng.standard_normal(32_000), 16_000)

    for speaker in "abcdefghijkl":
        add(speaker)
    recorded = spec.model_copy(update={"speech": type(spec.speech)(source=str(tmp_path / "speech"))})
    simulate(recorded, tmp_path / "before")
    for speaker in "mnopqrstuvwxyz":
        add(speaker)
    after = simulate(recorded, tmp_path / "after")
    _opened.clear()
    assert simulate(recorded, tmp_path / "elsewhere").digest == after.digest


def test_a_silent_talker_is_named(spec, tmp_path):
    import soundfile

    for speaker in "abcdefghijkl":
        (tmp_path / "speech" / speaker).mkdir(parents=True)
        soundfile.write(tmp_path / "speech" / speaker / "1.wav", np.zeros(32_000), 16_000)
    silent = spec.model_copy(update={"speech": type(spec.speech)(source=str(tmp_path / "speech"))})
    with pytest.raises(SourceError, match="is silent"):
        simulate(silent, tmp_path / "c")


def test_loud_scenes_do_not_clip(spec):
    loud = spec.model_copy(update={"levels": type(spec.levels)(ser=-20, far=-6, near=-6)})
    for index in range(4):
        signals = render(draw(loud, "test", index), open_sources(loud))
        assert max(np.abs(x).max() for x in signals) <= 0.9901


def test_corpus_json_tells_where_it_comes_from(corpus):
    info = json.loads((corpus.path / "corpus.json").read_text())
    assert {"format", "id", "digest", "spec", "versions", "command"} <= set(info)
    assert info["versions"].keys() >= {"numpy", "scipy", "pyroomacoustics", "aecbench"}
    assert info["machine"].keys() == {"system", "cpu", "cores", "numba"}
    assert corpus.simulator == SIMULATOR


def test_corpus_json_has_a_command_to_type_again(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/aecbench", "simulate", "--set", "levels.ser={choice = [0, 5]}"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)  # as of a script, also under `python -m pytest`
    info = simulate(spec, tmp_path / "again", jobs=1).info
    assert info["command"] == "aecbench simulate --set 'levels.ser={choice = [0, 5]}'"


def test_table_of_scenes_has_every_scene_once(corpus):
    table = corpus.scenes
    assert len(table) == 8
    assert table["scene"].is_unique
    assert {"split", "shard", "row", "sha256", "ser", "snr", "room.rt60", "loudspeaker.model"} <= set(table)
    hashes = {}
    for name in set(table["shard"]):
        with Shard(corpus.path / "shards" / name) as shard:
            hashes |= {scene["id"]: sha for scene, sha in zip(shard.scenes(), shard.hashes(), strict=True)}
    assert dict(zip(table["scene"], table["sha256"], strict=True)) == hashes


def test_measured_rooms_replace_simulated_ones(recipe_file, tmp_path):
    import soundfile

    rng = np.random.default_rng(0)
    for room in range(6):
        (tmp_path / "rirs" / f"room{room}").mkdir(parents=True)
        for response in range(2):
            h = rng.normal(size=1600) * np.exp(-np.arange(1600) / 200) / 10
            soundfile.write(tmp_path / "rirs" / f"room{room}" / f"{response}.wav", h, 16_000)
    spec = read_recipe(str(recipe_file), (), {"room.source": str(tmp_path / "rirs")}, scenes=2)
    corpus = simulate(spec, tmp_path / "c")
    rooms = {item.scene.split: {item.scene.room.room} for item in corpus}
    assert not rooms["val"] & rooms["test"]
