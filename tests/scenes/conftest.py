"""Recordings of echo to test with."""

import csv
import hashlib

import numpy as np
import pytest
import soundfile

RATE = 16_000


@pytest.fixture
def write_echoes(tmp_path):
    """Writes a manifest of devices d0, d1, ... and their recordings; `facts` gives other columns of a device."""

    def write(folder="echoes", devices=10, facts=lambda device: {}, rate=RATE, seconds=5.0):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        rows = []
        for device in range(devices):
            rng = np.random.default_rng(device)
            far = 0.1 * rng.normal(size=round(seconds * rate))
            row = {"name": f"r{device}", "device": f"d{device}", "split": "", "seconds": seconds}
            for role, x in (("mic", np.tanh(np.roll(far, 100))), ("far", far)):
                path = place / f"{device}_{role}.wav"
                soundfile.write(path, x, rate, subtype="PCM_16")
                row |= {role: path.name, f"{role}_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            rows.append(row | {"echo_to_noise": 20.0, "linear": 15.0} | facts(device))
        with (place / "echoes.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        return str(place / "echoes.csv")

    return write
