import datetime
import json

import numpy as np
import pytest

from aecbench.errors import AecbenchError, UsageError
from aecbench.leaderboard import (
    BoardError,
    load_results,
    new_board,
    open_board,
    prepare,
    publish,
    update,
    update_all,
    verify,
)
from aecbench.leaderboard import board as boards_module
from aecbench.results import ResultTable


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_system_gets_an_entry_and_a_row_in_the_table(path):
    assert {file.name for file in (path / "results").iterdir()} == {
        "nlms.json",
        "nlms.parquet",
        "passthrough.json",
        "passthrough.parquet",
    }
    text = (path / "README.md").read_text()
    assert text.index("| - | [nlms](results/nlms.json)") < text.index("| - | [passthrough](results/passthrough.json)")
    assert "| [Toys](toy-v1/README.md) | 6 scenes, split test | 2 | - |" in (path.parent / "README.md").read_text()


def test_means_of_an_entry_are_those_of_the_evaluation(path, results):
    evaluated = load_results(results).summary()
    for name, (entry, _) in open_board(path).current.items():
        for metric, cell in entry.means.items():
            assert (cell.mean, cell.n) == (evaluated["", name][metric].mean, evaluated["", name][metric].n)


def test_a_board_is_a_pure_function_of_its_entries(boards, path):
    before = contents(boards)
    for readme in boards.rglob("README.md"):
        readme.unlink()
    update_all(boards, update(path))
    assert contents(boards) == before


def test_order_of_publishing_does_not_matter(tmp_path, results, path):
    table = load_results(results)
    board = new_board(table, tmp_path / "other" / "toy-v1", title="Toys", rebuild="aecbench simulate toy.toml")
    for system in ("passthrough", "nlms"):
        one = ResultTable(table.rows[table.rows["system"] == system], table.provenance)
        board = publish(prepare(one, board), board)
    assert (board.path / "README.md").read_text() == (path / "README.md").read_text()


def test_new_version_supersedes_and_the_old_one_stays_as_it_was(path, other):
    before = contents(path / "results")
    board = open_board(path)
    board = publish(prepare(other(), board), board)
    again = other(change=lambda rows: rows.assign(value=rows["value"] * 0.9))
    board = publish(prepare(again, board), board)
    assert [entry.file for entry, _ in board.systems["mine"]] == ["mine", "mine@2"]
    assert board.current["mine"].entry.version == 2
    assert before.items() <= contents(path / "results").items()
    assert "results/mine@2.json" in (path / "README.md").read_text().replace("%40", "@")
    assert verify(path) == []


def test_what_is_on_the_board_is_not_published_twice(path, results):
    with pytest.raises(BoardError, match=r"nlms.*already|passthrough.*already"):
        prepare(load_results(results), open_board(path))


def test_board_is_never_made_anew(path, results):
    with pytest.raises(BoardError, match="is a board already"):
        new_board(load_results(results), path)


def test_dry_run_says_what_would_be_and_writes_nothing(aecbench, boards, other, tmp_path):
    other().save(tmp_path / "run")
    before = contents(boards)
    result = aecbench("publish", "run", "--board", "toy-v1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "mine" in result.output
    assert contents(boards) == before


def test_failures_are_published_as_failures(path, other):
    def fail(rows):
        first = rows.index == rows.index[rows["value"].notna()][0]
        reason = rows["reason"].where(~first, "out of luck")
        return rows.assign(value=rows["value"].where(~first), failed=first, reason=reason)

    board = open_board(path)
    board = publish(prepare(other(change=fail), board), board)
    assert sum(cell.failed for cell in board.current["mine"].entry.means.values()) == 1
    assert verify(path) == []


def drop_scene(rows):
    return rows[rows["scene"] != rows["scene"].iloc[0]]


def drop_metric(rows):
    return rows[rows["metric"] != "si_sdr"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_scene, "lacks scene toy-v1/test/000000"),
        (drop_metric, "lacks scene"),
        (lambda rows: rows.assign(ser=rows["ser"] + 1), "ser of toy-v1/test/000000 is"),
        (lambda rows: rows.assign(value=np.inf), "expected -100 to 100"),
        (lambda rows: rows.assign(value=np.nan, reason=""), "is NaN without a reason"),
        (lambda rows: rows.drop(columns="talk"), "lack the column talk"),
    ],
)
def test_results_that_are_not_whole_are_refused_with_the_reason(path, other, change, reason):
    with pytest.raises(BoardError, match=reason):
        prepare(other(change=change), open_board(path))


def test_results_on_another_corpus_are_refused(path, other, results):
    corpus = load_results(results).provenance["corpus"] | {"digest": "0" * 64}
    with pytest.raises(BoardError, match="corpus of digest"):
        prepare(other(corpus=corpus), open_board(path))


def test_results_of_another_version_of_a_metric_are_refused(path, other):
    with pytest.raises(BoardError, match="has version 7 of erle, expected 2"):
        prepare(other(metrics={"erle": 7, "erle_true": 1, "si_sdr": 1}), open_board(path))


def test_shipped_name_is_for_the_shipped_system_only(path, other):
    with pytest.raises(BoardError, match="is a shipped system"):
        prepare(other(), open_board(path), name="kalman")


def test_results_of_a_card_that_was_changed_since_are_refused(path, other):
    table = other("kalman")
    with pytest.raises(BoardError, match="not of the class that kalman has now"):
        prepare(table, open_board(path))


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"name": "<img src=x onerror=alert(1)>"}, "name"),
        ({"name": "../nlms"}, "name"),
        ({"title": "looks\u202egood"}, r"hidden character U\+202E"),
        ({"authors": "a\nb"}, r"hidden character U\+000A"),
        ({"url": "javascript:alert(1)"}, "url: expected an address"),
        ({"url": "https://a b"}, "url: expected an address"),
    ],
)
def test_names_texts_and_addresses_that_could_harm_are_refused(path, other, about, reason):
    with pytest.raises(BoardError, match=reason):
        prepare(other(), open_board(path), **about)


def test_title_is_for_one_system(path, results):
    with pytest.raises(UsageError, match="for one system, got passthrough, nlms"):
        prepare(load_results(results), open_board(path), title="both")


@pytest.mark.parametrize("text", [b"", b"PAR1 no", b"{}"])
def test_files_that_are_no_results_are_refused(tmp_path, text):
    (tmp_path / "rows.parquet").write_bytes(text)
    with pytest.raises(AecbenchError, match="contains no results"):
        load_results(tmp_path)


def test_a_folder_without_results_has_no_such_file(aecbench, tmp_path):
    result = aecbench("publish", tmp_path, "--board", "speech-v1")
    assert result.exit_code == 1
    assert result.stderr == (
        f"aecbench: {tmp_path}/rows.parquet: no such file; expected the results of aecbench eval\n"
    )


def test_markup_in_titles_is_text_in_markdown(path, other):
    board = open_board(path)
    publish(prepare(other(), board, title="<img src=x> | [a](b)", published=datetime.date(2026, 1, 2)), board)
    text = (path / "README.md").read_text()
    assert r"\<img src=x\> \| \[a\]\(b\) |  | 2026-01-02" in text
    assert "<img" not in text.replace(r"\<", "")


def test_unknown_board_names_the_nearest(aecbench, boards, results):
    result = aecbench("publish", results, "--board", "toy-v2")
    assert result.exit_code == 2
    assert "did you mean 'toy-v1'?" in result.stderr


def test_boards_inside_an_installed_package_are_never_written_to(aecbench, published, results, monkeypatch):
    monkeypatch.setattr(boards_module, "folder", lambda kind: published)
    before = contents(published)
    assert aecbench("leaderboard", "verify").exit_code == 0
    result = aecbench("publish", results, "--board", "toy-v1")
    assert result.exit_code == 2
    assert "is part of the installed aecbench, which is read-only; give another folder with --boards" in result.stderr
    result = aecbench("leaderboard", "update")
    assert result.exit_code == 2
    assert "leaderboards: no such folder; name the one of the leaderboards with --boards" in result.stderr
    assert contents(published) == before


def test_commands_make_fill_and_rewrite_a_board(aecbench, results, tmp_path):
    assert aecbench("leaderboard", "new", "small", results, "--rank-by", "erle_true").exit_code == 0
    result = aecbench("publish", results, "--board", "small")
    assert "nlms: version 1, not ranked" in result.output
    before = contents(tmp_path / "leaderboards")
    assert aecbench("leaderboard", "update").exit_code == 0
    assert contents(tmp_path / "leaderboards") == before
    assert json.loads((tmp_path / "leaderboards/small/results/nlms.json").read_text())["card"]["canceller"] == "nlms"
