"""--json: every command prints one document on standard output, and nothing else there."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from aecbench.cli import main
from aecbench.report.listing import LISTINGS
from aecbench.results import ResultTable

QUICK = ("--jobs", 1)
WITHOUT = {"completion"}  # prints nothing for a program


def leaves(group: click.Group, *above: str):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *above, name)
        else:
            yield " ".join((*above, name)), command


def refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def document(result, code: int = 0):
    """The one line that was printed."""
    assert result.exit_code == code, result.stderr
    (line,) = result.stdout.splitlines()
    return json.loads(line, parse_constant=refused)


@pytest.fixture
def results(corpus, aecbench):
    """A folder of results of two systems, without scores that take long."""
    options = shlex.split("--model passthrough --model nlms --metric erle --metric si_sdr --out results")
    assert aecbench("eval", "--corpus", corpus.path, *options, *QUICK).exit_code == 0
    return "results"


def test_every_command_has_it():
    lacking = {name for name, command in leaves(main) if not any("--json" in p.opts for p in command.params)}
    assert lacking - WITHOUT == set()


def test_list(aecbench):
    found = document(aecbench("list", "--json"))
    assert set(found) == set(LISTINGS)
    kalman = next(row for row in found["models"] if row["name"] == "kalman")
    assert kalman["origin"] == "shipped"
    assert "Kalman" in kalman["about"]
    assert set(document(aecbench("list", "metrics", "--json"))) == {"metrics"}


def test_simulate_and_verify_tell_path_and_digest(aecbench, recipe_file, corpus):
    made = document(aecbench("simulate", recipe_file, "--split", "val", *QUICK, "--json"))["corpus"]
    assert made["path"] == "corpora/toy-v1"
    assert made["scenes"] == {"val": 2}
    found = document(aecbench("verify", corpus.path, "--json"))
    assert found["corpus"]["digest"] == corpus.digest
    assert (found["whole"], found["problems"]) == (True, [])


def test_verify_names_what_is_damaged_and_fails(aecbench, recipe_file):
    aecbench("simulate", recipe_file, "--split", "val", *QUICK)
    Path("corpora/toy-v1/shards/stray.h5").touch()
    found = document(aecbench("verify", "corpora/toy-v1", "--json"), 1)
    stray = {"file": "shards/stray.h5", "what": "does not belong to the corpus", "readable": True}
    assert found["problems"] == [stray]
    assert found["whole"] is False


def test_inspect_names_its_pictures(aecbench, corpus, monkeypatch):
    drawn = []
    monkeypatch.setattr("aecbench.plots.plot_corpus", lambda _, path: drawn.append(str(path)))
    monkeypatch.setattr("aecbench.plots.plot_scene", lambda _, __, path: drawn.append(str(path)))
    found = document(aecbench("inspect", corpus.path, "--scene", "test/000001", "--json"))
    assert found["pictures"] == drawn
    assert len(drawn) == 2


def test_export_and_import_tell_what_they_wrote(aecbench, corpus):
    made = document(aecbench("export", corpus.path, "--format", "wav", "--split", "val", "--out", "w", "--json"))
    assert Path(made["path"]).exists()
    problems = document(aecbench("import", "wav", "w", "--out", "again", *QUICK, "--json"))["problems"]
    assert problems == []


def test_compare_tells_the_difference_and_how_to_listen(aecbench, corpus):
    options = ["--metric", "erle", "--corpus", corpus.path, "--worst", 1, *QUICK, "--json"]
    found = document(aecbench("compare", "nlms", "passthrough", *options))
    assert found["systems"]["nlms"]["erle"]["difference"]["mean"] > 0
    assert found["sort"] == "erle"
    (scene,) = found["behind"]["passthrough"]
    assert scene["listen"].startswith("aecbench eval --model nlms")


def test_cost(aecbench):
    assert document(aecbench("cost", "passthrough", "--json"))["systems"]["passthrough"]["parameters"] == 0


def test_demo_tells_scores_and_files(aecbench, speech_folder):
    found = document(aecbench("demo", "--model", "nlms", "--speech", speech_folder, "--duration", 2, "--json"))
    assert found["scores"]["erle"]["microphone"]["value"] == pytest.approx(0)
    assert Path(found["files"][0]).exists()


def test_tune_tells_before_and_after(aecbench, corpus):
    pytest.importorskip("optuna")
    options = ["--corpus", corpus.path, "--trials", 1, "--scenes", 1, "--param", "step_size", *QUICK, "--json"]
    found = document(aecbench("tune", "nlms", *options))
    assert found["before"] == found["after"]
    assert Path(found["card"]).exists()


def test_fetch_tells_where_it_is(aecbench, monkeypatch, tmp_path):
    monkeypatch.setattr("aecbench.packs.fetch", lambda pack, data, **_: SimpleNamespace(root=tmp_path))
    assert document(aecbench("fetch", "open-speech-v1", "--json")) == {"pack": "open-speech-v1", "path": str(tmp_path)}


def test_leaderboards(aecbench, results, monkeypatch):
    monkeypatch.setattr("aecbench.leaderboard.site.build", lambda boards, out, **_: out / "index.html")
    made = document(aecbench("leaderboard", "new", "toy-v1", results, "--json"))["files"]
    assert made == ["leaderboards/toy-v1/board.toml"]
    tried = document(aecbench("publish", results, "--board", "toy-v1", "--dry-run", "--json"))
    assert (tried["written"], tried["entries"][0]["place"]) == (False, None)
    done = document(aecbench("publish", results, "--board", "toy-v1", "--json"))
    assert {entry["name"]: entry["place"] for entry in done["entries"]} == {
        "nlms": None,
        "passthrough": None,
    }  # too few scenes
    assert len(document(aecbench("leaderboard", "update", "--json"))["files"]) == 2
    (board,) = document(aecbench("leaderboard", "verify", "--json"))["boards"]
    assert (board["systems"], board["problems"]) == (2, [])
    assert document(aecbench("leaderboard", "build", "--json")) == {"page": "site/index.html"}
    Path("leaderboards/toy-v1/results/nlms.parquet").unlink()
    (board,) = document(aecbench("leaderboard", "verify", "--json"), 1)["boards"]
    assert board["problems"]


def test_quickstart_tells_what_eval_tells_and_where(aecbench, corpus, results, monkeypatch):
    monkeypatch.setattr("aecbench.simulation.simulate", lambda *_, **__: corpus)
    table = ResultTable.load(Path(results) / "rows.parquet")
    monkeypatch.setattr("aecbench.evaluation.evaluate", lambda *_, **__: table)
    monkeypatch.setattr("aecbench.plots.style.save", lambda *_: None)
    found = document(aecbench("quickstart", "--json", "--jobs", 1))
    assert set(found["systems"]) == {"passthrough", "nlms", "oracle"}
    assert found["folder"] == "runs/quickstart-v2"


def test_an_error_leaves_standard_output_empty(aecbench):
    result = aecbench("simulate", "quickstart-v3", "--json")
    assert result.exit_code == 2
    assert not result.stdout
