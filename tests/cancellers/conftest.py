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


@pytest.fixture
def blocks_and_strides():
    """Cancel two signals by `step`, block by block, and by `consume`, stride by stride; return both outputs."""

    def run(canceller, mic, far):
        length, outputs = mic.size // canceller.stride * canceller.stride, []
        mic, far = (np.stack([x, x[::-1]])[:, :length].astype(np.float32) for x in (mic, far))
        for size, advance in ((canceller.block, canceller.step), (canceller.stride, canceller.consume)):
            state, out = canceller.init((2,)), np.empty_like(mic)
            for start in range(0, length, size):
                span = np.s_[:, start : start + size]
                state, out[span] = advance(state, mic[span].copy(), np.ascontiguousarray(far[span]))
            outputs.append(out)
        return outputs

    return run
