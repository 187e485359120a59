"""Recordings through a system: block by block, in folders, through a pipe."""

import io
import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from aecbench.cancel import Timing, cancel_files, cancel_pipe, streams
from aecbench.cancel.folder import MADE_BY, cancel_folder
from aecbench.cancel.stream import stream, timing
from aecbench.cancellers.align import FixedDelay, aligned
from aecbench.cancellers.base import Streaming
from aecbench.dsp import audio
from aecbench.dsp.audio import fitted, read, resample, write
from aecbench.dsp.delay import delay
from aecbench.errors import AecbenchError, AudioError, NotInstalled, UsageError
from aecbench.systems import System, load_system

RATE = 16_000
PCM = np.dtype("<i2")


@dataclass(frozen=True)
class Ours(Streaming[int]):
    """Hands the microphone on, one block late; the state counts blocks. What happens in block `at` is up to `does`."""

    does: object = None
    at: int = 5
    block: int = 160
    delay: int = 160
    latency: int = 319

    def init(self, batch):
        return 0

    def step(self, state, mic, far):
        if state == self.at and self.does is not None:
            return state + 1, self.does(mic, far)
        return state + 1, mic.astype(np.float32)


@dataclass(frozen=True)
class Whole:
    """Runs on a recording as a whole."""

    latency: int = 160

    def cancel(self, mic, far):
        return mic - far


def stop(mic, far):
    raise KeyboardInterrupt


def fail(mic, far):
    raise RuntimeError("no memory left")


def ours(canceller) -> System:
    return System("ours", canceller, "here:There", {})


def echo(seconds: float, rate: int = RATE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Microphone and far end: an echo that is 150 ms late, and noise."""
    rng = np.random.default_rng(seed)
    size = round(seconds * rate)
    far = 0.1 * rng.normal(size=size) * np.sin(np.arange(size) / 3000) ** 2
    path = np.pad(0.05 * rng.normal(size=300), (rate * 15 // 100, 0))
    mic = np.convolve(far, path)[:size] + 0.001 * rng.normal(size=size)
    return mic.astype(np.float32), far.astype(np.float32)


def save(folder, name: str, x, rate: int = RATE):
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, x, rate)
    return path


def pieces(mic, far, size: int):
    return (np.stack([mic[i : i + size], far[i : i + size]], axis=1) for i in range(0, mic.size, size))


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize(
    ("name", "align"), [("passthrough", "auto"), ("kalman", "auto"), ("nlms", "150"), ("kalman_res", "none")]
)
def test_what_streams_gives_the_samples_of_the_whole(name, align, rate):
    system = load_system(name, align)
    mic, far = echo(3.01, rate)
    low = (resample(x, rate, RATE) for x in (mic, far))
    whole = fitted(resample(system.cancel(*low), RATE, rate), mic.size)
    for size in (rate, 997):
        parts = np.concatenate(list(stream(system, pieces(mic, far, size), rate, timing(system))))
        assert parts.dtype == np.float32
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-6)


def test_a_delay_and_a_fixed_alignment_are_kept_to_the_sample():
    mic, far = echo(0.1234)
    for system in (ours(Ours()), ours(aligned(Ours(lambda mic, far: far, 0), FixedDelay(5.0)))):
        out = np.concatenate(list(stream(system, pieces(mic, far, 33), RATE, timing(system))))
        np.testing.assert_array_equal(out, system.cancel(mic, far))


@pytest.mark.parametrize("length", [1, 159, 160, 161])
def test_short_recordings_keep_their_length(length, tmp_path):
    x = np.random.default_rng(0).normal(size=length).astype(np.float32)
    for rate in (8000, RATE, 48_000):
        mic, far = (save(tmp_path, name, x, rate) for name in ("mic", "far"))
        cancel_files(ours(Ours()), mic, far, tmp_path / "out.wav")
        assert read(tmp_path / "out.wav")[0].size == length


MEMORY = """
import sys
from pathlib import Path
from aecbench.cancel import cancel_files
from aecbench.costs import process_peak
from aecbench.systems import load_system
system, (short, long, out) = load_system("passthrough"), map(Path, sys.argv[1:])
cancel_files(system, short, short, out)
before = process_peak()
cancel_files(system, long, long, out)
print(process_peak() - before)
"""


def test_ten_minutes_take_no_more_memory_than_one(tmp_path):
    files = tmp_path / "short.wav", tmp_path / "long.wav"
    for path, minutes in zip(files, (1, 10), strict=True):
        soundfile.write(path, np.zeros(minutes * 60 * RATE, np.int16), RATE)
    call = [sys.executable, "-c", MEMORY, *files, tmp_path / "out.wav"]
    grown = float(subprocess.run(call, capture_output=True, check=True, text=True).stdout)
    assert grown < 4e6  # a signal of ten minutes has 38 MB
    assert soundfile.info(tmp_path / "out.wav").frames == 600 * RATE


def test_what_a_wav_cannot_hold_becomes_an_rf64(tmp_path, monkeypatch):
    x = np.arange(1000, dtype=np.float32)
    monkeypatch.setattr(audio, "LARGEST", 4000)
    for length, layout in ((1000, "WAV"), (1001, "RF64")):
        path = save(tmp_path, layout, np.resize(x, length))
        assert soundfile.info(path).format == ("WAV" if layout == "WAV" else "RF64")
        np.testing.assert_array_equal(read(path)[0], np.resize(x, length))


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (fail, r"ours failed: RuntimeError: no memory left \(test_cancel.py, line \d+\)"),
        (lambda mic, far: mic[:-1], r"Ours: step returned float32 with shape \(\d+,\), expected"),
        (lambda mic, far: mic / 0 * 0, "its output is not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*(divide|invalid)")
def test_a_system_that_fails_is_one_error_and_leaves_no_file(does, words, tmp_path):
    mic, far = (save(tmp_path, name, echo(0.5)[0]) for name in ("mic", "far"))
    with pytest.raises(AecbenchError, match=words):
        cancel_files(ours(Ours(does)), mic, far, tmp_path / "out.wav")
    assert not list(tmp_path.glob("out*"))


def test_a_far_end_of_another_length_is_padded_or_cut_when_asked_for(tmp_path):
    mic, out = save(tmp_path, "mic", np.full(40_000, 0.75)), tmp_path / "out.wav"
    for name, length in (("short", 20_000), ("long", 70_000)):
        far = save(tmp_path, name, np.full(length, 0.5))
        with pytest.raises(AudioError, match="--pad"):
            cancel_files(ours(Whole()), mic, far, out)
        cancel_files(ours(Whole()), mic, far, out, pad=True)
        expected = np.where(np.arange(40_000) < length, 0.25, 0.75)
        np.testing.assert_array_equal(read(out)[0], expected)


def test_an_interrupted_file_is_not_left_half_written(aecbench, tmp_path, monkeypatch):
    mic, far = (save(tmp_path, name, echo(0.5)[0]) for name in ("mic", "far"))
    monkeypatch.setattr("aecbench.systems.load_system", lambda name, align: ours(Ours(stop)))
    result = aecbench("cancel", "--model", "x", "--mic", mic, "--far", far, "--out", "out.wav")
    assert result.exit_code != 0
    assert not list(tmp_path.glob("out*"))


# Folders


@pytest.fixture
def challenge(tmp_path):
    """A folder with recordings as those of the AEC Challenge, one of them in a folder below."""
    folder = tmp_path / "challenge"
    for n, name in enumerate(("a_doubletalk", "b_farend_singletalk_with_movement", "below/c-sweep")):
        for end, x in zip(("mic", "lpb"), echo(0.5, seed=n), strict=True):
            save(folder, f"{name}_{end}", x)
    return folder


@pytest.mark.parametrize(
    ("mic", "far"),
    [("x_doubletalk_mic", "x_doubletalk_lpb"), ("nearend_mic_fileid_7", "farend_speech_fileid_7"), ("a/1.2", "a/1.2")],
)
def test_partners_are_found_by_their_names(mic, far, tmp_path):
    save(tmp_path / "mics", mic, np.full(200, 0.75))
    save(tmp_path / "fars", far, np.full(200, 0.5))
    save(tmp_path / "fars", "z", np.full(200, 0.1))
    done = cancel_folder(ours(Whole()), tmp_path / "mics", tmp_path / "fars", tmp_path / "out")
    assert (done.written, done.there, done.failed) == (1, 0, {})
    np.testing.assert_array_equal(read(tmp_path / "out" / f"{mic}.wav")[0], 0.25)


def test_one_folder_may_hold_both_ends(challenge, tmp_path):
    done = cancel_folder(load_system("kalman"), challenge, challenge, tmp_path / "out")
    assert done.written == 3
    assert done.timing.audio == pytest.approx(1.5, abs=0.05)
    for path in challenge.rglob("*_mic.wav"):
        far = path.with_name(path.name.replace("_mic", "_lpb"))
        cancel_files(load_system("kalman"), path, far, tmp_path / "one.wav")
        other = tmp_path / "out" / path.relative_to(challenge)
        np.testing.assert_array_equal(read(tmp_path / "one.wav")[0], read(other)[0])
    assert not list((tmp_path / "out").rglob("*_lpb*"))


def test_without_a_far_end_near_end_single_talk_has_a_silent_one(challenge, tmp_path):
    mic = save(challenge, "d_nearend_singletalk_mic", echo(0.5)[0])
    done = cancel_folder(ours(Whole()), challenge, challenge, tmp_path / "out")
    assert (done.written, done.failed) == (4, {})
    np.testing.assert_array_equal(read(tmp_path / "out" / mic.name)[0], read(mic)[0])


def test_pairs_that_fail_are_named_and_stop_no_other(aecbench, challenge, tmp_path):
    save(challenge, "a_doubletalk_lpb", np.zeros(100))
    save(challenge, "b_farend_singletalk_mic", np.zeros(100))
    options = ["--mic", challenge, "--far", challenge, "--out", "out"]
    result = aecbench("cancel", "--model", "nlms", *options)
    assert result.exit_code == 3
    assert result.stdout == "out\n"
    *_, counts, first, second, last = result.stderr.splitlines()
    assert counts == "2 written, 0 already there, 2 failed"
    both = first + second
    assert "b_farend_singletalk_mic.wav: has no partner b_farend_singletalk_lpb or b_farend_singletalk_mic" in both
    assert "the nearest name is" in both
    assert "has 100 samples" in both
    assert last.startswith("aecbench: 2 recordings failed")
    result = aecbench("cancel", "--model", "nlms", *options, "--pad")
    assert "1 written, 2 already there, 1 failed" in result.stderr


def test_a_stopped_run_goes_on_where_it_was(challenge, tmp_path):
    out, order = tmp_path / "out", []

    def second(mic, far):
        order.append(1)
        return stop(mic, far) if len(order) == 2 else mic

    with pytest.raises(KeyboardInterrupt):
        cancel_folder(ours(Ours(second)), challenge, challenge, out)
    assert {path.name for path in out.rglob("*.*")} == {MADE_BY, "a_doubletalk_mic.wav", ".lock"}
    before = (out / "a_doubletalk_mic.wav").stat().st_mtime_ns
    done = cancel_folder(ours(Ours(second)), challenge, challenge, out)
    assert (done.written, done.there) == (2, 1)
    assert (out / "a_doubletalk_mic.wav").stat().st_mtime_ns == before


def test_outputs_of_another_length_and_all_with_overwrite_are_made_anew(challenge, tmp_path):
    out = tmp_path / "out"
    cancel_folder(ours(Ours()), challenge, challenge, out)
    save(out, "a_doubletalk_mic", np.zeros(10))
    assert cancel_folder(ours(Ours()), challenge, challenge, out).written == 1
    assert cancel_folder(ours(Ours()), challenge, challenge, out, overwrite=True).written == 3


def test_outputs_of_two_systems_are_not_mixed(challenge, tmp_path):
    cancel_folder(load_system("nlms"), challenge, challenge, tmp_path / "out")
    with pytest.raises(UsageError, match=r"contains outputs of nlms.*--overwrite"):
        cancel_folder(load_system("kalman"), challenge, challenge, tmp_path / "out")
    assert cancel_folder(load_system("kalman"), challenge, challenge, tmp_path / "out", overwrite=True).written == 3
    (tmp_path / "out" / MADE_BY).unlink()
    with pytest.raises(UsageError, match="not of this command"):
        cancel_folder(load_system("kalman"), challenge, challenge, tmp_path / "out")


def test_folders_that_cannot_be_used_are_refused(challenge, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for mic, far, out, words in (
        (challenge, challenge, challenge / "out", "lies within"),
        (challenge, tmp_path / "file", tmp_path / "out", "is not a folder"),
        (tmp_path / "empty", challenge, tmp_path / "out", "contains no audio files"),
    ):
        with pytest.raises(UsageError, match=words):
            cancel_folder(ours(Ours()), mic, far, out)


# Pipes


def raw(mic, far) -> bytes:
    return np.rint(np.stack([mic, far], axis=1) * 2**15).astype(PCM).tobytes()


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_pipe_gives_what_files_give(rate, tmp_path):
    system, out, sink = load_system("kalman"), tmp_path / "out.wav", io.BytesIO()
    mic, far = (np.rint(x * 2**15) / 2**15 for x in echo(1.2, rate))
    cancel_files(system, save(tmp_path, "mic", mic, rate), save(tmp_path, "far", far, rate), out)
    cancel_pipe(system, io.BytesIO(raw(mic, far)), sink, rate)
    expected = np.rint(read(out)[0] * 2**15)
    assert np.abs(np.frombuffer(sink.getvalue(), PCM) - expected).max() <= 1


def test_a_pipe_answers_every_block_at_once_and_writes_nothing_else():
    program = "from aecbench.cli import main; main()"
    options = ["--model", "passthrough", "--mic", "-", "--out", "-", "--report"]
    call = [sys.executable, "-c", program, "cancel", *options]
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(call, bufsize=0, **ends) as pipe:
        for n in range(3):
            pipe.stdin.write(np.full((256, 2), n, PCM).tobytes())
            assert select.select([pipe.stdout], [], [], 120)[0]
            np.testing.assert_array_equal(np.frombuffer(pipe.stdout.read(512), PCM), n)
        said = pipe.communicate()
    assert pipe.returncode == 0
    assert said[0] == b""
    for word in ("real-time factor", "per block of 16.0 ms", "p99", "lagged the input by up to 16.0 ms"):
        assert word in said[1].decode()


def test_full_scale_is_clipped_and_samples_are_kept_to_the_bit():
    levels = np.array([-(2**15), -1, 0, 1, 2**15 - 1], PCM)
    for gain, expected in ((1, levels), (2, [-(2**15), -2, 0, 2, 2**15 - 1])):
        sink = io.BytesIO()
        source = io.BytesIO(np.stack([levels, levels], axis=1).tobytes())
        cancel_pipe(ours(Ours(lambda mic, far, gain=gain: gain * mic, 0, 5, 0, 4)), source, sink)
        np.testing.assert_array_equal(np.frombuffer(sink.getvalue(), PCM), expected)


def test_a_pipe_refuses_what_does_not_stream_and_half_samples():
    with pytest.raises(UsageError, match="ours does not run block by block"):
        cancel_pipe(ours(Whole()), io.BytesIO(), io.BytesIO())
    with pytest.raises(AudioError, match="ends 3 bytes into a sample"):
        cancel_pipe(ours(Ours()), io.BytesIO(bytes(4 * 1000 + 3)), io.BytesIO())


def test_no_input_is_no_output():
    sink = io.BytesIO()
    cancel_pipe(ours(Ours()), io.BytesIO(), sink, 48_000)
    assert sink.getvalue() == b""


# Time


def test_percentiles_of_the_times_are_those_of_all_of_them():
    times = np.random.default_rng(0).lognormal(-8, 1, 5000)
    taken, other = Timing(0.001, 0.01), Timing(0.001, 0.01)
    for n, t in enumerate(times):
        (taken if n % 2 else other).add(t, 0.016)
    taken.include(other)
    found = taken.figures()
    for name, percent in (("median", 50), ("p95", 95), ("p99", 99), ("max", 100)):
        assert found[name] == pytest.approx(np.percentile(times, percent), rel=0.02)
    assert found["late"] == np.sum(times > 0.001)
    assert found["rtf"] == pytest.approx(times.mean() / 0.016)
    assert (found["blocks"], found["latency"], found["block"]) == (5000, 0.01, 0.001)


def test_the_latency_told_is_that_of_the_output(tmp_path):
    system = ours(Ours())
    taken = timing(system)
    mic, far = echo(0.5)
    out = list(stream(system, pieces(mic, far, 160), RATE, taken))
    assert taken.behind == 320 / RATE == taken.latency + 1 / RATE
    assert np.concatenate(out).size == mic.size


def test_json_tells_files_and_times(aecbench, echo_pair):
    mic, far = echo_pair
    result = aecbench("cancel", "--model", "kalman", "--mic", mic, "--far", far, "--out", "out.wav", "--json")
    found = json.loads(result.stdout)
    assert (found["system"], found["files"], found["failed"]) == ("kalman", ["out.wav"], {})
    assert 0 < found["timing"]["median"] <= found["timing"]["p95"] <= found["timing"]["max"]
    assert found["timing"]["blocks"] == 250


def test_what_needs_the_whole_recording_in_memory_says_so(aecbench, echo_pair, tmp_path):
    mic, far = echo_pair
    (tmp_path / "whole_aec.py").write_text(
        "class Aec:\n    latency = 0\n    def cancel(self, mic, far):\n        return 0.5 * mic\n"
    )
    options = ["--mic", mic, "--far", far, "--out", "out.wav", "--report", "--align", "none"]
    result = aecbench("cancel", "--model", "whole_aec:Aec", *options)
    assert "whole_aec:Aec needs the whole recording: about 40 MB of memory per minute" in result.stderr
    assert "no blocks" in result.stderr
    assert result.stdout == "out.wav\n"
    assert not streams(load_system("whole_aec:Aec"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mic", "mic.wav", "--out", "out.wav"], "Missing option '--far'"),
        (["--mic", "-", "--out", "out.wav"], "--mic - to --out -"),
        (["--mic", "mic.wav", "--far", "far.wav", "--out", "-"], "--mic - to --out -"),
        (["--mic", "-", "--far", "far.wav", "--out", "-"], "--far is for files and folders"),
        (["--mic", "mic.wav", "--far", "far.wav", "--out", "o", "--rate", "8000"], "--rate is for raw audio"),
        (["--mic", ".", "--far", ".", "--out", "o", "--plot", "p.png"], "--plot is for files"),
        (["--mic", "mic.wav", "--far", "far.wav", "--out", "."], "is a folder"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(aecbench, echo_pair, options, words):
    result = aecbench("cancel", "--model", "passthrough", *options)
    assert result.exit_code == 2
    assert words in result.stderr


# Recordings as other people make them


def pair(folder, name: str, seed: int = 0, suffix: str = ".wav", marks=("_mic", "_lpb")):
    """Two recordings of half a second."""
    folder.mkdir(parents=True, exist_ok=True)
    for end, x in zip(marks, echo(0.5, seed=seed), strict=True):
        soundfile.write(os.fsencode(folder / f"{name}{end}{suffix}"), x, RATE, format=suffix[1:].upper())


@pytest.mark.parametrize(("mic_rate", "far_rate"), [(48_000, 16_000), (16_000, 44_100), (8000, 48_000)])
def test_the_far_end_may_have_another_rate(tmp_path, mic_rate, far_rate):
    mic, far = echo(3.01)
    high = save(tmp_path, "mic", resample(mic, RATE, mic_rate), mic_rate)
    other = save(tmp_path, "far", resample(far, RATE, far_rate), far_rate)
    cancel_files(load_system("kalman"), high, other, tmp_path / "out.wav")
    out, rate = read(tmp_path / "out.wav")
    assert (out.size, rate) == (read(high)[0].size, mic_rate)
    late = slice(2 * mic_rate, None)
    assert np.mean(out[late] ** 2) < 0.1 * np.mean(read(high)[0][late] ** 2)
    with pytest.raises(AudioError, match=f"samples at {far_rate} Hz"):
        cancel_files(load_system("kalman"), high, save(tmp_path, "short", far[:-100], far_rate), tmp_path / "out.wav")


@pytest.mark.parametrize("end", ["mic", "far"])
@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".wav"])
def test_a_recording_that_is_cut_off_gives_no_output(tmp_path, end, suffix):
    pair(tmp_path, "x", suffix=suffix, marks=("mic", "far"))
    mic, far = tmp_path / f"xmic{suffix}", tmp_path / f"xfar{suffix}"
    cut = {"mic": mic, "far": far}[end]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 7 // 10])
    with pytest.raises(AudioError, match=rf"x{end}{suffix}: ends "):
        cancel_files(ours(Ours()), mic, far, tmp_path / "out.wav")
    assert not list(tmp_path.glob("out*"))


def test_an_output_that_is_one_of_the_recordings_is_refused(tmp_path):
    mic, far = (save(tmp_path, name, x) for name, x in zip(("mic", "far"), echo(0.5), strict=True))
    (tmp_path / "link.wav").symlink_to(far)
    (tmp_path / "same.wav").hardlink_to(mic)
    before = mic.read_bytes(), far.read_bytes()
    for out in (mic, far, tmp_path / "link.wav", tmp_path / "same.wav", tmp_path / "." / "below" / ".." / "mic.wav"):
        (tmp_path / "below").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="which would be lost"):
            cancel_files(ours(Ours()), mic, far, out)
    assert (mic.read_bytes(), far.read_bytes()) == before


def test_outputs_of_a_folder_replace_no_recording(tmp_path):
    data = tmp_path / "data"
    pair(data / "mics" / "mics", "x")
    pair(data / "mics", "x")
    done = cancel_folder(ours(Ours()), data / "mics", data / "mics", data)
    assert done.written == 1
    assert ["would replace a recording" in reason for reason in done.failed.values()] == [True]


def test_a_picture_that_is_one_of_the_recordings_is_refused(aecbench, echo_pair):
    mic, far = echo_pair
    options = ["--mic", mic, "--far", far, "--out", "out.wav", "--plot", far]
    result = aecbench("cancel", "--model", "passthrough", *options)
    assert result.exit_code == 2
    assert "which would be lost" in result.stderr


BAD = {  # what a folder may hold beside a good pair, and what is said of it
    "not UTF-8, without a partner": (b"caf\xe9_mic.wav", "has no partner"),
    "longest name of another format": (b"y" * 252 + b".au", "more than 255 bytes"),
    "of the same name": (b"good_mic.flac", "shares its name with good_mic.wav"),
    "no audio": (b"zero_mic.wav", "is an empty file"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_bad_pair_stops_no_other(tmp_path, case):
    name, says = BAD[case]
    folder = tmp_path / "in"
    pair(folder, "good")
    pair(folder, "other")
    (folder / os.fsdecode(name)).touch()
    if case == "no audio":
        (folder / "zero_lpb.wav").write_bytes((folder / "good_lpb.wav").read_bytes())
    done = cancel_folder(ours(Ours()), folder, folder, tmp_path / "out")
    assert done.written == (1 if case == "of the same name" else 2)
    assert [says in reason for reason in done.failed.values()] == [True]


def test_an_output_folder_that_is_a_file_stops_only_the_pairs_below_it(tmp_path):
    pair(tmp_path / "in", "good")
    pair(tmp_path / "in" / "below", "other")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "below").touch()
    done = cancel_folder(ours(Ours()), tmp_path / "in", tmp_path / "in", tmp_path / "out")
    assert (done.written, len(done.failed)) == (1, 1)


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"y" * 247])
def test_names_that_are_not_text_or_very_long_are_cancelled(tmp_path, name):
    folder = tmp_path / "in"
    pair(folder, os.fsdecode(name))
    done = cancel_folder(ours(Ours()), folder, folder, tmp_path / "out")
    assert (done.written, done.failed) == (1, {})
    assert (tmp_path / "out" / os.fsdecode(name + b"_mic.wav")).exists()


def test_names_that_are_not_text_are_reported_as_the_bytes_they_are(tmp_path):
    folder = tmp_path / "in"
    pair(folder, "good")
    (folder / os.fsdecode(b"caf\xe9_mic.wav")).touch()
    program = "from aecbench.cli import main; main()"
    call = [sys.executable, "-c", program, "cancel", "--model", "passthrough", "--json"]
    done = subprocess.run([*call, "--mic", folder, "--far", folder, "--out", tmp_path / "out"], capture_output=True)
    assert done.returncode == 3
    assert b"caf\xe9_mic.wav: has no partner" in done.stderr
    (key,) = json.loads(done.stdout)["failed"]
    assert os.fsencode(key).endswith(b"caf\xe9_mic.wav")


@pytest.mark.parametrize(
    ("mic", "far"), [("_MIC.WAV", "_LPB.WAV"), ("_mic.wav", "_LPB.Wav"), ("_mic.FLAC", "_lpb.WAV"), (".WAV", ".wav")]
)
def test_partners_are_found_in_upper_and_lower_case(tmp_path, mic, far):
    for folder, name in (("mics", f"A{mic}"), ("fars", f"A{far}")):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / name, np.zeros(200), RATE)
    done = cancel_folder(ours(Ours()), tmp_path / "mics", tmp_path / "fars", tmp_path / "out")
    assert (done.written, done.failed) == (1, {})


def test_hidden_files_are_skipped_and_counted(aecbench, tmp_path):
    pair(tmp_path / "in", "good")
    pair(tmp_path / "in" / ".trash", "old")
    (tmp_path / "in" / "._good_mic.wav").write_bytes(b"\0\5\26\7Mac OS X")
    result = aecbench("cancel", "--model", "passthrough", "--mic", "in", "--far", "in", "--out", "out")
    assert result.exit_code == 0
    assert "1 written, 0 already there, 0 failed, 3 hidden files skipped" in result.stderr


# Signals that correlate


@pytest.mark.parametrize("samples", [-8000, -3200, -480])
def test_a_microphone_that_is_ahead_is_delayed(tmp_path, samples):
    mic, far = echo(10.0)
    mic = delay(mic, samples - 2400)  # the echo has a delay of 2400
    place = save(tmp_path, "mic", mic)
    done = cancel_files(load_system("kalman"), place, save(tmp_path, "far", far), tmp_path / "out.wav")
    assert done.echo.heard == "found"
    assert abs(done.echo.lead - 128 + samples) <= 64
    out = read(tmp_path / "out.wav")[0]
    span = slice(6 * RATE, 9 * RATE)
    assert np.mean(out[span] ** 2) < 0.01 * np.mean(mic[span] ** 2)


@pytest.mark.parametrize("system", ["kalman", "webrtc_aec3"])
def test_a_fixed_alignment_may_delay_the_microphone(tmp_path, system):
    mic, far = echo(6.0)
    mic = delay(mic, -4000)
    try:
        aec = load_system(system, "-100")
    except NotInstalled as missing:
        pytest.skip(str(missing))
    assert aec.canceller.latency == load_system(system, "none").canceller.latency + 1600
    out = aec.cancel(mic, far)
    assert np.mean(out[4 * RATE : 5 * RATE] ** 2) < 0.1 * np.mean(mic[4 * RATE : 5 * RATE] ** 2)
    cancel_files(aec, save(tmp_path, "mic", mic), save(tmp_path, "far", far), tmp_path / "out.wav")
    np.testing.assert_allclose(read(tmp_path / "out.wav")[0], out, atol=1e-6)


def test_a_pipe_cannot_delay_the_microphone():
    with pytest.raises(UsageError, match="align -100: a system that runs live cannot delay the microphone"):
        cancel_pipe(load_system("kalman", "-100"), io.BytesIO(), io.BytesIO())


@pytest.mark.parametrize(
    ("far", "heard", "says"),
    [
        ("its own", "found", ""),
        ("another", "not found", "no echo found: far end and microphone do not correlate"),
        ("silent", "far end silent", "the far end is silent: there is no echo to cancel"),
    ],
)
def test_what_does_not_correlate_is_said(aecbench, tmp_path, far, heard, says):
    mic, its_own = echo(5.0)
    other = {"its own": its_own, "another": echo(5.0, seed=1)[1], "silent": np.zeros_like(mic)}[far]
    save(tmp_path, "mic", mic)
    save(tmp_path, "far", other)
    options = ["--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav", "--json"]
    result = aecbench("cancel", "--model", "kalman", *options)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["echo"] == heard
    assert [line for line in result.stderr.splitlines() if line.startswith("aecbench: mic.wav")] == (
        [f"aecbench: mic.wav: {says}"] if says else []
    )


def test_in_less_than_half_a_second_no_echo_is_looked_for(aecbench, tmp_path):
    for name in ("mic", "far"):
        save(tmp_path, name, np.random.default_rng(0).normal(size=100) / 10)
    result = aecbench("cancel", "--model", "nlms", "--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav", "--json")
    assert json.loads(result.stdout)["echo"] == "too short"
    assert "mic.wav: too short to look for an echo: expected 0.5 s or more" in result.stderr


def test_a_folder_counts_what_does_not_correlate(aecbench, tmp_path):
    for n in range(3):
        mic, far = echo(5.0, seed=n)
        save(tmp_path / "mics", f"{n}", mic)
        save(tmp_path / "fars", f"{n}", far if n else np.random.default_rng(9).normal(size=far.size) / 10)
    options = ["--mic", "mics", "--far", "fars", "--out", "out", "--json"]
    result = aecbench("cancel", "--model", "kalman", *options)
    assert json.loads(result.stdout)["no_echo"] == ["mics/0.wav"]
    says = "1 written, such as mics/0.wav: no echo found: far end and microphone do not correlate"
    assert says in result.stderr
