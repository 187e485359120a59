"""Titles, units and directions: results carry those of their metrics, whoever wrote them."""

import json

import numpy as np
import pandas as pd
import pytest

from aecbench.errors import AecbenchError
from aecbench.leaderboard.board import new_board
from aecbench.metrics import METRICS, Metric
from aecbench.results import RTF, ResultTable, column, columns_of, heading
from aecbench.signals import Talk

SCENES = 40
DROP = Metric(
    fn=lambda signals, estimate, rate: 0.0,
    title="Drop",
    unit="dB",
    better="lower",
    talk=frozenset({Talk.NEAR, Talk.DOUBLE}),
    version=3,
)


def made(metric=DROP, name="mine:DROP"):
    """Of two systems "low" has the lower values."""
    rng = np.random.default_rng(0)
    talk = np.resize(["double", "near_single"], SCENES)
    rows = [
        {"scene": f"c/test/{n:06}", "system": system, "metric": name, "value": base + rng.normal(), "talk": talk[n]}
        for system, base in (("high", 5.0), ("low", 1.0))
        for n in range(SCENES)
    ]
    told = {"corpus": {"id": "0" * 64, "digest": "1" * 64, "split": "test", "scenes": SCENES}, "systems": {}}
    told |= {"metrics": {name: metric.version}, **columns_of({name: metric})}
    return ResultTable(pd.DataFrame(rows).assign(reason="", failed=False, near_loss=0.0), told)


def test_a_saved_table_knows_title_unit_and_direction_where_the_metric_is_not_at_hand(tmp_path):
    made().save(tmp_path)
    again = ResultTable.load(tmp_path / "rows.parquet")
    assert "| system | Drop [dB] |" in str(again)
    ranks = {system: cells["mine:DROP"] for (_, system), cells in again.ranks().items()}
    assert ranks == {"low": 1, "high": 2}
    assert len(again.behind("high", "low", "mine:DROP", 5)) == 5
    assert again.behind("low", "high", "mine:DROP", 5).empty


def test_a_metric_of_the_near_end_counts_where_both_ends_talk_whoever_wrote_it():
    assert made().summary()["", "low"]["mine:DROP"].n == SCENES // 2


def test_what_results_say_comes_before_the_table_of_metrics():
    told = columns_of({"erle": DROP})
    assert heading("erle", told) == "Drop [dB]"
    assert heading("erle") == "ERLE [dB]"
    assert json.loads(json.dumps(told)) == told


def test_results_without_these_facts_are_read_as_the_table_of_metrics_says():
    assert column("near_attenuation", {}).better == METRICS["near_attenuation"].better == "lower"
    assert column(RTF, {}).better == "lower"
    assert column("of_nobody", {}) == ("OF_NOBODY", "", "higher", False, "mean")


def test_a_board_keeps_the_facts_of_a_metric_that_is_not_shipped(tmp_path):
    board = new_board(made(), tmp_path / "mine-v1")
    assert board.rules.metrics["mine:DROP"].title == "Drop"
    assert column("mine:DROP", board.facts) == ("Drop", "dB", "lower", True, "mean")
    shipped = new_board(made(METRICS["erle"], "erle"), tmp_path / "shipped-v1")
    assert "title" not in (shipped.path / "board.toml").read_text().partition("[metrics")[2]


def test_a_title_that_is_more_than_text_does_not_come_onto_a_board(tmp_path):
    odd = Metric(**{**vars(DROP), "title": "<script>"})
    with pytest.raises(AecbenchError, match="title"):
        new_board(made(odd), tmp_path / "mine-v1")
