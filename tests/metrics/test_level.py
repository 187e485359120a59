import numpy as np
import pytest

from aecbench.metrics import score
from aecbench.metrics.level import level
from aecbench.signals import Signals

RATE = 16_000


@pytest.mark.parametrize("gain", [-30.0, 0.0, 6.0])
def test_is_the_gain_of_the_near_end(scene, gain):
    signals = scene(far=False)
    assert score("level", signals, signals.mic * np.float32(10 ** (gain / 20)), RATE).value == pytest.approx(
        gain, abs=0.01
    )


def test_a_gated_half_costs_three_decibels():
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    zero = np.zeros_like(tone)
    gated = np.where(np.arange(RATE) < RATE // 2, tone, 0)
    scene = Signals(mic=tone, far=zero, near=tone, echo=zero, noise=zero)
    assert level(scene, gated, RATE) == pytest.approx(-10 * np.log10(2), abs=0.01)


def test_sees_what_pesq_and_stoi_do_not(scene):
    signals = scene()
    quiet = signals.mic * np.float32(0.03)
    for blind in ("pesq", "stoi"):
        loud = score(blind, signals, signals.mic, RATE).value
        assert score(blind, signals, quiet, RATE).value == pytest.approx(loud, abs=1e-4)
    assert score("level", signals, quiet, RATE).value == pytest.approx(20 * np.log10(0.03), abs=0.01)
