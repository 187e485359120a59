"""Read the scenes of a corpus with h5py, without aecbench."""

import json
from pathlib import Path

import h5py
import numpy as np

for path in sorted(Path("corpora/quickstart-v2/shards").glob("test-*.h5")):
    with h5py.File(path, "r", locking=False) as shard:
        for row, text in enumerate(shard["scene"]):
            scene = json.loads(text)  # everything that was drawn: talk, room, loudspeaker, delay, ...
            length = round(scene["duration"] * scene["rate"])  # shorter scenes are padded with zeros
            scale = shard["scale"][row]
            far, mic, echo = (shard[name][row, :length].astype(np.float32) * scale for name in ("far", "mic", "echo"))
            print(scene["id"], scene["talk"], mic.shape, f"echo peak {np.abs(echo).max():.3f}")
