"""The raw scale of P.862, and PESQ without the background noise."""

import numpy as np
import pytest

from aecbench.metrics import score
from aecbench.metrics.pesq import pesq
from aecbench.metrics.pesq_clean import pesq_clean
from aecbench.metrics.pesq_nb import pesq_nb
from aecbench.metrics.pesq_raw import pesq_raw
from aecbench.signals import Signals

RATE = 16_000


def noisy(speech, snr: float, seconds: float = 3) -> Signals:
    """Near end in white noise, without echo."""
    near = speech(0, seconds)
    noise = np.random.default_rng(9).standard_normal(near.size).astype(np.float32)
    noise *= np.sqrt(np.mean(near**2) / np.mean(noise**2)) * 10 ** (-snr / 20)
    return Signals(near + noise, 0 * near, near, 0 * near, noise)


def test_the_near_end_itself_has_the_highest_raw_score_of_p862(speech):
    near = speech(0, 2)
    assert pesq_raw(Signals(near, 0 * near, near, 0 * near, 0 * near), near, RATE) == pytest.approx(4.5, abs=1e-4)


@pytest.mark.parametrize("snr", [0, 10, 30])
def test_the_mapping_of_p8621_leads_from_the_raw_score_to_narrow_band_mos_lqo(speech, snr):
    signals = noisy(speech, snr)
    raw = pesq_raw(signals, signals.mic, RATE)
    mapped = 0.999 + 4 / (1 + np.exp(-1.4945 * raw + 4.6607))
    assert mapped == pytest.approx(pesq_nb(signals, signals.mic, RATE), abs=1e-5)


def test_the_raw_score_of_a_long_recording_is_the_mean_of_raw_scores(speech):
    signals = noisy(speech, 5, seconds=20)
    halves = [Signals(*(x[part] for x in signals)) for part in (slice(0, 10 * RATE), slice(10 * RATE, None))]
    peak = np.abs(signals.near).max(), np.abs(signals.mic).max()
    values = [pesq_raw(half, half.mic, RATE) for half in halves]
    assert min(peak) > 0
    assert pesq_raw(signals, signals.mic, RATE) == pytest.approx(np.mean(values), abs=0.02)


def test_pesq_without_noise_is_that_of_what_is_left_of_the_echo(speech):
    signals = noisy(speech, 0)
    echo = 0.3 * speech(1, 3)
    signals = signals._replace(mic=signals.mic + echo, echo=echo)
    left = signals.near + signals.noise + 0.1 * echo
    clean = pesq_clean(signals, left, RATE)
    assert clean == pytest.approx(pesq(signals, signals.near + 0.1 * echo, RATE), abs=1e-4)
    assert clean > pesq(signals, left, RATE) + 1


@pytest.mark.parametrize("metric", ["pesq_raw", "pesq_clean"])
def test_a_real_recording_has_no_value_and_the_reason_says_so(speech, metric):
    mic, unknown = speech(0, 2), np.full(2 * RATE, np.nan, np.float32)
    value = score(metric, Signals(mic, mic, unknown, unknown, unknown), mic, RATE)
    assert np.isnan(value.value)
    assert value.reason == "no stems: a real recording"
