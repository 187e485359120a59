"""The contract of every memoryless nonlinearity, and known answers of some."""

import numpy as np
import pytest

from aecbench.contract.test_loudspeakers import *  # noqa: F403
from aecbench.contract.test_loudspeakers import BIN, apply, own, sine
from aecbench.errors import ConfigError
from aecbench.scenes import devices
from aecbench.scenes.devices import DEVICES, find

RATE = 16_000
MEMORYLESS = sorted(name for name, device in DEVICES.items() if device.memoryless)
ODD = [name for name in MEMORYLESS if not DEVICES[name].even]
DRIVEN = [name for name in MEMORYLESS if "drive" in DEVICES[name].parameters]
SATURATING = sorted(set(ODD) - {"linear"})


@pytest.fixture(params=MEMORYLESS)
def name(request):
    return request.param


def thd(y):
    """Amplitude of all harmonics over that of the fundamental, from the last second."""
    spectrum = np.abs(np.fft.rfft(y[-RATE:]))
    return np.sqrt(np.sum(spectrum[2 * BIN :: BIN] ** 2)) / spectrum[BIN]


def test_linear_returns_its_input(x):
    assert devices.apply("linear", x, RATE, {}) is x


@pytest.mark.parametrize("name", SATURATING)
def test_saturation_has_unit_slope_at_zero_and_never_falls(name):
    fn, x = find(name).fn, np.linspace(-3, 3, 1001)
    small = 1e-6 * np.ones(1)
    assert fn(small, **own(name))[0] == pytest.approx(1e-6, rel=1e-4)
    assert np.all(np.diff(fn(x, **own(name))) >= 0)


@pytest.mark.parametrize("name", [*SATURATING, "polynomial"])
def test_harmonic_distortion_grows_with_drive(name):
    drives = [0.9, 1.2, 1.5, 2.0]
    measured = [thd(apply(name, sine(), {"drive": drive})) for drive in drives]
    assert np.all(np.diff(measured) > 0.01)


@pytest.mark.parametrize("name", DRIVEN)
def test_harmonics_do_not_alias(name):
    """A loud tone at 2 kHz: what is not one of its harmonics. At the plain rate, hard clipping gives -20 dB."""
    tone = np.sin(2 * np.pi * 2003 * np.arange(RATE) / RATE) * np.hanning(RATE)
    spectrum = np.abs(np.fft.rfft(apply(name, tone, {"drive": 2.0})))
    harmonics = np.zeros(len(spectrum), bool)
    for k in (1, 2, 3):
        harmonics[k * 2003 - 10 : k * 2003 + 11] = True
    harmonics[:100] = True  # the envelope, rectified
    aliases = np.sum(spectrum[~harmonics] ** 2) / np.sum(spectrum**2)
    assert 10 * np.log10(aliases) < -45


def test_a_signal_below_the_clipping_level_is_untouched(x):
    np.testing.assert_allclose(apply("hard_clip", x, {"drive": 0.5}), x, rtol=1e-5)


def test_zhang_wang_distorts_at_every_drive():
    """Its slope differs on the two sides of 0, so that no drive is small enough."""
    assert all(thd(apply("zhang_wang", sine(), {"drive": drive})) > 0.2 for drive in (0.05, 0.5, 1.0, 5.0))


@pytest.mark.parametrize("name", DRIVEN)
def test_intermodulation_is_that_of_the_function(name):
    """Two tones through the model, against the Fourier coefficients of f(A cos u + B cos v) on a grid of u and v."""
    fn, grid = find(name).fn, 2 * np.pi * np.arange(512) / 512
    a, b, low, high = 0.5, 0.4, 389, 2003
    torus = fn(a * np.cos(grid)[:, None] + b * np.cos(grid), **own(name))
    expected = 2 * np.abs(np.fft.fft2(torus)) / torus.size
    t = 2 * np.pi * np.arange(RATE) / RATE
    measured = 2 * np.abs(np.fft.rfft(fn(a * np.cos(low * t) + b * np.cos(high * t), **own(name)))) / RATE
    for m, n in [(1, 1), (-1, 1), (2, 1), (-2, 1), (-1, 2), (1, 2)]:
        assert measured[m * low + n * high] == pytest.approx(expected[m, n], abs=2e-4), (m, n)


def test_intermodulation_of_a_polynomial_is_that_of_the_textbook():
    """x^2 gives a b at f2 +- f1; x^3 gives 3/4 a^2 b at f2 +- 2 f1 and 3/4 a b^2 at 2 f2 +- f1."""
    a, b, c2, c3 = 0.6, 0.3, 0.2, -0.4
    t = 2 * np.pi * np.arange(RATE) / RATE
    x = a * np.cos(300 * t) + b * np.cos(1000 * t)
    y = find("polynomial").fn(x, second=c2, third=c3, fourth=0.0, fifth=0.0)
    spectrum = 2 * np.fft.rfft(y).real / RATE
    assert spectrum[[700, 1300]] == pytest.approx([c2 * a * b] * 2)
    assert spectrum[[400, 1600]] == pytest.approx([0.75 * c3 * a**2 * b] * 2)
    assert spectrum[[1700, 2300]] == pytest.approx([0.75 * c3 * a * b**2] * 2)


def test_zhang_wang_gives_the_values_of_its_equations():
    """E.g. x = 1: clipped to 0.8, b = 1.2 - 0.192 = 1.008, y = 4 (2 / (1 + exp(-4.032)) - 1)."""
    x = np.array([-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0])
    expected = [-1.338402598616733, -0.8134974414628542, -0.1529254274539138, 0.0]
    expected += [1.1432489708898323, 3.496213151544028, 3.8605629143699307]
    np.testing.assert_allclose(find("zhang_wang").fn(x, **own("zhang_wang")), expected, rtol=1e-12)


def test_scaled_erf_is_the_integral_of_its_definition():
    z = np.linspace(0, 0.7, 10_001)
    integral = np.trapezoid(np.exp(-(z**2) / (2 * 0.1)), z)
    assert find("scaled_erf").fn(np.array([0.7]), eta2=0.1)[0] == pytest.approx(integral, rel=1e-8)


def test_soft_clip_tends_to_hard_clip_with_its_sharpness():
    x = np.linspace(-2, 2, 401)
    hard = find("hard_clip").fn(x, limit=0.8)
    errors = [np.abs(find("soft_clip").fn(x, limit=0.8, sharpness=s) - hard).max() for s in (1, 2, 5, 10)]
    assert np.all(np.diff(errors) < 0)
    assert errors[-1] < 0.06


def test_an_unknown_parameter_is_named_with_the_nearest_one(x):
    with pytest.raises(ConfigError, match=r"device stage hard_clip has no parameter 'limt': did you mean 'limit'\?"):
        apply("hard_clip", x, {"limt": 0.5})


def test_a_parameter_out_of_range_is_told_the_range(x):
    with pytest.raises(ConfigError, match=r"device stage hard_clip: limit = 2.0, expected a value from 0.05 to 1.0"):
        apply("hard_clip", x, {"limit": 2.0})
