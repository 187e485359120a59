"""DNSMOS: what a neural network expects listeners to say of speech, background and the whole, without any stems.

C. K. A. Reddy, V. Gopal and R. Cutler, "DNSMOS P.835: A non-intrusive perceptual objective speech quality metric to
evaluate noise suppressors", ICASSP 2022. The network is not part of this package: it is the file sig_bak_ovr.onnx of
the folder DNSMOS/DNSMOS in the repository microsoft/DNS-Challenge.
"""

from functools import partial
from pathlib import Path

import numpy as np

from aecbench.dsp.audio import resample
from aecbench.metrics import onnx_model
from aecbench.metrics.base import Metric, each
from aecbench.signals import Array, Signals, Talk

__all__ = ["dnsmos", "dnsmos_metrics"]

RATE = 16_000  # [Hz]
SECONDS = 9.01  # that the network listens to at a time; the next time from 1 s later
INPUTS: onnx_model.Inputs = {"input_1": (1, round(SECONDS * RATE))}

ROWS = {  # title, output, and the polynomial from the output to a mark, highest power first
    "dnsmos_sig": ("SIG", 0, (-0.08397278, 1.22083953, 0.0052439)),
    "dnsmos_bak": ("BAK", 1, (-0.13166888, 1.60915514, -0.39604546)),
    "dnsmos_ovrl": ("OVRL", 2, (-0.06766283, 1.11546468, 0.04602535)),
}


def dnsmos_metrics(model: Path) -> dict[str, Metric]:
    """Speech, background and overall mark (ITU-T P.835) as metrics, by a model file. They need no stems.

    Raises UsageError for a file that is not such a model, MissingExtra without onnxruntime.
    """
    onnx_model.check(model, INPUTS)
    return {
        name: Metric(
            fn=partial(dnsmos, model=model, output=output, polynomial=polynomial),
            title=title,
            unit="MOS",
            better="higher",
            talk=frozenset({Talk.NEAR, Talk.DOUBLE}),
            version=onnx_model.fingerprint(model),
            stems=False,
            span=True,
        )
        for name, (title, output, polynomial) in ROWS.items()
    }


@each
def dnsmos(
    signals: Signals, estimate: Array, rate: int, *, model: Path, output: int, polynomial: tuple[float, ...]
) -> float:
    """MOS from 1 to 5 of `estimate` [..., T] at `rate` Hz -> [...]: the mean over 9.01 s from every second on.

    Shorter signals are repeated until they are long enough.
    """
    x, length = resample(estimate.astype(np.float32), rate, RATE), round(SECONDS * RATE)
    while x.size < length:
        x = np.tile(x, 2)
    count = int(x.size // RATE - SECONDS) + 1
    raw = [onnx_model.run(model, x[None, k * RATE :][:, :length]).ravel()[output] for k in range(count)]
    return float(np.polyval(polynomial, raw).mean())
