"""Base of all records that come from or go to text: immutable, unknown keys refused."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Frozen"]


class Frozen(BaseModel):
    """An immutable record that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
