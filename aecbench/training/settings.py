"""The settings of a training: everything that determines its result besides model and data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from aecbench.assets import find, names
from aecbench.config import assign, override, read_toml
from aecbench.errors import UnknownName
from aecbench.record import Frozen, parse
from aecbench.scenes.distribution import Distribution, within

__all__ = ["DataSettings", "Settings", "read_settings"]

RECIPES = "recipes/train"  # folder of the shipped recipes

Decibels = Annotated[Distribution, within(-60, 60, "dB")]


class DataSettings(Frozen):
    """How training examples are composed: see `aecbench.corpus.Remix`."""

    ser: Decibels | None = None  # ratio of near end to echo; None: as in the scenes
    snr: Decibels | None = None
    gain: Decibels | None = None  # gain of the microphone
    pair: bool = True  # whether near end and noise come from other scenes than the echo


class Settings(Frozen):
    """The settings of a training recipe, in TOML; unknown keys are rejected."""

    epochs: int = Field(50, ge=1)
    batch_size: int = Field(8, ge=1)  # examples per process
    duration: float = Field(4.0, gt=0)  # length of an example [s]
    train_samples: int | None = Field(None, ge=1)  # number of scenes of the split train, from its start; None: all
    val_samples: int | None = Field(None, ge=1)
    val_scenes: int = Field(8, ge=0)  # scenes of the split val that are cancelled and scored after every epoch
    lr: float = Field(1e-3, gt=0)
    warmup: float = Field(0.02, ge=0, le=0.5)  # share of all steps in which the learning rate rises to lr
    schedule: Literal["cosine", "plateau"] = "cosine"  # decay to 0; or halved after more than 3 epochs without progress
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(5.0, gt=0)  # largest norm of the gradient
    ema: float = Field(0.999, ge=0, lt=1)  # decay per step of the averaged weights, which are the ones that are saved
    patience: int = Field(0, ge=0)  # epochs without improvement after which training ends; 0: never
    bad_steps: int = Field(20, ge=1)  # consecutive steps with non-finite values after which training fails
    amp: bool = False  # automatic mixed precision with bfloat16
    frozen: tuple[str, ...] = ()  # parts of the network that are not trained, as beginnings of the names of weights
    seed: int = Field(0, ge=0)
    data: DataSettings = DataSettings()
    network: dict[str, Any] = Field(default_factory=dict)  # fields of the network's Config


def read_settings(
    recipe: str | None = None,
    assignments: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    base: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of `base`, modified by a recipe, options and assignments, in this order.

    `recipe` is a shipped name or a TOML file, `options` are values by key path (None: not set), `assignments` are
    strings "key.path=value". Raises UnknownName for an unknown recipe, ConfigError that names the invalid key.
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
