"""Third-party packages and libraries that cancellers require; this module does not import them, nor NumPy."""

import ctypes
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from aecbench.errors import MissingExtra, NotInstalled

__all__ = ["LIVEKIT", "NEEDS", "PYWEBRTC", "SPEEXDSP", "Library", "Need", "Wheel"]


class Need(Protocol):
    """A package or library that has to be installed."""

    @property
    def title(self) -> str:
        """Name for messages, followed by the package or library in brackets."""

    def check(self) -> None:
        """Raise NotInstalled unless it is installed."""

    def load(self) -> Any:
        """Return the loaded package or library. Raises NotInstalled."""


class Wheel(NamedTuple):
    """A Python package."""

    module: str
    title: str
    extra: str  # extra of aecbench that installs it

    def check(self) -> None:
        """Raise MissingExtra unless the module exists; does not import it."""
        try:
            spec = find_spec(self.module)
        except ImportError:  # the parent package is missing
            spec = None
        if spec is None:
            raise MissingExtra(self.title, self.extra)

    def load(self) -> Any:
        """Return the module. Raises MissingExtra."""
        try:
            return import_module(self.module)
        except ImportError:
            raise MissingExtra(self.title, self.extra) from None


class Library(NamedTuple):
    """A shared library."""

    files: tuple[str, ...]  # file names on different systems
    title: str
    command: str  # shell command that installs it

    def check(self) -> None:
        """Raise NotInstalled unless it can be loaded."""
        self.load()

    def load(self) -> ctypes.CDLL:
        """Return the library, loaded once. Raises NotInstalled."""
        library = _load(self.files)
        if library is None:
            raise NotInstalled(self.title, self.command)
        return library


@cache
def _load(files: tuple[str, ...]) -> ctypes.CDLL | None:
    for name in files:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


LIVEKIT = Wheel("livekit.rtc", "WebRTC's AEC3 (livekit)", "peers")
PYWEBRTC = Wheel("pywebrtc_audio", "WebRTC's AEC3 (pywebrtc-audio)", "peers")
SPEEXDSP = Library(("libspeexdsp.so.1", "libspeexdsp.1.dylib"), "SpeexDSP (libspeexdsp)", "apt install libspeexdsp1")

# Name in CANCELLERS -> its requirement
NEEDS: dict[str, Need] = {
    "livekit_aec3": LIVEKIT,
    "speex": SPEEXDSP,
    "speex_pre": SPEEXDSP,
    "webrtc_aec3": PYWEBRTC,
    "webrtc_aec3_ns": PYWEBRTC,
}
