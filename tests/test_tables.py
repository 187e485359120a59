"""Tables read from source: the same as those that the modules hold."""

import pytest

from aecbench.metrics import FAMILIES, METRICS
from aecbench.metrics.aecmos import NETWORKS
from aecbench.scenes.devices import DEVICES
from aecbench.scenes.noise import NOISES
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.speech import SPEECH
from aecbench.tables import keys, rows


@pytest.mark.parametrize(
    ("module", "name", "table"),
    [
        ("metrics/__init__.py", "METRICS", METRICS),
        ("metrics/aecmos.py", "NETWORKS", NETWORKS),
        ("scenes/devices/__init__.py", "DEVICES", DEVICES),
        ("scenes/noise/__init__.py", "NOISES", NOISES),
        ("scenes/rooms/__init__.py", "ENGINES", ENGINES),
        ("scenes/speech/__init__.py", "SPEECH", SPEECH),
    ],
)
def test_keys_are_those_of_the_table(module, name, table):
    assert keys(module, name) == list(table)


def test_keys_that_are_not_written_out_are_left_out():
    assert [*NETWORKS, *keys("metrics/__init__.py", "FAMILIES")] == list(FAMILIES)


def test_rows_hold_the_literal_facts_of_the_table():
    found = rows("metrics/__init__.py", "METRICS")
    assert {name: (row["title"], row["unit"], row["better"]) for name, row in found.items()} == {
        name: (metric.title, metric.unit, metric.better) for name, metric in METRICS.items()
    }


def test_a_table_that_is_not_there_has_no_keys(tmp_path):
    (tmp_path / "module.py").write_text("OTHER = {'a': 1}\n")
    assert keys(tmp_path / "module.py", "TABLE") == []
    assert keys(tmp_path / "module.py", "OTHER") == ["a"]
