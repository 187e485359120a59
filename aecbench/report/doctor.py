"""The state of an installation. Nothing that might be broken is imported."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aecbench.doctor import Graphics, Installation, Machine, Step

__all__ = ["Examination", "part_lines", "step_line"]

FENCE = "```"  # delimits a code block in Markdown, which keeps its line breaks
GB = 1e9


class Examination(NamedTuple):
    """The findings of `aecbench doctor`."""

    installation: Installation
    machine: Machine
    graphics: Graphics | None = None  # None: not examined
    steps: Sequence[Step] = ()

    @property
    def failed(self) -> list[str]:
        """The faults, in a few words each."""
        missing = [f"{name} is not installed" for name in self.installation.missing]
        torch = [f"torch: {self.graphics.failure}"] if self.graphics and self.graphics.failure else []
        return [*missing, *torch, *(f"{step.name}: {step.result}" for step in self.steps if not step.ok)]

    @property
    def facts(self) -> dict[str, Any]:
        """All findings, for programs."""
        parts = {name: {**part._asdict(), "here": part.here} for name, part in self.installation.parts.items()}
        facts = {"ok": not self.failed, "failed": self.failed, **self.installation._asdict(), "parts": parts}
        facts |= {"machine": self.machine._asdict(), "torch": self.graphics and self.graphics._asdict()}
        return facts | {"test": [step._asdict() for step in self.steps]}

    def lines(self) -> Iterator[str]:
        """Yield the lines of a block for bug reports, which contains no names of users or folders."""
        yield FENCE
        yield from _lines(*self)
        yield from (f"failed: {failure}" for failure in self.failed)
        yield FENCE


def part_lines(installation: Installation) -> Iterator[str]:
    """Yield a line per optional part: whether it is installed, or the command that installs it."""
    for name, part in installation.parts.items():
        state = "installed" if part.here else f"not installed; run: {part.install}"
        yield f"{name:<8} {part.purpose}: {state}"


def step_line(step: Step) -> str:
    """Return a line with the result of a step of the self-test."""
    if not step.ok:
        return f"{step.name:<8} failed after {step.seconds:.2f} s: {step.result}"
    return f"{step.name:<8} ok, {step.seconds:.2f} s, the second time {step.again:.3f} s: {step.result}"


def _lines(
    installation: Installation, machine: Machine, graphics: Graphics | None, steps: Sequence[Step]
) -> Iterator[str]:
    versions: dict[str, Any] = dict(installation.versions)
    commit = installation.commit or "no checkout"
    yield f"aecbench {versions.pop('aecbench')}, {commit}, Python {versions.pop('python')}"
    yield _listed(versions)
    parts = installation.parts.values()
    yield "optional: " + _listed({name: version for part in parts for name, version in part.found.items()})
    limits = _listed(machine.threads) or "no limits"
    yield f"{machine.system}; {machine.cpu}, {machine.usable} of {machine.cores} cores; {limits}"
    yield f"SIMD: numpy {' '.join(machine.numpy_simd)}; numba {machine.numba_target}: {' '.join(machine.numba_simd)}"
    yield f"torch: {_torch(graphics)}"
    memory, available = (None if x is None else f"{x / GB:.1f}" for x in (machine.memory, machine.available))
    yield f"memory: {available} of {memory} GB; disk: {machine.disk / GB:.1f} GB free"
    yield from map(step_line, steps)


def _torch(graphics: Graphics | None) -> str:
    if graphics is None:
        return "not tried"
    gpus = ", ".join(f"{name} ({memory / GB:.0f} GB)" for name, memory in graphics.gpus) or "no GPU"
    return graphics.failure or f"CUDA {graphics.cuda}, {gpus}"


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value or 'missing'}" for name, value in facts.items())
