"""A demonstration: the scene it draws, what is told of it, what it leaves."""

import sys

import numpy as np
import pytest
import soundfile

from aecbench.cancellers.align import DelayTracker, aligned
from aecbench.cancellers.base import Streaming
from aecbench.demonstration import demo, write_demo
from aecbench.dsp.levels import active_power, db, power
from aecbench.errors import AudioError
from aecbench.signals import STEMS
from aecbench.systems import System, load_system

SECONDS = 2.0


class Teller(Streaming):
    """Lets the microphone through, and tells which far end it is given."""

    block, latency = 256, 0

    def init(self, batch):
        return None

    def step(self, state, mic, far):
        return state, mic.astype(np.float32)

    def inspect(self, mic, far):
        return {"far": far[:, None]}


class Short:
    """Gives half of what it should."""

    latency = 0

    def cancel(self, mic, far):
        return mic[::2]


class Broken(Short):
    """Gives what is no number."""

    def cancel(self, mic, far):
        return np.where(np.arange(mic.size) < 7, np.nan, mic)


def run(canceller, speech_folder, **options):
    system = System("ours", canceller, "here:There", {})
    return demo(system, speech=str(speech_folder), **{"duration": SECONDS, **options})


@pytest.fixture(scope="module")
def told(speech_folder):
    return run(aligned(Teller(), DelayTracker()), speech_folder, ser=-20, snr=5, seed=3)


def test_the_scene_has_the_levels_that_were_asked_for(told):
    signals, rate = told.signals, told.scene.rate
    assert db(active_power(signals.near, rate) / active_power(signals.echo, rate)) == pytest.approx(-20, abs=0.01)
    assert db(active_power(signals.near, rate) / power(signals.noise)) == pytest.approx(5, abs=0.01)
    assert signals.mic.size == SECONDS * rate


def test_the_near_end_talks_in_the_second_half_and_the_far_end_in_both(told):
    near, far = (np.array_split(x, 2) for x in (told.signals.near, told.signals.far))
    assert power(near[0]) < 1e-12 * power(near[1])
    assert power(far[0]) > 0.01 * power(far[1]) > 0


def test_the_same_seed_gives_the_same_scene_and_another_one_another(told, speech_folder):
    again = run(Teller(), speech_folder, ser=-20, snr=5, seed=3)
    np.testing.assert_array_equal(again.signals, told.signals)
    assert run(Teller(), speech_folder, seed=4).scene.far_level != told.scene.far_level


def test_what_leaves_the_microphone_as_it_is_scores_the_same_before_and_after(told):
    assert list(told.after) == ["erle", "sdr", "si_sdr", "pesq", "stoi"]
    assert told.before == told.after
    assert all(np.isfinite(score.value) for score in told.after.values())
    assert told.after["erle"].value == pytest.approx(0, abs=1e-6)


def test_a_canceller_tells_of_the_far_end_as_it_is_aligned(told):
    expected = DelayTracker().align(told.signals.mic, told.signals.far)
    np.testing.assert_array_equal(told.decisions["far"][:, 0], expected)


def test_a_canceller_that_cannot_tell_decides_nothing(speech_folder):
    assert demo(load_system("passthrough"), duration=SECONDS, speech=str(speech_folder)).decisions == {}


def test_the_oracle_is_told_the_echo(speech_folder):
    shown = demo(load_system("oracle"), duration=SECONDS, speech=str(speech_folder))
    np.testing.assert_allclose(shown.output, shown.signals.near + shown.signals.noise, atol=1e-6)


@pytest.mark.parametrize(
    ("canceller", "words"),
    [
        (Short(), r"Short: .*shape \(16000,\).*expected .*\(32000,\)"),
        (Broken(), "ours: its output is not finite at sample 0"),
    ],
)
def test_an_output_that_is_none_is_refused_in_one_line(speech_folder, canceller, words):
    with pytest.raises(AudioError, match=words) as raised:
        run(canceller, speech_folder)
    assert "\n" not in str(raised.value)


def test_all_signals_and_the_output_are_written(told, tmp_path):
    paths = write_demo(told, tmp_path / "new" / "folder")
    assert [path.stem for path in paths] == [*STEMS, "output"]
    for path, x in zip(paths, (*told.signals, told.output), strict=True):
        np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], x)


def test_the_command_prints_scores_side_by_side_and_the_files(aecbench, speech_folder, tmp_path):
    options = ["--speech", speech_folder, "--duration", 2, "--ser-db", 0, "--snr-db", 20, "--seed", 5, "--plot"]
    result = aecbench("demo", "--model", "passthrough", *options)
    assert result.exit_code == 0, result.stderr
    for word in ("passthrough", "--seed 5", "microphone", "output", "ERLE [dB]", "SDR", "SI-SDR", "PESQ", "STOI"):
        assert word in result.stdout
    files = {path.name for path in (tmp_path / "runs" / "demo").iterdir()}
    assert files == {*(f"{stem}.wav" for stem in STEMS), "output.wav", "demo.png"}
    assert {line.rpartition("/")[2] for line in result.stdout.splitlines() if line.startswith("runs")} == files


def test_without_a_seed_the_command_draws_one_that_draws_the_scene_again(aecbench, speech_folder, tmp_path):
    options = ["--model", "passthrough", "--speech", speech_folder, "--duration", 1]
    first = aecbench("demo", *options, "--out", "first")
    seed = first.stdout.partition("--seed ")[2].split()[0]
    assert aecbench("demo", *options, "--seed", seed, "--out", "again").exit_code == 0
    for name in ("mic", "far", "output"):
        assert (tmp_path / "first" / f"{name}.wav").read_bytes() == (tmp_path / "again" / f"{name}.wav").read_bytes()


def test_without_espeak_one_line_says_how_to_install_it(aecbench, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    result = aecbench("demo", "--model", "passthrough", "--seed", 6)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "aecbench: espeakng-loader is not installed; run: pip install 'aecbench[espeak]'"
    ]


def test_levels_out_of_range_are_refused(aecbench):
    assert aecbench("demo", "--model", "passthrough", "--ser-db", 100).exit_code == 2
