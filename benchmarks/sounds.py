"""Talkers, noises and echoes made up for benchmarks, in files such as people have."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import soundfile

from aecbench.scenes.noise.synthetic import pink, speech_shaped

__all__ = ["make_echoes", "make_noise", "make_speech"]

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


def make_echoes(folder: Path, devices: int = 12) -> str:
    """Recordings of far-end single talk, 12 s each, every other one at 48 kHz. Returns the manifest."""
    folder.mkdir(parents=True)
    rows = []
    for device in range(devices):
        rng, rate = np.random.default_rng(device), RATE * (1 + 2 * (device % 2))
        far = 0.05 * speech_shaped(rng, 12 * rate, rate)
        mic = np.convolve(far, rng.normal(size=200) * np.exp(-np.arange(200) / 40))[: far.size]
        row = {"name": f"d{device}", "device": f"d{device}", "split": "", "seconds": 12}
        for role, x in (("mic", mic + 1e-3 * rng.normal(size=far.size)), ("far", far)):
            path = folder / f"d{device}_{role}.wav"
            soundfile.write(path, x, rate, subtype="PCM_16")
            row |= {role: path.name, f"{role}_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        rows.append(row | {"echo_to_noise": 20, "linear": 20})
    with (folder / "echoes.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return str(folder / "echoes.csv")
