"""AECMOS: what a neural network expects listeners to say of echo and of other degradations, without any stems.

M. Purin, S. Sootla, M. Sponza, A. Saabas and R. Cutler, "AECMOS: A speech quality assessment metric for echo
impairment", ICASSP 2022. The network is not part of this package: it is the file Run_1663915512_Stage_0.onnx (version 4
for 16 kHz, with scenarios) of the folder AECMOS/AECMOS_local in the repository microsoft/AEC-Challenge.
"""

from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from aecbench.dsp.audio import resample
from aecbench.metrics import onnx_model
from aecbench.metrics.base import Metric, each
from aecbench.signals import Array, Signals, Talk

__all__ = ["aecmos", "aecmos_metrics"]

Scenario = Literal["st", "nst", "dt"]  # far-end single talk, near-end single talk, double talk

RATE = 16_000  # [Hz]
LONGEST = 20  # [s]; what follows is not listened to
FFT, HOP, BANDS = 513, 256, 160
HIDDEN = (4, 1, 64)  # the state that the network starts from
MARK = 20  # frames that tell the scenario, and then as many of zeros
INPUTS: onnx_model.Inputs = {None: (1, 3, None, BANDS), "h0": HIDDEN}
ECHO, OTHER = 0, 1  # the two outputs

ROWS = {
    "aecmos_st_echo": ("FEST echo", Talk.FAR, "st", ECHO),
    "aecmos_dt_echo": ("DT echo", Talk.DOUBLE, "dt", ECHO),
    "aecmos_dt_other": ("DT other", Talk.DOUBLE, "dt", OTHER),
    "aecmos_nst_other": ("NEST other", Talk.NEAR, "nst", OTHER),
}


def aecmos_metrics(model: Path) -> dict[str, Metric]:
    """The four marks of the AEC challenges as metrics, by a model file. They need no stems.

    Raises UsageError for a file that is not such a model, MissingExtra without onnxruntime.
    """
    onnx_model.check(model, INPUTS)
    return {
        name: Metric(
            fn=partial(aecmos, model=model, scenario=scenario, output=output),
            title=title,
            unit="MOS",
            better="higher",
            talk=frozenset({talk}),
            version=onnx_model.fingerprint(model),
            stems=False,
            span=talk == Talk.DOUBLE,
        )
        for name, (title, talk, scenario, output) in ROWS.items()
    }


@each
def aecmos(signals: Signals, estimate: Array, rate: int, *, model: Path, scenario: Scenario, output: int) -> float:
    """MOS from 1 to 5 for echo (`output` 0) or other degradations (1): [..., T] at `rate` Hz -> [...].

    Reads `signals.far`, `signals.mic` and `estimate`. Rated is what the challenges rate, see `rated`, of it the first
    20 s.
    """
    part = rated(scenario, estimate.shape[-1], rate)
    heard = [resample(x[part].astype(np.float32), rate, RATE) for x in (signals.far, signals.mic, estimate)]
    # what is absent in a scenario is marked by zeros: the far end, or the near end at the microphone; never the output
    present = (scenario != "nst", scenario != "st", True)
    features = [_marked(log_mel(x[: LONGEST * RATE]), mark) for x, mark in zip(heard, present, strict=True)]
    return float(onnx_model.run(model, np.stack(features)[None], np.zeros(HIDDEN)).ravel()[output])


def rated(scenario: Scenario, length: int, rate: int) -> slice:
    """The samples that count, so that systems have had time to converge.

    From L seconds: the last half in far-end single talk, the last (L - 15) / 2 in double talk, all in near-end single
    talk. Double talk of less than 25 s, which leaves less than 5 s by that rule, counts as a whole.

    >>> [rated(scenario, 40, 1).start for scenario in ("st", "nst", "dt")], rated("dt", 20, 1).start
    ([20, 0, 28], 0)
    """
    start = 0
    if scenario == "st":
        start = length // 2
    elif scenario == "dt" and length >= 25 * rate:
        start = length - (length - 15 * rate) // 2
    return slice(start, length)


def log_mel(x: Array) -> Array:
    """Mel spectrum of [T] at 16 kHz: [frames, 160], 1 for the loudest bin, 0 for 40 dB less, and at least -1.

    Frames of 513 samples under a periodic Hann window, every 256, of the signal with 256 zeros on either side.
    """
    frames = sliding_window_view(np.pad(x.astype(np.float32), FFT // 2), FFT)[::HOP]
    hann = np.sin(np.pi * np.arange(FFT) / FFT).astype(np.float32) ** 2
    spectrum = np.abs(rfft(frames * hann)) ** 2
    decibels = 10 * np.log10(np.maximum(spectrum @ _mel_filters().T, 1e-10))
    return np.asarray(np.maximum(decibels - decibels.max() + 40, -40) / 40)


@cache
def _mel_filters() -> Array:
    """Triangles of unit area, evenly spaced on the mel scale of M. Slaney's Auditory Toolbox: [160, 257]."""
    step = np.log(6.4) / 27  # of the logarithmic part, from 1 kHz = 15 mel on; below it 200/3 Hz are one mel
    top = 15 + np.log(RATE / 2 / 1000) / step
    mels = np.linspace(0, top, BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))[:, None]
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    rise, fall = (bins - edges[:-2]) / np.diff(edges, axis=0)[:-1], (edges[2:] - bins) / np.diff(edges, axis=0)[1:]
    filters = np.maximum(np.minimum(rise, fall), 0) * 2 / (edges[2:] - edges[:-2])
    return np.asarray(filters, np.float32)


def _marked(features: Array, present: bool) -> Array:
    mark = np.full((MARK, BANDS), float(present))
    return np.concatenate([features, mark, np.zeros((MARK, BANDS))])
