"""Speech sources: who talks in a scene. A new source is one file and one line of SPEECH.

Other packages add theirs as entry points `aecbench.speech`: functions that take the name and open the source.
"""

import functools
from collections.abc import Callable
from pathlib import Path

from aecbench.assets import names
from aecbench.plugins import Table
from aecbench.scenes.files import check_word, shape
from aecbench.scenes.speech.base import SpeechSource, speak
from aecbench.scenes.speech.espeak import open_espeak
from aecbench.scenes.speech.outside import Outside
from aecbench.scenes.speech.recorded import open_speech_folder, open_speech_manifest, open_speech_pack

__all__ = ["SPEECH", "TABLE", "SpeechSource", "from_outside", "open_speech", "speak"]

SPEECH: dict[str, Callable[[str], SpeechSource]] = {
    "espeak": open_espeak,
    "folder": open_speech_folder,
    "manifest": open_speech_manifest,
    "pack": open_speech_pack,
}
TABLE = Table("speech source", "aecbench.speech", SPEECH)


def from_outside(source: str) -> bool:
    """Whether a source belongs to another package. Shipped names, packs and paths that exist come first."""
    return source not in names("packs") and not Path(source).exists() and TABLE.reference(source) is not None


def open_speech(source: str) -> SpeechSource:
    """The speech source "espeak", the data pack of that name, or the folder of audio or the CSV manifest of that path.

    Or the one that an installed package offers under that name, or "package.module:NAME". Raises UnknownName,
    SourceError for files that cannot serve, MissingExtra where espeak is not installed, ConfigError or AecbenchError
    for a source of another package that cannot be used.
    """
    if source == "espeak":
        return SPEECH[source](source)
    if from_outside(source):
        return _opened(source)
    if not (source in names("packs") or Path(source).exists()):
        check_word(source, "speech", ["espeak", *TABLE.offered])
    return SPEECH[shape(source, "speech")](source)


def _opened(source: str) -> SpeechSource:
    """The source of another package."""
    with TABLE.blamed(source):
        opened = TABLE.find(source)(source)
        if not isinstance(opened, SpeechSource):
            raise TypeError(f"gives a {type(opened).__name__}, expected a SpeechSource")
    return Outside(opened, functools.partial(TABLE.blamed, source))
