import numpy as np
import pystoi
import pytest

from aecbench.metrics.base import Inapplicable
from aecbench.metrics.estoi import estoi
from aecbench.metrics.stoi import stoi
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_is_what_pystoi_gives(speech, rate):
    near = speech(0, 2, rate)
    estimate = near + speech(1, 2, rate)
    expected = pystoi.stoi(near.astype(np.float64), estimate.astype(np.float64), rate, extended=True)
    assert estoi(of_near(near), estimate, rate) == pytest.approx(expected, abs=1e-12)
    assert estoi(of_near(near), estimate, rate) < stoi(of_near(near), estimate, rate)


def test_an_output_that_is_silent_now_and_then_gets_the_same_mark_every_time(speech):
    near = speech(0, 3)
    gated = near * (np.arange(near.size) // RATE != 1)
    assert estoi(of_near(near), gated, RATE) == estoi(of_near(near), gated, RATE)


def test_the_global_random_generator_is_left_as_it_was(speech):
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.standard_normal()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    estoi(of_near(speech(0, 1)), speech(1, 1), RATE)
    assert np.random.standard_normal() == expected  # noqa: NPY002


def test_too_little_speech_is_undefined(speech):
    near = speech(0, 0.3)
    with pytest.raises(Inapplicable, match=r"STOI: less than 0\.4 s of speech"):
        estoi(of_near(near), near, RATE)
