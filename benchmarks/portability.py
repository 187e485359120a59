"""Whether a corpus has the same bytes on other processors: it is rendered again under masks of this one's abilities.

Run from a checkout: python benchmarks/portability.py [--scenes N | --whole] [--recipe NAME] [--speech SRC --noise SRC]

The first row is this process. Every other row is a process of its own, in which numba compiles for another processor,
NumPy and the C library leave out vector extensions, or OpenBLAS runs other kernels. Exit code 1 where two rows differ.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import ChainMap
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from sounds import make_echoes, make_noise, make_speech

from aecbench.assets import names
from aecbench.echoes import ratios
from aecbench.recipe import read_recipe
from aecbench.scenes import channel, devices
from aecbench.scenes.capture import CAPTURE, capture
from aecbench.scenes.noise import NOISES
from aecbench.scenes.rooms import ENGINES
from aecbench.simulation import simulate

PROCESSORS = {
    "generic": (),
    "x86-64-v2": ("sse4.2",),
    "haswell": ("avx2", "fma"),
    "skylake-avx512": ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"),
    "znver3": ("avx2", "fma", "vaes", "vpclmulqdq"),
}
"""What numba compiles for, and what the processor that runs it must be able to do."""
NO_FMA = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable"
RATE = 16_000


def masks() -> dict[str, dict[str, str]]:
    """Name -> environment, as far as this processor can run it.

    A row sets a processor for numba and one library, which do not affect each other. The last row sets all three.
    """
    able = llvm.get_host_cpu_features()
    generic, *compiled = (
        {f"numba for {name}": {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ""}}
        for name, needs in PROCESSORS.items()
        if all(able.get(feature) for feature in needs)
    )
    extensions = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    libraries: list[dict[str, dict[str, str]]] = [
        {"NumPy without dispatch": {"NPY_DISABLE_CPU_FEATURES": extensions}},
        {"OpenBLAS for Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"}},
        {"C library without AVX2": {"GLIBC_TUNABLES": NO_FMA}},
    ]
    rows = [{}, *(one | other for one, other in zip_longest(compiled, libraries, fillvalue={}))]
    rows.append(generic | ChainMap(*libraries))
    return {", ".join(row) or "this processor": dict(ChainMap(*row.values())) for row in rows}


def main(arguments: Sequence[str] = ()) -> int:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", action="append", help="[all that are shipped]")
    parser.add_argument("--scenes", type=int, default=2, help="of each recipe's test split [2]")
    parser.add_argument("--whole", action="store_true", help="the whole test splits")
    parser.add_argument("--mask", action="append", metavar="WORD", help="only masks whose name holds this word [all]")
    parser.add_argument("--speech", metavar="SRC", help="folder, CSV or pack of speech [made up]")
    parser.add_argument("--noise", metavar="SRC", help="folder, CSV or pack of noise [made up]")
    parser.add_argument("--echo", metavar="CSV", help="manifest of recorded echo [made up]")
    parser.add_argument("--probe", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    recipes = options.recipe or sorted(names("recipes"))
    scenes = None if options.whole else options.scenes
    if options.probe:
        print(json.dumps(stages() | corpora(recipes, scenes, options.speech, options.noise, options.echo)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        speech = options.speech or make_speech(Path(temporary) / "speech")
        noise = options.noise or make_noise(Path(temporary) / "noise", recordings=16)
        echo = options.echo or make_echoes(Path(temporary) / "echoes")
        sources = ["--speech", speech, "--noise", noise, "--echo", echo]
        command = [sys.executable, __file__, *arguments, "--probe", *sources]
        expected: dict[str, str] = {}
        wrong = False
        wanted = options.mask or [""]
        for name, environment in masks().items():
            if expected and not any(word in name for word in wanted):
                continue
            if environment:
                run = subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, text=True)
                found = json.loads(run.stdout.splitlines()[-1])
            else:
                found = stages() | corpora(recipes, scenes, speech, noise, echo)
            expected = expected or found
            different = [key for key in expected if found[key] != expected[key]]
            wrong |= bool(different)
            print(f"{name}: {'differs: ' + ', '.join(different) if different else 'the same'}", flush=True)
    for key in recipes:
        print(f"{key:24} {expected[key]}")
    return int(wrong)


def corpora(recipes: list[str], scenes: int | None, speech: str, noise: str, echo: str) -> dict[str, str]:
    """Digest of each recipe's test split, or its first scenes."""
    digests = {}
    for name in recipes:
        sources = {}
        spec = read_recipe(name)
        if spec.speech.source != "espeak":
            sources["speech.source"] = speech
        if spec.noise.source is not None:
            sources["noise.source"] = noise
        if spec.echo.source is not None:
            sources["echo.source"] = echo
        with tempfile.TemporaryDirectory() as folder:
            digests[name] = simulate(name, Path(folder) / name, split="test", scenes=scenes, set=sources).digest
    return digests


def stages() -> dict[str, str]:
    """Hash of what each device, noise, engine and change of the channel gives, whether or not a recipe drew it.

    And of what aecbench echoes measures: rounded, since SciPy and BLAS add in other orders elsewhere.
    """
    x = (np.random.default_rng(0).integers(-9000, 9000, 2 * RATE) / 32768).astype(np.float32)
    parts = {f"device {name}": devices.apply(name, x, RATE, {}) for name in sorted(devices.DEVICES)}
    for name, noise in NOISES.items():
        parts[f"noise {name}"] = noise(np.random.default_rng(1), RATE, RATE)
    stems = np.stack([x, x[::-1], x / 8])
    parts |= {f"capture {name}": capture(stems, [(name, {})], RATE) for name in CAPTURE}
    size, source, microphone = (6.0, 5.0, 3.0), [(1.0, 2.0, 1.5), (1.02, 2.0, 1.5)], [(3.0, 2.5, 1.2)]
    bands = np.linspace(0.1, 0.5, 7)[None]
    paths = ENGINES["images"](size, source, microphone, bands, rate=RATE, length=4000, humidity=50.0)[:, 0]
    parts["rooms"] = paths
    parts["moving path"] = channel.move(x, paths, [0.5, 1.5], RATE)
    parts["lost packets"] = channel.conceal(x, [(0.5, 0.04)], RATE)
    parts["volume"] = channel.volume(x, [0.0, -7.0], [1.0], RATE)
    parts["microphone gain"] = devices.microphone_gain(x, RATE, {})
    parts["ratios of recorded echo"] = np.array(ratios(x * (x > x[::-1]), stems[0] / 2 + stems[2]))
    return {name: hashlib.sha256(np.ascontiguousarray(part).data).hexdigest() for name, part in parts.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
