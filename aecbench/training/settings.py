"""The settings of a training: all that decides what comes out of it, besides model and data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from aecbench.assets import find, names
from aecbench.config import assign, override, parse, read_toml
from aecbench.errors import UnknownName
from aecbench.record import Frozen
from aecbench.scenes.distribution import Distribution, within

__all__ = ["DataSettings", "Settings", "read_settings"]

RECIPES = "recipes/train"  # of the shipped ones

Decibels = Annotated[Distribution, within(-60, 60, "dB")]


class DataSettings(Frozen):
    """How training examples are put together: see `aecbench.corpus.Remix`."""

    ser: Decibels | None = None  # near end against echo; None: as it comes
    snr: Decibels | None = None
    gain: Decibels | None = None  # of the microphone
    pair: bool = True  # near end and noise come from other scenes than the echo


class Settings(Frozen):
    """The settings of a training recipe, in TOML; unknown keys are refused."""

    epochs: int = Field(50, ge=1)
    batch_size: int = Field(8, ge=1)  # of one process
    duration: float = Field(4.0, gt=0)  # [s] of an example
    train_samples: int | None = Field(None, ge=1)  # the first so many scenes of the split train; None: all
    val_samples: int | None = Field(None, ge=1)
    val_scenes: int = Field(8, ge=0)  # of the split val that are cancelled and scored after every epoch
    lr: float = Field(1e-3, gt=0)
    warmup: float = Field(0.02, ge=0, le=0.5)  # share of all steps in which the rate rises to lr
    schedule: Literal["cosine", "plateau"] = "cosine"  # falls to 0; or to half when 3 epochs have brought nothing
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(5.0, gt=0)  # norm of the gradient, at most
    ema: float = Field(0.999, ge=0, lt=1)  # decay per step of the averaged weights, which are those that are kept
    patience: int = Field(0, ge=0)  # epochs without a better one after which training ends; 0: never
    bad_steps: int = Field(20, ge=1)  # steps in a row that are not finite after which training ends
    amp: bool = False  # bfloat16 where torch deems it safe
    seed: int = Field(0, ge=0)
    data: DataSettings = DataSettings()
    network: dict[str, Any] = Field(default_factory=dict)  # fields of the network's Config


def read_settings(
    recipe: str | None = None,
    assignments: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    base: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of `base`, changed by a recipe (shipped name or TOML file), options and assignments, in this order.

    `options` are values by key path (None: not given), `assignments` texts "key.path=value". Raises UnknownName, and
    ConfigError naming the key that is wrong.
    """
    data, where = dict(base or {}), "settings"
    if recipe is not None:
        data, where = data | read_toml(_recipe(recipe)), recipe
    for key, value in (options or {}).items():
        if value is not None:
            assign(data, key, value)
    for assignment in assignments:
        override(data, assignment)
    return parse(Settings, data, where)


def _recipe(recipe: str) -> Path:
    if recipe.endswith(".toml"):
        return Path(recipe)
    if recipe not in names(RECIPES):
        raise UnknownName("training recipe", recipe, names(RECIPES))
    return find(RECIPES, recipe)
