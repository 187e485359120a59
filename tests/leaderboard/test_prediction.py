"""What a board predicts of real recordings, on its page."""

import shutil

import pytest

from aecbench.errors import AecbenchError
from aecbench.leaderboard import open_board, update, verify
from aecbench.leaderboard.readme import board_readme
from aecbench.leaderboard.site import build
from aecbench.leaderboard.validity import VALIDITY, Prediction, grids, read_validity, write_validity

BOARD = "toy-v1"
ROWS = [
    Prediction("erle", "real-v1", "erle_raw", "raw ERLE [dB]", 0.8, 0.5, 0.95, 9, 16),
    Prediction("si_sdr", "real-v1", "erle_raw", "raw ERLE [dB]", 0.2, -0.3, 0.6, 9, 16),
]


@pytest.fixture
def path(published, tmp_path):
    """A board with the table."""
    path = shutil.copytree(published / BOARD, tmp_path / BOARD)
    assert "predict" not in board_readme(open_board(path))
    write_validity(path, ROWS)
    update(path)
    return path


def test_the_readme_says_what_the_board_predicts_and_what_not(path):
    assert read_validity(path) == ROWS
    page = (path / "README.md").read_text()
    assert "## How well does this board predict results on real recordings?" in page
    assert "| real-v1, 9 systems | raw ERLE \\[dB\\], 16 devices |" in page
    assert "| ERLE \\[dB\\] | **0.80 \\(0.50 to 0.95\\)** |" in page
    assert "| SI-SDR \\[dB\\] | 0.20 \\(-0.30 to 0.60\\) |" in page


def test_the_page_for_a_browser_says_it_too(path, tmp_path):
    build([open_board(path)], tmp_path / "site")
    page = (tmp_path / "site" / BOARD / "index.html").read_text()
    assert "<h2>How well does this board predict results on real recordings?</h2>" in page
    assert "<strong>0.80 (0.50 to 0.95)</strong>" in page
    assert "<td>0.20 (-0.30 to 0.60)</td>" in page


def test_a_metric_that_lacks_a_value_has_an_empty_cell():
    (grid,) = grids([*ROWS, ROWS[0]._replace(truth="pesq", title="PESQ", devices=7)], {})
    assert grid.heads == ["raw ERLE [dB], 16 devices", "PESQ, 7 devices"]
    assert grid.lines[1][1] == [ROWS[1], None]


def test_each_kind_of_recordings_has_a_grid_of_its_own():
    captions = [grid.caption for grid in grids([*ROWS, ROWS[0]._replace(recordings="real-v2", systems=5)], {})]
    assert captions == ["real-v1, 9 systems", "real-v2, 5 systems"]


def test_a_board_with_the_table_is_whole(path):
    assert verify(path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.5000", "-2", "an interval from -2 to 0.95"),
        ("0.8000", "none", "cannot be read"),
        ("erle,", "pesq,", "is about the metric 'pesq', which this board does not have"),
        ("0.8000", "0.9000", "is not what the entries give"),
    ],
)
def test_a_table_that_was_edited_is_refused(path, old, new, message):
    file = path / VALIDITY
    file.write_text(file.read_text().replace(old, new))
    (violation,) = verify(path)
    assert message in violation.what


def test_a_broken_table_is_told(published, tmp_path):
    (tmp_path / VALIDITY).write_text("metric,recordings\nerle,real-v1\n")
    with pytest.raises(
        AecbenchError, match=r"validity.csv: cannot be read \(KeyError\('correlation'\)\); write it again"
    ):
        read_validity(tmp_path)
