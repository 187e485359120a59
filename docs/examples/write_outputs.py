"""Write a system's output for every test scene as files that aecbench eval --predictions reads."""

from pathlib import Path

import soundfile

import aecbench as ab

corpus, system = ab.load_corpus("corpora/quickstart-v2").split("test"), ab.load_system("kalman")
Path("outputs").mkdir()
for n in range(len(corpus)):
    scene, signals, _ = corpus[n]
    output = system.cancel(signals.mic, signals.far)
    file = "outputs/" + scene.id.partition("/")[2].replace("/", "-") + ".wav"
    soundfile.write(file, output / (2**15 * corpus.scale(n)), scene.rate, "FLOAT")  # to the scale of exported files
