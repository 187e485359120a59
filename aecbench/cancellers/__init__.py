"""Echo cancellers: one algorithm per file, one line in the table.

Other packages add their own through entry points of the group `aecbench.cancellers`.
"""

from typing import Any

from aecbench.plugins import Table

__all__ = ["ADAPTERS", "CANCELLERS", "TABLE", "target"]

# name -> "module:Class", imported on first use. tests/cancellers/test_contract.py runs on each of them.
CANCELLERS: dict[str, str] = {
    "passthrough": "aecbench.cancellers.passthrough:Passthrough",
    "oracle": "aecbench.cancellers.oracle:Oracle",
    "nlms": "aecbench.cancellers.nlms:NLMS",
    "fdaf": "aecbench.cancellers.fdaf:FDAF",
    "kalman": "aecbench.cancellers.kalman:Kalman",
    "subband_kalman": "aecbench.cancellers.subband_kalman:SubbandKalman",
    "residual": "aecbench.cancellers.residual:ResidualSuppressor",
    "speex": "aecbench.cancellers.external.speex:Speex",
    "speex_pre": "aecbench.cancellers.external.speex:SpeexPre",
    "webrtc_aec3": "aecbench.cancellers.external.webrtc:AEC3",
    "webrtc_aec3_ns": "aecbench.cancellers.external.webrtc:DenoisingAEC3",
    "livekit_aec3": "aecbench.cancellers.external.livekit:LiveKitAEC3",
}

# Cancellers that run a model or program, or read a folder, that the user names.
ADAPTERS: dict[str, str] = {
    "command": "aecbench.cancellers.external.command:Command",
    "onnx": "aecbench.cancellers.external.onnx:OnnxModel",
    "predictions": "aecbench.cancellers.external.predictions:Predictions",
}

TABLE: Table[Any] = Table("canceller", "aecbench.cancellers", CANCELLERS)


def target(name: str) -> str | None:
    """Return the "module:Class" for a name in CANCELLERS, a name that an installed package offers, or a "module:Class".

    None for anything else. Raises ConfigError for a name that two packages offer, or whose package cannot be imported.
    """
    if name in CANCELLERS:
        return CANCELLERS[name]
    if name in TABLE.offered:
        TABLE.find(name)
    return TABLE.reference(name)
