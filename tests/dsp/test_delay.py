import numpy as np
import pytest

from aecbench.dsp.delay import delay, drift, sample

RATE = 16_000
N = np.arange(10 * RATE)
X = np.random.default_rng(5).standard_normal((2, 2000)).astype(np.float32)


def error_db(y, expected):
    """Power of the error relative to the expected signal, in dB, away from the ends."""
    y, expected = y[..., 100:-100], expected[..., 100:-100]
    return 10 * np.log10(np.mean((y - expected) ** 2) / np.mean(expected**2))


@pytest.mark.parametrize("samples", [0, 1, 31, 32, 33, 64, 500, -1, -32, -500, 1999, 2000, 5000, -5000])
def test_whole_samples_are_moved_bit_for_bit(samples):
    expected = np.zeros_like(X)
    n = min(abs(samples), X.shape[-1])
    if samples >= 0:
        expected[:, n:] = X[:, : X.shape[-1] - n]
    else:
        expected[:, : X.shape[-1] - n] = X[:, n:]
    np.testing.assert_array_equal(delay(X, samples), expected)


@pytest.mark.parametrize("samples", [0.5, 3.25, -0.1, 100.999])
@pytest.mark.parametrize("frequency", [0.01, 0.4, 0.9])
def test_fractions_of_a_sample_delay_a_tone_to_80_db(samples, frequency):
    n = N[:8000]
    y = delay(np.cos(np.pi * frequency * n), samples)
    assert error_db(y[200:-200], np.cos(np.pi * frequency * (n - samples))[200:-200]) < -80


@pytest.mark.parametrize("ppm", [-200, -30, 100, 200])
def test_drift_of_a_tone_at_0_4_of_nyquist_errs_by_less_than_80_db(ppm):
    y = drift(np.sin(0.4 * np.pi * N), ppm)
    assert error_db(y, np.sin(0.4 * np.pi * N * (1 + 1e-6 * ppm))) < -80


@pytest.mark.parametrize("ppm", [-200, -1, 0.5, 100])
def test_drift_of_noise_is_measured_back_within_1_ppm(ppm):
    """From the delay between original and drifted signal, by the phase of their cross-spectrum, in two windows."""
    noise = np.random.default_rng(6).standard_normal(len(N))
    drifted = drift(noise, ppm)
    size = 16_384
    starts = np.array([RATE, 8 * RATE])
    delays = []
    for start in starts:
        ahead = int(np.round(1e-6 * ppm * (start + size / 2)))
        one, other = (np.fft.rfft(np.hanning(size) * x) for x in
                      (noise[start + ahead :][:size], drifted[start:][:size]))  # fmt: skip
        cross = (other * one.conj())[: size // 4]
        omega = 2 * np.pi * np.arange(size // 4) / size
        weight = np.abs(cross)
        phase = np.angle(cross)
        delays.append(ahead + np.sum(weight * omega * phase) / np.sum(weight * omega**2))
    measured = (delays[1] - delays[0]) / (starts[1] - starts[0]) * 1e6
    assert measured == pytest.approx(ppm, abs=1)


def test_no_drift_changes_nothing():
    np.testing.assert_array_equal(drift(X, 0), X)


def test_a_fast_clock_runs_out_of_signal_and_a_slow_one_does_not():
    ones = np.ones(len(N), np.float32)
    assert np.all(drift(ones, 200)[-31:] < 0.6)
    assert np.all(drift(ones, -200)[-31:] > 0.9)


def test_samples_far_outside_are_zero():
    np.testing.assert_array_equal(sample(X, np.array([-1e12, -33.5, 2033.5, 1e12])), np.zeros((2, 4)))


def test_batching_changes_nothing():
    np.testing.assert_array_equal(drift(X, 150), [drift(x, 150) for x in X])
