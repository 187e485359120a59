import time
from itertools import pairwise

import numpy as np
import pytest

from aecbench.assets import names
from aecbench.errors import ConfigError
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.scene import Scene
from aecbench.scenes.sources import Sources, open_sources
from aecbench.scenes.speech.recorded import SpeechFiles


def with_(spec, **tables):
    """The specification with some tables changed, checked like a recipe."""
    return type(spec).model_validate({**spec.model_dump(), **tables})


def scenes(spec, count=40):
    sources = open_sources(spec)
    return [draw(spec, "test", index, sources) for index in range(count)]


def test_drawing_needs_the_specification_only(spec):
    assert draw(spec, "test", 3) == draw(spec, "test", 3, open_sources(spec))


def test_another_noise_keeps_the_rooms(spec):
    quiet = with_(spec, noise={"kind": "none"})
    assert [scene.room for scene in scenes(quiet)] == [scene.room for scene in scenes(spec)]


def voices(scene):
    """Everyone who talks in a scene, in the crowd of its babble too."""
    crowd = scene.noise.voices if scene.noise else ()
    return [speech for speech in (scene.far, scene.near, *crowd) if speech]


def test_talkers_start_anywhere_in_their_first_utterance(spec):
    babble = with_(spec, noise={"kind": "babble"})
    starts = np.array([speech.start for scene in scenes(babble) for speech in voices(scene)])  # utterances of 2 s
    assert starts.min() >= 0
    np.testing.assert_allclose(np.quantile(starts, [0.1, 0.5, 0.9]), [0.2, 1, 1.8], atol=0.2)


def test_where_talkers_start_moves_nothing_else_that_is_drawn(spec, monkeypatch):
    babble = with_(spec, noise={"kind": "babble"})
    anywhere = scenes(babble)
    monkeypatch.setattr(SpeechFiles, "start", lambda *_: 0.0)
    for scene, from_the_start in zip(anywhere, scenes(babble), strict=True):
        for speech, other in zip(voices(scene), voices(from_the_start), strict=True):
            assert speech.model_copy(update={"start": 0.0}) == other
        assert scene.model_copy(update={"far": None, "near": None, "noise": None}) == from_the_start.model_copy(
            update={"far": None, "near": None, "noise": None}
        )


class Readers:
    """As many talkers and recordings as LibriSpeech test-clean and a small pack of noises have."""

    def speakers(self, split):
        return [f"reader{number:02d}" for number in range(40)]

    def playlist(self, speaker, seconds, rng):
        return ("chapter",)

    def start(self, speaker, utterance, rng):
        return 0.0

    def files(self, split):
        return ["rain"]

    def seconds(self, file):
        return 5.0


def test_librispeech_has_all_talkers_of_its_pack_at_both_ends():
    spec, sources = read_recipe("librispeech-v1"), Sources(Readers(), Readers(), None, None)
    drawn = [draw(spec, "test", index, sources) for index in range(spec.splits.test)]
    for end in ("far", "near"):
        talkers = {speech.speaker for scene in drawn if (speech := getattr(scene, end))}
        assert talkers == set(Readers().speakers("test"))


def test_splits_have_other_scenes(spec):
    assert draw(spec, "val", 0).room != draw(spec, "test", 0).room


@pytest.mark.parametrize("kind", ["far_single", "double", "near_single", "barge_in", "alternating"])
def test_talk_follows_its_pattern(spec, kind):
    shares = dict.fromkeys(("far_single", "double", "near_single"), 0) | {kind: 1, "near_onset": 1.0, "turn": 0.7}
    for scene in scenes(with_(spec, talk=shares), 5):
        far, near = (speech.spans if speech else () for speech in (scene.far, scene.near))
        assert scene.talk == kind
        assert bool(far) == (kind != "near_single")
        assert bool(near) == (kind != "far_single")
        assert all(0 <= start < stop <= scene.duration for start, stop in far + near)
        if kind == "barge_in":
            assert near[0][0] < far[0][1] < scene.duration
        if kind == "alternating":
            turns = sorted(far + near)
            assert all(first[1] <= second[0] for first, second in pairwise(turns))
            assert len(turns) >= 3


def test_weights_of_talk_are_divided_by_their_sum(spec):
    talk = {"far_single": 1.0, "double": 3.0, "near_single": 0.0, "barge_in": 1.0, "near_onset": 1.0}
    kinds = [scene.talk for scene in scenes(with_(spec, talk=talk), 50)]
    assert [kinds.count(kind) for kind in ("far_single", "double", "barge_in")] == pytest.approx([10, 30, 10], abs=1)


def test_a_bank_of_rooms_is_shared(spec):
    banked = with_(spec, room={**spec.room.model_dump(), "rooms": 3})
    assert len({scene.room for scene in scenes(banked)}) == 3


def test_the_prior_of_real_rooms_has_its_percentiles(spec):
    real = with_(spec, room={"rt60": "devices", "length": {"uniform": [2, 8]}, "width": 3})
    sources = open_sources(real)
    drawn = [draw(real, "test", index, sources).room.rt60 for index in range(400)]
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [0.18, 0.28, 0.60], rtol=0.2)


def test_walls_air_and_octaves_shape_the_absorption(spec):
    plain = {"rt60": 0.4, "length": 5, "width": 4}
    rough = {**plain, "walls": {"uniform": [0.5, 2]}, "humidity": 40, "octaves": [1.3, 1.2, 1.1, 1, 0.8, 0.6]}
    even, uneven = (draw(with_(spec, room=room), "test", 0).room for room in (plain, rough))
    assert np.shape(even.absorption) == (6, 1)
    assert np.ptp(even.absorption) == 0
    assert np.shape(uneven.absorption) == (6, 6)
    assert (np.ptp(uneven.absorption, axis=0) > 0).all()  # over the walls
    assert (np.diff(uneven.absorption, axis=1) > 0).all()  # over the octaves: less reverberation higher up
    assert uneven.humidity == 40


def test_an_impossible_room_is_given_up_and_explained(spec):
    tiny = with_(spec, room={"rt60": 2.0, "length": 1.5, "width": 1.5, "height": 2.0, "talker": 8})
    start = time.process_time()
    with pytest.raises(ConfigError, match="none of 100 drawn rooms is possible"):
        draw(tiny, "test", 0)
    assert time.process_time() - start < 20


def test_changes_of_the_path_come_with_a_position_each(spec):
    changing = with_(spec, path={"switch": 0.5, "move": 0.5, "switches": {"choice": [1, 2, 3]}})
    drawn = scenes(changing)
    assert {scene.path.kind for scene in drawn} == {"switch", "move"}
    for scene in drawn:
        expected = len(scene.path.times) - (scene.path.kind == "move")
        assert len(scene.room.later) == expected
        assert list(scene.path.times) == sorted(scene.path.times)
        assert all(0 < x < side for point in scene.room.later for x, side in zip(point, scene.room.size, strict=True))


def test_a_moving_loudspeaker_takes_small_steps(spec):
    moving = with_(spec, path={"move": 1, "distance": 0.4})
    for scene in scenes(moving, 10):
        way = np.array([scene.room.loudspeaker, *scene.room.later])
        assert np.linalg.norm(np.diff(way, axis=0), axis=-1).max() < 0.025


def test_a_movement_has_the_steps_that_are_asked_for(spec):
    coarse, fine = (scenes(with_(spec, path={"move": 1, "distance": 0.4, "step": step}), 3) for step in (0.02, 0.005))
    for one, other in zip(coarse, fine, strict=True):
        way = np.array([other.room.loudspeaker, *other.room.later])
        assert np.linalg.norm(np.diff(way, axis=0), axis=-1).max() < 0.0065
        assert other.room.loudspeaker == one.room.loudspeaker
        assert other.room.later[-1] == one.room.later[-1]


def test_what_came_later_is_not_in_the_text_of_a_scene_that_does_not_have_it(spec):
    text = scenes(spec, 1)[0].model_dump_json()
    assert not any(f'"{name}"' in text for name in ("floor", "floor_snr", "capture", "tone"))
    text = spec.model_dump_json()
    assert not any(f'"{name}"' in text for name in ("floor", "capture", "tone", "step"))


def test_capture_stages_and_floors_are_drawn_in_their_shares_and_change_nothing_else(spec):
    changed = with_(
        spec,
        capture={"clipping": {"share": 0.5}, "high_pass": {"share": 1, "parameters": {"frequency": 80}}},
        floor={"kind": {"choice": ["none", "device"]}, "snr": 25},
        loudspeaker={**spec.loudspeaker.model_dump(), "tone": {"share": 1, "parameters": {"treble": -6}}},
    )
    drawn = scenes(changed, 60)
    clipped = np.mean([any(stage.name == "clipping" for stage in scene.capture) for scene in drawn])
    assert 0.3 < clipped < 0.7
    assert all(scene.capture[0].parameters == {"frequency": 80} for scene in drawn)
    assert {scene.floor_snr for scene in drawn} == {None, 25}
    new = {"capture": (), "floor": None, "floor_snr": None}
    for scene, before in zip(drawn, scenes(spec, 60), strict=True):
        assert scene.loudspeaker.tone.parameters == {"treble": -6}
        device = scene.loudspeaker.model_copy(update={"tone": None})
        assert scene.model_copy(update={**new, "loudspeaker": device}) == before


def test_delays_are_whole_samples_and_cover_the_lead_of_a_fast_clock(spec):
    drifting = with_(spec, channel={"delay": 0, "drift": 200, "jumps": 2, "jump": {"uniform": [-0.1, 0.1]}})
    for scene in scenes(drifting, 20):
        for delay in (scene.channel.delay, *(delay for _, delay in scene.channel.jumps)):
            assert delay * scene.rate == pytest.approx(round(delay * scene.rate), abs=1e-4)
            assert delay >= scene.duration * 200e-6


@pytest.mark.parametrize("name", names("recipes"))
def test_every_shipped_recipe_draws(name, speech_folder, write_echoes):
    options = {"speech.source": str(speech_folder)}
    if read_recipe(name).noise.source:
        options["noise.source"] = str(speech_folder)
    if read_recipe(name).echo.source:
        options["echo.source"] = write_echoes(seconds=11.0)
    spec = read_recipe(name, (), options)
    for scene in scenes(spec, 10):
        assert Scene.model_validate_json(scene.model_dump_json()) == scene
