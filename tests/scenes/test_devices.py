"""The stages of a device: one contract for all, and what each does to tones and to something like speech."""

import numpy as np
import pytest
from scipy.signal import butter, freqz, hilbert, lfilter

from aecbench.contract.audio import make_voice
from aecbench.contract.test_devices import *  # noqa: F403
from aecbench.dsp.levels import power
from aecbench.dsp.recursive import band_pass, high_pass, low_pass, shelf
from aecbench.errors import ConfigError, UnknownName
from aecbench.scenes.devices import DEVICES, apply, find, measured, microphone_gain, play
from aecbench.scenes.devices.memoryless import DC_POLE
from aecbench.scenes.devices.volterra import filters

RATE = 16_000
T = np.arange(2 * RATE) / RATE
CHAIN = [(name, {}) for name in ("compressor", "wiener_hammerstein", "response", "rattle")]
NONLINEAR = ["excursion", "hammerstein", "rattle", "volterra", "wiener_hammerstein"]


@pytest.fixture(params=sorted(DEVICES))
def name(request):
    return request.param


@pytest.fixture(params=sorted(name for name, device in DEVICES.items() if not device.memoryless))
def own(request):
    """The stages with memory."""
    return request.param


def tone(frequency, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * frequency * T)).astype(np.float32)


def amplitudes(y):
    """Amplitude at every whole frequency in Hz, from the last second."""
    return 2 * np.abs(np.fft.rfft(y[-RATE:].astype(float))) / RATE


def thd(y, frequency):
    harmonics = amplitudes(y)[frequency::frequency]
    return np.sqrt(np.sum(harmonics[1:] ** 2)) / harmonics[0]


def unexplained_db(x, y, taps=64):
    """Power of y that no linear filter of x explains, relative to y."""
    past = np.lib.stride_tricks.sliding_window_view(np.pad(x.astype(float), (taps - 1, 0)), taps)
    error = y - past @ np.linalg.lstsq(past, y.astype(float), rcond=1e-12)[0]
    return 10 * np.log10(power(error) / power(y))


def gain(coefficients, frequency):
    return np.abs(freqz(*coefficients, worN=[frequency], fs=RATE)[1][0])


def defaults(name, **values):
    return {key: allowed.default for key, allowed in find(name).parameters.items()} | values


def test_the_future_has_no_influence(own):
    """Beyond the 2 ms that the resampler of the nonlinear stages looks ahead."""
    x = make_voice()
    cut, edited = RATE, x.copy()
    edited[cut + 32 :] = 0
    np.testing.assert_allclose(apply(own, edited, RATE, {})[:cut], apply(own, x, RATE, {})[:cut], atol=2e-3)


# --- the chain


def test_a_chain_keeps_power_shape_and_type():
    x = np.stack([make_voice(), 0.01 * make_voice()])
    y = play(CHAIN, x, RATE)
    assert y.dtype == np.float32
    np.testing.assert_allclose(power(y), power(x), rtol=1e-4)


def test_what_a_chain_does_does_not_depend_on_the_level():
    x = make_voice()
    np.testing.assert_allclose(play(CHAIN, 0.01 * x, RATE), 0.01 * play(CHAIN, x, RATE), rtol=1e-3, atol=1e-6)


def test_a_chain_of_no_stages_returns_its_input():
    x = make_voice()
    assert play([], x, RATE) is x


def test_silence_stays_silence_in_a_chain():
    assert not play(CHAIN, np.zeros((2, 500), np.float32), RATE).any()


def test_stages_act_in_the_order_given():
    x = make_voice()
    there, back = play(CHAIN, x, RATE), play(CHAIN[::-1], x, RATE)
    assert power(there - back) > 1e-4 * power(x)


# --- compressor


@pytest.mark.parametrize(("level", "out"), [(-30, -30), (-20, -20), (-10, -17.5), (0, -15)])
def test_compressor_follows_its_static_curve(level, out):
    x = tone(1000, 10 ** (level / 20))
    parameters = {"threshold": -20.0, "ratio": 4.0, "knee": 0.0, "release": 1.0}
    assert 20 * np.log10(amplitudes(apply("compressor", x, RATE, parameters))[1000]) == pytest.approx(out, abs=0.1)


def test_a_slow_compressor_leaves_a_tone_undistorted_and_a_fast_one_does_not():
    slow, fast = (apply("compressor", tone(101), RATE, {"release": release}) for release in (1.0, 0.005))
    assert thd(slow, 101) < 0.001
    assert thd(fast, 101) > 0.01


def test_compressor_gives_in_after_attack_and_recovers_after_release():
    """A tone that is loud from 0.5 to 1 s: the gain it leaves, from the envelope over 10 ms."""
    x = tone(1000, 0.1) * np.where((T > 0.5) & (T < 1), 10, 1).astype(np.float32)
    parameters = {"threshold": -20.0, "ratio": 100.0, "knee": 0.0, "attack": 0.01, "release": 0.2}
    y = apply("compressor", x, RATE, parameters)
    level = np.abs(y.reshape(-1, 160)).max(-1)
    assert level[49] == pytest.approx(0.1, rel=0.01)
    assert level[50] > 0.5  # the overshoot
    assert level[58] == pytest.approx(0.1, rel=0.05)
    assert level[101] < 0.02  # still turned down by almost 20 dB
    assert 20 * np.log10(level[120] / 0.1) == pytest.approx(-20 * np.exp(-1), abs=1.0)


def test_compressor_lowers_the_crest_factor_of_speech():
    x = make_voice()
    y = apply("compressor", x, RATE, {"threshold": -20.0})
    crest = [np.abs(s).max() / np.sqrt(power(s)) for s in (x, y)]
    assert crest[1] < 0.85 * crest[0]


# --- nonlinearities with memory


@pytest.mark.parametrize("name", NONLINEAR)
def test_harmonics_of_a_tone_grow_with_its_level(name):
    measured_thd = [thd(apply(name, tone(307, a), RATE, {}), 307) for a in (0.25, 0.5, 1.0)]
    assert np.all(np.diff(measured_thd) > 0.005)


@pytest.mark.parametrize("name", NONLINEAR)
def test_memory_makes_the_distortion_depend_on_frequency(name):
    low, high = (thd(apply(name, tone(f), RATE, {}), f) for f in (307, 2503))
    assert low > 2 * high


@pytest.mark.parametrize("name", NONLINEAR)
def test_speech_is_distorted_but_stays_speech(name):
    x = make_voice()
    assert -45 < unexplained_db(x, apply(name, x, RATE, {})) < -10


TONES = (0.5, 389), (0.4, 1003)
PRODUCTS = [(1, 1), (-1, 1), (2, 0), (0, 2), (2, 1), (-2, 1), (1, 2)]


def torus(fn, one, other):
    """Fourier coefficients c[m, n] of fn(one cos u + other cos v), as amplitudes."""
    grid = 2 * np.pi * np.arange(512) / 512
    values = fn(one * np.cos(grid)[:, None] + other * np.cos(grid))
    return 2 * np.abs(np.fft.fft2(values)) / values.size


def two_tones():
    return sum(tone(frequency, amplitude) for amplitude, frequency in TONES)


def product(m, n):
    return abs(m * TONES[0][1] + n * TONES[1][1])


def dc_blocker(frequency):
    return gain(([1, -1], [1, -DC_POLE]), frequency)


def test_intermodulation_of_hammerstein_is_that_of_the_series_and_the_filter():
    p = defaults("hammerstein", drive=1.5)
    y = amplitudes(apply("hammerstein", two_tones(), RATE, p))
    series = torus(lambda x: p["second"] * (1.5 * x) ** 2 / 1.5 + p["third"] * (1.5 * x) ** 3 / 1.5, 0.5, 0.4)
    for m, n in PRODUCTS:
        expected = series[m, n] * gain(band_pass(p["frequency"], p["q"], RATE), product(m, n))
        assert y[product(m, n)] == pytest.approx(expected, abs=1e-5), (m, n)


def test_intermodulation_of_wiener_hammerstein_is_that_of_its_three_parts():
    p = defaults("wiener_hammerstein", limit=1.0)
    y = amplitudes(apply("wiener_hammerstein", two_tones(), RATE, p))
    forward = shelf(p["frequency"], 10 ** (p["boost"] / 20), RATE)
    one, other = (a * gain(forward, f) for a, f in TONES)
    saturated = torus(lambda x: np.tanh(x + p["bias"]) / (1 - np.tanh(p["bias"]) ** 2), one, other)
    for m, n in PRODUCTS:
        expected = saturated[m, n] / gain(forward, product(m, n)) * dc_blocker(product(m, n))
        assert y[product(m, n)] == pytest.approx(expected, abs=1e-4), (m, n)


def test_intermodulation_of_volterra_is_the_transform_of_its_kernel():
    p = defaults("volterra")
    y = amplitudes(apply("volterra", two_tones(), RATE, p))
    f = filters(RATE, **p)
    h, i = f.T @ f, np.arange(f.shape[1])
    for m, n in [(1, 1), (-1, 1), (2, 0), (0, 2)]:
        f = np.repeat([TONES[0][1], TONES[1][1]], np.abs([m, n])) * np.repeat(np.sign([m, n]), np.abs([m, n]))
        wave = [np.exp(-2j * np.pi * frequency * i / RATE) for frequency in f]
        strength = 0.5 * 0.4 if m * n else 0.5 * (TONES[0][0] if m else TONES[1][0]) ** 2
        expected = strength * np.abs(wave[0] @ h @ wave[1]) * dc_blocker(product(m, n))
        assert y[product(m, n)] == pytest.approx(expected, abs=1e-5), (m, n)


def test_intermodulation_of_rattle_is_that_of_a_one_sided_contact():
    p = defaults("rattle")
    y = amplitudes(apply("rattle", two_tones(), RATE, p))
    one, other = (a * gain(low_pass(500.0, 0.7071, RATE), f) for a, f in TONES)
    contact = torus(lambda x: np.maximum(x - p["threshold"], 0), one, other)
    for m, n in PRODUCTS:
        expected = p["strength"] * contact[m, n] * gain(high_pass(p["frequency"], p["q"], RATE), product(m, n))
        assert y[product(m, n)] == pytest.approx(expected, abs=3e-4), (m, n)


def test_excursion_by_bass_turns_treble_down_and_up_again_twice_a_period():
    """A tone of 40 Hz moves the coil, one of 6 kHz does not: its envelope is 1 / (1 + (drive e)^2)."""
    x = tone(40, 0.5) + tone(6000, 0.01)
    p = {"drive": 4.0, "resonance": 1000.0, "offset": 0.0}
    y = lfilter(*butter(4, 2500, "high", fs=RATE), apply("excursion", x, RATE, p))
    envelope = np.abs(hilbert(y))[RATE : 2 * RATE - 400]
    moved = 0.5 * gain(low_pass(1000.0, 0.7071, RATE), 40)
    assert envelope.max() == pytest.approx(0.01, rel=0.03)
    assert envelope.min() == pytest.approx(0.01 / (1 + (4.0 * moved) ** 2), rel=0.03)


def test_an_excursion_without_offset_is_odd_and_one_with_it_is_not():
    x = make_voice()
    for offset, odd in ((0.0, True), (0.1, False)):
        one, other = (apply("excursion", sign * x, RATE, {"offset": offset}) for sign in (1, -1))
        assert np.allclose(one, -other, atol=1e-6) == odd


def test_tone_is_its_two_shelves():
    for frequency, level in ((20, 6.0), (7900, -9.0)):
        y = amplitudes(apply("tone", tone(frequency), RATE, {"bass": 6.0, "treble": -9.0}))
        assert 20 * np.log10(y[frequency]) == pytest.approx(level, abs=0.6)


def test_volterra_is_the_double_sum_over_its_kernel():
    x = np.random.default_rng(8).standard_normal(80)
    strength, decay, frequency = 0.3, 0.0001, 1500.0
    i = np.arange(6)
    h = np.exp(-(i[:, None] + i) / (RATE * decay)) * np.cos(2 * np.pi * frequency * (i[:, None] - i) / RATE)
    h *= strength / np.abs(h).sum()
    padded = np.concatenate([np.zeros(5), x])
    quadratic = np.array([padded[n : n + 6][::-1] @ h @ padded[n : n + 6][::-1] for n in range(80)])
    expected = x + lfilter([1, -1], [1, -DC_POLE], quadratic)
    parameters = {"strength": strength, "decay": decay, "frequency": frequency}
    np.testing.assert_allclose(apply("volterra", x, RATE, parameters), expected, rtol=1e-4, atol=1e-4)


def test_a_volterra_kernel_is_short_and_as_strong_as_said():
    f = filters(RATE, 0.3, 0.0005, 500.0)
    assert f.shape == (2, 32)
    assert np.abs(f.T @ f).sum() == pytest.approx(0.3)


# --- response


def test_response_has_its_gain_at_resonance_and_edge_and_none_below():
    p = {"resonance": 400.0, "q": 2.0, "edge": 4000.0}
    level = {f: amplitudes(apply("response", tone(f), RATE, p))[f] for f in (40, 400, 1500, 4000)}
    assert level[400] == pytest.approx(2.0, rel=0.01)
    assert level[4000] == pytest.approx(0.7071, rel=0.02)
    assert level[40] == pytest.approx(0.01, rel=0.05)  # 12 dB per octave
    assert level[1500] == pytest.approx(1.0, rel=0.1)


def test_an_edge_beyond_the_band_changes_nothing():
    x = make_voice()
    one, other = (apply("response", x, RATE, {"edge": edge}) for edge in (8000.0, 20_000.0))
    np.testing.assert_array_equal(one, other)


def test_response_is_linear():
    x = make_voice()
    assert thd(apply("response", tone(307), RATE, {}), 307) < 1e-6
    np.testing.assert_allclose(apply("response", 2 * x, RATE, {}), 2 * apply("response", x, RATE, {}), atol=1e-6)


def test_a_measured_response_is_convolved():
    x, h = make_voice(), np.array([0.0, 1.0, -0.5])
    np.testing.assert_allclose(measured(x, h), np.convolve(x, h)[: len(x)], atol=1e-6)


# --- rattle


def test_nothing_rattles_below_the_threshold():
    x = tone(200, 0.15)
    np.testing.assert_array_equal(apply("rattle", x, RATE, {"threshold": 0.2}), x)


def test_rattle_makes_high_harmonics_rather_than_low_ones():
    harmonics = amplitudes(apply("rattle", tone(200), RATE, {}))[200::200]
    assert np.sum(harmonics[5:] ** 2) > 3 * np.sum(harmonics[1:5] ** 2)


# --- microphone


def test_microphone_gain_is_the_same_for_every_stem_so_that_the_sum_holds():
    near, echo = make_voice(), 0.3 * make_voice()[::-1]
    g = microphone_gain(near + echo, RATE, {})
    assert g.shape == near.shape
    assert g.dtype == np.float32
    np.testing.assert_allclose(g * near + g * echo, g * (near + echo), atol=1e-6)


@pytest.mark.parametrize(("level", "out"), [(-44, -24), (-10, -24), (-50, -30), (-55, -35)])
def test_microphone_gain_brings_a_steady_signal_to_its_target_within_its_limits(level, out):
    x = np.tile(tone(500, np.sqrt(2) * 10 ** (level / 20)), 4)
    y = x * microphone_gain(x, RATE, {"target": -24.0, "highest": 20.0, "lowest": -18.0, "release": 0.5})
    assert 10 * np.log10(power(y[-RATE:])) == pytest.approx(out, abs=0.1)


def test_microphone_gain_holds_in_pauses():
    x = np.concatenate([tone(500, 0.01), 1e-4 * tone(500), np.zeros(RATE, np.float32)])
    g = microphone_gain(x, RATE, {"gate": -60.0})
    assert g[2 * RATE + 320] > 1.5
    np.testing.assert_array_equal(g[2 * RATE + 320 :], g[-1])


def test_microphone_gain_falls_faster_than_it_rises():
    x = np.concatenate([tone(500, 0.01), tone(500, 1.0), tone(500, 0.01)])
    g = 20 * np.log10(microphone_gain(x, RATE, {"attack": 0.1, "release": 1.0}))
    down, up = g[2 * RATE] - g[2 * RATE + 3200], g[4 * RATE + 3200] - g[4 * RATE]
    assert down > 3 * up > 0


def test_microphone_gain_has_no_steps_and_knows_no_future():
    x = 0.1 * make_voice()
    g = microphone_gain(x, RATE, {})
    assert np.abs(np.diff(20 * np.log10(g))).max() < 0.05
    edited = x.copy()
    edited[8000:] = 0
    np.testing.assert_array_equal(microphone_gain(edited, RATE, {})[:8000], g[:8000])


def test_microphone_gain_of_silence_is_one():
    np.testing.assert_array_equal(microphone_gain(np.zeros((2, 1000), np.float32), RATE, {}), np.ones((2, 1000)))


# --- errors


def test_an_unknown_stage_is_named_with_the_nearest_one():
    with pytest.raises(UnknownName, match=r"unknown device stage 'volterr': did you mean 'volterra'\?"):
        apply("volterr", make_voice(), RATE, {})


def test_a_wrong_parameter_of_a_stage_is_told():
    with pytest.raises(ConfigError, match=r"device stage rattle has no parameter 'treshold': did you mean 'threshold'"):
        play([("rattle", {"treshold": 0.5})], make_voice(), RATE)
    with pytest.raises(ConfigError, match=r"microphone AGC: target = 0.0, expected a value from -50.0 to -6.0"):
        microphone_gain(make_voice(), RATE, {"target": 0.0})
