"""The pages: they build without a warning, load nothing from elsewhere, and what they show can be typed."""

import ast
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

import aecbench as ab
from aecbench.assets import folder, names
from aecbench.cli import main
from aecbench.leaderboard import open_board
from aecbench.results import lower_is_better
from aecbench.systems import load_predictions

ROOT = Path(ab.__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "docs" / "examples"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
STARTERS = {"torchrun", "--no-python", "|", "time"}  # may stand before aecbench on a line


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def commands(page: Path) -> Iterator[list[str]]:
    """The words behind each "aecbench" that starts a program in the bash blocks of a page."""
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            places = [n for n, word in enumerate(words) if word == "aecbench"]
            for start in (n for n in places if n == 0 or STARTERS & set(words[:n])):
                ends = [n for n in range(start, len(words)) if words[n] in ("|", "&&", ">", ";")]
                yield words[start + 1 : min(ends, default=len(words))]


def check(words: list[str]) -> None:
    """Parse a command line as aecbench would, with names and values of all options, and stop there."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, f"no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_can_be_typed(page):
    for words in commands(page):
        try:
            check(words)
        except click.ClickException as error:
            pytest.fail(f"aecbench {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("words", [["simulat"], ["eval", "--modle", "nlms"], ["cancel", "--model", "nlms"]])
def test_a_command_line_that_cannot_be_typed_is_found(words):
    with pytest.raises((AssertionError, click.ClickException)):
        check(words)


def test_the_pages_have_commands_to_check():
    assert sum(len(list(commands(page))) for page in PAGES) > 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_is_python(page):
    for block in blocks(page, "python"):
        ast.parse(f"dict({{{block}}})" if block.startswith('"') else block)


def test_every_extra_is_in_the_table_of_extras():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = re.findall(r"^\| `(\w+)` \|", (DOCS / "start.md").read_text(), re.MULTILINE)
    assert set(table) == set(extras)


def test_the_latencies_on_the_pages_are_those_of_the_systems():
    rows = re.findall(r"^\| (\d+) ms \| (.*) \|$", (DOCS / "choose.md").read_text(), re.MULTILINE)
    shown = {name.strip("`"): int(ms) for ms, systems in rows for name in systems.split(", ")}
    trained = re.findall(r"^\| `(\w+)` \| (\d+) \| 0\.\d+ \|", (DOCS / "deploy.md").read_text(), re.MULTILINE)
    board = open_board(folder("leaderboards") / "devices-v1")
    latencies = {name: published.entry.system.latency for name, published in board.current.items()}
    latencies |= {name: ab.load_system(name).canceller.latency for name in names("baselines")}
    del latencies["passthrough"]
    assert shown == {name: round(latency / 16) for name, latency in latencies.items()}
    assert len(trained) == 4
    assert all(shown[name] == int(ms) for name, ms in trained)


@pytest.fixture
def example(monkeypatch, tmp_path):
    """Imports a file of the examples, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    return lambda name: __import__(name)


def test_the_first_steps_run(example, tmp_path, capsys):
    pytest.importorskip("espeakng_loader")
    runpy.run_path(str(EXAMPLES / "first_steps.py"))
    assert "| kalman |" in capsys.readouterr().out
    assert (tmp_path / "runs" / "first" / "table.md").exists()


def test_the_example_of_a_canceller_takes_echo_out_and_keeps_the_contract(example, corpus):
    mine = example("my_canceller").MyCanceller()
    _, signals, _ = corpus.where(talk="far_single")[0]
    pair = np.stack([signals.mic, signals.mic]), np.stack([signals.far, signals.far])
    output = mine.cancel(*pair)
    np.testing.assert_allclose(output[1], mine.cancel(signals.mic, signals.far), atol=1e-6)
    edited = signals.far.copy()
    edited[20_000:] *= 2
    heard = np.s_[: 20_000 - mine.latency]
    np.testing.assert_array_equal(output[0][heard], mine.cancel(signals.mic, edited)[heard])
    table = ab.evaluate("my_canceller:MyCanceller", corpus, "erle_true").to_pandas()
    assert table.set_index("metric").loc["erle_true", "mean"] > 3


def test_the_example_of_a_streaming_canceller_takes_echo_out_and_lets_the_near_end_through(example):
    rng = np.random.default_rng(0)
    far = (rng.normal(size=48_000) / 10).astype(np.float32)
    room = 0.2 * rng.normal(size=600) * np.exp(-np.arange(600) / 100)
    mic = np.convolve(far, room)[: far.size].astype(np.float32)
    mine = example("my_streaming").MyStreaming()
    assert np.sum(mine.cancel(mic, far)[16_000:] ** 2) < 0.03 * np.sum(mic[16_000:] ** 2)
    np.testing.assert_allclose(mine.cancel(mic, 0 * far), mic, rtol=0, atol=1e-6)
    assert mine.delay == mine.block
    assert mine.latency == 2 * mine.block - 1


def test_the_example_of_an_nlms_takes_echo_out_and_takes_batches(example):
    far = np.random.default_rng(0).normal(size=16_000) / 10
    mic = 0.5 * np.roll(far, 20)
    mine = example("my_nlms").MyNLMS()
    output = mine.cancel(np.stack([mic, mic]), np.stack([far, far]))
    assert np.sum(output[:, 8000:] ** 2) < 1e-3 * np.sum(mic[8000:] ** 2) * 2
    np.testing.assert_array_equal(output[1], mine.cancel(mic, far))


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_example_of_a_c_library_gives_what_the_same_filter_gives_as_a_program(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("frames.c", "my_library.py", "nlms.c"):
        shutil.copy(EXAMPLES / name, name)
    subprocess.run(shlex.split("cc -O2 -shared -fPIC -o libframes.so frames.c"), check=True)
    subprocess.run(shlex.split("cc -O2 -o nlms nlms.c"), check=True)
    far = (np.random.default_rng(0).normal(size=(2, 9_001)) / 10).astype(np.float32)
    mic = 0.5 * np.roll(far, 20, axis=-1)
    output = ab.load_system("my_library:MyLibrary", "none").cancel(mic, far)
    program = ab.load_system("command:./nlms {mic} {far} {out}", "none").cancel(mic, far)
    assert np.square(program[:, -1000:]).mean() < 1e-4 * np.square(mic).mean()
    assert np.square(output - program).mean() < 1e-6 * np.square(mic).mean()  # their inputs are rounded differently


def test_h5py_alone_reads_what_the_corpus_reads(monkeypatch, tmp_path, corpus, capsys):
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/quickstart-v2").symlink_to(corpus.path)
    monkeypatch.chdir(tmp_path)
    read = runpy.run_path(str(EXAMPLES / "read_with_h5py.py"))
    last = corpus.split("test")[-1]
    assert read["scene"]["id"] == last.scene.id
    for name in ("far", "mic", "echo"):
        np.testing.assert_array_equal(read[name], getattr(last.signals, name))
    assert len(capsys.readouterr().out.splitlines()) == len(corpus.split("test"))


def test_outputs_written_as_the_guide_says_score_like_the_system_itself(monkeypatch, tmp_path, corpus):
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/quickstart-v2").symlink_to(corpus.path)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "write_outputs.py"))
    written = load_predictions("written=outputs")
    rows = ab.evaluate([written, "kalman"], corpus, ["erle", "erle_true", "level", "near_attenuation"]).rows
    values = rows[rows["metric"] != "rtf"].set_index(["scene", "metric", "system"])["value"].unstack()
    assert values.notna().any().all()
    np.testing.assert_allclose(values["written"], values["kalman"], atol=1e-3)


def test_the_example_of_a_metric_scores_and_says_that_lower_is_better(example, corpus, aecbench):
    example("my_metric")
    words = ["--metric", "my_metric:PEAK", "--corpus", corpus.path, "--jobs", 1, "--align", "none"]
    result = aecbench("eval", "--model", "passthrough", "--model", "nlms", *words, "--out", "run", "--format", "md")
    assert result.exit_code == 0, result.output
    assert "| system | Peak [dBFS] |" in result.stdout
    table = ab.ResultTable.load("run/rows.parquet")
    rows = table.rows.query("metric == 'my_metric:PEAK'")
    assert not rows["failed"].any()
    assert rows["value"].dropna().between(-60, 0).all()
    assert lower_is_better("my_metric:PEAK", table.provenance)


def test_the_example_of_a_loudspeaker_is_a_value_of_a_recipe(example, recipe_file, tmp_path):
    device = example("my_loudspeaker").DEVICE
    name = "my_loudspeaker:DEVICE"
    changes = {"loudspeaker.model": name, "loudspeaker.parameters": {name: {"drive": 2.0}}}
    corpus = ab.simulate(recipe_file, tmp_path / "c", split="val", scenes=1, set=changes)
    assert corpus[0].scene.loudspeaker.model == name
    x = np.linspace(-1, 1, 101)
    np.testing.assert_allclose(device.fn(x, knee=1.0), x - x**3 / 3, atol=1e-12)


LOADED = re.compile(r"""<(?:script|img|link|iframe|source|audio)\b[^>]*\b(?:src|href)=["'](?:https?:)?//""")
IMPORTED = re.compile(r"""(?:@import|url\()\s*["']?(?:https?:)?//""")


def test_the_pages_build_with_what_the_code_made_and_load_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("espeakng_loader")
    pages = tmp_path / "html"
    options = ["-W", "--keep-going", "-q", "-t", "quick", "-d", tmp_path / "work"]  # the tutorial is run below
    command = [sys.executable, "-m", "sphinx", *options, DOCS, pages]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert "aecbench simulate [OPTIONS] [RECIPE]" in (pages / "commands.html").read_text()
    assert (pages / "design.html").read_text().count("<li><b>") == 10
    assert (pages / "numbers.html").read_text().count("<img") >= 3
    assert "half duplex" in (pages / "numbers.html").read_text()
    assert not [path for path in pages.rglob("*.html") if LOADED.search(path.read_text())]
    assert not [path for path in pages.rglob("*.css") if IMPORTED.search(path.read_text())]


def test_two_scenes_compared_by_hand_have_the_scores_of_the_board(tmp_path, aecbench):
    pytest.importorskip("espeakng_loader")
    (tmp_path / "leaderboards").symlink_to(folder("leaderboards"))
    page = DOCS / "leaderboards.md"
    for words in commands(page):
        if any(word.endswith("/first") for word in words):
            result = aecbench(*words, "--jobs", 1)
            assert result.exit_code == 0, result.output
    (block,) = (block for block in blocks(page, "python") if "runs/first" in block)
    both = {}
    exec(block, both)
    rows = both["both"].query("metric != 'rtf'")
    assert rows["value"].notna().sum() >= 3
    np.testing.assert_allclose(rows["value"], rows["value_board"], rtol=0, atol=1e-6)
    values = rows.set_index(["scene", "metric"])["value"].unstack().to_numpy()
    assert np.isnan(values).any(axis=1).all()


SHORTER = {
    '"splits": {"train": 12, "val": 4, "test": 4},': '"splits": {"train": 4, "val": 1, "test": 2},',
    '"epochs": 8,': '"epochs": 1,',
}


def test_the_tutorial_holds_no_outputs_and_runs(tmp_path):
    pytest.importorskip("espeakng_loader")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in book.cells)
    for whole, fewer in SHORTER.items():  # the pages are built with the whole
        (cell,) = (cell for cell in book.cells if whole in cell.source)
        cell.source = cell.source.replace(whole, fewer)
    nbclient.NotebookClient(book, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output.get("data", {}) for cell in book.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output for output in outputs) == 4
    assert any("tERLE" in output.get("text/html", "") for output in outputs)
