"""What a corpus's table of scenes holds, as numbers and names that can be counted: their labels, units and order."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import pandas as pd
from pandas.api.types import is_numeric_dtype

__all__ = ["COLUMNS", "Column", "Values", "column", "described", "text"]

Values: TypeAlias = "pd.Series[Any]"


class Column(NamedTuple):
    """How a drawn value is shown."""

    label: str
    unit: str = ""
    scale: float = 1.0  # from the table's unit to this one

    @property
    def title(self) -> str:
        """Label and unit, as over a diagram."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


# in the order in which they are shown; others follow under their own names
COLUMNS = {
    "talk": Column("talk"),
    "ser": Column("signal-to-echo ratio", "dB"),
    "snr": Column("signal-to-noise ratio", "dB"),
    "far_snr": Column("SNR of the far end", "dB"),
    "far_level": Column("far-end level", "dBFS"),
    "near_level": Column("near-end level", "dBFS"),
    "near.onset": Column("near end begins", "s"),
    "channel.delay": Column("bulk delay", "ms", 1000),
    "channel.jumps": Column("delay jumps in a scene"),
    "channel.jumps.value": Column("delay after a jump", "ms", 1000),
    "channel.drift": Column("clock drift", "ppm"),
    "channel.gaps": Column("lost packets in a scene"),
    "channel.gaps.value": Column("length of a loss", "ms", 1000),
    "channel.volume": Column("volume changes in a scene"),
    "channel.volume.value": Column("volume after a change", "dB"),
    "path.kind": Column("echo path"),
    "path.switches": Column("switches of the echo path"),
    "path.fade": Column("cross-fade of a switch", "ms", 1000),
    "path.moving": Column("loudspeaker moves for", "s"),
    "path.moved": Column("loudspeaker moves by", "m"),
    "room.rt60": Column("RT60, requested", "s"),
    "t20": Column("T20, measured", "s"),
    "distance.loudspeaker": Column("loudspeaker to microphone", "m"),
    "distance.talker": Column("talker to microphone", "m"),
    "room.length": Column("room length", "m"),
    "room.width": Column("room width", "m"),
    "room.height": Column("room height", "m"),
    "room.redrawn": Column("rooms drawn in vain"),
    "room.engine": Column("room engine"),
    "room.room": Column("measured room"),
    "room.echo": Column("measured echo path"),
    "room.near": Column("measured near path"),
    "response": Column("response kept", "s"),
    "loudspeaker.model": Column("loudspeaker model"),
    "loudspeaker.compressor.name": Column("amplifier"),
    "loudspeaker.response.name": Column("loudspeaker resonance"),
    "loudspeaker.measured": Column("measured loudspeaker"),
    "loudspeaker.rattle.name": Column("enclosure"),
    "agc.name": Column("microphone gain control"),
    "noise.kind": Column("noise"),
    "noise.file": Column("noise file"),
    "far_noise.kind": Column("noise of the far end"),
    "far.speaker": Column("far-end talker"),
    "near.speaker": Column("near-end talker"),
    "duration": Column("duration", "s"),
    "rate": Column("rate", "kHz", 0.001),
}
PLACES = {"scene", "shard", "row", "sha256", "split", "index"}
WITHIN = ("seed", ".start")  # of noise
EVENTS = ("channel.jumps", "channel.gaps", "channel.volume")  # lists of (time, value)
AXES = ("room.length", "room.width", "room.height")


def column(name: str) -> Column:
    """How the column of this name is shown; an unknown one under its own name."""
    return COLUMNS.get(name, Column(name.replace(".parameters", "")))


def described(scenes: pd.DataFrame) -> dict[str, Values]:
    """Everything drawn that can be counted, in the order of COLUMNS, from a table of scenes.

    Each series is indexed by the rows of the table. Rows without a value are left out; a row comes several times where
    its scene holds several values. Places in the corpus, seeds and texts are not among them. Numbers are in the units
    of COLUMNS.
    """
    plain = [name for name in scenes if name not in PLACES and not name.endswith(WITHIN)]
    lists = {name: _lists(scenes[name]) for name in plain if _holds_lists(scenes[name])}
    found = {name: scenes[name].dropna() for name in plain if name not in lists} | _taken_apart(lists)
    if "path.times" in lists:
        found |= _changes(scenes, lists)
    order = [*COLUMNS, *sorted(found)]
    return {
        name: values * column(name).scale if is_numeric_dtype(values) else values.astype(str)
        for name, values in sorted(found.items(), key=lambda item: order.index(item[0]))
        if not values.empty
    }


def text(name: str, values: Values) -> str:
    """The values of one column in words: "0.25, 0.5 s"."""
    numeric = is_numeric_dtype(values)
    words = dict.fromkeys(f"{value:.3g}" if numeric else str(value) for value in values)
    return f"{', '.join(words)} {column(name).unit}".strip()


def _holds_lists(values: Values) -> bool:
    first = next(iter(values.dropna()), None)
    return isinstance(first, str) and first.startswith("[")


def _lists(values: Values) -> Values:
    return values.dropna().map(json.loads).astype(object)


def _taken_apart(lists: Mapping[str, Values]) -> dict[str, Values]:
    """What the lists of the table say in numbers."""
    found = {}
    if "room.size" in lists:
        found |= {name: lists["room.size"].str[axis].astype(float) for axis, name in enumerate(AXES)}
        microphone = lists["room.microphone"]
        for name in ("loudspeaker", "talker"):
            pairs = zip(microphone, lists[f"room.{name}"].loc[microphone.index], strict=True)
            found[f"distance.{name}"] = pd.Series([math.dist(*pair) for pair in pairs], microphone.index)
    if "near.spans" in lists:
        found["near.onset"] = lists["near.spans"].str[0].str[0].astype(float)
    for name in EVENTS:
        if name in lists:
            found[name] = lists[name].str.len()
            found[f"{name}.value"] = lists[name].explode().dropna().str[1].astype(float)
    return found


def _changes(scenes: pd.DataFrame, lists: Mapping[str, Values]) -> dict[str, Values]:
    """How the echo path changes, where it does."""
    times = lists["path.times"]
    switch, move = (times[scenes["path.kind"] == kind] for kind in ("switch", "move"))
    found = {
        "path.switches": switch.str.len(),
        "path.fade": scenes["path.fade"][switch.index],
        "path.moving": move.str[-1].astype(float) - move.str[0].astype(float),
    }
    if "room.loudspeaker" in lists:
        ends = zip(lists["room.loudspeaker"][move.index], lists["room.later"][move.index].str[-1], strict=True)
        found["path.moved"] = pd.Series([math.dist(*pair) for pair in ends], move.index, float)
    return found
