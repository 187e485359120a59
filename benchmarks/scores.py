"""How far scores move from processor to processor, under the masks of portability.py, on the same corpora.

Run from a checkout: python benchmarks/scores.py [--scenes N] [--speech SRC --noise SRC] [--model NAME]

Adaptive filters are chaotic: where a kernel rounds differently, a double-talk detector may decide a block later, and
the output differs from there on. The tolerance of `aecbench leaderboard verify --rerun` follows from these figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from portability import masks
from sounds import make_noise, make_speech

from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.corpus import Corpus, open_corpus
from aecbench.evaluation import evaluate
from aecbench.leaderboard.rerun import kind_of
from aecbench.metrics import METRICS
from aecbench.simulation import simulate
from aecbench.systems import load_system

RECIPES = ("speech-v1", "hard-v1")
OUTSIDE = ("speex", "speex_pre", "webrtc_aec3", "webrtc_aec3_ns")
SCORES = ("erle_raw", "erle_true", "pesq", "stoi", "si_sdr", "fsdr", "sdr", "near_attenuation", "lsd", "level")
SCORES += ("residual_level", "noise_reduction", "pumping")
TORCH = {"torch without AVX2": {"ATEN_CPU_CAPABILITY": "default"}}


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=6, help="of each corpus [6]")
    parser.add_argument("--model", action="append", help="[all that are shipped, and outside references]")
    parser.add_argument("--speech", metavar="SRC", help="folder, CSV or pack of speech [made up]")
    parser.add_argument("--noise", metavar="SRC", help="folder, CSV or pack of noise [made up]")
    parser.add_argument("--mask", action="append", metavar="WORD", help="only masks whose name holds this word [all]")
    parser.add_argument("--probe", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = options.model or [*names("baselines"), *(name for name in OUTSIDE if name in CANCELLERS)]
    if options.probe:
        rows = [scores(models, open_corpus(options.probe / name)) for name in RECIPES]
        print(pd.concat(rows).to_json(orient="records"))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sources = {
            "speech.source": options.speech or make_speech(folder / "speech"),
            "noise.source": options.noise or make_noise(folder / "noise"),
        }
        for name in RECIPES:
            simulate(name, folder / name, split="test", scenes=options.scenes, set=sources)
        first, *others = masks() | TORCH
        wanted = [name for name in others if any(word in name for word in options.mask or [""])]
        report({name: probe(folder, models, (masks() | TORCH)[name]) for name in (first, *wanted)})


def scores(models: list[str], corpus: Corpus) -> pd.DataFrame:
    """A row per scene, system and metric, with the kind of the system."""
    systems = [load_system(model) for model in models]
    rows = evaluate(systems, corpus, [name for name in SCORES if name in METRICS]).rows
    kinds = {system.name: kind_of(system) for system in systems}
    return rows.assign(kind=rows["system"].map(kinds))[["scene", "system", "kind", "metric", "value"]]


def probe(folder: Path, models: list[str], mask: dict[str, str]) -> pd.Series:
    """Scores in a process of its own, by kind, system, metric and scene."""
    command = [sys.executable, __file__, "--probe", str(folder)]
    command += [word for model in models for word in ("--model", model)]
    run = subprocess.run(command, env=os.environ | mask, check=True, capture_output=True, text=True)
    rows = pd.DataFrame(json.loads(run.stdout.splitlines()[-1]))
    rows = rows[rows["metric"] != "rtf"]
    return rows.set_index(["kind", "system", "metric", "scene"])["value"].astype(float)


def report(values: dict[str, pd.Series]) -> None:
    """The largest difference of a value to the first column, and the mean one, by system and by kind."""
    first, *others = values
    gaps = pd.DataFrame({name: (values[name] - values[first]).abs() for name in others})
    lost = {name: int((values[name].isna() != values[first].isna()).sum()) for name in others}
    print(f"values that are defined under one mask only: {lost}")
    worst = gaps.max(axis=1)
    table = worst.groupby(level=["kind", "system"], sort=False).agg(["max", "mean"])
    means = gaps.groupby(level=["kind", "system", "metric"]).mean().max(axis=1)
    table["of a mean over scenes"] = means.groupby(level=["kind", "system"]).max()
    print(table.to_string(float_format=lambda x: f"{x:.2g}"))
    print(worst.groupby(level=["kind", "metric"]).max().unstack(0).to_string(float_format=lambda x: f"{x:.2g}"))
    print(gaps.groupby(level="kind").max().T.to_string(float_format=lambda x: f"{x:.2g}"))
    quantiles = worst.groupby(level="kind").quantile(np.array([0.5, 0.9, 0.99, 1.0])).unstack()
    print(quantiles.to_string(float_format=lambda x: f"{x:.2g}"))


if __name__ == "__main__":
    main()
