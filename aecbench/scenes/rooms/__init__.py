"""Rooms: impulse responses of shoeboxes, computed by one of ENGINES, or measured ones; and where things are in them."""

from aecbench.scenes.rooms import images, pyroomacoustics
from aecbench.scenes.rooms.absorption import absorption_for
from aecbench.scenes.rooms.decay import measured_rt60
from aecbench.scenes.rooms.placement import Placement, length, millimetres, place
from aecbench.scenes.rooms.shoebox import Engine

__all__ = ["ENGINES", "Engine", "Placement", "absorption_for", "length", "measured_rt60", "millimetres", "place"]

ENGINES: dict[str, Engine] = {
    "images": images.impulse_responses,
    "pyroomacoustics": pyroomacoustics.impulse_responses,
}
