"""One scene: its echo path, its room, its loudspeaker, and what can be heard in it."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from aecbench.corpus import Corpus, Item
from aecbench.dsp.levels import FRAME, active_power, db, talk
from aecbench.plots.columns import column, described, text
from aecbench.plots.plan import draw_plan
from aecbench.plots.scene_data import PERIOD, Decay, Event, decay, events, played_tone
from aecbench.plots.style import ACCENT, GREY, INK, draw_spectrogram, plain, save, spectrum
from aecbench.scenes.scene import Loudspeaker, Room, Scene
from aecbench.signals import STEMS, Talk

__all__ = ["plot_scene", "scene_picture"]

TALK = {  # who talks: name and colour
    Talk.SILENCE: ("silence", "#eef0f2"),
    Talk.FAR: ("far end alone", "#a8b0b8"),
    Talk.NEAR: ("near end alone", INK),
    Talk.DOUBLE: ("double talk", ACCENT),
}
BOTTOM = -65  # dB, down to which a decay is shown
AFTER = 2.5  # ms by which the direct sound is over
HEIGHTS = {"head": 0.4, "paths": 3.5, "stems": 6.4, "facts": 2.0}  # inches
FACTS = 4  # columns of text
LONGEST = 30  # characters of a fact


def scene_picture(scene: Scene) -> str:
    """File name for the picture of a scene."""
    return f"scene-{scene.split}-{scene.index:06d}.png"


def plot_scene(corpus: Corpus, place: int, path: Path) -> None:
    """The scene at a place in a corpus.

    Echo path with energy decay, room plan, what the loudspeaker does to a tone, spectrograms of all stems under who
    talks and what changes, and what else was drawn.
    """
    item = corpus[place]
    with plain():
        figure = Figure(figsize=(13.5, sum(HEIGHTS.values())), layout="constrained")
        head, paths, stems, facts = figure.subfigures(4, 1, height_ratios=list(HEIGHTS.values()))
        head.text(0.008, 0.5, item.scene.id, size=15, weight="bold", va="center")
        _paths(paths, item)
        _stems(stems, item)
        _facts(facts, corpus, place)
        save(figure, path)


def _paths(figure: SubFigure, item: Item) -> None:
    left, middle, right = figure.subfigures(1, 3, width_ratios=(5, 4.5, 4))
    _echo_path(left, item)
    draw_plan(middle.subplots(), item.scene.room)
    _loudspeaker(right.subplots(), item.scene)


def _echo_path(figure: SubFigure, item: Item) -> None:
    """The first echo path; the later ones by their decay only."""
    rate = item.scene.rate
    paths = [decay(path, rate) for path in item.rir if path.any()]
    first = paths[0]
    wave, curve = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.5))
    wave.plot(first.time, first.response, color=INK, lw=0.7)
    wave.set(ylabel="of the peak", ylim=(-1.1, 1.1))
    wave.set_title("echo path, loudspeaker signal to microphone", loc="left")
    wave.text(
        0.99, 0.97, f"direct sound {first.direct:.1f} ms", color=ACCENT, ha="right", va="top", transform=wave.transAxes
    )
    for axis in (wave, curve):
        axis.axvline(first.direct, color=ACCENT, lw=1, zorder=0)
    for later in paths[1:]:
        curve.plot(later.time, later.energy, color=GREY, lw=0.8)
    curve.plot(first.time, first.energy, color=INK, label="energy to come")
    if isinstance(item.scene.room, Room):
        _slope(curve, first, item.scene.room.rt60, "requested RT60", color=ACCENT, ls="--")
    _slope(curve, first, first.t20, "measured T20", color=GREY, ls=":")
    end = float(first.time[np.argmax(first.energy < BOTTOM) or -1])
    before = 0.06 * (end - first.direct)
    curve.set(ylabel="dB", ylim=(BOTTOM, 4), xlim=(max(0, first.direct - before), end), xlabel="ms")
    curve.legend(loc="upper right")


def _slope(axis: Axes, shown: Decay, rt60: float, words: str, **style: Any) -> None:
    """The straight line of a reverberation time, from where the direct sound is over."""
    start = shown.direct + AFTER
    level = float(np.interp(start, shown.time, shown.energy))
    stop = start + (level - BOTTOM) / 60 * 1000 * rt60
    axis.plot([start, stop], [level, BOTTOM], label=f"{words} {rt60:.2f} s", lw=1.2, **style)


def _loudspeaker(axis: Axes, scene: Scene) -> None:
    """In and out of the nonlinearity, and what stands before and after it."""
    tone = played_tone(scene.loudspeaker, scene.rate)
    axis.plot([-1, 1], [-1, 1], color=GREY, lw=0.8, ls=":")
    axis.plot(np.append(tone.given, tone.given[0]), np.append(tone.played, tone.played[0]), color=ACCENT, marker=".")
    axis.set_title(f"loudspeaker: {scene.loudspeaker.model}", loc="left")
    limit = 1.1 * max(1.0, float(np.abs(tone.played).max()))
    axis.set(xlabel="in, of full scale", ylabel="out", xlim=(-1.1, 1.1), ylim=(-limit, limit))
    axis.text(0.03, 0.97, "\n".join(_device(scene.loudspeaker, tone.thd)), va="top", transform=axis.transAxes)
    axis.text(0.97, 0.03, f"a tone of {scene.rate / PERIOD:.0f} Hz", ha="right", color=GREY, transform=axis.transAxes)


def _device(loudspeaker: Loudspeaker, thd: float) -> list[str]:
    parameters = [f"{name} {value:.3g}" for name, value in loudspeaker.parameters.items()]
    return [f"THD {100 * thd:.1f} %", *parameters]


def _stems(figure: SubFigure, item: Item) -> None:
    scene, signals, rate = item.scene, item.signals, item.scene.rate
    changes = events(scene)
    kinds = list(dict.fromkeys(event.what for event in changes))
    heights = [1.0, *([0.9 * len(kinds)] if kinds else []), *([5.0] * len(STEMS))]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _talk(axes[0], item)
    if kinds:
        _events(axes[1], changes, kinds)
    spectrograms = axes[-len(STEMS) :]
    loudest = max(float(spectrum(x, rate).max()) for x in signals)
    for axis, name, x in zip(spectrograms, STEMS, signals, strict=True):
        image = draw_spectrogram(axis, x, rate, loudest)
        level = active_power(x, rate)
        axis.set_ylabel(f"{name}\n{db(level):.1f} dBFS" if level else f"{name}\nsilent")
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


def _events(axis: Axes, changes: list[Event], kinds: list[str]) -> None:
    for event in changes:
        row = kinds.index(event.what)
        axis.plot(
            [event.start, event.stop], [row, row], color=ACCENT, marker="|", ms=9, mew=1.5, lw=4, solid_capstyle="butt"
        )
        axis.annotate(event.value, (event.stop, row), (5, 0), textcoords="offset points", va="center", size=8)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.set_ylim(len(kinds) - 0.4, -0.6)
    axis.tick_params(length=0)


def _facts(figure: SubFigure, corpus: Corpus, place: int) -> None:
    """What was drawn for the scene, in columns of label and value."""
    drawn = described(corpus.scenes.iloc[[place]])
    rows = -(-len(drawn) // FACTS)
    for number, (name, values) in enumerate(drawn.items()):
        x, y = number // rows / FACTS, 0.95 - 0.95 * (number % rows) / rows
        figure.text(0.008 + x, y, column(name).label, color=GREY, va="top")
        figure.text(0.128 + x, y, _cut(text(name, values)), va="top")


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else f"…{words[1 - LONGEST :]}"
