"""One scene: its echo path, room, loudspeaker and signals."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from aecbench.corpus import Corpus, Item
from aecbench.dsp.levels import FRAME, active_power, db, talk
from aecbench.errors import AecbenchError
from aecbench.plots.plan import draw_plan
from aecbench.plots.quantities import Value, drawn, quantity, text
from aecbench.plots.scene_data import Decay, Event, decay, events, played_tone
from aecbench.plots.style import ACCENT, GREY, INK, PALE, draw_spectrogram, plain, save, shorten, spectrum
from aecbench.scenes import devices
from aecbench.scenes.recording import Recording
from aecbench.scenes.scene import Room, Scene
from aecbench.signals import STEMS, Array, Talk

__all__ = ["plot_scene", "scene_picture"]

TALK = {  # who talks: name and colour
    Talk.SILENCE: ("silence", "#eef0f2"),
    Talk.FAR: ("far end alone", "#a8b0b8"),
    Talk.NEAR: ("near end alone", INK),
    Talk.DOUBLE: ("double talk", ACCENT),
}
BOTTOM = -65  # lowest level of a decay that is shown [dB]
AFTER = 2.5  # time after which the direct sound is over [ms]
EARLY = (5, 60)  # range around the direct sound in which the response itself is shown [ms]
WIDTH, PATHS, STEM, LINE = 13.5, 3.6, 1.15, 0.2  # [inch] width; heights of the upper part, a spectrogram, a text line
FACTS, LONGEST = 4, 22  # columns of facts, most characters per column


def scene_picture(scene: Scene | Recording) -> str:
    """Return the file name for the figure of a scene."""
    return f"scene-{scene.split}-{scene.index:06d}.png"


def plot_scene(corpus: Corpus, place: int, path: Path) -> None:
    """Draw the scene at position `place` of a corpus.

    The figure shows the echo path with its energy decay, the plan of the room, and the loudspeaker's response to a
    tone; below, who is talking, the changes, and spectrograms of all stems; and all variables of the scene. Raises
    AecbenchError for a recording, whose room and loudspeaker are unknown.
    """
    item = corpus[place]
    if not isinstance(item.scene, Scene) or item.scene.recorded is not None:
        raise AecbenchError(
            f"{item.scene.id} was recorded: its room and loudspeaker are not known, so it has no picture"
        )
    facts = drawn({str(name): value for name, value in corpus.scenes.iloc[place].items()})
    changes = events(item.scene)
    lanes = list(dict.fromkeys(event.what for event in changes))
    heights = [0.4, PATHS, 0.9 + LINE * len(lanes) + STEM * len(STEMS), 0.15 + LINE * -(-len(facts) // FACTS)]
    with plain():
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        head, paths, stems, foot = figure.subfigures(4, 1, height_ratios=heights, squeeze=False).flat
        head.text(0.008, 0.5, item.scene.id, size=15, weight="bold", va="center")
        caption = f"corpus {corpus.id[:12]}, digest {corpus.digest[:12]}"
        head.text(0.992, 0.5, caption, color=GREY, ha="right", va="center")
        _paths(paths, item, item.scene)
        _stems(stems, item, changes, lanes)
        _facts(foot, facts, heights[-1])
        save(figure, path)


def _paths(figure: SubFigure, item: Item, scene: Scene) -> None:
    left, middle, right = figure.subfigures(1, 3, width_ratios=(5, 4.5, 4), squeeze=False).flat
    _echo_path(left, item, scene)
    draw_plan(middle.subplots(), scene.room)
    _loudspeaker(right.subplots(), scene)


def _echo_path(figure: SubFigure, item: Item, scene: Scene) -> None:
    """Draw the first echo path, and the decay of all of them."""
    first, *later = (decay(path, scene.rate) for path in item.rir if path.any())
    wave, curve = figure.subplots(2, 1, height_ratios=(1, 1.7))
    wave.axvline(first.direct, color=ACCENT, lw=1)
    wave.plot(first.time, first.response, color=INK, lw=0.8)
    wave.set(ylabel="response", ylim=(-1.1, 1.1), xlim=(first.direct - EARLY[0], first.direct + EARLY[1]))
    wave.set_title("echo path, early part and decay", loc="left")
    caption = f"direct sound at {first.direct:.1f} ms"
    wave.text(0.99, 0.97, caption, color=ACCENT, ha="right", va="top", transform=wave.transAxes)

    squared = db(np.maximum(first.response**2, 1e-12))
    curve.plot(first.time, squared, color=PALE, lw=0.6, label="squared response", rasterized=True)
    for number, path in enumerate(later):
        curve.plot(path.time, path.energy, color=GREY, lw=0.8, label="" if number else "after changes")
    curve.plot(first.time, first.energy, color=INK, label="energy decay")
    if isinstance(scene.room, Room):
        _slope(curve, first, scene.room.rt60, f"RT60 {scene.room.rt60:.2f} s requested", color=ACCENT, ls="--")
    _slope(curve, first, first.t20, f"T20 {first.t20:.2f} s measured", color=INK, ls=":")
    start, end = first.direct, _end(first)
    curve.set(ylabel="dB", xlabel="ms", ylim=(BOTTOM, 4), xlim=(start - 0.04 * (end - start), end))
    curve.legend(loc="upper right", borderaxespad=0)


def _end(curve: Decay) -> float:
    """Return the time at which the decay reaches BOTTOM, or ends."""
    return float(curve.time[min(int(np.count_nonzero(~(curve.energy <= BOTTOM))), curve.time.size - 1)])


def _slope(axis: Axes, curve: Decay, rt60: float, label: str, **style: Any) -> None:
    """Draw the straight line of a reverberation time, from the end of the direct sound on; nothing if it is NaN."""
    start = curve.direct + AFTER
    level = float(np.interp(start, curve.time, curve.energy))
    if np.isnan(rt60 * level):
        return
    stop = start + (level - BOTTOM) / 60 * 1000 * rt60
    axis.plot([start, stop], [level, BOTTOM], label=label, lw=1.2, **style)


def _loudspeaker(axis: Axes, scene: Scene) -> None:
    model = scene.loudspeaker.model
    tone = played_tone(scene.loudspeaker, scene.rate)
    limit = 1.1 * max(1.0, float(np.abs(tone.played).max()))
    axis.plot([-limit, limit], [-limit, limit], color=GREY, lw=0.8, ls=":")
    axis.plot(_closed(tone.given), _closed(tone.played), color=ACCENT)
    axis.set_title(f"loudspeaker: {model}", loc="left")
    axis.set(xlabel="in, a tone at full scale", ylabel="out", xlim=(-1.1, 1.1), ylim=(-limit, limit))
    parameters = devices.settings(f"device stage {model}", devices.find(model).parameters, scene.loudspeaker.parameters)
    lines = [f"THD {100 * tone.thd:.1f} %", *(f"{name} {text(name, [value])}" for name, value in parameters.items())]
    axis.text(0.03, 0.97, "\n".join(lines), va="top", transform=axis.transAxes)


def _closed(period: Array) -> Array:
    return np.append(period, period[0])


def _stems(figure: SubFigure, item: Item, changes: list[Event], lanes: list[str]) -> None:
    scene, signals, rate = item.scene, item.signals, item.scene.rate
    heights = [LINE, *([LINE * len(lanes)] if lanes else []), *([STEM] * len(STEMS))]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _talk(axes[0], item)
    if lanes:
        _changes(axes[1], changes, lanes)
    spectrograms = axes[-len(STEMS) :]
    loudest = max(float(spectrum(x, rate).max()) for x in signals)
    for axis, name, x in zip(spectrograms, STEMS, signals, strict=True):
        image = draw_spectrogram(axis, x, rate, loudest)
        level = active_power(x, rate)
        axis.set_ylabel(f"{name}\n{db(level):.1f} dBFS".replace("-", "−") if level else f"{name}\nsilent")
        axis.set_yticks([0, rate / 4000], ["0", f"{rate / 4000:g} kHz"])
    spectrograms[-1].set(xlim=(0, scene.duration), xlabel="s")
    figure.colorbar(image, ax=list(spectrograms), label="dB", aspect=40, pad=0.01)


def _talk(axis: Axes, item: Item) -> None:
    labels = talk(item.signals, item.scene.rate)
    axis.imshow(
        labels[None],
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap([color for _, color in TALK.values()]),
        vmin=-0.5,
        vmax=len(TALK) - 0.5,
        extent=(0, labels.size * FRAME, 0, 1),
    )
    axis.set_yticks([0.5], ["talk"])
    axis.tick_params(length=0)
    handles = [Patch(facecolor=color, label=name) for name, color in TALK.values()]
    axis.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles), borderaxespad=0.2)


def _changes(axis: Axes, changes: list[Event], lanes: list[str]) -> None:
    for event in changes:
        lane = lanes.index(event.what)
        axis.plot([event.start, event.stop], [lane, lane], color=ACCENT, lw=4, solid_capstyle="butt")
        axis.plot(event.start, lane, "|", color=ACCENT, ms=10, mew=1.5)
        axis.annotate(event.value, (event.stop, lane), (5, 0), textcoords="offset points", va="center", size=8)
    axis.set_yticks(range(len(lanes)), lanes)
    axis.set_ylim(len(lanes) - 0.4, -0.6)
    axis.tick_params(length=0)


def _facts(figure: SubFigure, facts: dict[str, list[Value]], height: float) -> None:
    """List all variables of the scene, in columns of label and value."""
    rows = -(-len(facts) // FACTS)
    for number, (name, values) in enumerate(facts.items()):
        x, y = number // rows / FACTS, 1 - LINE * (number % rows) / height
        figure.text(x + 0.008, y, shorten(quantity(name).label, LONGEST), color=GREY, va="top")
        figure.text(x + 0.125, y, shorten(text(name, values), LONGEST), va="top")
