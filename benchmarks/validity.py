"""How well a board predicts results on real recordings: rank correlation of its systems with results on recordings.

Run from a checkout: python benchmarks/validity.py BOARD... --real RECORDINGS [--truth METRIC] [--write]

RECORDINGS is a board of recordings, or a folder or file of `aecbench eval --out` on a corpus of them, with systems that
BOARD has. --write puts the table into the folder of BOARD; `aecbench leaderboard update` shows it on the pages.
"""

import argparse
from pathlib import Path

from aecbench.leaderboard.board import Board, board_names, find_board, open_board
from aecbench.leaderboard.validity import Prediction, read_validity, section, write_validity
from aecbench.results import RTF, SOURCES, ResultTable, heading
from aecbench.results.validity import validity


def main() -> None:
    """Compute, print and perhaps write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", metavar="BOARD", nargs="+", help="name of a board, or its folder")
    parser.add_argument("--real", required=True, metavar="RECORDINGS", help="board of recordings, or results")
    parser.add_argument(
        "--truth", action="append", metavar="METRIC", help="of the recordings [what its board ranks by]"
    )
    parser.add_argument("--write", action="store_true", help="write the table into the board's folder")
    options = parser.parse_args()
    if options.real in board_names():
        real = open_board(find_board(options.real))
        table, truths, name = real.table, options.truth or list(real.rules.ranked_by), options.real
    else:
        table = ResultTable.load(options.real)
        truths, name = options.truth or [metric for metric in table.metrics if metric != RTF], Path(options.real).stem
    for board in (open_board(find_board(name) if name in board_names() else Path(name)) for name in options.boards):
        rows = compare(board, table, name, truths)
        print("\n\n".join([f"# {board.rules.name}", *section(rows, board.facts)]))
        if options.write:
            kept = [row for row in read_validity(board.path) if row.recordings != name]
            write_validity(board.path, kept + rows)


def compare(board: Board, real: ResultTable, name: str, truths: list[str]) -> list[Prediction]:
    """Correlate every metric of a board with every truth; what cannot be computed is left out."""
    devices = next(column for column, kind in SOURCES.items() if kind == "devices" and column in real.rows)
    rows = [
        Prediction(
            metric, name, truth, heading(truth, real.provenance), *validity(board.table, real, metric, truth, devices)
        )
        for truth in truths
        for metric in board.rules.metrics
    ]
    return [row for row in rows if row.correlation == row.correlation]


if __name__ == "__main__":
    main()
