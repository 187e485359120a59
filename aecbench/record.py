"""Base of all records that come from or go to text: immutable, unknown keys refused."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Frozen", "added"]


class Frozen(BaseModel):
    """An immutable record that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def added(default: Any) -> Any:
    """Declare a field that came later: where it has its default, the text of a record does not mention it.

    Recipes without the field keep their scenes, corpora and digests to the byte.
    """
    return Field(default, exclude_if=lambda value: value == default)
