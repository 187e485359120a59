import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aecbench.scenes.distribution import Distribution

numbers = st.floats(-1e3, 1e3)
distributions = st.one_of(
    numbers,
    st.tuples(numbers, numbers).map(lambda pair: {"uniform": sorted(pair)}),
    st.tuples(numbers, numbers).map(lambda pair: {"normal": [0, 10], "clip": sorted(pair)}),
    st.lists(numbers, min_size=2, max_size=5).map(
        lambda values: {"quantiles": list(zip(np.linspace(0, 1, len(values)).tolist(), sorted(values), strict=True))}
    ),
    st.lists(numbers, min_size=1).map(lambda values: {"choice": values}),
    st.tuples(numbers, numbers).map(lambda pair: {"choice": [pair[0], {"uniform": sorted(pair)}], "weights": [1, 2]}),
)


@given(distributions, st.integers(0, 2**32))
def test_what_is_drawn_lies_within_the_extremes(data, seed):
    distribution = Distribution.model_validate(data)
    value = distribution.number(np.random.default_rng(seed))
    low, high = min(distribution.extremes), max(distribution.extremes)
    assert low - 1e-6 <= value <= high + 1e-6


@given(distributions)
def test_it_survives_json(data):
    distribution = Distribution.model_validate(data)
    assert Distribution.model_validate_json(distribution.model_dump_json()) == distribution


def test_weights_are_kept():
    rng = np.random.default_rng(0)
    coin = Distribution.model_validate({"choice": ["heads", "tails"], "weights": [1, 3]})
    tails = sum(coin.draw(rng) == "tails" for _ in range(4000))
    assert 2900 <= tails <= 3100


def test_quantiles_are_kept():
    rng = np.random.default_rng(0)
    bent = Distribution.model_validate({"quantiles": [[0, 0], [0.5, 1], [1, 10]]})
    values = [bent.number(rng) for _ in range(4000)]
    np.testing.assert_allclose(np.quantile(values, [0.25, 0.5, 0.75]), [0.5, 1, 5.5], rtol=0.12)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"uniform": [2, 1]}, "backwards"),
        ({"normal": [0, 1]}, "go together"),
        ({"normal": [0, -1], "clip": [0, 1]}, "negative"),
        ({"choice": []}, "empty"),
        ({"choice": [1, 2], "weights": [1]}, "one for each"),
        ({"choice": [1, 2], "weights": [0, 0]}, "above 0"),
        ({"quantiles": [[0, 1], [0.5, 2]]}, "rise from 0 to 1"),
        ({"quantiles": [[0, 2], [1, 1]]}, "must not fall"),
        ({"uniform": [0, 1], "choice": [1]}, "got uniform, choice"),
        ({}, "got none"),
    ],
)
def test_a_wrong_one_says_what_is_wrong(data, message):
    with pytest.raises(ValidationError, match=message):
        Distribution.model_validate(data)
