"""A room from above and from the side, to scale."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from aecbench.plots.style import ACCENT, GREY, INK
from aecbench.scenes.scene import Measured, Room

__all__ = ["draw_plan"]

GAP = 0.12  # between the two views, as a share of the larger side


def draw_plan(axis: Axes, room: Room | Measured) -> None:
    """Plan and elevation of a simulated room with all that is in it; of a measured one, what was measured."""
    axis.set_axis_off()
    if isinstance(room, Measured):
        later = "".join(f"\nthen {name}" for name in room.later)
        axis.set_title("measured room", loc="left")
        axis.text(
            0, 0.95, f"{room.room}\n\necho path\n{room.echo}{later}\n\nnear end\n{room.near}", va="top", wrap=True
        )
        return
    length, width, height = room.size
    floor = -GAP * max(room.size) - height  # where the view from the side stands
    for corner, side in (((0.0, 0.0), width), ((0.0, floor), height)):
        axis.add_patch(Rectangle(corner, length, side, fill=False, edgecolor=GREY))
    points = np.array([room.microphone, room.talker, room.loudspeaker, *room.later])
    for across, up in ((points[:, 0], points[:, 1]), (points[:, 0], points[:, 2] + floor)):
        axis.plot(across[[1, 0, 2]], up[[1, 0, 2]], color=GREY, lw=0.8, zorder=1)
        axis.plot(across[2:], up[2:], color=ACCENT, lw=0.8, marker="s", ms=2.5, zorder=2)
        axis.plot(across[2], up[2], "s", color=ACCENT, ms=7, label=f"loudspeaker, {_metres(room.loudspeaker, room)}")
        axis.plot(across[1], up[1], "^", color=INK, ms=7, label=f"talker, {_metres(room.talker, room)}")
        axis.plot(across[0], up[0], "o", color="white", mec=INK, ms=6, mew=1.3, label="microphone")
    for x, y, words, turned in (
        (length / 2, width, f"{length:.2f} m", 0),
        (0, width / 2, f"{width:.2f} m", 90),
        (0, floor + height / 2, f"{height:.2f} m", 90),
    ):
        place = {"ha": "right", "va": "center"} if turned else {"ha": "center", "va": "bottom"}
        axis.annotate(
            words, (x, y), (-3, 0) if turned else (0, 3), textcoords="offset points", rotation=turned, **place
        )
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[:3], labels[:3], loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
    axis.set_aspect("equal")
    axis.set_title("room from above and from the side", loc="left")


def _metres(point: tuple[float, float, float], room: Room) -> str:
    return f"{math.dist(point, room.microphone):.2f} m"
