"""The traits of recordings, measured where they are known."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, fftconvolve, sosfilt

import aecbench
from aecbench.contract.audio import make_voice
from aecbench.dsp.delay import drift

sys.path.append(str(Path(aecbench.__file__).parents[1] / "benchmarks"))
from realism import distance, interval
from traits import RATE, TRAITS, fit, measure

LAG = 480  # samples


@pytest.fixture(scope="module")
def far():
    """Ten seconds of something like speech, with noise that fills the band."""
    rng = np.random.default_rng(0)
    gate = np.repeat(rng.random(50) < 0.7, RATE // 5)
    voices = np.tile(make_voice(), 10 * RATE // make_voice().size + 1)[: 10 * RATE]
    return (0.1 * voices + 0.03 * gate * rng.standard_normal(10 * RATE)).astype(np.float32)


def path(decay=200, length=1600):
    rng = np.random.default_rng(1)
    tail = rng.standard_normal(length) * np.exp(-np.arange(length) / decay) * 0.05
    tail[0] = 1.0
    return np.concatenate([np.zeros(LAG), tail])


def echo(far, h):
    return fftconvolve(far, h)[: far.size]


def noisy(x, snr, seed=2):
    noise = np.random.default_rng(seed).standard_normal(x.size)
    return x + noise * np.sqrt(np.mean(x * x) / 10 ** (snr / 10))


def test_every_trait_of_a_recording_is_measured(far):
    traits = measure(noisy(echo(far, path()), 30), far)
    assert set(traits) == set(TRAITS)
    assert np.isfinite(list(traits.values())).all()


@pytest.mark.parametrize("snr", [5, 15, 25])
def test_what_a_filter_removes_is_limited_by_the_noise(far, snr):
    traits = measure(noisy(echo(far, path()), snr), far)
    assert traits["removed"] == pytest.approx(10 * np.log10(1 + 10 ** (snr / 10)), abs=0.7)
    assert traits["removed_short"] == pytest.approx(traits["removed"], abs=2.5)


def test_least_squares_find_the_path(far):
    h = path()
    np.testing.assert_allclose(fit(echo(far, h), far.astype(float), h.size), h, atol=0.02)


def test_the_lag_is_where_the_path_starts(far):
    assert measure(noisy(echo(far, path()), 20), far)["lag"] == pytest.approx(1000 * LAG / RATE, abs=0.3)


@pytest.mark.parametrize("ppm", [0, -40, 100])
def test_drift_is_the_one_of_the_clock(far, ppm):
    mic = noisy(drift(echo(far, path()), ppm), 30)
    assert measure(mic, far)["drift"] == pytest.approx(abs(ppm), abs=2)


def test_a_response_shows_in_its_bands(far):
    lowered = sosfilt(butter(2, 600, "high", fs=RATE, output="sos"), path())
    before, after = (measure(noisy(echo(far, h), 40), far) for h in (path(), lowered))
    assert after["bass"] < before["bass"] - 10
    assert after["treble"] == pytest.approx(before["treble"], abs=1)


def test_longer_paths_decay_later_and_are_less_direct(far):
    short, long = (measure(noisy(echo(far, path(decay)), 40), far) for decay in (60, 400))
    assert long["decay"] > 2 * short["decay"]
    assert long["direct"] < short["direct"] - 3


def test_clipping_is_seen(far):
    mic = noisy(echo(far, path()), 30)
    top = np.quantile(np.abs(mic), 0.995)
    assert measure(mic, far)["clipped"] == 0
    assert measure(np.clip(mic, -top, top), far)["clipped"] > 500


def test_distance_and_interval_of_known_samples():
    one, other = (np.arange(100.0), np.arange(100.0) + 50)
    assert distance(pd.Series(one), pd.Series(one)) == 0
    assert distance(pd.Series(one), pd.Series(other)) == pytest.approx(0.5)
    low, high = interval(pd.Series(np.random.default_rng(0).normal(size=400)), 50)
    assert low < 0 < high
    assert high - low == pytest.approx(2 * 1.96 * 1.2533 / 20, rel=0.3)
