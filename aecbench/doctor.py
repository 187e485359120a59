"""Whether this installation works: what is installed, on which machine, and one small scene from drawing to scores.

Nothing is imported before it is needed, and what may crash runs in a process of its own: a broken part is a finding.
"""

import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from aecbench import provenance
from aecbench.errors import AecbenchError, MissingExtra, NotInstalled

__all__ = [
    "PURPOSES",
    "Graphics",
    "Installation",
    "Machine",
    "Part",
    "Step",
    "graphics",
    "installation",
    "machine",
    "self_test",
]

PURPOSES = {  # of the extras of pyproject.toml, but for those of developers
    "aecmos": "the metrics AECMOS and DNSMOS",
    "board": "pages of leaderboards",
    "dask": "clusters",
    "espeak": "speech without recordings, for the quickstart",
    "onnx": "networks as ONNX models",
    "peers": "cancellers of others: WebRTC's AEC3",
    "train": "curves of a training in TensorBoard",
    "tune": "search of parameters",
}
SPEEX = "speex"
SIMD = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vnni", "neon", "sve", "sve2")  # worth telling
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
PATIENCE = 120  # [s] for torch to be imported
TORCH = """
import json, torch
gpus = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
for place in ("cpu", *(f"cuda:{n}" for n in range(len(gpus)))):
    ones = torch.ones(8, 8, device=place)
    if (ones @ ones).sum().item() != 512:
        raise SystemExit(f"{place} multiplies wrongly")
print(json.dumps([torch.version.cuda, [[gpu.name, gpu.total_memory] for gpu in gpus]]))
"""
RATE, SECONDS = 16_000, 6.0
TALKERS, UTTERANCE = 12, 2.0  # [s]
LEAST = {"erle": 10.0, "pesq": 0.0, "stoi": 0.0}  # that the test's canceller gains; it gains more


class Part(NamedTuple):
    """Something that aecbench works without."""

    purpose: str
    found: dict[str, str | None]  # distribution or library -> version; None where it is not installed
    install: str  # the command that installs it

    @property
    def here(self) -> bool:
        """Whether all of it is installed."""
        return None not in self.found.values()


class Installation(NamedTuple):
    """What is installed."""

    versions: dict[str, str | None]  # of aecbench, Python and all that aecbench needs; None where it is not installed
    commit: str | None  # of the checkout that it runs from; None in a wheel
    parts: dict[str, Part]

    @property
    def missing(self) -> list[str]:
        """What aecbench needs and has not."""
        return [name for name, found in self.versions.items() if found is None]


class Machine(NamedTuple):
    """What it runs on. Bytes; None is unknown."""

    system: str
    cpu: str
    cores: int
    usable: int  # by this process, as cgroups, affinity and LOKY_MAX_CPU_COUNT allow
    numpy_simd: list[str]  # what numpy uses
    numba_target: str | None  # the processor that numba compiles for
    numba_simd: list[str]  # what that has, of SIMD
    threads: dict[str, str]  # variables of the environment
    memory: int | None
    available: int | None
    disk: int  # free in the current folder


class Graphics(NamedTuple):
    """What torch sees."""

    cuda: str | None  # version that torch was built with
    gpus: list[tuple[str, int]]  # name, bytes of memory
    failure: str  # why torch cannot be used


class Step(NamedTuple):
    """One step of the self-test, which was taken twice."""

    name: str
    ok: bool
    seconds: float  # the first time, which is when kernels are compiled, or loaded
    again: float  # the second time
    result: str  # or why it failed


def installation() -> Installation:
    """Read what the installed distributions say; nothing is imported but SpeexDSP."""
    needed, extras = _requirements()
    versions: dict[str, str | None] = {**provenance.versions(), **{name: _version(name) for name in needed}}
    parts = {
        extra: Part(PURPOSES[extra], {name: _version(name) for name in names}, _command(MissingExtra(extra, extra)))
        for extra, names in extras.items()
        if extra in PURPOSES
    }
    return Installation(versions, provenance.commit(), parts | {SPEEX: _speex()})


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """The distributions that aecbench needs, and those of every extra, as its own metadata name them."""
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    with suppress(PackageNotFoundError):
        for line in requires("aecbench") or []:
            name, _, marker = line.partition(";")
            (name,) = re.findall(r"^[\w.-]+", name.strip())
            extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
            (needed if extra is None else extras.setdefault(extra[1], [])).append(name)
    return needed, dict(sorted(extras.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _command(error: NotInstalled) -> str:
    return str(error).partition("run: ")[2]


def _speex() -> Part:
    purpose = "cancellers of others: SpeexDSP"
    try:
        from aecbench.cancellers import CANCELLERS

        module, _, name = CANCELLERS["speex"].partition(":")
        getattr(importlib.import_module(module), name)()
    except NotInstalled as error:
        return Part(purpose, {"libspeexdsp": None}, _command(error))
    except ImportError as error:
        return Part(purpose, {"libspeexdsp": None}, f"pip install {error.name}")
    return Part(purpose, {"libspeexdsp": "1"}, "")


def machine() -> Machine:
    """Look at processor, memory and disk."""
    import joblib

    facts = provenance.machine()
    memory, available = _memory()
    target, features = _target()
    return Machine(
        system=platform.platform(),
        cpu=str(facts["cpu"]),
        cores=int(facts["cores"]),
        usable=joblib.cpu_count(),
        numpy_simd=_simd(),
        numba_target=target,
        numba_simd=features,
        threads={name: os.environ[name] for name in THREADS if name in os.environ},
        memory=memory,
        available=available,
        disk=shutil.disk_usage(Path.cwd()).free,
    )


def _simd() -> list[str]:
    try:
        import numpy as np
    except ImportError:
        return []
    found: Any = np.show_config(mode="dicts")
    extensions = found.get("SIMD Extensions", {})
    return [*extensions.get("baseline", []), *extensions.get("found", [])]


def _target() -> tuple[str | None, list[str]]:
    try:
        binding = importlib.import_module("llvmlite.binding")
        features = binding.get_host_cpu_features()
        return str(binding.get_host_cpu_name()), [name for name in SIMD if features.get(name)]
    except (ImportError, OSError, RuntimeError):  # numba is broken, or LLVM knows nothing of this processor
        return None, []


def _memory() -> tuple[int | None, int | None]:
    """Bytes there are, and bytes that are available, as Linux tells them; elsewhere what POSIX tells, if anything."""
    try:
        rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        total, available = (int(rows[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        with suppress(AttributeError, ValueError, OSError):  # no such function on Windows
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None
        return None, None
    return total, available


def graphics() -> Graphics:
    """Multiply with torch on the processor and on every GPU, in a process of its own."""
    try:
        done = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            return Graphics(None, [], (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        return Graphics(None, [], str(error))
    cuda, gpus = json.loads(done.stdout)
    return Graphics(cuda, [(name, memory) for name, memory in gpus], "")


class Failed(Exception):
    """A step of the self-test came to something that it must not."""


def self_test() -> Iterator[Step]:
    """Draw a scene of six seconds, render it, store it, cancel its echo, score that; yield each step when it is done.

    Each is taken twice, in another process, and has to come to the same. The first that fails is the last.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    with TemporaryDirectory(prefix="aecbench-doctor-") as folder, ProcessPoolExecutor(1) as pool:
        results: dict[str, Any] = {"folder": Path(folder)}
        for name, step in STEPS.items():
            start = time.perf_counter()
            try:
                results[name], seconds, again, text = pool.submit(_twice, step, results).result()
            except Exception as error:  # whatever it is, it is the finding
                why = str(error) if isinstance(error, Failed | AecbenchError) else f"{type(error).__name__}: {error}"
                yield Step(name, False, time.perf_counter() - start, float("nan"), " ".join(why.split()))
                return
            yield Step(name, True, seconds, again, text)


def _twice(step: "Callable[[Any], tuple[Any, str]]", before: Mapping[str, Any]) -> tuple[Any, float, float, str]:
    """Take a step twice. Raises Failed where the results differ."""
    import joblib

    start = time.perf_counter()
    first, _ = step(before)
    middle, processor = time.perf_counter(), time.process_time()
    second, text = step(before)
    again, used = time.perf_counter() - middle, time.process_time() - processor
    if joblib.hash(first) != joblib.hash(second):
        raise Failed("the second time it comes to another result than the first time")
    return second, middle - start, again, text.format(rtf=used / SECONDS)


def _draw(before: Mapping[str, Any]) -> tuple[Any, str]:
    """A specification, and a scene of it. The talkers are noise with the rhythm of syllables."""
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
    """The record of the scene, and its signals."""
    from aecbench.config import canonical_json
    from aecbench.corpus.format import encode
    from aecbench.scenes.render import render_with_paths
    from aecbench.scenes.sources import open_sources

    spec, scene = before["draw"]
    rendering = render_with_paths(scene, open_sources(spec))
    text = canonical_json(scene.model_dump(mode="json"))
    record = encode(text, rendering, spec.rate, spec.segments, spec.response_samples)
    return (record, rendering), f"its record has the SHA-256 {record.sha256[:16]}"


def _store(before: Mapping[str, Any]) -> tuple[Any, str]:
    """The hash that is read back."""
    from aecbench.corpus.read import Shard
    from aecbench.corpus.write import pack, write_shard

    spec, (record, _) = before["draw"][0], before["render"]
    path = before["folder"] / "shard.h5"
    write_shard(path, "doctor", 1, record.audio.shape[-1], record.rir.size, [pack(record)])
    with Shard(path) as shard:
        shard.verify()
        (found,) = shard.hashes()
    if found != record.sha256:
        raise Failed(f"what is read back of {spec.name} is not what was written")
    return found, "HDF5, read back bit for bit"


def _cancel(before: Mapping[str, Any]) -> tuple[Any, str]:
    """The output of the Kalman filter."""
    from aecbench.systems import load_system

    signals = before["render"][1].signals
    return load_system("kalman").canceller.cancel(signals.mic, signals.far), "kalman, real-time factor {rtf:.4f}"


def _score(before: Mapping[str, Any]) -> tuple[Any, str]:
    """The scores of the microphone and of the output."""
    from aecbench.dsp.levels import talk
    from aecbench.metrics import score

    signals = before["render"][1].signals
    labels = talk(signals, RATE)
    found, texts = {}, []
    for name, least in LEAST.items():
        mic, out = (score(name, signals, x, RATE, labels) for x in (signals.mic, before["cancel"]))
        if mic.reason or out.reason:
            raise Failed(f"{name} has no value: {mic.reason or out.reason}")
        texts.append(f"{name} {mic.value:.2f} -> {out.value:.2f}")
        if not out.value - mic.value > least:
            raise Failed(f"{texts[-1]}, expected more than {least:g} more")
        found[name] = mic.value, out.value
    return found, ", ".join(texts)


STEPS: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "draw": _draw,
    "render": _render,
    "store": _store,
    "cancel": _cancel,
    "score": _score,
}
