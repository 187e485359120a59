"""The search space of a system: its tunable parameters and their ranges, and conversion to and from optuna's values."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any

from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.align import unaligned
from aecbench.cancellers.tunable import Search, search_space
from aecbench.errors import NotInstalled, UnknownName, UsageError
from aecbench.systems import System, load_system

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["changed", "distribution", "nearest", "present", "rounded", "space_of"]

DIGITS = 4  # significant digits of parameters


def space_of(system: System, chosen: Sequence[str] = ()) -> dict[str, Search]:
    """Return the search ranges of the `chosen` tunable parameters of a system; of all if none are chosen.

    Raises UsageError for a system without tunable parameters, UnknownName for an unknown one.
    """
    space = _tunable(system)
    if not space:
        raise UsageError(
            f"{system.name} has no tunable parameters; models that have: {', '.join(_tunable_models()) or 'none'}"
        )
    for name in chosen:
        if name not in space:
            raise UnknownName("tunable parameter", name, space, f"of {system.name}")
    return {name: search for name, search in space.items() if name in chosen or not chosen}


def present(system: System, space: Sequence[str]) -> dict[str, Any]:
    """Return the values that these parameters have in a system."""
    return {name: getattr(unaligned(system.canceller), name) for name in space}


def changed(canceller: Any, parameters: dict[str, Any]) -> Any:
    """Return a canceller with other parameters and the same alignment."""
    bare: Any = unaligned(canceller)
    other = replace(bare, **parameters)
    return other if bare is canceller else canceller.with_inner(other)


def distribution(search: Search, present: Any) -> "BaseDistribution":
    """Return the range of a parameter for optuna; for a forgetting factor, the range of its complement to 1."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if search.options:
        return CategoricalDistribution(list(dict.fromkeys((*search.options, present))))
    if search.scale == "complement":
        return FloatDistribution(1 - search.high, 1 - search.low, log=True)
    if isinstance(search.low, int) and isinstance(search.high, int):
        return IntDistribution(search.low, search.high, log=search.scale == "log")
    return FloatDistribution(search.low, search.high, log=search.scale == "log")


def nearest(search: Search, value: Any) -> Any:
    """Return the point of optuna's range that is nearest to a value."""
    if search.options:
        return value
    inside = min(max(value, search.low), search.high)
    return 1 - inside if search.scale == "complement" else inside


def rounded(search: Search, drawn: Any) -> Any:
    """Return the value for a point that optuna drew, with 4 significant digits (of the complement to 1, if searched).

    >>> rounded(Search(0.9, 0.9999, "complement"), 0.000123456), rounded(Search(0.0, 1.0), 0.123456)
    (0.9998765, 0.1235)
    """
    if search.options or isinstance(drawn, int):
        return drawn
    rounded = float(f"{drawn:.{DIGITS}g}")
    if search.scale == "complement":
        rounded = round(1 - rounded, DIGITS - 1 - math.floor(math.log10(rounded)))
    return min(max(rounded, search.low), search.high)


def _tunable(system: System) -> dict[str, Search]:
    canceller: Any = unaligned(system.canceller)
    return search_space(canceller) if is_dataclass(canceller) else {}


def _tunable_models() -> Iterator[str]:
    for name in sorted({*names("baselines"), *CANCELLERS}):
        with suppress(NotInstalled):
            if _tunable(load_system(name)):
                yield name
