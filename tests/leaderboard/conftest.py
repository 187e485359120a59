"""A small leaderboard to publish to, to tamper with and to look at."""

import json
import shutil

import pandas as pd
import pytest

from aecbench.config import sha256
from aecbench.evaluation import evaluate
from aecbench.leaderboard import Board, Published, load_results, new_board, open_board, prepare, publish
from aecbench.leaderboard.entry import Entry, to_parquet
from aecbench.leaderboard.site import build
from aecbench.metrics import METRICS
from aecbench.results import ResultTable
from aecbench.systems import load_system

IMG = "<img src=x onerror=hacked=1>"
NAME = f"'\"{IMG}"
FEW = {name: METRICS[name] for name in ("erle", "erle_true", "si_sdr", "near_attenuation")}
BOARD = "toy-v1"


@pytest.fixture(scope="session")
def results(tmp_path_factory, corpus):
    """What aecbench eval --out writes of two systems."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    evaluate([load_system("passthrough"), load_system("nlms")], corpus, FEW).save(folder)
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory, results):
    """A folder of leaderboards, with one board of two systems."""
    place = tmp_path_factory.mktemp("boards") / "leaderboards"
    table = load_results(results)
    board = new_board(table, place / BOARD, title="Toys", rebuild="aecbench simulate toy.toml")
    publish(prepare(table, board), board)
    return place


@pytest.fixture(scope="session")
def hostile(tmp_path_factory, published):
    """The board with a system of which every text is an attack; it got past all checks."""
    path = shutil.copytree(published, tmp_path_factory.mktemp("hostile") / "leaderboards") / BOARD
    board = open_board(path)
    entry, rows = board.current["nlms"]
    attack = {
        "name": NAME,
        "title": f"</script><script>hacked=1</script>{IMG}",
        "authors": "=cmd()",
        "url": "javascript:hacked=1",
        "command": f"\u202egpj.exe {IMG}",
        "commit": IMG,
        "system": entry.system.model_copy(
            update={"parameters": {IMG: "</td>" + IMG}, "canceller": "\u202e", "latency": 160}
        ),
        "card": {"summary": IMG, "origin": {"</code>": "{{ 7 * 7 }}"}},
    }
    found = Published(entry.model_copy(update=attack), rows.assign(value=rows["value"] * 0.9))
    found.save(path / "results")
    return Board(path, board.rules, board.scenes, board.systems | {NAME: [found]})


@pytest.fixture(scope="session")
def site(tmp_path_factory, hostile, corpus):
    """Its pages, with sounds."""
    place = tmp_path_factory.mktemp("pages") / "site"
    build([hostile], place, corpus=corpus)
    return place


@pytest.fixture
def boards(published, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(published, tmp_path / "leaderboards")


@pytest.fixture
def path(boards):
    return boards / BOARD


@pytest.fixture
def other(results):
    """Results of a system that is not shipped: outputs of nlms under another name."""

    def make(name="mine", change=lambda rows: rows, **provenance):
        table = load_results(results)
        rows = change(table.rows[table.rows["system"] == "nlms"].assign(system=name).reset_index(drop=True))
        rows.loc[rows["metric"] == "rtf", "value"] *= 1.01  # no two runs take the same time
        facts = {name: table.provenance["systems"]["nlms"]}
        return ResultTable(rows, table.provenance | {"systems": facts} | provenance)

    return make


@pytest.fixture
def forge(path):
    """Edits an entry, and makes its hashes fit again, as a forger would."""

    def edit(name="nlms", rows=None, **changes):
        file = path / "results" / f"{name}.json"
        if rows is not None:
            table = file.with_suffix(".parquet")
            data = to_parquet(rows(pd.read_parquet(table)))
            table.write_bytes(data)
            changes["rows"] = sha256(data)
        content = json.loads(file.read_text()) | changes
        content["sha256"] = Entry.model_validate(content | {"sha256": ""}).seal()
        file.write_text(json.dumps(content, indent=1) + "\n")

    return edit
