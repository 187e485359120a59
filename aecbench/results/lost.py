"""Systems that are not ranked like others: the oracle, and those that remove too much of the near end."""

from typing import NamedTuple

__all__ = ["CEILING", "LOST", "LOST_RULE", "MARK", "Lost", "LostRule"]

CEILING = "oracle"  # the system that receives the true echo and is therefore not ranked
MARK = "†"  # follows the name of a system that removes too much of the near end in too many scenes
LOST = "NE lost"  # heading of the share of these scenes


class LostRule(NamedTuple):
    """A system is marked if the near end is attenuated by more than `loss` dB in more than a `share` of the scenes."""

    loss: float = 10.0
    share: float = 0.1


LOST_RULE = LostRule()


class Lost(NamedTuple):
    """The number of scenes in which too much of the near end is removed, and of those in which it talks."""

    lost: int
    scenes: int

    @property
    def share(self) -> float:
        """The share of scenes; NaN if the near end talks in none."""
        return self.lost / self.scenes if self.scenes else float("nan")
