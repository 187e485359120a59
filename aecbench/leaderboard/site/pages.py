"""The pages: of all boards, of each board, of each of its systems."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from aecbench._version import __version__
from aecbench.corpus import Corpus
from aecbench.errors import UsageError
from aecbench.leaderboard.board import BOARD, Board
from aecbench.leaderboard.entry import RESULTS
from aecbench.leaderboard.readme import LATENCY, foot, latency_cell, order
from aecbench.leaderboard.site import audio, charts
from aecbench.leaderboard.site.meanings import meanings
from aecbench.leaderboard.site.scores import condition_labels, scores, to_csv
from aecbench.leaderboard.site.system import system_page
from aecbench.leaderboard.task import board_scenes
from aecbench.leaderboard.text import link, visible
from aecbench.leaderboard.validity import EXPLAINED, QUESTION, grids, read_validity
from aecbench.metrics.erle_segmental import SEGMENT
from aecbench.output import new_folder, whole_file
from aecbench.results import LOST, MARK, RTF, Lost, cell, heading, lost_cell, lower_is_better
from aecbench.scenes.conditions import with_unit

__all__ = ["CSP", "build"]

HERE = Path(__file__).parent
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


def build(
    boards: Sequence[Board],
    out: Path,
    *,
    corpus: Corpus | None = None,
    models: Sequence[str] = (),
    jobs: int = 1,
) -> Path:
    """Write the pages of boards into a folder; gives the first page.

    With the `corpus` of the one board, its systems (and `models`, that are not shipped) are run on some scenes, to hear
    and to see what they do. Raises MissingExtra, BoardError where the corpus is another one, UsageError where the
    folder contains the boards themselves and for a model that is not an entry, OutputError.
    """
    for board in boards:
        if (out / board.rules.name / BOARD).exists():
            raise UsageError(
                f"{out}: contains the leaderboards themselves; choose another folder for the pages with --out"
            )
    pages = _environment()
    new_folder(out / "assets")
    _write(out / "assets" / "vega.js", charts.library())
    for name in ("style.css", "board.js", "icon.svg"):
        _write(out / "assets" / name, (HERE / "assets" / name).read_text(encoding="utf-8"))
    for board in boards:
        _board(pages, board, out / board.rules.name, corpus, models, jobs)
    rows = [
        (board, [standing.name for standing in board.standings if standing.place == 1], board.rules.corpus)
        for board in boards
    ]
    _write(out / "index.html", pages.get_template("boards.html").render(boards=rows, top=""))
    return out / "index.html"


def _environment() -> jinja2.Environment:
    """Everything a page is told is escaped, and what cannot be seen is replaced."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
    )
    pages.globals |= {"csp": CSP, "version": __version__, "link": link, "heading": heading, "mark": MARK}
    return pages


def _board(
    pages: jinja2.Environment, board: Board, folder: Path, corpus: Corpus | None, models: Sequence[str], jobs: int
) -> None:
    for name in ("systems", "data"):
        new_folder(folder / name)
    gallery: list[audio.SceneAudio] = []
    timed: dict[str, list[float]] = {}
    count = 0
    if corpus is not None:
        scenes, systems = board_scenes(board.rules, corpus), audio.runnable_systems(board, models)
        gallery = audio.gallery(scenes, systems, folder / "audio", jobs)
        timed, count = audio.erle_over_time(scenes, systems, jobs)
        text = pages.get_template("gallery.html").render(board=board, scenes=gallery, top="../")
        _write(folder / "gallery.html", text)
    specs = {}
    if board.systems:
        specs = {"cost": charts.cost_chart(board), "by": charts.condition_chart(board)}
        specs |= {"time": charts.time_chart(board, timed, SEGMENT)} if timed else {}
    lost = board.table.lost()
    page = pages.get_template("board.html").render(
        board=board,
        top="../",
        columns=[
            (metric, heading(metric, board.facts), "lower" if lower_is_better(metric, board.facts) else "higher")
            for metric in board.columns
        ],
        meanings=meanings(board),
        order=order(board),
        foot=foot(board),
        latency=LATENCY,
        lost=LOST,
        rows=[_row(board, place, name, lost.get(("", name), Lost(0, 0))) for place, name in board.standings],
        conditions=[(name, with_unit(name), condition_labels(board, name)[0]) for name in board.conditions],
        scores=scores(board),
        specs=specs,
        timed=count,
        question=QUESTION,
        explained=EXPLAINED,
        grids=list(grids(read_validity(board.path), board.facts)),
        audible=bool(gallery),
    )
    _write(folder / "index.html", page)
    _write(folder / "data" / "table.csv", to_csv(board))
    for name in board.systems:
        text = pages.get_template("system.html").render(top="../../", audible=bool(gallery), **system_page(board, name))
        _write(folder / "systems" / f"{name}.html", text)
    for versions in board.systems.values():
        for entry, _ in versions:
            for suffix in (".json", ".parquet"):
                with whole_file(folder / "data" / f"{entry.file}{suffix}") as part:
                    shutil.copyfile(board.path / RESULTS / f"{entry.file}{suffix}", part)


def _row(board: Board, place: int | None, name: str, lost: Lost) -> dict[str, Any]:
    """A row of the table: what is shown and what it is sorted and found by."""
    entry, cells = board.current[name].entry, board.summary()["", name]
    ranks, latency = board.ranks[name], board.latency(name)
    text = " ".join([name, entry.title, entry.authors, entry.system.canceller]).lower()
    return {
        "place": "" if place is None else place,
        "latency": {"value": "" if latency is None else f"{latency:.6g}", "text": latency_cell(latency)},
        "lost": {"value": f"{lost.share:.6g}" if lost.scenes else "", "text": lost_cell(lost)},
        "marked": name in board.table.destroyed,
        "entry": entry,
        "search": text,
        "cells": [
            {
                "metric": metric,
                "value": "" if not cells[metric].n else f"{cells[metric].value:.6g}",
                "text": cell(metric, cells[metric], metric in board.table.uneven),
                "rank": None if metric == RTF else ranks[metric],
            }
            for metric in board.columns
        ],
    }


def _write(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
