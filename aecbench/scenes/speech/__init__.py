"""Speech sources: who talks in a scene. A new source is one file and one line of SPEECH."""

from collections.abc import Callable

from aecbench.scenes.files import check_word, shape
from aecbench.scenes.speech.base import SpeechSource, speak
from aecbench.scenes.speech.espeak import open_espeak
from aecbench.scenes.speech.recorded import open_speech_folder, open_speech_manifest, open_speech_pack

__all__ = ["SPEECH", "SpeechSource", "open_speech", "speak"]

SPEECH: dict[str, Callable[[str], SpeechSource]] = {
    "espeak": open_espeak,
    "folder": open_speech_folder,
    "manifest": open_speech_manifest,
    "pack": open_speech_pack,
}


def open_speech(source: str) -> SpeechSource:
    """The speech source "espeak", the data pack of that name, or the folder of audio or the CSV manifest of that path.

    Raises UnknownName, SourceError for files that cannot serve, MissingExtra where espeak is not installed.
    """
    if source == "espeak":
        return SPEECH[source](source)
    check_word(source, "speech", ["espeak"])
    return SPEECH[shape(source, "speech")](source)
