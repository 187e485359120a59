"""The self-test: one small scene from drawing to scores, with each step run twice in a separate process."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from aecbench.errors import AecbenchError, one_line

__all__ = ["STEPS", "Step", "self_test"]

RATE, SECONDS = 16_000, 6.0
TALKERS, UTTERANCE = 12, 2.0  # [s]
LEAST = {"erle": 10.0, "pesq": 0.0, "stoi": 0.0}  # smallest improvement by the test's canceller; it achieves more


class Step(NamedTuple):
    """A step of the self-test, run twice."""

    name: str
    ok: bool
    seconds: float  # duration of the first run, in which kernels are compiled or loaded [s]
    again: float  # duration of the second run [s]
    result: str  # the result, or why it failed


class Failed(Exception):
    """A self-test step failed."""


def self_test() -> Iterator[Step]:
    """Draw a scene of six seconds, render it, store it, cancel its echo, score the output; yield each step when done.

    Each step runs twice, in another process, and must give the same result. The first that fails is the last.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    with TemporaryDirectory(prefix="aecbench-doctor-") as folder, ProcessPoolExecutor(1) as pool:
        results: dict[str, Any] = {"folder": Path(folder)}
        for name, step in STEPS.items():
            start = time.perf_counter()
            try:
                results[name], seconds, again, text = pool.submit(_twice, step, results).result()
            except Exception as error:  # any failure is the finding
                why = str(error) if isinstance(error, Failed | AecbenchError) else one_line(error)
                yield Step(name, False, time.perf_counter() - start, float("nan"), " ".join(why.split()))
                return
            yield Step(name, True, seconds, again, text)


def _twice(step: "Callable[[Any], tuple[Any, str]]", before: Mapping[str, Any]) -> tuple[Any, float, float, str]:
    """Run a step twice. Raises Failed if the results differ."""
    import joblib

    start = time.perf_counter()
    first, _ = step(before)
    middle, processor = time.perf_counter(), time.process_time()
    second, text = step(before)
    again, used = time.perf_counter() - middle, time.process_time() - processor
    if joblib.hash(first) != joblib.hash(second):
        raise Failed("the two runs gave different results")
    return second, middle - start, again, text.format(rtf=used / SECONDS)


def _draw(before: Mapping[str, Any]) -> tuple[Any, str]:
    """Create a specification and draw a scene. The talkers are noise with the rhythm of syllables."""
    import numpy as np
    import soundfile

    from aecbench.recipe import read_recipe
    from aecbench.scenes.draw import draw
    from aecbench.scenes.sources import open_sources

    speech, time = before["folder"] / "speech", np.arange(round(UTTERANCE * RATE)) / RATE
    for talker in range(TALKERS):
        rng = np.random.default_rng(talker)
        rhythm = np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6)) ** 2
        (speech / f"{talker}").mkdir(parents=True, exist_ok=True)
        soundfile.write(speech / f"{talker}" / "0.wav", 0.15 * rng.normal(size=time.size) * rhythm, RATE, "FLOAT")
    options = {
        "name": "doctor",
        "duration": SECONDS,
        "talk": {"far_single": 0, "double": 1, "near_single": 0, "near_onset": SECONDS / 2},
        "speech.source": str(speech),
        "levels.ser": 0,
        "noise": {"kind": "white", "snr": 40},
        "room.rt60": 0.2,
        "loudspeaker.model": "linear",
    }
    spec = read_recipe("quickstart-v1", (), options, split="test", scenes=1)
    return (spec, draw(spec, "test", 0, open_sources(spec))), f"a scene of {SECONDS:g} s with {TALKERS} talkers"


def _render(before: Mapping[str, Any]) -> tuple[Any, str]:
    """Render the scene; return its record and its signals."""
    from aecbench.corpus.format import encode
    from aecbench.scenes.render import render_with_paths
    from aecbench.scenes.sources import open_sources

    spec, scene = before["draw"]
    rendering = render_with_paths(scene, open_sources(spec))
    record = encode(scene, rendering, spec)
    return (record, rendering), f"its record has the SHA-256 {record.sha256[:16]}"


def _store(before: Mapping[str, Any]) -> tuple[Any, str]:
    """Store the record; return the hash that is read back."""
    from aecbench.corpus.read import Shard
    from aecbench.corpus.write import pack, write_shard

    spec, (record, _) = before["draw"][0], before["render"]
    path = before["folder"] / "shard.h5"
    write_shard(path, "doctor", 1, record.audio.shape[-1], record.rir.size, [pack(record)])
    with Shard(path) as shard:
        shard.verify()
        (stored,) = shard.hashes()
    if stored != record.sha256:
        raise Failed(f"the data read back of {spec.name} differ from those written")
    return stored, "HDF5, read back bit for bit"


def _cancel(before: Mapping[str, Any]) -> tuple[Any, str]:
    """Run the Kalman filter."""
    from aecbench.systems import load_system

    signals = before["render"][1].signals
    return load_system("kalman").canceller.cancel(signals.mic, signals.far), "kalman, real-time factor {rtf:.4f}"


def _score(before: Mapping[str, Any]) -> tuple[Any, str]:
    """Score the microphone and the output."""
    from aecbench.dsp.levels import talk
    from aecbench.metrics import score

    signals = before["render"][1].signals
    labels = talk(signals, RATE)
    scores, texts = {}, []
    for name, least in LEAST.items():
        mic, out = (score(name, signals, x, RATE, labels) for x in (signals.mic, before["cancel"]))
        if mic.reason or out.reason:
            raise Failed(f"{name} has no value: {mic.reason or out.reason}")
        texts.append(f"{name} {mic.value:.2f} -> {out.value:.2f}")
        if not out.value - mic.value > least:
            raise Failed(f"{texts[-1]}, expected more than {least:g} more")
        scores[name] = mic.value, out.value
    return scores, ", ".join(texts)


STEPS: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "draw": _draw,
    "render": _render,
    "store": _store,
    "cancel": _cancel,
    "score": _score,
}
