"""Where a corpus takes its sound from: talkers, noise recordings, measured rooms."""

from dataclasses import dataclass

from aecbench.config import canonical_json, sha256
from aecbench.errors import SourceError
from aecbench.scenes.files import Collection, open_collection
from aecbench.scenes.noise import NoiseSource, open_noise
from aecbench.scenes.recorded_echo import EchoSource, open_echoes
from aecbench.scenes.rooms.measured import RirSource, open_rirs
from aecbench.scenes.spec import CorpusSpec
from aecbench.scenes.speech import SpeechSource, open_speech

__all__ = ["Sources", "cached_sources", "open_sources"]


@dataclass(frozen=True)
class Sources:
    """The sources of a corpus. Those that a recipe does not use are None."""

    speech: SpeechSource
    noise: NoiseSource | None
    rirs: RirSource | None
    loudspeakers: Collection | None  # impulse responses, each a group of its own
    echoes: EchoSource | None = None
    far: SpeechSource | None = None  # of the far end; None: `speech` serves both ends

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what the sources deliver."""
        used = {name: source and source.fingerprint for name, source in vars(self).items()}
        for name in ("echoes", "far"):
            if used[name] is None:
                del used[name]  # corpora without them keep the id that they have
        return sha256(canonical_json(used))


def open_sources(spec: CorpusSpec) -> Sources:
    """The sources a specification names. Raises SourceError or AudioError where one cannot be used."""
    sources = Sources(
        speech=open_speech(spec.speech.source),
        noise=None if spec.noise.source is None else open_noise(spec.noise.source),
        rirs=None if spec.room.source == "simulated" else open_rirs(spec.room.source),
        loudspeakers=None if spec.loudspeaker.source is None else _open_loudspeakers(spec.loudspeaker.source),
        echoes=None if spec.echo.source is None else open_echoes(spec.echo.source),
        far=None if spec.far_speech.source is None else open_speech(spec.far_speech.source),
    )
    for split, count in spec.splits.model_dump().items():
        if count:
            _check_speakers(spec, sources, split)
    return sources


def _check_speakers(spec: CorpusSpec, sources: Sources, split: str) -> None:
    """Raise SourceError where a split lacks speakers for the two ends of a scene."""
    count = len(sources.speech.speakers(split))
    if sources.far is not None:
        sources.far.speakers(split)
    elif count < 2:
        raise SourceError(
            f"{spec.speech.source}: has {count} speaker in split {split!r}, and the two ends of a scene need 2; give a "
            f"source with 6 speakers or more for all three splits, or another one for the far end as far_speech.source"
        )


def _open_loudspeakers(source: str) -> Collection:
    return open_collection(source, "loudspeaker_ir", "loudspeaker", lambda paths: [str(path) for path in paths])


def cached_sources(spec: CorpusSpec, text: str = "", *, reopen: bool = False) -> Sources:
    """Return the sources of a specification, opened once per process; the last one's are kept.

    `text` is the specification as JSON, which takes a moment to compute for every scene where it is not given. With
    `reopen` they are opened again, because files may have changed.
    """
    key = text or spec.model_dump_json()
    if reopen or key not in _opened:
        sources = open_sources(spec)
        _opened.clear()
        _opened[key] = sources
    return _opened[key]


_opened: dict[str, Sources] = {}
