"""Outside `cancellers/` a canceller is asked for abilities: nobody imports its class. And published paths stay."""

import ast
import importlib
import inspect
import json
from pathlib import Path

import pytest

import aecbench
from aecbench.assets import names
from aecbench.cancellers.base import Canceller
from aecbench.plugins import load

PACKAGE = Path(aecbench.__file__).parent
OUTSIDE = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "cancellers")
ENTRIES = sorted((PACKAGE.parent / "leaderboards").glob("*/results/*.json"))


def is_class_of_a_canceller(value: object) -> bool:
    """Whether it can be made and cancels: neither a protocol nor an abstract class. Networks make cancellers."""
    return (
        inspect.isclass(value)
        and hasattr(value, "cancel")
        and hasattr(value, "latency")
        and not inspect.isabstract(value)
        and not getattr(value, "_is_protocol", False)
    )


def imported(path: Path) -> list[tuple[str, object]]:
    """The values that a file imports from `cancellers/`, by name, and the attributes it uses of modules from there."""
    tree, values = ast.parse(path.read_text()), []
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("aecbench.cancellers") for alias in node.names), f"{path}: use from"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aecbench"):
            for alias in (alias for alias in node.names if alias.name != "*"):
                full = f"{node.module}.{alias.name}"
                if not full.startswith("aecbench.cancellers"):
                    continue
                value = getattr(importlib.import_module(node.module), alias.name, None) or importlib.import_module(full)
                values.append((full, value))
                if inspect.ismodule(value):
                    modules[alias.asname or alias.name] = value
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            values.append((f"{module.__name__}.{node.attr}", getattr(module, node.attr, None)))
    return values


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_class_of_a_canceller_is_imported(path):
    assert [name for name, value in imported(path) if is_class_of_a_canceller(value)] == []


def test_classes_of_cancellers_are_told_from_the_rest():
    kalman = importlib.import_module("aecbench.cancellers.kalman")
    align = importlib.import_module("aecbench.cancellers.align")
    framewise = importlib.import_module("aecbench.cancellers.deep.framewise")
    classes = (kalman.Kalman, align.Aligned, align.AlignedStreaming, framewise.FramewiseCanceller)
    others = (Canceller, align.FixedDelay, align.DelayTracker, align.aligned, framewise.FramewiseNetwork, kalman)
    assert all(map(is_class_of_a_canceller, classes))
    assert not any(map(is_class_of_a_canceller, others))


def test_there_are_entries():
    assert len(ENTRIES) >= 3
    assert names("baselines")


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: f"{path.parents[1].name}/{path.stem}")
def test_the_class_of_a_published_system_is_where_it_was(path):
    target = json.loads(path.read_text())["system"]["canceller"]
    assert inspect.isclass(load(target, path.stem))
