"""Export of a training as a baseline: card, weights, and a README that documents data, settings and results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aecbench.cards import CARD, TRAINED, read_card, write_card
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
UNDECIDED = "not chosen"


def export(training: Path, out: Path, corpora: Sequence[Corpus], licence: str | None = None) -> Path:
    """Write the best network of a training folder as OUT/card.toml, weights.safetensors and README.md; return OUT.

    Before the first epoch has ended, the network of the last checkpoint is written instead. The module of a single-file
    network is copied, so that OUT can be loaded anywhere, and so is the figure of the learning curve, if there is one.
    `corpora` are those on which it was trained and validated: the README lists the sources of their audio. `licence` is
    the licence of the weights; without it, the card says that none was chosen. Raises UsageError if there is no network
    yet, OutputError if OUT cannot be written.
    """
    model = next((training / name for name in TRAINED if (training / name / CARD).exists()), None)
    if model is None:
        raise UsageError(f"{training}: contains no checkpoint, so there is nothing to export; continue with --resume")
    card = read_card(model).model_dump(exclude_none=True)
    weights = (model / card["weights"]).read_bytes()
    new_folder(out)
    audio_sources = sources(corpora)
    terms = {
        "weights": licence or UNDECIDED,
        "data": sorted({term.licence for source in audio_sources for term in source.terms}),
    }
    card = {**card, "weights": WEIGHTS, "origin": {**card["origin"], "licence": terms}}
    files = {WEIGHTS: weights} | {file.name: file.read_bytes() for file in model.glob("*.py")}
    if (training / CURVE).is_file():
        files[CURVE] = (training / CURVE).read_bytes()
    text = "\n".join(_readme(out.resolve().name, card, read_log(training)[1], audio_sources, files))
    for name, data in {**files, README: f"{text}\n".encode()}.items():
        with whole_file(out / name) as part:
            part.write_bytes(data)
    write_card(out, card)
    return out


def _readme(
    name: str,
    card: Mapping[str, Any],
    rows: list[dict[str, Any]],
    audio_sources: Sequence[Source],
    files: Mapping[str, bytes],
) -> Iterator[str]:
    origin = card["origin"]
    train, val = origin["train"], origin["val"]
    yield from (f"# {name}", "", card["summary"] + ".", "")
    yield from (f"    aecbench cancel --model {name} --mic mic.wav --far far.wav --out out.wav", "", "## Data", "")
    for role, corpora in (("Trained", train), ("Validated", val)):
        for facts in corpora:
            yield f"- {role} on {facts['scenes']} scenes of `{facts['name']}`, digest `{facts['digest']}`."
    yield "- No scene of a test split was used."
    for source in audio_sources:
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
    if rows:
        yield from (*_curve(rows), "")
    else:
        yield from ("No epoch was finished.", "")
    yield from ("## Results", "")
    size = len(files[WEIGHTS]) / 1e6
    yield _reached(name, origin, size)
    yield from ("", "## Limits", "")
    yield (
        f"For audio at {card['parameters']['sample_rate']} Hz with one microphone and one far-end channel. It was not "
        "trained for conditions that the scenes above do not contain (other devices, rooms, delays, languages, music)."
    )
    terms = origin["licence"]
    yield from ("", "## Licence", "", f"Weights: {terms['weights']}.")
    if terms["weights"] == UNDECIDED:
        yield "The author decides under which licence others may use them."
    if terms["data"]:
        yield (
            f"They were trained on recordings licensed under {', '.join(terms['data'])}, whose authors are named "
            "above: keep this file beside them."
        )


def _reached(name: str, origin: Mapping[str, Any], size: float) -> str:
    """Return the sentence on the progress of the training, for weights of `size` MB."""
    reached = origin["reached"]
    if "val_loss" not in reached:
        return f"The weights are from step {reached['step']}, averaged, {size:.2f} MB. They were not validated yet."
    begin = (
        f"The weights are from the end of epoch {reached['epoch']} ({reached['step']} steps), averaged, {size:.2f} MB: "
        f"loss in validation {reached['val_loss']:.4g}"
    )
    scores = ", ".join(f"{heading(metric)}: {reached[metric]:.3g}" for metric in SCORES if metric in reached)
    if not scores:
        return f"{begin}. `aecbench eval --model {name}` measures what that is worth."
    return (
        f"{begin}; {scores} (means over at most {origin['settings']['val_scenes']} whole scenes of validation: a rough "
        f"guide; `aecbench eval --model {name}` measures)."
    )


def _curve(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a Markdown table of some epochs, including the first and the last."""
    count = min(POINTS, len(rows))
    chosen = sorted({round(i * (len(rows) - 1) / max(count - 1, 1)) for i in range(count)})
    columns = ["epoch", "loss", "val_loss", *(name for name in SCORES if any(row.get(name) for row in rows))]
    yield "| " + " | ".join(heading(name) if name in SCORES else name.replace("_", " ") for name in columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in (rows[index] for index in chosen):
        yield "| " + " | ".join("-" if row[name] is None else f"{row[name]:.4g}" for name in columns) + " |"
