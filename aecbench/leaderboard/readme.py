"""A board as Markdown, and the list of all boards: written from the entries, always the same text."""

import textwrap
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from aecbench.errors import UsageError
from aecbench.leaderboard.board import BOARD, Board, board_names, open_board
from aecbench.leaderboard.entry import RESULTS
from aecbench.leaderboard.text import markdown
from aecbench.leaderboard.validity import read_validity, section
from aecbench.output import locked, new_folder, whole_file
from aecbench.results import CEILING, LOST, MARK, RTF, Interval, cell, heading, lost_cell, summarised
from aecbench.scenes.conditions import with_unit

__all__ = [
    "LATENCY",
    "README",
    "board_readme",
    "boards_readme",
    "foot",
    "latency_cell",
    "order",
    "update",
    "update_all",
    "writing",
]

README = "README.md"
WRITTEN = "<!-- Written by aecbench"  # beginning of a line in every README.md
PATIENCE = 60  # longest wait for another process to write to the folder of the boards [s]
LATENCY = "Latency [ms]"
SHOWN = ("talk", "ser", "rt60", "loudspeaker")  # conditions


def foot(board: Board) -> str:
    """How to read the table."""
    rule, summary = board.rules.near_lost, summarised(board.columns, board.facts)
    notes = [
        f"{summary[0].upper()}{summary[1:]}, for metrics of the near end over those in which both ends talk, ± 95 %",
        "interval; in brackets the rank, shared where the difference is not certain (Holm-corrected for the table)."
        if any(rank is not None for ranks in board.ranks.values() for rank in ranks.values())
        else "interval.",
        f"{board.table.effective}; those that share a talker, a recording of noise or a device count as dependent.",
        f"{LOST}: scenes in which more than {rule.loss:g} dB of the near end are gone; {MARK}: in more than",
        f"{rule.share:.0%}, behind all others.",
    ]
    if CEILING in board.current:
        notes.append(f"{CEILING}: told the echo, takes away that and nothing else, and has no rank.")
    notes += [
        "RTF: seconds of processor time per second of audio on one core, of the machine that the entry names.",
        "Latency: how far ahead the output needs the microphone, in milliseconds; computing takes time on top of it.",
    ]
    return textwrap.fill(" ".join(notes), 120)


def latency_cell(latency: float | None) -> str:
    """Write a latency in milliseconds; "-" where it is not known.

    >>> latency_cell(39.9375), latency_cell(None)
    ('39.9', '-')
    """
    return "-" if latency is None else f"{latency:.1f}"


def order(board: Board) -> str:
    """Say what the order of the table goes by."""
    metrics = _and([heading(metric, board.facts) for metric in board.rules.ranked_by])
    if board.ranked:
        return f"Ranked by the mean rank in {metrics}."
    listed = f"They are listed by their mean position in {metrics}; the differences may be due to chance."
    return f"There are too few scenes, talkers or devices to rank the systems. {listed}"


def update(path: Path) -> Board:
    """Write README.md of the board in a folder. Raises BoardError, OutputError."""
    board = open_board(path)
    with whole_file(path / README) as part:
        part.write_text(board_readme(board), encoding="utf-8")
    return board


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to the folder of the boards until the end of the block.

    Raises OutputError if one of them does not finish or nothing can be written, and the error of `check_overview`.
    """
    check_overview(folder)
    new_folder(folder)
    with locked(folder, PATIENCE):
        yield


def check_overview(folder: Path) -> None:
    """Raise UsageError if `update_all` would replace a README.md that is not about boards, such as a project's."""
    file = folder / README
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    if text.strip() and WRITTEN not in text:
        raise UsageError(
            f"{file}: is not a list of leaderboards, and would be replaced by one; name another folder with --boards"
        )


def update_all(folder: Path, *updated: Board) -> None:
    """Write README.md of the folder with all boards; `updated` ones are not read.

    Raises the error of `check_overview`, BoardError, OutputError.
    """
    check_overview(folder)
    opened = {board.rules.name: board for board in updated}
    boards = [opened.get(name) or open_board(folder / name) for name in board_names(folder)]
    with whole_file(folder / README) as part:
        part.write_text(boards_readme(boards), encoding="utf-8")


def board_readme(board: Board) -> str:
    """Rules, the ranked table, and tables by condition."""
    rules, corpus = board.rules, board.rules.corpus
    rebuild = f" Rebuild it: `{board.rebuild}`." if board.rebuild else ""
    parts = [
        f"# {markdown(rules.title)}",
        f"{WRITTEN} from {BOARD} and {RESULTS}/: edit those, then run aecbench leaderboard update. -->",
        f"{corpus.scenes} scenes, split `{corpus.split}`, corpus `{corpus.id}`, digest `{corpus.digest}`.{rebuild}",
        rules.rules.strip(),
        order(board),
    ]
    if rules.successor:
        parts.append(f"This board is an archive. Its successor is [{rules.successor}](../{rules.successor}/{README}).")
    if board.older:
        parts.append(f"This board keeps the older rules that it was made with: {'; '.join(board.older)}.")
    if board.systems:
        parts += [_standings(board), foot(board)]
        for condition in (name for name in SHOWN if name in board.conditions):
            parts.append(f"## By {with_unit(condition)}")
            summary = board.table.summary(condition, rules.ranked_by)
            parts += [_by(board, summary, metric) for metric in rules.ranked_by]
        parts += section(read_validity(board.path), board.facts)
        parts += ["## Entries", _entries(board)]
    else:
        parts.append("No system has been published yet.")
    return "\n\n".join(parts) + "\n"


def boards_readme(boards: Sequence[Board]) -> str:
    """A row per board, those with a successor in a table of their own."""
    archive = [board for board in boards if board.rules.successor]
    current = [board for board in boards if not board.rules.successor]
    older = f"## Archive\n\nThese boards have successors.\n\n{_list(archive)}\n\n" if archive else ""
    return f"""\
# Leaderboards

{WRITTEN}: run aecbench leaderboard update. -->

{_list(current) if current else "There is none yet."}

{older}\
To submit a system, run `aecbench eval --board NAME --model MODEL --out RESULTS` and `aecbench publish RESULTS`.
`aecbench leaderboard verify` checks every file here, `aecbench leaderboard build` makes pages of them to browse.
"""


def _list(boards: Sequence[Board]) -> str:
    lines = []
    for board in boards:
        first = [f"{standing.name}" for standing in board.standings if standing.place == 1]
        corpus = board.rules.corpus
        size = f"{corpus.scenes} scenes, split {corpus.split}"
        name = f"[{markdown(board.rules.title)}]({board.rules.name}/{README})"
        lines.append([name, size, str(len(board.systems)), markdown(", ".join(first)) or "-"])
    return _table(["board", "corpus", "systems", "first"], lines)


def _standings(board: Board) -> str:
    summary, ranks, lost, uneven = board.summary(), board.ranks, board.table.lost(), board.table.uneven
    lines = []
    for place, name in board.standings:
        entry = board.current[name].entry
        mark = f" {MARK}" if name in board.table.destroyed else ""
        scores = [
            cell(metric, summary["", name][metric], metric in uneven)
            + ("" if metric == RTF else _rank(ranks[name][metric]))
            for metric in board.columns
        ]
        label = "-" if place is None else str(place)
        link = _link(name, f"{RESULTS}/{entry.file}.json") + mark
        lines.append([label, link, *scores, latency_cell(board.latency(name)), lost_cell(lost["", name])])
    return _table(["", "system", *(heading(metric, board.facts) for metric in board.columns), LATENCY, LOST], lines)


def _rank(rank: int | None) -> str:
    return "" if rank is None else f" ({rank})"


def _by(board: Board, summary: Mapping[tuple[str, str], Mapping[str, Interval]], metric: str) -> str:
    """Systems x bins."""
    bins = list(dict.fromkeys(label for label, _ in summary))
    lines = [
        [markdown(standing.name), *(cell(metric, summary[label, standing.name][metric], count=True) for label in bins)]
        for standing in board.standings
    ]
    return _table([heading(metric, board.facts), *map(markdown, bins)], lines)


def _entries(board: Board) -> str:
    lines = []
    for standing in board.standings:
        for entry, _ in reversed(board.systems[standing.name]):
            title = f"[{markdown(entry.title)}]({entry.url})" if entry.url else markdown(entry.title)
            version = _link(f"{entry.name} {entry.version}", f"{RESULTS}/{entry.file}.json")
            code = f"aecbench {entry.versions.get('aecbench', '')} {(entry.commit or '')[:12]}".strip()
            lines.append([version, title, markdown(entry.authors), entry.published, markdown(code)])
    return _table(["entry", "system", "authors", "published", "code"], lines)


def _link(name: str, file: str) -> str:
    return f"[{markdown(name)}]({urllib.parse.quote(file)})"


def _and(words: Sequence[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])
