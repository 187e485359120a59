"""What is done to the background noise: noise_reduction and pumping."""

import numpy as np
import pytest
from scipy.linalg import lstsq, toeplitz

from aecbench.metrics import score
from aecbench.signals import Signals, Talk

RATE = 16_000
LABELS = np.repeat([Talk.FAR, Talk.SILENCE, Talk.NEAR], 100)


def scene_of(seed: int = 0) -> Signals:
    """A second each of far end, silence and near end, in white noise 30 dB below them."""
    noise, echo, near = np.random.default_rng(seed).standard_normal((3, 3 * RATE)) * [[0.03], [1], [1]]
    echo[RATE:] = 0
    near[: 2 * RATE] = 0
    return Signals(mic=noise + echo + near, far=echo, near=near, echo=echo, noise=noise)


def gains(talking: float, resting: float) -> np.ndarray:
    return np.repeat(10 ** (-np.array([talking, resting, 0]) / 20), RATE)


@pytest.mark.parametrize(("talking", "resting"), [(0, 0), (12, 12), (20, 8), (30, 0), (3, 15)])
def test_attenuations_that_are_known_come_back(talking, resting):
    scene = scene_of()
    estimate = gains(talking, resting) * scene.noise + scene.near
    assert score("noise_reduction", scene, estimate, RATE, LABELS).value == pytest.approx(resting, abs=1e-6)
    assert score("pumping", scene, estimate, RATE, LABELS).value == pytest.approx(max(talking - resting, 0), abs=1e-6)


def test_they_agree_with_least_squares():
    scene, rng = scene_of(1), np.random.default_rng(2)
    estimate = 0.3 * gains(9, 0) * np.convolve(scene.noise, [1, 0.5, 0.2])[: 3 * RATE] + 0.003 * rng.normal(
        size=3 * RATE
    )
    rest = slice(RATE, 2 * RATE)
    taps = toeplitz(np.pad(scene.noise[rest], (0, 255)), np.zeros(256))  # column k: the noise, k samples later
    part = taps @ lstsq(taps, np.pad(estimate[rest], (0, 255)))[0]
    golden = 10 * np.log10(np.sum(scene.noise[rest] ** 2) / np.sum(part**2))
    assert score("noise_reduction", scene, estimate, RATE, LABELS).value == pytest.approx(golden, abs=1e-4)
    talking = 10 * np.log10(np.sum(scene.noise[:RATE] ** 2) / np.sum(estimate[:RATE] ** 2))
    assert score("pumping", scene, estimate, RATE, LABELS).value == pytest.approx(talking - golden, abs=1e-4)
    assert (golden, talking - golden) == pytest.approx((9.34, 6.76), abs=0.01)


def test_cancelling_the_echo_is_neither():
    scene = scene_of()
    for left in (0, 0.1, 1):
        estimate = scene.mic - scene.echo + left * scene.echo
        assert abs(score("noise_reduction", scene, estimate, RATE, LABELS).value) < 0.01
        assert score("pumping", scene, estimate, RATE, LABELS).value == pytest.approx(0, abs=0.01)


def test_without_noise_there_is_nothing_to_turn_down():
    scene = scene_of()._replace(noise=np.zeros(3 * RATE))
    for name in ("noise_reduction", "pumping"):
        assert score(name, scene, scene.mic, RATE, LABELS)[1:] == ("noise is silent", False)
