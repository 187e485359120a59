"""Docstrings of aecbench are plain text with `code` in it: made into what Sphinx reads, reStructuredText."""

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

CODE = re.compile(r"(`[^`]+`)")
MARKS = re.compile(r"([\\*|]|_\b)")


def to_rst(line: str) -> str:
    r"""A line of text.

    >>> to_rst("`mic` is [*batch, T], |x|² its energy")
    '``mic`` is [\\*batch, T], \\|x\\|² its energy'
    """
    parts = CODE.split(line)
    return "".join(f"`{part}`" if n % 2 else MARKS.sub(r"\\\1", part) for n, part in enumerate(parts))


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place. Examples stay, and what is indented becomes a literal block."""
    found: list[str] = []
    example = literal = False
    for line in lines:
        example = line.startswith(">>>") or (example and bool(line.strip()))
        indented = line.startswith("    ")
        if indented and not (example or literal):
            found += ["::", ""]
        literal = not example and (indented or (literal and not line.strip()))
        found.append(line if example or literal else to_rst(line))
    lines[:] = found


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
