"""Benchmarks are run by hand, seldom: at least what they import from aecbench is there."""

import ast
import runpy
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from aecbench.systems import load_system

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


def test_the_copy_in_which_quickstart_is_timed_has_all_that_a_wheel_has(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS[0].parent)
    settings = tomllib.loads((SCRIPTS[0].parents[1] / "pyproject.toml").read_text())
    shipped = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(import_module("quickstart").PARTS) == {"aecbench", *shipped}


@pytest.mark.parametrize(
    ("name", "options"),
    [("deep_joint_start.py", []), ("deep_joint_start.py", ["--released"]), ("deep_joint_wider.py", ["--hidden=310"])],
)
def test_what_a_training_of_deep_joint_begins_with_cancels_an_echo(name, options, tmp_path, monkeypatch, capsys):
    (script,) = (path for path in SCRIPTS if path.name == name)
    monkeypatch.syspath_prepend(script.parent)
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "start"), *options])
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out == f"{tmp_path / 'start'}\n"
    far = np.random.default_rng(0).normal(size=32_000).astype(np.float32) / 10
    echo = np.convolve(far, [0, 0, 0.5, 0.3, -0.2])[: far.size].astype(np.float32)
    out = load_system(str(tmp_path / "start")).cancel(echo, far)
    assert np.square(out[16_000:]).mean() < 0.01 * np.square(echo[16_000:]).mean()
    same = np.allclose(out, load_system("deep_joint").cancel(echo, far), atol=1e-6)
    assert same == (name == "deep_joint_wider.py")
