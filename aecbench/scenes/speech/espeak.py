"""Synthetic talkers of eSpeak NG (GPL-3, extra `espeak`): nothing to download, and the same bits in any process.

The library keeps state from one utterance to the next (phases, flutter, filters) that neither espeak_Terminate nor
espeak_Initialize resets, and seeds its breath noise with the time. So each utterance is spoken by a library that was
just loaded, started and given a fixed seed, and that is unloaded afterwards.
"""

import ctypes
import functools
import hashlib
import importlib
import importlib.metadata
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from aecbench.dsp.resample import resample
from aecbench.errors import MissingExtra, SourceError
from aecbench.scenes.files import partition
from aecbench.scenes.speech.base import SpeechSource
from aecbench.scenes.speech.text import SOUNDS, sentence
from aecbench.signals import Array

if sys.platform == "win32":
    from _ctypes import FreeLibrary

    unload = FreeLibrary
else:
    from _ctypes import dlclose

    unload = dlclose

__all__ = ["SPEAKERS", "Voice", "open_espeak"]

RATE = 22_050  # [Hz], of the library
SILENT = 32  # amplitudes up to this (-60 dBFS) at either end of an utterance are cut
PAUSE = 0.3  # [s] of silence after an utterance
VARIANTS = ("Andrea", "Annie", "f1", "f2", "f3", "f4", "f5", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
CACHED = 64  # utterances kept in memory, per process

SYNCHRONOUS, DONT_EXIT, UTF8 = 2, 0x8000, 1  # of speak_lib.h
PARAMETERS = {"pace": 1, "pitch": 3, "intonation": 4}
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
LOCK = threading.Lock()  # the library is one set of global variables


class Voice(NamedTuple):
    """A speaker."""

    language: str
    variant: str
    pitch: int  # 0 to 99, of the variant's range
    intonation: int  # 0 to 99
    pace: int  # words per minute

    @property
    def name(self) -> str:
        """For example "sv+f3 p41 i52 w163"."""
        return f"{self.language}+{self.variant} p{self.pitch} i{self.intonation} w{self.pace}"


def _voice(language: str, variant: str) -> Voice:
    digest = hashlib.sha256(f"{language}+{variant}".encode()).digest()
    return Voice(language, variant, 35 + digest[0] % 31, 35 + digest[1] % 36, 140 + digest[2] % 56)


SPEAKERS = {voice.name: voice for voice in (_voice(language, variant) for language in SOUNDS for variant in VARIANTS)}


class Espeak:
    """Speakers of eSpeak NG, who say made-up sentences: an utterance is its own text."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the versions of library and voices, and over the speakers."""
        return _fingerprint()

    def speakers(self, split: str) -> Sequence[str]:
        """The speakers of a split."""
        return _speakers(split)

    def playlist(self, speaker: str, seconds: float, rng: np.random.Generator) -> tuple[str, ...]:
        """New sentences until they last `seconds`."""
        voice = _known(speaker)
        texts = [sentence(voice.language, rng)]
        lasting = _say(voice, texts[0]).size
        while lasting < seconds * RATE:
            texts.append(sentence(voice.language, rng))
            lasting += _say(voice, texts[-1]).size
        return tuple(texts)

    def start(self, speaker: str, utterance: str, rng: np.random.Generator) -> float:
        """The beginning: no two scenes have the same sentence."""
        return 0.0

    def load(self, speaker: str, utterance: str, rate: int, seconds: float | None = None, start: float = 0.0) -> Array:
        """A text, spoken to its end: no silence before, 0.3 s after it. Raises SourceError where it has no sound."""
        return resample(_say(_known(speaker), utterance), RATE, rate)[round(start * rate) :]


def open_espeak(_source: str = "espeak") -> SpeechSource:
    """The synthetic talkers. Raises MissingExtra, or SourceError where the library does not work reproducibly."""
    _check()
    return Espeak()


def _known(speaker: str) -> Voice:
    if speaker not in SPEAKERS:
        raise SourceError(f"espeak has no speaker {speaker!r} in this version of aecbench; draw the scenes again")
    return SPEAKERS[speaker]


@functools.cache
def _speakers(split: str) -> tuple[str, ...]:
    return partition(SPEAKERS, split)


@functools.cache
def _fingerprint() -> str:
    with _library() as library:
        library.espeak_Info.restype = ctypes.c_char_p
        version = library.espeak_Info(None).decode()
    voices = importlib.metadata.version("espeakng-loader")
    return hashlib.sha256("\n".join([version, voices, f"{SILENT} {PAUSE}", *sorted(SPEAKERS)]).encode()).hexdigest()


@functools.cache
def _check() -> None:
    """Once in a process: whether the library forgets. (It does not where the system does not really unload it.)"""
    voice = SPEAKERS[min(SPEAKERS)]
    if _synthesise(voice, "One, two.") != _synthesise(voice, "One, two."):
        raise SourceError(
            "espeak: the library stays loaded in this process, and what it speaks would not be reproducible; "
            "use recorded speech, or a process in which no other package holds it"
        )


@functools.lru_cache(maxsize=CACHED)
def _say(voice: Voice, text: str) -> Array:
    """A text as float32 [T] at RATE, trimmed, and followed by the pause."""
    _check()
    x = np.frombuffer(_synthesise(voice, text), np.int16).astype(np.float32)
    (indices,) = np.nonzero(np.abs(x) > SILENT)
    if not indices.size:
        raise SourceError(f"espeak: {voice.name} has no sound for the text {text!r}; give another one")
    x = np.pad(x[indices[0] : indices[-1] + 1] / 32768, (0, round(PAUSE * RATE)))
    x.flags.writeable = False
    return x


def _synthesise(voice: Voice, text: str) -> bytes:
    """Samples, int16, at RATE."""
    chunks: list[bytes] = []

    def collect(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = Callback(collect)
    phrase = text.encode() + b"\0"
    with _library() as library:
        library.espeak_SetSynthCallback(callback)
        statuses = [library.espeak_SetVoiceByName(f"{voice.language}+{voice.variant}".encode())]
        statuses += [library.espeak_SetParameter(code, getattr(voice, name), 0) for name, code in PARAMETERS.items()]
        statuses += [library.espeak_Synth(phrase, ctypes.c_size_t(len(phrase)), 0, 1, 0, UTF8, None, None)]
    if any(statuses):
        raise SourceError(
            f"espeak: cannot speak as {voice.name} (status {max(statuses)}); install espeakng-loader again"
        )
    return b"".join(chunks)


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """The library, as it is before its first word."""
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError:
        raise MissingExtra("espeakng-loader", "espeak") from None
    path, data = loader.get_library_path(), loader.get_data_path()
    with LOCK:
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            raise SourceError(f"espeak: {path} cannot be loaded ({error}); install espeakng-loader again") from None
        try:
            if library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), DONT_EXIT) != RATE:
                raise SourceError(f"espeak: cannot start with the voices in {data}; install espeakng-loader again")
            library.espeak_ng_SetRandSeed(ctypes.c_long(1))
            yield library
            library.espeak_Terminate()
        finally:
            unload(library._handle)
