"""A training as a baseline: card, weights, and a model card in which people read what it is made of."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from aecbench.assets import find, names
from aecbench.config import read_toml
from aecbench.corpus import Corpus
from aecbench.errors import UsageError
from aecbench.output import new_folder, whole_file
from aecbench.results import heading
from aecbench.train.checkpoint import BEST, CARD
from aecbench.train.log import epochs
from aecbench.train.scenes import SCORES

__all__ = ["export"]

WEIGHTS, README = "weights.safetensors", "README.md"
POINTS = 12  # rows of the learning curve
SHOWN = 3  # attributions of a licence


def export(training: Path, out: Path, corpora: Sequence[Corpus]) -> Path:
    """The best network of a training folder as OUT/card.toml, weights.safetensors and README.md. Gives OUT.

    `corpora` are those it was trained and validated on: the README says where their audio comes from.
    Raises UsageError where there is no network yet, OutputError.
    """
    if not (training / BEST / CARD).exists():
        raise UsageError(f"{training}: no epoch is finished, so there is nothing to export; train on with --resume")
    card = read_toml(training / BEST / CARD)
    new_folder(out)
    data = (training / BEST / card["weights"]).read_bytes()
    with whole_file(out / WEIGHTS) as part:
        part.write_bytes(data)
    with whole_file(out / CARD) as part:
        part.write_text(tomli_w.dumps({**card, "weights": WEIGHTS}), encoding="utf-8")
    text = "\n".join(_readme(out.resolve().name, card, epochs(training), len(data), corpora))
    with whole_file(out / README) as part:
        part.write_text(text + "\n", encoding="utf-8")
    return out


def _readme(
    name: str, card: Mapping[str, Any], rows: list[dict[str, Any]], size: int, corpora: Sequence[Corpus]
) -> Iterator[str]:
    origin = card["origin"]
    reached, train, val = origin["reached"], origin["train"], origin["val"]
    yield from (f"# {name}", "", card["summary"] + ".", "")
    yield from (f"    aecbench cancel --model {name} --mic mic.wav --far far.wav --out out.wav", "", "## Data", "")
    for role, facts in (("Trained", train), ("Validated", val)):
        yield f"- {role} on {facts['scenes']} scenes of `{facts['name']}`, digest `{facts['digest']}`."
    yield "- Nothing of a split test was read."
    yield from _sources(corpora)
    yield from ("", "## Settings", "", "| | |", "|---|---|")
    for key, value in {**card["parameters"], **origin["settings"]}.items():
        yield f"| {key} | {value} |"
    yield f"| processes | {origin['processes']} |"
    yield from ("", "## Learning curve", "", *_curve(rows), "", "## Results", "")
    scores = ", ".join(f"{heading(metric)}: {reached[metric]:.3g}" for metric in SCORES if metric in reached)
    yield (
        f"The weights are those after epoch {reached['epoch']} ({reached['step']} steps), averaged, {size / 1e6:.2f} "
        f"MB: loss in validation {reached['val_loss']:.4g}{'; ' + scores if scores else ''} (means over at "
        f"most {origin['settings']['val_scenes']} whole scenes of validation: a rough guide; `aecbench eval --model "
        f"{name}` measures)."
    )
    yield from ("", "## Limits", "")
    yield (
        f"For audio at {card['parameters']['sample_rate']} Hz with one microphone and one far-end channel. What the "
        "scenes above have none of (other devices, rooms, delays, languages, music) it has not been trained for."
    )


def _curve(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Some epochs as a table, the first and the last among them."""
    count = min(POINTS, len(rows))
    chosen = sorted({round(i * (len(rows) - 1) / max(count - 1, 1)) for i in range(count)})
    columns = ["epoch", "loss", "val_loss", *(name for name in SCORES if any(row.get(name) for row in rows))]
    yield "| " + " | ".join(heading(name) if name in SCORES else name.replace("_", " ") for name in columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in (rows[index] for index in chosen):
        yield "| " + " | ".join("-" if row[name] is None else f"{row[name]:.4g}" for name in columns) + " |"


def _sources(corpora: Sequence[Corpus]) -> Iterator[str]:
    """Where speech and noise of the corpora come from, under which licences, and whose they are."""
    seen: dict[tuple[str, str], None] = {}
    for corpus in corpora:
        spec = corpus.info["spec"]
        for kind in ("speech", "noise"):
            source = spec.get(kind, {}).get("source") if isinstance(spec.get(kind), Mapping) else None
            if source is not None:
                seen[kind, str(source)] = None
        if "imported" in spec:
            seen["audio", str(spec["imported"])] = None
    for kind, source in seen:
        if source in names("packs"):
            yield f"- {kind}: pack `{source}`:"
            yield from (f"  - {line}" for line in _licences(find("packs", source), kind))
        elif source == "espeak":
            yield f"- {kind}: synthesised with eSpeak NG."
        else:
            yield f"- {kind}: `{source}`, whose licence has to be looked up there."


def _licences(pack: Path, kind: str) -> Iterator[str]:
    """The licences of the files of a kind in a pack, and to whom they are owed."""
    if pack.suffix == ".toml":
        facts = read_toml(pack)
        yield f"{facts['licence']}: {facts['attribution']}"
        return
    table = pd.read_csv(pack, dtype=str)
    for licence, files in table[table["kind"] == kind].groupby("licence"):
        owners = list(dict.fromkeys(files["attribution"].fillna("").str.split(";").str[0]))
        more = f" and {len(owners) - SHOWN} more" if len(owners) > SHOWN else ""
        yield (
            f"{licence}, {len(files)} files: {'; '.join(filter(None, owners[:SHOWN]))}{more} (each is named in "
            f"packs/{pack.name}, which ships with aecbench)"
        )
