import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from aecbench.dsp.levels import active, active_power, db, power
from aecbench.scenes.devices import DEVICES
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render, render_with_paths
from aecbench.scenes.rooms import ENGINES, measured_rt60
from aecbench.scenes.sources import open_sources

RATE = 16_000
images = ENGINES["images"]


def with_(spec, **tables):
    """The specification with some tables changed, in double talk, without noise unless the tables say so."""
    talk = {"far_single": 0, "double": 1, "near_single": 0, "near_onset": 1.0}
    changed = {"talk": talk, "noise": {"kind": "none"}, "loudspeaker": {"model": "linear"}, **tables}
    return type(spec).model_validate({**spec.model_dump(), **changed})


def first(spec, index=0):
    sources = open_sources(spec)
    scene = draw(spec, "test", index, sources)
    return scene, render_with_paths(scene, sources)


def predicted(far, path):
    return np.convolve(far, path)[: far.size]


@pytest.mark.parametrize("model", sorted(DEVICES))
@pytest.mark.parametrize("agc", [0, 1])
def test_levels_are_exact_behind_every_device(spec, model, agc):
    changed = with_(
        spec,
        noise={"kind": "white", "snr": 20},
        levels={"ser": {"uniform": [-20, 10]}},
        loudspeaker={
            "model": model,
            "compressor": {"share": 1},
            "response": {"share": 1},
            "rattle": {"share": 1},
        },
        agc={"share": agc},
    )
    scene, (signals, _) = first(changed)
    near = active_power(signals.near, RATE)
    assert db(near / active_power(signals.echo, RATE)) == pytest.approx(scene.ser, abs=0.05)
    assert db(near / power(signals.noise)) == pytest.approx(20, abs=0.05)


@pytest.mark.parametrize("tables", [{}, {"agc": {"share": 1}}, {"channel": {"drift": 100, "jumps": 1, "gaps": 2}}])
def test_mic_is_the_sum_of_the_stems(spec, tables):
    _, (signals, _) = first(with_(spec, noise={"kind": "pink"}, **tables))
    np.testing.assert_array_equal(signals.mic, signals.near + signals.echo + signals.noise)


def test_gain_control_turns_all_stems_alike(spec):
    quiet = {"ser": 0, "near": -50}
    _, (plain, _) = first(with_(spec, levels=quiet))
    _, (controlled, _) = first(with_(spec, levels=quiet, agc={"share": 1}))
    heard = np.abs(plain.near) > 1e-4
    gain = controlled.near[heard] / plain.near[heard]
    assert gain.max() / gain.min() > 1.5  # it moves
    assert active_power(controlled.mic, RATE) > 2 * active_power(plain.mic, RATE)  # and lifts


def test_each_stretch_of_a_switching_path_has_its_stored_response(spec):
    scene, (signals, paths) = first(with_(spec, path={"switch": 1, "switches": 2, "fade": 0.01}))
    assert paths.shape[0] == 3
    edges = [0, *(round(time * RATE) for time in scene.path.times), signals.far.size]
    for path, start, stop in zip(paths, edges[:-1], edges[1:], strict=True):
        stretch = slice(start + 200, stop)
        error = signals.echo[stretch] - predicted(signals.far, path)[stretch]
        assert db(power(error) / power(signals.echo[stretch])) < -60


def test_a_movement_begins_and_ends_with_its_stored_responses(spec):
    scene, (signals, paths) = first(with_(spec, path={"move": 1}))
    assert paths.shape[0] == 2
    start, stop = (round(time * RATE) for time in (scene.path.times[0], scene.path.times[-1]))
    for path, stretch in ((paths[0], slice(0, start)), (paths[1], slice(stop, None))):
        error = signals.echo[stretch] - predicted(signals.far, path)[stretch]
        assert db(power(error) / power(signals.echo[stretch])) < -60


def test_a_movement_that_nobody_hears_has_no_more_responses_than_are_stored(spec, monkeypatch):
    heard, (_, paths) = first(with_(spec, path={"move": 1}))
    unheard = heard.model_copy(update={"far": None, "ser": None, "talk": "near_single"})
    asked = []

    def engine(size, points, *arguments, **options):
        asked.append(points)
        return images(size, points, *arguments, **options)

    monkeypatch.setitem(ENGINES, heard.room.engine, engine)
    _, stored = render_with_paths(unheard, open_sources(spec))
    room = heard.room
    assert asked == [(room.loudspeaker, room.later[-1]), (room.talker,)]
    for path, other in zip(paths, stored, strict=True):  # they differ in their level alone
        assert np.corrcoef(path, other)[0, 1] == pytest.approx(1, abs=1e-6)


def test_the_echo_comes_after_the_delay(spec):
    _, (early, _) = first(with_(spec, channel={"delay": 0}))
    _, (late, _) = first(with_(spec, channel={"delay": 0.1}))
    later = np.corrcoef(early.echo[:-1600], late.echo[1600:])[0, 1]
    assert later == pytest.approx(1, abs=1e-6)


def test_a_jump_of_the_delay_moves_the_echo(spec):
    scene, (jumped, _) = first(with_(spec, channel={"delay": 0.01, "jumps": 1, "jump": 0.05}))
    _, (steady, _) = first(with_(spec, channel={"delay": scene.channel.jumps[0][1]}))
    after = round(scene.channel.jumps[0][0] * RATE) + 6000
    assert np.corrcoef(jumped.echo[after:], steady.echo[after:])[0, 1] == pytest.approx(1, abs=1e-3)


def test_a_fast_clock_shifts_the_echo_by_its_drift(spec):
    _, (steady, _) = first(with_(spec, channel={"delay": 0.01}))
    _, (drifting, _) = first(with_(spec, channel={"delay": 0.01, "drift": 200}))
    tail = slice(-16_000, None)
    shifts = range(-20, 21)
    match = [np.dot(np.roll(steady.echo, -shift)[tail], drifting.echo[tail]) for shift in shifts]
    assert shifts[int(np.argmax(match))] == pytest.approx(200e-6 * 2.5 * RATE, abs=1)


def test_lost_packets_are_in_reference_and_echo_alike(spec):
    scene, (signals, paths) = first(with_(spec, channel={"gaps": 3, "gap": 0.05}))
    _, (whole, _) = first(with_(spec))
    assert len(scene.channel.gaps) == 3
    assert not np.array_equal(signals.far, whole.far)
    assert db(power(signals.echo - predicted(signals.far, paths[0])) / power(signals.echo)) < -60


def test_the_volume_is_behind_the_reference(spec):
    scene, (signals, _) = first(with_(spec, channel={"volumes": 1, "volume": -20}))
    _, (plain, _) = first(with_(spec))
    np.testing.assert_array_equal(signals.far, plain.far)
    at = round(scene.channel.volume[0][0] * RATE)
    ratio = [power(signals.echo[part]) / power(plain.echo[part]) for part in (np.s_[: at - 100], np.s_[at + 4000 :])]
    assert db(ratio[1] / ratio[0]) == pytest.approx(-20, abs=1.5)


def test_noise_of_the_far_end_is_in_the_reference(spec):
    scene, (signals, _) = first(with_(spec, far_noise={"kind": "white", "snr": 20}))
    _, (clean, _) = first(with_(spec))
    assert scene.far_snr == 20
    added = signals.far * np.sqrt(power(clean.far) / power(signals.far)) - clean.far
    assert db(active_power(clean.far, RATE) / power(added)) == pytest.approx(20, abs=1)


def test_pauses_between_turns_are_silent(spec):
    talk = {"far_single": 0, "double": 0, "near_single": 0, "alternating": 1, "turn": 0.8, "pause": 0.4}
    scene, (signals, _) = first(with_(spec, talk=talk))
    far = active(signals.far, RATE)
    for _, stop in scene.far.spans[:-1]:
        pause = signals.far[round(stop * RATE) : round((stop + 0.4) * RATE)]
        assert not pause.any()
    assert far.any()


def test_rendering_twice_gives_the_same_bits(spec):
    sources = open_sources(spec)
    for index in range(4):
        scene = draw(spec, "test", index, sources)
        np.testing.assert_array_equal(render(scene, sources), render(scene, open_sources(spec)))


def test_floor_noise_is_added_below_the_near_end(spec):
    scene, (signals, _) = first(with_(spec, floor={"kind": "device", "snr": 25}))
    assert db(active_power(signals.near, RATE) / power(signals.noise)) == pytest.approx(25, abs=0.05)
    _, (both, _) = first(with_(spec, floor={"kind": "device", "snr": 25}, noise={"kind": "white", "snr": 20}))
    assert power(both.noise) == pytest.approx(power(signals.noise) * (1 + 10**0.5), rel=0.02)
    assert scene.noise is None


def test_a_microphone_that_clips_still_hears_the_sum_of_the_stems(spec):
    stages = {"clipping": {"share": 1, "parameters": {"over": 6}}, "suppressor": {"share": 1}, "limiter": {"share": 1}}
    scene, (signals, _) = first(with_(spec, capture=stages, noise={"kind": "white", "snr": 20}))
    assert [stage.name for stage in scene.capture] == ["clipping", "suppressor", "limiter"]
    np.testing.assert_array_equal(signals.mic, signals.near + signals.echo + signals.noise)
    _, (clipped, _) = first(with_(spec, capture={"clipping": {"share": 1, "parameters": {"over": 6}}}))
    top = np.abs(clipped.mic).max()
    assert np.mean(np.abs(clipped.mic) > 0.999 * top) > 1e-4


def test_octaves_decay_as_asked(spec):
    room = {"rt60": 0.3, "octaves": [2, 2, 1, 1, 0.5, 0.5], "response": 0.6, "device": 1.5, "humidity": 50}
    scene, (_, paths) = first(with_(spec, room=room))
    assert scene.room.humidity == 50
    low, high = (
        measured_rt60(sosfilt(butter(4, band, "bandpass", fs=RATE, output="sos"), paths[0]), RATE)
        for band in ((180, 350), (2800, 5600))
    )
    assert low == pytest.approx(0.6, rel=0.25)
    assert high == pytest.approx(0.15, rel=0.25)


def test_measured_loudspeakers_color_the_echo(spec, tmp_path):
    for number in range(6):
        response = np.zeros(64)
        response[[0, 1]] = 1, -0.9 + number / 100  # takes the low end away
        soundfile.write(tmp_path / f"{number}.wav", response, RATE)
    _, (plain, _) = first(with_(spec))
    device = {"model": "linear", "measured": 1.0, "source": str(tmp_path)}
    scene, (colored, _) = first(with_(spec, loudspeaker=device))
    assert scene.loudspeaker.measured in {f"{number}.wav" for number in range(6)}
    brighter = power(np.diff(colored.echo)) / power(colored.echo) > 1.2 * power(np.diff(plain.echo)) / power(plain.echo)
    assert brighter


def test_the_far_end_may_play_from_a_source_of_its_own(spec, tmp_path):
    music = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE)
    soundfile.write(tmp_path / "tune.wav", music, RATE)
    manifest = tmp_path / "music.csv"
    manifest.write_text("file,speaker,split\ntune.wav,radio,all\n")
    for index in range(3):
        scene, (signals, _) = first(with_(spec, far_speech={"source": str(manifest)}), index)
        assert (scene.far.speaker, scene.far.utterances) == ("radio", ("tune.wav",))
        assert scene.near.speaker in open_sources(spec).speech.speakers("test")
        spectrum = np.abs(np.fft.rfft(signals.far)) ** 2
        tone = round(1000 * signals.far.size / RATE)
        assert spectrum[tone - 20 : tone + 21].sum() > 0.99 * spectrum.sum()


def test_rooms_that_come_again_are_computed_once(spec, monkeypatch):
    calls = []
    monkeypatch.setitem(ENGINES, "images", lambda *args, **options: calls.append(1) or images(*args, **options))
    banked = with_(spec, room={"rt60": 0.2, "response": 0.05, "rooms": 2})
    for index in range(8):
        first(banked, index)
    assert len(calls) == 4  # the echo path and the near path of two rooms


def test_nothing_is_computed_for_a_talker_who_is_silent(spec, monkeypatch):
    calls = []
    monkeypatch.setitem(ENGINES, "images", lambda *args, **options: calls.append(1) or images(*args, **options))
    scene, (signals, _) = first(with_(spec, talk={"far_single": 1, "double": 0, "near_single": 0}))
    assert scene.near is None
    assert not signals.near.any()
    assert len(calls) == 1


def test_air_absorbs_high_frequencies_in_the_scene(spec):
    scene, (_, damp) = first(with_(spec, room={"rt60": 0.5, "humidity": 20, "device": 1.5}))
    dry = scene.model_copy(update={"room": scene.room.model_copy(update={"humidity": None})})
    (path,) = render_with_paths(dry, open_sources(spec)).paths
    brightness = [power(np.diff(x)) / power(x) for x in (damp[0], path)]
    assert brightness[0] < 0.95 * brightness[1]  # 0.91
