"""Metrics: one file per metric, and one row per metric in METRICS, in the order of the columns of a result table.

Other packages add their own through entry points of the group `aecbench.metrics`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from aecbench.metrics import (
    aecmos,
    base,
    convergence,
    dnsmos,
    erle,
    erle_raw,
    erle_segmental,
    erle_tail,
    erle_true,
    estoi,
    fsdr,
    level,
    lsd,
    misalignment,
    near_attenuation,
    noise_reduction,
    pesq,
    pesq_clean,
    pesq_nb,
    pesq_raw,
    pumping,
    reconvergence,
    residual_level,
    sdr,
    si_sdr,
    stoi,
)
from aecbench.metrics.base import Metric, Score, Trial
from aecbench.plugins import Table
from aecbench.signals import Array, Signals, Talk

__all__ = [
    "DEFAULT_METRICS",
    "FAMILIES",
    "METRICS",
    "RANKED_BY",
    "TABLE",
    "Metric",
    "Score",
    "Trial",
    "choose",
    "find",
    "of_version",
    "score",
]

FAR = frozenset({Talk.FAR})
FAR_ACTIVE = frozenset({Talk.FAR, Talk.DOUBLE})
NEAR = frozenset({Talk.NEAR})
NEAR_ACTIVE = frozenset({Talk.NEAR, Talk.DOUBLE})
DOUBLE = frozenset({Talk.DOUBLE})
SILENCE = frozenset({Talk.SILENCE})
NEAR_SILENT = frozenset({Talk.SILENCE, Talk.FAR})

METRICS: dict[str, Metric] = {
    "erle_true": Metric(fn=erle_true.erle_true, title="tERLE", unit="dB", better="higher", talk=FAR_ACTIVE, version=1),
    "near_attenuation": Metric(
        fn=near_attenuation.near_attenuation,
        title="NE att.",
        unit="dB",
        better="lower",
        talk=DOUBLE,
        version=1,
        summary="median",
    ),
    "erle": Metric(fn=erle.erle, title="ERLE", unit="dB", better="higher", talk=FAR, stems=False, version=2),
    "noise_reduction": Metric(
        fn=noise_reduction.noise_reduction, title="Noise red.", unit="dB", better="lower", talk=SILENCE, version=1
    ),
    "pumping": Metric(
        fn=pumping.pumping, title="Pumping", unit="dB", better="lower", talk=NEAR_SILENT, version=1, labels=True
    ),
    "pesq": Metric(fn=pesq.pesq, title="PESQ", unit="MOS-LQO", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "stoi": Metric(fn=stoi.stoi, title="STOI", unit="", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "si_sdr": Metric(
        fn=si_sdr.si_sdr, title="SI-SDR", unit="dB", better="higher", talk=NEAR_ACTIVE, version=1, span=True
    ),
    "fsdr": Metric(fn=fsdr.fsdr, title="fSDR", unit="dB", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "sdr": Metric(fn=sdr.sdr, title="SDR", unit="dB", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "level": Metric(
        fn=level.level,
        title="Level",
        unit="dB",
        better="higher",
        talk=NEAR,
        stems=False,
        version=1,
        summary="median",
    ),
    "lsd": Metric(fn=lsd.lsd, title="LSD", unit="dB", better="lower", talk=NEAR, version=1),
    "estoi": Metric(fn=estoi.estoi, title="ESTOI", unit="", better="higher", talk=NEAR_ACTIVE, version=1, span=True),
    "pesq_nb": Metric(
        fn=pesq_nb.pesq_nb, title="PESQ-nb", unit="MOS-LQO", better="higher", talk=NEAR_ACTIVE, version=1, span=True
    ),
    "pesq_raw": Metric(
        fn=pesq_raw.pesq_raw, title="PESQ raw", unit="MOS", better="higher", talk=NEAR_ACTIVE, version=1, span=True
    ),
    "pesq_clean": Metric(
        fn=pesq_clean.pesq_clean,
        title="PESQ w/o noise",
        unit="MOS-LQO",
        better="higher",
        talk=NEAR_ACTIVE,
        version=1,
        span=True,
    ),
    "residual_level": Metric(
        fn=residual_level.residual_level,
        title="Residual",
        unit="dBFS",
        better="lower",
        talk=FAR,
        stems=False,
        version=1,
    ),
    "erle_raw": Metric(
        fn=erle_raw.erle_raw, title="raw ERLE", unit="dB", better="higher", talk=FAR, stems=False, version=1
    ),
    "erle_tail": Metric(
        fn=erle_tail.erle_tail, title="ERLE end", unit="dB", better="higher", talk=FAR, stems=False, version=2
    ),
    "erle_segmental": Metric(
        fn=erle_segmental.erle_segmental, title="seg. tERLE", unit="dB", better="higher", talk=FAR_ACTIVE, version=1
    ),
    "convergence_10": Metric(
        fn=partial(convergence.convergence, target=10.0),
        title="to 10 dB",
        unit="s",
        better="lower",
        talk=FAR_ACTIVE,
        version=1,
    ),
    "convergence_20": Metric(
        fn=partial(convergence.convergence, target=20.0),
        title="to 20 dB",
        unit="s",
        better="lower",
        talk=FAR_ACTIVE,
        version=1,
    ),
    "reconvergence": Metric(
        fn=reconvergence.reconvergence,
        title="reconv.",
        unit="s",
        better="lower",
        talk=FAR_ACTIVE,
        version=1,
        changes=True,
    ),
    "misalignment": Metric(
        fn=misalignment.misalignment,
        title="Misalign.",
        unit="dB",
        better="lower",
        talk=FAR_ACTIVE,
        version=1,
        responses=True,
    ),
}

DEFAULT_METRICS = {
    name: METRICS[name]
    for name in ("erle_true", "near_attenuation", "erle", "noise_reduction", "pumping", "pesq", "stoi", "fsdr")
}
RANKED_BY = ("erle_true", "erle", "pesq", "stoi", "fsdr")  # metrics by which a board ranks, unless its rules differ
FORMER = {("erle", 1): "erle_raw"}  # (metric, earlier version) -> present name of the metric that it computed
ALL = "all"
FAMILIES: dict[str, Callable[[], dict[str, Metric]]] = {
    **{name: partial(aecmos.aecmos_metrics, name) for name in aecmos.NETWORKS},
    "dnsmos": dnsmos.dnsmos_metrics,
}
"""Families of metrics that need an extra: name -> function that returns its rows. A family's name selects all rows."""
MEMBERS = {f"{name}_{row}": name for name in aecmos.NETWORKS for row in aecmos.ROWS}
MEMBERS |= {f"dnsmos_{row}": "dnsmos" for row in dnsmos.ROWS}
TABLE = Table("metric", "aecbench.metrics", METRICS, (Metric,), reserved=(ALL, *FAMILIES, *MEMBERS))


def find(name: str) -> Metric:
    """Return the metric with this name: of METRICS, FAMILIES or an installed package, or "package.module:NAME".

    Raises UnknownName, ConfigError for a metric of another package that cannot be used, and MissingExtra for a family
    whose extra is not installed.
    """
    return FAMILIES[MEMBERS[name]]()[name] if name in MEMBERS else TABLE.find(name)


def choose(metrics: str | Sequence[str] | Mapping[str, Metric] | None = None) -> Mapping[str, Metric]:
    """Return the metrics with these names, by name.

    "all" selects all of METRICS, the name of a family all of its metrics, and None DEFAULT_METRICS; a mapping is
    returned as it is. Raises the errors of `find`.
    """
    if metrics is None or isinstance(metrics, Mapping):
        return DEFAULT_METRICS if metrics is None else metrics
    names = [metrics] if isinstance(metrics, str) else metrics
    chosen: dict[str, Metric] = dict(METRICS) if ALL in names else {}
    for name in names:
        if name != ALL:
            chosen |= FAMILIES[name]() if name in FAMILIES else {name: find(name)}
    return chosen


def of_version(name: str, version: int) -> Metric | None:
    """Return the row of METRICS that computes this version of a metric; None if no present metric does."""
    metric = METRICS.get(name)
    if metric is not None and metric.version == version:
        return metric
    former = FORMER.get((name, version))
    return None if former is None else METRICS[former]


def score(
    metric: str | Metric,
    signals: Signals,
    estimate: Array,
    rate: int,
    talk: NDArray[Any] | None = None,
    changes: Sequence[float] = (),
    responses: Callable[[], tuple[Array, Array]] | None = None,
) -> Score:
    """Score the estimate [T] of one scene, with stems [T] at `rate` Hz, by a metric or the name of one.

    `talk` are the labels of `aecbench.dsp.levels.talk`, computed from the stems if None. `changes` are the times [s] at
    which the echo path changes. `responses` is called only if the metric needs it; it returns the impulse response [L]
    of the echo path and the one to which the system has adapted, or raises Undefined. See
    `aecbench.metrics.base.score`. Raises the errors of `find`.
    """
    chosen = find(metric) if isinstance(metric, str) else metric
    return base.score(chosen, Trial(signals, estimate, rate, talk, changes, responses))
