import json
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from aecbench.leaderboard import check, open_board, verify


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def value_of(rows, metric, value):
    at = rows.index[(rows["metric"] == metric) & rows["value"].notna()][0]
    return rows.assign(value=rows["value"].where(rows.index != at, value))


def better(path, forge):
    forge(rows=lambda rows: value_of(rows, "erle_true", 60.0))


def means(path, forge):
    content = json.loads((path / "results/nlms.json").read_text())
    content["means"]["erle"]["mean"] += 1
    forge(means=content["means"])


def resealed(path, forge):
    edit(path / "results/nlms.json", title="the best")


def other_rows(path, forge):
    rows = pd.read_parquet(path / "results/nlms.parquet")
    value_of(rows, "erle", 50.0).to_parquet(path / "results/nlms.parquet")


def other_corpus(path, forge):
    forge(corpus=json.loads((path / "results/nlms.json").read_text())["corpus"] | {"digest": "0" * 64})


def missing_scene(path, forge):
    forge(rows=lambda rows: rows[rows["scene"] != rows["scene"].iloc[0]])


def scene_twice(path, forge):
    forge(rows=lambda rows: pd.concat([rows, rows.iloc[:1]], ignore_index=True))


def unknown_scene(path, forge):
    forge(rows=lambda rows: rows.assign(scene=rows["scene"].where(rows.index != 0, "toy-v1/test/999999")))


def unknown_metric(path, forge):
    forge(rows=lambda rows: rows.assign(metric=rows["metric"].where(rows.index != 0, "charm")))


def hidden_nan(path, forge):
    forge(rows=lambda rows: value_of(rows, "erle_true", float("nan")))


def excused_nan(path, forge):
    def excuse(rows):
        changed = value_of(rows, "erle_true", float("nan"))
        gone = changed["value"].isna() & rows["value"].notna()
        return changed.assign(reason=changed["reason"].where(~gone, "no far-end single talk"))

    forge(rows=excuse)


def out_of_range(path, forge):
    forge(rows=lambda rows: value_of(rows, "erle", 400.0))


def infinite(path, forge):
    forge(rows=lambda rows: value_of(rows, "si_sdr", float("inf")))


def no_time(path, forge):
    forge(rows=lambda rows: value_of(rows, "rtf", 0.0))


def parameters(path, forge):
    content = json.loads((path / "results/nlms.json").read_text())
    forge(system=content["system"] | {"parameters": {"step_size": 1.0}})


def weights(path, forge):
    content = json.loads((path / "results/nlms.json").read_text())
    forge(card=content["card"] | {"weights": "weights.safetensors", "sha256": "0" * 64})


def copied(path, forge):
    shutil.copy(path / "results/nlms.parquet", path / "results/copy.parquet")
    shutil.copy(path / "results/nlms.json", path / "results/copy.json")
    edit(path / "results/copy.json", name="copy")
    forge("copy")


def renamed(path, forge):
    for suffix in (".json", ".parquet"):
        (path / f"results/nlms{suffix}").rename(path / f"results/best{suffix}")


def rows_gone(path, forge):
    (path / "results/nlms.parquet").unlink()


def stray(path, forge):
    (path / "results/notes.txt").write_text("hello")


def no_json(path, forge):
    (path / "results/nlms.json").write_text("{")


def unknown_key(path, forge):
    edit(path / "results/nlms.json", bonus=1)


def version_skipped(path, forge):
    for suffix in (".json", ".parquet"):
        (path / f"results/nlms{suffix}").rename(path / f"results/nlms@3{suffix}")
    edit(path / "results/nlms@3.json", version=3)
    forge("nlms@3")


def readme(path, forge):
    text = (path / "README.md").read_text()
    (path / "README.md").write_text(text.replace("[nlms]", "[mine]"))


def other_board(path, forge):
    forge(board="other-v1")


def old_metric(path, forge):
    forge(metrics={"erle": 0, "erle_true": 1, "si_sdr": 1})


def failed_with_value(path, forge):
    forge(rows=lambda rows: rows.assign(failed=rows["value"].notna()))


def lossless(path, forge):
    forge(near_end_destroyed=[5, 5])


def right_to_left(path, forge):
    edit(path / "results/nlms.json", title="a\u202eb")


def script(path, forge):
    edit(path / "results/nlms.json", url="javascript:alert(1)")


TAMPERED = {
    better: "states mean",
    means: "states mean",
    resealed: "was edited after it was published",
    other_rows: "its hash differs",
    other_corpus: "was scored on a corpus of digest 0000",
    missing_scene: "lacks scene toy-v1/test/000000",
    scene_twice: "has more than one row for scene",
    unknown_scene: "has an unknown scene toy-v1/test/999999",
    unknown_metric: "has rows of the metric 'charm'",
    hidden_nan: "is NaN without a reason",
    excused_nan: "and has a value in other entries",
    out_of_range: "is 400, expected -100 to 100",
    infinite: "is inf, expected -100 to 100",
    no_time: "rtf is 0",
    parameters: "its system does not have the hash",
    weights: "its card names the weights 0000",
    copied: "has the very rows of",
    renamed: "its file should be nlms.json",
    rows_gone: "nlms.parquet: cannot be read",
    stray: "does not belong to the board",
    no_json: "cannot be read",
    unknown_key: "unknown key 'bonus'",
    version_skipped: "supersedes version 2, which is not there",
    readme: "is not what the entries give",
    other_board: "belongs to board 'other-v1'",
    old_metric: "has version 0 of erle",
    failed_with_value: "failed, and yet has a value",
    lossless: "scenes without near end",
    right_to_left: "hidden character U+202E",
    script: "expected an address that begins with https://",
}


def test_published_board_is_whole(path):
    assert verify(path) == []


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_tampered_board_is_refused_with_the_reason(path, forge, tamper):
    tamper(path, forge)
    found = verify(path)
    assert any(TAMPERED[tamper] in what for _, what in found), found


def test_weights_of_a_shipped_network_are_those_that_ship(path, forge, monkeypatch):
    entry = open_board(path).current["nlms"].entry
    system = entry.system.model_copy(update={"parameters": {"weights": "1" * 64}})
    facts = system.model_dump() | {"hash": system.rehash(entry.versions["aecbench"])}
    forge(system=facts, card=entry.card | {"sha256": "1" * 64})
    monkeypatch.setattr(check, "load_system", lambda name: SimpleNamespace(parameters={"weights": "2" * 64}))
    ((file, what),) = verify(path)
    assert file == "results/nlms.json"
    assert f"but the shipped nlms has {'2' * 64}" in what


def test_an_older_version_may_have_had_other_weights(path):
    entry = open_board(path).current["nlms"]
    system = entry.entry.system.model_copy(update={"parameters": {"weights": "1" * 64}})
    old = entry._replace(entry=entry.entry.model_copy(update={"system": system}))
    new = entry._replace(entry=entry.entry.model_copy(update={"version": 2}))
    rules = open_board(path).rules
    assert not list(check._outdated([new, old], rules))
    assert len(list(check._outdated([old], rules))) == 1


def test_an_archive_keeps_the_weights_that_it_was_measured_with(path):
    entry = open_board(path).current["nlms"]
    system = entry.entry.system.model_copy(update={"parameters": {"weights": "1" * 64}})
    old = entry._replace(entry=entry.entry.model_copy(update={"system": system}))
    archive = open_board(path).rules.model_copy(update={"successor": "newer-v2"})
    assert not list(check._outdated([old], archive))


def test_problems_are_printed_with_their_file(aecbench, path):
    (path / "results/nlms.parquet").unlink()
    result = aecbench("leaderboard", "verify", "toy-v1")
    assert result.exit_code == 1
    assert "leaderboards/toy-v1/results/nlms.json: " in result.output


def test_all_boards_are_verified_without_a_name(aecbench, path):
    result = aecbench("leaderboard", "verify")
    assert result.exit_code == 0
    assert "toy-v1: intact, 2 systems, 6 scenes" in result.output


def test_scenes_that_were_edited_are_refused(aecbench, path):
    scenes = pd.read_parquet(path / "scenes.parquet")
    scenes.assign(talk="double").to_parquet(path / "scenes.parquet")
    result = aecbench("leaderboard", "verify")
    assert result.exit_code == 1
    assert "scenes.parquet: is not the table that board.toml names" in result.stderr
