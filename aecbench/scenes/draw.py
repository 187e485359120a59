"""From a specification to a scene: every random choice is made here, and nowhere else.

Each topic of each scene has a random stream of its own, keyed by the names of corpus, seed, split, scene and topic:
scenes can be drawn in any order and anywhere, and a recipe with another noise keeps its rooms.
"""

import math
from collections.abc import Mapping

import numpy as np

from aecbench.config import sha256
from aecbench.dsp.random import normal, uniform
from aecbench.errors import ConfigError, SourceError
from aecbench.scenes.capture import CAPTURE
from aecbench.scenes.distribution import Distribution
from aecbench.scenes.recorded_echo import draw_echo
from aecbench.scenes.rooms import ENGINES, absorption_for, length, measured_rt60, millimetres, place
from aecbench.scenes.scene import (
    Channel,
    Loudspeaker,
    Measured,
    Noise,
    Path,
    Point,
    Room,
    Scene,
    Speech,
    Stage,
    TalkKind,
)
from aecbench.scenes.sources import Sources, cached_sources
from aecbench.scenes.spec import CorpusSpec, StageSpec
from aecbench.scenes.speech import SpeechSource

__all__ = ["draw", "scene_id"]

GOLDEN = (math.sqrt(5) - 1) / 2
TALKERS = 6  # voices of babble
REDRAWS = 100  # rooms, until one is possible
EDGE, APART = 0.1, 0.25  # nothing changes in the first and last tenth of a scene; changes are 0.25 s apart
RECORDED = "recorded"  # what is in the place of a model where the echo is a recording

Spans = tuple[tuple[float, float], ...]


def scene_id(spec: CorpusSpec, split: str, index: int) -> str:
    """The name of a scene: corpus/split/index."""
    return f"{spec.name}/{split}/{index:06d}"


def draw(spec: CorpusSpec, split: str, index: int, sources: Sources | None = None) -> Scene:
    """Scene `index` of a split: a pure function of specification, split, index and what the sources hold.

    Without `sources`, those that the specification names are opened. Raises ConfigError where no drawn room is
    possible.
    """
    sources = cached_sources(spec) if sources is None else sources

    def rng(topic: str, number: int = index) -> np.random.Generator:
        return np.random.default_rng(int(sha256(f"{spec.name}\n{spec.seed}\n{split}\n{number}\n{topic}"), 16))

    kind = _kind(spec, split, index)
    far_spans, near_spans = _spans(spec, kind, rng("talk"))
    voices, starts, level = rng("speech"), rng("speech start"), rng("level")
    far_source, far_speaker, near_speaker = _talkers(sources, split, voices)
    far = _speech(far_source, far_speaker, far_spans, voices, starts)
    recorded = None
    if sources.echoes is not None and far is not None:
        far = None
        recorded = draw_echo(sources.echoes, split, spec.duration, spec.echo.least, rng("recorded echo"))
    near = _speech(sources.speech, near_speaker, near_spans, voices, starts)
    kinds = str(spec.noise.kind.draw(rng("noise"))), str(spec.far_noise.kind.draw(rng("far noise")))
    noise = _noise(spec, split, kinds[0], sources, rng("noise source"), rng("noise start"))
    far_noise = _noise(spec, split, kinds[1], sources, rng("far noise source"), rng("far noise start"))
    floor = _noise(
        spec, split, str(spec.floor.kind.draw(rng("floor"))), sources, rng("floor source"), rng("floor start")
    )
    bank = None if spec.room.rooms is None else int(rng("bank").integers(spec.room.rooms))
    room_number = index if bank is None else bank
    path = _path(spec, rng("path"))
    return Scene(
        id=scene_id(spec, split, index),
        split=split,
        index=index,
        talk=kind,
        rate=spec.rate,
        duration=spec.duration,
        far=far,
        near=near,
        noise=noise,
        far_noise=None if far is None else far_noise,
        room=_measured(path, split, sources, rng("room", room_number), rng("later"))
        if sources.rirs
        else _room(spec, path, bank, rng("room", room_number), rng("later")),
        response=spec.room.response,
        path=path,
        loudspeaker=_loudspeaker(spec, split, sources, rng("loudspeaker"), rng("tone"))
        if recorded is None
        else Loudspeaker(model=RECORDED),
        channel=_channel(spec, rng("channel")),
        agc=_stage("agc", spec.agc, rng("agc")),
        ser=None if far is None and recorded is None else spec.levels.ser.number(level),
        snr=None if noise is None else spec.noise.snr.number(level),
        far_snr=None if far_noise is None or far is None else spec.far_noise.snr.number(level),
        far_level=spec.levels.far.number(level),
        near_level=spec.levels.near.number(level),
        floor=floor,
        floor_snr=None if floor is None else spec.floor.snr.number(rng("floor level")),
        capture=_capture(spec, rng("capture")),
        recorded=recorded,
    )


def _kind(spec: CorpusSpec, split: str, index: int) -> TalkKind:
    """The kind of scene. A golden-ratio sequence keeps the shares in every run of consecutive scenes."""
    kinds = {kind: share for kind, share in spec.talk.shares.items() if share}
    ends = np.cumsum(list(kinds.values()))
    offset = int(sha256(f"{spec.name}\n{spec.seed}\n{split}")[:8], 16) / 2**32
    position = (offset + index * GOLDEN) % 1 * ends[-1]
    return list(kinds)[min(int(np.searchsorted(ends, position, side="right")), len(kinds) - 1)]


def _spans(spec: CorpusSpec, kind: TalkKind, rng: np.random.Generator) -> tuple[Spans, Spans]:
    """When the far end talks, and when the near end does."""
    end = spec.duration
    onset, overlap = spec.talk.near_onset.number(rng), spec.talk.overlap.number(rng)
    if kind == "far_single":
        return ((0.0, end),), ()
    if kind == "near_single":
        return (), ((0.0, end),)
    if kind == "double":
        return ((0.0, end),), ((onset, end),)
    if kind == "barge_in":
        return ((0.0, min(round(onset + overlap, 6), end)),), ((onset, end),)
    turns: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    start, number = 0.0, 0
    while start < end:
        stop = min(round(start + spec.talk.turn.number(rng), 6), end)
        turns[number % 2].append((start, stop))
        start, number = round(stop + spec.talk.pause.number(rng), 6), number + 1
    return tuple(turns[0]), tuple(turns[1])


def _talkers(sources: Sources, split: str, rng: np.random.Generator) -> tuple[SpeechSource, str, str]:
    """Choose the speakers of far and near end, and say where the far one is from."""
    near = np.array(sources.speech.speakers(split))
    if sources.far is None:
        two = rng.choice(near, 2, replace=False)
        return sources.speech, str(two[0]), str(two[1])
    return sources.far, str(rng.choice(np.array(sources.far.speakers(split)))), str(rng.choice(near))


def _speech(
    source: SpeechSource, speaker: str, spans: Spans, rng: np.random.Generator, starts: np.random.Generator
) -> Speech | None:
    if not spans:
        return None
    seconds = math.fsum(stop - start for start, stop in spans)
    utterances = source.playlist(speaker, seconds, rng)
    start = source.start(speaker, utterances[0], starts)
    return Speech(speaker=speaker, utterances=utterances, spans=spans, start=start)


def _noise(
    spec: CorpusSpec, split: str, kind: str, sources: Sources, rng: np.random.Generator, starts: np.random.Generator
) -> Noise | None:
    if kind == "none":
        return None
    if kind == "recorded" and sources.noise is not None:
        file = str(rng.choice(sources.noise.files(split)))
        return Noise(kind=kind, file=file, start=round(float(uniform(rng, 0, sources.noise.seconds(file))), 3))
    if kind == "babble":
        speakers = sources.speech.speakers(split)
        crowd = rng.choice(np.array(speakers), min(TALKERS, len(speakers)), replace=False)
        everyone = (_speech(sources.speech, str(speaker), ((0.0, spec.duration),), rng, starts) for speaker in crowd)
        return Noise(kind=kind, voices=tuple(voice for voice in everyone if voice))
    return Noise(kind=kind, seed=int(rng.integers(2**32)))


def _room(spec: CorpusSpec, path: Path, bank: int | None, rng: np.random.Generator, later: np.random.Generator) -> Room:
    """A room that can have its reverberation time and has a place for everyone; drawn again until it is one."""
    rt60, problem = spec.room.rt60.number(rng), ""
    humidity = None if spec.room.humidity is None else spec.room.humidity.number(rng)
    octaves = rt60 if spec.room.octaves is None else rt60 * np.array(spec.room.octaves)
    for redrawn in range(REDRAWS):
        size = (spec.room.length.number(rng), spec.room.width.number(rng), spec.room.height.number(rng))
        device, talker = spec.room.device.number(rng), spec.room.talker.number(rng)
        walls = tuple(spec.room.walls.number(rng) for _ in range(6))
        absorption = absorption_for(octaves, size, walls=walls, humidity=humidity)
        if absorption is None:
            problem = f"{size[0]:.1f} x {size[1]:.1f} x {size[2]:.1f} m cannot have an RT60 of {rt60:.2f} s"
            continue
        try:
            placement = place(size, device, talker, rng)
        except ConfigError as error:
            problem = str(error)
            continue
        room = Room(
            engine=spec.room.engine,
            size=size,
            rt60=rt60,
            absorption=tuple(tuple(bands) for bands in absorption.round(6).tolist()),
            humidity=humidity,
            **placement._asdict(),
            later=_later(spec, path, size, placement.loudspeaker, placement.microphone, later),
            redrawn=redrawn,
            bank=bank,
        )
        if spec.room.tolerance is None:
            return room
        t20 = _t20(spec, room)
        if not abs(t20 - rt60) > spec.room.tolerance * rt60:  # nor where it cannot be measured
            return room
        problem = f"{size[0]:.1f} x {size[1]:.1f} x {size[2]:.1f} m has a T20 of {t20:.2f} s, not {rt60:.2f} s"
    raise ConfigError(f"room: none of {REDRAWS} drawn rooms is possible; the last: {problem}")


def _t20(spec: CorpusSpec, room: Room) -> float:
    """Measure the reverberation time [s] between loudspeaker and microphone."""
    points, length = ([room.loudspeaker], [room.microphone]), round(spec.rate * spec.room.response)
    response = ENGINES[room.engine](
        room.size, *points, room.absorption, rate=spec.rate, length=length, humidity=room.humidity
    )
    return measured_rt60(response[0, 0], spec.rate)


def _later(
    spec: CorpusSpec, path: Path, size: Point, loudspeaker: Point, microphone: Point, rng: np.random.Generator
) -> tuple[Point, ...]:
    """Where the loudspeaker is after each change of the path: anywhere as near to the microphone, or along a line."""
    if path.kind == "static":
        return ()
    low, high = np.full(3, 0.1), np.array(size) - 0.1
    distance = length(np.subtract(loudspeaker, microphone))

    def inside(centre: Point, radius: float) -> Point:
        for _ in range(REDRAWS):
            direction = normal(rng, 3)
            point = np.array(centre) + radius * direction / length(direction)
            if ((low <= point) & (point <= high)).all() and length(point - microphone) > 0.5 * distance:
                return millimetres(point)
        return millimetres(np.clip(point, low, high))

    if path.kind == "switch":
        return tuple(inside(microphone, distance) for _ in path.times)
    goal = inside(loudspeaker, spec.path.distance.number(rng))
    shares = np.linspace(0, 1, len(path.times))[1:, None]
    return tuple(millimetres(point) for point in loudspeaker + shares * np.subtract(goal, loudspeaker))


def _measured(
    path: Path, split: str, sources: Sources, rng: np.random.Generator, later: np.random.Generator
) -> Measured:
    if sources.rirs is None:
        raise SourceError("measured rooms need responses; give their folder or CSV with --rir")
    if path.kind == "move":
        raise ConfigError("path.move: measured responses do not move; use path.switch, or simulated rooms")
    room = str(rng.choice(sources.rirs.rooms(split)))
    responses = list(sources.rirs.responses(room))
    echo, near = rng.choice(responses, 2, replace=len(responses) < 2)
    return Measured(
        room=room, echo=str(echo), near=str(near), later=tuple(str(later.choice(responses)) for _ in path.times)
    )


def _path(spec: CorpusSpec, rng: np.random.Generator) -> Path:
    position = rng.random()
    if position < spec.path.switch:
        times = _times(spec, int(spec.path.switches.number(rng)), rng)
        return Path(kind="switch", times=times, fade=spec.path.fade.number(rng))
    if position < spec.path.switch + spec.path.move:
        start, stop = _times(spec, 2, rng)
        points = 2 + int(spec.path.distance.high / spec.path.step)
        return Path(kind="move", times=tuple(np.linspace(start, stop, points).round(4).tolist()))
    return Path()


def _times(spec: CorpusSpec, count: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Times of changes within a scene, ascending and apart."""
    first, last = EDGE * spec.duration, (1 - EDGE) * spec.duration - max(0, count - 1) * APART
    times = np.sort(uniform(rng, first, max(first, last), count)) + APART * np.arange(count)
    return tuple(times.round(3).tolist())


def _loudspeaker(
    spec: CorpusSpec, split: str, sources: Sources, rng: np.random.Generator, tone: np.random.Generator
) -> Loudspeaker:
    model = str(spec.loudspeaker.model.draw(rng))
    parameters = _parameters(spec.loudspeaker.parameters.get(model, {}), rng)
    stages = {name: _stage(name, getattr(spec.loudspeaker, name), rng) for name in ("compressor", "response", "rattle")}
    measured = None
    if rng.random() < spec.loudspeaker.measured and sources.loudspeakers is not None:
        measured = str(rng.choice(sources.loudspeakers.split(split)))
    stages["tone"] = _stage("tone", spec.loudspeaker.tone, tone)
    return Loudspeaker(model=model, parameters=parameters, measured=measured, **stages)


def _capture(spec: CorpusSpec, rng: np.random.Generator) -> tuple[Stage, ...]:
    stages = [_stage(name, getattr(spec.capture, name), rng) for name in CAPTURE]
    return tuple(stage for stage in stages if stage is not None)


def _stage(name: str, stage: StageSpec, rng: np.random.Generator) -> Stage | None:
    parameters = _parameters(stage.parameters, rng)
    return Stage(name=name, parameters=parameters) if rng.random() < stage.share else None


def _parameters(parameters: Mapping[str, Distribution], rng: np.random.Generator) -> dict[str, float]:
    return {name: value.number(rng) for name, value in sorted(parameters.items())}


def _channel(spec: CorpusSpec, rng: np.random.Generator) -> Channel:
    channel = spec.channel
    drift = channel.drift.number(rng)
    lead = max(0.0, spec.duration * drift * 1e-6)  # what runs ahead must have been held back before
    delay = _whole_samples(max(channel.delay.number(rng), lead), spec.rate)
    jumps: list[tuple[float, float]] = []
    for time in _times(spec, int(channel.jumps.number(rng)), rng):
        before = jumps[-1][1] if jumps else delay
        jumps.append((time, _whole_samples(float(np.clip(before + channel.jump.number(rng), lead, 1)), spec.rate)))
    return Channel(
        delay=delay,
        jumps=tuple(jumps),
        drift=drift,
        gaps=tuple((time, channel.gap.number(rng)) for time in _times(spec, int(channel.gaps.number(rng)), rng)),
        volume=tuple((t, channel.volume.number(rng)) for t in _times(spec, int(channel.volumes.number(rng)), rng)),
    )


def _whole_samples(seconds: float, rate: int) -> float:
    return round(math.ceil(seconds * rate - 1e-6) / rate, 9)
