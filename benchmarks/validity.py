"""How well a board foretells real recordings: rank correlation of its systems with results on recordings.

Run from a checkout: python benchmarks/validity.py BOARD --real RESULTS --truth METRIC [--device COLUMN] [--write]

RESULTS is a folder or file of `aecbench eval --out` on a corpus of recordings, with the systems of the board. With
--write, the table goes into the board's folder, and `aecbench leaderboard update` puts it on the board's page.
"""

import argparse
from pathlib import Path

from aecbench.leaderboard.board import find_board, open_board
from aecbench.leaderboard.foretold import Foretold, foretold, section, write_foretold
from aecbench.results import ResultTable
from aecbench.results.validity import validity


def main() -> None:
    """Compute, print and perhaps write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", metavar="BOARD", help="name of a board, or its folder")
    parser.add_argument("--real", required=True, metavar="RESULTS", help="results on recordings")
    parser.add_argument("--name", help="what to call the recordings [as RESULTS]")
    parser.add_argument("--truth", action="append", required=True, metavar="METRIC", help="of the recordings")
    parser.add_argument("--device", default="facts.device", metavar="COLUMN", help="of RESULTS [facts.device]")
    parser.add_argument("--write", action="store_true", help="write the table into the board's folder")
    options = parser.parse_args()
    folder = Path(options.board) if Path(options.board).is_dir() else find_board(options.board)
    board, real = open_board(folder).table, ResultTable.load(options.real)
    name = options.name or Path(options.real).stem
    rows = [
        Foretold(metric, name, truth, *validity(board, real, metric, truth, options.device))
        for truth in options.truth
        for metric in board.metrics
    ]
    rows = [row for row in rows if row.correlation == row.correlation]
    print("\n\n".join(section(rows)))
    if options.write:
        kept = [row for row in foretold(folder) if row.recordings != name]
        write_foretold(folder, kept + rows)


if __name__ == "__main__":
    main()
