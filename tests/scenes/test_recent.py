"""Arrays that are kept: the ones needed last, up to a number of bytes."""

import numpy as np
import pytest

from aecbench.scenes.recent import Recent


def made(number):
    return lambda: np.full(2, number, float)


def refused():
    raise AssertionError("made again")


def test_an_array_is_made_once():
    recent = Recent(64)
    first = recent.get("a", made(1))
    assert recent.get("a", refused) is first


def test_the_array_that_was_not_needed_for_longest_goes_first():
    recent = Recent(32)  # two of them
    for key in ("a", "b", "a", "c"):
        recent.get(key, made(0))
    recent.get("a", refused)
    recent.get("c", refused)
    assert recent.get("b", made(5))[0] == 5


def test_the_last_array_is_kept_whatever_its_size():
    recent = Recent(8)
    recent.get("a", made(1))
    recent.get("a", refused)
    recent.get("b", made(2))
    assert list(recent.arrays) == ["b"]


def test_bytes_are_those_of_the_arrays():
    recent = Recent(40)
    for key in range(10):
        recent.get(key % 4, made(key))
        assert recent.bytes == sum(x.nbytes for x in recent.arrays.values()) <= 40


def test_nobody_writes_into_an_array_that_is_kept():
    with pytest.raises(ValueError, match="read-only"):
        Recent(64).get("a", made(1))[0] = 2
