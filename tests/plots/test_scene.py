import math

import numpy as np
import pytest

from aecbench.plots import plot_scene, scene_picture
from aecbench.plots.scene_data import decay, events, played_tone
from aecbench.scenes.devices import DEVICES
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.scenes.scene import Loudspeaker

RATE = 16_000


def test_the_direct_sound_arrives_when_geometry_says(corpus):
    for scene, _, paths in corpus:
        distance = math.dist(scene.room.loudspeaker, scene.room.microphone)
        expected = 1000 * (scene.channel.delay + distance / SPEED_OF_SOUND)
        assert decay(paths[0], RATE).direct == pytest.approx(expected, abs=2000 / RATE)


def test_energy_only_decays_from_all_of_it(corpus):
    energy = decay(corpus[0].rir[0], RATE).energy
    assert energy[0] == 0
    assert (np.diff(energy) <= 0).all()


def test_zeros_after_a_response_change_nothing(corpus):
    path = corpus[0].rir[0]
    padded = decay(np.pad(path, (0, 5000)), RATE)
    np.testing.assert_array_equal(padded.energy, decay(path, RATE).energy)


def test_what_does_not_decay_has_no_decay_curve():
    shown = decay(np.arange(1.0, 1001.0), RATE)
    assert np.isnan(shown.energy).all()
    assert np.isnan(shown.t20)


def test_a_linear_loudspeaker_plays_the_tone_it_is_given():
    given, played = tone = played_tone(Loudspeaker(model="linear"), RATE)
    np.testing.assert_allclose(played, given, atol=1e-12)
    assert tone.thd < 1e-12


def test_a_tone_clipped_to_a_square_has_the_distortion_of_a_square():
    square = Loudspeaker(model="hard_clip", parameters={"drive": 10, "limit": 0.05})
    assert played_tone(square, RATE).thd == pytest.approx(math.sqrt(math.pi**2 / 8 - 1), rel=0.01)


def test_a_loudspeaker_without_memory_plays_the_same_in_as_the_same_out():
    given, played = played_tone(Loudspeaker(model="zhang_wang"), RATE)
    rising, falling = np.arange(-249, 250), np.arange(749, 250, -1)  # around 0 and around half a period, mirrored
    np.testing.assert_allclose(given[rising], given[falling], atol=1e-12)
    np.testing.assert_allclose(played[rising], played[falling], atol=1e-12)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("model", sorted(DEVICES))
def test_every_loudspeaker_plays_a_tone(model, rate):
    tone = played_tone(Loudspeaker(model=model), rate)
    assert np.isfinite(tone.played).all()
    assert np.abs(np.fft.rfft(tone.played)).argmax() == 1


def test_every_change_is_an_event_within_the_scene(changing):
    scene = changing[0].scene
    found = events(scene)
    assert [event.what for event in found] == ["path", "path", "delay", "volume", "loss", "loss"]
    assert all(0 < event.start <= event.stop < scene.duration for event in found)


def test_a_movement_is_one_event(moving):
    scene = moving[0].scene
    (event,) = events(scene)
    assert (event.start, event.stop) == (scene.path.times[0], scene.path.times[-1])


@pytest.mark.parametrize("kind", ["corpus", "changing", "moving", "measured", "cut_off"])
def test_a_scene_of_every_kind_has_a_picture(request, tmp_path, kind):
    corpus = request.getfixturevalue(kind)
    path = tmp_path / scene_picture(corpus[0].scene)
    plot_scene(corpus, 0, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_inspect_prints_the_pictures_it_wrote(aecbench, changing, tmp_path):
    result = aecbench("inspect", changing.path)
    folder = tmp_path / "runs" / "toy-v1" / "inspect"
    assert result.exit_code == 0
    assert result.stdout.split() == [
        f"runs/toy-v1/inspect/{name}" for name in ("overview.png", "scene-test-000000.png")
    ]
    assert all((tmp_path / path).is_file() for path in result.stdout.split())
    assert len(list(folder.iterdir())) == 2


def test_inspect_of_an_unknown_scene_writes_nothing(aecbench, corpus, tmp_path):
    result = aecbench("inspect", corpus.path, "--scene", "test/000063", "--out", tmp_path / "pictures")
    assert result.exit_code == 2
    assert "did you mean 'test/000003'?" in result.stderr
    assert not (tmp_path / "pictures").exists()
