"""The table of an evaluation: its rows, its values, and its provenance."""

import json
from dataclasses import dataclass, replace

import joblib
import numpy as np
import pandas as pd
import pytest

from aecbench.corpus.shard import Shard
from aecbench.errors import AecbenchError
from aecbench.evaluation import evaluate
from aecbench.memory import keep_freed_memory
from aecbench.metrics import DEFAULT_METRICS, METRICS
from aecbench.results import SOURCES, ResultTable
from aecbench.systems import System, load_system

FEW = {name: METRICS[name] for name in ("erle", "si_sdr")}


@dataclass(frozen=True)
class Gain:
    """Turns everything down."""

    gain: float = 1.0
    latency: int = 0

    def cancel(self, mic, far):
        return self.gain * mic


class Broken:
    """Fails on every other signal."""

    latency = 0

    def __init__(self) -> None:
        self.calls = 0

    def cancel(self, mic, far):
        self.calls += 1
        if self.calls % 2:
            raise RuntimeError("out of luck")
        return np.full_like(mic, np.nan)


@pytest.fixture(scope="module")
def table(corpus):
    return ResultTable.concat(
        [evaluate(load_system(name), corpus) for name in ("passthrough", "oracle", "nlms", "kalman")]
    )


def means(table, metric):
    return {system: intervals[metric].mean for (_, system), intervals in table.summary().items()}


def test_every_scene_has_a_row_for_every_metric(table):
    assert len(table.rows) == 6 * 4 * (len(DEFAULT_METRICS) + 1)
    assert not table.rows.duplicated(["scene", "system", "metric"]).any()


def test_undefined_values_have_a_reason_and_are_no_failures(table):
    undefined = table.rows[table.rows["value"].isna()]
    assert len(undefined)
    assert (undefined["reason"] != "").all()
    assert not table.rows["failed"].any()


def test_passthrough_changes_nothing(table):
    assert means(table, "erle")["passthrough"] == pytest.approx(0, abs=0.01)
    assert means(table, "erle_true")["passthrough"] == pytest.approx(0, abs=0.01)


BY_CHANCE = {"near_attenuation", "pumping"}  # echo may look like near end; few of these scenes have pauses at all


@pytest.mark.parametrize("metric", sorted(DEFAULT_METRICS.keys() - BY_CHANCE))
def test_oracle_is_best_everywhere(table, metric):
    values = means(table, metric)
    best = min(values.values()) if METRICS[metric].better == "lower" else max(values.values())
    assert values["oracle"] == pytest.approx(best, abs=0.1)


@pytest.mark.parametrize("jobs", [2])
def test_values_do_not_depend_on_processes(corpus, table, jobs):
    other = evaluate(load_system("nlms"), corpus, jobs=jobs).rows
    mine = table.rows[table.rows["system"] == "nlms"].reset_index(drop=True)
    deterministic = mine["metric"] != "rtf"
    np.testing.assert_array_equal(other["value"][deterministic], mine["value"][deterministic])


def test_a_failing_system_gives_rows_with_reasons(corpus):
    table = evaluate(System("broken", Broken(), "tests:Broken", {}), corpus, {"erle": METRICS["erle"]})
    failed = table.rows[table.rows["failed"]]
    assert len(table.rows) == 12
    assert failed["reason"].str.match(r"RuntimeError: out of luck \(test_evaluate.py, line \d+\)$").any()
    assert failed["reason"].str.contains("not finite").any()


@dataclass(frozen=True)
class Wrong:
    """An output that nobody can use."""

    kind: str
    latency: int = 0

    def cancel(self, mic, far):
        return {"not a number": mic * np.nan, "too short": mic[:100], "of two channels": np.stack([mic, mic])}[
            self.kind
        ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("not a number", "not finite"), ("too short", r"with shape \(100,\)"), ("of two channels", r"with shape \(2, ")],
)
def test_an_output_that_nobody_can_use_is_a_row_with_the_reason_for_every_metric(corpus, kind, reason):
    rows = evaluate(System("wrong", Wrong(kind), "tests:Wrong", {}), corpus, METRICS).rows
    rows = rows[rows["metric"] != "rtf"]
    assert len(rows) == 6 * len(METRICS)
    assert rows["value"].isna().all()
    assert rows["reason"].str.contains(reason).all()
    assert rows["failed"].all()


def test_silence_gains_no_more_than_the_oracle_and_the_identity_changes_nothing(corpus):
    systems = [load_system("passthrough"), System("silent", Gain(0.0), "tests:Gain", {}), load_system("oracle")]
    table = ResultTable.concat([evaluate(system, corpus, METRICS) for system in systems])
    assert set(table.destroyed) == {"silent"}
    for metric in ("erle", "erle_true", "erle_tail", "erle_segmental", "level"):
        assert means(table, metric)["passthrough"] == pytest.approx(0, abs=0.005), metric
    silent, oracle = means(table, "erle")["silent"], means(table, "erle")["oracle"]
    assert silent == pytest.approx(oracle, abs=1e-3)  # all that silence gains is what the echo alone would give
    assert means(table, "erle_raw")["silent"] == 100


def test_results_survive_the_disk_with_their_provenance(table, tmp_path):
    table.save(tmp_path)
    again = ResultTable.load(tmp_path / "rows.parquet")
    assert again.provenance == json.loads(json.dumps(table.provenance))
    assert again.rows["value"].equals(table.rows["value"])
    assert again.provenance["corpus"].keys() == {"id", "digest", "split", "scenes"}
    facts = {"corpus", "rate", "simulator", "systems", "models", "metrics", "columns", "plugins", "versions"}
    facts |= {"commit", "machine", "command"}
    assert again.provenance.keys() == facts
    assert again.provenance["machine"].keys() == {"system", "cpu", "cores"}


def test_a_system_that_silences_everything_is_marked_and_comes_last(corpus, table):
    silent = evaluate(System("silent", Gain(0.0), "tests:Gain", {}), corpus)
    everything = ResultTable.concat([table, silent])
    assert set(everything.destroyed) == {"silent"}
    rows = everything.rows.drop(columns=SOURCES, errors="ignore")
    several = [rows.assign(scene=rows["scene"] + f" {n}") for n in range(4)]  # enough to rank
    ranks = {system: ranks for (_, system), ranks in replace(everything, rows=pd.concat(several)).ranks().items()}
    assert means(everything, "erle")["silent"] > means(everything, "erle")["kalman"]
    assert ranks["silent"]["erle_true"] == len(everything.systems) - 1
    assert set(ranks["oracle"].values()) == {None}


def test_scenes_in_which_nothing_correlates_are_marked(corpus, tmp_path, aecbench, monkeypatch):
    monkeypatch.setattr("aecbench.dsp.echo.LEAST", 1e9)
    monkeypatch.setattr("aecbench.dsp.echo.CERTAIN", 1e9)
    talks = corpus.scenes.set_index("scene")["talk"]
    options = ["--model", "passthrough", "--corpus", corpus.path, "--metric", "erle", "--jobs", 1, "--out", "run"]
    result = aecbench("eval", *options, "--json")
    expected = sorted(scene for scene in talks.index[talks != "near_single"] if "/test/" in scene)
    assert sorted(json.loads(result.stdout)["no_echo"]) == expected
    assert f"{len(expected)} scenes, such as " in result.stderr
    rows = ResultTable.load(tmp_path / "run" / "rows.parquet").rows
    assert set(rows.loc[rows["scene"].isin(expected), "echo"]) == {0.0}
    assert aecbench("eval", *options, "--json").stdout == result.stdout  # from what is kept


def test_echoes_of_scenes_are_found(corpus):
    rows = evaluate(load_system("passthrough"), corpus, ["erle"]).rows
    assert set(rows["echo"].dropna()) == {1.0}
    assert rows.loc[rows["talk"] != "near_single", "echo"].notna().all()


VANDAL = """
class Vandal:
    latency = 0

    def cancel(self, mic, far):
        mic[:], far[:] = 0, 0
        return mic
"""


def test_a_scene_is_read_once_for_all_systems_and_none_can_change_it(corpus, tmp_path, monkeypatch):
    (tmp_path / "vandal.py").write_text(VANDAL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("aecbench.evaluation.table._latest", {})
    reads, stems = [], Shard.stems
    monkeypatch.setattr(Shard, "stems", lambda self, *which: reads.append(which) or stems(self, *which))
    rows = evaluate(["vandal:Vandal", "oracle", "nlms"], corpus, "erle_true").rows
    assert len(reads) == len(corpus.split("test"))
    alone = evaluate("nlms", corpus, "erle_true").rows
    both = [x[(x["metric"] == "erle_true") & (x["system"] == "nlms")]["value"] for x in (rows, alone)]
    np.testing.assert_array_equal(*both)


CRASH = """
import os

class Crash:
    latency = 0

    def cancel(self, mic, far):
        os._exit(11)
"""


def test_code_of_others_that_ends_its_process_does_not_end_ours_even_on_few_scenes(corpus, tmp_path, monkeypatch):
    (tmp_path / "crash.py").write_text(CRASH)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(joblib, "effective_n_jobs", lambda jobs: 2)  # also on a machine with one core
    with pytest.raises(AecbenchError, match="a worker process died"):
        evaluate("crash:Crash", corpus, "erle", jobs=-1)


def test_scoring_keeps_freed_memory(corpus):
    keep_freed_memory.cache_clear()
    evaluate(load_system("passthrough"), corpus, ["erle"])
    assert keep_freed_memory.cache_info().misses == 1
