"""Speech sources: who talks in a scene. A new source is one file and one line of SPEECH."""

from collections.abc import Callable
from pathlib import Path

from aecbench.errors import UnknownName
from aecbench.scenes.files import shape
from aecbench.scenes.speech.base import SpeechSource, speak
from aecbench.scenes.speech.espeak import open_espeak
from aecbench.scenes.speech.recorded import open_speech_folder, open_speech_manifest

__all__ = ["SPEECH", "SpeechSource", "open_speech", "speak"]

SPEECH: dict[str, Callable[[str], SpeechSource]] = {
    "espeak": open_espeak,
    "folder": open_speech_folder,
    "manifest": open_speech_manifest,
}


def open_speech(source: str) -> SpeechSource:
    """The speech source "espeak", or the one in a folder of audio or a CSV manifest of that path.

    Raises UnknownName, SourceError for files that cannot serve, MissingExtra where espeak is not installed.
    """
    if source == "espeak":
        return SPEECH[source](source)
    path = Path(source)
    if not path.exists() and path.name == source and not path.suffix:
        raise UnknownName("speech source", source, ("espeak", "a folder of audio", "a CSV manifest"))
    return SPEECH[shape(source, "speech")](source)
