import numpy as np
import pystoi
import pytest

from aecbench.metrics.base import Inapplicable
from aecbench.metrics.stoi import stoi
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


@pytest.mark.parametrize("rate", [8_000, 10_000, 16_000, 44_100, 48_000])
def test_is_what_pystoi_gives(speech, rate):
    near = speech(0, 2, rate)
    estimate = near + speech(1, 2, rate)
    estimate[rate : 3 * rate // 2] = 0
    expected = pystoi.stoi(near.astype(np.float64), estimate.astype(np.float64), rate)
    assert stoi(of_near(near), estimate, rate) == pytest.approx(expected, abs=1e-12)


def test_is_one_for_the_near_end_itself(speech):
    near = speech(0, 2)
    assert stoi(of_near(near), near, RATE) == pytest.approx(1, abs=1e-9)


def test_too_little_speech_is_undefined_and_not_a_hundred_thousandth(speech):
    near = speech(0, 0.3)
    with pytest.raises(Inapplicable, match=r"STOI: less than 0\.4 s of speech"):
        stoi(of_near(near), near, RATE)
