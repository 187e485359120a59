"""From text to checked values: a message names the key that is wrong, or all that concerns several keys."""

import pytest

from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.errors import ConfigError
from aecbench.recipe import read_recipe
from aecbench.record import parse
from aecbench.scenes.spec import CorpusSpec


@pytest.mark.parametrize(
    "change",
    [
        {"talk.near_onset": 30},
        {"duration": 1},
        {"path.switch": 0.6, "path.move": 0.6},
        {"loudspeaker.measured": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_concerns_several_keys_of_a_recipe_has_no_empty_name(change):
    with pytest.raises(ConfigError, match=r"^recipe speech-v1: [\w.]+") as caught:
        read_recipe("speech-v1", (), change)
    assert ": : " not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        (NetworkConfig, {"n_fft": 1000}, "here: n_fft is 1000, expected a multiple"),
        (NetworkConfig, {"n_fft": 1024.5}, "here: n_fft: expected a valid integer, got 1024.5$"),
        (NetworkConfig, [1], r"here: all of it: expected a table of keys, got \[1\]$"),
        (CorpusSpec, None, "here: all of it: expected a table of keys, got None$"),
    ],
)
def test_what_is_wrong_as_a_whole_is_said_so(kind, data, says):
    with pytest.raises(ConfigError, match=f"^{says}"):
        parse(kind, data, "here")
