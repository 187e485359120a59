"""How well a board predicts results on real recordings: known orders of made-up systems."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from aecbench.results import ResultTable
from aecbench.results.validity import validity

SYSTEMS = [f"s{k}" for k in range(8)]
DEVICES = 12


def table(quality, metric, noise=0.0, seed=0, column="device"):
    """Five scenes on each of twelve devices; `quality` of each system, and how much devices scatter around it."""
    rng = np.random.default_rng(seed)
    rows = []
    for device in range(DEVICES):
        liking = noise * rng.normal(size=len(SYSTEMS))
        for take in range(5):
            for k, system in enumerate(SYSTEMS):
                value = quality[k] + liking[k] + 0.01 * rng.normal()
                row = {"scene": f"c/test/{5 * device + take:06}", "system": system, "metric": metric, "value": value}
                rows.append(row | {column: f"device {device}", "talk": "double", "failed": False, "reason": ""})
    return ResultTable(pd.DataFrame(rows), {"corpus": {}, "systems": {}})


def test_the_same_order_is_predicted_and_the_opposite_one_is_not():
    board, real = table(np.arange(8.0), "pesq"), table(np.arange(8.0) ** 2, "erle_raw", seed=1)
    same = validity(board, real, "pesq", "erle_raw", "device")
    assert same == (1.0, 1.0, 1.0, 8, DEVICES)
    assert same.predicts
    opposite = validity(board, table(-np.arange(8.0), "erle_raw"), "pesq", "erle_raw", "device")
    assert opposite.correlation == -1
    assert not opposite.predicts


def test_lower_is_better_turns_the_order_around():
    board = table(-np.arange(8.0), "lsd")  # less is better
    assert validity(board, table(np.arange(8.0), "pesq"), "lsd", "pesq", "device").correlation == 1


def test_it_is_spearmans_correlation_of_the_means():
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=8), rng.normal(size=8)
    measured = validity(table(one, "pesq"), table(other, "erle_raw"), "pesq", "erle_raw", "device")
    assert measured.correlation == pytest.approx(spearmanr(one, other).statistic)


def test_scenes_in_which_only_the_near_end_talks_are_left_out_as_in_tables():
    board, real = table(np.arange(8.0), "pesq"), table(np.arange(8.0), "erle_raw", seed=1)
    alone = table(-10 * np.arange(8.0), "pesq").rows
    alone = alone.assign(scene=alone["scene"].str.replace("c/", "d/"), talk="near_single")
    both = ResultTable(pd.concat([board.rows, alone]), board.provenance)
    assert validity(both, real, "pesq", "erle_raw", "device").correlation == 1


def test_a_metric_that_tables_show_by_its_median_counts_by_its_median():
    rows = table(-np.arange(8.0), "near_attenuation").rows  # less is better
    outlier = (rows["scene"] == rows["scene"].iloc[0]) & (rows["system"] == SYSTEMS[7])
    rows.loc[outlier, "value"] = 1e6
    board, real = ResultTable(rows, {"corpus": {}, "systems": {}}), table(np.arange(8.0), "erle_raw", seed=1)
    assert validity(board, real, "near_attenuation", "erle_raw", "device").correlation == 1


def test_the_interval_widens_where_devices_disagree():
    widths = []
    for noise in (0.1, 3.0):
        real = table(np.arange(8.0), "erle_raw", noise)
        measured = validity(table(np.arange(8.0), "pesq"), real, "pesq", "erle_raw", "device")
        assert measured.low <= measured.correlation <= measured.high
        widths.append(measured.high - measured.low)
    assert widths[1] > 3 * widths[0]


def test_scenes_of_one_device_count_as_one():
    """Drawn one by one, five scenes per device would make the interval narrower than it is."""
    real = table(np.arange(8.0), "erle_raw", 3.0)
    alone = ResultTable(real.rows.assign(device=real.rows["scene"]), real.provenance)
    board = table(np.arange(8.0), "pesq")
    devices, scenes = (validity(board, one, "pesq", "erle_raw", "device") for one in (real, alone))
    assert (devices.devices, scenes.devices) == (DEVICES, 5 * DEVICES)
    assert devices.high - devices.low > 1.3 * (scenes.high - scenes.low)


def test_too_few_systems_give_no_number():
    board = table(np.arange(8.0), "pesq")
    few = ResultTable(board.rows[board.rows["system"].isin(SYSTEMS[:3])], board.provenance)
    measured = validity(few, table(np.arange(8.0), "erle_raw"), "pesq", "erle_raw", "device")
    assert np.isnan(measured.correlation)
    assert not measured.predicts
    assert measured.systems == 3
