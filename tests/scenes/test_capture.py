"""What a device does to its microphone signal: one contract for all stages, and what each does to known signals."""

import numpy as np
import pytest

from aecbench.contract.audio import make_voice
from aecbench.dsp.levels import db, power
from aecbench.errors import ConfigError, UnknownName
from aecbench.scenes.capture import CAPTURE, capture

RATE = 16_000
T = np.arange(2 * RATE) / RATE


@pytest.fixture(params=sorted(CAPTURE))
def name(request):
    return request.param


def stems():
    noise = 0.01 * np.random.default_rng(0).standard_normal(make_voice().size)
    return np.stack([make_voice(), 0.3 * make_voice()[::-1], noise]).astype(np.float32)


def extremes(name):
    ranges = CAPTURE[name].parameters
    return {key: r.low for key, r in ranges.items()}, {key: r.high for key, r in ranges.items()}


def through(name, x, **parameters):
    """One stem that is all there is."""
    return capture(np.asarray(x, np.float32)[None], [(name, parameters)], RATE)[0]


def tone(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * T)


def gain_db(name, hertz, **parameters):
    x = tone(hertz, 0.1)
    return db(power(through(name, x, **parameters)[RATE:]) / power(x[RATE:]))


def test_what_a_stage_makes_of_the_sum_is_the_sum_of_what_it_makes_of_the_stems(name):
    for parameters in ({}, *extremes(name)):
        x = stems()
        apart = capture(x, [(name, parameters)], RATE).sum(0)
        together = through(name, x.sum(0), **parameters)
        np.testing.assert_allclose(apart, together, atol=2e-6 * max(1, np.abs(together).max()))


def test_shape_and_type_are_kept_at_every_rate(name):
    for rate in (8000, 48_000):
        for parameters in ({}, *extremes(name)):
            y = capture(stems(), [(name, parameters)], rate)
            assert (y.shape, y.dtype) == (stems().shape, np.float32)
            assert np.isfinite(y).all()


def test_input_is_left_alone_and_silence_stays_silence(name):
    x = stems()
    capture(x, [(name, {})], RATE)
    np.testing.assert_array_equal(x, stems())
    assert not capture(np.zeros((3, 500), np.float32), [(name, {})], RATE).any()


def test_a_stage_does_not_depend_on_the_level(name):
    loud, quiet = (capture(scale * stems(), [(name, {})], RATE) for scale in (1, 0.125))
    np.testing.assert_allclose(0.125 * loud, quiet, atol=1e-6)


def test_high_pass_is_3_db_down_at_its_frequency_and_12_db_per_octave_below():
    assert gain_db("high_pass", 200, frequency=200.0) == pytest.approx(-3.01, abs=0.05)
    assert gain_db("high_pass", 25, frequency=200.0) == pytest.approx(-36.1, abs=0.3)
    assert gain_db("high_pass", 2000, frequency=200.0) == pytest.approx(0, abs=0.05)


def test_tone_has_its_gains_at_the_ends_of_the_band():
    assert gain_db("tone", 20, bass=-12.0) == pytest.approx(-12, abs=0.3)
    assert gain_db("tone", 7900, treble=-12.0) == pytest.approx(-12, abs=0.3)


def test_clipping_cuts_the_sum_at_its_limit_and_leaves_the_rest():
    x = stems()
    total = x.sum(0)
    limit = np.abs(total).max() / 10 ** (6 / 20)
    clipped = capture(x, [("clipping", {"over": 6.0})], RATE).sum(0)
    np.testing.assert_allclose(clipped, np.clip(total, -limit, limit), atol=1e-6)
    quiet = np.abs(total) < limit
    np.testing.assert_array_equal(capture(x, [("clipping", {"over": 6.0})], RATE)[:, quiet], x[:, quiet])


def test_suppressor_turns_steady_noise_down_by_its_depth_and_passes_what_stands_out():
    noise = 0.01 * np.random.default_rng(0).standard_normal(4 * RATE)
    burst = np.zeros(4 * RATE)
    burst[2 * RATE : 3 * RATE] = tone(1000, 0.5)[:RATE]
    x = np.stack([burst, np.zeros_like(noise), noise]).astype(np.float32)
    y = capture(x, [("suppressor", {"depth": 12.0, "excess": 3.0})], RATE)
    still = np.s_[RATE : 2 * RATE]
    assert db(power(y[2, still]) / power(x[2, still])) == pytest.approx(-12, abs=1)
    heard = np.s_[2 * RATE + 800 : 3 * RATE]
    assert db(power(y[0, heard]) / power(x[0, heard])) == pytest.approx(0, abs=1)


def test_suppressor_of_no_depth_gives_the_stems_back():
    np.testing.assert_allclose(capture(stems(), [("suppressor", {"depth": 0.0})], RATE), stems(), atol=1e-6)


def test_suppressor_and_limiter_know_no_future():
    for name in ("suppressor", "limiter"):
        x, edited = stems(), stems()
        x[0, 0] = edited[0, 0] = 2.0  # the peak that thresholds refer to
        edited[:, RATE:] *= 0.5
        before = np.s_[:, :RATE]
        np.testing.assert_array_equal(
            capture(x, [(name, {})], RATE)[before], capture(edited, [(name, {})], RATE)[before]
        )


def test_limiter_lowers_the_crest_factor():
    x = stems()
    y = capture(x, [("limiter", {"threshold": -20.0})], RATE)
    crest = [np.abs(s.sum(0)).max() / np.sqrt(power(s.sum(0))) for s in (x, y)]
    assert crest[1] < 0.85 * crest[0]


def test_unknown_stages_and_wrong_parameters_are_told():
    with pytest.raises(UnknownName, match=r"unknown capture stage 'cliping': did you mean 'clipping'\?"):
        capture(stems(), [("cliping", {})], RATE)
    with pytest.raises(ConfigError, match=r"capture stage clipping: over = 30, expected a value from 0.0 to 20.0"):
        capture(stems(), [("clipping", {"over": 30})], RATE)
