"""Talkers and noises made up for benchmarks, in files such as people have."""

from pathlib import Path

import numpy as np
import soundfile

from aecbench.scenes.noise.synthetic import pink, speech_shaped

__all__ = ["make_noise", "make_speech"]

RATE, NOISE_RATE = 16_000, 44_100


def make_speech(folder: Path, speakers: int = 24, utterances: int = 3) -> str:
    """Noise with the spectrum and about the rhythm of speech: FLAC of 16 kHz, 8 to 16 s each. Returns the folder."""
    for speaker in range(speakers):
        (folder / f"{speaker:02d}").mkdir(parents=True)
        for utterance in range(utterances):
            rng = np.random.default_rng([speaker, utterance])
            t = np.arange(round(rng.uniform(8, 16) * RATE)) / RATE
            syllables = np.sin(np.pi * rng.uniform(3, 6) * t + rng.uniform(0, 6)) ** 2
            phrases = np.repeat(rng.random(t.size // 4000 + 1) > 0.2, 4000)[: t.size]
            x = 0.03 * speech_shaped(rng, t.size, RATE) * syllables * phrases
            soundfile.write(folder / f"{speaker:02d}" / f"{utterance}.flac", x, RATE)
    return str(folder)


def make_noise(folder: Path, recordings: int = 40) -> str:
    """Pink noise: OGG of 44.1 kHz, 5 s each and every eighth 60 s. Returns the folder."""
    folder.mkdir(parents=True)
    for number in range(recordings):
        x = 0.05 * pink(np.random.default_rng(number), NOISE_RATE * (60 if number % 8 == 0 else 5), NOISE_RATE)
        with soundfile.SoundFile(folder / f"noise-{number:02d}.ogg", "w", NOISE_RATE, 1) as file:
            for part in np.array_split(x, 60):  # the encoder takes only so much at once
                file.write(part)
    return str(folder)
