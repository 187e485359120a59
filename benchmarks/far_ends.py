"""Scores by what the loudspeaker plays: music, another language, or whatever a column of a manifest tells apart.

Run from a checkout: python benchmarks/far_ends.py CORPUS MANIFEST --column NAME [--near LABEL] [--model MODEL ...]

CORPUS was simulated with `--speech MANIFEST`, a CSV with the columns file, speaker and NAME, in which each piece of
music counts as a speaker. Both ends of a scene are drawn from the same manifest; --near keeps the scenes whose near end
has this label. Differences are to the first system, scene by scene.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from aecbench.corpus import open_corpus
from aecbench.evaluation import evaluate
from aecbench.report.results import difference_table, result_table

METRICS = ("erle_true", "near_attenuation", "erle", "pesq", "stoi", "fsdr")
SYSTEMS = ("deep_joint", "deep_adaptive", "deep_step_size", "kalman")
FAR_END = "far end"


def main() -> None:
    """Print a table of means and one of differences, with a row for each system and kind of far end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--column", required=True, help="of the manifest, by which far ends are told apart")
    parser.add_argument("--near", metavar="LABEL", help="of the near end [any]")
    parser.add_argument("--split", default="val", help="of the corpus [val]")
    parser.add_argument("--model", action="append", metavar="MODEL", help=f"repeatable [{', '.join(SYSTEMS)}]")
    parser.add_argument("--jobs", type=int, default=2, help="processes [2]")
    options = parser.parse_args()
    labels = pd.read_csv(options.manifest).drop_duplicates("speaker").set_index("speaker")[options.column]
    corpus = open_corpus(options.corpus).split(options.split)
    if options.near is not None:
        corpus = corpus.where(**{"near.speaker": set(labels.index[labels == options.near])})
    table = evaluate(options.model or SYSTEMS, corpus, METRICS, split=options.split, jobs=options.jobs)
    kinds = corpus.scenes.set_index("scene")["far.speaker"].map(labels)
    table = replace(table, rows=table.rows.assign(**{FAR_END: table.rows["scene"].map(kinds)}))
    print(f"{options.split} of {options.corpus.name}: scenes by far end: {kinds.value_counts().to_dict()}")
    for text in (result_table(table, FAR_END), difference_table(table, table.systems[0], [FAR_END])):
        Console(width=150).print(text)


if __name__ == "__main__":
    main()
