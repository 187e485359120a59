"""Talkers who buzz, each at a pitch of its own."""

import hashlib

import numpy as np

PITCHES = {"train": (100, 110, 120), "val": (130, 140, 150), "test": (160, 170, 180)}
SECONDS = 1.5


class Buzzers:
    """See aecbench.scenes.speech.SpeechSource."""

    @property
    def fingerprint(self):
        return hashlib.sha256(repr(PITCHES).encode()).hexdigest()

    def speakers(self, split):
        return [str(pitch) for pitch in PITCHES[split]]

    def playlist(self, speaker, seconds, rng):
        return tuple(str(rng.integers(1000)) for _ in range(1 + int(seconds / SECONDS)))

    def start(self, speaker, utterance, rng):
        return 0.0

    def load(self, speaker, utterance, rate, seconds=None, start=0.0):
        time = np.arange(round(start * rate), round(SECONDS * rate)) / rate
        rhythm = np.sin(2 * np.pi * (2 + int(utterance) % 3) * time) ** 2
        return (0.3 * rhythm * np.sign(np.sin(2 * np.pi * int(speaker) * time))).astype(np.float32)


def open_buzzers(name):
    """Called with the name that the recipe has for the source."""
    return Buzzers()
