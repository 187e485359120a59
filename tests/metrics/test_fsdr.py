import numpy as np
import pytest
from scipy.signal import butter, lfilter

from aecbench.metrics import score
from aecbench.metrics.fsdr import TAPS, fsdr
from aecbench.metrics.sdr import sdr
from aecbench.metrics.si_sdr import si_sdr
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


def test_bss_eval_of_another_program_gives_the_same(speech):
    theirs = pytest.importorskip("fast_bss_eval")
    near = speech(0, 2)
    estimate = np.convolve(near, [0.5, 0.3, -0.4])[: near.size] + 0.3 * speech(1, 2)
    pair = near[None].astype(float), estimate[None].astype(float)
    exact = {"use_cg_iter": None, "zero_mean": False, "clamp_db": None, "load_diag": None}
    for ours, taps in ((fsdr, TAPS), (sdr, 512)):
        assert ours(of_near(near), estimate, RATE) == pytest.approx(
            theirs.sdr(*pair, filter_length=taps, **exact)[0], abs=0.01
        )
    assert si_sdr(of_near(near), estimate, RATE) == pytest.approx(theirs.si_sdr(*pair, zero_mean=False)[0], abs=1e-4)


def test_a_high_pass_costs_little_of_it_and_most_of_si_sdr(speech):
    near = speech(0, 3)
    high_passed = lfilter(*butter(2, 200, "high", fs=RATE), near)
    assert fsdr(of_near(near), high_passed, RATE) > 40
    assert si_sdr(of_near(near), high_passed, RATE) < 20


def test_a_delay_is_forgiven_up_to_255_samples():
    near = np.pad(np.random.default_rng(0).standard_normal(RATE), (0, TAPS))
    assert fsdr(of_near(near), np.roll(near, 255), RATE) > 150
    assert fsdr(of_near(near), np.roll(near, 256), RATE) < -10


def test_echo_that_is_left_counts(scene):
    signals = scene()
    values = [score("fsdr", signals, signals.near + g * signals.echo, RATE).value for g in (1, 0.1, 0.01)]
    assert np.diff(values) == pytest.approx([20, 20], abs=1)
