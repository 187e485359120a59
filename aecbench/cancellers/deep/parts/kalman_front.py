"""The Kalman filter in front of a network, configured by a table of the network's configuration.

Values that the table lacks are read from the card of the baseline "kalman"; the filter checks all ranges. The card of a
trained network contains all values, so tuning the baseline again does not change the network.
"""

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BeforeValidator

from aecbench.assets import find
from aecbench.cancellers.kalman import Kalman
from aecbench.config import read_toml
from aecbench.errors import did_you_mean

__all__ = ["KalmanTable", "kalman_front"]


def kalman_front(hop: int, table: dict[str, Any]) -> Kalman | None:
    """Return the filter, with blocks of one hop; None if `taps` is 0. Raises UsageError for a value out of range."""
    return Kalman(hop, **table) if table["taps"] else None


def _complete(table: Any) -> Any:
    """Return the table, completed with the values of the baseline."""
    if not isinstance(table, dict):
        return table  # pydantic reports the error
    tuned = asdict(Kalman(**read_toml(find("baselines", "kalman") / "card.toml")["parameters"]))
    del tuned["block"]
    for key in table:
        if key not in tuned:
            raise ValueError(f"unknown key {key!r}: {did_you_mean(str(key), tuned)}")
    return tuned | table


KalmanTable = Annotated[dict[str, Any], BeforeValidator(_complete)]
