"""Systems that do not compete on equal terms: the oracle, and those that remove too much of the near end."""

from typing import NamedTuple

__all__ = ["CEILING", "LOST", "LOST_RULE", "MARK", "Lost", "LostRule"]

CEILING = "oracle"  # the system that is given the true echo: no other can be ranked against it
MARK = "†"  # behind the name of a system that removes too much of the near end in too many scenes
LOST = "NE lost"  # heading of the share of scenes in which it does


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
        """The share of scenes; NaN where the near end talks in none."""
        return self.lost / self.scenes if self.scenes else float("nan")
