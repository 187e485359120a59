import numpy as np
import pesq as package
import pytest

from aecbench.metrics.pesq import pesq
from aecbench.metrics.pesq_nb import pesq_nb
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


def test_is_what_the_package_gives_also_right_after_the_wide_band(speech):
    near = speech(0, 3)
    estimate = near + (0.02 * np.random.default_rng(9).standard_normal(near.size)).astype(np.float32)
    wide, narrow = (f(of_near(near), estimate, RATE) for f in (pesq, pesq_nb))
    assert narrow == pytest.approx(package.pesq(RATE, near, estimate, "nb"), abs=1e-5)
    assert abs(narrow - wide) > 0.1


def test_the_near_end_itself_gets_the_highest_mark(speech):
    """P.862.1: MOS-LQO = 0.999 + 4 / (1 + exp(-1.4945 x + 4.6607)) of the raw score x, at most 4.5 (P.862)."""
    near = speech(0, 2)
    assert pesq_nb(of_near(near), near, RATE) == pytest.approx(
        0.999 + 4 / (1 + np.exp(-1.4945 * 4.5 + 4.6607)), abs=1e-5
    )
