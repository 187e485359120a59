import json

import numpy as np
import pytest

from aecbench.errors import AecbenchError, UnknownName
from aecbench.evaluate import evaluate
from aecbench.metrics import METRICS
from aecbench.report import result_json
from aecbench.results import ResultTable, mean_interval
from aecbench.systems import System, load_system


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
    assert len(table.rows) == 6 * 4 * (len(METRICS) + 1)
    assert not table.rows.duplicated(["scene", "system", "metric"]).any()


def test_undefined_values_have_a_reason_and_are_no_failures(table):
    undefined = table.rows[table.rows["value"].isna()]
    assert len(undefined)
    assert (undefined["reason"] != "").all()
    assert not table.rows["failed"].any()


def test_passthrough_changes_nothing(table):
    assert means(table, "erle")["passthrough"] == pytest.approx(0, abs=0.01)
    assert means(table, "level")["passthrough"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("metric", ["erle", "pesq", "stoi", "si_sdr", "sdr"])
def test_oracle_is_best_everywhere(table, metric):
    values = means(table, metric)
    assert max(values, key=values.get) == "oracle"


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
    assert {"RuntimeError: out of luck"} < set(failed["reason"])
    assert failed["reason"].str.contains("not finite").any()


def test_results_survive_the_disk_with_their_provenance(table, tmp_path):
    table.save(tmp_path)
    again = ResultTable.load(tmp_path / "rows.parquet")
    assert again.provenance == json.loads(json.dumps(table.provenance))
    assert again.rows["value"].equals(table.rows["value"])
    assert again.provenance["corpus"].keys() == {"id", "digest", "split", "scenes"}


@pytest.mark.parametrize("by", ["ser", "rt60", "loudspeaker", "noise"])
@pytest.mark.parametrize("metric", ["erle", "stoi"])
def test_conditions_share_out_the_scenes(table, by, metric):
    parts = [intervals[metric].n for (_, system), intervals in table.summary(by).items() if system == "nlms"]
    assert sum(parts) == table.summary()["", "nlms"][metric].n > 0


def test_near_end_metrics_are_averaged_over_scenes_in_which_both_talk(table):
    by_talk = {talk: intervals for (talk, system), intervals in table.summary("talk").items() if system == "nlms"}
    assert by_talk["near_single"]["stoi"].n > 0
    assert table.summary()["", "nlms"]["stoi"].mean == by_talk["double"]["stoi"].mean


def test_an_unknown_condition_names_the_nearest(table):
    with pytest.raises(UnknownName, match="did you mean 'rt60'"):
        table.summary("rt6")


def test_a_condition_without_values_is_said_so(table):
    bare = ResultTable(table.rows.assign(rt60=np.nan), table.provenance)
    with pytest.raises(AecbenchError, match="no scene of this corpus has a rt60"):
        bare.summary("rt60")


def test_json_has_the_promised_shape(table):
    data = result_json(table)
    assert set(data) == {"corpus", "systems"}
    assert set(data["systems"]["kalman"]["erle"]) == {"mean", "ci95", "n", "failed"}
    json.dumps(data, allow_nan=False)


def test_interval_covers_the_mean_of_a_gaussian_about_95_times_in_100():
    rng = np.random.default_rng(1)
    hits = sum(i.low <= 3 <= i.high for i in (mean_interval(rng.normal(3, 1, 40)) for _ in range(200)))
    assert 180 <= hits <= 198
