"""Multiplications, counted by hand here and by the formulas there."""

import numpy as np
import pytest

from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.abilities import Count, cost, transform
from aecbench.cancellers.align import DelayTracker, FixedDelay, aligned
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.passthrough import Passthrough
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.cancellers.subband_kalman import SubbandKalman
from aecbench.systems import load_system


def test_nlms_is_one_product_per_tap_to_filter_and_one_to_adapt():
    assert cost(NLMS(taps=1000)) == Count(0, 2000)
    assert cost(Passthrough()) == Count(0, 0)


@pytest.mark.parametrize("canceller", [FDAF(block=64, taps=128), Kalman(block=64, taps=128)])
def test_frequency_domain_filters_by_hand(canceller):
    transforms = 14 * 128 * 7  # 2 far end and output; for each filter echo, error, 2 constraints there and back
    bins = 2 * 65  # two partitions
    # of both filters: echo, and what is said of the update in the kernels; and the far-end power, the output's echo
    products = {FDAF: 2 * (4 + 2 + 3 + 6) + 2, Kalman: 2 * (4 + 6 + 10) + 2 + 4}[type(canceller)]
    assert cost(canceller).macs == (transforms + products * bins) / 64


def test_covariances_grow_with_the_square_of_the_taps():
    few, twice, four = (cost(SubbandKalman(taps=taps)).macs for taps in (8, 16, 32))
    assert 3 < (four - twice) / (twice - few) < 4


def test_what_runs_inside_is_added():
    inner, tracker = Kalman(), DelayTracker()
    behind_tracker = cost(aligned(inner, tracker)).macs - cost(inner).macs
    assert behind_tracker == cost(aligned(Passthrough(), tracker)).macs > 0
    assert cost(aligned(inner, FixedDelay(20))) == cost(inner)
    suppressor = cost(ResidualSuppressor(inner)).macs - cost(inner).macs
    assert suppressor == pytest.approx(cost(ResidualSuppressor(NLMS())).macs - cost(NLMS()).macs)
    assert suppressor * 128 == 4 * transform(512) + 54 * 257


class Unknown:
    """A canceller from elsewhere."""

    latency = 0

    def cancel(self, mic, far):
        """The microphone."""
        return mic


@pytest.mark.parametrize("inside", [aligned(Unknown(), DelayTracker()), aligned(Unknown(), FixedDelay(1)), Unknown()])
def test_nobody_has_counted_what_comes_from_elsewhere(inside):
    assert cost(inside) is None


@pytest.mark.parametrize(
    "name", sorted(n for n in CANCELLERS if not CANCELLERS[n].startswith("aecbench.cancellers.ext"))
)
def test_everything_of_the_table_is_counted_but_what_others_wrote(name):
    found = cost(load_system(name, "none").canceller)
    assert np.isfinite(found.macs)
    assert (found.macs > 0) == (name not in ("passthrough", "oracle"))


def test_longer_filters_cost_more():
    for kind in (NLMS, FDAF, Kalman):
        assert cost(kind(taps=2048)).macs > cost(kind(taps=1024)).macs
