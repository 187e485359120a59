"""The columns of a corpus's table of scenes, as numbers and names: their labels, units and order."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["COLUMNS", "Column", "Value", "column", "drawn", "rank", "text"]

Value = float | str


class Column(NamedTuple):
    """How a drawn value is shown."""

    label: str
    unit: str = ""
    scale: float = 1.0  # from the table's unit to this one
    many: bool = False  # names of which there can be as many as scenes: talkers, files

    @property
    def title(self) -> str:
        """Label and unit, as over a diagram."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


# in the order in which they are shown; others follow under their own names
COLUMNS = {
    "talk": Column("talk"),
    "ser": Column("signal-to-echo ratio", "dB"),
    "ser_double": Column("SER in double talk", "dB"),
    "snr": Column("signal-to-noise ratio", "dB"),
    "far_snr": Column("far-end SNR", "dB"),
    "far_level": Column("far-end level", "dBFS"),
    "near_level": Column("requested near-end level", "dBFS"),
    "near_level_measured": Column("measured near-end level", "dBFS"),
    "near.onset": Column("near end begins", "s"),
    "channel.delay": Column("bulk delay", "ms", 1000),
    "channel.jumps": Column("delay jumps"),
    "channel.jumps.value": Column("delay after a jump", "ms", 1000),
    "channel.drift": Column("clock drift", "ppm"),
    "channel.gaps": Column("packet losses"),
    "channel.gaps.value": Column("length of a loss", "ms", 1000),
    "channel.volume": Column("volume changes"),
    "channel.volume.value": Column("volume after a change", "dB"),
    "path.kind": Column("echo path"),
    "path.switches": Column("switches of the path"),
    "path.fade": Column("cross-fade of a switch", "ms", 1000),
    "path.moving": Column("movement takes", "s"),
    "path.moved": Column("loudspeaker moves by", "m"),
    "room.rt60": Column("requested RT60", "s"),
    "t20": Column("measured T20", "s"),
    "distance.loudspeaker": Column("loudspeaker to mic", "m"),
    "distance.talker": Column("talker to mic", "m"),
    "room.length": Column("room length", "m"),
    "room.width": Column("room width", "m"),
    "room.height": Column("room height", "m"),
    "room.redrawn": Column("rooms drawn in vain"),
    "room.engine": Column("room engine"),
    "room.room": Column("measured room"),
    "room.echo": Column("measured echo path", many=True),
    "room.near": Column("measured near path", many=True),
    "response": Column("response kept", "s"),
    "loudspeaker.model": Column("loudspeaker"),
    "loudspeaker.compressor.name": Column("amplifier"),
    "loudspeaker.response.name": Column("frequency response"),
    "loudspeaker.response.parameters.resonance": Column("resonance", "Hz"),
    "loudspeaker.response.parameters.q": Column("resonance Q"),
    "loudspeaker.response.parameters.edge": Column("upper band edge", "Hz"),
    "loudspeaker.rattle.name": Column("enclosure"),
    "loudspeaker.measured": Column("measured loudspeaker", many=True),
    "agc.name": Column("microphone AGC"),
    "agc.parameters.target": Column("target of the AGC", "dBFS"),
    "noise.kind": Column("noise"),
    "noise.file": Column("noise file", many=True),
    "far_noise.kind": Column("far-end noise"),
    "far.speaker": Column("far-end talker", many=True),
    "near.speaker": Column("near-end talker", many=True),
    "duration": Column("duration", "s"),
    "rate": Column("rate", "kHz", 0.001),
}
ORDER = {name: place for place, name in enumerate(COLUMNS)}
EVENTS = ("channel.jumps", "channel.gaps", "channel.volume")  # lists of (time, value)
POINTS = ("room.size", "room.microphone", "room.loudspeaker", "room.talker")
LISTS = {*EVENTS, *POINTS, "room.later", "near.spans", "path.times"}
PLACES = {"scene", "shard", "row", "sha256", "split", "index"}
ASIDE = (".seed", ".start", ".voices", ".utterances", ".absorption", "far.spans")


def column(name: str) -> Column:
    """How the column of this name is shown; an unknown one under its own name."""
    return COLUMNS.get(name, Column(name.replace(".parameters", "")))


def rank(name: str) -> tuple[int, str]:
    """Sorts names of columns into the order of COLUMNS, unknown ones last."""
    return ORDER.get(name, len(ORDER)), name


def drawn(row: Mapping[str, Any]) -> dict[str, list[Value]]:
    """Return the values drawn for a scene, from its row in the table of scenes, in the order and units of COLUMNS.

    Lists are split into the number of changes and a value for each; points into distances. The place in the corpus,
    seeds and texts are left out.

    >>> drawn({"scene": "a/test/0", "ser": -3.0, "snr": float("nan"), "channel.jumps": "[[2.0, 0.1], [5.0, 0.3]]"})
    {'ser': [-3.0], 'channel.jumps': [2.0], 'channel.jumps.value': [100.0, 300.0]}
    """
    given = {
        name: value
        for name, value in row.items()
        if name not in PLACES and not name.endswith(ASIDE) and value is not None and value == value  # NaN is not
    }
    lists = {name: json.loads(given.pop(name)) for name in LISTS & given.keys()}
    found: dict[str, list[Value]] = {name: [value] for name, value in given.items()}
    found |= _room(lists) | _changes(lists, given.get("path.kind"), found.pop("path.fade", []))
    if lists.get("near.spans"):
        found["near.onset"] = [lists["near.spans"][0][0]]
    return {
        name: [value if isinstance(value, str) else value * column(name).scale for value in found[name]]
        for name in sorted(found, key=rank)
        if found[name]
    }


def text(name: str, values: Sequence[Value]) -> str:
    """The values of a column in words.

    >>> text("channel.jumps.value", [100.0, 312.53]), text("rate", [16.0]), text("talk", ["double"])
    ('100, 313 ms', '16 kHz', 'double')
    """
    words = dict.fromkeys(value if isinstance(value, str) else _number(value) for value in values)
    return f"{', '.join(words)} {column(name).unit}".strip()


def _number(value: float) -> str:
    """Three digits, or all in front of the point."""
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
    """Return the changes within the scene, and how the echo path switches or moves, if it does."""
    found: dict[str, list[Value]] = {}
    for name in lists.keys() & set(EVENTS):
        found[name] = [len(lists[name])]
        found[f"{name}.value"] = [value for _, value in lists[name]]
    times = lists.get("path.times")
    if path == "switch" and times:
        found |= {"path.switches": [len(times)], "path.fade": fade}
    if path == "move" and times:
        found["path.moving"] = [times[-1] - times[0]]
        found["path.moved"] = [math.dist(lists["room.loudspeaker"], lists["room.later"][-1])]
    return found
