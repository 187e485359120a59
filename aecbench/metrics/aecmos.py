"""AECMOS: a network's estimate of how listeners would rate echo and other degradations, without any stems.

M. Purin, S. Sootla, M. Sponza, A. Saabas and R. Cutler, "AECMOS: A speech quality assessment metric for echo
impairment", ICASSP 2022. The networks are those that take the scenario as an input: version 4 for 16 kHz, and the one
for 48 kHz. They are not part of this package. The wheel speechmos contains them (MIT licence), and so does the folder
AECMOS/AECMOS_local of the repository microsoft/AEC-Challenge.
"""

from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from aecbench.dsp.audio import resample
from aecbench.metrics import onnx_model
from aecbench.metrics.base import Metric, each
from aecbench.signals import Array, Signals, Talk

__all__ = ["NETWORKS", "ROWS", "aecmos", "aecmos_metrics"]

Scenario = Literal["st", "nst", "dt"]  # far-end single talk, near-end single talk, double talk

HOP = 0.016  # hop [s]; a frame has twice as many samples, plus one
LONGEST = 20  # [s] of a signal that are rated at most
BANDS = 160
MARK = 20  # frames that encode the scenario, followed by as many of zeros
ECHO, OTHER = 0, 1  # indices of the two outputs


class Network(NamedTuple):
    """A published network."""

    title: str
    rate: int  # [Hz]
    hidden: tuple[int, int, int]  # shape of the initial state
    file: str  # path within the wheel

    @property
    def inputs(self) -> onnx_model.Inputs:
        """Shapes of the inputs: features of far end, microphone and output, and the state."""
        return {None: (1, 3, None, BANDS), "h0": self.hidden}


NETWORKS = {
    "aecmos": Network("AECMOS", 16_000, (4, 1, 64), "aecmos_models/Run_1663915512_Stage_0.onnx"),
    "aecmos_48k": Network("AECMOS 48k", 48_000, (4, 1, 96), "aecmos_models/Run_1668423760_Stage_0.onnx"),
}
ROWS = {
    "st_echo": ("FE echo", Talk.FAR, "st", ECHO),
    "dt_echo": ("DT echo", Talk.DOUBLE, "dt", ECHO),
    "dt_other": ("DT other", Talk.DOUBLE, "dt", OTHER),
    "nst_other": ("NE other", Talk.NEAR, "nst", OTHER),
}


def aecmos_metrics(model: Path | str = "aecmos") -> dict[str, Metric]:
    """Return the four scores of the AEC challenges as metrics, computed by a network of NETWORKS or by a model file.

    They do not need stems. Raises UsageError for a file that is not such a model, MissingExtra without onnxruntime or
    the wheel with the networks.
    """
    expected = {name: network.inputs for name, network in NETWORKS.items()}
    path = model if isinstance(model, Path) else onnx_model.installed(NETWORKS[model].file)
    name = onnx_model.which(path, expected)
    network = NETWORKS[name]
    return {
        f"{name}_{row}": Metric(
            fn=partial(aecmos, model=path, network=name, scenario=scenario, output=output),
            title=f"{network.title} {title}",
            unit="MOS",
            better="higher",
            talk=frozenset({talk}),
            version=onnx_model.fingerprint(path),
            stems=False,
            span=talk == Talk.DOUBLE,
        )
        for row, (title, talk, scenario, output) in ROWS.items()
    }


@each
def aecmos(
    signals: Signals,
    estimate: Array,
    rate: int,
    *,
    model: Path,
    scenario: Scenario,
    output: int,
    network: str = "aecmos",
) -> float:
    """Return a MOS from 1 to 5 for echo (`output` 0) or other degradations (1): [..., T] at `rate` Hz -> [...].

    Reads `signals.far`, `signals.mic` and `estimate`, resampled to the rate of the network. As in the challenges, only
    a part of a recording is rated, see `rated`, and at most 20 s of it.
    """
    _, to, hidden, _ = NETWORKS[network]
    part = rated(scenario, estimate.shape[-1], rate)
    inputs = [resample(x[part].astype(np.float32), rate, to) for x in (signals.far, signals.mic, estimate)]
    # zeros mark a signal that the scenario lacks: the far end, or the near end in the microphone; never the output
    present = (scenario != "nst", scenario != "st", True)
    features = [_marked(log_mel(x[: LONGEST * to], to), mark) for x, mark in zip(inputs, present, strict=True)]
    return float(onnx_model.run(model, np.stack(features)[None], np.zeros(hidden)).ravel()[output])


def rated(scenario: Scenario, length: int, rate: int) -> slice:
    """Return the samples of a signal of `length` samples that are rated, so that systems have time to converge.

    Out of L seconds, these are the last half in far-end single talk, the last (L - 15) / 2 in double talk, and all in
    near-end single talk. In double talk of less than 25 s, for which that rule would leave less than 5 s, all are
    rated.

    >>> [rated(scenario, 40, 1).start for scenario in ("st", "nst", "dt")], rated("dt", 20, 1).start
    ([20, 0, 28], 0)
    """
    start = 0
    if scenario == "st":
        start = length // 2
    elif scenario == "dt" and length >= 25 * rate:
        start = length - (length - 15 * rate) // 2
    return slice(start, length)


def log_mel(x: Array, rate: int) -> Array:
    """Return the log-mel spectrum of [T] at `rate` Hz: [frames, 160], 1 for the loudest bin, 0 for 40 dB below it.

    The values are at least -1. Frames have 32 ms and one sample, a periodic Hann window and a hop of 16 ms; the signal
    is padded with 16 ms of zeros at both ends.
    """
    hop = round(rate * HOP)
    size = 2 * hop + 1
    frames = sliding_window_view(np.pad(x.astype(np.float32), hop), size)[::hop]
    hann = np.sin(np.pi * np.arange(size) / size).astype(np.float32) ** 2
    spectrum = np.abs(rfft(frames * hann)) ** 2
    decibels = 10 * np.log10(np.maximum(spectrum @ mel_filters(rate, size).T, 1e-10))
    return np.asarray(np.maximum(decibels - decibels.max() + 40, -40) / 40)


@cache
def mel_filters(rate: int, size: int) -> Array:
    """Return triangles of unit area [160, size // 2 + 1], evenly spaced on the mel scale of M. Slaney's toolbox."""
    step = np.log(6.4) / 27  # logarithmic step per mel from 1 kHz = 15 mel on; below, a mel is 200/3 Hz
    top = 15 + np.log(rate / 2 / 1000) / step
    mels = np.linspace(0, top, BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))[:, None]
    bins = np.arange(size // 2 + 1) * rate / size
    rise, fall = (bins - edges[:-2]) / np.diff(edges, axis=0)[:-1], (edges[2:] - bins) / np.diff(edges, axis=0)[1:]
    filters = np.maximum(np.minimum(rise, fall), 0) * 2 / (edges[2:] - edges[:-2])
    return np.asarray(filters, np.float32)


def _marked(features: Array, present: bool) -> Array:
    mark = np.full((MARK, BANDS), float(present))
    return np.concatenate([features, mark, np.zeros((MARK, BANDS))])
