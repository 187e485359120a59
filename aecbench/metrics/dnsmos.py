"""DNSMOS: a network's estimate of how listeners would rate speech, background and overall quality, without any stems.

C. K. A. Reddy, V. Gopal and R. Cutler, "DNSMOS P.835: A non-intrusive perceptual objective speech quality metric to
evaluate noise suppressors", ICASSP 2022. The network is not part of this package. The wheel speechmos contains it (MIT
licence), and it is the file DNSMOS/DNSMOS/sig_bak_ovr.onnx of the repository microsoft/DNS-Challenge.
"""

from functools import partial
from pathlib import Path

import numpy as np

from aecbench.dsp.audio import resample
from aecbench.metrics import onnx_model
from aecbench.metrics.base import Metric, each
from aecbench.metrics.dnsmos_network import LENGTH, outputs, prepare
from aecbench.signals import Array, Signals, Talk

__all__ = ["ROWS", "dnsmos", "dnsmos_metrics"]

RATE = 16_000  # [Hz]
FILE = "dnsmos_models/sig_bak_ovr.onnx"  # path within the wheel
INPUTS: onnx_model.Inputs = {"input_1": (1, LENGTH)}

ROWS = {  # title, index of the output, and the polynomial from the output to the MOS, highest power first
    "sig": ("DNSMOS SIG", 0, (-0.08397278, 1.22083953, 0.0052439)),
    "bak": ("DNSMOS BAK", 1, (-0.13166888, 1.60915514, -0.39604546)),
    "ovrl": ("DNSMOS OVRL", 2, (-0.06766283, 1.11546468, 0.04602535)),
}


def dnsmos_metrics(model: Path | None = None) -> dict[str, Metric]:
    """Return speech, background and overall MOS (ITU-T P.835) as metrics, computed by the wheel's network or a file.

    They do not need stems. Raises UsageError for a file that is not such a model, MissingExtra without the packages of
    the extra `aecmos`.
    """
    path = onnx_model.installed(FILE) if model is None else model
    onnx_model.check(path, INPUTS)
    prepare(path)
    return {
        f"dnsmos_{row}": Metric(
            fn=partial(dnsmos, model=path, output=output, polynomial=polynomial),
            title=title,
            unit="MOS",
            better="higher",
            talk=frozenset({Talk.NEAR, Talk.DOUBLE}),
            version=onnx_model.fingerprint(path),
            stems=False,
            span=True,
        )
        for row, (title, output, polynomial) in ROWS.items()
    }


@each
def dnsmos(
    signals: Signals, estimate: Array, rate: int, *, model: Path, output: int, polynomial: tuple[float, ...]
) -> float:
    """Return a MOS from 1 to 5 for `estimate` [..., T] at `rate` Hz -> [...]: a mean over windows of 9.01 s.

    The hop between windows is 1 s. A signal shorter than a window is repeated twice until it is long enough.
    """
    x = resample(estimate.astype(np.float32), rate, RATE)
    while x.size < LENGTH:
        x = np.tile(x, 2)
    last = max(x.size // RATE - 10, 0)  # [s] where the last window starts, as in Microsoft's code
    return float(np.polyval(polynomial, outputs(model, x[: LENGTH + last * RATE])[:, output]).mean())
