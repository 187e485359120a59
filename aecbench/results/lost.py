"""Near ends that are lost: the mark of systems that take away what they are to let through."""

from typing import NamedTuple

__all__ = ["LOST_RULE", "Lost", "LostRule"]


class LostRule(NamedTuple):
    """When a system is marked: in more than a `share` of the scenes, more than `loss` dB of the near end are gone."""

    loss: float = 10.0
    share: float = 0.1


LOST_RULE = LostRule()


class Lost(NamedTuple):
    """In how many scenes too much of the near end is gone, of those in which it talks."""

    lost: int
    scenes: int

    @property
    def share(self) -> float:
        """NaN where it talks in none."""
        return self.lost / self.scenes if self.scenes else float("nan")
