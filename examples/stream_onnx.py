"""Cancel the echo in a pair of WAV files block by block with an ONNX model: numpy and onnxruntime, nothing else.

aecbench export-model deep_adaptive --onnx deep_adaptive.onnx
python examples/stream_onnx.py deep_adaptive.onnx mic.wav far.wav out.wav

16 bits, one channel, 16 kHz, and far not much earlier than its echo: nothing here looks for a delay.
"""

import sys
import wave

import numpy as np
import onnxruntime


def read(path: str) -> np.ndarray:
    """Samples in -1 ... 1."""
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


model, mic_path, far_path, out_path = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
facts = session.get_modelmeta().custom_metadata_map
inputs = {given.name: np.zeros(given.shape, np.float32) for given in session.get_inputs()}
state = {name: value for name, value in inputs.items() if name.startswith("state.")}
block, delay = inputs["mic"].size, int(facts["aecbench.delay"])

mic, far = read(mic_path), read(far_path)
length, blocks, out = mic.size, -(-(mic.size + delay) // block), []
mic, far = (np.pad(x[:length], (0, max(0, blocks * block - min(x.size, length)))) for x in (mic, far))
for start in range(0, blocks * block, block):
    now = slice(start, start + block)
    cleaned, *values = session.run(None, {"mic": mic[now], "far": far[now], **state})
    state = dict(zip(state, values, strict=True))
    out.append(cleaned)
samples = np.clip(np.concatenate(out)[delay : delay + length], -1, 1)
with wave.open(out_path, "wb") as file:
    file.setparams((1, 2, int(facts["aecbench.sample_rate"]), 0, "NONE", ""))
    file.writeframes((samples * 32767).astype("<i2").tobytes())
