"""The command line: what it prints, how it ends, what it says of bad input."""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

import aecbench as ab
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.cli import main
from aecbench.cli.common import fail_if_failed
from aecbench.errors import FailedItems
from aecbench.metrics import METRICS
from aecbench.progress import hide_progress, progress

RATE = 16_000

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def bad_wav(tmp_path):
    """Writes one of the files that are not what their name says."""

    def write(what: str):
        path = tmp_path / f"{what}.wav"
        if what == "text":
            path.write_text("this is no audio")
        elif what == "lfs":
            path.write_bytes(LFS)
        elif what == "empty":
            soundfile.write(path, np.zeros(0), RATE)
        elif what == "stereo":
            soundfile.write(path, np.zeros((RATE, 2)), RATE)
        elif what == "nan":
            soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT")
        elif what == "other-rate":
            soundfile.write(path, np.zeros(4 * RATE), 8000)
        elif what == "other-length":
            soundfile.write(path, np.zeros(RATE), RATE)
        return path

    return write


def fails(result, code: int, *words: str) -> None:
    assert result.exit_code == code
    assert not result.stdout
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_simulate_tells_what_was_made(aecbench, recipe_file, tmp_path):
    result = aecbench("simulate", recipe_file, "--jobs", 1, "--split", "test", "--scenes", 2)
    assert result.exit_code == 0
    info = json.loads((tmp_path / "corpora" / "toy-v1" / "corpus.json").read_text())
    for word in ("corpora/toy-v1", info["id"], info["digest"], "2 test scenes", "ser", "snr", "rt60"):
        assert word in result.stdout


def test_eval_prints_a_table_and_saves_rows(aecbench, corpus, tmp_path):
    result = aecbench("eval", "--model", "passthrough", "--model", "nlms", "--corpus", corpus.path, "--jobs", 1)
    assert result.exit_code == 0
    for word in ("passthrough", "nlms", "ERLE", "PESQ", "STOI", "oracle", "fSDR", "tERLE", "RTF", "failed"):
        assert word in result.stdout
    names = {path.name for path in (tmp_path / "runs" / "toy-v1").glob("[!.]*")}
    assert names == {"rows.parquet", "table.csv", "table.md"}


def test_eval_json_is_all_there_is_on_stdout(aecbench, corpus):
    result = aecbench(
        "eval", "--model", "passthrough", "--corpus", corpus.path, "--metric", "erle", "--json", "--jobs", 1
    )
    data = json.loads(result.stdout)
    assert data["corpus"] == {"id": corpus.id, "digest": corpus.digest, "split": "test", "scenes": 6}
    assert data["systems"]["passthrough"]["erle"]["mean"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("by", ["ser", "rt60", "loudspeaker", "nonlinear", "talk", "room.redrawn"])
def test_eval_breaks_down_by_condition(aecbench, corpus, by):
    result = aecbench("eval", "--model", "nlms", "--corpus", corpus.path, "--metric", "erle", "--by", by, "--jobs", 1)
    assert result.exit_code == 0
    assert by in result.stdout


def test_eval_shows_differences_to_a_reference_by_two_conditions(aecbench, corpus):
    options = ["--metric", "erle", "--by", "talk", "--by", "ser=0", "--reference", "passthrough", "--jobs", 1]
    result = aecbench("eval", "--model", "passthrough", "--model", "kalman", "--corpus", corpus.path, *options)
    assert result.exit_code == 0
    for word in ("talk", "ser", "≤ 0", "> 0", "difference to passthrough", "Holm"):
        assert word in result.stdout


@pytest.mark.parametrize("layout", ["md", "csv", "latex", "html", "json"])
def test_eval_prints_the_format_and_nothing_else(aecbench, corpus, layout):
    options = ["--metric", "erle", "--format", layout, "--jobs", 1]
    result = aecbench("eval", "--model", "passthrough", "--corpus", corpus.path, *options)
    starts = {
        "md": "| system",
        "csv": "system,metric",
        "latex": r"% needs \usepackage{booktabs}",
        "html": "<table",
        "json": "{",
    }
    assert result.stdout.startswith(starts[layout])
    assert "runs" not in result.stdout


def test_eval_of_all_metrics(aecbench, corpus):
    scene = corpus.scenes["scene"].iloc[-1].partition("/")[2]
    options = ["--metric", "all", "--json", "--scene", scene, "--split", scene.partition("/")[0], "--jobs", 1]
    result = aecbench("eval", "--model", "passthrough", "--corpus", corpus.path, *options)
    assert set(json.loads(result.stdout)["systems"]["passthrough"]) == {*METRICS, "rtf"}


def test_compare_tells_where_each_is_better_and_how_to_listen(aecbench, corpus, tmp_path):
    options = ["--metric", "erle", "--jobs", 1, "--worst", 2]
    result = aecbench("compare", "nlms", "passthrough", "--corpus", corpus.path, *options)
    assert result.exit_code == 0
    for word in ("nlms better", "passthrough better", "Holm", "loudspeaker", "passthrough furthest behind nlms"):
        assert word in result.stdout
    listen = [line for line in result.stdout.splitlines() if line.startswith("aecbench eval")]
    assert len(listen) == 2
    result = aecbench(*shlex.split(listen[0])[1:], "--jobs", 1)
    assert result.exit_code == 0, result.output
    (folder,) = (tmp_path / "listen").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert {"mic.wav", "far.wav", "near.wav", "nlms.wav", "passthrough.wav"} <= names


def test_compare_takes_files_of_another_program(aecbench, corpus, tmp_path):
    (tmp_path / "outputs").mkdir()
    for index in range(6):
        soundfile.write(tmp_path / "outputs" / f"test-{index:06}.wav", np.zeros(3 * RATE), RATE)
    result = aecbench("compare", "nlms", "outputs", "--corpus", corpus.path, "--metric", "erle", "--jobs", 1)
    assert result.exit_code == 0
    assert "outputs: near end lost" in result.stdout


def test_eval_with_failed_items_ends_with_3(aecbench, corpus, tmp_path):
    (tmp_path / "broken_aec.py").write_text(
        "class Broken:\n    latency = 0\n    def cancel(self, mic, far):\n        raise ValueError('no')\n"
    )
    result = aecbench("eval", "--model", "broken_aec:Broken", "--corpus", corpus.path, "--metric", "erle", "--jobs", 1)
    assert result.exit_code == 3
    assert "12 items failed" in result.stderr


def test_a_system_that_calls_exit_is_a_failed_item_and_the_others_are_evaluated(aecbench, corpus, tmp_path):
    (tmp_path / "exiting_aec.py").write_text(
        "import sys\n\n\nclass Exits:\n    latency = 0\n    def cancel(self, mic, far):\n        sys.exit(0)\n"
    )
    models = ["--model", "exiting_aec:Exits", "--model", "passthrough"]
    for jobs in (1, 2):
        result = aecbench("eval", *models, "--corpus", corpus.path, "--metric", "erle", "--jobs", jobs, "--json")
        assert result.exit_code == 3
        assert "12 items failed; the first: erle of exiting_aec:Exits" in result.stderr
        assert "SystemExit: 0 (exiting_aec.py, line 7)" in result.stderr
        assert '"passthrough"' in result.stdout


def test_an_exit_of_other_code_of_a_user_is_no_success(aecbench, corpus, tmp_path):
    (tmp_path / "wrapping_aec.py").write_text(
        "import sys\n\n\nclass Wraps:\n    latency = 0\n    def cancel(self, mic, far):\n        return mic\n"
        "    def with_inner(self, inner):\n        return self\n"
        "    @property\n    def inner(self):\n        sys.exit(0)\n"
    )
    result = aecbench("eval", "--model", "wrapping_aec:Wraps", "--corpus", corpus.path, "--jobs", 1)
    assert result.exit_code == 1
    ended = "aecbench: the program was ended by code outside of aecbench: SystemExit: 0 (wrapping_aec.py, line 12)\n"
    assert result.stderr == ended


def test_one_item_is_not_called_items():
    table = SimpleNamespace(
        failed=pd.DataFrame([{"metric": "erle", "system": "a", "scene": "c/test/000000", "reason": "no"}])
    )
    with pytest.raises(FailedItems, match=r"^1 item failed; the first: erle of a on c/test/000000: no$"):
        fail_if_failed(table)


def test_a_third_party_canceller_needs_a_folder_with_a_card(aecbench, corpus, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "halver.py").write_text(
        "import dataclasses\n@dataclasses.dataclass\nclass Halver:\n    gain: float = 1.0\n    latency: int = 0\n"
        "    def cancel(self, mic, far):\n        return self.gain * mic\n"
    )
    (folder / "card.toml").write_text('canceller = "halver:Halver"\nsummary = "half"\n[parameters]\ngain = 0.5\n')
    result = aecbench("eval", "--model", folder, "--corpus", corpus.path, "--metric", "erle", "--json", "--jobs", 1)
    assert json.loads(result.stdout)["systems"]["mine"]["erle"]["mean"] == pytest.approx(6.02, abs=0.01)


@pytest.mark.parametrize(("rate", "length"), [(16_000, 64_000), (44_100, 100_001), (8_000, 7), (16_000, 1)])
def test_cancel_gives_mic_length_and_rate(aecbench, tmp_path, rate, length):
    rng = np.random.default_rng(0)
    for name in ("mic", "far"):
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(size=length) / 10, rate)
    result = aecbench("cancel", "--model", "kalman", "--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav")
    assert result.exit_code == 0
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.frames, info.samplerate, info.channels) == (length, rate, 1)


def test_cancel_takes_the_echo_out(aecbench, echo_pair, tmp_path):
    mic, far = echo_pair
    aecbench("cancel", "--model", "kalman", "--mic", mic, "--far", far, "--out", "out.wav")
    before, after = (soundfile.read(path)[0][2 * RATE :] for path in (mic, tmp_path / "out.wav"))
    assert 10 * np.log10(np.mean(before**2) / np.mean(after**2)) > 15


def test_cancel_draws_a_picture(aecbench, echo_pair, tmp_path):
    mic, far = echo_pair
    aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, "--out", "out.wav", "--plot", "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("text", "is not audio that can be read"),
        ("lfs", "git lfs pull"),
        ("empty", "contains no samples"),
        ("stereo", "has 2 channels, expected 1"),
        ("nan", "NaN or infinite"),
        ("other-rate", "8000 Hz"),
        ("other-length", "cut or pad"),
        ("missing", "no such file"),
    ],
)
def test_cancel_refuses_bad_audio_in_one_line(aecbench, echo_pair, bad_wav, tmp_path, what, message):
    mic, _ = echo_pair
    far = bad_wav(what)
    result = aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, "--out", "out.wav")
    fails(result, 1, far.name, message)
    assert not list(tmp_path.glob("out*"))


def test_cancel_makes_the_folders_of_its_output(aecbench, echo_pair, tmp_path):
    mic, far = echo_pair
    options = ["--out", "new/sub/out.flac", "--plot", "other/new/out.PNG"]
    assert aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, *options).exit_code == 0
    assert (tmp_path / "new/sub/out.flac").exists()
    assert (tmp_path / "other/new/out.PNG").exists()


@pytest.mark.parametrize(
    ("plot", "words"),
    [
        ("p.xyz", "p.xyz: ends in '.xyz', expected .png, .svg or .pdf"),
        ("p", "p: ends in 'no suffix', expected .png, .svg or .pdf"),
        (".", ".: is a folder; name a .png, .svg or .pdf file"),
    ],
)
def test_cancel_checks_the_name_of_the_picture_first(aecbench, echo_pair, tmp_path, plot, words):
    mic, far = echo_pair
    result = aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, "--out", "out.wav", "--plot", plot)
    fails(result, 2, words)
    assert not (tmp_path / "out.wav").exists()


def test_cancel_into_a_place_that_cannot_be_written(aecbench, echo_pair):
    mic, far = echo_pair
    result = aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, "--out", mic / "out.wav")
    fails(result, 1, "cannot be written")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "quickstart-v3"], ["unknown recipe", "did you mean 'quickstart-v2'?"]),
        (["simulate", "--set", "room.rt6=0.3"], ["unknown key 'room.rt6'", "did you mean 'rt60'?"]),
        (["simulate", "--set", "room.rt60=30"], ["room.rt60", "30", "0.05 to 2 s"]),
        (["simulate", "--set", "levels.ser={uniform=[10, -10]}"], ["levels.ser", "backwards"]),
        (["simulate", "--set", "loudspeaker.model=hardclip"], ["unknown loudspeaker", "did you mean 'hard_clip'?"]),
        (["simulate", "--set", "loudspeaker.parameters.tanh.drvie=1"], ["drvie", "did you mean 'drive'?"]),
        (["simulate", "--set", "noise.kind=pinkish"], ["unknown noise", "did you mean 'pink'?"]),
        (["simulate", "--set", "noise.kind=recorded"], ["noise.source", "--noise"]),
        (["simulate", "--set", "splits.test=-1"], ["splits.test", "-1"]),
        (["simulate", "--set", "rate=fast"], ["rate: expected a valid integer", "got 'fast'"]),
        (["simulate", "--set", "rate=16000.5"], ["rate: expected a valid integer, got 16000.5"]),
        (["simulate", "--set", "talk=3"], ["talk: expected a table of keys, got 3"]),
        (["simulate", "--set", "nonsense"], ["key.path=value"]),
        (["simulate", "--set", "room.rt60=[0.2,0.4]"], ["room.rt60: [0.2, 0.4] is a list", "{uniform = [0.2, 0.4]}"]),
        (
            ["simulate", "--set", "loudspeaker.model={choice=[linear]}"],
            ["{choice=[linear]} is not TOML", "quotes", '{choice=["linear", "hard_clip"]}'],
        ),
        (["simulate", "--split", "tets"], ["unknown split", "did you mean 'test'?"]),
        (["simulate", "missing.toml"], ["missing.toml", "cannot be read"]),
        (["cancel", "--model", "kalmann", "--mic", "m", "--far", "f", "--out", "o"], ["did you mean 'kalman'?"]),
        (["list", "modles"], ["did you mean 'models'?"]),
    ],
)
def test_a_wrong_call_ends_with_2_and_advice(aecbench, arguments, words):
    fails(aecbench(*arguments), 2, *words)


@pytest.mark.parametrize(
    "command",
    [
        "simulate --set room.rt60={uniform=[0.2,0.4]}",
        "simulate speech-v1 --set=levels.ser={normal=[0,5],clip=[-10,10]}",
        "train deep_adaptive --corpus c --set data.ser={uniform=[-15,10]}",
    ],
)
def test_a_value_that_the_shell_expands_needs_quotes(aecbench, command):
    expanded = subprocess.run(["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True)
    result = aecbench(*expanded.stdout.splitlines())
    assert result.exit_code == 2
    assert "is a part of a value in braces" in result.stderr
    assert "put the value in quotes" in result.stderr


def test_examples_in_the_help_survive_the_shell(aecbench):
    for name in COMMANDS:
        lines = [line for line in aecbench(*name.split(), "--help").stdout.splitlines() if "={" in line]
        for line in (line for line in lines if line.strip().startswith("aecbench")):
            printed = subprocess.run(
                ["bash", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True
            )
            assert printed.stdout.splitlines() == shlex.split(line)


def test_the_help_of_tune_names_the_folder_that_is_written(aecbench):
    assert "[default: runs/tune/MODEL, with . for :]" in " ".join(aecbench("tune", "--help").stdout.split())


@pytest.mark.parametrize("command", ["tune nlms", "train deep_adaptive"])
def test_what_learns_needs_a_corpus(aecbench, command):
    result = aecbench(*command.split())
    assert result.exit_code == 2
    assert "Missing option '--corpus'" in result.stderr


BOARDS = main.commands["leaderboard"].commands
COMMANDS = dict(main.commands) | {f"leaderboard {name}": command for name, command in BOARDS.items()}
JOBS = [name for name, command in COMMANDS.items() if any(option.name == "jobs" for option in command.params)]


@pytest.mark.parametrize("command", JOBS)
def test_no_command_runs_in_zero_processes(aecbench, command):
    result = aecbench(*command.split(), "--jobs", 0)
    assert result.exit_code == 2
    assert "'--jobs': 0 processes do nothing; give 1 or more, or -1 for one per core" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "kalmann"], ["unknown model", "did you mean 'kalman'?"]),
        (["--model", "nlms", "--metric", "erl"], ["unknown metric", "did you mean 'erle'?"]),
        (["--model", "nlms", "--split", "tset"], ["unknown split", "did you mean 'test'?"]),
        (["--model", "nlms", "--by", "loudspeakr"], ["did you mean 'loudspeaker'?"]),
        (["--model", "nlms", "--by", "ser=5,0"], ["expected ascending numbers"]),
        (["--model", "nlms", "--reference", "nlsm"], ["unknown system", "did you mean 'nlms'?"]),
        (["--model", "nlms", "--scene", "test/000099"], ["unknown scene"]),
        (["--model", "no_such_module:Aec"], ["cannot import"]),
        (["--model", "json:Aec"], ["has no 'Aec'"]),
        (["--model", "mine.py"], ["'mine.py': is a file", "as in mine:MyCanceller"]),
        (["--model", "mine.py:Aec"], ["cannot import 'mine.py'", "write mine:Aec"]),
        (["--model", "runs/tune/rls:Aec"], ["cannot import 'runs/tune/rls'", "a path names no module"]),
        (["--model", "json:JSONDecoder"], ["is not a canceller"]),
    ],
)
def test_eval_refuses_unknown_names(aecbench, corpus, tmp_path, options, words):
    (tmp_path / "mine.py").write_text("")
    fails(aecbench("eval", *options, "--corpus", corpus.path), 2, *words)


def test_eval_without_a_corpus_says_how_to_get_one(aecbench):
    fails(aecbench("eval", "--model", "nlms"), 1, "corpora/quickstart-v2", "aecbench simulate")


def test_eval_of_a_truncated_shard_names_it(aecbench, corpus, tmp_path):
    copy = shutil.copytree(corpus.path, tmp_path / "copy")
    shard = copy / "shards" / "test-00000.h5"
    shard.write_bytes(shard.read_bytes()[:-2000])
    fails(aecbench("eval", "--model", "nlms", "--corpus", copy, "--jobs", 1), 1, "test-00000.h5")


@pytest.mark.parametrize(
    ("what", "words"), [("text", ["is not audio"]), ("lfs", ["git lfs pull"]), (None, ["no audio files"])]
)
def test_simulate_refuses_speech_it_cannot_read(aecbench, recipe_file, bad_wav, tmp_path, what, words):
    for speaker in range(10):
        folder = tmp_path / "speech" / f"s{speaker}"
        folder.mkdir(parents=True)
        if what:
            shutil.copy(bad_wav(what), folder / "a.wav")
    result = aecbench("simulate", recipe_file, "--speech", tmp_path / "speech", "--jobs", 1)
    fails(result, 1, *words)
    assert not list((tmp_path / "corpora").rglob("*.h5*"))


def test_simulate_into_a_place_that_cannot_be_written(aecbench, recipe_file):
    result = aecbench("simulate", recipe_file, "--out", recipe_file / "below" / "a-file", "--jobs", 1)
    fails(result, 1, "cannot be written")


@pytest.mark.parametrize("limit", [20_000, 200_000])
def test_a_full_disk_leaves_nothing_under_a_final_name(recipe_file, tmp_path, limit):
    """The limit on the size of a file stands in for a full disk: writes past it fail."""
    program = (
        f"import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from aecbench.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "simulate", str(recipe_file), "--out", "c", "--jobs", "1"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "c").rglob("*.h5"))
    assert not list((tmp_path / "c").rglob("*.tmp"))


@pytest.mark.parametrize("what", ["recipes", "models", "metrics", "sources"])
def test_list_shows_each_table(aecbench, what):
    result = aecbench("list", what)
    expected = {"recipes": "quickstart-v1", "models": "kalman", "metrics": "PESQ", "sources": "espeak"}
    assert result.exit_code == 0
    assert expected[what] in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        *("", "simulate", "eval", "cancel", "list", "fetch", "inspect", "quickstart", "compare"),
        *("demo", "train", "publish", "cost", "doctor", "completion"),
    ],
)
def test_help_has_examples(aecbench, command):
    assert f"  aecbench {command}".rstrip() in aecbench(*command.split(), "--help").stdout


def test_a_mistyped_command_names_the_nearest(aecbench):
    result = aecbench("simulat")
    assert result.exit_code == 2
    assert "did you mean 'simulate'?" in result.stderr


def test_version(aecbench):
    assert aecbench("--version").stdout.startswith(f"aecbench, version {ab.__version__}")


MAIN = [sys.executable, "-c", "from aecbench.cli import main; main(prog_name='aecbench')"]
COLOUR = re.compile(r"\x1b\[[0-9;]*[349][0-7]")
SLOW = """
import dataclasses, pathlib, time
@dataclasses.dataclass
class Slow:
    latency: int = 0
    def cancel(self, mic, far):
        with open("calls.txt", "a") as file:
            file.write(".")
        time.sleep(0.2)
        return mic
"""


def interrupted(folder, *arguments, when):
    """Run a command in a session of its own, send Ctrl-C to all of its processes as soon as there is `when`."""
    command = [*MAIN, *map(str, arguments)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is
    try:  # ignored, by processes that they start too
        run = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    end = time.monotonic() + 120
    while not when() and run.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=120)
    return subprocess.CompletedProcess(command, run.returncode, out, err)


def test_simulate_that_is_interrupted_keeps_whole_shards_and_tells_how_to_go_on(recipe_file, tmp_path):
    def begun():
        return any((tmp_path / "c").rglob("*.h5*"))

    done = interrupted(tmp_path, "simulate", recipe_file, "--scenes", 300, "--out", "c", "--jobs", 2, when=begun)
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert done.stderr == "aecbench: stopped; finished work is kept: the same command continues from there\n"
    assert not list((tmp_path / "c").rglob("*.tmp"))
    assert not (tmp_path / "c" / "corpus.json").exists()


LOST = """
import signal, time, weakref
from aecbench import doctor
from aecbench.cli import main

def interrupt(*_):
    signal.raise_signal(signal.SIGINT)

class Deleted:
    __del__ = {destructor}

def installation():
    reference = weakref.ref(Deleted(), {callback})
    time.sleep(30)

doctor.installation = installation
signal.signal(signal.SIGINT, signal.default_int_handler)
main(["doctor"])
"""


@pytest.mark.parametrize(
    ("destructor", "callback"), [("interrupt", None), ("lambda _: None", "interrupt")], ids=["destructor", "weakref"]
)
def test_ctrl_c_stops_a_command_also_where_python_ignores_exceptions(destructor, callback):
    program = LOST.format(destructor=destructor, callback=callback)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert done.stderr == "aecbench: stopped; no incomplete files are left\n"


@pytest.mark.parametrize("cache", [True, False])
def test_eval_that_is_interrupted_keeps_its_scores_and_goes_on(aecbench, corpus, tmp_path, cache):
    (tmp_path / "slow_aec.py").write_text(SLOW)
    calls = tmp_path / "calls.txt"
    options = ["--model", "slow_aec:Slow", "--corpus", corpus.path, "--metric", "level", "--jobs", 1]
    options += [] if cache else ["--no-cache"]

    def begun():
        return calls.exists() and calls.stat().st_size >= 4  # to warm up, and three scenes

    done = interrupted(tmp_path, "eval", *options, when=begun)
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    kept = "finished work is kept: the same command continues from there" if cache else "no scores were kept"
    assert done.stderr == f"aecbench: stopped; {kept}\n"
    assert not (tmp_path / "runs" / "toy-v1").exists()
    if cache:
        before = calls.stat().st_size
        assert aecbench("eval", *options).exit_code == 0
        assert calls.stat().st_size - before <= 1 + 6 - 2  # the third scene may not have been scored


@pytest.mark.parametrize(
    ("arguments", "function", "words"),
    [
        (["quickstart"], "aecbench.simulation.simulate", "the same command continues from there"),
        (["fetch", "open-speech-v1"], "aecbench.packs.fetch", "the same command continues from there"),
        (["leaderboard", "build"], "aecbench.leaderboard.site.build", "the same command makes them again"),
        (["tune", "nlms", "--corpus", "CORPUS"], "aecbench.tuning.tune", "with fewer --trials writes the best so far"),
        (["train", "deep_adaptive", "--corpus", "CORPUS"], "aecbench.training.train", "with --resume continues"),
        (["compare", "nlms", "kalman", "--corpus", "CORPUS"], "aecbench.evaluation.evaluate", "continues from there"),
        (["list"], "aecbench.report.listing.listing", "no incomplete files are left"),
    ],
)
def test_ctrl_c_ends_with_130_and_one_line_of_advice(aecbench, corpus, monkeypatch, arguments, function, words):
    def struck(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(function, struck)
    with warnings.catch_warnings():  # the command line changes the filters when it is stopped
        result = aecbench(*(corpus.path if argument == "CORPUS" else argument for argument in arguments))
    fails(result, 130, "aecbench: stopped; ", words)


def test_output_into_a_pipe_is_plain_and_its_rows_are_not_wrapped(tmp_path):
    environment = {**os.environ, "COLUMNS": "40", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*MAIN, "list", "models"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    assert b"\x1b" not in done.stdout + done.stderr
    assert [line for line in lines if line != line.rstrip()] == []
    assert len(lines) == 1 + len({*names("baselines"), *CANCELLERS})


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_a_bar_on_a_terminal_has_colours_unless_they_are_unwanted(no_colour):
    program = "from aecbench.progress import progress; list(progress(range(3), 3, 'count', 'numbers'))"
    kept = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    environment = {**kept, "TERM": "xterm-256color", "NO_COLOR": no_colour}
    leader, follower = pty.openpty()
    subprocess.run([sys.executable, "-c", program], env=environment, stderr=follower, check=True)
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 4096):
            shown += data
    except OSError:  # Linux says so at the end
        pass
    os.close(leader)
    assert "3/3" in shown.decode()
    assert bool(COLOUR.search(shown.decode())) is not bool(no_colour)


def test_where_there_is_no_terminal_a_line_tells_of_the_progress_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr("aecbench.progress.EVERY", 0.0)
    assert list(progress(range(3), 3, "count", "numbers")) == [0, 1, 2]
    second, third = capsys.readouterr().err.splitlines()
    assert second.startswith("count: 2 of 3 numbers, ")
    assert third.endswith(", 0:00:00 left")


def test_a_worker_shows_no_progress_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr("aecbench.progress.EVERY", 0.0)
    monkeypatch.setattr("aecbench.progress._hidden", False)
    hide_progress()
    assert list(progress(range(3), 3, "count", "numbers")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_time_that_is_left_does_not_count_the_start(monkeypatch, capsys):
    """The first of 10 items took 60 s, since code was compiled, and the others take 1 s each."""
    monkeypatch.setattr("aecbench.progress.EVERY", 0.0)
    moments = iter([0.0, *range(60, 70)])
    monkeypatch.setattr("aecbench.progress.time", SimpleNamespace(monotonic=lambda: next(moments)))
    assert list(progress(range(10), 10, "count", "numbers")) == list(range(10))
    assert capsys.readouterr().err.splitlines()[0] == "count: 2 of 10 numbers, 1 numbers/s, 0:00:08 left"
