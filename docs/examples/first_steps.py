"""From nothing to a table: simulate a small corpus, cancel the echo of a scene, compare two systems."""

import aecbench as ab

corpus = ab.simulate("quickstart-v2", "corpora/first", scenes=4)
scene, signals, rir = corpus[0]
print(scene.id, scene.talk, signals.mic.shape)

kalman = ab.load_system("kalman")
output = kalman.cancel(signals.mic, signals.far)  # [T] float32, aligned with the microphone

table = ab.evaluate(["nlms", kalman], corpus, ["erle", "erle_true", "pesq"])
print(table)
table.save("runs/first")  # rows.parquet, table.csv, table.md
