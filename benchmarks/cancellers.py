"""The cancellers beside each other: quality, recovery, delay, robustness, near-end transparency and speed; as ratios.

Run from a checkout: python benchmarks/cancellers.py [PART ...] [--corpus DIR] [--out DIR] [--jobs N] [--quick]

PART is one of quality, changes, delay, stress, silence, speed; all of them by default. The corpus is that of the recipe
speech-v1, of which the test split is taken.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import padasip
import stress
from rich.console import Console

from aecbench.cancellers.base import Canceller
from aecbench.cancellers.external.speex import Speex
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.corpus import Corpus, open_corpus
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS, score
from aecbench.plots import plot_convergence
from aecbench.plots.style import save
from aecbench.report.results import result_table
from aecbench.results import ResultTable, interval
from aecbench.signals import Array, Signals
from aecbench.systems import System, load_system

LINEAR = ("nlms", "fdaf", "kalman", "subband_kalman")
OURS = (*LINEAR, "kalman_res", "subband_kalman_res")
PEERS = ("speex", "speex_pre", "webrtc_aec3", "webrtc_aec3_ns")
QUALITY = ("erle", "erle_true", "pesq", "stoi", "si_sdr", "fsdr")
DELAYS = (0, 20, 60, 120, 250, 480)  # [ms] more
RATE = 16_000
SEGMENT = 0.25  # [s] of the curves
CHANGE = 5.0  # [s]
ACTIVE = 1e-5  # -50 dBFS: far-end power of a segment that counts


def main() -> None:
    """The parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--corpus", type=Path, default=Path("corpora/speech-v1"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("runs/cancellers"), metavar="DIR")
    parser.add_argument("--scenes", type=int, help="only the first so many scenes, in the part quality")
    parser.add_argument("--jobs", type=int, default=1, help="processes of the part quality")
    parser.add_argument("--quick", action="store_true", help="few scenes")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        print(f"\n=== {part}")
        PARTS[part](options)


def quality(options: argparse.Namespace) -> None:
    """Everything on the test split, overall and by condition."""
    corpus = _scenes(options.corpus, 20 if options.quick else options.scenes)
    metrics = {name: METRICS[name] for name in QUALITY}
    tables = [
        evaluate(load_system(name), corpus, metrics, jobs=options.jobs) for name in ("passthrough", *OURS, *PEERS)
    ]
    table = ResultTable.concat(tables)
    kinds = table.rows["loudspeaker"].where(table.rows["loudspeaker"] == "linear", "nonlinear")
    table = ResultTable(table.rows.assign(loudspeaker=kinds), table.provenance)
    table.save(options.out)
    save(table.plot(), options.out / "table.png")
    console = Console(width=150)
    for by in (None, "loudspeaker", "ser", "rt60"):
        console.print(result_table(table, by))
    means = {system: intervals for (_, system), intervals in table.summary().items()}
    best = max(("kalman", "subband_kalman"), key=lambda name: means[name]["erle"].mean)
    _above(means, best, "speex", ("erle", "pesq", "stoi", "fsdr"))
    _above(means, "kalman_res", "speex_pre", ("erle", "pesq", "fsdr"))


def _above(means: Any, ours: str, other: str, metrics: Sequence[str]) -> None:
    """How far one system is above another."""
    gains = {name: means[ours][name].mean - means[other][name].mean for name in metrics}
    said = ", ".join(f"{METRICS[name].title} {gain:+.2f}" for name, gain in gains.items())
    print(f"{ours} against {other}: {said}: {'above on all' if min(gains.values()) > 0 else 'NOT above on all'}")


def changes(options: argparse.Namespace) -> None:
    """ERLE before and after the echo path has changed, and how long until it is back within 3 dB."""
    corpus = _scenes(options.corpus, None)
    for noise in (-30, -50):
        scenes = stress.switched(corpus, 12 if options.quick else 60, CHANGE, noise)
        title = f"{len(scenes)} scenes, far end alone, linear loudspeaker, noise at {noise} dB"
        print(f"{title}: time to within 3 dB of before, of the mean ERLE (goal 1.5 s) and as a mean over scenes;")
        print("  mean ERLE [dB] in the 2 s before, in each half second after")
        curves = {}
        for name in (*OURS, *PEERS):
            outs = [load_system(name).canceller.cancel(scene.mic, scene.far) for scene in scenes]
            curves[name] = np.array([_curve(*pair) for pair in zip(scenes, outs, strict=True)])
            _tell(name, curves[name], scenes, outs)
        path = options.out / f"convergence{noise}.png"
        plot_convergence(curves, SEGMENT, path, changes=[CHANGE], title=title)


def _tell(name: str, curve: Array, scenes: Sequence[Signals], outs: Sequence[Array]) -> None:
    """How one system recovers."""
    at = [CHANGE]
    times = interval([score("reconvergence", *pair, RATE, changes=at).value for pair in zip(scenes, outs, strict=True)])
    erle, first = np.nanmean(curve, 0), round(CHANGE / SEGMENT)
    before, after = np.nanmean(erle[first - round(2 / SEGMENT) : first]), erle[first:]
    halves = " ".join(f"{x:5.1f}" for x in np.nanmean(after[: len(after) // 2 * 2].reshape(-1, 2), 1)[:8])
    back = np.flatnonzero(after >= before - 3)
    pooled = f"{(back[0] + 1) * SEGMENT:.2f} s" if back.size else "never "
    print(f"  {name:20s} {pooled}, {times.mean:.2f} s ({times.low:.2f} to {times.high:.2f}); {before:5.1f} |{halves}")


def _curve(signals: Signals, out: Array) -> Array:
    """ERLE [segments] in dB, NaN where the far end pauses."""
    mic, far, out = (_powers(x) for x in (signals.mic, signals.far, out))
    erle = 10 * np.log10((mic + 1e-12) / (out + 1e-12))
    return np.where(far > ACTIVE, erle, np.nan)


def _powers(x: Array, seconds: float = SEGMENT) -> Array:
    size = round(seconds * RATE)
    return np.square(x[: x.size // size * size].reshape(-1, size), dtype=np.float64).mean(-1)


def delay(options: argparse.Namespace) -> None:
    """ERLE with more and more bulk delay, with and without alignment."""
    corpus = _scenes(options.corpus, 12 if options.quick else 24, talk="far_single")
    print(f"ERLE [dB] of {len(corpus)} scenes with further delay of {' / '.join(map(str, DELAYS))} ms")
    for name in (*LINEAR, *PEERS[:3]):
        for align in ("none", "auto"):
            system = load_system(name, align=align)
            means = [_delayed_erle(system, corpus, round(ms * RATE / 1000)) for ms in DELAYS]
            lost = max(means[0] - mean for mean in means)
            said = " ".join(f"{mean:5.1f}" for mean in means)
            print(f"  {name:16s} align {align}: {said}   at most {lost:4.1f} dB lost (goal, auto: 2)")


def _delayed_erle(system: System, corpus: Corpus, more: int) -> float:
    values = []
    for _, signals, _ in corpus:
        late = Signals(*(np.pad(x, (more, 0))[: x.size] for x in signals))._replace(far=signals.far)
        values.append(score("erle", late, system.canceller.cancel(late.mic, late.far), RATE).value)
    return interval(values).mean


def stress_(options: argparse.Namespace) -> None:
    """The worst second of every canceller under everything that makes filters diverge."""
    corpus = _scenes(options.corpus, None)
    cases = stress.cases(corpus, minutes=1 if options.quick else 10)
    print("ERLE of the worst second of far-end activity after the first [dB] (goal -1), far end alone or in the pauses")
    print(f"  {'':20s}" + "".join(f"{name:>12s}" for name in cases))
    for name in (*OURS, *PEERS[:3]):
        system = load_system(name)
        worst = [stress.worst_second(system.canceller, case) for case in cases.values()]
        print(f"  {name:20s}" + "".join(f"{value:12.1f}" for value in worst))


def silence(options: argparse.Namespace) -> None:
    """What becomes of the near end when the far end is silent."""
    corpus = _scenes(options.corpus, 10 if options.quick else 24, talk="near_single")
    print(f"Near-end transparency, {len(corpus)} scenes, far end silent")
    for name in (*OURS, *PEERS[:3]):
        system, pesq, change = load_system(name), [], []
        for _, signals, _ in corpus:
            alone = signals._replace(
                mic=signals.near, far=0 * signals.far, echo=0 * signals.echo, noise=0 * signals.noise
            )
            out = system.canceller.cancel(alone.mic, alone.far)
            pesq.append(score("pesq", alone, out, RATE).value)
            change.append(np.mean(np.square(out - alone.mic)) / np.mean(np.square(alone.mic)))
        most = 10 * np.log10(max(change) + 1e-20)
        print(f"  {name:20s} PESQ {interval(pesq).mean:.2f} (goal 4.0), change {most:6.1f} dB (goal -80, linear)")


def speed(options: argparse.Namespace) -> None:
    """CPU time per second of audio, in turn; the ratio is that of the medians."""
    seconds, rounds = (2, 3) if options.quick else (10, 7)
    rng = np.random.default_rng(0)
    far = (0.1 * rng.standard_normal(seconds * RATE)).astype(np.float32)
    mic = (np.convolve(far, rng.standard_normal(2000) * 0.99 ** np.arange(2000))[: far.size] / 5).astype(np.float32)
    print("CPU seconds per second of audio, one core, in turn")
    for taps in (1024, 4096):
        ours, other = _times([NLMS(taps=taps, block=1024).cancel, _padasip(taps)], mic, far, rounds)
        print(f"  nlms {taps} taps {ours:.4f}, padasip {other:.4f}: {other / ours:.1f}x as fast (goal 20x)")
    for cls in (FDAF, Kalman):
        ours, other = _times([cls(taps=4096).cancel, Speex(tail=4096).cancel], mic, far, rounds)
        print(f"  {cls.__name__} 4096 taps {ours:.4f}, SpeexDSP {other:.4f}: {other / ours:.2f}x as fast (goal 1x)")
    for name in LINEAR:
        canceller = load_system(name, align="none").canceller
        one, batch = _times([_one_by_one(canceller), canceller.cancel], np.tile(mic, (32, 1)), np.tile(far, (32, 1)), 3)
        print(f"  {name}: 32 scenes in a batch {batch:.4f}, one by one {one:.4f}: {one / batch:.2f}x as fast (goal 3x)")
    for name in OURS + PEERS:
        system = load_system(name)
        (taken,) = _times([system.canceller.cancel], mic, far, 3)
        print(f"  {name}: real-time factor {taken:.4f} as released, alignment included")


def _padasip(taps: int) -> Callable[[Array, Array], Array]:
    def run(mic: Array, far: Array) -> Array:
        part = mic[..., : RATE // 2], far[..., : RATE // 2]  # it is slow
        f, out = padasip.filters.FilterNLMS(n=taps, mu=0.5), []
        x = np.concatenate([np.zeros(taps - 1), part[1]])
        for t, d in enumerate(part[0]):
            now = x[t : t + taps]
            out.append(d - f.predict(now))
            f.adapt(d, now)
        return np.array(out)

    return run


def _one_by_one(canceller: Canceller) -> Callable[[Array, Array], Array]:
    return lambda mic, far: np.stack([canceller.cancel(m, f) for m, f in zip(mic, far, strict=True)])


def _times(calls: Sequence[Callable[[Array, Array], Array]], mic: Array, far: Array, rounds: int) -> list[float]:
    """Median CPU seconds per second of audio of each call, made in turn; a first round warms up."""
    taken = np.empty((rounds + 1, len(calls)))
    for turn in range(rounds + 1):
        for place, call in enumerate(calls):
            start = time.process_time()
            out = call(mic, far)
            taken[turn, place] = (time.process_time() - start) / (out.size / RATE)
    return list(np.median(taken[1:], 0))


def _scenes(path: Path, count: int | None, **conditions: Any) -> Corpus:
    """The first scenes of the test split that meet the conditions."""
    return open_corpus(path).split("test").where(**conditions)[:count]


PARTS = {"quality": quality, "changes": changes, "delay": delay, "stress": stress_, "silence": silence, "speed": speed}

if __name__ == "__main__":
    main()
