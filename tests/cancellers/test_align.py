"""Delay alignment: what it finds, when it moves, and that it costs nothing where it is not needed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecbench.cancellers import align
from aecbench.cancellers.align import DelayTracker, FixedDelay, aligned, alignment
from aecbench.cancellers.external.speex import Speex
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.dsp.correlation import correlation
from aecbench.dsp.delay import delay, drift
from aecbench.errors import AudioError, NotInstalled, UsageError

RATE = 16_000
TRACKER = DelayTracker()


def final(mic, far):
    """The delay at the end, and how often it has changed."""
    state, delays = TRACKER.init(()), [0]
    for start in range(0, mic.size, TRACKER.block):
        span = np.s_[start : start + TRACKER.block]
        state, _ = TRACKER.step(state, mic[span], far[span])
        delays.append(int(state.delay))
    return delays[-1], np.count_nonzero(np.diff(delays))


@pytest.mark.parametrize("samples", [800, 1920, 4000, 7681, 10_000])
def test_the_delay_of_an_echo_is_found_once_and_exactly(scene, samples):
    s = scene(4.0, noise=0.005)
    found, changes = final(delay(s.mic, samples), s.far)
    assert changes == 1
    assert abs(found + TRACKER.headroom - (samples + 40)) <= 2  # the direct sound of the room comes at 40


@pytest.mark.parametrize("samples", [11_000, 20_000, 32_000])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_delay_of_up_to_2_s_is_found(scene, samples, noise):
    s = scene(10.0, noise=noise)
    mic = delay(s.mic, samples)
    found, changes = final(mic, s.far)
    assert changes == 1
    assert abs(found + TRACKER.headroom - (samples + 40)) <= 8


def test_a_jump_out_of_the_reach_of_the_decisions_and_back_is_followed(scene):
    s = scene(24.0)
    time = np.arange(s.mic.size) / RATE
    far, near = delay(s.mic, 24_000), delay(s.mic, 3000)
    assert abs(final(np.where(time < 12, near, far), s.far)[0] + TRACKER.headroom - 24_040) <= 8
    assert abs(final(np.where(time < 12, far, near), s.far)[0] + TRACKER.headroom - 3040) <= 8


def test_a_search_that_finds_less_than_the_headroom_sets_the_delay_to_0():
    tracker = DelayTracker(block=64, stretches=1, every=128, confirmation=2)
    far = 0.1 * np.random.default_rng(0).normal(size=10 * RATE).astype(np.float32)
    mic = np.where(np.arange(far.size) < 5 * RATE, delay(far, 2000), delay(far, 100))
    state, late = tracker.track(tracker.init(()), mic, far)
    assert state.delay == 0
    np.testing.assert_array_equal(late[-RATE:], far[-RATE:])


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_two_talkers_that_do_not_hear_each_other_move_nothing(talker, seeds):
    near, far = (talker(20.0, seed) for seed in seeds)
    np.testing.assert_array_equal(TRACKER.align(near, far), far)


def test_searches_cost_nothing_where_a_delay_is_known(scene, monkeypatch):
    s, searches = scene(8.0), []
    monkeypatch.setattr(align, "correlation", lambda *given: searches.append(1) or correlation(*given))
    TRACKER.align(delay(s.mic, 2000), s.far)
    assert len(searches) <= 2
    TRACKER.align(delay(s.mic, 20_000), s.far)
    assert len(searches) > 10


@pytest.mark.parametrize("samples", [0, 100, 560])
def test_what_a_filter_reaches_anyway_is_left_alone(scene, samples):
    s = scene(3.0)
    np.testing.assert_array_equal(TRACKER.align(delay(s.mic, samples), s.far), s.far)


def test_a_jump_is_followed(scene):
    s = scene(8.0)
    mic = np.where(np.arange(s.mic.size) < 4 * RATE, delay(s.mic, 2000), delay(s.mic, 6000))
    found, changes = final(mic, s.far)
    assert changes == 2
    assert abs(found + TRACKER.headroom - 6040) <= 2


def test_a_clock_that_drifts_changes_the_delay_no_more_than_needed(scene):
    s = scene(6.0)
    assert final(drift(delay(s.mic, 3000), 100), s.far)[1] == 1


def test_near_end_and_noise_move_nothing(talker):
    near, noise = talker(8.0, 1), 0.02 * np.random.default_rng(0).normal(size=8 * RATE)
    for far in (np.zeros_like(near), talker(8.0, 2)):
        np.testing.assert_array_equal(TRACKER.align((near + noise).astype(np.float32), far), far)


def test_double_talk_moves_nothing_that_was_found(scene):
    s = scene(8.0, near=(3, 8))
    assert final(delay(s.echo, 3000) + 2 * s.near, s.far)[1] == 1


@given(cuts=st.lists(st.integers(0, 20_000), max_size=6))
@settings(max_examples=10)
def test_how_a_signal_is_cut_into_steps_changes_nothing(scene, cuts):
    s = scene(2.0)
    mic, far = delay(s.mic, 3000)[:20_000], s.far[:20_000]
    state, parts = TRACKER.init(()), []
    for part in np.split(np.stack([mic, far]), sorted(cuts), -1):
        state, out = TRACKER.step(state, *part)
        parts.append(out)
    whole = TRACKER.align(mic, far)
    assert not np.array_equal(whole, far)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("cut", [9000, 20_000])
def test_the_future_changes_nothing(scene, cut):
    s = scene(2.0)
    mic, far = delay(s.mic, 3000), s.far
    other = np.random.default_rng(0).normal(size=(2, mic.size - cut)).astype(np.float32)
    edited = TRACKER.align(np.append(mic[:cut], other[0]), np.append(far[:cut], other[1]))
    np.testing.assert_array_equal(edited[:cut], TRACKER.align(mic, far)[:cut])


def test_a_step_leaves_the_state_it_was_given_as_it_was(scene):
    s = scene(2.0)
    state, _ = TRACKER.step(TRACKER.init(()), s.mic[:9000], s.far[:9000])
    ends = [TRACKER.step(state, s.mic[9000:], s.far[9000:])[0] for _ in range(2)]
    np.testing.assert_array_equal(ends[0].averages.cross, ends[1].averages.cross)


def test_a_state_that_is_given_up_is_written_over(scene):
    canceller = aligned(Kalman(), DelayTracker())
    state = canceller.init((1,))
    s = scene(1.0)
    mic, far = (x[None, : canceller.stride].astype(np.float32) for x in (s.mic, s.far))
    after, _ = canceller.consume(state, mic, far)
    for name in ("cross", "far_power", "mic_power"):
        assert getattr(after.tracker.averages, name) is getattr(state.tracker.averages, name)


@pytest.mark.parametrize("listener", [TRACKER, aligned(FDAF(), TRACKER)], ids=lambda listener: type(listener).__name__)
def test_a_step_keeps_nothing_of_the_buffers_it_was_given(scene, listener):
    s = scene(2.0)
    signals = np.stack([delay(s.mic, 3000), s.far])[:, : 120 * 256].reshape(2, -1, 256)
    buffer = np.empty((2, 256), np.float32)
    ours, theirs = listener.init(()), listener.init(())
    for block in range(signals.shape[1]):
        ours, expected = listener.step(ours, *signals[:, block])
        buffer[:] = signals[:, block]
        theirs, out = listener.step(theirs, *buffer)
        buffer[:] = 0
        np.testing.assert_array_equal(out, expected)


def test_every_signal_of_a_batch_has_its_own_delay(scene):
    s = scene(2.0)
    mic, far = np.stack([delay(s.mic, n) for n in (0, 2000, 9000)]), np.stack([s.far] * 3)
    np.testing.assert_array_equal(TRACKER.align(mic, far), [TRACKER.align(m, f) for m, f in zip(mic, far, strict=True)])
    both = aligned(FDAF(), TRACKER).cancel(mic, far)
    alone = [aligned(FDAF(), TRACKER).cancel(m, f) for m, f in zip(mic, far, strict=True)]
    np.testing.assert_allclose(both, alone, atol=1e-5)


@pytest.mark.parametrize("canceller", [Kalman(), FDAF(), NLMS()], ids=lambda c: type(c).__name__)
def test_cancellation_is_that_without_delay_once_it_is_found(scene, erle, canceller):
    s = scene(4.0, noise=0.001)
    reached = erle(s.mic, aligned(canceller, TRACKER).cancel(s.mic, s.far), 2, 4)
    mic = delay(s.mic, 7680)
    assert erle(mic, aligned(canceller, TRACKER).cancel(mic, s.far), 2.5, 4) > reached - 2
    assert erle(mic, canceller.cancel(mic, s.far), 2.5, 4) < reached - 6


def test_cancellers_that_do_not_stream_are_aligned_too(scene, erle):
    try:
        speex = Speex()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    s = scene(6.0, noise=0.001)
    mic = delay(s.mic, 7680)
    without = erle(mic, speex.cancel(mic, s.far), 3, 6)
    assert erle(mic, aligned(speex, TRACKER).cancel(mic, s.far), 3, 6) > without + 15


def test_nothing_is_lost_where_there_is_no_delay(scene):
    s = scene(3.0, near=(1.5, 3))
    np.testing.assert_array_equal(aligned(Kalman(), TRACKER).cancel(s.mic, s.far), Kalman().cancel(s.mic, s.far))


def test_output_sees_no_further_than_the_latency_of_the_canceller(scene):
    s, canceller, cut = scene(2.0), aligned(Kalman(), TRACKER), 20_111
    assert canceller.latency == Kalman().latency
    mic, far = delay(s.mic, 3000), s.far.copy()
    before = canceller.cancel(mic, far)
    mic[cut:] += 0.3
    far[cut:] *= -3
    heard = np.s_[: cut - canceller.latency]
    np.testing.assert_array_equal(canceller.cancel(mic, far)[heard], before[heard])


def test_what_is_not_finite_is_refused(scene):
    s = scene(0.2)
    s.far[100] = np.nan
    for canceller in (aligned(Kalman(), TRACKER), aligned(Kalman(), FixedDelay(10))):
        with pytest.raises(AudioError, match="sample 100 of far is not finite"):
            canceller.cancel(s.mic, s.far)


@pytest.mark.parametrize("milliseconds", [-500.0, -100.0, -0.5])
@pytest.mark.parametrize("canceller", [Kalman(), NLMS()], ids=lambda c: type(c).__name__)
def test_a_negative_delay_is_one_of_the_microphone(scene, canceller, milliseconds):
    s, lead = scene(2.0, noise=0.001), round(-16 * milliseconds)
    whole = aligned(canceller, FixedDelay(milliseconds))
    assert whole.latency == canceller.latency + lead
    mic, far = np.pad(s.mic, (lead, 0)), np.pad(s.far, (0, lead))
    np.testing.assert_array_equal(whole.cancel(s.mic, s.far), canceller.cancel(mic, far)[lead:])


def test_a_fixed_delay_is_that_many_milliseconds(scene):
    s = scene(0.5)
    np.testing.assert_array_equal(alignment("120").align(s.mic, s.far), delay(s.far, 1920))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("atuo", r"align 'atuo': expected best, auto, none or -2000 to 2000 ms; did you mean 'auto'\?"),
        ("", "expected best, auto, none or -2000 to 2000 ms"),
        ("2001", "the nearest is 2000"),
        ("-2001", "the nearest is -2000"),
        ("nan", "expected best, auto, none or -2000 to 2000 ms$"),
    ],
)
def test_nonsense_is_one_clear_error(given, says):
    with pytest.raises(UsageError, match=says):
        alignment(given)
