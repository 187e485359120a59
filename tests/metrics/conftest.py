"""Audio for the tests of the metrics."""

import pytest

from aecbench.contract.audio import make_dialogue, make_speech


@pytest.fixture(scope="session")
def speech():
    """`speech(seed, seconds)`: float32 [T] at 16 kHz."""
    return make_speech


@pytest.fixture(scope="session")
def scene():
    """`scene(seed, rate, far=..., near=...)`: read-only Signals [T] of 4 s."""
    return make_dialogue
