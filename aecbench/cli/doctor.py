"""aecbench doctor."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aecbench.cli.common import JSON, show_json

if TYPE_CHECKING:
    from aecbench.doctor import Graphics, Installation, Machine, Step

__all__ = ["doctor"]

FENCE = "```"  # what is pasted between two of them keeps its lines
GB = 1e9


@click.command()
@click.option("--test/--no-test", default=True, help="Simulate a small scene, cancel its echo and score the output.")
@JSON
def doctor(test: bool, as_json: bool) -> None:
    """Check what is installed, tell about the machine, test on a small scene: in some ten seconds.

    It ends with a block to be pasted into a bug report, which names neither people nor folders, and with the exit
    code 1 where something that aecbench needs is missing or fails.

    \b
    aecbench doctor
    aecbench doctor --no-test --json
    """
    from aecbench.doctor import graphics, installation, machine, self_test
    from aecbench.errors import AecbenchError

    found, place, gpus = installation(), machine(), graphics()
    if not as_json:
        _tell_parts(found)
    steps = []
    for step in self_test() if test else ():
        steps.append(step)
        if not as_json:
            click.echo(_line(step))
    failed = [f"{name} is not installed" for name in found.missing]
    failed += [f"torch: {gpus.failure}"] if gpus.failure else []
    failed += [f"{step.name}: {step.result}" for step in steps if not step.ok]
    if as_json:
        parts = {name: {**part._asdict(), "here": part.here} for name, part in found.parts.items()}
        facts = {"ok": not failed, "failed": failed, **found._asdict(), "parts": parts}
        show_json({**facts, "machine": place._asdict(), "torch": gpus._asdict(), "test": [s._asdict() for s in steps]})
    else:
        click.echo("\nFor a bug report, copy this:\n")
        for line in (FENCE, *_report(found, place, gpus, steps), *(f"failed: {what}" for what in failed), FENCE):
            click.echo(line)
    if failed:
        raise AecbenchError(f"does not work here: {'; '.join(failed)}")


def _tell_parts(found: "Installation") -> None:
    """Return the state of the optional parts, and the commands that install the missing ones."""
    for name, part in found.parts.items():
        state = "installed" if part.here else f"not installed; run: {part.install}"
        click.echo(f"{name:<8} {part.purpose}: {state}")
    click.echo()


def _line(step: "Step") -> str:
    if not step.ok:
        return f"{step.name:<8} failed after {step.seconds:.2f} s: {step.result}"
    return f"{step.name:<8} ok, {step.seconds:.2f} s, the second time {step.again:.3f} s: {step.result}"


def _report(found: "Installation", place: "Machine", gpus: "Graphics", steps: "list[Step]") -> Iterator[str]:
    """Everything, in a few lines."""
    versions: dict[str, Any] = dict(found.versions)
    yield f"aecbench {versions.pop('aecbench')}, {found.commit or 'no checkout'}, Python {versions.pop('python')}"
    yield _listed(versions)
    yield "optional: " + _listed(
        {name: version for part in found.parts.values() for name, version in part.found.items()}
    )
    yield f"{place.system}; {place.cpu}, {place.usable} of {place.cores} cores; {_listed(place.threads) or 'no limits'}"
    yield f"SIMD: numpy {' '.join(place.numpy_simd)}; numba {place.numba_target}: {' '.join(place.numba_simd)}"
    cards = ", ".join(f"{name} ({memory / GB:.0f} GB)" for name, memory in gpus.gpus) or "no GPU"
    yield f"torch: {gpus.failure or f'CUDA {gpus.cuda}, {cards}'}"
    memory, available = (None if x is None else f"{x / GB:.1f}" for x in (place.memory, place.available))
    yield f"memory: {available} of {memory} GB; disk: {place.disk / GB:.1f} GB free"
    yield from map(_line, steps)


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value or 'missing'}" for name, value in facts.items())
