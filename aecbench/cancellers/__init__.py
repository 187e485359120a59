"""Echo cancellers: one algorithm per file, one line in the table."""

__all__ = ["CANCELLERS"]

# name -> "module:Class", imported when it is first asked for. Each is run through tests/cancellers/test_contract.py.
CANCELLERS: dict[str, str] = {
    "passthrough": "aecbench.cancellers.passthrough:Passthrough",
    "oracle": "aecbench.cancellers.oracle:Oracle",
    "nlms": "aecbench.cancellers.nlms:NLMS",
    "kalman": "aecbench.cancellers.kalman:Kalman",
}
