"""Intervals of scenes that share talkers and noises: against loops over pairs, statsmodels, and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aecbench.results import interval
from aecbench.results.clusters import Clusters, clusters_of, effective
from aecbench.results.estimates import mean, median


def scenes(count: int = 30, seed: int = 0) -> pd.DataFrame:
    """Scenes with far and near talkers, some alone, and a noise in half of them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.choice([*"abcdef"], (count, 2)), columns=["far.speaker", "near.speaker"])
    table.loc[::5, "near.speaker"] = None
    return table.assign(**{"noise.file": np.where(np.arange(count) % 2, rng.choice([*"xyz"], count), None)})


def by_pairs(x: np.ndarray, table: pd.DataFrame) -> tuple[float, float]:
    """Variance of the mean and its degrees of freedom, in the plainest way: a loop over all pairs, and traces."""
    n = len(x)
    shares = np.eye(n)
    for i, one in enumerate(table.to_dict("records")):
        for j, other in enumerate(table.to_dict("records")):
            shares[i, j] = i == j or any(one[name] is not None and one[name] == other[name] for name in one)
    deviation = np.eye(n) - 1 / n
    quadratic = deviation @ shares @ deviation
    variance = x @ quadratic @ x / np.trace(quadratic) / n
    return variance, np.trace(quadratic) ** 2 / np.trace(quadratic @ quadratic)


@pytest.mark.parametrize("seed", range(5))
def test_variance_and_freedom_agree_with_a_loop_over_pairs(seed):
    table = scenes(seed=seed)
    x = np.random.default_rng(seed).normal(size=6)[pd.factorize(table["far.speaker"])[0]] + np.arange(30) % 7
    found, (variance, freedom) = mean(x, clusters_of(table)), by_pairs(x, table)
    assert found.freedom == pytest.approx(freedom)
    assert found.error**2 == pytest.approx(max(variance, np.var(x, ddof=1) / 30))


def test_two_way_errors_agree_with_statsmodels():
    # statsmodels 0.15.0: cov_cluster and cov_cluster_2groups of OLS(x, np.ones(24)).fit(), use_correction=False
    n = np.arange(24)
    x = np.round(np.sin(n) + 2 * (n % 4 == 0) + (n % 6 == 1), 3)
    for groups, golden in (
        (np.stack([n % 4], 1), 0.39438084990818933),
        (np.stack([n % 4, n % 6], 1), 0.42687985938885903),
    ):
        clusters = Clusters(groups)
        found = mean(x, clusters)
        unbiased = 24 / (24 - clusters.degrees.sum() / 24)
        assert found.error == pytest.approx(golden * unbiased**0.5, rel=1e-9)


def test_without_clusters_it_is_the_t_interval():
    x = np.random.default_rng(0).normal(size=12)
    symmetric = np.concatenate([x, -x]) + 0.3  # the correction of skewness has nothing to do
    golden = stats.ttest_1samp(symmetric, 0)
    found = interval(symmetric)
    assert (found.low, found.high) == pytest.approx(tuple(golden.confidence_interval()))
    assert mean(symmetric, Clusters(np.empty((24, 0), int))).p == pytest.approx(golden.pvalue)


def test_scenes_that_are_copies_of_each_other_add_nothing():
    talkers = np.arange(20)
    x = np.random.default_rng(0).normal(size=20)
    once = mean(x, Clusters(talkers[:, None]))
    often = mean(np.repeat(x, 15), Clusters(np.repeat(talkers, 15)[:, None]))
    assert often[:2] == pytest.approx(once[:2])
    assert often.freedom == pytest.approx(19)


def test_a_skewed_mean_reaches_further_to_where_its_tail_is():
    x = np.random.default_rng(0).lognormal(size=24)
    found = interval(x)
    assert found.high - found.mean > found.mean - found.low


def test_p_is_the_level_whose_interval_ends_at_zero():
    for shift in (-0.4, 0.2, 1.5):
        found = mean(np.random.default_rng(1).lognormal(size=24) - shift, clusters_of(scenes(24)))
        assert min(map(abs, found.interval(found.p))) == pytest.approx(0, abs=1e-9)


def test_what_all_scenes_share_is_left_out():
    table = scenes().assign(**{"loudspeaker.measured": "the same"})
    assert mean(np.arange(30.0), clusters_of(table)) == mean(np.arange(30.0), clusters_of(scenes()))


def test_effective_numbers_count_a_talker_once():
    assert effective(scenes()) == "30 scenes, 6 talkers, 3 noises"


def test_the_interval_of_the_median_is_that_of_a_sign_test():
    for n in (10, 24, 150):
        x = np.random.default_rng(n).lognormal(size=n)
        golden = stats.quantile_test(x, q=np.median(x), p=0.5).confidence_interval(0.95)  # exact, of independent values
        assert median(x, Clusters(np.empty((n, 0), int))).interval() == tuple(golden)


def test_the_error_of_a_median_counts_scenes_that_are_copies_of_each_other_once():
    talkers, x = np.arange(20), np.random.default_rng(0).normal(size=20)
    once = median(x, Clusters(talkers[:, None]))
    often = median(np.repeat(x, 15), Clusters(np.repeat(talkers, 15)[:, None]))
    assert often.interval() == once.interval()


def test_the_interval_of_a_median_excludes_zero_where_p_is_below_its_level():
    rng, told = np.random.default_rng(0), set()
    for _ in range(300):
        x = np.round(rng.normal(rng.uniform(-1, 1), 1, 30), 1)  # with ties, also at zero
        found = median(x, clusters_of(scenes(seed=int(rng.integers(100)))))
        for level in (0.05, 0.01, 0.001):
            low, high = found.interval(level)
            told.add(not low <= 0 <= high)
            assert (found.p < level) == (not low <= 0 <= high)
    assert told == {True, False}


def test_a_rare_scene_moves_the_mean_and_not_the_median():
    x = np.r_[np.zeros(90), np.full(10, -20.0)]
    found = interval(x, summary="median")
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert found.mean == -2


def test_the_median_of_few_scenes_has_no_interval():
    assert interval(np.arange(6.0), summary="median")[1:3] == (-np.inf, np.inf)
    assert interval(np.arange(8.0), summary="median")[1:3] == (0, 7)
