"""Columns of a corpus's table of scenes as figures show them: labels, units and order."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["QUANTITIES", "Quantity", "Value", "drawn", "quantity", "rank", "text"]

Value = float | str


class Quantity(NamedTuple):
    """How figures show the values of a variable."""

    label: str
    unit: str = ""
    scale: float = 1.0  # factor from the unit of the table to this unit
    many: bool = False  # whether there may be as many names as scenes, such as talkers and files

    @property
    def title(self) -> str:
        """Label and unit, as the title of a diagram."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


# in the order in which they are shown; other columns follow under their own names
QUANTITIES = {
    "talk": Quantity("talk"),
    "ser": Quantity("signal-to-echo ratio", "dB"),
    "ser_double": Quantity("SER in double talk", "dB"),
    "snr": Quantity("signal-to-noise ratio", "dB"),
    "far_snr": Quantity("far-end SNR", "dB"),
    "far_level": Quantity("far-end level", "dBFS"),
    "near_level": Quantity("requested near-end level", "dBFS"),
    "near_level_measured": Quantity("measured near-end level", "dBFS"),
    "near.onset": Quantity("near end begins", "s"),
    "channel.delay": Quantity("bulk delay", "ms", 1000),
    "channel.jumps": Quantity("delay jumps"),
    "channel.jumps.value": Quantity("delay after a jump", "ms", 1000),
    "channel.drift": Quantity("clock drift", "ppm"),
    "channel.gaps": Quantity("packet losses"),
    "channel.gaps.value": Quantity("length of a loss", "ms", 1000),
    "channel.volume": Quantity("volume changes"),
    "channel.volume.value": Quantity("volume after a change", "dB"),
    "path.kind": Quantity("echo path"),
    "path.switches": Quantity("switches of the path"),
    "path.fade": Quantity("cross-fade of a switch", "ms", 1000),
    "path.moving": Quantity("movement takes", "s"),
    "path.moved": Quantity("loudspeaker moves by", "m"),
    "room.rt60": Quantity("requested RT60", "s"),
    "t20": Quantity("measured T20", "s"),
    "distance.loudspeaker": Quantity("loudspeaker to mic", "m"),
    "distance.talker": Quantity("talker to mic", "m"),
    "room.length": Quantity("room length", "m"),
    "room.width": Quantity("room width", "m"),
    "room.height": Quantity("room height", "m"),
    "room.redrawn": Quantity("rejected rooms"),
    "room.engine": Quantity("room engine"),
    "room.room": Quantity("measured room"),
    "room.echo": Quantity("measured echo path", many=True),
    "room.near": Quantity("measured near path", many=True),
    "response": Quantity("response kept", "s"),
    "loudspeaker.model": Quantity("loudspeaker"),
    "loudspeaker.compressor.name": Quantity("amplifier"),
    "loudspeaker.response.name": Quantity("frequency response"),
    "loudspeaker.response.parameters.resonance": Quantity("resonance", "Hz"),
    "loudspeaker.response.parameters.q": Quantity("resonance Q"),
    "loudspeaker.response.parameters.edge": Quantity("upper band edge", "Hz"),
    "loudspeaker.rattle.name": Quantity("enclosure"),
    "loudspeaker.measured": Quantity("measured loudspeaker", many=True),
    "agc.name": Quantity("microphone AGC"),
    "agc.parameters.target": Quantity("target of the AGC", "dBFS"),
    "noise.kind": Quantity("noise"),
    "noise.file": Quantity("noise file", many=True),
    "far_noise.kind": Quantity("far-end noise"),
    "far.speaker": Quantity("far-end talker", many=True),
    "near.speaker": Quantity("near-end talker", many=True),
    "duration": Quantity("duration", "s"),
    "rate": Quantity("rate", "kHz", 0.001),
}
ORDER = {name: position for position, name in enumerate(QUANTITIES)}
EVENTS = ("channel.jumps", "channel.gaps", "channel.volume")  # lists of (time, value)
POINTS = ("room.size", "room.microphone", "room.loudspeaker", "room.talker")
LISTS = {*EVENTS, *POINTS, "room.later", "near.spans", "path.times"}
PLACES = {"scene", "shard", "row", "sha256", "split", "index"}
ASIDE = (".seed", ".start", ".voices", ".utterances", ".absorption", "far.spans")


def quantity(name: str) -> Quantity:
    """Return how the column of this name is shown; an unknown one under its own name."""
    return QUANTITIES.get(name, Quantity(name.replace(".parameters", "")))


def rank(name: str) -> tuple[int, str]:
    """Return a sort key that puts names of columns into the order of QUANTITIES, unknown ones last."""
    return ORDER.get(name, len(ORDER)), name


def drawn(row: Mapping[str, Any]) -> dict[str, list[Value]]:
    """Return the values of a scene's variables, from its row in the table, in the order and units of QUANTITIES.

    Lists are converted to the number of changes and a value for each of them, and points to distances. The position in
    the corpus, seeds and texts are left out.

    >>> drawn({"scene": "a/test/0", "ser": -3.0, "snr": float("nan"), "channel.jumps": "[[2.0, 0.1], [5.0, 0.3]]"})
    {'ser': [-3.0], 'channel.jumps': [2.0], 'channel.jumps.value': [100.0, 300.0]}
    """
    facts = {
        name: value
        for name, value in row.items()
        if name not in PLACES and not name.endswith(ASIDE) and value is not None and value == value  # NaN is not
    }
    lists = {name: json.loads(facts.pop(name)) for name in LISTS & facts.keys()}
    values: dict[str, list[Value]] = {name: [value] for name, value in facts.items()}
    values |= _room(lists) | _changes(lists, facts.get("path.kind"), values.pop("path.fade", []))
    if lists.get("near.spans"):
        values["near.onset"] = [lists["near.spans"][0][0]]
    return {
        name: [value if isinstance(value, str) else value * quantity(name).scale for value in values[name]]
        for name in sorted(values, key=rank)
        if values[name]
    }


def text(name: str, values: Sequence[Value]) -> str:
    """Return the values of a column as text.

    >>> text("channel.jumps.value", [100.0, 312.53]), text("rate", [16.0]), text("talk", ["double"])
    ('100, 313 ms', '16 kHz', 'double')
    """
    parts = dict.fromkeys(value if isinstance(value, str) else _number(value) for value in values)
    return f"{', '.join(parts)} {quantity(name).unit}".strip()


def _number(value: float) -> str:
    """Return a number with three significant digits, or all digits before the decimal point."""
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return digits.replace("-", "−")


def _room(lists: Mapping[str, Any]) -> dict[str, list[Value]]:
    if "room.size" not in lists:
        return {}
    sides: dict[str, list[Value]] = {
        f"room.{side}": [value] for side, value in zip(("length", "width", "height"), lists["room.size"], strict=True)
    }
    microphone = lists["room.microphone"]
    return sides | {
        f"distance.{who}": [math.dist(microphone, lists[f"room.{who}"])] for who in ("loudspeaker", "talker")
    }


def _changes(lists: Mapping[str, Any], path: str | None, fade: list[Value]) -> dict[str, list[Value]]:
    """Return the changes within the scene and, if the echo path switches or moves, the facts about that."""
    values: dict[str, list[Value]] = {}
    for name in lists.keys() & set(EVENTS):
        values[name] = [len(lists[name])]
        values[f"{name}.value"] = [value for _, value in lists[name]]
    times = lists.get("path.times")
    if path == "switch" and times:
        values |= {"path.switches": [len(times)], "path.fade": fade}
    if path == "move" and times:
        values["path.moving"] = [times[-1] - times[0]]
        values["path.moved"] = [math.dist(lists["room.loudspeaker"], lists["room.later"][-1])]
    return values
