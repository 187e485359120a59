import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from aecbench.cancellers.deep.losses.loudness import disturbance
from aecbench.metrics.pesq import pesq
from aecbench.signals import Signals

RATE = 16_000


def off(target, estimate):
    return float(disturbance(torch.from_numpy(target)[None], torch.from_numpy(estimate)[None], RATE))


def shaped(x, seed, level, tilt):
    """Noise as loud as x is on the average, times level; tilt 0: white, 1: hardly any treble."""
    white = np.random.default_rng(seed).standard_normal(x.size)
    coloured = np.convolve(white, [1, tilt])[: x.size]
    return (level * np.std(x) / np.std(coloured) * coloured).astype(np.float32)


def spoilt(x, seed):
    """One of many ways to be worse than x: noise, holes, a reflection."""
    draw = np.random.default_rng(seed)
    y = x + shaped(x, seed, draw.uniform(0, 0.5), draw.uniform(0, 1))
    holes = np.repeat(draw.random(x.size // 400 + 1) < draw.uniform(0, 0.3), 400)[: x.size]
    y = y * (1 - 0.9 * holes) + draw.uniform(0, 0.4) * np.roll(x, 1000)
    return y.astype(np.float32)


def test_the_target_itself_disturbs_nobody(talker):
    x = talker(3, 0)
    assert off(x, x) < 0.05


def test_goes_with_pesq(talker):
    """Over estimates that are spoilt in several ways."""
    scores, marks = [], []
    for seed in range(24):
        x = talker(4, seed % 3)
        y = spoilt(x, seed)
        scores.append(off(x, y))
        raw = pesq(Signals(mic=x, far=0 * x, near=x, echo=0 * x, noise=0 * x), y, RATE)
        marks.append((3.8224 - np.log(4 / (raw - 0.999) - 1)) / 1.3669)  # P.862.2 undone
    assert np.corrcoef(scores, marks)[0, 1] < -0.85


def test_more_noise_disturbs_more(talker):
    x = talker(3, 0)
    steps = [off(x, x + shaped(x, 1, level, 0)) for level in (0.01, 0.03, 0.1, 0.3)]
    assert steps == sorted(steps)
    assert steps[-1] > 2 * steps[0]


@pytest.mark.parametrize("gain", [0.1, 10])
def test_the_level_of_all_does_not_count(talker, gain):
    x = talker(3, 0)
    y = x + shaped(x, 1, 0.1, 0)
    assert off(x, (gain * y).astype(np.float32)) == pytest.approx(off(x, y), rel=1e-3)


def test_what_is_added_disturbs_more_than_what_is_missing():
    hiss = (0.1 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32)
    whistle = (0.08 * np.sin(2 * np.pi * 2000 / RATE * np.arange(hiss.size))).astype(np.float32)
    assert off(hiss, hiss + whistle) > off(hiss + whistle, hiss)


def test_signals_do_not_mix(talker):
    x, y = (torch.from_numpy(np.stack([talker(3, 0), k * talker(3, 1)])) for k in (1, 0.5))
    y = y + 0.01 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([disturbance(x[n : n + 1], y[n : n + 1], RATE) for n in range(2)])
    torch.testing.assert_close(disturbance(x, y, RATE), alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("estimate", ["silence", "target", "noise"])
def test_gradients_are_finite_and_point_downhill(talker, estimate):
    x = torch.from_numpy(talker(2, 0))[None]
    noise = 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    y = {"silence": 0 * x, "target": x.clone(), "noise": x + noise}[estimate].requires_grad_()
    before = disturbance(x, y, RATE)
    before.sum().backward()
    assert torch.isfinite(y.grad).all()
    if estimate == "noise":
        step = 1e-3 * y.detach().norm() * y.grad / y.grad.norm()
        assert disturbance(x, y.detach() - step, RATE) < before


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_other_rates_hear_about_the_same(talker, rate):
    """Of a sound with nothing above 4 kHz."""
    x = resample_poly(resample_poly(talker(3, 0), 1, 3), 3, 1).astype(np.float32)
    y = x + resample_poly(resample_poly(shaped(x, 1, 0.1, 0), 1, 3), 3, 1).astype(np.float32)
    pair = [torch.from_numpy(resample_poly(z, rate, RATE).astype(np.float32))[None] for z in (x, y)]
    assert float(disturbance(*pair, rate)) == pytest.approx(off(x, y), rel=0.25)


def test_less_than_a_frame_is_as_if_silence_followed(talker):
    x, y = talker(1, 0)[8000:8500], talker(1, 1)[8000:8500]
    assert off(x, y) == pytest.approx(off(np.pad(x, (0, 12)), np.pad(y, (0, 12))))
    assert off(x, y) > off(x, x)
