"""What becomes of a deep system that is made smaller: size, multiplications, time, and what it loses.

Run from a checkout: python benchmarks/deploy.py SYSTEM [--corpus DIR] [--split S] [--scenes N] [--rounds N] [--out DIR]

Variants: float32 in NumPy, as it runs here, and as an ONNX model, weights in 8 bits, weights pruned without training
afterwards, both. The real-time factor (RTF) is processor time per time of audio on one core, for step after step
without the delay tracker: medians of rounds in which all variants take their turn. MACs are those of the system as it
is counted, whatever its weights: onnxruntime multiplies by a zero too, and stores it. What pruning may be worth is seen
from the weights that are left, and from the size of the compressed file. Quality is the difference to NumPy, scene by
scene, with 95 % intervals.
"""

import argparse
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecbench.cancellers.deep.export.compress import prune
from aecbench.cancellers.deep.export.onnx import export, exportable
from aecbench.cancellers.deep.framewise import FramewiseCanceller
from aecbench.corpus import open_corpus
from aecbench.costs import real_time_factor
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.results import ResultTable
from aecbench.systems import load_system

QUALITY = ("erle", "pesq", "stoi", "si_sdr")
MEGABYTE, RATE = 1e6, 16_000


class Variant(NamedTuple):
    """How it is made smaller."""

    pruned: float = 0.0
    int8: bool = False


VARIANTS = {
    "onnx": Variant(),
    "onnx int8": Variant(int8=True),
    "onnx pruned 50 %": Variant(0.5),
    "onnx pruned 80 %": Variant(0.8),
    "onnx pruned 50 % int8": Variant(0.5, int8=True),
}
FLOAT = "numpy"


def main() -> None:
    """Export, evaluate, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--corpus", type=Path, default=Path("corpora/speech-v1"), metavar="DIR")
    parser.add_argument("--split", default="test")
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/deploy"), metavar="DIR")
    options = parser.parse_args()
    canceller = exportable(load_system(options.system, "none").canceller, options.system)
    paths, left = {}, {FLOAT: _left(canceller)}
    for name, variant in VARIANTS.items():
        small = prune(canceller, variant.pruned)
        folder = options.out / Path(options.system).name / name.replace(" %", "").replace(" ", "_")
        paths[name] = export(small, folder, name=options.system, int8=variant.int8) / "model.onnx"
        left[name] = _left(small)
    names = {FLOAT: options.system, **{name: str(path.parent) for name, path in paths.items()}}
    alone = [load_system(name, "none").canceller for name in names.values()]
    times = np.median([[real_time_factor(each, 1) for each in alone] for _ in range(options.rounds)], 0)
    macs = alone[1].facts.macs * RATE / 1e6
    print(f"{options.system}: {macs:.1f} M MACs/s")
    for name, rtf in zip(names, times, strict=True):
        print(f"  {name}: {_size(paths.get(name), canceller)}, {left[name]} weights that are not 0, RTF {rtf:.4f}")
    print(_quality(names, options))


def _left(canceller: FramewiseCanceller) -> int:
    return sum(int((weights != 0).sum()) for weights in canceller.network.parameters())


def _size(path: Path | None, canceller: FramewiseCanceller) -> str:
    if path is None:
        return f"{sum(p.numel() * 4 for p in canceller.network.parameters()) / MEGABYTE:.2f} MB of weights"
    data = path.read_bytes()
    return f"{len(data) / MEGABYTE:.2f} MB, zipped {len(zlib.compress(data)) / MEGABYTE:.2f} MB"


def _quality(names: Mapping[str, str], options: argparse.Namespace) -> str:
    corpus = open_corpus(options.corpus).split(options.split)[: options.scenes]
    metrics = {name: METRICS[name] for name in QUALITY}
    tables = [
        evaluate(replace(load_system(of), name=name), corpus, metrics, split=options.split)
        for name, of in names.items()
    ]
    table = ResultTable.concat(tables)
    table.save(options.out / f"{Path(options.system).name}-quality")
    found = {system: means for (_, system), means in table.summary().items()}
    lines = [f"{len(corpus)} scenes; {FLOAT}: " + ", ".join(f"{m} {found[FLOAT][m].mean:.3f}" for m in QUALITY)]
    for (_, system), means in table.differences(FLOAT).items():
        told = (f"{m} {means[m].mean:+.3f} [{means[m].low:+.3f}, {means[m].high:+.3f}]" for m in QUALITY)
        lines.append(f"  {system} - {FLOAT}: " + ", ".join(told))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
