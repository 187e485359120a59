"""Draw docs/images/before_after.png, the picture of the README: python docs/images/before_after.py

A scene of the recipe quickstart-v1, with synthetic talkers, before and after `deep_joint`.
"""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
from PIL import Image

import aecbench as ab
from aecbench.plots.style import draw_spectrogram, spectrum

SYSTEM, WIDTH, HEIGHT = "deep_joint", 9.0, 4.6  # inches
LEVELS = {"levels.ser": -10, "noise.snr": 35}  # [dB]: the echo is ten times as strong as the near end
TALK = {"far_single": 0, "double": 1, "near_single": 0, "near_onset": 4.0}

with TemporaryDirectory() as folder:
    corpus = ab.simulate("quickstart-v1", Path(folder) / "corpus", scenes=1, split="test", set={**LEVELS, "talk": TALK})
    scene, signals, _ = corpus[0]

panels = {
    "microphone: echo, near end and noise": signals.mic,
    f"output of {SYSTEM}": ab.load_system(SYSTEM).cancel(signals.mic, signals.far),
    "near end: the signal to recover": signals.near,
}
onset = scene.near.spans[0][0]
loudest = float(spectrum(signals.mic, scene.rate).max())
figure, axes = plt.subplots(3, 1, figsize=(WIDTH, HEIGHT), sharex=True, layout="constrained")
for axis, (title, x) in zip(axes, panels.items(), strict=True):
    draw_spectrogram(axis, x, scene.rate, loudest)
    axis.axvline(onset, color="white", ls="--", lw=1)
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_yticks([0, 4, 8])
axes[0].text(onset + 0.1, axes[0].get_ylim()[1] * 0.95, "the near end talks", color="white", va="top", fontsize=9)
axes[-1].set_xlabel("s")
figure.get_layout_engine().set(hspace=0.06)
drawn = BytesIO()
figure.savefig(drawn, dpi=90)
Image.open(drawn).convert("RGB").quantize(96).save(Path(__file__).with_suffix(".png"), optimize=True)  # a third in size
