"""Folders, files and names that are wrong: one line says so, and nothing is lost."""

import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aecbench.errors import UsageError
from aecbench.leaderboard import BoardError, load_results, new_board, open_board, prepare, publish, rerun, verify
from aecbench.output import locked


def assert_one_line(result, code, words):
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("aecbench: ")
    assert words in line


@pytest.mark.parametrize("name", ["My Board", "größe", "a/b", "../x", "..", ".", "", "_x", "a" * 65])
def test_a_board_has_the_name_of_a_folder(aecbench, results, tmp_path, name):
    result = aecbench("leaderboard", "new", name, results, "--boards", "boards")
    assert_one_line(result, 2, f"board {name!r}: expected a name of at most 64 lower-case letters")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("verify",), ("build", "--out", "site"), ("update",)])
@pytest.mark.parametrize("folder", ["project", "nothing"])
def test_a_folder_without_boards_is_not_taken_for_intact(aecbench, tmp_path, words, folder):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("My project")
    assert aecbench("leaderboard", *words, "--boards", folder).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    assert (tmp_path / "project" / "README.md").read_text() == "My project"


def test_an_empty_name_is_no_board(aecbench, boards):
    assert aecbench("leaderboard", "verify", "", "--boards", boards).exit_code == 2


def test_the_readme_of_a_project_is_not_replaced(aecbench, results, boards, path, other, tmp_path):
    (tmp_path / "README.md").write_text("My project")
    assert_one_line(
        aecbench("leaderboard", "new", "toys", results, "--boards", "."), 2, "is not a list of leaderboards"
    )
    assert not (tmp_path / "toys").exists()
    (boards / "README.md").write_text("My project")
    before = sorted(path.rglob("*"))
    assert_one_line(aecbench("leaderboard", "update", "--boards", boards), 2, "is not a list of leaderboards")
    board = open_board(path)
    with pytest.raises(UsageError, match="is not a list of leaderboards"):
        publish(prepare(other(), board), board)
    assert sorted(path.rglob("*")) == before
    assert (boards / "README.md").read_text() == (tmp_path / "README.md").read_text() == "My project"


def test_a_readme_that_is_no_text_is_not_current(path):
    (path / "README.md").write_bytes(b"\xff\xfe")
    assert [what for _, what in verify(path)] == ["is not what the entries give; run aecbench leaderboard update"]


@pytest.mark.parametrize("words", [("update",), ("build", "--out", "site")])
def test_a_metric_that_no_entry_has_is_one_line(aecbench, boards, path, words):
    text = (path / "board.toml").read_text()
    (path / "board.toml").write_text(text.replace("[metrics.si_sdr]", "[metrics.charm]").replace('"si_sdr"', '"charm"'))
    result = aecbench("leaderboard", *words, "--boards", boards)
    assert_one_line(result, 1, "results/nlms.json: lacks the metric charm, which board.toml lists")


def test_pages_are_not_written_among_the_boards(aecbench, boards, path):
    before = sorted(boards.rglob("*"))
    assert_one_line(
        aecbench("leaderboard", "build", "--boards", boards, "--out", boards),
        2,
        "contains the leaderboards themselves; choose",
    )
    assert sorted(boards.rglob("*")) == before


def test_a_model_that_is_no_entry_is_not_ignored(path, corpus):
    with pytest.raises(
        UsageError, match=r"^--model kalman: expected one of the systems of toy-v1 that are not shipped \(none\)"
    ):
        list(rerun(open_board(path), corpus, 1, seed=1, models=["kalman"]))


def test_a_rerun_says_how_many_scenes_there_are(aecbench, boards, corpus):
    words = ["toy-v1", "--boards", boards, "--rerun", 99, "--corpus", corpus.path, "--seed", 1, "--jobs", 1]
    assert "run again on 6 scenes, --seed 1" in aecbench("leaderboard", "verify", *words).stdout


def test_an_entry_is_never_replaced_by_another_process(path, other):
    board = open_board(path)
    first, second = (
        prepare(other(change=lambda rows, f=f: rows.assign(value=rows["value"] * f)), board) for f in (1, 0.9)
    )
    publish(first, board)
    before = (path / "results" / "mine.json").read_bytes()
    with pytest.raises(BoardError, match=r"mine\.json: was published by another process meanwhile; publish again"):
        publish(second, board)
    assert (path / "results" / "mine.json").read_bytes() == before
    assert verify(path) == []


def test_publishing_waits_for_another_process_and_then_says_so(boards, path, other, monkeypatch):
    monkeypatch.setattr("aecbench.leaderboard.readme.PATIENCE", 0.1)
    board = open_board(path)
    with locked(boards), pytest.raises(Exception, match="another process is writing there"):
        publish(prepare(other(), board), board)
    publish(prepare(other(), board), board)


def test_results_of_a_part_of_the_scenes_leave_no_board(results, tmp_path):
    table = load_results(results)
    half = type(table)(table.rows[table.rows["scene"] < table.rows["scene"].max()], table.provenance)
    with pytest.raises(BoardError, match="the results are of 5 scenes, their corpus has 6; evaluate them again"):
        new_board(half, tmp_path / "half")
    assert not (tmp_path / "half").exists()


def without_align(facts):
    return facts | {"systems": {name: {"hash": own["hash"]} for name, own in facts["systems"].items()}}


@pytest.mark.parametrize(
    ("rows", "facts", "words"),
    [
        (None, lambda facts: facts | {"metrics": None}, "metrics in its metadata is None, not a table"),
        (None, lambda facts: facts | {"models": "x"}, "models in its metadata is 'x', not a table"),
        (None, lambda facts: facts | {"columns": 3}, "columns in its metadata is 3, not a table"),
        (None, lambda facts: facts | {"earlier": {"nlms": 3}}, "earlier.nlms in its metadata is 3, not a table"),
        (None, without_align, "missing key 'canceller'; evaluate it again"),
        (lambda rows: rows.assign(value="x"), None, "its column value is of type"),
        (lambda rows: rows.assign(failed="no"), None, "its column failed is of type"),
        (lambda rows: rows.assign(scene=None), None, "its column scene has empty cells"),
        (lambda rows: rows.assign(reason=None), None, "its column reason has empty cells"),
        (lambda rows: rows.assign(system=None), None, "its column system has empty cells"),
        (lambda rows: rows.drop(columns="talk"), None, "lacks talk; evaluate again"),
    ],
)
def test_damaged_results_are_one_line(aecbench, boards, results, tmp_path, rows, facts, words):
    folder = shutil.copytree(results, tmp_path / "runs")
    table = pq.read_table(folder / "rows.parquet")
    note, frame = dict(table.schema.metadata), table.to_pandas()
    if facts is not None:
        note[b"aecbench"] = json.dumps(facts(json.loads(note[b"aecbench"]))).encode()
    if rows is not None:
        table = pa.Table.from_pandas(pd.DataFrame(rows(frame)), preserve_index=False)
    pq.write_table(table.replace_schema_metadata(note), folder / "rows.parquet")
    words_of_both = ["--boards", boards]
    result = aecbench("publish", folder, "--board", "toy-v1", "--system", "nlms", "--name", "mine", *words_of_both)
    assert_one_line(result, 1, words)
    if facts is not without_align:  # a new board does not need the facts of systems
        assert_one_line(aecbench("leaderboard", "new", "toys", folder, *words_of_both), 1, words)
