"""The distributions a recipe can name. Each knows its extremes, so a recipe is checked before anything is drawn.

ser = 0                                              # always the same
ser = {uniform = [-10, 10]}                          # equally likely between two numbers
ser = {normal = [0, 5], clip = [-10, 10]}            # Gaussian with mean and standard deviation, limited
rt60 = {quantiles = [[0, 0.1], [0.5, 0.3], [1, 1]]}  # any shape: [probability, value], linear in between
model = {choice = ["linear", "hard_clip"], weights = [1, 3]}      # one of some, equally likely without weights
device = {choice = [{uniform = [0.02, 0.3]}, {uniform = [1, 2]}]}  # a mixture
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from pydantic import AfterValidator, model_serializer, model_validator

from aecbench.dsp.interpolate import interpolate
from aecbench.dsp.random import normal, uniform
from aecbench.errors import AecbenchError, did_you_mean
from aecbench.plugins import Table
from aecbench.record import Frozen

__all__ = ["FORMS", "Distribution", "one_of", "within"]

Value = float | str
EXAMPLES = '{uniform = [0.2, 0.4]}, {choice = [1, 2]} or {choice = ["a", "b"]}'
FORMS = ("constant", "uniform", "normal", "quantiles", "choice")


class Distribution(Frozen):
    """One of: a constant, uniform, normal with clip, quantiles, choice with optional weights."""

    constant: Value | None = None
    uniform: tuple[float, float] | None = None
    normal: tuple[float, float] | None = None
    clip: tuple[float, float] | None = None
    quantiles: tuple[tuple[float, float], ...] | None = None
    choice: "tuple[Distribution, ...] | None" = None
    weights: tuple[float, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_constant(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            raise ValueError(f"{list(value)} is a list, expected a constant or a distribution: {EXAMPLES}")
        return {"constant": value} if isinstance(value, int | float | str) else value

    @model_validator(mode="after")
    def _check(self) -> "Distribution":
        forms = [form for form in FORMS if getattr(self, form) is not None]
        if len(forms) != 1:
            raise ValueError(f"expected a constant or one of {', '.join(FORMS[1:])}; got {', '.join(forms) or 'none'}")
        if (self.clip is None) != (self.normal is None):
            raise ValueError("normal and clip go together: {normal = [mean, deviation], clip = [low, high]}")
        for pair in (self.uniform, self.clip):
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{list(pair)} runs backwards; expected [low, high]")
        if self.normal is not None and self.normal[1] < 0:
            raise ValueError(f"normal {list(self.normal)}: the deviation must not be negative")
        if self.quantiles is not None:
            probabilities, values = zip(*self.quantiles, strict=True)
            if list(probabilities) != sorted(probabilities) or probabilities[0] != 0 or probabilities[-1] != 1:
                raise ValueError(f"the probabilities of quantiles rise from 0 to 1, got {list(probabilities)}")
            if list(values) != sorted(values):
                raise ValueError(f"the values of quantiles must not fall, got {list(values)}")
        if self.choice is not None and not self.choice:
            raise ValueError("choice is empty; name at least one value")
        if self.weights is not None:
            if self.choice is None or len(self.weights) != len(self.choice):
                raise ValueError(f"{len(self.weights)} weights; give one for each value of a choice")
            if min(self.weights) < 0 or sum(self.weights) <= 0:
                raise ValueError(f"weights {list(self.weights)}: none may be negative, one must be above 0")
        return self

    @model_serializer
    def _as_in_toml(self) -> Any:
        if self.constant is not None:
            return self.constant
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The lowest and highest number it can give, or every choice."""
        if self.constant is not None:
            return (self.constant,)
        if self.choice is not None:
            return tuple(value for part in self.choice for value in part.extremes)
        if self.quantiles is not None:
            return (self.quantiles[0][1], self.quantiles[-1][1])
        return self.uniform or self.clip or ()

    @property
    def high(self) -> float:
        """The highest number it can give."""
        return max(float(value) for value in self.extremes)

    def draw(self, rng: np.random.Generator) -> Value:
        """One value. Numbers are rounded to 6 decimals, which keeps the scene's JSON short."""
        if self.constant is not None:
            return self.constant
        if self.choice is not None:
            weights = np.array(self.weights or [1.0] * len(self.choice))
            return self.choice[int(rng.choice(len(self.choice), p=weights / weights.sum()))].draw(rng)
        if self.quantiles is not None:
            probabilities, values = np.transpose(self.quantiles)
            return round(float(interpolate(rng.random(), probabilities, values)), 6)
        low, high = self.uniform or self.clip or (0.0, 0.0)
        if self.normal is None:
            return round(float(uniform(rng, low, high)), 6)
        mean, deviation = self.normal
        return round(float(np.clip(mean + deviation * normal(rng, 1)[0], low, high)), 6)

    def number(self, rng: np.random.Generator) -> float:
        """One value of a distribution over numbers."""
        return float(self.draw(rng))


def within(low: float, high: float, unit: str = "") -> AfterValidator:
    """The check that a distribution gives numbers in [low, high] only."""

    def check(distribution: Distribution) -> Distribution:
        for value in distribution.extremes:
            if isinstance(value, str) or not low <= value <= high:
                raise ValueError(f"got {value!r}, allowed are numbers from {low:g} to {high:g} {unit}".rstrip())
        return distribution

    return AfterValidator(check)


def one_of(kind: str, names: Collection[str], table: Table[Any]) -> AfterValidator:
    """The check that a distribution gives only `names`, and those of other packages' entries in a table."""

    def check(distribution: Distribution) -> Distribution:
        for value in distribution.extremes:
            if value not in names:
                _check_outside(kind, str(value), names, table)
        return distribution

    return AfterValidator(check)


def _check_outside(kind: str, name: str, names: Collection[str], table: Table[Any]) -> None:
    """Raise ValueError, as pydantic wants it, for what is not a usable entry of another package."""
    try:
        if table.reference(name) is not None:
            table.find(name)
            return
    except AecbenchError as error:
        raise ValueError(str(error)) from None
    raise ValueError(f"unknown {kind} {name!r}: {did_you_mean(name, [*names, *table.offered])}")
