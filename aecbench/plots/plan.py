"""A room from above and from the side, to scale."""

import math

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from aecbench.plots.style import ACCENT, GREY, INK, shorten
from aecbench.scenes.scene import Measured, Room

__all__ = ["draw_plan"]

GAP = 0.12  # distance between the two views, relative to the longest side of the room
LONGEST = 55  # most characters of a file name


def draw_plan(axis: Axes, room: Room | Measured) -> None:
    """Draw plan and side view of a simulated room with its objects, or list the files of a measured room."""
    axis.set_axis_off()
    if isinstance(room, Measured):
        files = ["echo path", room.echo, *room.later, "", "near end", room.near]
        axis.set_title(f"measured room: {room.room}", loc="left")
        axis.text(0, 0.95, "\n".join(shorten(name, LONGEST) for name in files), va="top", linespacing=1.5)
        return
    length, width, height = room.size
    floor = -GAP * max(room.size) - height  # vertical position of the floor in the side view
    _walls(axis, 0, length, width)
    _walls(axis, floor, length, height)
    axis.annotate(f"{length:.2f} m", (length / 2, width), (0, 3), textcoords="offset points", ha="center", va="bottom")
    points = np.array([room.microphone, room.talker, room.loudspeaker, *room.later])
    entries: list[Artist] = []
    for x, y in ((points[:, 0], points[:, 1]), (points[:, 0], points[:, 2] + floor)):
        axis.plot(x[[1, 0, 2]], y[[1, 0, 2]], color=GREY, lw=0.8)
        later = axis.plot(x[2:], y[2:], color=ACCENT, lw=0.8, marker="s", ms=2.5, label="loudspeaker, later")
        entries = [
            *axis.plot(x[2], y[2], "s", color=ACCENT, ms=7, label=f"loudspeaker, {_distance(room.loudspeaker, room)}"),
            *(later if room.later else []),
            *axis.plot(x[1], y[1], "^", color=INK, ms=7, label=f"talker, {_distance(room.talker, room)}"),
            *axis.plot(x[0], y[0], "o", color="white", mec=INK, ms=6, mew=1.3, label="microphone"),
        ]
    axis.legend(handles=entries, loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
    axis.set_aspect("equal")
    axis.set_title("room from above and from the side", loc="left", pad=14)


def _walls(axis: Axes, bottom: float, across: float, up: float) -> None:
    axis.add_patch(Rectangle((0, bottom), across, up, fill=False, edgecolor=GREY))
    position = (0, bottom + up / 2)
    axis.annotate(
        f"{up:.2f} m", position, (-3, 0), textcoords="offset points", ha="right", va="center", rotation="vertical"
    )


def _distance(point: tuple[float, float, float], room: Room) -> str:
    return f"{math.dist(point, room.microphone):.2f} m"
