"""Abilities of cancellers: multiplications counted by hand here and by the formulas there; wrappers pass all on."""

import numpy as np
import pytest

from aecbench.cancellers import CANCELLERS, abilities
from aecbench.cancellers.abilities import Count, Facts, cost, transform
from aecbench.cancellers.align import DelayTracker, FixedDelay, aligned, unaligned
from aecbench.cancellers.external.predictions import Predictions
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.passthrough import Passthrough
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.cancellers.subband_kalman import SubbandKalman
from aecbench.contract.test_cancellers import Probe, check_wrapper
from aecbench.errors import AudioError
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


def test_the_latency_of_stored_outputs_is_not_known_behind_an_alignment_either(tmp_path):
    assert abilities.latency(aligned(Kalman(), DelayTracker())) == Kalman().latency
    assert abilities.latency(Predictions(tmp_path)) is None
    assert abilities.latency(aligned(Predictions(tmp_path), FixedDelay(1))) is None


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


WRAPPERS = {
    "suppressor": ResidualSuppressor(),
    "tracker": aligned(Kalman(), DelayTracker()),
    "later far end": aligned(Kalman(), FixedDelay(20)),
    "later microphone": aligned(Kalman(), FixedDelay(-20)),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_pass_every_ability_on(name):
    check_wrapper(WRAPPERS[name])


def test_a_tracker_goes_around_one_that_does_not_stream():
    outside = Unknown()
    changed = WRAPPERS["tracker"].with_inner(outside)
    assert changed == aligned(outside, DelayTracker())
    assert unaligned(changed) is outside


@pytest.mark.parametrize("ability", ["cost", "inspect", "impulse_response", "with_inner"])
def test_a_wrapper_that_forgets_an_ability_fails(ability):
    tracker = WRAPPERS["tracker"]
    nothing = {
        "cost": lambda self: self.tracker.cost(),
        "inspect": lambda self, mic, far: {},
        "impulse_response": lambda self, state: None,
        "with_inner": lambda self, inner: self,
    }
    forgetful = type("Forgetful", (type(tracker),), {ability: nothing[ability]})
    with pytest.raises(AssertionError):
        check_wrapper(forgetful(tracker.canceller, tracker.tracker))
    check_wrapper(type("Mindful", (type(tracker),), {})(tracker.canceller, tracker.tracker))


def test_decisions_start_with_the_microphone_where_it_is_delayed():
    """20 ms are 5 of the frames of 64 samples, before the first sample of the microphone."""
    mic, far = np.zeros((2, 6400), np.float32)
    values = aligned(Probe(), FixedDelay(-20)).inspect(mic, far)["probe"]
    assert len(values) == 100


@pytest.mark.parametrize("milliseconds", [20, -20])
def test_a_delay_runs_block_by_block_around_its_canceller(milliseconds):
    inner = Kalman()
    assert abilities.streaming(aligned(inner, FixedDelay(milliseconds))) == (inner, 16 * milliseconds)
    assert abilities.streaming(inner) == (inner, 0)
    assert abilities.streaming(aligned(Unknown(), FixedDelay(milliseconds))) is None


def test_the_oracle_is_informed_through_a_wrapper():
    echo = np.ones(8, np.float32)
    informed = abilities.informed(ResidualSuppressor(Oracle()), Facts("c/test/0", 16_000, echo))
    assert informed.filter.echo is echo
    with pytest.raises(AudioError, match="which real recordings do not have"):
        abilities.informed(Oracle(), Facts("c/test/0", 16_000, np.full(8, np.nan)))
    plain = Kalman()
    assert abilities.informed(plain, Facts("c/test/0", 16_000, echo)) is plain
