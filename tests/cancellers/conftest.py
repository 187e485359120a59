"""Audio to cancel: talkers of coloured, modulated noise in rooms of decaying noise."""

from collections.abc import Callable

import numpy as np
import pytest

from aecbench.contract.audio import RATE, make_room, make_scene, make_talker
from aecbench.signals import Signals


def reduction(before: np.ndarray, after: np.ndarray, start: float, end: float) -> float:
    """10 log10 of the power before over the power after, in the seconds from start to end."""
    span = np.s_[round(start * RATE) : round(end * RATE)]
    return float(10 * np.log10(np.mean(np.square(before[span])) / np.mean(np.square(after[span]))))


@pytest.fixture(scope="session")
def talker() -> Callable[..., np.ndarray]:
    return make_talker


@pytest.fixture(scope="session")
def room() -> Callable[..., np.ndarray]:
    return make_room


@pytest.fixture(scope="session")
def scene() -> Callable[..., Signals]:
    return make_scene


@pytest.fixture(scope="session")
def erle() -> Callable[..., float]:
    return reduction
