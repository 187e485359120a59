"""How far the filters are from the echo path: on constructed responses, and of systems that run."""

import dataclasses

import numpy as np
import pytest

from aecbench.cancellers.abilities import learnt_response
from aecbench.cancellers.align import DelayTracker, FixedDelay, aligned
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.passthrough import Passthrough
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.cancellers.subband_kalman import SubbandKalman
from aecbench.corpus import Item
from aecbench.corpus.response import true_response
from aecbench.dsp.convolve import convolve
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS, score
from aecbench.metrics.base import Inapplicable
from aecbench.metrics.misalignment import misalignment
from aecbench.scenes.channel import jump, switch, volume
from aecbench.scenes.scene import Loudspeaker, Stage
from aecbench.systems import load_system

RATE = 16_000
UNUSED = np.zeros(1)

PATH = (0.5 * np.random.default_rng(3).standard_normal(300) * np.exp(-np.arange(300) / 60)).astype(np.float32)


def distance(true, learnt):
    return misalignment(UNUSED, UNUSED, RATE, true, learnt)


def test_an_error_of_a_tenth_is_minus_twenty_decibels_and_a_filter_of_zeros_has_none():
    error = np.random.default_rng(0).standard_normal(300)
    error *= 0.1 * np.linalg.norm(PATH) / np.linalg.norm(error)
    assert distance(PATH, PATH + error) == pytest.approx(-20, abs=0.01)
    assert distance(PATH, 0 * PATH) == 0
    assert distance(PATH, PATH) == -np.inf


def test_what_the_filter_is_too_short_for_counts_as_error_and_zeros_behind_do_not():
    tail = np.sum(PATH[100:].astype(float) ** 2) / np.sum(PATH.astype(float) ** 2)
    assert distance(PATH, PATH[:100]) == pytest.approx(10 * np.log10(tail))
    assert distance(PATH, np.pad(0.5 * PATH, (0, 99))) == pytest.approx(-6.0206, abs=1e-4)


def test_batches_are_taken_row_by_row_and_a_path_of_zeros_is_undefined():
    rows = distance(np.stack([PATH, 0 * PATH]), np.stack([0.5 * PATH, PATH]))
    np.testing.assert_allclose(rows, [-6.0206, np.nan], atol=1e-4)


def test_the_exact_filter_is_at_the_limit_and_without_responses_there_is_a_reason(scene):
    exact = score("misalignment", scene(), scene().mic, RATE, responses=lambda: (PATH, PATH))
    assert exact == (-100.0, "", False)
    value, reason, failed = score("misalignment", scene(), scene().mic, RATE)
    assert np.isnan(value)
    assert (reason, failed) == ("no impulse responses are given", False)


@pytest.fixture(scope="module")
def white():
    """Microphone and far end: white noise through PATH, 200 samples late."""
    far = 0.1 * np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32)
    return convolve(np.pad(far, (200, 0))[: far.size], PATH), far


TRUE = np.pad(PATH, (200, 0))
FILTERS = {
    "nlms": NLMS(taps=512),
    "fdaf": FDAF(taps=512),
    "kalman": Kalman(taps=512),
    "behind a tracker": aligned(NLMS(taps=512), DelayTracker()),
    "behind a delay": aligned(Kalman(taps=512), FixedDelay(10)),
    "in front of a suppressor": ResidualSuppressor(Kalman(taps=512)),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_tell_the_response_they_have_learnt_with_the_delay_in_front(name, white):
    learnt = learnt_response(FILTERS[name], *white)
    assert distance(TRUE, learnt) < -25
    assert distance(TRUE, np.roll(learnt, 1)) > -5


def test_the_delay_in_front_is_none_of_the_taps(white):
    assert learnt_response(FILTERS["behind a delay"], *white).size == 512 + 160


@pytest.mark.parametrize("canceller", [Passthrough(), SubbandKalman(), ResidualSuppressor(SubbandKalman())])
def test_others_have_none(canceller, white):
    assert learnt_response(canceller, *white) is None


@pytest.fixture(scope="module")
def item(corpus):
    """The first scene with a linear loudspeaker."""
    return next(item for item in corpus.split("val") if item.scene.loudspeaker.model == "linear" and item.scene.far)


def changed(item: Item, channel=None, path=None, **changes) -> Item:
    scene = item.scene
    channel = scene.channel.model_copy(update=channel or {})
    path = scene.path.model_copy(update=path or {})
    return item._replace(scene=scene.model_copy(update={"channel": channel, "path": path, **changes}))


def closeness(echo, made, of=np.s_[:]):
    return 10 * np.log10(np.sum((echo - made)[of] ** 2.0) / np.sum(echo[of] ** 2.0))


def test_the_true_response_makes_the_echo_of_the_far_end(item):
    assert closeness(item.signals.echo, convolve(item.signals.far, true_response(item))) < -50


def test_the_true_response_is_that_of_the_end(item):
    far, first, end = item.signals.far, item.rir[0], slice(-RATE // 2, None)
    paths = np.stack([first, first[::-1]])
    late = changed(item, {"jumps": ((0.5, item.scene.channel.delay + 0.01),), "volume": ((1.0, -6.0),)})
    late = changed(late, path={"kind": "switch", "times": (1.5,)})._replace(rir=paths)
    moved = jump(volume(far, [0.0, -6.0], [1.0], RATE), [0.0, 0.01], [0.5], RATE)
    assert closeness(switch(moved, paths, [1.5], RATE), convolve(far, true_response(late)), end) < -60
    sooner = changed(item, {"jumps": ((0.5, 0.0),)})
    cut = round(item.scene.channel.delay * RATE)
    np.testing.assert_array_equal(true_response(sooner), first[cut:])


CHIRPY = Loudspeaker(model="linear", response=Stage(name="response"))
NONE = {
    "the loudspeaker is not linear: tanh": {"loudspeaker": Loudspeaker(model="tanh")},
    "the loudspeaker has a response of its own": {"loudspeaker": CHIRPY},
    "the microphone has a gain control": {"agc": Stage(name="agc")},
    "the clocks drift": {"channel": {"drift": 20.0}},
}


@pytest.mark.parametrize("reason", NONE)
def test_where_no_response_is_all_of_the_echo_path_it_is_undefined_with_the_reason(reason, item):
    with pytest.raises(Inapplicable, match=reason):
        true_response(changed(item, **NONE[reason]))


def test_a_table_has_it_where_it_is_asked_for(corpus):
    asked = {"misalignment": METRICS["misalignment"]}
    linear = load_system("nlms")
    rows = evaluate(linear, corpus, asked, split="val").rows.query("metric == 'misalignment'")
    known = rows["value"].notna()
    assert known.any()
    assert (rows["value"][known] < 3).all()
    assert not rows["failed"].any()
    assert (rows["loudspeaker.model"][known] == "linear").all()
    assert rows["reason"][~known].str.contains("loudspeaker is not linear|no far-end").all()
    none = evaluate(
        dataclasses.replace(linear, name="identity", canceller=Passthrough()), corpus, asked, split="val"
    ).rows
    assert none.query("metric == 'misalignment'")["value"].isna().all()
    assert none["reason"].str.contains("identity has no impulse response").any()


def test_a_canceller_of_ones_own_takes_part(white):
    class Mine(NLMS):
        """Tells half of what it knows."""

        def impulse_response(self, state):
            """As that of its base, at half the gain."""
            return 0.5 * NLMS.impulse_response(self, state)

    assert distance(TRUE, learnt_response(Mine(taps=512), *white)) == pytest.approx(-6, abs=0.5)
