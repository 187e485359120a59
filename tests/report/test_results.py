"""What the tables of results say beside their cells, and the command that lets one listen."""

import shlex
from dataclasses import replace

import pytest

from aecbench.cli import main
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.report.results import listen_command, result_table


@pytest.mark.parametrize("name", ["kalman", "mine=runs/my model", "command:prog {mic} {far} {out}"])
def test_the_command_to_listen_can_be_typed(name):
    words = shlex.split(listen_command("c/test/s/1_x", "corpora/my corpus", "test", "--model", name))
    assert words[:2] == ["aecbench", "eval"]
    parameters = main.commands["eval"].make_context("eval", words[2:]).params
    assert (parameters["models"], parameters["scenes"], parameters["split"]) == ((name,), ("test/s/1_x",), "test")
    assert str(parameters["corpus_path"]) == "corpora/my corpus"
    assert str(parameters["audio"]) == "listen"


DASH = "-: the metric has no value in any of the scenes"


@pytest.fixture(scope="module")
def table(corpus):
    """Return results in which reconvergence is undefined, because no echo path changes."""
    return evaluate(["passthrough", "oracle"], corpus, ["level", "reconvergence"])


def test_a_dash_in_a_table_is_explained(table):
    rows = table.rows.assign(value=table.rows["value"].where(table.rows["system"] != "oracle"))
    assert DASH in str(result_table(replace(table, rows=rows)).caption).splitlines()
    assert DASH not in str(result_table(table).caption).splitlines()


def test_a_metric_that_is_undefined_in_all_scenes_has_no_column_but_a_note(table):
    shown = result_table(table)
    assert not any(METRICS["reconvergence"].title in str(column.header) for column in shown.columns)
    assert "no column for reconvergence: undefined in all of these scenes" in str(shown.caption).splitlines()


def test_a_metric_that_fails_in_all_scenes_keeps_its_column(table):
    rows = table.rows.assign(failed=table.rows["metric"] == "reconvergence")
    assert "reconvergence" not in replace(table, rows=rows).undefined
