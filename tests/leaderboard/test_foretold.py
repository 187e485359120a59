"""What a board foretells of real recordings, on its page."""

import shutil

import pytest

from aecbench.errors import AecbenchError
from aecbench.leaderboard import open_board
from aecbench.leaderboard.foretold import VALIDITY, Foretold, foretold, write_foretold
from aecbench.leaderboard.readme import board_readme

BOARD = "toy-v1"
ROWS = [
    Foretold("erle", "real-v1", "erle_raw", 0.8, 0.5, 0.95, 9, 16),
    Foretold("si_sdr", "real-v1", "erle_raw", 0.2, -0.3, 0.6, 9, 16),
]


def test_the_page_says_what_the_board_foretells_and_what_not(published, tmp_path):
    path = shutil.copytree(published / BOARD, tmp_path / BOARD)
    before = board_readme(open_board(path))
    assert "foretell" not in before
    write_foretold(path, ROWS)
    assert foretold(path) == ROWS
    page = board_readme(open_board(path))
    assert "## How well does this board foretell real recordings?" in page
    assert "0.80 \\(0.50 to 0.95\\)" in page
    assert ", foretells nothing |" in page


def test_a_broken_table_is_told(published, tmp_path):
    (tmp_path / VALIDITY).write_text("metric,recordings\nerle,real-v1\n")
    with pytest.raises(
        AecbenchError, match=r"validity.csv: cannot be read \(KeyError\('correlation'\)\); write it again"
    ):
        foretold(tmp_path)
