"""Scenes whose echo is a recording."""

import numpy as np
import pytest

from aecbench.corpus.response import true_response
from aecbench.dsp.levels import active_power, db
from aecbench.errors import AecbenchError, AudioError, ConfigError, SourceError
from aecbench.metrics.base import Inapplicable
from aecbench.plots import plot_scene
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.recorded_echo import open_echoes
from aecbench.scenes.render import render_with_paths
from aecbench.scenes.sources import open_sources
from aecbench.simulation import corpus_id, simulate

RATE = 16_000


@pytest.fixture
def recorded(recipe_file):
    """The specification with recorded echo, in double talk."""

    def recorded(source, **tables):
        changed = {"echo.source": source, "duration": 3.0, "talk.near_onset": 1.0, "talk.near_single": 0} | tables
        plain = read_recipe(str(recipe_file)).model_dump(mode="json")
        for name in ("loudspeaker", "channel", "path", "far_noise", "noise"):
            plain.pop(name)
        return read_recipe(type(read_recipe(str(recipe_file))).model_validate(plain), (), changed)

    return recorded


def test_far_end_and_echo_are_the_same_part_of_one_recording(write_echoes, recorded):
    spec = recorded(write_echoes())
    sources = open_sources(spec)
    for index in range(4):
        scene = draw(spec, "test", index, sources)
        far, mic = open_echoes(spec.echo.source).load(scene.recorded.recording, RATE)
        part = slice(round(scene.recorded.start * RATE), round((scene.recorded.start + 3) * RATE))
        signals, paths = render_with_paths(scene, sources)
        for found, original in ((signals.far, far[part]), (signals.echo, mic[part])):
            gain = np.dot(found, original) / np.dot(original, original)
            np.testing.assert_allclose(found, gain * original, atol=1e-6)
        np.testing.assert_array_equal(signals.mic, signals.near + signals.echo + signals.noise)
        assert np.isnan(paths).all()


def test_levels_are_those_that_were_drawn(write_echoes, recorded):
    spec = recorded(write_echoes(), **{"talk.far_single": 0, "levels.ser": -7, "levels.far": -30})
    sources = open_sources(spec)
    signals, _ = render_with_paths(draw(spec, "test", 0, sources), sources)
    assert db(active_power(signals.near, RATE) / active_power(signals.echo, RATE)) == pytest.approx(-7, abs=0.05)
    assert db(active_power(signals.far, RATE)) == pytest.approx(-30, abs=0.05)


def test_recordings_at_48_khz_give_scenes_at_16(write_echoes, recorded):
    spec = recorded(write_echoes(rate=48_000))
    sources = open_sources(spec)
    signals, _ = render_with_paths(draw(spec, "test", 0, sources), sources)
    assert signals.echo.shape == signals.far.shape == (3 * RATE,)


def test_no_device_is_in_two_splits_and_all_are_in_one(write_echoes):
    source = open_echoes(write_echoes())
    sides = [set(source.recordings(split, 1, 0)) for split in ("train", "val", "test")]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 10


def test_a_device_that_is_tied_to_a_split_stays_there(write_echoes):
    source = open_echoes(write_echoes(facts=lambda device: {"split": "test" if device < 3 else "train"}))
    assert set(source.recordings("test", 1, 0)) == {"d0", "d1", "d2"}
    with pytest.raises(SourceError, match="0 of them in split 'val'"):
        source.recordings("val", 1, 0)


def test_recordings_with_too_much_noise_or_too_short_are_not_drawn(write_echoes, recorded):
    noisy = write_echoes(facts=lambda device: {"echo_to_noise": 3.0 if device % 2 else 12.5})
    spec = recorded(noisy, **{"echo.least": 10.0})
    sources = open_sources(spec)
    scenes = [draw(spec, "train", index, sources) for index in range(20)]
    assert {int(scene.recorded.device[1:]) % 2 for scene in scenes} == {0}
    assert {scene.recorded.echo_to_noise for scene in scenes} == {12.5}
    for changed in ({"echo.least": 13.0}, {"duration": 5.5}):
        strict = recorded(noisy, **changed)
        with pytest.raises(SourceError, match=r"no recording of .* s or more whose echo-to-noise ratio"):
            draw(strict, "train", 0, open_sources(strict))


def test_the_corpus_keeps_device_and_ratios_and_no_echo_path(write_echoes, recorded, tmp_path):
    corpus = simulate(recorded(write_echoes()), tmp_path / "corpus", split="test", scenes=4)
    table = corpus.to_pandas()
    assert set(table["recorded.echo_to_noise"]) == {20.0}
    assert table["recorded.device"].str.fullmatch(r"d\d").all()
    assert set(table["loudspeaker"]) == {"recorded"}
    assert table["ser"].notna().all()
    with pytest.raises(Inapplicable, match="recorded"):
        true_response(corpus[0])
    with pytest.raises(AecbenchError, match="was recorded: its room and loudspeaker are not known"):
        plot_scene(corpus, 0, tmp_path / "scene.png")


def test_a_corpus_does_not_depend_on_where_its_recordings_lie_but_on_what_they_hold(write_echoes, recorded):
    ids = []
    for folder, facts in (("a", {}), ("b", {}), ("c", {"echo_to_noise": 21.0})):
        spec = recorded(write_echoes(folder, facts=lambda _, facts=facts: facts))
        ids.append(corpus_id(spec, open_sources(spec)))
    assert ids[0] == ids[1] != ids[2]


def test_a_recording_that_is_not_the_listed_one_is_refused(write_echoes, recorded):
    spec = recorded(write_echoes(facts=lambda _: {"far_sha256": 64 * "0"}))
    sources = open_sources(spec)
    with pytest.raises(AudioError, match="differs from the sha256 in its manifest"):
        render_with_paths(draw(spec, "test", 0, sources), sources)


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"loudspeaker.model": "tanh"}, "loudspeaker cannot be set where the echo is a recording"),
        ({"channel.delay": 0.1}, "channel cannot be set"),
        ({"path.switch": 0.5}, "path cannot be set"),
        ({"talk.barge_in": 0.5}, "the far end of a recording never stops"),
    ],
)
def test_what_a_recording_brings_itself_cannot_be_set(write_echoes, recorded, tables, problem):
    with pytest.raises(ConfigError, match=problem):
        recorded(write_echoes(), **tables)


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"name": "same"}, "line 3: lists same again"),
        ({"mic_sha256": "short"}, "line 2: mic_sha256"),
        ({"echo_to_noise": "loud"}, "line 2: echo_to_noise"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(write_echoes, facts, problem):
    with pytest.raises((SourceError, ConfigError), match=problem):
        open_echoes(write_echoes(facts=lambda _: facts))


def test_a_missing_manifest_says_how_to_make_it(tmp_path):
    with pytest.raises(SourceError, match=r"no such file; make it with: aecbench echoes FOLDER --out none\.csv"):
        open_echoes("none.csv")


def test_scenes_and_corpora_without_recorded_echo_do_not_mention_it(spec):
    assert "echo" not in spec.model_dump(mode="json")
    assert "recorded" not in draw(spec, "test", 0).model_dump(mode="json")


def test_a_microphone_is_listed_once(write_echoes):
    source = write_echoes(facts=lambda device: {"mic": "../echoes/0_mic.wav"} if device == 3 else {})
    again = "line 5: ../echoes/0_mic.wav is the file that line 2 lists as 0_mic.wav; keep one of the rows"
    with pytest.raises(SourceError, match=f"^{source}, {again}$"):
        open_echoes(source)


def test_recordings_may_share_a_far_end(write_echoes):
    source = open_echoes(write_echoes(facts=lambda device: {"far": "0_far.wav"}))
    assert len(source.recordings("test", 1.0, 0)) == 2
