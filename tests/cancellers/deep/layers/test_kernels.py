"""Rules for compiled functions of the layers: few arguments, and one decorator."""

import ast
from pathlib import Path

import pytest

from aecbench.cancellers.deep import layers

DECORATORS = {"compiled", "inlined", "reassociated"}
FILES = sorted(Path(layers.__file__).parent.parent.rglob("*.py"))
COMPILED = [
    (path, node)
    for path in FILES
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef) and DECORATORS & {ast.unparse(d) for d in node.decorator_list}
]


@pytest.mark.parametrize(("path", "function"), COMPILED, ids=lambda value: getattr(value, "stem", None) or value.name)
def test_a_compiled_function_has_at_most_six_arguments(path, function):
    assert len(function.args.args) <= 6


def test_the_layers_have_compiled_functions():
    assert {path.stem for path, _ in COMPILED} == {"subband_nlms_kernels", "step_size_filter_kernels"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_numba_is_used_through_the_decorators_of_the_project_only(path):
    modules = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert "numba" not in modules
