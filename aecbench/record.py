"""Base of all records that are read from or written to text: immutable, and unknown keys are rejected."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Frozen", "added"]


class Frozen(BaseModel):
    """An immutable record that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def added(default: Any) -> Any:
    """Declare a field that was added later: it is left out of the text of a record if it has its default.

    Recipes without the field thus keep their scenes, corpora and digests unchanged.
    """
    return Field(default, exclude_if=lambda value: value == default)
