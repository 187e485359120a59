"""Whether the far end is heard in the microphone: certain where it is, silent where there is nothing to say."""

import numpy as np
import pytest

from aecbench.dsp.delay import delay
from aecbench.dsp.echo import Echo, find_echo

RATE = 16_000


def talker(seconds: float, seed: int) -> np.ndarray:
    """Noise with the rhythm of syllables and the spectrum of speech."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(size=round(seconds * RATE))) % 1.0 - 0.5
    rhythm = np.repeat(rng.choice([0, 0.3, 1], size=x.size // 3200 + 1), 3200)[: x.size]
    return (0.1 * rhythm * (x + rng.normal(size=x.size))).astype(np.float32)


def pieces(mic, far, size: int = 5000):
    both = np.stack([mic, far], axis=1)
    return (both[start : start + size] for start in range(0, len(both), size))


@pytest.mark.parametrize("samples", [0, 300, 9000, 31_000])
@pytest.mark.parametrize("near", [0.0, 1.0])
def test_an_echo_is_found_at_any_delay(samples, near):
    far, other = talker(12.0, 1), talker(12.0, 2)
    mic = 0.5 * delay(far, samples) + near * other
    assert find_echo(pieces(mic, far)) == Echo("found", 0)


@pytest.mark.parametrize("samples", [-160, -1600, -8000])
def test_a_microphone_that_is_ahead_is_to_be_delayed(samples):
    far = talker(12.0, 1)
    found = find_echo(pieces(delay(far, samples), far))
    assert found.heard == "found"
    assert abs(found.lead - (128 - samples)) <= 8
    assert "ahead of the far end" in found.remark


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)])
@pytest.mark.parametrize("seconds", [2.0, 9.0, 40.0])
def test_two_talkers_do_not_correlate(seeds, seconds):
    found = find_echo(pieces(*(talker(seconds, seed) for seed in seeds)))
    assert found.heard == "not found"
    assert found.remark == "no echo found: far end and microphone do not correlate"


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_a_silent_far_end_is_something_else(level):
    mic = talker(6.0, 1)
    found = find_echo(pieces(mic, level * talker(6.0, 2)))
    assert found.heard == "far end silent"
    assert "no echo to cancel" in found.remark


def test_a_weak_echo_is_found_in_several_windows_together():
    far, near = talker(60.0, 1), talker(60.0, 2)
    assert find_echo(pieces(delay(far, 500) * 0.05 + near, far)).heard == "found"


def test_no_more_is_read_than_needed():
    far, read = talker(60.0, 1), []
    find_echo(read.append(1) or block for block in pieces(far, far))
    assert len(read) * 5000 < 6 * RATE
