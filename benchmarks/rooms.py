"""Room impulse responses beside pyroomacoustics and rir-generator: time, error, memory, reverberation time.

Part of benchmarks/simulate.py; alone: pip install rir-generator; python benchmarks/rooms.py [--quick]
"""

import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyroomacoustics as pra
import rir_generator

from aecbench.dsp.levels import db
from aecbench.scenes.rooms import ENGINES, absorption_for, measured_rt60, place
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.signals import Array

RATE = 16_000
SIZE, SOURCE, MICROPHONE = (6.0, 5.0, 3.0), (2.0, 1.5, 1.2), (4.0, 3.2, 1.4)


@functools.cache
def sabine(rt60: float) -> tuple[float, int]:
    """Absorption, and the order of images that pyroomacoustics needs for it. Not timed."""
    share, order = pra.inverse_sabine(rt60, SIZE)
    return share, order


def ours(rt60: float, threads: int) -> None:
    """One response by the engine "images"."""
    share, _ = sabine(rt60)
    ENGINES["images"](SIZE, [SOURCE], [MICROPHONE], share, rate=RATE, length=round(RATE * rt60), threads=threads)


def pyroomacoustics(rt60: float, threads: int) -> None:
    """The same response as the documentation of pyroomacoustics says: absorption and order by Sabine's formula."""
    pra.constants.set("num_threads", threads)
    share, order = sabine(rt60)
    room = pra.ShoeBox(SIZE, fs=RATE, materials=pra.Material(share), max_order=order)
    room.add_source(SOURCE)
    room.add_microphone(MICROPHONE)
    room.compute_rir()


def rir_generators(rt60: float) -> None:
    """The same response by rir-generator, which has one thread."""
    rir_generator.generate(
        c=SPEED_OF_SOUND, fs=RATE, r=MICROPHONE, s=SOURCE, L=SIZE, reverberation_time=rt60, nsample=round(RATE * rt60)
    )


def shortest(*tasks: Callable[[], None], rounds: int) -> list[float]:
    """The shortest time of each task [s], run in turn."""
    times = np.empty((rounds, len(tasks)))
    for row in times:
        for i, task in enumerate(tasks):
            start = time.perf_counter()
            task()
            row[i] = time.perf_counter() - start
    return [float(x) for x in times.min(0)]


def speed(rt60s: Sequence[float], rounds: int) -> None:
    """Time at some reverberation times, with one and two threads."""
    print(f"Milliseconds for one response in a room of {SIZE} m at {RATE} Hz, one and two threads each")
    for rt60 in rt60s:
        ours(rt60, 2)  # compiles
        for threads in (1, 2):
            tasks = [functools.partial(ours, rt60, threads), functools.partial(pyroomacoustics, rt60, threads)]
            tasks += [functools.partial(rir_generators, rt60)] if threads == 1 else []
            mine, *others = shortest(*tasks, rounds=min(rounds, 2) if rt60 > 0.6 else rounds)
            line = f"  RT60 {rt60} s, threads {threads}: ours {1e3 * mine:.2f}"
            for name, other in zip(("pyroomacoustics", "rir-generator"), others, strict=False):
                line += f", {name} {1e3 * other:.0f} ({other / mine:.0f}x)"
            print(line)


def error(rooms: int) -> None:
    """Energy of the difference to both peers, high-pass off."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(rooms):
        size, share = rng.uniform([2.5, 2.5, 2.2], [8, 7, 4]), rng.uniform(0.1, 0.8, 6)
        source, microphone = rng.uniform(0.2, size - 0.2, (2, 3))
        length = round(RATE * rng.uniform(0.1, 0.5))
        x, y = (
            ENGINES[name](size, [source], [microphone], share, rate=RATE, length=length, high_pass=False)[0, 0]
            for name in ("images", "pyroomacoustics")
        )
        beta = np.sqrt(1 - share)
        z = rir_generator.generate(
            SPEED_OF_SOUND, RATE, microphone, source, size, beta=beta, nsample=length, hp_filter=False
        )[:, 0]
        z *= 4 * np.pi
        errors.append([difference(x, y), difference(x, z), difference(y, z)])
    print(f"Energy of the difference over {rooms} random rooms: median (largest)")
    names = ("ours to pyroomacoustics", "ours to rir-generator", "pyroomacoustics to rir-generator")
    for name, e in zip(names, np.transpose(errors), strict=True):
        print(f"  {name}: {np.median(e):.1f} dB ({np.max(e):.1f} dB)")


def difference(x: Array, reference: Array) -> float:
    """Energy of the difference [dB]."""
    return float(db(np.sum((x - reference) ** 2.0) / np.sum(reference**2.0)))


def eyring(rt60: float, size: Array) -> float:
    """Absorption by Eyring's formula."""
    volume, surface = np.prod(size), 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    return float(1 - np.exp(-24 * np.log(10) * volume / (SPEED_OF_SOUND * surface * rt60)))


def reverberation(rooms: int) -> None:
    """Measured T20 against the RT60 that was asked for."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(rooms):
        size, rt60 = rng.uniform([3.0, 2.5, 2.3], [8.0, 6.0, 3.5]), float(np.exp(rng.uniform(np.log(0.1), 0)))
        speaker, microphone, talker = place(size, rng.uniform(0.02, 0.3), rng.uniform(0.3, 1.5), rng)
        room = (size, [speaker, talker], [microphone])
        shares = absorption_for(rt60, size), eyring(rt60, size)
        responses = [ENGINES["images"](*room, share, rate=RATE, length=round(RATE * rt60))[:, 0] for share in shares]
        errors.append([measured_rt60(x, RATE) / rt60 - 1 for x in np.concatenate(responses)])
    print(f"T20 against RT60, {rooms} rooms, 0.1-1 s: median of |error|, median, 5th and 95th percentile of the error")
    names = [f"{how}, {path}" for how in ("absorption_for", "Eyring") for path in ("device", "talker")]
    for name, e in zip(names, np.transpose(errors), strict=True):
        low, middle, high = np.nanpercentile(e, [5, 50, 95])
        print(f"  {name}: {np.nanmedian(abs(e)):.1%}, {middle:+.1%}, {low:+.1%} {high:+.1%}; NaN: {np.isnan(e).sum()}")


PROGRAM = """
import sys, time
from pathlib import Path
import rooms
def peak():  # [kB], on Linux
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
rooms.sabine({rt60})
before, start = peak(), time.perf_counter()
rooms.{function}({rt60}, 1)
print(time.perf_counter() - start, (peak() - before) / 1024)
"""


def memory() -> None:
    """Peak memory, and what compiling takes: each in a process of its own."""
    print("First call in a process: seconds, peak memory over the import")
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as cache:
        paths = os.pathsep.join([str(here), str(here.parent)])
        environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": paths}
        for label, function, rt60 in (
            ("ours, compiling, RT60 0.3 s", "ours", 0.3),
            ("ours, RT60 0.3 s", "ours", 0.3),
            ("ours, RT60 1.3 s", "ours", 1.3),
            ("pyroomacoustics, RT60 1.3 s", "pyroomacoustics", 1.3),
        ):
            program = PROGRAM.format(function=function, rt60=rt60)
            output = subprocess.run(
                [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, check=True
            )
            elapsed, megabytes = map(float, output.stdout.split())
            print(f"  {label}: {elapsed:.2f} s, {megabytes:.0f} MB")


def report(*, quick: bool) -> None:
    """Everything, over fewer rooms if it shall be quick."""
    speed(rt60s=(0.3, 0.6, 1.0) if quick else (0.3, 0.6, 1.0, 1.3), rounds=3 if quick else 10)
    error(rooms=10 if quick else 50)
    reverberation(rooms=40 if quick else 200)
    memory()


if __name__ == "__main__":
    report(quick="--quick" in sys.argv[1:])
