"""Benchmarks are run by hand, seldom: at least what they import from aecbench is there."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


def is_there(module: str, name: str) -> bool:
    """Return whether a module has a name, or a module of that name below it."""
    try:
        return hasattr(import_module(module), name) or bool(import_module(f"{module}.{name}"))
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_benchmark_imports_is_there(script):
    imported = [node for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [(node.module, alias.name) for node in imported for alias in node.names]
    ours = [pair for pair in names if pair[0] is not None and pair[0].startswith("aecbench")]
    assert [pair for pair in ours if not is_there(*pair)] == []
