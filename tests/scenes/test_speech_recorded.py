import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aecbench.errors import SourceError, UnknownName
from aecbench.recipe import read_recipe
from aecbench.scenes.files import SPLITS
from aecbench.scenes.sources import open_sources
from aecbench.scenes.speech import open_speech


def noise(path: Path, seconds: float = 0.1, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(len(str(path))).uniform(-0.5, 0.5, (round(seconds * 8000), channels))
    soundfile.write(path, x, 8000)


@pytest.fixture(params=["folder", "manifest"])
def source(request, tmp_path):
    """Seven speakers with four utterances of 0.1 s each."""
    rows = ["file,speaker"]
    for speaker in "abcdefg":
        for index in range(4):
            noise(tmp_path / speaker / f"{index}.wav")
            rows.append(f"{speaker}/{index}.wav,{speaker}")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(rows))
    return open_speech(str(tmp_path if request.param == "folder" else manifest))


def test_speakers_are_disjoint_between_splits_and_complete(source):
    assert sorted(speaker for split in SPLITS for speaker in source.speakers(split)) == list("abcdefg")


def test_playlist_lasts_as_long_as_asked_and_not_an_utterance_more(source):
    for seconds, files in ((0.05, 1), (0.15, 2), (0.25, 3)):
        assert len(source.playlist("a", seconds, np.random.default_rng(0))) == files


def test_playlist_never_repeats_even_where_the_speaker_has_too_little(source):
    assert sorted(source.playlist("a", 100.0, np.random.default_rng(0))) == [f"a/{index}.wav" for index in range(4)]


def test_playlist_is_random_but_given_by_the_generator(source):
    lists = [source.playlist("a", 1.0, np.random.default_rng(seed)) for seed in range(10)]
    assert lists == [source.playlist("a", 1.0, np.random.default_rng(seed)) for seed in range(10)]
    assert len(set(lists)) > 1


def test_all_of_a_playlist_loads(source):
    for file in source.playlist("b", 1.0, np.random.default_rng(0)):
        assert source.load("b", file, 16_000).shape == (1600,)


def test_a_talker_starts_anywhere_in_a_file(source):
    starts = [source.start("a", "a/1.wav", np.random.default_rng(seed)) for seed in range(200)]
    assert starts == [source.start("a", "a/1.wav", np.random.default_rng(seed)) for seed in range(200)]
    assert 0 <= min(starts) < 0.01
    assert 0.08 < max(starts) <= 0.09
    assert np.mean(starts) == pytest.approx(0.045, abs=0.01)


def test_a_file_is_loaded_from_its_start_and_no_further_than_needed(source):
    whole = source.load("a", "a/1.wav", 8000)
    np.testing.assert_array_equal(source.load("a", "a/1.wav", 8000, start=0.025), whole[200:])
    np.testing.assert_array_equal(source.load("a", "a/1.wav", 8000, 0.03, 0.025), whole[200 : 200 + 240 + 80])


def test_a_file_shorter_than_its_tail_is_met_at_its_beginning(tmp_path):
    for speaker in "abcdef":
        noise(tmp_path / speaker / "1.wav", seconds=0.005)
    assert open_speech(str(tmp_path)).start("a", "a/1.wav", np.random.default_rng(0)) == 0


def test_a_file_of_another_speaker_is_refused(source):
    with pytest.raises(SourceError, match=r"'a' has no file 'b/1\.wav'"):
        source.load("a", "b/1.wav", 8000)


def test_a_source_survives_pickling(source):
    again = pickle.loads(pickle.dumps(source))
    assert again.fingerprint == source.fingerprint
    np.testing.assert_array_equal(again.load("a", "a/1.wav", 8000), source.load("a", "a/1.wav", 8000))


def test_stereo_speech_is_its_first_channel(tmp_path):
    left, right = np.full(800, 0.25), np.full(800, -0.5)
    for speaker in range(6):
        soundfile.write(tmp_path / f"s{speaker}.wav", np.stack([left, right], 1), 8000)
    np.testing.assert_array_equal(open_speech(str(tmp_path)).load("s0", "s0.wav", 8000), left)


def test_fewer_than_two_speakers_for_both_ends_are_refused(tmp_path):
    for speaker in "abcde":
        noise(tmp_path / speaker / "1.wav")
    recipe = {"speech.source": str(tmp_path), "splits.test": 1}
    open_sources(read_recipe("quickstart-v2", options=recipe))
    with pytest.raises(SourceError, match=r"has 1 speaker in split 'train', .* need 2; .* as far_speech.source$"):
        open_sources(read_recipe("quickstart-v2", options=recipe | {"splits.train": 1}))
    alone = {"splits.train": 1, "far_speech.source": "espeak"}
    open_sources(read_recipe("quickstart-v2", options=recipe | alone))


def test_a_folder_that_holds_a_manifest_is_a_folder(tmp_path):
    noise(tmp_path / "a" / "1.wav")
    (tmp_path / "manifest.csv").write_text("file,speaker\na/1.wav,somebody\n")
    with pytest.raises(SourceError, match="no speaker 'somebody'"):
        open_speech(str(tmp_path)).load("somebody", "a/1.wav", 8000)


def test_a_manifest_without_speakers_is_refused(tmp_path):
    noise(tmp_path / "1.wav")
    (tmp_path / "m.csv").write_text("file\n1.wav\n")
    with pytest.raises(SourceError, match="has no column 'speaker'"):
        open_speech(str(tmp_path / "m.csv"))


def test_unlabelled_speech_is_one_speaker(tmp_path):
    rows = ["file,speaker,split"]
    for index in range(6):
        noise(tmp_path / f"{index}.wav")
        rows.append(f"{index}.wav,{'' if index < 4 else index},train")
    (tmp_path / "m.csv").write_text("\n".join(rows))
    assert open_speech(str(tmp_path / "m.csv")).speakers("train") == ("4", "5", "unlabelled-train")


def test_a_misspelt_name_gets_advice():
    with pytest.raises(UnknownName, match="unknown speech source 'espaek': did you mean 'espeak'"):
        open_speech("espaek")


def test_a_path_that_is_not_there_is_called_a_path():
    with pytest.raises(SourceError, match="speech source 'no/where': does not exist"):
        open_speech("no/where")
