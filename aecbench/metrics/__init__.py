"""Metrics: one per file, one row per metric in METRICS, in the order of the columns of a result table."""

from typing import Any

from numpy.typing import NDArray

from aecbench.errors import UnknownName
from aecbench.metrics import base, erle, level, pesq, sdr, si_sdr, stoi
from aecbench.metrics.base import Metric, Score
from aecbench.signals import Array, Signals, Talk

__all__ = ["METRICS", "Metric", "Score", "score"]

FAR = frozenset({Talk.FAR})
NEAR = frozenset({Talk.NEAR})
NEAR_ACTIVE = frozenset({Talk.NEAR, Talk.DOUBLE})

METRICS: dict[str, Metric] = {
    "erle": Metric(fn=erle.erle, title="ERLE", unit="dB", better="higher", talk=FAR, stems=False, version=1),
    "pesq": Metric(fn=pesq.pesq, title="PESQ", unit="MOS-LQO", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "stoi": Metric(fn=stoi.stoi, title="STOI", unit="", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "si_sdr": Metric(
        fn=si_sdr.si_sdr, title="SI-SDR", unit="dB", better="higher", talk=NEAR_ACTIVE, version=1, span=True
    ),
    "sdr": Metric(fn=sdr.sdr, title="SDR", unit="dB", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "level": Metric(fn=level.level, title="Level", unit="dB", better="higher", talk=NEAR, stems=False, version=1),
}


def score(
    metric: str | Metric, signals: Signals, estimate: Array, rate: int, talk: NDArray[Any] | None = None
) -> Score:
    """Score one scene with a metric or a row of METRICS: see `aecbench.metrics.base.score`.

    Raises UnknownName for a name that is not in METRICS.
    """
    if isinstance(metric, str):
        if metric not in METRICS:
            raise UnknownName("metric", metric, METRICS)
        metric = METRICS[metric]
    return base.score(metric, signals, estimate, rate, talk)
