"""Tables of this package, read from its source code, so that listing and completion import nothing."""

import ast
from pathlib import Path
from typing import Any

__all__ = ["docstring", "keys", "rows"]

PACKAGE = Path(__file__).parent


def keys(module: str | Path, table: str) -> list[str]:
    """Return the keys of the dictionary `table` in a module, a path within this package; empty if there is no table.

    Only keys that are literals are included.
    """
    return list(_read(module, table))


def rows(module: str | Path, table: str) -> dict[str, dict[str, Any]]:
    """Return the rows of the dictionary `table`, see `keys`, each with the literal keyword arguments of its call."""
    return {
        key: {
            word.arg: word.value.value for word in value.keywords if word.arg and isinstance(word.value, ast.Constant)
        }
        for key, value in _read(module, table).items()
        if isinstance(value, ast.Call)
    }


def docstring(module: str | Path, kind: str | None = None) -> str:
    """Return the docstring of a module at a path within this package, or of its class `kind`; "" if there is none."""
    path = PACKAGE / module
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind)
    node = tree if kind is None else next(classes, None)
    return (node and ast.get_docstring(node)) or ""


def _read(module: str | Path, table: str) -> dict[str, ast.expr]:
    for node in ast.parse((PACKAGE / module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == table:
                pairs = zip(node.value.keys, node.value.values, strict=True)
                return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
    return {}
