"""What the tables of results say beside their cells, and the command that lets one listen."""

import shlex

import pytest

from aecbench.cli import main
from aecbench.evaluation import evaluate
from aecbench.report.results import listen_command, result_table


@pytest.mark.parametrize("name", ["kalman", "mine=runs/my model", "command:prog {mic} {far} {out}"])
def test_the_command_to_listen_can_be_typed(name):
    words = shlex.split(listen_command("c/test/s/1_x", "corpora/my corpus", "test", "--model", name))
    assert words[:2] == ["aecbench", "eval"]
    parameters = main.commands["eval"].make_context("eval", words[2:]).params
    assert (parameters["models"], parameters["scenes"], parameters["split"]) == ((name,), ("test/s/1_x",), "test")
    assert str(parameters["corpus_path"]) == "corpora/my corpus"
    assert str(parameters["audio"]) == "listen"


@pytest.mark.parametrize(("metrics", "explained"), [(["level"], False), (["level", "reconvergence"], True)])
def test_a_dash_in_a_table_is_explained(corpus, metrics, explained):
    """No echo path changes in the corpus, so reconvergence is not defined in any scene."""
    caption = str(result_table(evaluate("passthrough", corpus, metrics)).caption)
    assert ("-: the metric has no value in any of the scenes" in caption.splitlines()) is explained
