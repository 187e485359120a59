"""A training as a baseline: card, weights, and a model card in which people read what it is made of."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aecbench.cards import BEST, CARD, read_card, write_card
from aecbench.corpus import Corpus
from aecbench.errors import UsageError
from aecbench.output import new_folder, whole_file
from aecbench.results import heading
from aecbench.training.attribution import Source, sources
from aecbench.training.log import CURVE, read_log
from aecbench.training.scenes import SCORES

__all__ = ["export"]

WEIGHTS, README = "weights.safetensors", "README.md"
POINTS = 12  # rows of the learning curve


def export(training: Path, out: Path, corpora: Sequence[Corpus], licence: str = "MIT") -> Path:
    """The best network of a training folder as OUT/card.toml, weights.safetensors and README.md. Gives OUT.

    The module of a network that is one file goes along, so that OUT can be loaded anywhere.
    `corpora` are those it was trained and validated on: the README says where their audio comes from. `licence` is
    that of the weights. The picture of the learning curve goes along where the training has one.
    Raises UsageError where there is no network yet, OutputError.
    """
    if not (training / BEST / CARD).exists():
        raise UsageError(f"{training}: no epoch is finished, so there is nothing to export; train on with --resume")
    card = read_card(training / BEST).model_dump(exclude_none=True)
    weights = (training / BEST / card["weights"]).read_bytes()
    new_folder(out)
    heard = sources(corpora)
    terms = {"weights": licence, "data": sorted({one.licence for source in heard for one in source.terms})}
    card = {**card, "weights": WEIGHTS, "origin": {**card["origin"], "licence": terms}}
    files = {WEIGHTS: weights} | {file.name: file.read_bytes() for file in (training / BEST).glob("*.py")}
    if (training / CURVE).is_file():
        files[CURVE] = (training / CURVE).read_bytes()
    text = "\n".join(_readme(out.resolve().name, card, read_log(training)[1], heard, files))
    for name, data in {**files, README: f"{text}\n".encode()}.items():
        with whole_file(out / name) as part:
            part.write_bytes(data)
    write_card(out, card)
    return out


def _readme(
    name: str,
    card: Mapping[str, Any],
    rows: list[dict[str, Any]],
    heard: Sequence[Source],
    files: Mapping[str, bytes],
) -> Iterator[str]:
    origin = card["origin"]
    reached, train, val = origin["reached"], origin["train"], origin["val"]
    yield from (f"# {name}", "", card["summary"] + ".", "")
    yield from (f"    aecbench cancel --model {name} --mic mic.wav --far far.wav --out out.wav", "", "## Data", "")
    for role, corpora in (("Trained", train), ("Validated", val)):
        for facts in corpora:
            yield f"- {role} on {facts['scenes']} scenes of `{facts['name']}`, digest `{facts['digest']}`."
    yield "- Nothing of a split test was read."
    for source in heard:
        yield from source.lines()
    yield from ("", "## Settings", "", "| | |", "|---|---|")
    for key, value in {**card["parameters"], **origin["settings"]}.items():
        yield f"| {key} | {value} |"
    yield f"| processes | {origin['processes']} |"
    if "init" in origin:
        yield f"| first weights | those of SHA-256 {origin['init']} |"
    yield from ("", "## Learning curve", "")
    if CURVE in files:
        yield from (f"![Loss and scores in the course of training]({CURVE})", "")
    yield from (*_curve(rows), "", "## Results", "")
    size = len(files[WEIGHTS]) / 1e6
    scores = ", ".join(f"{heading(metric)}: {reached[metric]:.3g}" for metric in SCORES if metric in reached)
    yield (
        f"The weights are those after epoch {reached['epoch']} ({reached['step']} steps), averaged, {size:.2f} MB: "
        f"loss in validation {reached['val_loss']:.4g}{'; ' + scores if scores else ''} (means over at "
        f"most {origin['settings']['val_scenes']} whole scenes of validation: a rough guide; `aecbench eval --model "
        f"{name}` measures)."
    )
    yield from ("", "## Limits", "")
    yield (
        f"For audio at {card['parameters']['sample_rate']} Hz with one microphone and one far-end channel. What the "
        "scenes above have none of (other devices, rooms, delays, languages, music) it has not been trained for."
    )
    terms = origin["licence"]
    yield from ("", "## Licence", "", f"Weights: {terms['weights']}.")
    if terms["data"]:
        yield (
            f"They were learnt from recordings under {', '.join(terms['data'])}, whose authors are named above: keep "
            "this file beside them."
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
