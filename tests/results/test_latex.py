r"""Tables for papers, as they are: signs, units, bold type, and no columns that nobody asked for."""

import numpy as np
import pandas as pd
import pytest

from aecbench.results import FORMATS, RTF, ResultTable

GOLDEN = r"""% needs \usepackage{booktabs}
% mean over the scenes, ± the wider half of the 95 % interval
% bold: rank 1, or the best value if there are too few scenes for ranks; the oracle does not compete
\begin{tabular}{lrr}
\toprule
system & ERLE [dB] & STOI \\
\midrule
loud\_\& & $-3.00 \pm 1.05$ & $\mathbf{0.80} \pm 0.05$ \\
quiet & $\mathbf{12.00} \pm 1.05$ & $\mathbf{0.80} \pm 0.05$ \\
oracle & $99.00 \pm 0.00$ & $1.00 \pm 0.00$ \\
\bottomrule
\end{tabular}
"""
DIFFERENCES = r"""
% difference to quiet, scene by scene, ± the wider half of the interval of the test
% *: p < 0.05 (clustered test, Holm-corrected for the table)
\begin{tabular}{lrr}
\toprule
system & ERLE [dB] & STOI \\
\midrule
loud\_\& & $-15.00 \pm 0.00^{*}$ & $+0.00 \pm 0.00$ \\
oracle & $+87.00 \pm 1.34^{*}$ & $+0.20 \pm 0.06^{*}$ \\
\bottomrule
\end{tabular}
"""


def made_up(scenes=12, **columns):
    spread = np.resize([-1.0, 1.0, 2.0, -2.0], scenes)
    systems = {"loud_&": (-3, 0.8), "quiet": (12, 0.8), "oracle": (99, 1.0)}
    rows = [
        {"scene": f"c/test/{n}", "system": system, "metric": metric, "value": value}
        for system, (erle, stoi) in systems.items()
        for n, step in enumerate(spread * (system != "oracle"))
        for metric, value in {"erle": erle + step, "stoi": stoi + step / 20, RTF: 0.01}.items()
    ]
    facts = {"reason": "", "failed": False, "near_loss": 1.0, "talk": "double", **columns}
    corpus = {"id": "0" * 64, "digest": "1" * 64, "split": "test", "scenes": scenes}
    return ResultTable(pd.DataFrame(rows).assign(**facts), {"corpus": corpus})


def rows_of(*arguments):
    """The lines of a table without its comments."""
    return [line for line in FORMATS["latex"](*arguments).splitlines() if not line.startswith("%")]


def test_a_table_is_this_to_the_character():
    assert FORMATS["latex"](made_up(), (), None) == GOLDEN


def test_the_command_writes_the_table_that_it_prints(aecbench, corpus, tmp_path):
    options = ["--corpus", corpus.path, "--metric", "erle", "--jobs", 1, "--format", "latex", "--out", "runs/tex"]
    printed = aecbench("eval", "--model", "passthrough", *options)
    assert printed.exit_code == 0
    assert (tmp_path / "runs" / "tex" / "table.tex").read_text() == printed.stdout
    printed = aecbench("eval", "--model", "passthrough", *options, "--by", "ser=0", "--reference", "oracle")
    assert (tmp_path / "runs" / "tex" / "table-by-ser.tex").read_text() == printed.stdout
    assert "% difference to oracle" in printed.stdout


def test_differences_follow_below():
    assert FORMATS["latex"](made_up(), (), "quiet") == GOLDEN + DIFFERENCES


@pytest.mark.parametrize(
    ("change", "heading"), [({"near_loss": 40.0}, "NE lost"), ({"failed": True}, "failed")], ids=["lost", "failed"]
)
def test_failures_and_lost_near_ends_are_columns_where_there_are_any(change, heading):
    assert f"& {heading} " in rows_of(made_up(**change), (), None)[2]


def test_too_few_scenes_to_rank_have_the_best_mean_in_bold():
    lines = rows_of(made_up(scenes=8), (), None)
    assert r"quiet & $\mathbf{12.00}" in lines[5]
    assert r"\mathbf{-3.00}" not in lines[4]


def test_a_lone_system_has_nothing_in_bold():
    table = made_up()
    alone = ResultTable(table.rows[table.rows["system"] == "quiet"], table.provenance)
    assert "mathbf" not in FORMATS["latex"](alone, (), None)


def test_conditions_have_a_best_each_and_counts():
    talk = np.tile(np.repeat(["double", "far_single"], 18), 3)
    lines = rows_of(made_up(talk=talk), ("talk",), None)
    assert lines[2] == r"talk & system & ERLE [dB] & STOI \\"
    assert sum(r"quiet & $\mathbf{" in line for line in lines) == 2
    assert all("($n=6$)" in line for line in lines[4:10])
