"""Sample rates: a system for one rate refuses audio of another, the others run at any."""

import io
import sys
from dataclasses import dataclass

import pytest

import aecbench as ab
from aecbench.cancel import cancel_files, cancel_pipe
from aecbench.cancel.folder import cancel_folder
from aecbench.cancellers.abilities import sample_rates
from aecbench.cancellers.external.command import Command
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.demonstration import demo
from aecbench.errors import UsageError
from aecbench.evaluation import evaluate
from aecbench.systems import System, load_system
from aecbench.tuning import tune

COPY = f"command:{sys.executable} -c pass {{mic}} {{far}} {{out}}"


@pytest.fixture(scope="module")
def narrow(recipe_file, tmp_path_factory):
    """One test scene and one to tune on at 8 kHz."""
    options = {"scenes": 1, "set": {"rate": 8000}}
    return ab.simulate(recipe_file, tmp_path_factory.mktemp("narrow") / "c", **options)


@dataclass(frozen=True)
class Telephone(NLMS):
    """A filter for the telephone."""

    sample_rate: int = 8000


PHONE = System("phone", Telephone(taps=256), "tests:Telephone", {})


@pytest.mark.parametrize(
    ("model", "align", "called"),
    [
        ("deep_joint", "none", "deep_joint"),
        ("nlms", "100", "nlms with align 100"),
        ("nlms", "-20", "nlms with align -20"),
        (f"copy={COPY}", "auto", "copy"),
    ],
)
def test_a_system_for_16_khz_refuses_a_corpus_of_another_rate(aecbench, narrow, model, align, called):
    result = aecbench("eval", "--model", model, "--align", align, "--corpus", narrow.path, "--metric", "erle")
    assert result.exit_code == 2
    assert result.stderr == (
        f"aecbench: {called} is for audio at 16000 Hz, and {narrow.path} is at 8000 Hz; choose another system, or "
        f"audio at 16000 Hz\n"
    )


def test_a_search_refuses_a_corpus_of_another_rate(narrow, tmp_path):
    with pytest.raises(UsageError, match="nlms with align 100 is for audio at 16000 Hz"):
        tune(load_system("nlms", "100"), narrow, {"erle": 1.0}, trials=1, out=tmp_path)


def test_systems_that_count_samples_and_those_for_that_rate_run(narrow):
    systems = [load_system("nlms"), load_system("oracle"), PHONE]
    assert evaluate(systems, narrow, ["erle"]).failed.empty


@pytest.mark.parametrize("align", ["auto", "none", "20"])
def test_the_rate_inside_counts_too(align):
    suppressed = ResidualSuppressor(Telephone(taps=256))
    assert sample_rates(suppressed) == {8000}
    assert sample_rates(load_system("nlms", align).canceller) == ({16_000} if align == "20" else set())


def test_a_program_is_for_the_rate_of_its_card():
    program = load_system(COPY)
    assert sample_rates(program.canceller) == {16_000}
    assert sample_rates(Command(program.parameters["command"], rate=48_000)) == {48_000}


@pytest.mark.parametrize("way", ["pipe", "files", "folders", "demo"])
def test_recordings_and_demonstrations_are_at_16_khz(way, tmp_path, speech_folder):
    calls = {
        "pipe": lambda: cancel_pipe(PHONE, io.BytesIO(), io.BytesIO()),
        "files": lambda: cancel_files(PHONE, tmp_path / "mic.wav", tmp_path / "far.wav", tmp_path / "out.wav"),
        "folders": lambda: cancel_folder(PHONE, tmp_path, tmp_path, tmp_path / "out"),
        "demo": lambda: demo(PHONE, duration=1, speech=str(speech_folder)),
    }
    with pytest.raises(UsageError, match=r"phone is for audio at 8000 Hz, and .* is at 16000 Hz"):
        calls[way]()


@pytest.mark.parametrize("out", ["out.wav", "outs"])
def test_a_recording_has_no_true_echo_for_the_oracle(aecbench, tmp_path, speech_folder, out):
    recording = next(speech_folder.rglob("*.wav"))
    ends = (recording, recording) if out == "out.wav" else (speech_folder, speech_folder)
    result = aecbench("cancel", "--model", "oracle", "--mic", ends[0], "--far", ends[1], "--out", out)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "aecbench: oracle needs facts about a scene, such as its true echo, which only a corpus has; evaluate it with "
        "aecbench eval"
    )
    assert not (tmp_path / out).exists()
