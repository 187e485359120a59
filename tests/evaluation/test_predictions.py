"""Outside programs, scored through the command line: their WAV files, or the programs themselves."""

import json
import shutil
import sys

import numpy as np
import pytest
import soundfile

from aecbench.results import ResultTable

RATE = 16_000
SLOW_COPY = """
import shutil, sys, time
shutil.copy(sys.argv[1], sys.argv[2])
while time.process_time() < 0.15:
    pass
"""


@pytest.fixture
def outputs(tmp_path, corpus, aecbench):
    """A program that does nothing, run on the exported scenes."""
    folder = tmp_path / "lazy"
    folder.mkdir()
    aecbench("export", corpus.path, "--format", "wav", "--split", "test", "--out", "exported")
    for path in sorted((tmp_path / "exported" / "test").glob("*_mic.wav")):
        shutil.copy(path, folder / f"test-{path.name.removesuffix('_mic.wav')}.wav")
    return folder


def evaluate(aecbench, corpus, *options):
    return aecbench("eval", "--corpus", corpus.path, "--jobs", 1, "--metric", "erle", "--metric", "level", *options)


def test_files_of_a_program_are_scored_like_a_model(aecbench, corpus, outputs):
    result = evaluate(aecbench, corpus, "--model", "passthrough", "--predictions", outputs, "--json")
    assert result.exit_code == 0, result.output
    systems = json.loads(result.stdout)["systems"]
    for metric in ("erle", "level"):
        assert systems["lazy"][metric] == systems["passthrough"][metric]
    assert systems["lazy"]["rtf"]["mean"] is None


def test_missing_and_unfit_files_are_failures_with_a_reason(aecbench, corpus, outputs):
    (outputs / "test-000000.wav").unlink()
    soundfile.write(outputs / "test-000001.wav", np.zeros(100), RATE)
    result = evaluate(aecbench, corpus, "--predictions", outputs, "--out", "run")
    assert result.exit_code == 3
    table = ResultTable.load(outputs.parent / "run" / "rows.parquet")
    assert table.provenance["systems"]["lazy"]["latency"] is None
    failed = table.failed
    reasons = failed.groupby("scene")["reason"].first().tolist()
    assert len(reasons) == 2
    assert "contains no test-000000.wav" in reasons[0]
    assert "has 100 samples, expected 48000" in reasons[1]


def test_other_files_are_another_system(aecbench, corpus, outputs):
    hashes = []
    for _ in range(2):
        evaluate(aecbench, corpus, "--predictions", outputs, "--out", "run")
        table = ResultTable.load(outputs.parent / "run" / "rows.parquet")
        hashes.append(table.provenance["systems"]["lazy"]["hash"])
        shutil.copy(outputs / "test-000000.wav", outputs / "test-000001.wav")
    assert hashes[0] != hashes[1]


def test_a_program_is_run_on_every_scene(aecbench, corpus, tmp_path):
    (tmp_path / "copy.py").write_text(SLOW_COPY)
    name = f"command:{sys.executable} copy.py {{mic}} {{out}} {{far}}"
    result = evaluate(aecbench, corpus, "--model", name, "--json")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)["systems"][name]
    assert scores["erle"]["mean"] == pytest.approx(0, abs=0.01)
    assert scores["rtf"]["mean"] > 0.15 / 3


def test_a_program_may_keep_the_names_of_exported_files(aecbench, corpus, outputs, tmp_path):
    for path in (tmp_path / "exported").rglob("*.wav"):
        kept = tmp_path / "kept" / path.relative_to(tmp_path / "exported")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept)
    result = evaluate(aecbench, corpus, "--predictions", outputs, "--predictions", "kept", "--json")
    assert result.exit_code == 0, result.output
    systems = json.loads(result.stdout)["systems"]
    assert systems["kept"]["level"] == systems["lazy"]["level"]
    shutil.copy(outputs / "test-000003.wav", tmp_path / "kept")
    result = evaluate(aecbench, corpus, "--predictions", "kept")
    assert result.exit_code == 3
    assert "kept/test-000003.wav: is for the same scene as test/000003_mic.wav; keep one of them" in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give --model NAME, --predictions DIR or --results DIR"),
        (["--predictions", "nowhere"], "predictions nowhere: no such folder"),
        (["--predictions", "."], "predictions .: contains no audio files"),
        (["--model", "command:no-such-program {mic} {far} {out}"], "no program 'no-such-program'"),
        (["--model", "lazy", "--predictions", "lazy"], "two systems are called 'lazy'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_line(aecbench, corpus, tmp_path, options, says):
    lazy = tmp_path / "lazy"
    lazy.mkdir()
    (lazy / "card.toml").write_text('canceller = "passthrough"\nsummary = "lazy"\n')
    soundfile.write(lazy / "test-000000.wav", np.zeros(100), RATE)
    result = evaluate(aecbench, corpus, *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_list_says_how_to_install_what_is_missing(monkeypatch, aecbench):
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    row = next(line for line in aecbench("list", "models").stdout.splitlines() if "webrtc_aec3 " in line)
    assert "not installed; run: pip install 'aecbench[peers]'" in row


@pytest.mark.parametrize("suffix", [".WAV", ".flac", ".Aiff"])
def test_files_of_a_program_are_known_in_every_format_and_case(aecbench, corpus, outputs, suffix):
    for path in sorted(outputs.glob("*.wav")):
        x, rate = soundfile.read(path, dtype="int16")
        soundfile.write(outputs / f"{path.stem}{suffix}", x, rate)
        path.unlink()
    (outputs / "._test-000000.wav").write_bytes(b"\0\5\26\7Mac OS X")
    result = evaluate(aecbench, corpus, "--model", "passthrough", "--predictions", outputs, "--json")
    assert result.exit_code == 0, result.output
    systems = json.loads(result.stdout)["systems"]
    assert systems["lazy"]["level"] == systems["passthrough"]["level"]


def test_an_output_that_is_there_twice_is_a_failure_with_a_reason(aecbench, corpus, outputs):
    shutil.copy(outputs / "test-000002.wav", outputs / "test-000002.WAV")
    result = evaluate(aecbench, corpus, "--predictions", outputs)
    assert result.exit_code == 3
    assert "test-000002.WAV: is for the same scene as test-000002.wav; keep one of them" in result.stderr
