"""What each part of a deep canceller brings: the network trained without it, for the same few steps each, and scored.

Run from a checkout: python benchmarks/ablation.py MODEL --corpus TRAIN --val-corpus VAL [--out DIR] [--steps N]

Every variant sees the same examples in the same order, and begins with random weights. The variants of deep_joint begin
with the released weights, because a few steps teach it little; in one of them, the taps of the learned references stay
at zero. Scores are those of the split val, which nothing was trained on. A variant whose weights are in --out already
is not trained again.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from deep_joint_start import released
from rich.console import Console

from aecbench.cancellers.deep.deep_joint import DeepJoint
from aecbench.corpus import open_corpus
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.report.results import result_table
from aecbench.results import ResultTable
from aecbench.systems import load_system
from aecbench.training import read_settings
from aecbench.training.checkpoint import write_model

METRICS_SHOWN = ("erle", "erle_true", "pesq", "stoi", "si_sdr")
FIXED_STEP, FIXED_REFERENCE = "network.learn_step=false", "network.learn_reference=false"
NO_REFERENCES = "no learned references"
NO_KALMAN, NO_FILTER = "network.kalman.taps=0", "network.filter=false"
VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "deep_adaptive": {
        "as released": (),
        "reference fixed": (FIXED_REFERENCE,),
        "step size fixed": (FIXED_STEP,),
        "no NLMS filter": (NO_FILTER,),
        "no Kalman filter": (NO_KALMAN,),
        "no filter: a mask": (NO_FILTER, NO_KALMAN),
        "1 tap": ("network.taps=1",),
        "4 taps": ("network.taps=4",),
        "20 taps": ("network.taps=20",),
    },
    "deep_step_size": {
        "as released": (),
        "feed-forward": ("network.feedback=false",),
        "narrow-band": ("network.network=narrow",),
        "broad-band": ("network.network=broad",),
        "NLMS update": ("network.update=nlms", "network.smoothing=0", "network.decay=0"),
        "a-priori output": ("network.posterior=false",),
    },
    "deep_joint": {"as released": (), NO_REFERENCES: ()},
}
MUTED = -60.0  # logarithm of a reference's power: its taps stay at zero


def main() -> None:
    """Train all, --jobs at a time, then score all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=VARIANTS, metavar="MODEL")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", action="append")
    parser.add_argument("--val-corpus", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), metavar="DIR")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--scenes", type=int, default=60, help="of the split val, scored")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda name: train(name, options), VARIANTS[options.model]))
    corpus = open_corpus(options.val_corpus).split("val")[: options.scenes]
    metrics = {name: METRICS[name] for name in METRICS_SHOWN}
    systems = [replace(load_system(str(folder(name, options) / "best")), name=name) for name in VARIANTS[options.model]]
    table = ResultTable.concat(
        [evaluate(system, corpus, metrics, split="val", jobs=options.jobs) for system in systems]
    )
    table.save(options.out)
    print(f"{options.steps} steps each, {len(corpus)} scenes of the split val")
    Console(width=150).print(result_table(table, None))


def folder(name: str, options: argparse.Namespace) -> Path:
    """Of a variant."""
    kept: Path = options.out / name.replace(" ", "-").replace(":", "")
    return kept


def train(name: str, options: argparse.Namespace) -> None:
    """One epoch of as many scenes as it takes; the learning rate rises and falls within it."""
    if (folder(name, options) / "best" / "card.toml").exists():
        return
    settings = [part for value in VARIANTS[options.model][name] for part in ("--set", value)]
    samples = options.steps * read_settings(options.model).batch_size
    command = [
        *(Path(sys.executable).with_name("aecbench"), "train", options.model, "--recipe", options.model),
        *(part for corpus in options.corpus for part in ("--corpus", corpus)),
        *("--val-corpus", options.val_corpus, "--save-dir", folder(name, options)),
        *("--epochs", 1, "--train-samples", samples, "--val-samples", 24, "--workers", 0),
        *("--set", "val_scenes=0", "--set", "ema=0.98", *settings, *first_weights(name, options)),
    ]
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def first_weights(name: str, options: argparse.Namespace) -> tuple[str, ...]:
    """Return the options that give the training its first weights, none for random ones."""
    if options.model != "deep_joint":
        return ()
    if name != NO_REFERENCES:
        return "--init", options.model
    network = released(options.model, DeepJoint)
    torch.nn.init.constant_(network.filter.reference_profile, MUTED)
    out = options.out / "first-weights"
    write_model(out, network, {"canceller": options.model, "summary": name, "origin": {"parameters": name}})
    return "--init", str(out)


if __name__ == "__main__":
    main()
