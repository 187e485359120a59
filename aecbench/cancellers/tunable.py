"""Hyper-parameters: a field declares which values are valid, and the range in which tuning searches."""

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from aecbench.errors import UsageError

__all__ = ["Allowed", "Search", "bounded", "search_space", "tunable"]

Scale = Literal["linear", "log", "complement"]
Bound = float | str  # a number, or the name of another field whose value is the bound
Allowed = tuple[Bound, Bound]


@dataclass(frozen=True)
class Search:
    """The search range of a hyper-parameter: from `low` to `high`, or among `options` if there are any.

    `scale` is the quantity that is sampled uniformly: the value ("linear"), its logarithm ("log"), or the logarithm of
    its distance to 1 ("complement", for forgetting factors). If both bounds are int, only whole numbers are drawn.
    """

    low: float = 0.0
    high: float = 0.0
    scale: Scale = "linear"
    options: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for an empty range, or one outside the domain of `scale`."""
        lowest = 0 if self.scale == "log" else -math.inf
        highest = 1 if self.scale == "complement" else math.inf
        inside = lowest < self.low < self.high < highest
        if not (inside or self.options):
            raise UsageError(
                f"search from {self.low} to {self.high} on a {self.scale} scale: expected low < high, both above "
                f"{lowest} and below {highest}"
            )


def tunable(
    default: Any,
    *options: Any,
    low: float = 0.0,
    high: float = 0.0,
    scale: Scale = "linear",
    allowed: Allowed | None = None,
) -> Any:
    """Return a dataclass field with a `Search`: `tunable(0.5, low=0.1, high=1.0)` or `tunable(256, 128, 256)`.

    `default` comes first, then the options, if any. `allowed` is the lowest and the highest valid value, which
    `check_ranges` of base.py enforces; either may be the name of another field.
    """
    metadata: dict[str, Any] = {"search": Search(low, high, scale, options)}
    return field(default=default, metadata=metadata if allowed is None else metadata | {"allowed": allowed})


def bounded(default: Any, low: Bound, high: Bound = math.inf) -> Any:
    """Return a dataclass field with a range of valid values, which tuning leaves at its default."""
    return field(default=default, metadata={"allowed": (low, high)})


def search_space(canceller: Any) -> dict[str, Search]:
    """Return the search ranges of the tunable fields of a canceller or its class, by name.

    >>> @dataclass(frozen=True)
    ... class Example:
    ...     taps: int = 1024
    ...     step_size: float = tunable(0.5, low=0.1, high=1.0)
    >>> search_space(Example)
    {'step_size': Search(low=0.1, high=1.0, scale='linear', options=())}
    """
    return {f.name: f.metadata["search"] for f in fields(canceller) if "search" in f.metadata}
