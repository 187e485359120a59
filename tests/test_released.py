"""What the released deep cancellers do, on scenes of synthetic-v1 that nothing was trained on."""

import numpy as np
import pytest

import aecbench as ab
from aecbench.cancellers.align import DelayTracker
from aecbench.dsp.levels import FRAME, talk
from aecbench.signals import Talk

HOP = 256
ALL_DOUBLE = {"far_single": 0, "near_single": 0, "barge_in": 0, "alternating": 0, "double": 1}


def scenes(folder, count, **changes):
    pytest.importorskip("espeakng_loader")
    changes = {"talk": {**ALL_DOUBLE, "near_onset": {"uniform": [4.0, 5.0]}}, **changes}
    return ab.simulate("synthetic-v1", folder, split="test", scenes=count, set=changes)


def step_sizes(signals):
    """Mean over the bins [frames], and what is going on [frames]."""
    far = DelayTracker().align(signals.mic, signals.far)
    mu = ab.load_system("deep_step_size", "none").canceller.inspect(signals.mic, far)["step_size"].mean(-1)
    labels = talk(signals, 16_000)
    at = (np.arange(len(mu)) * HOP / 16_000 / FRAME).astype(int)
    return mu, labels[at.clip(max=len(labels) - 1)]


def test_step_sizes_are_half_as_large_in_double_talk(tmp_path):
    """Mean over time and frequency, far-end single talk after 2.5 s of convergence."""
    alone, both = [], []
    for _, signals, _ in scenes(tmp_path, 8, **{"path.switch": 0}):
        mu, label = step_sizes(signals)
        late = np.arange(len(mu)) * HOP > 2.5 * 16_000
        alone.append(mu[late & (label == Talk.FAR)].mean())
        both.append(mu[late & (label == Talk.DOUBLE)].mean())
    assert np.mean(both) < 0.5 * np.mean(alone)


def test_step_sizes_rise_after_a_path_change(tmp_path):
    """The same scene with another echo path from 6 s on, 5 ms longer and turned, against that without, for 0.5 s."""
    stays, changes = [], []
    talks = {"talk": {**ALL_DOUBLE, "far_single": 1, "double": 0}}
    for _, signals, _ in scenes(tmp_path, 8, **talks, **{"path.switch": 0, "noise.kind": "pink", "noise.snr": 20}):
        at, later = 6 * 16_000, np.roll(signals.echo, 80)
        other = np.concatenate([signals.echo[:at], -later[at:]])
        changed = signals._replace(mic=other + signals.noise, echo=other)
        frames = slice(at // HOP + 2, at // HOP + 34)
        for found, heard in ((stays, signals), (changes, changed)):
            found.append(step_sizes(heard)[0][frames].mean())
    assert np.mean(changes) > 1.2 * np.mean(stays)
