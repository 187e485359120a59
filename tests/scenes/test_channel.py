"""Changes of the channel in time: delays, echo paths, volume, lost packets."""

import numpy as np
import pytest

from aecbench.dsp.convolve import convolve
from aecbench.dsp.delay import delay
from aecbench.errors import ConfigError
from aecbench.scenes.channel import conceal, jump, move, switch, volume

RATE = 16_000
RNG = np.random.default_rng(7)
NOISE = RNG.standard_normal((2, 2 * RATE)).astype(np.float32)
RESPONSES = (RNG.standard_normal((3, 400)) * np.exp(-np.arange(400) / 80)).astype(np.float32)
CHANGES = {
    "jump": lambda x: jump(x, [0.01, 0.1001], [0.5], RATE),
    "switch": lambda x: switch(x, RESPONSES, [0.5, 1.2], RATE),
    "move": lambda x: move(x, RESPONSES, [0.2, 0.9, 1.5], RATE),
    "volume": lambda x: volume(x, [0.0, -12.0], [0.5], RATE),
    "conceal": lambda x: conceal(x, [(0.5, 0.03), (1.0, 0.2)], RATE),
}


@pytest.fixture(params=sorted(CHANGES))
def change(request):
    return CHANGES[request.param]


def tone(frequency=200.0):
    return np.sin(2 * np.pi * frequency * np.arange(2 * RATE) / RATE).astype(np.float32)


def test_shape_type_and_input_are_kept(change):
    before = NOISE.copy()
    y = change(NOISE)
    assert y.shape == NOISE.shape
    assert y.dtype == np.float32
    np.testing.assert_array_equal(NOISE, before)


def test_batching_changes_nothing(change):
    np.testing.assert_allclose(change(NOISE), [change(x) for x in NOISE], atol=1e-5)


def test_silence_stays_silence(change):
    assert not change(np.zeros(RATE, np.float32)).any()


def test_an_empty_signal_stays_empty(change):
    assert change(NOISE[:, :0]).shape == (2, 0)


def test_shorter_signals_than_the_times_are_cut_short(change):
    short = NOISE[0, : RATE // 4]
    np.testing.assert_allclose(change(short), change(NOISE[0])[: RATE // 4], atol=1e-5)


def test_the_future_has_no_influence(change):
    cut, edited = RATE, NOISE[0].copy()
    edited[cut + 32 :] = 0  # half the kernel of a fractional delay
    np.testing.assert_allclose(change(edited)[:cut], change(NOISE[0])[:cut], atol=1e-5)


# --- delay


def test_a_delay_without_jumps_is_constant():
    np.testing.assert_array_equal(jump(NOISE, [0.0123], [], RATE), delay(NOISE, 0.0123 * RATE))


def test_a_jump_is_one_delay_before_and_another_after():
    y = jump(NOISE, [0.01, 0.1], [0.5], RATE)
    np.testing.assert_array_equal(y[:, :8000], delay(NOISE, 160)[:, :8000])
    np.testing.assert_array_equal(y[:, 8160:], delay(NOISE, 1600)[:, 8160:])


def test_a_jump_does_not_click():
    """A tone, delayed by half a period: no step from sample to sample but those of the tone and of the fade."""
    x = tone()
    y = jump(x, [0.0, 0.0025], [0.5], RATE)
    assert np.abs(np.diff(y)).max() < np.abs(np.diff(x)).max() + 2 / (0.01 * RATE)


# --- echo path


def test_switched_paths_are_each_path_in_its_time():
    y = switch(NOISE, RESPONSES, [0.5, 1.2], RATE)
    for k, (start, stop) in enumerate([(0, 8000), (8320, 19_200), (19_520, 32_000)]):
        np.testing.assert_allclose(y[:, start:stop], convolve(NOISE, RESPONSES[k])[:, start:stop], atol=1e-5)


def test_a_moving_path_is_the_interpolated_response_at_every_moment():
    y = move(NOISE[0], RESPONSES, [0.2, 0.9, 1.5], RATE)
    for at, response in [
        (1000, RESPONSES[0]),
        (3200, RESPONSES[0]),
        (8800, (RESPONSES[0] + RESPONSES[1]) / 2),
        (14_400, RESPONSES[1]),
        (16_800, 0.75 * RESPONSES[1] + 0.25 * RESPONSES[2]),
        (30_000, RESPONSES[2]),
    ]:
        expected = np.dot(response, NOISE[0, at - 399 : at + 1][::-1].astype(float))
        assert y[at] == pytest.approx(expected, abs=1e-4)


def test_a_path_that_moves_between_equal_responses_is_static():
    still = np.stack([RESPONSES[0]] * 4)
    y = move(NOISE, still, [0.1, 0.5, 1.1, 1.9], RATE)
    np.testing.assert_allclose(y, convolve(NOISE, RESPONSES[0]), atol=1e-5)


# --- volume


def test_volume_steps_are_the_gains_asked_for():
    y = volume(np.ones(RATE), [0.0, -6.0, 20.0, -np.inf], [0.2, 0.4, 0.6], RATE)
    np.testing.assert_allclose(20 * np.log10(y[[0, 3200, 4000, 6400, 7200]]), [0, 0, -6, -6, 20], atol=1e-9)
    assert not y[10_400:].any()


def test_volume_steps_are_smooth():
    y = volume(np.ones(RATE), [0.0, -20.0], [0.5], RATE)
    assert np.abs(np.diff(y)).max() == pytest.approx(0.9 / (0.05 * RATE))


# --- lost packets


def test_only_the_gap_and_4_ms_after_it_are_changed():
    y = conceal(NOISE, [(0.5, 0.03)], RATE)
    lost = np.s_[:, 8000 : 8000 + 480 + 64]
    assert np.all(np.mean(y[lost] != NOISE[lost], axis=-1) > 0.9)
    y[lost] = NOISE[lost]
    np.testing.assert_array_equal(y, NOISE)


def test_what_was_lost_has_no_influence():
    other = NOISE.copy()
    other[:, 8000:8480] = 1e3
    np.testing.assert_array_equal(conceal(other, [(0.5, 0.03)], RATE), conceal(NOISE, [(0.5, 0.03)], RATE))


@pytest.mark.parametrize("frequency", [100.0, 160.0])
def test_a_periodic_signal_goes_on_through_a_short_gap(frequency):
    x = sum(tone(frequency * k) / k for k in range(1, 6))
    y = conceal(x, [(0.5, 0.01)], RATE)
    assert np.abs(y - x).max() < 0.02 * np.abs(x).max()


def test_the_repetition_fades_by_a_fifth_every_10_ms_and_is_silent_after_60():
    y = conceal(tone(100.0), [(0.5, 0.2)], RATE)
    peaks = [np.abs(y[8000 + 160 * k : 8160 + 160 * k]).max() for k in range(8)]
    assert peaks[:2] == pytest.approx([1.0, 0.95], abs=0.02)
    assert np.diff(peaks[1:6]) == pytest.approx([-0.2] * 4, abs=0.02)
    assert peaks[6:] == [0, 0]


def test_a_gap_before_the_first_sound_is_silent():
    x = NOISE.copy()
    y = conceal(x, [(0.0, 0.02)], RATE)
    assert not y[:, :320].any()


def test_a_gap_at_or_beyond_the_end_is_cut():
    y = conceal(NOISE, [(1.99, 0.5), (3.0, 0.1)], RATE)
    np.testing.assert_array_equal(y[:, :31_840], NOISE[:, :31_840])


# --- errors


@pytest.mark.parametrize("times", [[0.5, 0.5], [1.0, 0.2], [-0.1], [0.5, 0.505]])
def test_changes_that_overlap_are_refused(times):
    with pytest.raises(ConfigError, match="expected at least"):
        jump(NOISE, [0.0] * (len(times) + 1), times, RATE)


def test_values_and_times_of_change_must_match_in_number():
    with pytest.raises(ConfigError, match="1 times of change, expected 2"):
        volume(NOISE, [0.0, 1.0, 2.0], [0.5], RATE)
    with pytest.raises(ConfigError, match="2 times for 3 responses"):
        move(NOISE, RESPONSES, [0.5, 1.0], RATE)


def test_a_path_through_time_backwards_is_refused():
    with pytest.raises(ConfigError, match="expected ascending times"):
        move(NOISE, RESPONSES, [0.2, 0.2, 0.5], RATE)
