"""The README says what the code and the boards say."""

import re
import tomllib
from pathlib import Path

import pytest

import aecbench as ab
from aecbench.assets import folder, names
from aecbench.leaderboard import open_board
from aecbench.metrics import METRICS
from aecbench.results import heading

ROOT = Path(ab.__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def board_table() -> tuple[str, list[str], list[list[str]]]:
    """The name of the board whose table is shown, the headings of its columns, and its rows."""
    name, table = re.search(r"<!-- board: (\S+) -->\n((?:\|.*\n)+)", TEXT).groups()
    head, _, *rows = map(cells, table.splitlines())
    return name, head[1:], rows


def test_the_table_of_a_board_shows_what_was_published():
    name, head, rows = board_table()
    board = open_board(folder("leaderboards") / name)
    metrics = {heading(metric): metric for metric in [*METRICS, "rtf"]}
    for system, *shown in rows:
        intervals = board.summary()["", system]
        for column, text in zip(head, shown, strict=True):
            value, _, _ = text.partition(" ±")
            decimals = len(value.partition(".")[2])
            summary = METRICS[metrics[column]].summary if metrics[column] in METRICS else "mean"
            assert value == f"{getattr(intervals[metrics[column]], summary):.{decimals}f}", (system, column)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        (r"(\d+)\s+shipped systems", len(names("baselines"))),
        (r"Five of (\d+) systems", len(open_board(folder("leaderboards") / board_table()[0]).systems)),
        (r"with (\d+) metrics", len(METRICS)),
    ],
)
def test_numbers_of_things_are_those_of_the_code(pattern, count):
    assert re.search(pattern, TEXT)[1] == str(count)


def test_the_version_to_cite_is_that_of_the_package():
    assert re.search(r"version = \{(.*)\}", TEXT)[1] == ab.__version__
    assert f"version: {ab.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == ab.__version__


def test_every_file_that_is_linked_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("mark", ["run", "test"])
def test_the_marked_commands_install_from_the_checkout(mark):
    block = re.search(rf"<!-- fresh: {mark} -->\n```bash\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[1]
    extras = {"run": "espeak", "test": "espeak,test"}[mark]
    last = {"run": "aecbench quickstart", "test": "./check"}[mark]
    assert block.splitlines() == [f"python -m pip install -c constraints.txt -e '.[{extras}]'", last]


def test_the_badge_and_the_classifiers_name_the_same_versions_of_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [
        c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith("Programming Language :: Python :: 3.")
    ]
    assert f"python-{named[0]}_to_{named[-1]}-" in TEXT
    assert project["requires-python"] == f">={named[0]}"
