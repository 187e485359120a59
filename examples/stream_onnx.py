"""Cancel the echo in a pair of recordings block by block with an ONNX model: numpy and onnxruntime, nothing else.

aecbench export-model deep_adaptive --onnx deep_adaptive.onnx
python examples/stream_onnx.py deep_adaptive.onnx mic.wav far.wav out.wav

soundfile reads and writes the files: one channel, 16 kHz, and far not much earlier than its echo, as nothing here looks
for a delay.
"""

import sys

import numpy as np
import onnxruntime
import soundfile

model, mic_path, far_path, out_path = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
facts = session.get_modelmeta().custom_metadata_map
inputs = {given.name: np.zeros(given.shape, np.float32) for given in session.get_inputs()}
state = {name: value for name, value in inputs.items() if name.startswith("state.")}
block, delay = inputs["mic"].size, int(facts["aecbench.delay"])

mic, far = (soundfile.read(path, dtype="float32")[0] for path in (mic_path, far_path))
length, blocks, out = mic.size, -(-(mic.size + delay) // block), []
mic, far = (np.pad(x[:length], (0, max(0, blocks * block - min(x.size, length)))) for x in (mic, far))
for start in range(0, blocks * block, block):
    now = slice(start, start + block)
    cleaned, *values = session.run(None, {"mic": mic[now], "far": far[now], **state})
    state = dict(zip(state, values, strict=True))
    out.append(cleaned)
samples = np.concatenate(out)[delay : delay + length]
soundfile.write(out_path, samples, int(facts["aecbench.sample_rate"]))
