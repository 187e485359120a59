"""From a specification to a scene: every random choice is made here, and nowhere else.

Each topic of each scene has a random stream of its own, keyed by the names of corpus, seed, split, scene and topic:
scenes can be drawn in any order and anywhere, and a recipe with another noise keeps its rooms.
"""

import numpy as np

from aecbench.config import sha256
from aecbench.errors import ConfigError
from aecbench.scenes.rooms import absorption_for, place
from aecbench.scenes.scene import Loudspeaker, Measured, Noise, Room, Scene, Speech, TalkKind
from aecbench.scenes.sources import Sources, cached_sources
from aecbench.scenes.spec import CorpusSpec

__all__ = ["draw", "scene_id"]

GOLDEN = (5**0.5 - 1) / 2
TALKERS = 6  # voices of babble
REDRAWS = 100  # rooms, until one is possible


def scene_id(spec: CorpusSpec, split: str, index: int) -> str:
    """The name of a scene: corpus/split/index."""
    return f"{spec.name}/{split}/{index:06d}"


def draw(spec: CorpusSpec, split: str, index: int, sources: Sources | None = None) -> Scene:
    """Scene `index` of a split: a pure function of specification, split, index and what the sources hold.

    Without `sources`, those that the specification names are opened.
    """
    sources = cached_sources(spec) if sources is None else sources

    def rng(topic: str) -> np.random.Generator:
        return np.random.default_rng(int(sha256(f"{spec.name}\n{spec.seed}\n{split}\n{index}\n{topic}"), 16))

    kind = _talk(spec, split, index)
    level, voices = rng("level"), rng("speech")
    speakers = voices.choice(np.array(sources.speech.speakers(split)), 2, replace=False)
    onset = spec.talk.near_onset.number(rng("talk")) if kind == "double" else 0.0

    def talker(speaker: str, start: float) -> Speech:
        utterances = sources.speech.playlist(speaker, spec.duration - start, voices)
        return Speech(speaker=speaker, utterances=utterances, spans=((start, spec.duration),))

    noise = _noise(spec, split, sources, rng("noise"))
    return Scene(
        id=scene_id(spec, split, index),
        split=split,
        index=index,
        talk=kind,
        rate=spec.rate,
        duration=spec.duration,
        far=None if kind == "near_single" else talker(str(speakers[0]), 0.0),
        near=None if kind == "far_single" else talker(str(speakers[1]), onset),
        noise=noise,
        room=_measured(split, sources, rng("room")) if sources.rirs else _room(spec, rng("room")),
        response=spec.room.response,
        loudspeaker=_loudspeaker(spec, rng("loudspeaker")),
        delay=spec.channel.delay.number(rng("channel")),
        ser=None if kind == "near_single" else spec.levels.ser.number(level),
        snr=None if noise is None else spec.noise.snr.number(level),
        far_level=spec.levels.far.number(level),
        near_level=spec.levels.near.number(level),
    )


def _talk(spec: CorpusSpec, split: str, index: int) -> TalkKind:
    """The kind of scene. A golden-ratio sequence keeps the shares in every run of consecutive scenes."""
    shares = {kind: getattr(spec.talk, kind) for kind in ("far_single", "double", "near_single")}
    offset = int(sha256(f"{spec.name}\n{spec.seed}\n{split}")[:8], 16) / 2**32
    position = (offset + index * GOLDEN) % 1 * sum(shares.values())
    for kind in ("far_single", "double"):
        if position < shares[kind]:
            return kind
        position -= shares[kind]
    return "near_single" if shares["near_single"] else "double"


def _noise(spec: CorpusSpec, split: str, sources: Sources, rng: np.random.Generator) -> Noise | None:
    kind = str(spec.noise.kind.draw(rng))
    if kind == "none":
        return None
    if kind == "recorded" and sources.noise is not None:
        file = str(rng.choice(sources.noise.files(split)))
        return Noise(kind=kind, file=file, start=round(float(rng.uniform(0, sources.noise.seconds(file))), 3))
    if kind == "babble":
        speakers = sources.speech.speakers(split)
        crowd = rng.choice(np.array(speakers), min(TALKERS, len(speakers)), replace=False)
        return Noise(
            kind=kind,
            voices=tuple(
                Speech(
                    speaker=str(speaker),
                    utterances=sources.speech.playlist(str(speaker), spec.duration, rng),
                    spans=((0.0, spec.duration),),
                )
                for speaker in crowd
            ),
        )
    return Noise(kind=kind, seed=int(rng.integers(2**32)))


def _room(spec: CorpusSpec, rng: np.random.Generator) -> Room:
    """A room that can have its reverberation time and has a place for everyone; drawn again until it is one."""
    problem = ""
    for redrawn in range(REDRAWS):
        size = (spec.room.length.number(rng), spec.room.width.number(rng), spec.room.height.number(rng))
        rt60, device, talker = (d.number(rng) for d in (spec.room.rt60, spec.room.device, spec.room.talker))
        absorption = absorption_for(rt60, size)
        if absorption is None:
            problem = f"a room of {size[0]:.1f} x {size[1]:.1f} x {size[2]:.1f} m cannot have an RT60 of {rt60:.2f} s"
            continue
        try:
            placement = place(size, device, talker, rng)
        except ConfigError as error:
            problem = str(error)
            continue
        return Room(
            engine=spec.room.engine,
            size=size,
            rt60=rt60,
            absorption=tuple(tuple(bands) for bands in absorption.round(6).tolist()),
            **placement._asdict(),
            redrawn=redrawn,
        )
    raise ConfigError(f"room: none of {REDRAWS} drawn rooms is possible; the last: {problem}")


def _measured(split: str, sources: Sources, rng: np.random.Generator) -> Measured:
    assert sources.rirs is not None
    room = str(rng.choice(sources.rirs.rooms(split)))
    responses = list(sources.rirs.responses(room))
    echo, near = rng.choice(responses, 2, replace=len(responses) < 2)
    return Measured(room=room, echo=str(echo), near=str(near))


def _loudspeaker(spec: CorpusSpec, rng: np.random.Generator) -> Loudspeaker:
    model = str(spec.loudspeaker.model.draw(rng))
    parameters = spec.loudspeaker.parameters.get(model, {})
    return Loudspeaker(model=model, parameters={name: value.number(rng) for name, value in sorted(parameters.items())})
