"""Results: the table of systems and metrics, differences, a comparison of two systems, single scenes."""

import shlex
from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.console import RenderableType

from aecbench.report.grid import grid
from aecbench.results import (
    HALF,
    LOST,
    MARK,
    RTF,
    ResultTable,
    difference_cell,
    heading,
    lower_is_better,
    summarised,
    wide,
)
from aecbench.scenes.conditions import CONDITIONS, with_unit

__all__ = ["comparison", "difference_table", "listen_command", "result_table", "scenes_table"]

CERTAIN = f"± {HALF} interval at the level of the test; * p < 0.05 (clustered test, Holm-corrected for the table)"
FOLDER = "listen"  # folder of the audio that `listen_command` writes


def result_table(table: ResultTable, by: str | Sequence[str] | None = None) -> RenderableType:
    """Return a row per system (and condition of `by`), a column per metric: mean or median ± half the 95 % interval."""
    chosen = [by] if isinstance(by, str) else list(by or ())
    frame, rule = wide(table, chosen), table.lost_rule
    cells = f"{summarised(table.metrics, table.provenance)} ± {HALF} 95 % interval"
    lines = [
        cells if "talk" in chosen else f"{cells}; near-end metrics: over the scenes in which both ends talk",
        f"{LOST}: scenes that lose more than {rule.loss:g} dB of the near end",
    ]
    if table.competing:
        lines.insert(1, "(rank): shared where the difference is not significant")
    if (frame == "-").to_numpy().any():
        lines.append("-: the metric has no value in any of the scenes")
    if table.undefined:
        lines.append(f"no column for {', '.join(table.undefined)}: undefined in all of these scenes")
    if RTF in table.metrics and len({str(table.origin(system).get("machine")) for system in table.systems}) > 1:
        lines.append(f"{heading(RTF)}: measured on different machines, so do not compare it")
    if table.uneven:
        lines.append("n: scenes in which the system has a value, not the same for all; ranks compare only shared ones")
    for system, (lost, scenes) in table.destroyed.items():
        lines.append(f"{MARK} {system}: near end lost in {lost} of {scenes} scenes, more than {rule.share:.0%}")
    return grid(frame, chosen, "\n".join([*lines, _source(table)]))


def difference_table(table: ResultTable, reference: str, by: Sequence[str] = ()) -> RenderableType:
    """Return a table like `result_table` with the paired differences to one of the systems."""
    summary = summarised(table.metrics, table.provenance)
    caption = f"difference to {reference}, scene by scene, {summary}, {CERTAIN}; {_source(table)}"
    return grid(wide(table, by, reference), by, caption)


def comparison(table: ResultTable, ours: str, theirs: str) -> Sequence[RenderableType]:
    """Return tables of the differences ours - theirs: over all scenes, with how often each is better; by condition."""
    lines = []
    for metric, gap in table.differences(theirs)["", ours].items():
        title = heading(metric, table.provenance)
        wins = [gap.below, gap.above] if lower_is_better(metric, table.provenance) else [gap.above, gap.below]
        p = "-" if np.isnan(gap.p) else f"{gap.p:.2g}"
        lines.append([title, difference_cell(metric, gap), p, *map(str, [*wins, gap.n])])
    columns = ["metric", "difference", "p", f"{ours} better", f"{theirs} better", "scenes"]
    tables = [grid(pd.DataFrame(lines, columns=columns), (), f"{ours} - {theirs}, scene by scene; {CERTAIN}")]
    frames = []
    for by in (*CONDITIONS, "nonlinear"):
        if by in table.rows and table.rows[by].nunique() > 1:
            frame = wide(table, [by], theirs).drop(columns="system").rename(columns={by: "scenes"})
            frames.append(frame.assign(condition=with_unit(by)))
    if frames:
        conditions = pd.concat(frames)
        conditions.insert(0, "condition", conditions.pop("condition"))
        tables.append(grid(conditions, ["condition"], f"{ours} - {theirs} by condition; {CERTAIN} of a condition"))
    return tables


def scenes_table(scenes: pd.DataFrame, title: str) -> RenderableType:
    """Return a table of scenes as from `ResultTable.behind`: their conditions, and the values of both systems."""
    drawn = [name for name in CONDITIONS if name in scenes and scenes[name].notna().any()]
    table = scenes[["scene", *drawn, *scenes.columns[-3:]]]
    texts = table.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    return grid(texts.rename(columns=with_unit), title=title)


def _source(table: ResultTable) -> str:
    corpus = table.provenance["corpus"]
    return f"corpus {corpus['id'][:12]}, split {corpus['split']}, {table.effective}"


def listen_command(scene: str, corpus: str, split: str, *systems: str) -> str:
    """Return the command line that writes the signals of a scene, corpus/split/index, and the outputs of systems.

    `systems` are the arguments that select them: "--model", "kalman".

    >>> listen_command("c/test/000001", "corpora/c", "test", "--model", "a b")
    "aecbench eval --model 'a b' --corpus corpora/c --split test --scene test/000001 --save-audio listen"
    """
    options = ["--corpus", corpus, "--split", split, "--scene", scene.partition("/")[2], "--save-audio", FOLDER]
    return shlex.join(["aecbench", "eval", *systems, *options])
