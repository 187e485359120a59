"""Other people's cancellers: do they get what they need, and does what they give back lie where it belongs?"""

import shlex
import sys
from importlib import import_module

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.external import frames, livekit, speex, webrtc
from aecbench.cancellers.external.command import Command
from aecbench.cancellers.external.needs import LIVEKIT, NEEDS, PYWEBRTC
from aecbench.cancellers.external.predictions import Predictions
from aecbench.errors import AecbenchError, AudioError, NotInstalled, UsageError

LIBRARIES = ["speex", "speex_pre", "webrtc_aec3", "webrtc_aec3_ns", "livekit_aec3"]
FILTERS = ["speex", "webrtc_aec3", "livekit_aec3"]  # those that do not take noise for noise
SUBTRACT = """
import sys, soundfile
mic, rate = soundfile.read(sys.argv[1])
far, _ = soundfile.read(sys.argv[2])
soundfile.write(sys.argv[3], (mic - far / 2){cut}, rate, subtype="FLOAT")
"""


def build(name):
    module, _, attribute = CANCELLERS[name].partition(":")
    try:
        return getattr(import_module(module), attribute)()
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=LIBRARIES)
def canceller(request):
    return build(request.param)


def lag(out, mic):
    """Samples by which `out` lags `mic`."""
    return int(np.argmax(correlate(out, mic, method="fft"))) - (mic.size - 1)


def test_cancels_an_echo_by_more_than_10_db_after_3_s(canceller, scene, erle):
    s = scene(6.0, seed=1)
    assert erle(s.mic, canceller.cancel(s.mic, s.far), 3, 6) > 10


def test_near_end_comes_out_where_it_went_in(canceller, talker):
    near = talker(4.0, 7)
    out = canceller.cancel(near, np.zeros_like(near))
    assert out.size == near.size
    assert lag(np.diff(out), np.diff(near)) == 0  # the high-pass of some shifts the phase of low frequencies


@pytest.mark.parametrize("name", FILTERS)
def test_white_noise_comes_out_where_it_went_in(name):
    near = (0.05 * np.random.default_rng(0).normal(size=64_000)).astype(np.float32)
    assert lag(build(name).cancel(near, np.zeros_like(near)), near) == 0


def test_near_end_keeps_its_level(canceller, talker, erle):
    near = talker(4.0, 7)
    assert erle(near, canceller.cancel(near, np.zeros_like(near)), 1, 4) == pytest.approx(0, abs=3)


def test_signals_of_a_batch_do_not_hear_each_other(canceller, scene):
    a, b = scene(2.0, seed=1), scene(2.0, seed=2)
    together = canceller.cancel(np.stack([a.mic, b.mic]), np.stack([a.far, b.far]))
    np.testing.assert_array_equal(together[1], canceller.cancel(b.mic, b.far))


def test_what_is_not_finite_is_refused(canceller):
    mic = np.full(1000, np.nan, np.float32)
    with pytest.raises(AudioError, match="is not finite"):
        canceller.cancel(mic, np.zeros_like(mic))


def test_the_preprocessor_suppresses_what_echo_the_filter_leaves(scene, erle):
    s = scene(4.0, seed=1)
    alone, both = (erle(s.mic, build(name).cancel(s.mic, s.far), 2, 4) for name in ("speex", "speex_pre"))
    assert both > alone + 10


def test_speex_clips_what_does_not_fit_into_16_bits(scene):
    s = scene(1.0)
    loud = 100 * s.mic
    np.testing.assert_array_equal(
        build("speex").cancel(loud, s.far), build("speex").cancel(np.clip(loud, -1, 1), s.far)
    )


def test_speex_is_told_the_sampling_rate(talker):
    near = talker(2.0, 7)
    build("speex")
    low, high = (speex.Speex(rate=rate).cancel(near, np.zeros_like(near)) for rate in (8000, 16_000))
    assert not np.array_equal(low, high)


@pytest.mark.parametrize("parameters", [{"frame": 0}, {"tail": 100}, {"rate": 7}])
def test_speex_refuses_parameters_out_of_range(parameters):
    with pytest.raises(UsageError, match="expected a whole number"):
        speex.Speex(**parameters)


def test_missing_speex_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(speex, "SPEEXDSP", speex.SPEEXDSP._replace(files=("libnone.so.1",)))
    speex._library.cache_clear()
    with pytest.raises(NotInstalled, match=r"not installed; run: apt install libspeexdsp1$"):
        speex.Speex()


@pytest.mark.parametrize("need", [LIVEKIT, PYWEBRTC], ids=lambda need: need.module)
def test_a_missing_wheel_is_found_missing_without_importing_it(monkeypatch, need):
    monkeypatch.setitem(sys.modules, need.module, None)
    with pytest.raises(NotInstalled, match=r"not installed; run: pip install 'aecbench\[peers\]'$"):
        need.check()
    monkeypatch.setitem(sys.modules, need.module.partition(".")[0], None)
    with pytest.raises(NotInstalled):
        need.check()


def test_every_adapter_of_a_library_says_what_it_needs():
    libraries = {name for name, target in CANCELLERS.items() if ".external." in target}
    assert set(NEEDS) == libraries


def test_missing_webrtc_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(NotInstalled, match=r"not installed; run: pip install 'aecbench\[peers\]'$"):
        webrtc.AEC3()


def test_missing_livekit_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    with pytest.raises(NotInstalled, match=r"not installed; run: pip install 'aecbench\[peers\]'$"):
        livekit.LiveKitAEC3()


def program(folder, text):
    """The command line of a Python program, without files."""
    path = folder / "my program.py"
    path.write_text(text)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def test_a_command_reads_and_writes_files(tmp_path):
    mic, far = (0.1 * np.random.default_rng(0).normal(size=(2, 2, 500))).astype(np.float32)
    out = Command(program(tmp_path, SUBTRACT.format(cut="")) + " {mic} {far} {out}").cancel(mic, far)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, mic - far / 2, atol=2**-14)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys; sys.exit('out of luck')", "ended with 1: out of luck"),
        ("", "wrote no {out}"),
        (SUBTRACT.format(cut="[:-7]"), "has 493 samples, expected 500"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path, text, says):
    command = Command(program(tmp_path, text) + " {mic} {far} {out}")
    with pytest.raises(AecbenchError, match=says):
        command.cancel(np.zeros(500, np.float32), np.zeros(500, np.float32))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("cp {mic} {out}", "has no {far}"),
        ("no-such-program {mic} {far} {out}", "no program 'no-such-program'"),
        ("cp '{mic} {far} {out}", "cannot be split"),
    ],
)
def test_a_command_that_cannot_work_is_refused_at_once(command, says):
    with pytest.raises(UsageError, match=says):
        Command(command)


@pytest.mark.parametrize("name", ["test-000003.wav", "toy-v1_test_000003.wav", "test/000003_mic.WAV"])
def test_predictions_are_looked_up_by_scene(tmp_path, name):
    x = np.linspace(-0.5, 0.5, 100, dtype=np.float32)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    soundfile.write(tmp_path / name, x, 16_000, format="WAV", subtype="FLOAT")
    found = Predictions(tmp_path, scene="toy-v1/test/000003", scale=2.0).cancel(x, x)
    np.testing.assert_array_equal(found, 2 * x)


@pytest.mark.parametrize(
    ("length", "rate", "says"),
    [
        (99, 16_000, "has 99 samples, expected 100"),
        (100, 8000, "is at 8000 Hz, expected 16000 Hz"),
        (None, 16_000, "contains no test-000003.wav or toy-v1_test_000003.wav or test/000003_mic.wav"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(tmp_path, length, rate, says):
    if length is not None:
        soundfile.write(tmp_path / "test-000003.wav", np.ones(length), rate)
    mic = np.zeros(100, np.float32)
    with pytest.raises(AudioError, match=says):
        Predictions(tmp_path, scene="toy-v1/test/000003").cancel(mic, mic)


@pytest.mark.parametrize(("mic", "far"), [(100, 100), (1, 100), (100, 1)])
@pytest.mark.parametrize("name", ["speex", "speex_pre"])
def test_samples_that_are_clipped_are_told_of_once(capfd, name, mic, far):
    frames._say.cache_clear()
    rng, canceller = np.random.default_rng(0), build(name)
    x = 0.1 * rng.normal(size=64_000)
    for _ in range(2):
        canceller.cancel((mic * np.roll(x, 480)).astype(np.float32), (far * x).astype(np.float32))
    assert capfd.readouterr().err == (
        "aecbench: SpeexDSP takes 16-bit samples: samples beyond [-1, 1] are clipped; scale the signal down\n"
    )


def test_a_program_is_told_of_when_its_samples_are_clipped(capfd):
    frames._say.cache_clear()
    program = f"{sys.executable} -c 'import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3])' {{mic}} {{far}} {{out}}"
    out = Command(program).cancel(np.full(100, 2, np.float32), np.zeros(100, np.float32))
    assert out.max() <= 1
    assert "takes 16-bit samples: samples beyond [-1, 1] are clipped" in capfd.readouterr().err


def test_samples_within_full_scale_are_nothing_to_tell(capfd, talker):
    frames._say.cache_clear()
    x = talker(1.0, 1)
    build("speex").cancel(x, x)
    assert capfd.readouterr().err == ""
